"""Past experience: its storage, its priorities and how it is sampled."""
