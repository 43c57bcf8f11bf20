"""What a Sparkplug message means after those before it: births teach, data are read by what they taught, deaths end it.

Where something is missing, a birth or a message, the node is asked for a rebirth; whether that leaves is the hub's to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from devices.contract import (
    NOTHING,
    Change,
    Decoded,
    Limits,
    Message,
    Problem,
    State,
    Statement,
)
from devices.formats.protobuf_wire import WireError
from devices.formats.sparkplug_births import learn
from devices.formats.sparkplug_heard import Heard
from devices.formats.sparkplug_nodes import (
    KEPT,
    OFF,
    ON,
    Node,
    devices_of,
    is_ahead,
    node_of,
    refusal,
    room_for,
    unknown,
    with_device,
    with_life,
)
from devices.formats.sparkplug_payload import Payload
from devices.formats.sparkplug_problems import before_birth, unknown_aliases, unknown_metrics
from devices.formats.sparkplug_readings import Gathered
from devices.formats.sparkplug_session import begun, session_of
from devices.formats.sparkplug_topics import Route
from devices.formats.sparkplug_values import WrongType, read_value
from devices.problems import few


def hear(route: Route, message: Message, payload: Payload, limits: Limits, state: State) -> Decoded:
    """What the message says. Never raises."""
    read = _READERS.get(route.kind)
    if read is None or route.node is None or route.speaker is None:
        return NOTHING
    return read(
        Heard(
            route,
            route.node,
            route.speaker,
            message,
            payload,
            limits,
            state,
            node_of(state.get(route.node_key)),
            session_of(state.get(route.session_key)),
            route.stored or message.retain,
        )
    )


# --- births ---------------------------------------------------------------------------------------------------


def node_birth(heard: Heard) -> Decoded:
    """A new session. Its devices stay on record, but nothing holds for them until they are born too."""
    node, session, payload = heard.node, heard.session, heard.payload
    if heard.stored and session is not None and session["live"]:
        return NOTHING
    began, _ = heard.keep(begun(None if heard.stored else payload.seq, session, live=not heard.stored))
    devices = node["devices"] if node is not None else {}
    life = ON
    statements: tuple[Statement, ...] = ()
    if not heard.stored:
        devices = {part: [OFF, known[1]] for part, known in devices.items()}
        statements = (Statement(heard.node_ref, online=True),)
    elif node is None:
        life = KEPT
    elif node["born"] == payload.timestamp:
        return Decoded(changes=(began,))
    elif (payload.timestamp or 0) < (node["born"] or 0):
        return NOTHING  # the broker's store is older than what was heard
    else:
        life = ON if node["life"] == ON else KEPT
    now: Node = {**unknown(life), "bd": _bd_seq(payload), "born": payload.timestamp, "devices": devices}
    return _learn(heard, now, Decoded(statements=statements, changes=(began,)))


def device_birth(heard: Heard) -> Decoded:
    """A device under a node. Where the node's own birth is missing, the node is asked for it."""
    node, session, part = heard.node, heard.session, heard.route.part
    if heard.stored:
        if session is not None and session["live"]:
            return NOTHING
        node = node if node is not None else unknown(KEPT)
        life = ON if node["devices"].get(part, [KEPT])[0] == ON else KEPT
        return _learn(heard, with_device(node, part, life), NOTHING)
    session, why = heard.followed()
    if node is None or node["life"] == OFF:
        why = f"device {heard.route.shown} was born, and the birth of its node was not heard"
    statements: tuple[Statement, ...] = ()
    node = node if node is not None else unknown(ON)
    if node["life"] == KEPT:
        node, statements = with_life(node, ON), (Statement(heard.node_ref, online=True),)
    if node["life"] == ON:  # else it may be the last word of a node whose death has overtaken it
        statements = (*statements, Statement(heard.speaker, online=True))
    kept, requests = heard.keep(session, why)
    said = Decoded(statements=statements, changes=(kept,), requests=requests)
    return _learn(heard, with_device(node, part, ON), said)


def _learn(heard: Heard, now: Node, said: Decoded) -> Decoded:
    """Take in what the birth names, and read it as a message; ``now`` is the node's record after it but for counts."""
    route, speaker = heard.route, heard.speaker
    birth = learn(speaker, route.shown, heard.node_ref if route.part else None, heard.payload.metrics, heard.limits)
    count = len(birth.table["names"])
    room = room_for(heard.node_ref, heard.node, route.part, count, heard.state)
    if isinstance(room, Problem):
        refused = refusal(heard.node_ref, heard.node, heard.state)
        return Decoded(problems=(room,), statements=said.statements, changes=refused)
    if route.part:
        now = with_device(now, route.part, now["devices"][route.part][0], count)
    else:
        now["metrics"] = count
    gathered = Gathered(speaker, birth.table, heard.limits, at_birth=True)
    gathered.take(heard.payload, told_again=heard.stored)
    return Decoded(
        samples=gathered.samples(),
        statements=said.statements,
        problems=few([*birth.problems, *gathered.problems], "parts of the message", speaker),
        unknown=tuple(gathered.unknown),
        announcements=(birth.announcement,),
        changes=(*room, *_news(heard, {route.node_key: now, route.table_key: birth.table}), *said.changes),
        requests=said.requests,
    )


def _news(heard: Heard, found: Mapping[str, Any]) -> tuple[Change, ...]:
    """What is not known already: births repeat themselves."""
    return tuple(Change(key, value) for key, value in found.items() if heard.state.get(key) != value)


# --- deaths ---------------------------------------------------------------------------------------------------


def node_death(heard: Heard) -> Decoded:
    """Usually the will of a broken connection. It counts for the session whose ``bdSeq`` it has."""
    node, bd = heard.node, _bd_seq(heard.payload)
    if node is None:
        return Decoded(statements=(Statement(heard.node_ref, online=False),))
    if bd is not None and node["bd"] is not None and bd != node["bd"]:
        if heard.stored or not is_ahead(bd, node["bd"]):
            return NOTHING  # the will of an earlier connection, overtaken by the birth of the next one
        session = heard.session if heard.session is not None else begun(None, None, live=False)
        kept, requests = heard.keep(session, f"session {bd} has ended, and its birth was not heard")
        return Decoded(changes=(kept,), requests=requests)
    gone = (heard.node_ref, *devices_of(node, heard.node_ref))
    return Decoded(
        statements=tuple(Statement(each, online=False) for each in gone),
        changes=(
            Change(heard.route.node_key, with_life(node, OFF)),
            heard.keep(begun(None, heard.session, live=False))[0],
        ),
    )


def device_death(heard: Heard) -> Decoded:
    """The node no longer reaches a device."""
    node, part = heard.node, heard.route.part
    gone = (Statement(heard.speaker, online=False),)
    if node is None:
        why = f"device {heard.route.shown} died, and no birth of its node was heard"
        return Decoded(statements=gone, requests=heard.ask_stranger(why))
    kept, requests = heard.keep(*heard.followed())
    dead = (Change(heard.route.node_key, with_device(node, part, OFF)),) if part in node["devices"] else ()
    return Decoded(statements=gone, changes=(kept, *dead), requests=requests)


# --- data -----------------------------------------------------------------------------------------------------


def data(heard: Heard) -> Decoded:
    """Readings, by the names and datatypes of the birth."""
    route, node, table = heard.route, heard.node, heard.state.get(heard.route.table_key)
    if node is None or table is None:
        why = f"{route.kind} of {route.shown} came before its birth was heard"
        problems = (before_birth(route, why),)
        if node is None:
            return Decoded(problems=problems, requests=heard.ask_stranger(why))
        kept, requests = heard.keep(heard.followed()[0], why)
        return Decoded(problems=problems, changes=(kept,), requests=requests)
    life = node["devices"].get(route.part, [OFF])[0] if route.part else node["life"]
    alive = life != OFF and node["life"] != OFF
    gathered = Gathered(heard.speaker, table, heard.limits, aliases_hold=alive)
    gathered.take(heard.payload)
    samples = gathered.samples()
    session, why = heard.followed()
    if gathered.unborn:
        gathered.problems.insert(0, unknown_metrics(route, gathered.unborn))
        why = "metrics came that its birth had left out"
    if gathered.strange:
        gathered.problems.insert(0, unknown_aliases(route, gathered.strange, alive=alive, whole=not samples))
        why = "aliases came that no birth had announced"
    if not alive:
        why = f"{route.kind} of {route.shown} came after its death and before its next birth"
    elif not why and heard.session is None and any(not metric.name for metric in heard.payload.metrics):
        why = "its aliases are those from before the hub's restart, in which a birth may have been missed"
    statements: tuple[Statement, ...] = ()
    kept, requests = heard.keep(session, why)
    changes: tuple[Change, ...] = (kept,)
    if alive and KEPT in (life, node["life"]) and not heard.stored:
        statements, change = _shown_alive(heard, node)
        changes = (kept, change)
    return Decoded(
        samples=samples,
        statements=statements,
        problems=few(gathered.problems, "parts of the message", heard.speaker),
        unknown=tuple(gathered.unknown),
        changes=changes,
        requests=requests,
    )


def _shown_alive(heard: Heard, node: Node) -> tuple[tuple[Statement, ...], Change]:
    """It speaks: what was known from stored births only is there."""
    there, part = [], heard.route.part
    if node["life"] == KEPT:
        node = with_life(node, ON)
        there.append(Statement(heard.node_ref, online=True))
    if part and node["devices"][part][0] == KEPT:
        node = with_device(node, part, ON)
        there.append(Statement(heard.speaker, online=True))
    return tuple(there), Change(heard.route.node_key, node)


def _bd_seq(payload: Payload) -> int | None:
    """The number of the session, which a birth and the death that ends it share."""
    for metric in payload.metrics:
        if metric.name == "bdSeq" and not metric.is_null:
            try:
                found = read_value(metric.kind, metric.value, metric.datatype)
            except (WrongType, WireError):
                return None
            return found if isinstance(found, int) and not isinstance(found, bool) else None
    return None


_READERS: Final[Mapping[str, Callable[[Heard], Decoded]]] = {
    "NBIRTH": node_birth,
    "DBIRTH": device_birth,
    "NDATA": data,
    "DDATA": data,
    "NDEATH": node_death,
    "DDEATH": device_death,
}
