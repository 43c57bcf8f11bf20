"""Pictures as the registry that lanes and pages look things up in."""

from __future__ import annotations

from hub.domain.catalogue import Catalogue
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
        rules={p.community.id: rules_in_force(dict(p.rules), catalogue) for p in pictures},
    )
