"""Sparkplug B 3.0: births that name what data messages carry by number, and deaths that end it.

What the births of a node taught lasts (``sparkplug_births``, ``sparkplug_nodes``); the order of its messages need not
(``sparkplug_session``). What a message means after others is in ``sparkplug_hearing``; the everyday one has a way of its own
(``sparkplug_short``).
"""

from __future__ import annotations

from typing import Final

import msgspec

from devices.contract import NO_STATE, NOTHING, Change, Decoded, Limits, Message, Problem, State
from devices.formats.protobuf_wire import TooManyFields, WireError
from devices.formats.sparkplug_heard import wait_no_longer
from devices.formats.sparkplug_hearing import hear
from devices.formats.sparkplug_host import read_state
from devices.formats.sparkplug_json import is_json, read_json
from devices.formats.sparkplug_nodes import node_of, refusal
from devices.formats.sparkplug_payload import Payload, read_payload
from devices.formats.sparkplug_short import hear_short
from devices.formats.sparkplug_topics import BIRTHS, DATA, FILTERS, Route, read_topic

BIRTH_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of a birth, which names everything at once; other messages have the limit of all messages."""


class SparkplugFormat:
    """Implements ``devices.contract.Format`` and ``TimedFormat``.

    ``injector``: a topic, or a filter that ends with ``/#``, where messages stand in Cirrus Link's JSON, which says inside
    whose they are.
    """

    name = "sparkplug"

    def __init__(self, limits: Limits | None = None, *, injector: str = "") -> None:
        self._limits = limits if limits is not None else Limits()
        self._birth_limits = msgspec.structs.replace(self._limits, payload=max(BIRTH_LIMIT, self._limits.payload))
        self._injector = injector
        self._below = injector.removesuffix("#") if injector.endswith("/#") else ""
        path = self._below or injector
        if injector and ("+" in path or "#" in path or not path.strip("/")):
            raise ValueError(f"injector {injector!r}: use a topic, or one that ends with /#")
        self.filters: tuple[str, ...] = (*FILTERS, *((injector,) if injector else ()))

    def route(self, topic: str, community: str | None) -> Route | None:
        """Who speaks, from the topic; a node belongs to the connection's community."""
        found = read_topic(topic, community or "")
        if found is not None or not self._injector:
            return found
        there = topic.startswith(self._below) if self._below else topic == self._injector
        return Route(kind="JSON", community=community or "") if there else None

    def decode(self, route: Route, message: Message, state: State = NO_STATE) -> Decoded:
        """Read one message. Never raises."""
        if route.kind in DATA and (said := hear_short(route, message, self._limits, state)) is not None:
            return said
        if route.wrong:
            return Decoded(problems=(Problem("bad_topic", route.wrong),))
        if not message.payload or route.kind in ("NCMD", "DCMD"):
            return NOTHING  # empty: a retained message was taken back
        if route.kind == "STATE":
            return _host(message.payload)
        if route.kind == "JSON":
            return self._from_cloud(route, message, state)
        return self._long_way(route, message, state)

    def tick(self, now: int, state: State) -> Decoded:
        """Requests for what did not come. Never raises."""
        return wait_no_longer(now, state)

    def _long_way(self, route: Route, message: Message, state: State) -> Decoded:
        payload = self._read(route, message.payload)
        if isinstance(payload, Problem):
            return Decoded(problems=(payload,), changes=self._refused(route, payload, state))
        return hear(route, message, payload, self._limits, state)

    def _refused(self, route: Route, problem: Problem, state: State) -> tuple[Change, ...]:
        """A birth that is too large will not be smaller when it is asked for again."""
        if route.kind not in BIRTHS or route.node is None or problem.reason not in ("too_large", "too_many_metrics"):
            return ()
        return refusal(route.node, node_of(state.get(route.node_key)), state)

    def _read(self, route: Route, data: bytes) -> Payload | Problem:
        limits = self._birth_limits if route.kind in BIRTHS else self._limits
        if len(data) > limits.payload:
            detail = f"payload of {len(data)} bytes; at most {limits.payload} are taken: send fewer metrics a message"
            return Problem("too_large", detail, route.speaker)
        if is_json(data):
            read = read_json(data, limits, route.speaker)
            return read if isinstance(read, Problem) else read[1]
        try:
            return read_payload(data, limits.payload)
        except TooManyFields as error:
            return Problem("too_many_metrics", f"{error}: spread them over messages and devices", route.speaker)
        except WireError as error:
            detail = f"no Sparkplug payload ({error}): send the Protocol Buffers message of Sparkplug B"
            return Problem("not_protobuf", detail, route.speaker)

    def _from_cloud(self, outer: Route, message: Message, state: State) -> Decoded:
        """Its topic stands inside. Nobody there hears a command, so nothing is asked for."""
        read = read_json(message.payload, self._birth_limits, None)
        if isinstance(read, Problem):
            return Decoded(problems=(read,))
        route = read_topic(read[0], outer.community)
        if route is None or route.wrong or route.node is None:
            right = (
                'send {"topic": {"namespace": "spBv1.0", "groupId": …, "edgeNodeId": …, "type": "NDATA"}, "payload": …}'
            )
            return Decoded(problems=(Problem("bad_topic", f"the topic inside is none of Sparkplug: {right}"),))
        deaf = msgspec.structs.replace(route, group="")
        return msgspec.structs.replace(hear(deaf, message, read[1], self._limits, state), requests=())


def _host(payload: bytes) -> Decoded:
    """What a host application says of itself tells nothing about the nodes."""
    if read_state(payload) is not None:
        return NOTHING
    right = 'send {"online": true, "timestamp": 1763800000123}, ONLINE or OFFLINE'
    return Decoded(problems=(Problem("bad_state", f"a host's state that says neither: {right}"),))
