"""Commissioning: expected devices that adopt themselves, the walk test, going live, and the acceptance sheet."""
