"""Communities, rules, crews and parties."""
