"""Tickets: list, ticket, every transition."""
