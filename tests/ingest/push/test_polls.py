"""A cloud that is asked: its answers go into the journal first, and only then does the poll move on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from hub.clock import MINUTE, SECOND, ManualClock
from hub.domain.health import Status
from hub.ingest.polling import Fetched, FetchFailed, Poller, Question, cursor_in, read_json
from hub.ingest.push_meters import PollMeters
from hub.settings import PushPoll
from tests.ingest.conftest import HeldIntake, eventually
from tests.ingest.push.conftest import NOON, SECRET

EVERY = 300 * SECOND


class Cloud:
    """Answers from a list; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.answers: list[Fetched | Exception] = []

    def says(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append(Fetched(status, named, body))

    def __call__(self, question: Question) -> Fetched:
        self.asked.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Rig:
    def __init__(self, folder: Path, intake: HeldIntake) -> None:
        self.file = folder / "polls" / "meters.json"
        self.intake = intake
        self.clock = ManualClock(NOON)
        self.cloud = Cloud()
        self.registry = CollectorRegistry()
        self.meters = PollMeters(self.registry)
        self.made: list[Poller] = []

    def poll(self, **wish: Any) -> Poller:
        plain = {"name": "meters", "url": "https://cloud.example/x", "format": "pushed", "community": "garden"}
        made = Poller(
            PushPoll(**{**plain, **wish}),
            fetch=self.cloud,
            intake=self.intake,
            clock=self.clock,
            meters=self.meters,
            memory_file=self.file,
            limit=1000,
        )
        made.open(None)
        self.made.append(made)
        return made

    def count(self, outcome: str) -> float:
        labels = {"source": "meters", "outcome": outcome}
        return self.registry.get_sample_value("hub_poll_rounds_total", labels) or 0.0


@pytest.fixture
def rig(tmp_path: Path, intake: HeldIntake) -> Iterator[Rig]:
    made = Rig(tmp_path, intake)
    yield made
    for poll in made.made:
        poll.stop()


def test_an_answer_is_a_frame_like_a_push(rig: Rig) -> None:
    rig.cloud.says(b'{"device":"86"}', content_type="application/json")
    assert rig.poll().ask() == EVERY
    (frame,) = rig.intake.journal
    assert (frame.connection, frame.topic) == ("poll:meters", b"http/meters")
    assert (frame.payload, frame.content_type, frame.received_at) == (b'{"device":"86"}', "application/json", NOON)
    assert rig.count("news") == 1


def test_secret_cursor_and_span_stand_where_they_should(rig: Rig) -> None:
    poll = rig.poll(
        url="https://cloud.example/x?from={since_s}&after={cursor}",
        headers={"Authorization": "Bearer {secret}", "X-Now": "{now_ms}"},
        secret=SECRET,
        cursor="data.next",
        first_s=100,
        overlap_s=10,
    )
    rig.cloud.says(b'{"data":{"next":"a b/1"}}')
    poll.ask()
    rig.clock.advance(EVERY)
    rig.cloud.says(b'{"data":{"next":null}}')
    poll.ask()
    rig.clock.advance(EVERY)
    rig.cloud.says(b'{"data":{"next":7}}')
    poll.ask()
    rig.cloud.says(b"{}")
    poll.ask()
    at = NOON // 1000
    assert [question.url.partition("?")[2] for question in rig.cloud.asked] == [
        f"from={at - 100}&after=",
        f"from={at - 10}&after=a%20b%2F1",
        f"from={at + 290}&after=a%20b%2F1",
        f"from={at + 590}&after=7",
    ]
    assert rig.cloud.asked[0].headers == {"Authorization": f"Bearer {SECRET}", "X-Now": str(NOON)}


def test_what_has_not_changed_is_not_sent_again(rig: Rig) -> None:
    poll = rig.poll()
    rig.cloud.says(b"{}", etag='"v1"', last_modified="Wed, 18 Nov 2026 11:06:40 GMT")
    rig.cloud.says(status=304)
    rig.cloud.says(status=304)
    for _ in range(3):
        assert poll.ask() == EVERY
    assert rig.cloud.asked[0].headers == {}
    validators = {"If-None-Match": '"v1"', "If-Modified-Since": "Wed, 18 Nov 2026 11:06:40 GMT"}
    assert [question.headers for question in rig.cloud.asked[1:]] == [validators, validators]
    assert (len(rig.intake.journal), rig.count("unchanged")) == (1, 2)


def test_another_span_or_page_is_another_address(rig: Rig) -> None:
    span = rig.poll(url="https://cloud.example/x?from={since}")
    rig.cloud.says(b"{}", etag='"v1"')
    rig.cloud.says(b"{}", etag='"v2"')
    span.ask()
    span.ask()
    assert "If-None-Match" not in rig.cloud.asked[1].headers
    page = rig.poll(url="https://cloud.example/x?after={cursor}", cursor="next")
    for body in (b'{"next":1}', b'{"next":2}', b'{"next":2}'):
        rig.cloud.says(body, etag='"v3"')
        page.ask()
    rig.cloud.says(status=304)
    page.ask()
    assert ["If-None-Match" in question.headers for question in rig.cloud.asked[2:]] == [False, False, False, True]


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 429, 500, 503])
def test_whatever_else_is_answered_is_trouble_and_nothing_is_kept(
    rig: Rig, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    poll = rig.poll(url="https://cloud.example/{secret}/x", secret=SECRET)
    for _ in range(3):
        rig.cloud.says(b"no", status=status, location="http://127.0.0.1/")
    assert [poll.ask() // SECOND for _ in range(3)] == [600, 1200, 2400]
    line = poll.health(NOON)
    assert line.status is Status.DEGRADED
    assert f"cloud.example answers {status}" in line.reason
    assert line.reason.endswith("(3 times in a row)")
    assert len(caplog.records) == 1, "the same trouble is said once"
    assert SECRET not in line.reason + caplog.text
    assert rig.intake.journal == []
    rig.cloud.says(b"{}")
    assert poll.ask() == EVERY
    assert poll.health(NOON).status is Status.OK


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"code":10001,"msg":"token expired"}', "code is 10001, in a good answer it is 0"),
        (b'{"data":[]}', "code is nothing, in a good answer it is 0"),
        (b"<html>please log in</html>", "code is nothing, in a good answer it is 0"),
        (b'{"code":"0","success":false}', "success is false, in a good answer it is true"),
    ],
)
def test_a_failure_that_says_200_asks_for_the_same_span_again(rig: Rig, body: bytes, why: str) -> None:
    poll = rig.poll(url="https://cloud.example/x?from={since_s}", good={"code": 0, "success": True}, overlap_s=0)
    for answer in (b'{"code":0,"success":true}', body, b'{"code":0,"success":true}'):
        rig.cloud.says(answer)
        poll.ask()
        rig.clock.advance(EVERY)
        if answer == body:
            assert poll.health(NOON).reason == f"cloud.example answers 200, but {why}"
    first, second, third = (question.url for question in rig.cloud.asked)
    assert first != second == third
    assert len(rig.intake.journal) == 2


def test_a_server_says_when_to_come_again(rig: Rig) -> None:
    poll = rig.poll()
    rig.cloud.says(status=429, retry_after="5000")
    rig.cloud.says(status=503, retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    assert poll.ask() == 5000 * SECOND
    assert poll.ask() == 4 * EVERY


def test_one_that_cannot_be_reached_moves_nothing(rig: Rig) -> None:
    poll = rig.poll(url="https://cloud.example/x?from={since_s}", first_s=100, overlap_s=0)
    rig.cloud.answers.append(FetchFailed("cloud.example cannot be asked (ConnectTimeout)"))
    poll.ask()
    rig.clock.advance(MINUTE)
    rig.cloud.says(b"{}")
    poll.ask()
    at = NOON // 1000
    assert [question.url.partition("=")[2] for question in rig.cloud.asked] == [str(at - 100), str(at - 40)]
    assert "ConnectTimeout" not in poll.health(NOON).reason


def test_it_moves_on_only_after_the_commit(rig: Rig, intake: HeldIntake) -> None:
    intake.held = True
    poll = rig.poll(cursor="next")
    poll._stopping.set()  # the hub is being stopped, and the journal does not commit
    rig.cloud.says(b'{"next":"2"}')
    poll.ask()
    assert poll._memory.cursor == ""
    assert not rig.file.exists()
    assert poll.health(NOON).status is Status.DEGRADED


def test_the_next_run_goes_on_where_this_one_stopped(rig: Rig) -> None:
    wish = {"url": "https://cloud.example/x?from={since_s}&after={cursor}", "cursor": "next", "overlap_s": 0}
    rig.cloud.says(b'{"next":"2"}', etag='"v1"')
    rig.poll(**wish).ask()
    rig.clock.advance(MINUTE)
    again = rig.poll(**wish)
    assert again._rest() == EVERY - MINUTE, "a restart is no reason to ask"
    rig.cloud.says(b"{}")
    again.ask()
    assert rig.cloud.asked[1].url.endswith(f"from={NOON // 1000}&after=2")
    elsewhere = rig.poll(url="https://other.example/x?from={since_s}&after={cursor}", first_s=60)
    rig.cloud.says(b"{}")
    elsewhere.ask()
    assert rig.cloud.asked[2].url.endswith(f"from={NOON // 1000}&after="), "another address knows nothing of it"


def test_a_journal_from_a_backup_is_filled_up_from_its_end(rig: Rig) -> None:
    wish = {"url": "https://cloud.example/x?from={since_s}", "overlap_s": 0}
    rig.cloud.says(b"{}")
    rig.poll(**wish).ask()
    restored = rig.poll(**wish)
    restored.open(NOON - MINUTE)
    rig.cloud.says(b"{}")
    restored.ask()
    assert rig.cloud.asked[1].url.endswith(f"from={NOON // 1000 - 60}")


def test_a_memory_that_cannot_be_read_is_none(rig: Rig) -> None:
    rig.file.parent.mkdir()
    rig.file.write_bytes(b"\x00rubbish")
    poll = rig.poll()
    rig.cloud.says(b"{}")
    assert poll.ask() == EVERY
    assert rig.poll()._memory.since == NOON


def test_the_thread_survives_whatever_happens(rig: Rig) -> None:
    poll = rig.poll(every_s=5)
    rig.cloud.answers.append(RuntimeError("a bug"))
    poll.start()
    eventually(lambda: "the hub is at fault" in poll.health(NOON).reason, "the trouble is shown")
    assert poll._thread.is_alive()
    poll.stop()
    assert not poll._thread.is_alive()


@pytest.mark.parametrize(
    ("body", "path", "found"),
    [
        (b'{"a":{"b":[{"c":"x"}]}}', "a.b.0.c", "x"),
        (b'{"a":12}', "a", "12"),
        (b'{"a":1.5}', "a", ""),
        (b'{"a":true}', "a", ""),
        (b'{"a":"x\\n"}', "a", ""),
        (b'{"a":[]}', "a.0", ""),
        (b'{"a":[]}', "a.-1", ""),
        (b"[1]", "0", "1"),
        (b"no", "a", ""),
        (b'{"a":"' + b"x" * 1001 + b'"}', "a", ""),
    ],
)
def test_the_cursor_in_an_answer(body: bytes, path: str, found: str) -> None:
    assert cursor_in(read_json(body), path) == found


@given(st.binary(max_size=100), st.text(max_size=20))
def test_no_answer_breaks_the_search_for_a_cursor(body: bytes, path: str) -> None:
    assert isinstance(cursor_in(read_json(body), path), str)
