"""Readings and their windows."""
