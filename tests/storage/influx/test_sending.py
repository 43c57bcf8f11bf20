"""Every answer a server can give: nothing is thrown away, nothing is blamed without a proof."""

from __future__ import annotations

import math

import pytest

from hub.errors import StoreRefuses, StoreUnavailable
from hub.storage.influx.answers import Answer, Verdict
from hub.storage.influx.sending import LINES, Refused, Rejected, deliver

CANARY = "canary value=1.0 0"


class FakeServer:
    """Takes lines, and answers as 1.x or 2.x does to those that are bad; ``whole`` is its answer to everything."""

    def __init__(
        self, *, bad: set[str] | None = None, status: int = 422, whole: Answer | None = None, count: bool = False
    ) -> None:
        self.bad = bad or set()
        self.status = status
        self.whole = whole
        self.count = count
        self.stored: list[str] = []
        self.requests = 0

    def post(self, body: str) -> Answer:
        self.requests += 1
        if self.whole is not None:
            return self.whole
        lines = body.split("\n")
        bad = [line for line in lines if line in self.bad]
        if self.status == 422 or not bad:
            self.stored += [line for line in lines if line not in self.bad]
        if not bad:
            return Answer(204)
        dropped = f" dropped={len(bad)}" if self.count else ""
        return Answer(self.status, f"partial write: field type conflict{dropped}")


def send(server: FakeServer, lines: list[str]) -> list[Rejected]:
    return deliver(lines, server.post, canary=CANARY, where="http://db/x")


def lines(count: int) -> list[str]:
    return [f"m{n % 3},n={n} value=1.0 {n}" for n in range(count)]


@pytest.mark.parametrize("status", [400, 422])
def test_only_the_lines_at_fault_are_left_over(status: int) -> None:
    given = lines(1000)
    server = FakeServer(bad={given[7], given[500]}, status=status)
    rejected = send(server, given)
    assert {line.line for line in rejected} == {given[7], given[500]}
    assert all(line.status == status and "type conflict" in line.answer for line in rejected)
    assert set(server.stored) - {CANARY} == set(given) - server.bad
    assert server.requests < 10 + 4 * math.log2(1000)


def test_a_whole_metric_at_fault_takes_a_request_and_not_thousands() -> None:
    given = lines(LINES - 500)
    server = FakeServer(bad={line for line in given if line.startswith("m1,")}, count=True)
    assert {line.line for line in send(server, given)} == server.bad
    assert server.requests == 1 + 3 + 1


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_a_good_line_too_is_the_one_to_blame(status: int) -> None:
    server = FakeServer(whole=Answer(status, "wal buffer full"))
    with pytest.raises(
        StoreUnavailable, match=f"{status}: wal buffer full; and it refuses a line that is known to be good"
    ):
        send(server, lines(20))


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "token or password"), (403, "may not write"), (404, "create it, or correct"), (405, "is this an InfluxDB")],
)
def test_what_a_person_has_to_mend_stops_everything_and_says_what_to_do(status: int, advice: str) -> None:
    server = FakeServer(whole=Answer(status, "no"))
    with pytest.raises(StoreRefuses, match=f"refuses everything: {status}: no; .*{advice}"):
        send(server, lines(20))
    assert server.requests == 1


@pytest.mark.parametrize("status", [0, 200, 206, 302, 408, 429, 500, 502, 503, 504, 599])
def test_everything_else_is_tried_again(status: int) -> None:
    assert Answer(status).verdict is Verdict.LATER
    with pytest.raises(Refused, match="cannot be written") as refused:
        send(FakeServer(whole=Answer(status, "busy")), lines(20))
    assert not isinstance(refused.value, StoreRefuses)


def test_too_large_a_request_is_halved() -> None:
    server = FakeServer()
    post = server.post

    def narrow(body: str) -> Answer:
        return Answer(413, "Request Entity Too Large") if len(body) > 3000 else post(body)

    given = lines(500)
    assert deliver(given, narrow, canary=CANARY, where="db") == []
    assert sorted(server.stored) == sorted(given)


def test_a_line_that_is_too_large_alone_is_left_over() -> None:
    given = [*lines(5), "m,huge=1 text=" + "x" * 4000]
    server = FakeServer()

    def narrow(body: str) -> Answer:
        return Answer(413, "too large") if len(body) > 3000 else server.post(body)

    assert [line.line for line in deliver(given, narrow, canary=CANARY, where="db")] == [given[-1]]


def test_many_lines_go_in_portions() -> None:
    server = FakeServer()
    assert send(server, lines(2 * LINES + 1)) == []
    assert server.requests == 3
