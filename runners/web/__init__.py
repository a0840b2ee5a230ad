"""Pages in the browser: runs as they learn, and games and episodes to play and watch."""
