"""Facilities: list, page, charts, API."""
