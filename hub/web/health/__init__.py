"""How the hub is: probes, metrics, page."""
