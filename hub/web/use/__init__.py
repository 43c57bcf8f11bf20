"""How much facilities are used, and what they consume: the pages of planning, from the series store."""
