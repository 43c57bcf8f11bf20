"""The walk test from the pages' side: who is where, which sensor comes next, and what was found right by looking."""

from __future__ import annotations

import math
from dataclasses import replace

from hub.domain.walk import How, Outcome, Point, PointTest, Walker
from hub.errors import IllegalTransition, NotFound
from hub.flows.batch import PointKey
from hub.flows.commissioning.desk import Parts
from hub.flows.commissioning.lane import test_data
from hub.flows.commissioning.lines import PointLine
from hub.flows.commissioning.overview import Overview, rooms


class WalkDesk:
    """From any thread. NotFound for what there is not; who may walk is the caller's to check."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def here(self, community: str, place: str, *, by: str) -> Walker:
        """Somebody stands in a room: what is triggered there from now on is theirs."""
        shown = self._parts.overview(community)
        found = next((room for room in rooms(shown, lambda name: name) if room.place == place), None)
        if found is None:
            raise NotFound(f"no sensor is to be tested in {place[:63]!r}")
        points = frozenset(point.key for point in found.points if point.device)
        walker = Walker(
            community=community,
            by=by,
            place=place,
            points=points,
            seen_at=self._parts.clock.now(),
            done=frozenset(point.key for point in found.points if point.standing.passed is not None),
            doubts=frozenset(
                (doubt.key, doubt.other) for point in found.points if (doubt := point.standing.doubt) is not None
            ),
        )
        self._parts.walks.put(walker)
        return walker

    def walker(self, community: str, *, by: str) -> Walker | None:
        """Where somebody walks; asking is a sign that they still do."""
        now = self._parts.clock.now()
        found = self._parts.walks.find(community, by, now)
        if found is not None:
            self._parts.walks.put(replace(found, seen_at=now))
        return found

    def walking(self, community: str) -> list[Walker]:
        """Everybody who walks now."""
        return self._parts.walks.walking(community, self._parts.clock.now())

    def expect(self, community: str, device: str, point: str, *, by: str) -> Walker:
        """What is triggered next: what speaks instead of it may have been taken for it."""
        now = self._parts.clock.now()
        shown = self._parts.overview(community)
        wanted, place = _point(shown, (device, point))
        found = self._parts.walks.find(community, by, now) or self.here(community, place, by=by)
        reading = self._parts.live.readings([PointKey(community, device, point)]).get(
            PointKey(community, device, point)
        )
        walker = replace(
            found,
            seen_at=now,
            expects=wanted.key,
            since=now,
            stood_at=math.nan if reading is None or reading.value is None else reading.value,
            neighbours=_neighbours(shown, wanted),
        )
        self._parts.walks.put(walker)
        return walker

    def confirm(self, community: str, device: str, point: str, *, by: str) -> PointTest:
        """Somebody has compared the value with what they see: right, without triggering anything."""
        now = self._parts.clock.now()
        wanted, _ = _point(self._parts.overview(community), (device, point))
        reading = wanted.reading
        if reading is None or reading.silent:
            raise IllegalTransition("nothing is heard from it: there is no value that could be right")
        test = PointTest(
            community=community,
            device=device,
            point=point,
            at=now,
            by=by,
            outcome=Outcome.PASSED,
            how=How.BY_HAND,
            value=reading.value,
            text=reading.text,
        )
        self._parts.records.write(lambda books: books.commissioning.add_tests([test]))
        self._parts.walks.tested([test])
        self._parts.publish("walk", test_data(test))
        return test

    def leave(self, community: str, *, by: str) -> None:
        """The walk is over."""
        self._parts.walks.end(community, by)


def _point(shown: Overview, key: Point) -> tuple[PointLine, str]:
    """A point in use and the place where it is. NotFound where there is none."""
    for line in shown.lines:
        for point in line.points:
            if point.key == key and point.device:
                return point, line.place
    raise NotFound(f"no point {key[0][:80]}/{key[1][:80]} is in use")


def _neighbours(shown: Overview, wanted: PointLine) -> frozenset[Point]:
    """Points of the same metric in the same room, at the same facility or behind the same gateway."""
    own = next(line for line in shown.lines if any(point.key == wanted.key for point in line.points))
    return frozenset(
        point.key
        for line in shown.lines
        if line.place == own.place or line.facility == own.facility or (line.gateway and line.gateway == own.gateway)
        for point in line.to_test
        if point.device and point.metric == wanted.metric and point.key != wanted.key
    )
