"""A Grafana for the calls that publishing makes, as strict as Grafana's published HTTP API about paths, bodies and answers."""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "glsa_right"
Answer = tuple[int, Any]
NOT_FOUND: Answer = (404, {"message": "Not found"})


class FakeGrafana:
    """Holds what it was given. ``may``: which parts of the API the token is allowed; ``calls``: what was asked."""

    def __init__(self) -> None:
        self.may = {"datasources", "folders", "dashboards", "v1"}
        self.rights: dict[str, list[str]] = {}
        """What it says of them: action -> scopes."""
        self.calls: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.sources: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.folders: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.homes: dict[str, str] = {}
        self.provisioned: set[str] = set()
        self.versions: dict[str, list[dict[str, Any]]] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.contacts: dict[str, dict[str, Any]] = {}
        self.instead: Answer | None = None
        """Answered to everything, where it is set."""
        self.before_save: Callable[[], None] = lambda: None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def changes(self) -> list[tuple[str, str]]:
        """Calls that make or change something."""
        return [(verb, path) for verb, path in self.calls if verb != "GET"]

    def edit(self, uid: str, by: str = "wang") -> None:
        """Somebody changes a dashboard in Grafana."""
        board = self.dashboards[uid]
        board["title"] = f"{board['title']} (mine)"
        board["version"] += 1
        self.versions[uid].append({"version": board["version"], "message": "", "createdBy": by})

    # --- the API ------------------------------------------------------------------------------------------------

    def answer(self, verb: str, path: str, token: str, body: Any) -> Answer:
        self.calls.append((verb, path))
        if self.instead is not None:
            return self.instead
        if path == "/api/health":
            return 200, {"database": "ok", "version": "12.4.0"}
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key", "messageId": "api-key.invalid", "statusCode": 401}
        part = path.split("/")[2]
        if part not in {"access-control", *self.may}:
            return 403, {
                "title": "Access denied",
                "message": "You'll need additional permissions to perform this action.",
            }
        for pattern, verbs in self._routes().items():
            found = re.fullmatch(pattern, path)
            if found and verb in verbs:
                return verbs[verb](*found.groups(), *([] if body is None else [body]))
        return NOT_FOUND

    def _routes(self) -> dict[str, dict[str, Callable[..., Answer]]]:
        rules = "/api/v1/provisioning/alert-rules"
        points = "/api/v1/provisioning/contact-points"
        return {
            "/api/access-control/user/permissions": {"GET": lambda: (200, self.rights)},
            "/api/datasources": {"POST": self._make_source},
            "/api/datasources/uid/([^/]+)": {"GET": self._source, "PUT": self._change_source},
            "/api/folders": {"POST": self._make_folder},
            "/api/folders/([^/]+)": {"GET": lambda uid: self._found(self.folders, uid)},
            "/api/dashboards/uid/([^/]+)": {"GET": self._dashboard},
            "/api/dashboards/uid/([^/]+)/versions": {"GET": self._history},
            "/api/dashboards/db": {"POST": self._save},
            rules: {"POST": self._make_rule},
            f"{rules}/([^/]+)": {"GET": lambda uid: self._found(self.rules, uid), "PUT": self._change_rule},
            points: {"GET": lambda: (200, list(self.contacts.values())), "POST": self._make_contact},
            f"{points}/([^/]+)": {"PUT": self._change_contact},
        }

    @staticmethod
    def _found(where: dict[str, Any], uid: str) -> Answer:
        return (200, copy.deepcopy(where[uid])) if uid in where else NOT_FOUND

    def _source(self, uid: str) -> Answer:
        status, told = self._found(self.sources, uid)
        if status == 200:
            told["secureJsonFields"] = dict.fromkeys(self.secrets.get(uid, {}), True)
        return status, told

    def _make_source(self, body: dict[str, Any]) -> Answer:
        if not {"name", "type", "access"} <= body.keys():
            return 400, {"message": "bad request data"}
        if any(source["name"] == body["name"] for source in self.sources.values()):
            return 409, {"message": "data source with the same name already exists"}
        return self._keep_source(body["uid"], body)

    def _change_source(self, uid: str, body: dict[str, Any]) -> Answer:
        return self._keep_source(uid, body) if uid in self.sources else NOT_FOUND

    def _keep_source(self, uid: str, body: dict[str, Any]) -> Answer:
        self.secrets[uid] = self.secrets.get(uid, {}) | body.pop("secureJsonData", {})
        self.sources[uid] = {"id": 7, "orgId": 1, "isDefault": False, "readOnly": False} | body
        return 200, {"message": "Datasource added", "id": 7, "name": body["name"]}

    def _make_folder(self, body: dict[str, Any]) -> Answer:
        if not body.get("title"):
            return 400, {"message": "folder title cannot be empty"}
        if body["uid"] in self.folders:
            return 412, {"message": "a folder with the same uid already exists"}
        self.folders[body["uid"]] = {"id": len(self.folders) + 1, "version": 1, **body}
        return 200, self.folders[body["uid"]]

    def _dashboard(self, uid: str) -> Answer:
        if uid not in self.dashboards:
            return 404, {"message": "Dashboard not found"}
        meta = {"folderUid": self.homes[uid], "provisioned": uid in self.provisioned}
        return 200, {"meta": meta, "dashboard": copy.deepcopy(self.dashboards[uid])}

    def _history(self, uid: str) -> Answer:
        if uid not in self.versions:
            return NOT_FOUND
        return 200, {"continueToken": "", "versions": list(reversed(self.versions[uid]))}

    def _save(self, body: dict[str, Any]) -> Answer:
        self.before_save()
        board = body["dashboard"]
        if not board.get("title"):
            return 400, {"message": "Dashboard title cannot be empty"}
        if len(board["uid"]) > 40 or not re.fullmatch(r"[\w-]+", board["uid"]):
            return 400, {"message": "uid contains illegal characters or is too long"}
        if body.get("folderUid") not in {"", *self.folders}:
            return 404, {"message": "folder not found"}
        uid = board["uid"]
        if uid in self.provisioned:
            return 400, {"message": "Cannot save provisioned dashboard"}
        there = self.dashboards.get(uid, {}).get("version", 0)
        if there != board.get("version", 0) and not body.get("overwrite"):
            said = "The dashboard has been changed by someone else"
            return 412, {"message": said, "status": "version-mismatch"}
        self.dashboards[uid] = board | {"id": len(self.dashboards) + 1, "version": there + 1}
        self.homes[uid] = body["folderUid"]
        entry = {"version": there + 1, "message": body.get("message", ""), "createdBy": "sa-hub"}
        self.versions.setdefault(uid, []).append(entry)
        return 200, {"status": "success", "uid": uid, "version": there + 1, "id": 1, "slug": "x", "url": f"/d/{uid}/x"}

    def _make_rule(self, body: dict[str, Any]) -> Answer:
        if body["uid"] in self.rules:
            return 409, {"message": "a conflicting alert rule is found"}
        return self._keep_rule(body, 201)

    def _change_rule(self, uid: str, body: dict[str, Any]) -> Answer:
        return self._keep_rule(body, 200) if uid in self.rules else NOT_FOUND

    def _keep_rule(self, body: dict[str, Any], status: int) -> Answer:
        needed = {"title", "ruleGroup", "folderUID", "orgID", "condition", "for", "noDataState", "execErrState", "data"}
        if not needed <= body.keys() or body["folderUID"] not in self.folders:
            return 400, {"message": "invalid alert rule"}
        letters = {part["refId"] for part in body["data"]}
        if body["condition"] not in letters or {p["datasourceUid"] for p in body["data"]} - {"__expr__", *self.sources}:
            return 400, {"message": "invalid alert rule: unknown data source or condition"}
        receiver = body.get("notification_settings", {}).get("receiver")
        if receiver and receiver not in {point["name"] for point in self.contacts.values()}:
            return 400, {"message": f"contact point {receiver} does not exist"}
        kept = copy.deepcopy(body)
        for part in kept["data"]:
            part |= {"queryType": ""}
            part["model"] |= {"intervalMs": 1000, "maxDataPoints": 43200}
        self.rules[body["uid"]] = {"id": 1, "updated": "2026-01-01T00:00:00Z", "record": None} | kept
        return status, self.rules[body["uid"]]

    def _make_contact(self, body: dict[str, Any]) -> Answer:
        return self._keep_contact(body)

    def _change_contact(self, uid: str, body: dict[str, Any]) -> Answer:
        return self._keep_contact(body) if uid in self.contacts else NOT_FOUND

    def _keep_contact(self, body: dict[str, Any]) -> Answer:
        needed = {"email": "addresses", "webhook": "url"}.get(body.get("type", ""))
        if needed is None or needed not in body.get("settings", {}) or not body.get("name"):
            return 400, {"message": "invalid contact point"}
        self.contacts[body["uid"]] = body
        return 202, body

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                text = self.rfile.read(size)
                body = json.loads(text) if text and self.command != "GET" else None
                status, told = fake.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
                made = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", "https://elsewhere.invalid/")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(made)))
                self.end_headers()
                self.wfile.write(made)

            do_GET = do_POST = do_PUT = _do  # noqa: N815 - the names that http.server calls

            def log_message(self, *_: Any) -> None:
                """Tests are quiet."""

        return Handler
