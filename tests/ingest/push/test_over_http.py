"""A whole hub and a real web server: clouds push, are asked, flood it; what was answered 200 is in the journal."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
import requests

from devices.simulator.model import SimCommunity, SimDevice, SimPoint
from devices.simulator.play import Play
from devices.simulator.pusher import Pushes, Target
from devices.simulator.signals import Steady
from hub.commands import check
from hub.errors import ConfigError, StoreUnavailable
from hub.flows.lists import QuarantineFilter
from hub.ingest.frames import Frame
from hub.settings import Push, PushPoll, PushSource, Settings, Web
from hub.wiring import Hub
from tests.ingest.conftest import eventually
from tests.ingest.push.conftest import KEY, SECRET, TOKEN, onenet, signed

pytestmark = pytest.mark.usefixtures("pushed_format")
PATIENT = 30_000
GARDEN = {"community": "garden", "format": "pushed"}
CTWING = PushSource(name="ctwing", secret=SECRET, **GARDEN)
ONENET = PushSource(name="onenet", check="onenet", secret=TOKEN, options={"envelope": "yes"}, **GARDEN)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    with ExitStack() as stack:

        def begin(*sources: PushSource, polls: tuple[PushPoll, ...] = (), within: int = PATIENT) -> Hub:
            push = Push(sources=sources, polls=polls, answer_within_ms=within)
            hub = Hub(Settings(data_dir=tmp_path / "hub", web=Web(port=0), push=push))
            hub.start()
            stack.callback(hub.stop)
            return hub

        yield begin


def pushes_in(hub: Hub) -> list[Frame]:
    return [frame for frame in hub.journal.recent(100_000) if frame.topic.startswith(b"http/")]


def values(hub: Hub) -> dict[str, float | None]:
    """What the alarm lane's memory of the present knows."""
    keys = list(hub.slots.keys)
    return {f"{key.device}.{key.name}": reading.value for key, reading in hub.alarm_lane.live.readings(keys).items()}


def said(device: str, level: float, **more: Any) -> bytes:
    return json.dumps({"device": device, "values": {"level": level}, **more}).encode()


def component(hub: Hub, name: str) -> Any:
    return requests.get(f"{hub.url}/readyz", timeout=20).json()["components"][name]


def test_from_the_push_to_the_reading(start: Callable[..., Hub]) -> None:
    hub = start(CTWING, ONENET)
    answer = requests.post(
        f"{hub.url}/ingest/ctwing/{SECRET}",
        data=said("86", 1.5),
        headers={"Content-Type": "application/json"},
        timeout=20,
    )
    assert (answer.status_code, answer.text) == (200, "ok")
    assert [(f.connection, f.content_type) for f in pushes_in(hub)] == [("push:ctwing", "application/json")]
    handshake = {"msg": "hello", "nonce": "aB3dE6gH", "signature": "rP4sNmxoioNqEiyeHGTR+w=="}
    assert requests.get(f"{hub.url}/ingest/onenet", params=handshake, timeout=20).text == "hello"
    body = onenet(said("87", 2.5).decode())
    assert requests.post(f"{hub.url}/ingest/onenet", data=body, timeout=20).status_code == 200
    want = {"garden~imei-86.level": 1.5, "garden~imei-87.level": 2.5}
    eventually(lambda: values(hub) == want, "both are read")
    assert component(hub, "push:ctwing")["accepted"] == 1
    assert component(hub, "push:onenet")["status"] == "ok"


def test_a_timed_push_that_was_caught_cannot_be_played_again_after_a_restart(start: Callable[..., Hub]) -> None:
    source = PushSource(name="timed", check="hmac_sha256_time", secret=KEY, **GARDEN)
    body, hub = said("86", 1.5), start(source)
    header = {"Hub-Signature": signed(body, hub.clock.now())}
    assert requests.post(f"{hub.url}/ingest/timed", data=body, headers=header, timeout=20).status_code == 200
    eventually(lambda: values(hub) == {"garden~imei-86.level": 1.5}, "it is read")
    hub.stop()
    hub = start(source)
    assert requests.post(f"{hub.url}/ingest/timed", data=body, headers=header, timeout=20).status_code == 200
    assert component(hub, "push:timed")["repeats"] == 1
    assert len(pushes_in(hub)) == 1


def test_who_lies_leaves_no_trace_but_a_count(start: Callable[..., Hub]) -> None:
    hub = start(CTWING, ONENET)
    for path, status in (
        ("/ingest/ctwing", 401),
        ("/ingest/ctwing/another-secret-of-the-tests", 403),
        ("/ingest/onenet", 401),
        ("/ingest/nobody", 404),
    ):
        assert requests.post(hub.url + path, data=b"{}", timeout=20).status_code == status
    forged = onenet("{}", token="another-token-of-another-hub")
    assert requests.post(f"{hub.url}/ingest/onenet", data=forged, timeout=20).status_code == 403
    assert pushes_in(hub) == []
    line = component(hub, "push:ctwing")
    assert (line["status"], line["refused"]) == ("degraded", 2)
    metrics = requests.get(f"{hub.url}/metrics", timeout=20).text
    assert 'hub_push_requests_total{outcome="refused",source="ctwing"} 2.0' in metrics
    assert "hub_push_unknown_total 1.0" in metrics
    assert requests.get(f"{hub.url}/readyz", timeout=20).status_code == 200, "degraded is not down"


def test_what_nobody_understands_is_journalled_acknowledged_and_quarantined(start: Callable[..., Hub]) -> None:
    hub = start(CTWING)
    assert requests.post(f"{hub.url}/ingest/ctwing/{SECRET}", data=b"level=1\xff", timeout=20).status_code == 200

    def kept() -> tuple[Any, ...]:
        return hub.quarantine.page(QuarantineFilter()).items

    eventually(kept, "it is in quarantine")
    (item,) = kept()
    assert (item.connection, item.topic, item.reason, item.payload) == (
        "push:ctwing", "http/ctwing", "not_json", b"level=1\xff",
    )  # fmt: skip


def test_while_the_journal_cannot_be_written_nobody_is_answered_200(
    start: Callable[..., Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = start(CTWING, within=50)
    append = hub.journal.append

    def full(_frames: Any) -> int:
        raise StoreUnavailable("no space left on device")

    monkeypatch.setattr(hub.journal, "append", full)
    address = f"{hub.url}/ingest/ctwing/{SECRET}"
    for _ in range(3):
        answer = requests.post(address, data=said("86", 1.5), timeout=20)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert pushes_in(hub) == []
    monkeypatch.setattr(hub.journal, "append", append)
    eventually(lambda: requests.post(address, data=said("86", 1.5), timeout=20).status_code == 200, "it is taken")
    assert [frame.payload for frame in pushes_in(hub)] == [said("86", 1.5)], "kept once, however often it was sent"


def test_the_simulator_pushes_as_a_cloud_does(start: Callable[..., Hub]) -> None:
    hub = start(PushSource(name="mobile", check="onenet", secret=TOKEN, community="garden", format="onenet"))
    point = SimPoint(name="leak", metric="leak", signal=Steady(True), key=1)
    device = SimDevice(
        id="float-1", gateway="float-1", building="", facility="", kind="", interval=PATIENT, phase=0, points=(point,)
    )
    now = hub.clock.now()
    garden = SimCommunity(id="garden", zone="Asia/Shanghai", devices={device.id: device})
    play = Play(community=garden, scenario=None, start=now, speaks="onenet")
    cloud = Pushes(
        Target.parse(f"{hub.url}/ingest/mobile", TOKEN, "onenet"),
        now=hub.clock.now,
        stop=threading.Event(),
        presence=play.presence,
    )
    for each in play.between(now, now + PATIENT):
        cloud.send(each)
    eventually(lambda: values(hub) == {"garden~onenet-float-1.leak": 1.0}, "what it read is read")
    assert component(hub, "push:mobile")["accepted"] == cloud.sent + 1, "and that it is online"


def test_a_flood_is_answered_and_the_pages_go_on(start: Callable[..., Hub]) -> None:
    hub = start(CTWING.model_copy(update={"rate_per_s": 20.0}))
    done = threading.Event()

    def flood(number: int) -> list[tuple[bytes, int]]:
        bodies = [said(f"{number}-{count}", 1) for count in range(40)]
        with requests.Session() as session:
            return [
                (body, session.post(f"{hub.url}/ingest/ctwing/{SECRET}", data=body, timeout=60).status_code)
                for body in bodies
            ]

    def look() -> int:
        looks = 0
        while not done.is_set():
            assert requests.get(f"{hub.url}/healthz", timeout=60).status_code == 200
            looks += 1
        return looks

    with ThreadPoolExecutor(21) as threads:
        looking = threads.submit(look)
        flooding = [threads.submit(flood, number) for number in range(20)]
        answers = [answer for each in flooding for answer in each.result()]
        done.set()
        assert looking.result() > 0
    statuses = Counter(status for _, status in answers)
    taken = Counter(body for body, status in answers if status == 200)
    assert set(statuses) <= {200, 429, 503}
    assert statuses[200] >= 200, "the burst"
    assert statuses[429] > 0
    journalled = Counter(frame.payload for frame in pushes_in(hub))
    assert not taken - journalled, "whatever was answered 200 is there"


def test_a_cloud_that_is_asked(start: Callable[..., Hub]) -> None:
    with AskedCloud() as cloud:
        poll = PushPoll(
            name="meters", url=f"{cloud.url}/x?after={{cursor}}", every_s=5, cursor="id", headers={"Token": "{secret}"},
            secret=SECRET, allow_private=True, **GARDEN,
        )  # fmt: skip
        hub = start(polls=(poll,))
        eventually(lambda: values(hub) == {"garden~imei-9.level": 3.0}, "its answer is read")
        assert cloud.asked[0] == ("/x?after=", SECRET)
        assert component(hub, "poll:meters")["status"] == "ok"
        assert [frame.connection for frame in pushes_in(hub)] == ["poll:meters"]


@pytest.mark.parametrize("path", ["/x", "/elsewhere"])
def test_a_poll_goes_neither_inside_nor_where_it_is_sent(start: Callable[..., Hub], path: str) -> None:
    with AskedCloud() as cloud:
        inside = PushPoll(name="meters", url=cloud.url + path, allow_private=path == "/elsewhere", **GARDEN)
        hub = start(polls=(inside,))
        eventually(lambda: component(hub, "poll:meters")["status"] == "degraded", "the trouble is shown")
        reason = component(hub, "poll:meters")["reason"]
        assert ("allow_private" if path == "/x" else "answers 302") in reason
        assert [asked for asked, _ in cloud.asked] == ([] if path == "/x" else ["/elsewhere"])


class AskedCloud:
    """Answers ``/x`` with a reading, and sends whoever asks for ``/elsewhere`` there."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, self.headers.get("Token", "")))
                moved = self.path == "/elsewhere"
                body = b"" if moved else json.dumps({"device": "9", "values": {"level": 3}}).encode()
                self.send_response(302 if moved else 200)
                self.send_header("Location", "/x")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def test_check_names_the_addresses_or_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    web = Web(public_url="https://hub.example")
    poll = PushPoll(name="meters", url="https://cloud.example/x", **GARDEN)
    good = Settings(data_dir=tmp_path, web=web, push=Push(sources=(CTWING,), polls=(poll,)))
    assert check._clouds_are_understood(good)
    said = capsys.readouterr().out
    assert "push source ctwing: https://hub.example/ingest/ctwing is read as pushed" in said
    assert "poll meters: every 300 s" in said
    assert SECRET not in said
    wrong = Settings(data_dir=tmp_path, push=Push(sources=(CTWING.model_copy(update={"format": "x"}),)))
    assert not check._clouds_are_understood(wrong)
    assert "[push] ctwing: unknown format 'x'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": "pushy"}, "unknown format 'pushy'"),
        ({"format": "native"}, "reads no topic http/ctwing"),
        ({"community": None}, 'add community = "…"'),
        ({"options": {"nonsense": "1"}}, "nonsense"),
    ],
)
def test_a_source_that_cannot_be_understood_is_refused_by_name(
    tmp_path: Path, change: dict[str, Any], word: str
) -> None:
    source = CTWING.model_copy(update=change)
    with pytest.raises(ConfigError, match=r"\[push\] ctwing: ") as refused:
        Hub(Settings(data_dir=tmp_path, push=Push(sources=(source,))))
    assert word in str(refused.value)
