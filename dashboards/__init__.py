"""Grafana dashboards as code: what they show, their generated JSON, and the publisher. Knows hub.domain, nothing else of ours."""
