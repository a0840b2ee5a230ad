"""Parts that every algorithm shares; they know neither environments nor algorithms."""
