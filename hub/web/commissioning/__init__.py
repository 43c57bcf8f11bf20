"""Commissioning: what is fitted, the walk test, going live, the acceptance sheet."""
