"""The walk test in the alarm lane: each value of a batch is looked at, what proves nothing is not, and a crash loses no tick."""

from __future__ import annotations

from typing import Any

import pytest

from hub.domain.walk import Outcome, PointTest, Walker
from hub.errors import StoreUnavailable
from hub.flows.batch import Mark
from tests.flows.community import HOME, HOUR, MINUTE, SECOND, START, Saying, Story, hub_id, limit_rule, registry
from tests.flows.fakes import FakeRecords

T0 = START + HOUR
POINTS = ("leak", "temperature", "state")


def walking(
    records: Any, *, expects: str = "", stood_at: float = 20.0, neighbours: frozenset[Any] = frozenset()
) -> Story:
    story = Story(records, registry(limit_rule(), devices=("pump", "spare"), points=POINTS))
    story.say(Saying().value("pump", 0.0, T0 - MINUTE, point="leak").value("pump", 20.0, T0 - MINUTE))
    points = frozenset((hub_id("pump"), point) for point in POINTS)
    walker = Walker(
        community=HOME,
        by="ana",
        place="cellar",
        points=points,
        seen_at=T0,
        expects=(hub_id("pump"), expects) if expects else None,
        since=T0,
        stood_at=stood_at,
        neighbours=neighbours,
    )
    story.commissioner.walks.put(walker)
    return story


def kept(story: Story) -> list[PointTest]:
    found: list[PointTest] = story.records.read(lambda books: books.commissioning.tests(HOME))
    return found


def test_a_button_pressed_and_let_go_within_one_batch_is_a_test(records: Any) -> None:
    story = walking(records)
    story.say(Saying().value("pump", 1.0, T0, point="leak").value("pump", 0.0, T0 + 300, point="leak"))
    (test,) = kept(story)
    assert (test.by, test.point, test.value, test.at) == ("ana", "leak", 1.0, T0)
    assert [data["point"] for kind, data in story.published if kind == "walk"] == ["leak"]
    story.say(Saying().value("pump", 1.0, T0 + SECOND, point="leak"))
    assert len(kept(story)) == 1, "once is enough"


def test_nobody_who_walks_means_no_test(records: Any) -> None:
    story = walking(records)
    story.commissioner.walks.end(HOME, "ana")
    story.say(Saying().value("pump", 1.0, T0, point="leak"))
    assert kept(story) == []


def test_what_is_late_or_told_again_proves_nothing(records: Any) -> None:
    story = walking(records)
    story.say(Saying().value("pump", 1.0, T0 - 20 * MINUTE, point="leak", arrival=T0))
    story.say(Saying().value("pump", 1.0, T0 + 1, point="leak", mark=Mark.RETAINED))
    assert kept(story) == []


def test_a_quantity_counts_where_it_is_expected_and_has_moved(records: Any) -> None:
    story = walking(records)
    story.say(Saying().value("pump", 30.0, T0))
    assert kept(story) == []
    story = walking(records, expects="temperature", stood_at=30.0)
    story.say(Saying().value("pump", 30.1, T0 + SECOND))
    assert kept(story) == []
    story.say(Saying().value("pump", 33.0, T0 + 2 * SECOND))
    assert [test.value for test in kept(story)] == [33.0]


def test_a_word_and_a_fault_code_are_heard_too(records: Any) -> None:
    story = walking(records, expects="state")
    story.say(Saying().fault("pump", "E21", T0 + SECOND))
    assert [(test.point, test.text) for test in kept(story)] == [("state", "E21")]
    story = walking(records)
    story.say(Saying().text("pump", "closed", T0 + 2 * SECOND))
    story.say(Saying().text("pump", "open", T0 + 3 * SECOND))
    assert [test.text for test in kept(story)][-1] == "open"


def test_a_neighbour_that_speaks_instead_is_told_as_a_doubt(records: Any) -> None:
    spare = (hub_id("spare"), "leak")
    story = walking(records, expects="leak", neighbours=frozenset({spare}))
    story.say(Saying().value("spare", 1.0, T0 + SECOND, point="leak"))
    (test,) = kept(story)
    assert (test.outcome, test.point, (test.other_device, test.other_point)) == (Outcome.OTHER_FIRED, "leak", spare)
    assert [data["swapped"] for kind, data in story.published if kind == "walk"] == [True]


def test_a_batch_that_could_not_be_written_is_ticked_once_when_it_comes_again() -> None:
    records = FakeRecords()
    story = walking(records)
    batch = Saying().value("pump", 1.0, T0, point="leak")
    records.break_next = True
    with pytest.raises(StoreUnavailable):
        story.say(batch)
    assert kept(story) == []
    story.journal.pop()
    story.say(batch)
    assert [test.value for test in kept(story)] == [1.0]
    assert [kind for kind, _ in story.published].count("walk") == 1
