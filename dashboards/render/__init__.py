"""From our dashboards to Grafana's JSON. The only modules that know Grafana's SDK, which they import at first use."""
