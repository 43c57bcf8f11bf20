"""The stream of changes that browsers follow."""
