"""Where vendors' clouds push to."""
