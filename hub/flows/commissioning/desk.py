"""What managers and installers do while a community is fitted: one unit of work each, and the newer registry handed on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeVar

from hub.clock import DAY, Clock
from hub.domain.catalogue import Catalogue
from hub.domain.commissioning import NOT_COMMISSIONED, GoneLive, Part, Recorded, Span, Subject, Unsent, would_have_sent
from hub.domain.expected import Match
from hub.domain.ids import IdMaker
from hub.domain.people import AuditEntry
from hub.errors import IllegalTransition, InvalidInput, NotFound
from hub.flows.commissioning.arrivals import find_heard, gateway_of, settle
from hub.flows.commissioning.lines import Live
from hub.flows.commissioning.overview import Overview, overview
from hub.flows.commissioning.ports import CommissioningBooks
from hub.flows.commissioning.swapping import change_over
from hub.flows.commissioning.walking import Walks
from hub.flows.community.adoption import Scales, as_sent
from hub.flows.ports import Records
from hub.flows.registry import Registrar, Registry
from hub.flows.ticketing import ticket_key

WEEK: Final = 7 * DAY
LONGEST: Final = 90 * DAY
"""A commissioning begun on a page ends by itself after so long at the latest: silence must not be forgotten."""
T = TypeVar("T")


class KindState(NamedTuple):
    """A kind of facility on its way to live."""

    kind: str
    facilities: int
    live_at: int | None
    """Since when it is live; None: it is in commissioning, or never was."""
    commissioned: int
    """How many of its facilities are in commissioning now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the desk works with. ``renew`` reads the registry anew; ``publish`` must not block."""

    records: Records[CommissioningBooks]
    registrar: Registrar
    catalogue: Catalogue
    clock: Clock
    live: Live
    walks: Walks
    renew: Callable[[], object] = lambda: None
    publish: Callable[[str, dict[str, Any]], None] = lambda _kind, _data: None
    scales: Scales = as_sent

    def registry(self, community: str) -> Registry:
        """The present picture. NotFound where it has no such community."""
        registry = self.registrar.current
        if community not in registry.communities:
            raise NotFound(f"no community {community[:63]!r}")
        return registry

    def overview(self, community: str) -> Overview:
        """Every line with its device, and everything that does not add up."""
        registry = self.registry(community)
        expected, devices, tests = self.records.read(
            lambda books: (
                books.commissioning.expected(community),
                books.commissioning.devices(community),
                books.commissioning.tests(community),
            )
        )
        return overview(
            community,
            expected,
            devices,
            tests,
            registry=registry,
            catalogue=self.catalogue,
            live=self.live,
            now=self.clock.now(),
        )


class CommissioningDesk:
    """From any thread. NotFound for a community that there is not; who may ask is the caller's to check."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ids = IdMaker()

    # --- looking ------------------------------------------------------------------------------------------------

    def overview(self, community: str) -> Overview:
        """Every line with its device, and everything that does not add up."""
        return self._parts.overview(community)

    def spans(self, community: str) -> list[Span]:
        """Times of commissioning, in order of their beginning."""
        self._parts.registry(community)
        return self._parts.records.read(lambda books: books.commissioning.spans(community))

    def kinds(self, community: str) -> list[KindState]:
        """Every kind that the community has, with how far it is."""
        registry, now = self._parts.registry(community), self._parts.clock.now()
        said = registry.commissioning.get(community, NOT_COMMISSIONED)
        found: dict[str, list[bool]] = {}
        for facility in registry.facilities.values():
            if facility.community == community:
                quiet = said.over(Subject(facility.id, facility.kind, "", ""), now) is not None
                found.setdefault(facility.kind, []).append(quiet)
        live = {word.kind: word.at for word in said.live if word.at <= now}
        order = {kind: rank for rank, kind in enumerate(self._parts.catalogue.kinds)}
        return [
            KindState(kind, len(quiet), None if any(quiet) else live.get(kind), sum(quiet))
            for kind, quiet in sorted(found.items(), key=lambda item: order.get(item[0], len(order)))
        ]

    def unsent(self, community: str, kind: str | None = None, *, span: int = WEEK) -> list[Unsent]:
        """What the rules would have sent in the last ``span`` ms, by facility and rule; of one kind, or of all."""
        registry, now = self._parts.registry(community), self._parts.clock.now()
        rows = self._parts.records.read(lambda books: books.commissioning.recorded(community, now - span))
        rules = {rule.id: rule for rule in registry.rules.get(community, ())}
        history = [
            Recorded(row.at, row.kind, alarm.id, alarm.rule, ticket_key(alarm), alarm.facility, alarm.priority)
            for row in rows
            for alarm in [row.alarm]
            if kind is None or _kind_of(registry, community, alarm.facility) == kind
            if alarm.rule not in rules or rules[alarm.rule].raises_ticket
        ]
        return would_have_sent(history)

    # --- what is being commissioned -----------------------------------------------------------------------------

    def begin(self, community: str, part: Part, of: str, *, by: str, until: int | None = None, note: str = "") -> Span:
        """From now on alarms there are recorded and nobody is told; ``until`` None: for the longest time.

        It goes on without a break where a kind has gone live since, and takes that in again.
        """
        registry, now = self._parts.registry(community), self._parts.clock.now()
        end = now + LONGEST if until is None else until
        if not now < end <= now + LONGEST:
            raise InvalidInput(
                "the end is not ahead, or too far", pointer="/until", expected="a time within the next 90 days"
            )
        self._check_part(registry, community, part, of)
        said = registry.commissioning.get(community, NOT_COMMISSIONED)
        running = [span for span in said.holding(now) if span.part is part and span.of == of]
        if any(not any(word.at >= span.since for word in said.live) for span in running):
            raise IllegalTransition("it is in commissioning already")
        span = Span(
            id=self._ids.make(now), community=community, part=part, of=of, since=now, until=end, by=by, note=note
        )

        def work(books: CommissioningBooks) -> Span:
            for before in running:
                books.commissioning.put_span(replace(before, until=now, ended_by=by))
            books.commissioning.put_span(span)
            return span

        return self._change("commissioning_begun", f"{community}/{part}/{of}", by, work)

    def end(self, community: str, span_id: str, *, by: str) -> Span:
        """People are told again from now on, at once of what is wrong at this moment."""
        now = self._parts.clock.now()
        self._parts.registry(community)

        def work(books: CommissioningBooks) -> Span:
            found = next((span for span in books.commissioning.spans(community) if span.id == span_id), None)
            if found is None:
                raise NotFound(f"no commissioning {span_id[:63]!r}")
            if found.until is not None and found.until <= now:
                raise IllegalTransition("it is over already")
            ended = replace(found, until=max(now, found.since), ended_by=by)
            books.commissioning.put_span(ended)
            return ended

        return self._change("commissioning_ended", f"{community}/{span_id}", by, work)

    def go_live(self, community: str, kind: str, *, by: str) -> int:
        """End commissioning for a kind of facility, and for all once none is left; how many facilities went live."""
        now = self._parts.clock.now()
        state = next((each for each in self.kinds(community) if each.kind == kind), None)
        if state is None:
            raise NotFound(f"{community} has no facility of kind {kind[:63]!r}")
        if not state.commissioned:
            raise IllegalTransition(f"no facility of kind {kind} is in commissioning")
        last = not any(each.commissioned for each in self.kinds(community) if each.kind != kind)

        def work(books: CommissioningBooks) -> int:
            books.commissioning.go_live(GoneLive(community=community, kind=kind, at=now, by=by))
            for span in books.commissioning.spans(community):
                if last and span.holds_at(now):
                    books.commissioning.put_span(replace(span, until=now, ended_by=by))
            return state.commissioned

        return self._change("gone_live", f"{community}/{kind}", by, work)

    # --- devices ------------------------------------------------------------------------------------------------

    def take_place(self, community: str, line_id: str, device_id: str, *, by: str) -> None:
        """Somebody has looked: this waiting device is the one of that line, whatever its serial says."""
        registry, now = self._parts.registry(community), self._parts.clock.now()

        def work(books: CommissioningBooks) -> None:
            book = books.commissioning
            line = next((line for line in book.missing([community]) if line.id == line_id), None)
            if line is None:
                raise NotFound(f"no line {line_id[:80]!r} waits for its device")
            heard = find_heard(book, device_id)
            if heard[0].community != community:
                raise InvalidInput("it is of another community", pointer="/device", expected=f"one of {community}")
            match = Match(line, heard[0], by)
            device, bindings = settle(match, heard, registry, gateway_of(book, line, registry), self._parts.scales)
            book.arrive(match, device, bindings, now)

        self._change("device_matched", f"{community}/{line_id} = {device_id}", by, work)

    def swap(self, community: str, one: str, other: str, *, by: str) -> None:
        """Two devices hang in each other's place: from now on each speaks for where it is. What was before stays."""
        registry, now = self._parts.registry(community), self._parts.clock.now()
        pair = []
        for name in (one, other):
            device = registry.devices.get(name)
            if device is None or device.community != community:
                raise NotFound(f"no device {name[:80]!r} in use")
            pair.append(device)
        bindings = change_over(registry, one, other, now)
        self._change(
            "devices_swapped",
            f"{one} <> {other}",
            by,
            lambda books: books.commissioning.swap((pair[0], pair[1]), bindings),
        )
        self._parts.walks.reopen({one, other})
        self._parts.publish(
            "walk", {"community": community, "device": one, "other_device": other, "changed_over": True}
        )

    # --- inside -------------------------------------------------------------------------------------------------

    def _change(self, action: str, what: str, by: str, work: Callable[[CommissioningBooks], T]) -> T:
        entry = AuditEntry(at=self._parts.clock.now(), by=by, action=action, object=what)

        def both(books: CommissioningBooks) -> T:
            result = work(books)
            books.people.record(entry)
            return result

        result = self._parts.records.write(both)
        self._parts.renew()
        return result

    @staticmethod
    def _check_part(registry: Registry, community: str, part: Part, of: str) -> None:
        """InvalidInput names what there is not."""
        if part is Part.COMMUNITY and not of:
            return
        if part is Part.FACILITY and (community, of) in registry.facilities:
            return
        device = registry.devices.get(of)
        if part is Part.GATEWAY and device is not None and device.community == community:
            return
        expected = {Part.COMMUNITY: "nothing", Part.FACILITY: "a facility in use", Part.GATEWAY: "a device in use"}
        raise InvalidInput(f"no {part} {of[:80]!r} in {community}", pointer="/of", expected=expected[part])


def _kind_of(registry: Registry, community: str, facility: str) -> str:
    known: Mapping[tuple[str, str], Any] = registry.facilities
    found = known.get((community, facility)) or registry.retired.get((community, facility))
    return found.kind if found is not None else ""
