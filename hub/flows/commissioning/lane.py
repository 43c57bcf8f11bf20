"""The alarm lane's part in commissioning: expected devices that come, and tests of points, in the lane's own transactions."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from hub.clock import SECOND, to_iso
from hub.domain.walk import Outcome, PointTest
from hub.errors import StoreUnavailable
from hub.flows.batch import Decoded
from hub.flows.commissioning.arrivals import heard_in, take_arrivals
from hub.flows.commissioning.ports import CommissioningBook
from hub.flows.commissioning.walking import Hearing, Walks
from hub.flows.community.adoption import Scales, as_sent
from hub.flows.registry import Registry

RENEW_EVERY_MS: Final = 1 * SECOND
"""The registry is read anew at most so often, however many devices come."""
log: Final = logging.getLogger(__name__)


class LaneBooks(Protocol):
    """What of the books is opened here."""

    @property
    def commissioning(self) -> CommissioningBook: ...


class Commissioner:
    """``renew`` reads the registry anew after devices have taken their places. The alarm lane's thread only, but ``walks``."""

    def __init__(self, renew: Callable[[], object] = lambda: None, scales: Scales = as_sent) -> None:
        self.walks = Walks()
        self._renew = renew
        self._scales = scales
        self._tests: list[PointTest] = []
        self._arrived = False
        self._renewal_due = False
        self._renewed_at = 0

    def look(self, batch: Decoded, values: NDArray[np.float64], late: NDArray[np.bool_], hearing: Hearing) -> bool:
        """Whether the batch has something to keep for those who walk."""
        self._tests = self.walks.heard(batch, values, late, hearing)
        return bool(self._tests)

    def keep(self, books: LaneBooks, batch: Decoded, registry: Registry, now: int) -> None:
        """In the transaction of the batch, after its devices have been written down."""
        devices = heard_in(batch)
        if devices:
            self._arrived = bool(take_arrivals(books.commissioning, registry, now, self._scales, devices=devices))
        if self._tests:
            books.commissioning.add_tests(self._tests)

    def written(self, publish: Callable[[str, dict[str, Any]], None], now: int) -> None:
        """After the commit."""
        tests, self._tests = self._tests, []
        self._renewal_due |= self._arrived
        self._arrived = False
        if tests:
            self.walks.tested(tests)
        for test in tests:
            publish("walk", test_data(test))
        self.renew(now)

    def renew(self, now: int) -> None:
        """Read the registry anew where devices have come and the last time is long enough ago; the lane ticks every second."""
        if not self._renewal_due or now < self._renewed_at + RENEW_EVERY_MS:
            return
        try:
            self._renew()
        except StoreUnavailable as error:
            log.warning("the registry waits for its records: %s", error, extra={"action": "renewal_postponed"})
        else:
            self._renewal_due = False
        self._renewed_at = now


def test_data(test: PointTest) -> dict[str, Any]:
    """A test as the event stream tells it."""
    return {
        "community": test.community,
        "device": test.device,
        "point": test.point,
        "outcome": test.outcome.value,
        "how": test.how.value,
        "value": test.value,
        "text": test.text,
        "by": test.by,
        "at": to_iso(test.at),
        "other_device": test.other_device,
        "other_point": test.other_point,
        "swapped": test.outcome is Outcome.OTHER_FIRED,
    }
