"""Copies of everything the hub keeps: taken while it runs, and brought back into a data folder."""
