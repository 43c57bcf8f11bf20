"""The registry as columns: calibration, dated bindings, growth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.places import Binding, Facility, Name
from hub.flows.batch import PointKey, Slots
from hub.flows.bindings import UNBOUND, Bindings
from hub.flows.registry import Registrar, Registry
from tests.flows.community import HOME, hub_id, registry, silence_rule

KEY = PointKey("c", "c~d", "temperature")


def picture(*bindings: Binding, version: int = 1) -> Registry:
    return Registry(
        version=version,
        facilities={
            ("c", name): Facility(community="c", id=name, kind="lift", name=Name(zh=name, en=name))
            for name in ("lift-1", "lift-2")
        },
        bindings={("c~d", "temperature"): bindings},
    )


def bound(facility: str = "lift-1", **more: object) -> Binding:
    return Binding(community="c", device="c~d", point="temperature", facility=facility, **more)  # type: ignore[arg-type]  # keyword pass-through


def ask(bindings: Bindings, times: list[int], values: list[float]) -> tuple[list[str], list[float]]:
    slot = np.zeros(len(times), np.int64)
    rows = bindings.rows(slot, np.array(times, np.int64))
    return [bindings.spots[row].facility for row in rows], bindings.calibrated(np.array(values), rows).tolist()


def table(*bindings: Binding) -> tuple[Bindings, Registrar, Slots]:
    slots = Slots()
    slots.slot(KEY)
    registrar = Registrar(picture(*bindings))
    made = Bindings(registrar, slots)
    made.refresh()
    return made, registrar, slots


def test_each_reading_is_placed_and_read_by_the_binding_of_its_own_time() -> None:
    bindings, _, _ = table(
        bound("lift-1", valid_from=100, valid_to=200, factor=2.0, offset=1.0), bound("lift-2", valid_from=300)
    )
    facilities, values = ask(bindings, [50, 100, 199, 200, 300, 999], [5.0] * 6)
    assert facilities == ["", "lift-1", "lift-1", "", "lift-2", "lift-2"]
    assert values == [5.0, 11.0, 11.0, 5.0, 5.0, 5.0]


def test_an_inverted_contact_is_turned_before_factor_and_offset() -> None:
    bindings, _, _ = table(bound(inverted=True, factor=10.0, offset=3.0))
    assert ask(bindings, [1, 2], [0.0, 1.0])[1] == [13.0, 3.0]


def test_new_slots_and_a_new_picture_are_taken_in() -> None:
    bindings, registrar, slots = table(bound("lift-1"))
    slots.slot(PointKey("c", "c~other", "x"))
    assert bindings.refresh() is False
    assert bindings.newest(1) == UNBOUND
    registrar.replace(picture(bound("lift-2"), version=2))
    assert bindings.refresh() is True
    assert ask(bindings, [1], [1.0])[0] == ["lift-2"]
    assert bindings.slots_bound().tolist() == [0]


@given(st.lists(st.integers(0, 400), min_size=1, max_size=30), st.lists(st.integers(1, 399), min_size=2, max_size=6))
def test_columns_agree_with_the_registry(times: list[int], cuts: list[int]) -> None:
    edges = sorted(set(cuts))
    spans = [
        bound("lift-1", valid_from=a, valid_to=b, factor=1.0 + index, offset=float(index), inverted=index % 2 == 1)
        for index, (a, b) in enumerate(pairwise(edges))
    ]
    bindings, registrar, _ = table(*spans)
    facilities, values = ask(bindings, times, [0.25] * len(times))
    for time, facility, value in zip(times, facilities, values, strict=True):
        binding = registrar.current.binding("c~d", "temperature", time)
        assert facility == ("" if binding is None else binding.facility)
        raw = 0.75 if binding is not None and binding.inverted else 0.25
        expected = 0.25 if binding is None else raw * binding.factor + binding.offset
        assert abs(value - expected) < 1e-12


def test_that_a_battery_is_silent_concerns_no_rule_that_does_not_name_it() -> None:
    watched = registry(silence_rule(id="every"), silence_rule(id="named", metric="battery_low"))

    def watching(point: str) -> list[str]:
        binding = Binding(community=HOME, device=hub_id("pump"), point=point, facility="room-pump")
        return [rule.id for rule in watched.rules_for_point(binding)]

    assert watching("temperature") == ["every"]
    assert watching("battery") == []
    assert watching("battery_low") == ["named"]
