"""The line to one broker: dialled, answered, spoken over and hung up. A paho client under somebody's own loop."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final, Literal, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from devices.formats.sparkplug_host import Publication
from hub.errors import HubError
from hub.ingest.endpoint import Endpoint
from hub.ingest.packets import Harvest
from hub.ingest.refusals import Refusal, connack_refusal, connect_refusal, no_answer
from hub.ingest.transport import FastLink, Link, StockLink
from hub.settings import Mqtt

CONNECT_TIMEOUT_S: Final = 3.0
ANSWER_TIMEOUT_S: Final = 8.0
UNSUPPORTED_VERSION: Final = "Unsupported protocol version"

Transport = Literal["fast", "stock"]
Version = Literal["5", "3.1.1"]


class Refused(HubError):
    """The broker was not reached, or said no."""

    def __init__(self, refusal: Refusal, *, reason: str = "") -> None:
        super().__init__(refusal.text)
        self.permanent = refusal.permanent
        self.reason = reason
        """The broker's own word, if it gave one."""


class Listener(Protocol):
    """Told, on the line's own thread and in the order of the packets, what the broker says."""

    def came_up(self, *, session_present: bool) -> None:
        """The broker let us in. Messages that follow in the same read round are not yet in the harvest."""
        ...

    def granted(self, packet_id: int, refusals: Sequence[str | None]) -> None:
        """The answer to ``subscribe``: per filter None, or why it is refused."""
        ...

    def not_taken(self, packet_id: int, why: str) -> None:
        """The broker refuses a message of ours (MQTT 5; in 3.1.1 it has no word for that)."""
        ...


class Line:
    """Used by one thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: Mqtt,
        *,
        client_id: str,
        transport: Transport,
        version: Version,
        context: ssl.SSLContext | None,
        persistent: bool = True,
    ) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._client_id = client_id
        self.version: Version = version
        self._persistent = persistent
        self._listener: Listener | None = None
        self.answered = False
        self._reason = ""
        self._refusal: Refusal | None = None
        self._unsent = False
        self._poller = select.poll()
        self._registered = -1
        self._wanted = select.POLLIN
        self.link = self._set_up(transport, context)

    def _set_up(self, transport: Transport, context: ssl.SSLContext | None) -> Link:
        options: dict[str, Any] = {
            "client_id": self._client_id,
            "protocol": mqtt.MQTTv5 if self.version == "5" else mqtt.MQTTv311,
            "transport": "websockets" if self._endpoint.websockets else "tcp",
            "reconnect_on_failure": False,
        }
        if self.version == "3.1.1":
            options["clean_session"] = not self._persistent
        kind = FastLink if transport == "fast" else StockLink
        link: Link = kind(self._endpoint.connection, **options)
        client = link.client
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.username = self._endpoint.user
        client.password = self._endpoint.password
        if self._endpoint.websockets:
            client.ws_set_options(path=self._endpoint.path)
        if context is not None:
            client.tls_set_context(context)
        client.on_connect = self._answer
        client.on_disconnect = self._lost
        client.on_subscribe = self._granted
        client.on_publish = self._published
        return link

    def dial(self, listener: Listener, *, wake: int = -1, will: Publication | None = None) -> None:
        """Connect and send CONNECT; Refused where the broker cannot be reached. Blocks for seconds at most.

        ``will`` is what the broker says when the connection breaks, ``wake`` a descriptor that ends ``wait`` as well.
        A line can be dialled again after it was lost: QoS 1 messages of ours that were not acknowledged are then sent
        again.
        """
        client = self.link.client
        self._listener = listener
        self.answered, self._reason, self._refusal, self._unsent = False, "", None, False
        options: dict[str, Any] = {}
        if will is not None:
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        if self.version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho left it unannotated
            properties.SessionExpiryInterval = self._settings.session_expiry_s if self._persistent else 0
            properties.ReceiveMaximum = self._settings.receive_maximum
            options = {"clean_start": not self._persistent, "properties": properties}
        client.connect_async(self._endpoint.host, self._endpoint.port, self._settings.keepalive_s, **options)
        try:
            client.reconnect()
        except (OSError, ValueError) as error:
            _close_abandoned(error)
            raise Refused(connect_refusal(self._endpoint, error)) from error
        sock: Any = client.socket()
        self._registered = sock.fileno()
        self._poller = select.poll()
        self._poller.register(self._registered, select.POLLIN)
        self._wanted = select.POLLIN
        if wake >= 0:
            self._poller.register(wake, select.POLLIN)
        self.write()

    def wait(self, timeout_ms: int, *, reading: bool = True) -> None:
        """Until something can be read, or written if something is left to write. poll: select ends at 1,023."""
        wanted = (select.POLLIN if reading else 0) | (select.POLLOUT if self._unsent else 0)
        if wanted != self._wanted:
            self._poller.modify(self._registered, wanted)
            self._wanted = wanted
        self._poller.poll(0 if reading and self.link.pending() else timeout_ms)

    def read(self, harvest: Harvest) -> bool:
        """One read round."""
        return self.alive and self.link.read(harvest)

    def write(self) -> None:
        """Send what is queued, as far as the socket takes it."""
        if self.alive:
            self._unsent = not self.link.write()

    def subscribe(self, filters: Sequence[str], *, qos: int) -> int:
        """Ask for ``filters``; the packet id that ``granted`` will name. Retained messages come once (MQTT 5)."""
        if self.version == "5":
            options = SubscribeOptions(qos=qos, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            _, packet_id = self.link.client.subscribe([(each, options) for each in filters])
        else:
            _, packet_id = self.link.client.subscribe([(each, qos) for each in filters])
        return packet_id or 0

    def certificate(self) -> bytes | None:
        """The broker's own (DER), where the line is encrypted."""
        sock: Any = self.link.client.socket()
        sock = getattr(sock, "inner", sock)
        sock = getattr(sock, "_socket", sock)  # paho's websocket wrapper keeps its socket there
        return sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None

    @property
    def alive(self) -> bool:
        """There is a socket. No proof that anybody listens."""
        return self.link.client.socket() is not None

    def loss(self) -> Refused | None:
        """Why the line is down, as far as anybody said; a line that was never answered has no answer to give."""
        if self._refusal is not None:
            return Refused(self._refusal, reason=self._reason)
        return None if self.answered else Refused(no_answer(self._endpoint, seconds=ANSWER_TIMEOUT_S))

    def farewell(self) -> str | None:
        """What the broker said when it ended the connection; None where it said nothing."""
        if not self._reason:
            return None
        if self._reason == "Session taken over":
            return (
                f"MQTT connection {self._endpoint.connection}: another client came with the client id "
                f"{self._client_id}: give every hub a HUB_MQTT__CLIENT_ID of its own"
            )
        return f"MQTT connection {self._endpoint.connection}: the broker ended the connection ({self._reason})"

    def hang_up(self) -> None:
        """Say DISCONNECT, so that no will is published, and close. The session lives on."""
        if self.alive:
            self.link.client.disconnect()
            self.write()
        sock: Any = self.link.client.socket()
        if sock is not None:  # DISCONNECT did not fit into the socket any more
            sock.close()

    def _answer(
        self, _client: mqtt.Client, _userdata: object, flags: mqtt.ConnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._reason = reason.getName()
            self._refusal = connack_refusal(self._endpoint, self._reason, client_id=self._client_id)
            return
        self.answered = True
        if self._listener is not None:
            self._listener.came_up(session_present=flags.session_present)

    def _lost(
        self,
        _client: mqtt.Client,
        _userdata: object,
        flags: mqtt.DisconnectFlags,
        reason: ReasonCode,
        _properties: object,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._reason = reason.getName()

    def _granted(
        self, _client: mqtt.Client, _userdata: object, packet_id: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        if self._listener is not None:
            self._listener.granted(packet_id, [each.getName() if each.is_failure else None for each in reasons])

    def _published(
        self, _client: mqtt.Client, _userdata: object, packet_id: int, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure and self._listener is not None:
            self._listener.not_taken(packet_id, reason.getName())


def _close_abandoned(error: BaseException) -> None:
    """Paho leaves the socket of a failed TLS or websocket handshake open; it can only be found where the error arose."""
    trace = error.__traceback__
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            if isinstance(value, socket.socket):
                value.close()
        trace = trace.tb_next
