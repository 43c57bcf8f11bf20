"""A Grafana over grafana-api, imported at first use. The only module that knows that package: see docs/decisions/grafana-api.md."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from dashboards.grafana import GrafanaRefused

TIMEOUT_S: Final = 20.0
_OURS: Final = {"X-Disable-Provenance": "true"}
"""What is published stays editable in Grafana."""
_NEEDS: Final = {
    "datasources": "the role Admin, or the permissions datasources:read, datasources:create and datasources:write",
    "folders": "the role Editor, or the permissions folders:read and folders:create",
    "dashboards": "the role Editor, or the permissions dashboards:read, dashboards:create and dashboards:write",
    "v1": "the role Admin, or the permissions alert.provisioning:read and alert.provisioning:write",
}
"""By the first part of a path: what its account has to be allowed."""


class GrafanaClient:
    """Implements dashboards.grafana.Grafana. ``ca_file``: the authority of its certificate; empty: those of the system."""

    def __init__(self, url: str, token: str, *, ca_file: str = "") -> None:
        from grafana_api.grafana_face import GrafanaFace

        parts = urlsplit(url)
        if "@" in parts.netloc:
            raise GrafanaRefused("the address of Grafana holds a password: take it out, the token alone is used")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GrafanaRefused(f"{url!r} is no address of a Grafana; expected e.g. https://grafana.example")
        prefix = parts.path.strip("/")
        self._url = url.rstrip("/")
        self._api = GrafanaFace(
            auth=token,
            host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
            port=parts.port,
            url_path_prefix=f"{prefix}/" if prefix else "",
            protocol=parts.scheme,
            verify=ca_file or True,
            timeout=TIMEOUT_S,
        ).api
        self._api.s.max_redirects = 0  # a redirect makes a GET of a POST, and succeeds at nothing

    def get(self, path: str) -> Any | None:
        return self._ask("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._ask("POST", path, body)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        return self._ask("PUT", path, body)

    def _ask(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        import requests
        from grafana_api.grafana_api import GrafanaException

        try:
            return getattr(self._api, verb)(path, json=body, headers=_OURS)
        except GrafanaException as error:
            if verb == "GET" and error.status_code == HTTPStatus.NOT_FOUND:
                return None
            raise GrafanaRefused(self._reason(verb, path, error.status_code, error.response)) from error
        except requests.TooManyRedirects as error:
            raise GrafanaRefused(f"Grafana at {self._url} sends elsewhere: give the address it sends to") from error
        except requests.exceptions.SSLError as error:
            raise GrafanaRefused(
                f"the certificate of Grafana at {self._url} is not trusted: name its authority with HUB_GRAFANA__CA_FILE"
            ) from error
        except requests.exceptions.JSONDecodeError as error:
            raise GrafanaRefused(f"what answers at {self._url} is no Grafana: {verb} {path} gave no JSON") from error
        except requests.RequestException as error:
            raise GrafanaRefused(
                f"Grafana at {self._url} cannot be reached ({type(error).__name__}): does it run, is the address right?"
            ) from error

    def _reason(self, verb: str, path: str, status: int, answer: Any) -> str:
        said = answer.get("message", "") if isinstance(answer, dict) else ""
        told = f" (it says: {said})" if said else ""
        if status == HTTPStatus.UNAUTHORIZED:
            return (
                f"Grafana at {self._url} does not take the token{told}: make one under Administration, Service accounts,"
                " and set HUB_GRAFANA__TOKEN"
            )
        if status == HTTPStatus.FORBIDDEN:
            need = _NEEDS.get(path.strip("/").split("/")[0], "more permissions")
            return f"the token may not {verb} {path} at {self._url}{told}: its service account needs {need}"
        if status == HTTPStatus.PRECONDITION_FAILED:
            return f"{path}: somebody changed it in Grafana at this moment{told}: run the command again"
        return f"Grafana at {self._url} answered {status} to {verb} {path}{told}"
