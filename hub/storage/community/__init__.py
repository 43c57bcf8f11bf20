"""Community files at the edge: rows, checked one by one, put together, and taken apart again."""
