"""The registry's front desk: imports, adoptions and checks as units of work, and the newer picture handed on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple, Protocol

from hub.clock import Clock
from hub.domain.catalogue import Catalogue
from hub.domain.people import AuditEntry
from hub.domain.places import Binding, Device, DeviceState, Name
from hub.errors import IllegalTransition, NotFound, Stale
from hub.flows.commissioning.arrivals import take_arrivals
from hub.flows.commissioning.ports import CommissioningBook
from hub.flows.community.adoption import Adoption, InboxDevice, InboxPoint, Scales, adopt, as_sent, suggest
from hub.flows.community.check import Finding, check
from hub.flows.community.exchange import Exchange, exchange
from hub.flows.community.picture import Picture, Wish
from hub.flows.community.plan import ImportPlan, plan_import
from hub.flows.ports import Records
from hub.flows.registry import Registrar, Registry


class RegistryBook(Protocol):
    """The registry's tables, open inside one transaction."""

    def load(self, catalogue: Catalogue) -> Registry: ...
    def picture(self, community: str, catalogue: Catalogue) -> Picture | None: ...
    def apply(self, plan: ImportPlan) -> bool: ...
    def inbox(self) -> list[tuple[Device, tuple[InboxPoint, ...]]]: ...
    def adopt(self, adopted: Sequence[tuple[Device, tuple[Binding, ...]]]) -> None: ...
    def retire_device(self, device: str, *, now: int) -> bool: ...
    def version(self) -> int: ...
    def device(self, device: str) -> tuple[Device, tuple[InboxPoint, ...]] | None: ...
    def bindings_of(self, device: str) -> dict[str, tuple[Binding, ...]]: ...
    def change(
        self, devices: Iterable[Device], bindings: Mapping[tuple[str, str], tuple[Binding, ...]] = ...
    ) -> None: ...


class AuditBook(Protocol):
    """Who did what."""

    def record(self, entry: AuditEntry) -> None: ...


class RegistryBooks(Protocol):
    """The books that the desk opens."""

    @property
    def registry(self) -> RegistryBook: ...
    @property
    def commissioning(self) -> CommissioningBook: ...
    @property
    def people(self) -> AuditBook: ...


class DeviceFile(NamedTuple):
    """All that the records hold of one device."""

    device: Device
    points: tuple[InboxPoint, ...]
    """What it has been heard to say."""
    bindings: dict[str, tuple[Binding, ...]]
    """By point, in order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What people decide about a device. What is left out stays."""

    name: Name | None = None
    dates: Mapping[str, date | None] = field(default_factory=dict)
    """Of ``sim_expires``, ``calibrated_until`` and ``end_of_life``; None takes one away."""


class RegistryDesk:
    """Call ``open`` once the records are open. ``handed_on`` is told after each change, with the newer picture in place.

    Methods may be called from any thread but the records' own writer. StoreUnavailable where the records are away.
    """

    def __init__(
        self,
        *,
        records: Records[RegistryBooks],
        registrar: Registrar,
        catalogue: Catalogue,
        clock: Clock,
        handed_on: Callable[[Registry], None] = lambda _registry: None,
        scales: Scales = as_sent,
    ) -> None:
        self._records = records
        self._registrar = registrar
        self._catalogue = catalogue
        self._clock = clock
        self._handed_on = handed_on
        self._scales = scales
        self._refreshing = threading.Lock()

    def open(self) -> None:
        """Put the stored picture in place. ConfigError where a stored rule no longer fits the catalogue."""
        self._refresh()

    def import_file(self, wish: Wish, *, dry_run: bool = False) -> ImportPlan:
        """Plan, and unless it is a dry run apply in the same transaction. Expected devices that wait take their places."""
        now = self._clock.now()
        community = wish.picture.community.id

        def work(books: RegistryBooks) -> ImportPlan:
            plan = plan_import(books.registry.picture(community, self._catalogue), wish, now=now)
            if not dry_run and books.registry.apply(plan) and plan.result.expected:
                take_arrivals(books.commissioning, books.registry.load(self._catalogue), now, self._scales)
            return plan

        plan = self._records.read(work) if dry_run else self._records.write(work)
        if plan.changes and not dry_run:
            self._refresh()
        return plan

    def export(self, community: str) -> Picture | None:
        """What the records hold of one community; None where there is none."""
        return self._records.read(lambda books: books.registry.picture(community, self._catalogue))

    def check(self) -> list[Finding]:
        """What is wrong or missing in the stored registry."""
        registry = self._records.read(lambda books: books.registry.load(self._catalogue))
        return check(registry, self._catalogue, now=self._clock.now())

    def waiting(self) -> Sequence[InboxDevice]:
        """Devices that wait for adoption, oldest first, each with a guess of what it is."""
        found = self._records.read(lambda books: books.registry.inbox())
        registry = self._registrar.current
        return [suggest(device, points, registry, self._catalogue) for device, points in found]

    def adopt(self, adoptions: Sequence[Adoption]) -> Sequence[Device]:
        """All or none. Their readings count from the first message on. InvalidInput names the device and the field."""

        def work(books: RegistryBooks) -> list[Device]:
            registry = books.registry.load(self._catalogue)
            waiting = {device.id: (device, points) for device, points in books.registry.inbox()}
            taken = [adopt(adoption, waiting, registry, self._scales) for adoption in adoptions]
            books.registry.adopt(taken)
            return [device for device, _ in taken]

        devices = self._records.write(work)
        self._refresh()
        return devices

    # --- devices ------------------------------------------------------------------------------------------------

    def device(self, device: str) -> DeviceFile:
        """NotFound where nothing has ever been heard of it."""

        def work(books: RegistryBooks) -> DeviceFile:
            return _file(books.registry, device)

        return self._records.read(work)

    def amend(self, device: str, amendment: Amendment, *, by: str, seen: Device | None = None) -> Device:
        """Its id, its history and its bindings stay. Stale where it is not as the caller has ``seen`` it."""

        def work(books: RegistryBooks) -> Device:
            found = _unchanged(_file(books.registry, device).device, seen)
            dates: dict[str, Any] = dict(amendment.dates)
            amended = replace(found, name=amendment.name or found.name, **dates)
            if amended != found:
                books.registry.change([amended])
                told = {key: "" if day is None else day.isoformat() for key, day in amendment.dates.items()}
                self._note(books, by, "device_changed", device, name=amended.name.say("en"), **told)
            return amended

        return self._changed(work)

    def retire(self, device: str, *, by: str, seen: Device | None = None) -> Device:
        """Out of use from now on; its history stays. IllegalTransition where it is so already."""
        now = self._clock.now()

        def work(books: RegistryBooks) -> Device:
            found = _unchanged(_file(books.registry, device).device, seen)
            if not books.registry.retire_device(device, now=now):
                raise IllegalTransition(f"{device} is retired already")
            self._note(books, by, "device_retired", device)
            return replace(found, state=DeviceState.RETIRED)

        return self._changed(work)

    def exchange(self, asked: Exchange, *, seen: Device | None = None) -> Device:
        """The new device in the old one's place; see hub.flows.community.exchange. The new one as it is now."""
        now = self._clock.now()

        def work(books: RegistryBooks) -> Device:
            old, new = _file(books.registry, asked.device), _file(books.registry, asked.by)
            _unchanged(old.device, seen)
            done = exchange(asked, (old.device, old.bindings), (new.device, new.bindings), new.points, now=now)
            books.registry.change([done.old, done.new], done.bindings)
            books.commissioning.succeed(asked.device, asked.by, by=asked.who)
            self._note(books, asked.who, "device_replaced", asked.device, successor=asked.by)
            return done.new

        return self._changed(work)

    def _changed(self, work: Callable[[RegistryBooks], Device]) -> Device:
        device = self._records.write(work)
        self._refresh()
        return device

    def _note(self, books: RegistryBooks, by: str, action: str, device: str, **detail: str) -> None:
        told = json.dumps(detail, ensure_ascii=False)
        entry = AuditEntry(at=self._clock.now(), by=by, action=action, object=f"device:{device}", detail=told)
        books.people.record(entry)

    def renew(self) -> None:
        """Put a newer stored picture in place, if there is one: devices may have said who their gateway is."""
        stored = self._records.read(lambda books: books.registry.version())
        if stored > self._registrar.current.version:
            self._refresh()

    def retire_device(self, device: str) -> bool:
        """Out of use from now on; its history stays. False where there is no such device in use."""
        now = self._clock.now()
        done = self._records.write(lambda books: books.registry.retire_device(device, now=now))
        if done:
            self._refresh()
        return done

    def _refresh(self) -> None:
        with self._refreshing:
            registry = self._records.read(lambda books: books.registry.load(self._catalogue))
            if registry.version > self._registrar.current.version:
                self._registrar.replace(registry)
                self._handed_on(registry)


def _file(book: RegistryBook, device: str) -> DeviceFile:
    found = book.device(device)
    if found is None:
        raise NotFound(f"no device {device[:80]!r}")
    return DeviceFile(*found, book.bindings_of(device))


def _unchanged(stored: Device, seen: Device | None) -> Device:
    if seen is not None and replace(seen, about=stored.about) != stored:
        raise Stale(f"device {stored.id} has changed since: look at it again")
    return stored
