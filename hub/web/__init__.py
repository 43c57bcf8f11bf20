"""Pages, REST and server-sent events."""
