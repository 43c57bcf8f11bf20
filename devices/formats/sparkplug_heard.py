"""One Sparkplug message among those before it, and the request for a rebirth where something is missing."""

from __future__ import annotations

from typing import Final

import msgspec

from devices.contract import NOTHING, Change, Decoded, DeviceRef, Limits, Message, Request, State
from devices.formats.sparkplug_nodes import NODES, Node, is_welcome, node_of
from devices.formats.sparkplug_payload import Payload, write_switch
from devices.formats.sparkplug_session import Session, asking, followed, overdue, session_of
from devices.formats.sparkplug_topics import ROOT, Route, node_key, session_key

REBIRTH: Final = "Node Control/Rebirth"


class Heard(msgspec.Struct, frozen=True, gc=False):
    """One message, who said it, and what was known before."""

    route: Route
    node_ref: DeviceRef
    speaker: DeviceRef
    message: Message
    payload: Payload
    limits: Limits
    state: State
    node: Node | None
    """The record of the node."""
    session: Session | None
    """The order of the node's messages up to this one."""
    stored: bool
    """Kept by the broker: it says what was born, not that it lives."""

    def followed(self) -> tuple[Session, str]:
        """The order up to and with this message, and a reason to ask for a rebirth.

        A message from before the last birth is one that had to wait for it (re-driven): its number means nothing any more.
        """
        node, at = self.node, self.payload.timestamp
        born = node["born"] if node is not None else None
        again = self.message.dup or self.message.retain or (at is not None and born is not None and at < born)
        return followed(self.session, self.payload.seq, self.message.received_at, repeated=again)

    def keep(self, session: Session, why: str = "") -> tuple[Change, tuple[Request, ...]]:
        """The order, as the next message finds it, and the request for a rebirth if there is a reason and it is time."""
        requests: tuple[Request, ...] = ()
        if "where" not in session:
            route = self.route
            session = {**session, "where": f"{route.group}/{route.edge}" if route.group else ""}
        if why and not (self.node is not None and self.node["refused"]):
            asked = asking(session, self.message.received_at)
            if asked is not None:
                session, requests = asked, self.ask(why)
        return Change(self.route.session_key, session, lasting=False), requests

    def ask(self, why: str) -> tuple[Request, ...]:
        """The command that every node has to know: begin anew, with all births."""
        where = f"{self.route.group}/{self.route.edge}"
        return (rebirth(where, self.node_ref.id, self.message.received_at, why),)

    def ask_stranger(self, why: str) -> tuple[Request, ...]:
        """The same to a node of which nothing is kept."""
        return self.ask(why) if is_welcome(self.state) else ()


def rebirth(where: str, node_id: str, now: int, why: str) -> Request:
    """The command to a node, ``group/node`` in their own case, to begin anew."""
    group, _, edge = where.partition("/")
    at = max(now, 0)
    command = write_switch(REBIRTH, at, sent_at=at)
    return Request(f"{ROOT}{group}/NCMD/{edge}", command, why, f"sparkplug rebirth {node_id}")


def wait_no_longer(now: int, state: State) -> Decoded:
    """Nodes with a hole that is too old, and of which nothing has come since: each is asked for a rebirth."""
    changes: list[Change] = []
    requests: list[Request] = []
    for node_id in state.get(NODES) or ():
        session = session_of(state.get(session_key(node_id)))
        late = None if session is None else overdue(session, now)
        if late is None:
            continue
        session, why = late
        node, where = node_of(state.get(node_key(node_id))), session.get("where")
        if where and node is not None and not node["refused"]:
            asked = asking(session, now)
            if asked is not None:
                session = asked
                requests.append(rebirth(where, node_id, now, why))
        changes.append(Change(session_key(node_id), session, lasting=False))
    return Decoded(changes=tuple(changes), requests=tuple(requests)) if changes else NOTHING
