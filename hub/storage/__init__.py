"""Where readings and records are kept."""
