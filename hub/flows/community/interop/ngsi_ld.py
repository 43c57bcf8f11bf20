"""A community as NGSI-LD entities (ETSI GS CIM 009) of the Smart Data Models: Building and Device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hub.clock import to_iso
from hub.domain.places import Binding, Device, PlaceKind
from hub.flows.community.interop.vocabulary import SDM_OF_METRIC
from hub.flows.community.picture import Picture

Entity = dict[str, Any]
_CONTEXT: Final = (
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld",
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Device/master/context.jsonld",
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Building/master/context.jsonld",
)


def ngsi_entities(picture: Picture, *, now: int) -> list[Entity]:
    """Buildings, and each device with what it controls and the facility it speaks for at ``now`` (epoch ms)."""
    by_device: dict[str, list[Binding]] = {}
    for spans in picture.bindings.values():
        for binding in spans:
            if binding.holds_at(now):
                by_device.setdefault(binding.device, []).append(binding)
    return [*_buildings(picture), *(_device(d, by_device.get(d.id, [])) for d in picture.devices.values())]


def _buildings(picture: Picture) -> Iterator[Entity]:
    for place in picture.places.values():
        if place.kind is PlaceKind.BUILDING:
            yield _entity("Building", f"{place.community}:{place.id}") | {
                "name": _property(place.name.zh or place.name.en),
                "alternateName": _property(place.name.en or place.name.zh),
                "category": _property(["residential"]),
            }


def _device(device: Device, bindings: list[Binding]) -> Entity:
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
    assets = sorted({f"urn:ngsi-ld:Facility:{b.community}:{b.facility}" for b in bindings})
    if assets:
        found["controlledAsset"] = {"type": "Relationship", "object": assets[0] if len(assets) == 1 else assets}
    return found


def _entity(kind: str, own: str) -> Entity:
    return {"id": f"urn:ngsi-ld:{kind}:{own}", "type": kind, "@context": list(_CONTEXT)}


def _property(value: object) -> Entity:
    return {"type": "Property", "value": value}
