"""A small format of pushes, as a profile would be: ``{"device", "ts", "id", "values", "fault"}`` on ``http/{source}``."""

from __future__ import annotations

from typing import Any

import msgspec

from devices.contract import NO_STATE, UNREADABLE, Decoded, DeviceRef, Event, Limits, Message, Problem, Sample, State


class Said(msgspec.Struct):
    device: str
    ts: int | None = None
    id: str | None = None
    values: dict[str, float | bool | str] = {}
    fault: str = ""


class Enveloped(msgspec.Struct):
    msg: str


class Pushed:
    """``envelope``: the message stands as text in ``msg``, as OneNET sends it."""

    name = "pushed"
    filters: tuple[str, ...] = ("http/+",)

    def __init__(self, limits: Limits | None = None, *, envelope: str = "no") -> None:
        self._enveloped = envelope == "yes"

    def route(self, topic: str, community: str | None) -> str | None:
        return community if topic.startswith("http/") else None

    def decode(self, route: str, message: Message, state: State = NO_STATE) -> Decoded:
        payload: Any = message.payload
        try:
            if self._enveloped:
                payload = msgspec.json.decode(payload, type=Enveloped).msg
            said = msgspec.json.decode(payload, type=Said)
        except UNREADABLE as error:
            return Decoded(problems=(Problem("not_json", f"cannot be read: {error}"),))
        device = DeviceRef(route, "imei", said.device)
        events = (Event(device, said.ts, "fault", said.fault, True, identity=said.id),) if said.fault else ()
        samples = (Sample(device, said.ts, said.values, said.id),) if said.values else ()
        return Decoded(samples=samples, events=events)
