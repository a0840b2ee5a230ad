"""Tools of learning: returns, episodes, rewards, optimisers, statistics, natural gradients."""
