"""Pictures as the registry that lanes and pages look things up in."""

from __future__ import annotations

from dataclasses import replace

from hub.domain.catalogue import Catalogue
from hub.domain.commissioning import Commissioning, Part, Span
from hub.flows.community.picture import Picture
from hub.flows.registry import Registry
from hub.storage.community.rules import rules_in_force


def registry_of(*pictures: Picture, catalogue: Catalogue, version: int = 1) -> Registry:
    """One registry of all communities, with the catalogue's presets as each community changes them."""
    facilities = [facility for picture in pictures for facility in picture.facilities.values()]
    return Registry(
        version=version,
        communities={p.community.id: p.community for p in pictures},
        places={(p.community.id, place.id): place for p in pictures for place in p.places.values()},
        facilities={(f.community, f.id): f for f in facilities if f.retired_at is None},
        retired={(f.community, f.id): f for f in facilities if f.retired_at is not None},
        crews={(p.community.id, crew.id): crew for p in pictures for crew in p.crews.values()},
        parties={(p.community.id, party.id): party.name for p in pictures for party in p.parties.values()},
        devices={device.id: device for p in pictures for device in p.devices.values()},
        bindings={point: spans for p in pictures for point, spans in p.bindings.items()},
        failure_modes=dict(catalogue.failure_modes),
        commissioning={
            p.community.id: Commissioning(
                spans=tuple(_of_a_device(span, p) for span in p.commissioning.values()), live=p.live
            )
            for p in pictures
            if p.commissioning
        },
        rules={p.community.id: rules_in_force(dict(p.rules), catalogue) for p in pictures},
    )


def _of_a_device(span: Span, picture: Picture) -> Span:
    """A file may name a gateway by its line in the list of expected devices."""
    line = picture.expected.get(span.of.partition("~")[2]) if span.part is Part.GATEWAY else None
    return replace(span, of=line.device) if line is not None and line.device else span
