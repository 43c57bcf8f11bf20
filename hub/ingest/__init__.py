"""From the wire to the journal, and from the journal to the lanes."""
