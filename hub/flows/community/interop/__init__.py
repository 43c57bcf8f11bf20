"""The registry in the words of others: Brick, Project Haystack, NGSI-LD with the Smart Data Models."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.places import Binding, Facility
from hub.flows.community.picture import Picture


def in_force(picture: Picture, now: int) -> Iterator[tuple[Facility, Binding]]:
    """Each binding that holds at ``now`` (epoch ms), with the facility in use that it speaks for."""
    for spans in picture.bindings.values():
        for binding in spans:
            owner = picture.facilities.get(binding.facility)
            if binding.holds_at(now) and owner is not None and owner.retired_at is None:
                yield owner, binding
