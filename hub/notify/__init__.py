"""Sending what the outbox holds, one folder per channel family."""
