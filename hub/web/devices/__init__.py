"""Devices and points, the inbox and adoption."""
