"""A community as its file describes it: read, compare with what is stored, plan the import, check, adopt. Pure."""
