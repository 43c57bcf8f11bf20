"""A section of the board shows everything that is not well, and no endless row of what is."""

from __future__ import annotations

from hub.domain.facility_state import FacilityState
from hub.domain.places import Facility, Name
from hub.web.board.pages import MOST_TILES, USUAL_TILES, Group, grouped
from hub.web.picture import FacilityView


def views(normal: int, alarmed: int) -> tuple[FacilityView, ...]:
    states = [FacilityState.NORMAL] * normal + [FacilityState.ALARM] * alarmed
    return tuple(
        FacilityView(
            facility=Facility(community="c", id=f"f{number:04}", kind="lift", name=Name(zh="", en="")),
            state=state,
            alarms=(),
            points=(),
        )
        for number, state in enumerate(states)
    )


def only_group(normal: int, alarmed: int) -> Group:
    (group,) = grouped(views(normal, alarmed), lambda _view: (0, "all"))
    return group


def test_a_small_section_is_shown_whole() -> None:
    group = only_group(normal=30, alarmed=2)
    assert (group.total, len(group.tiles)) == (32, 32)
    assert [view.state for view in group.tiles[:2]] == [FacilityState.ALARM] * 2


def test_a_large_section_shows_what_is_not_well_and_some_of_the_rest() -> None:
    group = only_group(normal=1000, alarmed=5)
    assert (group.total, len(group.tiles)) == (1005, USUAL_TILES)
    assert sum(view.state is FacilityState.ALARM for view in group.tiles) == 5


def test_everything_that_is_not_well_is_shown_up_to_a_bound() -> None:
    assert len(only_group(normal=1000, alarmed=120).tiles) == 120
    assert len(only_group(normal=0, alarmed=900).tiles) == MOST_TILES
