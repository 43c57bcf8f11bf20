"""Alarms: list and operator actions."""
