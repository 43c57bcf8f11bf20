"""A facility is normal only where everything that its rules watch is heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.facility_state import FacilityState, Voice, facility_state

JUDGED = Voice(known=True, judged=True, watched=True)
WATCHED = Voice(known=True, judged=False, watched=True)
LOOSE = Voice(known=True, judged=False, watched=False)


def silent(voice: Voice) -> Voice:
    return voice._replace(known=False)


@pytest.mark.parametrize(
    ("voices", "state"),
    [
        ([], FacilityState.UNKNOWN),
        ([silent(JUDGED), silent(WATCHED)], FacilityState.UNKNOWN),
        ([silent(JUDGED), WATCHED, LOOSE], FacilityState.UNKNOWN),
        ([JUDGED, silent(JUDGED)], FacilityState.PARTLY_UNKNOWN),
        ([JUDGED, silent(WATCHED)], FacilityState.PARTLY_UNKNOWN),
        ([JUDGED, *[silent(WATCHED)] * 33], FacilityState.PARTLY_UNKNOWN),
        ([JUDGED, WATCHED, silent(LOOSE)], FacilityState.NORMAL),
        ([LOOSE, LOOSE], FacilityState.NORMAL),
        ([LOOSE, silent(LOOSE)], FacilityState.PARTLY_UNKNOWN),
        ([silent(LOOSE)], FacilityState.UNKNOWN),
    ],
)
def test_worked_examples(voices: list[Voice], state: FacilityState) -> None:
    assert facility_state(voices, alarmed=False) is state
    assert facility_state(voices, alarmed=True) is FacilityState.ALARM
    assert facility_state(voices, alarmed=False, lost=True) is FacilityState.UNKNOWN
    assert facility_state(voices, alarmed=True, lost=True) is FacilityState.ALARM


VOICES = st.lists(st.builds(Voice, known=st.booleans(), judged=st.booleans(), watched=st.booleans()))
RANK = {FacilityState.UNKNOWN: 0, FacilityState.PARTLY_UNKNOWN: 1, FacilityState.NORMAL: 2}


@given(VOICES)
def test_a_silent_judged_point_is_never_normal(voices: list[Voice]) -> None:
    assert facility_state([*voices, silent(JUDGED)], alarmed=False) is not FacilityState.NORMAL


@given(VOICES, st.data())
def test_a_point_that_falls_silent_never_makes_it_look_better(voices: list[Voice], data: st.DataObject) -> None:
    if not voices:
        return
    which = data.draw(st.integers(0, len(voices) - 1))
    quieter = [silent(voice) if n == which else voice for n, voice in enumerate(voices)]
    assert RANK[facility_state(quieter, alarmed=False)] <= RANK[facility_state(voices, alarmed=False)]
