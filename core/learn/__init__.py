"""What agents learn with: returns, episodes, rewards, optimisers, statistics, natural gradients."""
