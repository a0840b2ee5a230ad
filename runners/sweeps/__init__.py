"""Many runs with one command: seeds and settings side by side, resumed as a whole, and tables made of them."""
