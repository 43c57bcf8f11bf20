"""Periodic work: a clock that inserts leased rows."""
