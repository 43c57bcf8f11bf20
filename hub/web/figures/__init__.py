"""Figures of a community over a span: maintenance, energy and water, use."""
