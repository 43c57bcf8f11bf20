"""What publishing needs of a Grafana: three verbs on its HTTP API. The adapter is ``grafana_client``."""

from __future__ import annotations

from typing import Any, Protocol


class GrafanaRefused(Exception):
    """Grafana cannot be reached, or does not do as it is asked: the text says what to do."""


class Grafana(Protocol):
    """A Grafana. Paths are those behind ``/api``. GrafanaRefused where it does not do as asked."""

    def get(self, path: str) -> Any | None:
        """What is there; None where nothing is."""
        ...

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Make something."""
        ...

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """Change something."""
        ...
