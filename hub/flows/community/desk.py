"""The registry's front desk: imports, adoptions and checks as units of work, and the newer picture handed on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from hub.clock import Clock
from hub.domain.catalogue import Catalogue
from hub.domain.places import Binding, Device
from hub.flows.community.adoption import Adoption, InboxDevice, InboxPoint, adopt, suggest
from hub.flows.community.check import Finding, check
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


class RegistryBooks(Protocol):
    """The books that the desk opens."""

    @property
    def registry(self) -> RegistryBook: ...


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
    ) -> None:
        self._records = records
        self._registrar = registrar
        self._catalogue = catalogue
        self._clock = clock
        self._handed_on = handed_on
        self._refreshing = threading.Lock()

    def open(self) -> None:
        """Put the stored picture in place. ConfigError where a stored rule no longer fits the catalogue."""
        self._refresh()

    def import_file(self, wish: Wish, *, dry_run: bool = False) -> ImportPlan:
        """Plan, and unless it is a dry run apply in the same transaction."""
        now = self._clock.now()
        community = wish.picture.community.id

        def work(books: RegistryBooks) -> ImportPlan:
            plan = plan_import(books.registry.picture(community, self._catalogue), wish, now=now)
            if not dry_run:
                books.registry.apply(plan)
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
            taken = [adopt(adoption, waiting, registry) for adoption in adoptions]
            books.registry.adopt(taken)
            return [device for device, _ in taken]

        devices = self._records.write(work)
        self._refresh()
        return devices

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
