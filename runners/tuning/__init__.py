"""The search for better settings: trials that several processes share, finalists on fresh seeds, a report, a preset."""
