"""The checks behind the broker contract: each drives a running broker and raises ``Broken`` with the measured fact."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hub.ingest.broker_accounts import Account
from hub.ingest.wire import Hello, Packet, Wire

_EXPIRY: Final = 60


class Broken(Exception):
    """The line does not hold; the text is the measured fact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A broker under examination, with accounts as the hub gives them."""

    host: str
    port: int
    version: int
    hub: Account
    speaker: Account
    """May publish for every device of the community ``bench``."""
    device: Account
    """``bench/own``: one device."""
    restart: Callable[[], None]
    """Stops it in order and starts it again on the same data and port."""

    def hears(self, client_id: str, *, clean: bool = True, **more: int) -> Wire:
        """The hub connects; ``clean=False`` asks for a session that stays."""
        expiry = more.pop("session_expiry", 0 if clean else _EXPIRY)
        hello = Hello(
            client_id=client_id,
            version=self.version,
            name=self.hub.name,
            password=self.hub.password,
            clean=clean,
            session_expiry=expiry,
            receive_maximum=more.pop("receive_maximum", 0),
            keepalive=more.pop("keepalive", 30),
        )
        return Wire(self.host, self.port, hello)

    def speaks(self, client_id: str, **more: object) -> Wire:
        """Devices connect."""
        hello = Hello(
            client_id=client_id,
            version=self.version,
            name=self.speaker.name,
            password=self.speaker.password,
            **more,  # type: ignore[arg-type]  # the checks below name Hello's own fields
        )
        return Wire(self.host, self.port, hello)


_serial = itertools.count()


def _fresh(word: str) -> tuple[str, str]:
    """A client id and a device's topic that no other check uses."""
    name = f"{word}-{next(_serial)}"
    return name, f"community/v1/bench/{name}/telemetry"


def _numbered(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def _expect(got: list[Packet], wanted: list[bytes], what: str) -> None:
    payloads = [packet.payload for packet in got]
    if payloads != wanted:
        order = "out of order" if sorted(payloads) == sorted(wanted) else f"{len(payloads)} of {len(wanted)}"
        raise Broken(f"{what}: {order}")


# --- sessions ---------------------------------------------------------------------------------------------------------


def queued(broker: Candidate, count: int = 50) -> None:
    """Keeps a session and its messages, in order, while the hub is away."""
    name, topic = _fresh("queued")
    with broker.hears(name, clean=False) as hub:
        hub.subscribe(topic)
        hub.disconnect()
    with broker.speaks(f"{name}-s") as device:
        device.publish_all(topic, _numbered(count))
    with broker.hears(name, clean=False) as hub:
        if not hub.session_present:
            raise Broken("after an orderly disconnect the session was gone")
        _expect(hub.messages(count), _numbered(count), "messages kept for an absent hub")


def long_queue(broker: Candidate) -> None:
    """Keeps 5,000 messages for one session."""
    queued(broker, 5_000)


def _redelivered(broker: Candidate) -> tuple[list[Packet], list[Packet]]:
    """Twenty messages of which five were acknowledged before the connection broke; then what came after it."""
    name, topic = _fresh("redelivery")
    with broker.hears(name, clean=False) as hub, broker.speaks(f"{name}-s") as device:
        hub.subscribe(topic)
        device.publish_all(topic, _numbered(20))
        first = hub.messages(20, acknowledge=False)
        _expect(first, _numbered(20), "first delivery")
        hub.acknowledge(*first[:5])
        hub.is_open()  # the broker has read the five
        hub.drop()
    with broker.hears(name, clean=False) as hub:
        return first[5:], hub.messages(16, within=1.0)


def redelivery(broker: Candidate) -> None:
    """Sends what was not acknowledged again, in order, and nothing else."""
    _, again = _redelivered(broker)
    _expect(again, _numbered(20)[5:], "redelivery of what was not acknowledged")


def redelivery_marked(broker: Candidate) -> None:
    """Marks what it sends again: DUP and the same packet ids."""
    first, again = _redelivered(broker)
    if not all(packet.dup for packet in again):
        raise Broken("sends unacknowledged messages again without the DUP flag")
    if [packet.packet_id for packet in again] != [packet.packet_id for packet in first]:
        raise Broken("sends unacknowledged messages again under other packet ids")


def redelivered_first(broker: Candidate) -> None:
    """Sends old messages before new ones after a reconnect."""
    name, topic = _fresh("before")
    with broker.hears(name, clean=False) as hub, broker.speaks(f"{name}-s") as device:
        hub.subscribe(topic)
        device.publish_all(topic, _numbered(5))
        hub.messages(5, acknowledge=False)
        hub.drop()
        device.publish_all(topic, _numbered(10)[5:])
    with broker.hears(name, clean=False) as hub:
        _expect(hub.messages(10, within=2.0), _numbered(10), "old before new after a reconnect")


def held_back(broker: Candidate) -> None:
    """Loses nothing while the hub withholds 3,000 acknowledgements."""
    name, topic = _fresh("held")
    with broker.hears(name, clean=False) as hub, broker.speaks(f"{name}-s") as device:
        hub.subscribe(topic)
        device.publish_all(topic, _numbered(3_000))
        held = hub.messages(3_000, acknowledge=False, within=2.0)
        hub.acknowledge(*held)
        _expect(held + hub.messages(3_000 - len(held)), _numbered(3_000), "messages while the hub withheld its PUBACKs")


def receive_maximum(broker: Candidate) -> None:
    """Never has more in flight than the hub allows."""
    name, topic = _fresh("window")
    with broker.hears(name, receive_maximum=5) as hub, broker.speaks(f"{name}-s") as device:
        hub.subscribe(topic)
        device.publish_all(topic, _numbered(12))
        first = hub.messages(6, acknowledge=False, within=0.7)
        if len(first) != 5:
            raise Broken(f"{len(first)} messages in flight, 5 were allowed")
        hub.acknowledge(*first)
        _expect(first + hub.messages(7), _numbered(12), "messages through a receive window of 5")


def session_expiry(broker: Candidate) -> None:
    """Keeps a session for its time and no longer."""
    name, topic = _fresh("expiry")
    with broker.hears(name, clean=False, session_expiry=1) as hub:
        hub.subscribe(topic)
    with broker.hears(name, clean=False, session_expiry=1) as hub:
        if not hub.session_present:
            raise Broken("the session ended before its time")
    time.sleep(3.0)  # nothing announces that a session has expired, and looking would renew it
    with broker.hears(name, clean=False, session_expiry=1) as hub:
        if hub.session_present:
            raise Broken("a session of 1 s was still there after 3 s")


def clean_start(broker: Candidate) -> None:
    """Forgets a session when asked to."""
    name, topic = _fresh("clean")
    with broker.hears(name, clean=False) as hub:
        hub.subscribe(topic)
        hub.disconnect()
    with broker.hears(name, clean=True) as hub:
        if hub.session_present:
            raise Broken("asked for a new session and got the old one")


# --- statements -------------------------------------------------------------------------------------------------------


def retained(broker: Candidate) -> None:
    """Keeps the last statement of a device, and removes it."""
    name, _ = _fresh("retained")
    topic = f"community/v1/bench/{name}/status"
    with broker.speaks(f"{name}-s") as device, broker.hears(name) as hub:
        device.publish(topic, b"old", retain=True)
        device.publish(topic, b"offline", retain=True)
        hub.subscribe(topic)
        got = hub.messages(1)
        _expect(got, [b"offline"], "the last retained statement at subscribing")
        if not got[0].retain:
            raise Broken("a retained message came without its flag")
        device.publish(topic, b"", retain=True)
        hub.messages(1)
    with broker.hears(f"{name}-later") as later:
        later.subscribe(topic)
        if later.messages(1, within=0.2):
            raise Broken("an empty message did not remove the retained one")


def _will(broker: Candidate, end: Callable[[Wire, str], object], *, keepalive: int = 30, within: float = 2.0) -> bool:
    """Whether the will comes after ``end`` was done to the device's connection."""
    name, _ = _fresh("will")
    topic = f"community/v1/bench/{name}/status"
    with broker.hears(f"{name}-h") as hub:
        hub.subscribe(topic)
        device = broker.speaks(name, will=(topic, b"offline"), keepalive=keepalive)
        taken = end(device, name)
        came = [packet.payload for packet in hub.messages(1, within=within)] == [b"offline"]
        for wire in (device, taken):
            if isinstance(wire, Wire):
                wire.drop()
    return came


def will_on_close(broker: Candidate) -> None:
    """Publishes the will of a connection that was cut."""
    if not _will(broker, lambda device, _name: device.drop()):
        raise Broken("no will within 2 s of a connection that was cut")


def no_will_on_goodbye(broker: Candidate) -> None:
    """Publishes no will after an orderly goodbye."""
    if _will(broker, lambda device, _name: device.disconnect(), within=0.5):
        raise Broken("a will although the device left in order")


def will_on_silence(broker: Candidate) -> None:
    """Publishes the will of a device that fell silent."""
    if not _will(broker, lambda _device, _name: None, keepalive=1, within=9.0):
        raise Broken("no will within 9 s of a device that fell silent, keep-alive 1 s")


def will_on_take_over(broker: Candidate) -> None:
    """Publishes the will of a device that connects anew."""
    if not _will(broker, lambda _device, name: broker.speaks(name)):
        raise Broken("no will within 2 s when the same device connected anew")


def take_over(broker: Candidate) -> None:
    """Closes the older of two connections with one client id."""
    name, _ = _fresh("twice")
    with broker.hears(name) as old, broker.hears(name) as new:
        if not new.is_open():
            raise Broken("the newer of two connections with one client id was closed")
        if old.is_open():
            raise Broken("two connections with one client id stay open")


def no_keepalive(broker: Candidate) -> None:
    """Lets a client switch keep-alive off."""
    name, _ = _fresh("endless")
    try:
        with broker.hears(name, keepalive=0) as hub:
            hub.messages(1, within=2.0)
            hub.publish("hub/beat/check", b"still here")
    except OSError:
        raise Broken("drops a client that switched keep-alive off") from None


def large(broker: Candidate) -> None:
    """Carries 4 MiB in one message."""
    name, topic = _fresh("large")
    payload = bytes(range(256)) * 16_384
    with broker.hears(name) as hub, broker.speaks(f"{name}-s") as device:
        hub.subscribe(topic)
        device.publish(topic, payload)
        _expect(hub.messages(1), [payload], "a message of 4 MiB")


def dropped_counter(broker: Candidate) -> None:
    """Counts what it dropped ($SYS)."""
    name, _ = _fresh("sys")
    with broker.hears(name) as hub:
        try:
            hub.subscribe("$SYS/broker/publish/messages/dropped")
        except OSError:
            raise Broken("closes the connection of whoever asks how many messages it dropped ($SYS)") from None
        if not hub.messages(1, within=1.0):
            raise Broken("does not say how many messages it dropped ($SYS)")


# --- who may --------------------------------------------------------------------------------------------------------


def password(broker: Candidate) -> None:
    """Lets nobody in without the right password."""
    name, _ = _fresh("wrong")
    for account in (Account(broker.hub.name, "wrong"), Account("", "")):
        hello = Hello(client_id=name, version=broker.version, name=account.name, password=account.password)
        try:
            with Wire(broker.host, broker.port, hello, patience=2.0) as wire:
                if wire.reason == 0:
                    raise Broken(f"let {account.name or 'nobody'} in with a wrong password")
        except OSError:
            continue  # closed without a word: refused as well


def own_topics(broker: Candidate) -> None:
    """Keeps devices to their own topics."""
    name, other = _fresh("other")
    hello = Hello(
        client_id=f"{name}-d", version=broker.version, name=broker.device.name, password=broker.device.password
    )
    with broker.hears(name) as hub, Wire(broker.host, broker.port, hello) as device:
        hub.subscribe("community/v1/bench/own/telemetry")
        hub.subscribe(other)
        device.publish(other, b"as somebody else")
        device.publish("community/v1/bench/own/telemetry", b"as itself")
        if [packet.payload for packet in hub.messages(2, within=0.5)] != [b"as itself"]:
            raise Broken("a device can publish under another device's name")
        device.subscribe(other)
        with broker.speaks(f"{name}-s") as speaker:
            speaker.publish(other, b"private")
        if device.messages(1, within=0.3):
            raise Broken("a device can hear another device")


# --- restarts ---------------------------------------------------------------------------------------------------------


def restart(broker: Candidate) -> None:
    """Keeps sessions, queue and retained messages over an orderly restart."""
    name, topic = _fresh("restart")
    status = topic.replace("telemetry", "status")
    with broker.hears(name, clean=False) as hub, broker.speaks(f"{name}-s") as device:
        hub.subscribe(topic)
        device.publish(status, b"offline", retain=True)
        device.publish_all(topic, _numbered(5))
        hub.messages(5, acknowledge=False)
        hub.drop()
        device.publish_all(topic, _numbered(500)[5:])
    broker.restart()
    with broker.hears(name, clean=False) as hub:
        if not hub.session_present:
            raise Broken("an orderly restart loses sessions, queued and retained messages")
        _expect(hub.messages(500), _numbered(500), "messages over an orderly restart")
        hub.subscribe(status)
        _expect(hub.messages(1), [b"offline"], "the retained statement over an orderly restart")
