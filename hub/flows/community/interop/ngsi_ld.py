"""A community as NGSI-LD entities (ETSI GS CIM 009) of the Smart Data Models: Building and Device.

A facility is neither; it is an entity of the type ``Facility`` in the core's default vocabulary, so that what devices
control is there too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from hub.clock import to_iso
from hub.domain.places import Binding, Device, DeviceState, Facility, Name, PlaceKind
from hub.flows.community.interop.vocabulary import SDM_OF_METRIC
from hub.flows.community.picture import Picture

Entity = dict[str, Any]
NO_BATTERIES: Final[Mapping[str, float]] = MappingProxyType({})
_CONTEXT: Final = (
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld",
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Device/master/context.jsonld",
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Building/master/context.jsonld",
)


def ngsi_entities(picture: Picture, *, now: int, batteries: Mapping[str, float] = NO_BATTERIES) -> list[Entity]:
    """Buildings, facilities in use, and each adopted device with the facilities that it speaks for at ``now`` (epoch ms).

    ``batteries``: hub id -> how full, 0 to 1, of those that have said it lately.
    """
    by_device: dict[str, list[Binding]] = {}
    for spans in picture.bindings.values():
        for binding in spans:
            if binding.holds_at(now):
                by_device.setdefault(binding.device, []).append(binding)
    facilities = [_facility(each, picture) for each in picture.facilities.values() if each.retired_at is None]
    devices = [
        _device(each, by_device.get(each.id, []), batteries.get(each.id))
        for each in picture.devices.values()
        if each.state is DeviceState.ADOPTED
    ]
    return [*_buildings(picture), *facilities, *devices]


def _buildings(picture: Picture) -> Iterator[Entity]:
    for place in picture.places.values():
        if place.kind is PlaceKind.BUILDING:
            yield _entity("Building", f"{place.community}:{place.id}") | {
                **_names(place.name),
                "category": _property(["residential"]),
            }


def _facility(facility: Facility, picture: Picture) -> Entity:
    found = _entity("Facility", f"{facility.community}:{facility.id}") | {
        **_names(facility.name),
        "category": _property([facility.kind]),
    }
    place = picture.places.get(facility.building or "")
    while place is not None and place.kind is not PlaceKind.BUILDING:
        place = picture.places.get(place.parent or "")
    if place is not None:
        found["refBuilding"] = _relationship(f"urn:ngsi-ld:Building:{place.community}:{place.id}")
    return found


def _names(name: Name) -> Entity:
    return {"name": _property(name.zh or name.en), "alternateName": _property(name.en or name.zh)}


def _device(device: Device, bindings: list[Binding], battery: float | None) -> Entity:
    found = _entity("Device", device.id.replace("~", ":")) | {
        "name": _property(device.name.zh or device.name.en),
        "category": _property(["sensor"]),
        "controlledProperty": _property(
            sorted({SDM_OF_METRIC.get(b.metric_name(), b.metric_name()) for b in bindings}) or ["unknown"]
        ),
    }
    for key, value in (
        ("brandName", device.its_maker),
        ("modelName", device.its_model),
        ("serialNumber", device.about.serial),
        ("firmwareVersion", device.about.firmware),
    ):
        if value:
            found[key] = _property(value)
    if device.first_seen:
        found["dateFirstUsed"] = _property({"@type": "DateTime", "@value": to_iso(device.first_seen)})
    if battery is not None:
        found["batteryLevel"] = _property(battery)
    assets = sorted({f"urn:ngsi-ld:Facility:{b.community}:{b.facility}" for b in bindings})
    if assets:
        found["controlledAsset"] = _relationship(assets[0] if len(assets) == 1 else assets)
    return found


def _entity(kind: str, own: str) -> Entity:
    return {"id": f"urn:ngsi-ld:{kind}:{own}", "type": kind, "@context": list(_CONTEXT)}


def _relationship(target: str | list[str]) -> Entity:
    return {"type": "Relationship", "object": target}


def _property(value: object) -> Entity:
    return {"type": "Property", "value": value}
