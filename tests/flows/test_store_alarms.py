"""The hub's own alarm: a series store that refuses or is away is one ticket, which closes when the store has taken readings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub.domain.commissioning import Commissioning, Part, Span
from hub.domain.notices import NoticeKind
from hub.domain.places import Community
from hub.domain.store_standing import Halt, Standing
from hub.domain.tickets import TicketState
from hub.flows.store_alarms import owner_of
from tests.flows.community import HOME, HOUR, MINUTE, START, Story, name, registry
from tests.flows.fakes import FakeRecords

WHY = "series store http://influx:8086/hub refuses everything: 401: unauthorized access"
"""As the lane's runner says it."""


def refuses(since: int, store: str = "main") -> Standing:
    return Standing(store, Halt(since, WHY, for_good=True, batches=117), None)


def away(since: int) -> Standing:
    return Standing("main", Halt(since, "cannot be reached", for_good=False, batches=3), None)


def well(since: int) -> Standing:
    return Standing("main", None, since)


def look(story: Story, at: int, *standings: Standing) -> None:
    story.lane.look_at_stores(standings, at)
    story.lane.tick(at)


def test_a_store_that_refuses_is_one_ticket_of_the_default_crew_in_both_languages(records: Any) -> None:
    story = Story(records, registry())
    for minute in range(5):
        look(story, START + minute * MINUTE, refuses(START))
    ticket = story.ticket()
    assert (ticket.crew, ticket.state, ticket.occurrences) == ("works", TicketState.ASSIGNED, 1)
    assert (ticket.title_zh, ticket.title_en) == (
        "时序库 main：读数写不进去",
        "Series store main: Readings cannot be stored",
    )
    (alarm,) = story.alarms()
    assert (alarm.active, alarm.raised_at, alarm.value, alarm.text) == (True, START, 117, WHY)
    chinese, english = sorted(story.notices(), key=lambda notice: notice.language, reverse=True)
    assert "117 批报文等待写入，一条也没有丢：series store http://influx:8086/hub refuses everything" in chinese.body
    assert "117 batches wait to be stored, none is lost: series store http://influx:8086" in english.body
    assert "Mend what the alarm names: token or password" in english.body


def test_it_ends_when_the_store_has_taken_readings_for_a_while_and_the_ticket_closes_by_itself() -> None:
    story = Story(FakeRecords(), registry())
    look(story, START + MINUTE, refuses(START))
    look(story, START + 2 * MINUTE, well(START + 2 * MINUTE))
    assert story.alarms()[0].active, "one batch is no proof"
    look(story, START + 3 * MINUTE, well(START + 2 * MINUTE))
    assert not story.alarms()[0].active
    assert story.ticket().state is TicketState.VERIFYING
    look(story, START + 8 * MINUTE, away(START + 7 * MINUTE))
    look(story, START + 14 * MINUTE, well(START + 9 * MINUTE))
    assert story.ticket().state is TicketState.VERIFYING, "it was away once more meanwhile, for a moment"
    look(story, START + 20 * MINUTE, well(START + 9 * MINUTE))
    assert (story.ticket().state, story.ticket().verified) == (TicketState.RESOLVED, "sensor")


def test_a_repair_that_a_person_reports_does_not_count_while_the_store_refuses() -> None:
    story = Story(FakeRecords(), registry())
    look(story, START + MINUTE, refuses(START))
    at = START + 2 * MINUTE

    done = replace(
        story.ticket(), state=TicketState.VERIFYING, accepted_at=at, verifying_since=at, recheck_at=at, version=2
    )
    story.records.write(lambda books: books.tickets.swap(done, expected=1, now=at))
    look(story, START + HOUR, refuses(START))
    assert story.ticket().state is not TicketState.VERIFYING
    assert story.ticket().reopened == 1


def test_a_store_that_is_away_is_told_after_a_while_only() -> None:
    story = Story(FakeRecords(), registry())
    look(story, START + 14 * MINUTE, away(START))
    assert story.tickets() == []
    look(story, START + 15 * MINUTE, away(START))
    assert story.ticket().title_en == "Series store main: Readings cannot be stored"


def test_a_restart_makes_no_second_ticket_and_believes_no_store_that_it_has_not_seen_work(records: Any) -> None:
    story = Story(records, registry())
    look(story, START + MINUTE, refuses(START))
    story.crash()
    look(story, START + 2 * MINUTE, Standing("main", None, None))
    assert story.alarms()[0].active
    look(story, START + 3 * MINUTE, refuses(START + 2 * MINUTE))
    assert (story.ticket().occurrences, len(story.alarms())) == (1, 1)
    assert [n.kind for n in story.notices()] == [NoticeKind.OPENED] * 2


def test_each_store_has_its_own_and_one_that_the_settings_name_no_more_is_over() -> None:
    story = Story(FakeRecords(), registry())
    look(story, START + MINUTE, refuses(START), refuses(START, "grafana"))
    assert sorted(ticket.key.unit for ticket in story.tickets()) == ["series-store:grafana", "series-store:main"]
    look(story, START + 2 * MINUTE, refuses(START))
    assert {alarm.code: alarm.active for alarm in story.alarms()} == {"main": True, "grafana": False}


def test_commissioning_of_the_community_hides_nothing_of_the_hub() -> None:
    whole = Commissioning(spans=(Span(id="s", community=HOME, part=Part.COMMUNITY, since=START - HOUR),))
    story = Story(FakeRecords(), registry(commissioning={HOME: whole}))
    look(story, START + MINUTE, refuses(START))
    assert len(story.notices()) == 2
    assert story.ticket().title_en


def test_a_community_with_a_default_crew_owns_what_is_the_hubs() -> None:
    picture = registry()
    communities = {each: Community(id=each, name=name(each)) for each in ("aa", HOME, "zz")}
    assert owner_of(replace(picture, communities=communities)) == HOME
    assert owner_of(replace(picture, communities=communities, crews={})) == "aa"
    assert owner_of(replace(picture, communities={})) is None


def test_where_there_is_no_community_nothing_is_written() -> None:
    story = Story(FakeRecords(), registry(communities={}, crews={}))
    look(story, START + MINUTE, refuses(START))
    assert story.alarms() == []
