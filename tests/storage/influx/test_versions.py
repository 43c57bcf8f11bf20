"""How each version of the server is spoken to, against a stand-in that is kept to what InfluxDB publishes of its interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from hub.clock import HOUR, ManualClock, WallClock
from hub.errors import StoreRefuses, StoreUnavailable
from hub.flows.batch import PointKey, Position
from hub.flows.series import Rows, SeriesPlace
from hub.storage.influx.connection import QueryRefused
from hub.storage.influx.server import LOOK_MS, Server
from hub.storage.influx.target import parse
from hub.storage.series_influx import InfluxSeries

TOKEN = "s3cret"


class StandIn:
    """Remembers what it was asked; ``version`` decides what it knows."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.asked: list[tuple[str, str, dict[str, str], bytes, str]] = []
        self.buckets: dict[str, int] = {}
        self.orgs = {"acme": "0001"}
        self.may_make = 201
        self.speaks = threading.Event()
        self.speaks.set()
        self.answer: tuple[int, bytes] = (200, b'{"results":[{"statement_id":0}]}')
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._do()

            def do_POST(self) -> None:
                self._do()

            def _do(self) -> None:
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked.append((self.command, url.path, query, body, self.headers.get("Authorization", "")))
                status, content = outer.reply(self.command, url.path, query, body)
                self.send_response(status)
                self.send_header("X-Influxdb-Version", outer.version)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def reply(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.speaks.wait(30)
        if path == "/ping":
            return 204, b""
        if path == "/query":
            return self.answer
        if path == "/api/v2/orgs":
            found = [{"id": id_, "name": name} for name, id_ in self.orgs.items() if name == query.get("org")]
            return (200, json.dumps({"orgs": found}).encode()) if found else (404, b'{"code":"not found"}')
        if path == "/api/v2/buckets" and method == "POST":
            self.buckets |= {json.loads(body)["name"]: 0} if self.may_make == 201 else {}
            return self.may_make, body
        if path == "/api/v2/buckets":
            rules = {
                name: [{"type": "expire", "everySeconds": kept}] if kept else [] for name, kept in self.buckets.items()
            }
            found = [
                {"id": "b1", "name": name, "retentionRules": rules[name]}
                for name in self.buckets
                if name == query["name"]
            ]
            return 200, json.dumps({"buckets": found}).encode()
        return 204, b""

    def url(self, rest: str, sign_in: str = f"{TOKEN}@") -> str:
        return f"influxdb://{sign_in}127.0.0.1:{self._server.server_address[1]}/{rest}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def stand_in(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    server = StandIn(request.param)
    yield server
    server.stop()


@pytest.mark.parametrize("stand_in", ["v2.7.12", "2.9.1"], indirect=True)
def test_2_is_written_by_org_and_bucket_and_a_missing_bucket_is_made(stand_in: StandIn) -> None:
    server = Server(parse(stand_in.url("acme/readings")), WallClock())
    server.meet()
    assert server.deletes
    assert stand_in.buckets == {"readings": 0}
    assert server.write("m value=1.0 5").status == 204
    method, path, query, body, sign_in = stand_in.asked[-1]
    assert (method, path, body) == ("POST", "/api/v2/write", b"m value=1.0 5")
    assert query == {"org": "acme", "bucket": "readings", "precision": "ms"}
    assert sign_in == f"Token {TOKEN}"
    server.query("SELECT 1")
    method, path, _, body, sign_in = stand_in.asked[-1]
    assert (method, path) == ("POST", "/query")
    assert parse_qs(body.decode()) == {"db": ["readings"], "epoch": ["ms"], "q": ["SELECT 1"]}
    server.close()


@pytest.mark.parametrize("stand_in", ["v2.7.12"], indirect=True)
def test_2_says_how_long_its_bucket_keeps_points(stand_in: StandIn) -> None:
    stand_in.buckets["readings"] = 7200
    server = Server(parse(stand_in.url("acme/readings")), WallClock())
    server.meet()
    assert server.kept_ms == 2 * HOUR
    server.close()


@pytest.mark.parametrize("stand_in", ["v2.7.12"], indirect=True)
def test_a_retention_that_is_changed_is_seen_within_the_hour_or_at_once_when_somebody_says_so(
    stand_in: StandIn,
) -> None:
    stand_in.buckets["readings"] = 7200
    clock = ManualClock(0)
    server = Server(parse(stand_in.url("acme/readings")), clock)
    server.meet()
    stand_in.buckets["readings"] = 0
    asked = len(stand_in.asked)
    clock.advance(LOOK_MS - 1)
    server.meet()
    assert (server.kept_ms, len(stand_in.asked)) == (2 * HOUR, asked)
    clock.advance(1)
    server.meet()
    assert server.kept_ms is None
    stand_in.buckets["readings"] = 3600
    server.look_again()
    server.meet()
    assert server.kept_ms == HOUR
    server.close()


@pytest.mark.parametrize("stand_in", ["v2.7.12"], indirect=True)
def test_a_second_look_that_fails_is_repeated_and_what_was_known_stays(stand_in: StandIn) -> None:
    stand_in.buckets["readings"] = 7200
    server = Server(parse(stand_in.url("acme/readings")), WallClock())
    server.meet()
    server.look_again()
    stand_in.answer = (503, b"")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="503"):
            server.meet()
    assert (server.version, server.kept_ms) == ("v2.7.12", 2 * HOUR)
    server.close()


@pytest.mark.parametrize("stand_in", ["v2.7.12"], indirect=True)
def test_a_bucket_that_cannot_be_asked_is_named_with_the_command_that_mends_it(stand_in: StandIn) -> None:
    stand_in.buckets["readings"] = 0
    stand_in.answer = (200, b'{"results":[{"error":"database not found: readings"}]}')
    server = Server(parse(stand_in.url("acme/readings")), WallClock())
    with pytest.raises(StoreRefuses, match=r"influx v1 dbrp create --db readings .* --bucket-id b1"):
        server.meet()
    server.close()


@pytest.mark.parametrize("stand_in", ["v2.7.12"], indirect=True)
@pytest.mark.parametrize("status", [401, 403])
def test_a_bucket_that_is_missing_and_may_not_be_made_is_named(stand_in: StandIn, status: int) -> None:
    stand_in.may_make = status
    server = Server(parse(stand_in.url("acme/readings")), WallClock())
    with pytest.raises(StoreRefuses, match=rf"bucket 'readings' is missing and could not be made: {status}"):
        server.meet()
    stand_in.may_make = 201
    server.meet()
    assert stand_in.buckets == {"readings": 0}
    server.close()


@pytest.mark.parametrize("stand_in", ["v2.7.12"], indirect=True)
def test_an_organisation_that_is_not_there_is_named(stand_in: StandIn) -> None:
    server = Server(parse(stand_in.url("elsewhere/readings")), WallClock())
    with pytest.raises(StoreRefuses, match="there is no organisation 'elsewhere' that this token may see"):
        server.meet()
    server.close()


@pytest.mark.parametrize("stand_in", ["3.10.1"], indirect=True)
def test_3_makes_its_database_itself_and_deletes_nothing(stand_in: StandIn) -> None:
    for rest, org in (("readings", {}), ("acme/readings", {"org": "acme"})):
        server = Server(parse(stand_in.url(rest)), WallClock())
        server.meet()
        assert not server.deletes
        server.write("m value=1.0 5")
        assert stand_in.asked[-1][1:3] == ("/api/v2/write", org | {"bucket": "readings", "precision": "ms"})
        server.close()
    assert all(path in ("/ping", "/api/v2/write") for _, path, *_ in stand_in.asked)


@pytest.mark.parametrize("stand_in", ["3.10.1"], indirect=True)
def test_3_gets_its_tables_with_all_tags_before_the_first_line(stand_in: StandIn, tmp_path: Path) -> None:
    store = InfluxSeries(parse(stand_in.url("readings")), tmp_path / "s.sqlite", WallClock())
    store.open()
    point = store.point_ids([PointKey("hg", "hg~d", "power")])
    place = store.place_ids([SeriesPlace("hg", "hall", "", "activity_room")])
    rows = Rows(point=point, time=np.array([5]), value=np.ones(1), quality=np.zeros(1, np.uint8), place=place)
    for batch in (1, 2):
        store.append(rows, [], Position("j", batch))
    posted = [(path, body) for method, path, _, body, _ in stand_in.asked if method == "POST"]
    assert [path for path, _ in posted] == [
        "/api/v3/configure/database",
        "/api/v3/configure/table",
        "/api/v3/configure/table",
        "/api/v2/write",
        "/api/v2/write",
    ]
    assert [json.loads(body).get("table") for _, body in posted[:3]] == [None, "power", "power_15m"]
    assert json.loads(posted[1][1])["tags"] == ["community", "device", "facility", "kind", "point", "unit"]
    store.close()


@pytest.mark.parametrize("stand_in", ["1.8.10"], indirect=True)
def test_1_is_written_by_database_and_retention_policy_with_a_password(stand_in: StandIn) -> None:
    policies = {
        "columns": ["name", "duration", "default"],
        "values": [["year", "8760h0m0s", False], ["autogen", "0s", True]],
    }
    databases = {"columns": ["name"], "values": [["readings"]]}
    found = [{"series": [databases]}, {"series": [policies]}]
    stand_in.answer = (200, json.dumps({"results": found}).encode())
    server = Server(parse(stand_in.url("readings/year", "hub:pw@")), WallClock())
    server.meet()
    assert server.kept_ms == 8760 * HOUR
    server.write("m value=1.0 5")
    assert stand_in.asked[-1][1:3] == ("/write", {"db": "readings", "rp": "year", "precision": "ms"})
    assert stand_in.asked[-1][4] == "Basic aHViOnB3"
    server.close()


@pytest.mark.parametrize("stand_in", ["1.8.10"], indirect=True)
def test_a_retention_policy_that_is_not_there_is_named_with_those_that_are(stand_in: StandIn) -> None:
    policies = {
        "columns": ["name", "duration", "default"],
        "values": [["autogen", "0s", True], ["week", "168h0m0s", False]],
    }
    found = [{"series": [{"columns": ["name"], "values": [["readings"]]}]}, {"series": [policies]}]
    stand_in.answer = (200, json.dumps({"results": found}).encode())
    server = Server(parse(stand_in.url("readings/year", "hub:pw@")), WallClock())
    with pytest.raises(
        StoreRefuses, match=r"no retention policy 'year' in database 'readings' \(there is .*autogen, week\)"
    ):
        server.meet()
    server.close()


@pytest.mark.parametrize("stand_in", ["3.10.1"], indirect=True)
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"<html>sign in</html>"), "gave an answer that is none"),
        ((200, b'{"results":[{"error":"field type conflict"}]}'), "does not answer: field type conflict"),
        ((200, b'{"results":[{"series":[{"name":"m","partial":true}]}]}'), "take max-row-limit out"),
        ((400, b'{"error":"query would exceed file limit"}'), "400: query would exceed file limit"),
        ((401, b'{"message":"unauthorized access"}'), "401: unauthorized access; its token or password"),
        ((503, b""), "503"),
    ],
)
def test_what_is_said_of_an_answer_that_cannot_be_used(stand_in: StandIn, answer: tuple[int, bytes], said: str) -> None:
    stand_in.answer = answer
    server = Server(parse(stand_in.url("readings")), WallClock())
    with pytest.raises(StoreUnavailable, match=said) as refused:
        server.query("SELECT 1")
    assert isinstance(refused.value, QueryRefused) is (answer[0] in (200, 400) and b"html" not in answer[1])
    assert isinstance(refused.value, StoreRefuses) is (answer[0] == 401)
    assert TOKEN not in str(refused.value)
    server.close()


@pytest.mark.parametrize("stand_in", ["1.8.10"], indirect=True)
def test_to_a_lane_a_server_that_says_nothing_is_one_to_be_tried_again(stand_in: StandIn, tmp_path: Path) -> None:
    store = InfluxSeries(parse(stand_in.url("readings")), tmp_path / "s.sqlite", WallClock(), question_seconds=0.2)
    store.open()
    none = np.zeros(0, np.int64)
    rows = Rows(
        point=none.astype(np.int32),
        time=none,
        value=np.zeros(0),
        quality=none.astype(np.uint8),
        place=none.astype(np.int32),
    )
    stand_in.speaks.clear()
    with pytest.raises(StoreUnavailable, match="cut off after"):
        store.append(rows, [], Position("j", 1))
    with pytest.raises(StoreUnavailable, match="cut off after"):
        store.refresh_cells(0)
    stand_in.speaks.set()
    store.append(rows, [], Position("j", 1))
    store.close()
