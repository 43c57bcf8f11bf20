"""The event stream: order, resuming, bounds, scope, heartbeat and the end."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from hub.clock import MINUTE, ManualClock, WallClock
from hub.errors import ConfigError
from hub.flows.batch import PointKey
from hub.settings import Web
from hub.web.app import create_app
from hub.web.pulse import Pulse
from hub.web.server import Server
from hub.web.stream import QUEUE, Changes, Listener
from tests.web.fakes.hub import HOME, FakeHub


def listener() -> Listener:
    return Listener(lambda change: change.kind == "alarm", lambda: None)


def test_changes_come_in_order_and_only_those_wanted() -> None:
    changes, mine = Changes(epoch=7), listener()
    assert changes.listen(mine, None)
    changes.publish("alarm", {"n": 1}, 0)
    changes.publish("ticket", {"n": 2}, 0)
    changes.publish("alarm", {"n": 3}, 0)
    lost, taken = mine.take()
    assert (lost, [change.data["n"] for change in taken]) == (False, [1, 3])
    changes.leave(mine)
    changes.publish("alarm", {"n": 4}, 0)
    assert mine.take() == (False, [])


def test_a_browser_goes_on_where_it_was() -> None:
    changes = Changes(epoch=7)
    for n in range(5):
        changes.publish("alarm", {"n": n}, n)
    mine = listener()
    assert changes.listen(mine, changes.id_of(3))
    assert [change.id for change in mine.take()[1]] == [4, 5]


def test_of_one_subject_only_the_newest_is_told_again() -> None:
    changes, all_of_it = Changes(epoch=7), Listener(lambda _change: True, lambda: None)
    for n in range(5):
        changes.publish("reading", {"n": n}, n, subject="a point")
        changes.publish("ticket", {"n": n}, n)
    assert changes.listen(all_of_it, changes.id_of(2))
    assert [(change.kind, change.data["n"]) for change in all_of_it.take()[1]] == [
        *(("ticket", n) for n in range(1, 4)),
        ("reading", 4),
        ("ticket", 4),
    ]
    changes.publish("reading", {"n": 9}, 6 * MINUTE, subject="another point")
    assert not changes.listen(listener(), changes.id_of(9))
    assert changes.listen(listener(), changes.id_of(10))


@pytest.mark.parametrize("last", ["7-0", "6-4", "nonsense", "7-99", "7--1", "7-" + "9" * 30])
def test_what_cannot_be_resumed_is_loaded_anew(last: str) -> None:
    changes = Changes(epoch=7)
    changes.publish("alarm", {}, 0)
    changes.publish("alarm", {}, 6 * MINUTE)  # the first is older than five minutes now
    assert not changes.listen(listener(), last)


def test_a_slow_browser_loses_its_queue_not_our_memory() -> None:
    changes, slow = Changes(epoch=1), listener()
    changes.listen(slow, None)
    for n in range(QUEUE + 10):
        changes.publish("alarm", {"n": n}, 0)
    lost, taken = slow.take()
    assert lost
    assert len(taken) <= QUEUE


@pytest.fixture
def server(hub: FakeHub) -> Iterator[Server]:
    made = Server(create_app(hub.deps), Web(port=0), WallClock())
    made.start()
    yield made
    made.stop()


class Stream:
    """A program that follows the stream, line by line."""

    def __init__(self, server: Server, login: str, query: str = "", **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        self.connection.request(
            "GET", f"/api/v1/events{query}", headers={"Authorization": f"Bearer {login}-token", **headers}
        )
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        while self.answer.readline().strip() != b": welcome":
            pass
        self.answer.readline()

    def close(self) -> None:
        self.answer.close()
        self.connection.close()

    def event(self) -> tuple[str, dict[str, object], str]:
        """The next one: kind, data, id."""
        fields: dict[str, str] = {}
        while line := self.answer.readline().decode().strip():
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields.get("event", ""), json.loads(fields.get("data", "{}")), fields.get("id", "")


Follow = Callable[..., Stream]


@pytest.fixture
def follow() -> Iterator[Follow]:
    opened: list[Stream] = []

    def follow(server: Server, login: str, query: str = "", **headers: str) -> Stream:
        opened.append(Stream(server, login, query, **headers))
        return opened[-1]

    yield follow
    for stream in opened:
        stream.close()


def test_events_arrive_in_scope_and_resume(hub: FakeHub, server: Server, follow: Follow) -> None:
    follower = follow(server, "steward")
    hub.deps.changes.publish("alarm", {"community": "elsewhere", "facility": "x"}, 0)
    hub.deps.changes.publish("alarm", {"community": HOME, "facility": "gym", "n": 1}, 0)  # another grid
    mine = next(f.id for f in hub.deps.registrar.current.facilities.values() if f.grid == "grid-1")
    hub.deps.changes.publish("ticket", {"community": HOME, "facility": mine, "n": 2}, 0)
    kind, data, last = follower.event()
    assert (kind, data["n"]) == ("ticket", 2)
    follower.close()
    hub.deps.changes.publish("ticket", {"community": HOME, "facility": mine, "n": 3}, 0)
    again = follow(server, "steward", **{"Last-Event-ID": last})
    assert again.event()[1]["n"] == 3
    lost = follow(server, "steward", **{"Last-Event-ID": "1-1"})
    assert lost.event()[0] == "resync"


def test_only_the_kinds_asked_for(hub: FakeHub, server: Server, follow: Follow) -> None:
    follower = follow(server, "desk", "?kinds=ticket")
    hub.deps.changes.publish("alarm", {"community": HOME, "facility": "gym"}, 0)
    hub.deps.changes.publish("ticket", {"community": HOME, "facility": "gym"}, 0)
    assert follower.event()[0] == "ticket"


def test_readings_are_told_once_a_beat(hub: FakeHub, server: Server, follow: Follow) -> None:
    follower = follow(server, "desk", "?kinds=reading,health")
    pulse = Pulse(hub.deps)
    key = next(
        PointKey(HOME, device, point)
        for (device, point), bindings in hub.deps.registrar.current.bindings.items()
        if bindings[0].facility == "gym"
    )
    pulse.beat()
    hub.live.pin(key, 41)
    hub.live.pin(key, 42)
    pulse.beat()
    told = [follower.event() for _ in range(1 + len(hub.deps.registrar.current.facilities))]
    readings = [(data["facility"], data["state"]) for kind, data, _ in told if kind == "reading"]
    assert readings == [("gym", "known")]


def test_a_facility_that_falls_silent_is_told(hub: FakeHub, server: Server, follow: Follow) -> None:
    follower = follow(server, "desk", "?kinds=health")
    pulse = Pulse(hub.deps)
    pulse.beat()
    registry = hub.deps.registrar.current
    hub.live.silent_devices.update(d for (d, _), b in registry.bindings.items() if b[0].facility == "gym")
    for _ in range(6):
        pulse.beat()
    told = [follower.event()[1] for _ in range(1 + len(registry.facilities))]
    assert [data["state"] for data in told if data["facility"] == "gym"][-1] == "unknown"


def test_who_begins_to_listen_is_told_every_state_once(hub: FakeHub, server: Server, follow: Follow) -> None:
    """A page may have been drawn just before a facility turned: what nobody compared must be said."""
    follower = follow(server, "desk", "?kinds=health")
    pulse = Pulse(hub.deps)
    pulse.beat()
    places = {
        (data["community"], data["facility"])
        for data in (follower.event()[1] for _ in hub.deps.registrar.current.facilities)
    }
    assert places == set(hub.deps.registrar.current.facilities)


def test_an_open_stream_does_not_hold_up_the_end(hub: FakeHub, follow: Follow) -> None:
    server = Server(create_app(hub.deps), Web(port=0), WallClock())
    server.start()
    follow(server, "desk")
    stopped = threading.Thread(target=server.stop)
    stopped.start()
    stopped.join(timeout=10)
    assert not stopped.is_alive()
    with closing(socket.socket()) as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


def test_a_taken_port_is_named(hub: FakeHub, server: Server) -> None:
    second = Server(create_app(hub.deps), Web(port=server.port), WallClock())
    with pytest.raises(ConfigError, match=rf"{server.port}.*HUB_WEB__PORT"):
        second.start()


def test_a_bad_certificate_is_named(hub: FakeHub, tmp_path: object) -> None:
    from pathlib import Path

    bad = Path(str(tmp_path)) / "cert.pem"
    bad.write_text("nonsense")
    with pytest.raises(ConfigError, match=r"cert\.pem"):
        Server(create_app(hub.deps), Web(port=0, tls_cert=bad, tls_key=bad), WallClock()).start()


def test_a_stream_ends_with_the_token_that_opened_it(
    hub: FakeHub, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, follow: Follow
) -> None:
    from hub.web.auth.passwords import digest
    from hub.web.events import api

    monkeypatch.setattr(api, "HEARTBEAT_S", 0.05)
    server = Server(create_app(hub.deps), Web(port=0), WallClock())
    server.start()
    try:
        follower = follow(server, "desk")
        assert follower.answer.readline().startswith(b": heartbeat")

        def revoke(books: object) -> None:
            token = books.people.token(digest("desk-token"))  # type: ignore[attr-defined] # the real books
            assert books.people.revoke_token(token.id, clock.now())  # type: ignore[attr-defined] # as above

        hub.records.write(revoke)
        deadline = time.monotonic() + 10
        while follower.answer.readline() and time.monotonic() < deadline:
            pass
        assert time.monotonic() < deadline
    finally:
        server.stop()
