"""Games for two: rules, search trees, self-play and the networks that guide them."""
