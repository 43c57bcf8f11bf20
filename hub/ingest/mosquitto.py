"""The mosquitto configuration, rendered from one list: for the embedded broker and for the shipped stack alike.

Every line carries its reason. ``python -m hub.ingest.mosquitto docker/mosquitto`` writes the shipped files anew.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from hub.ingest.frames import BEAT_ROOT

HUB: Final = "hub"
SIMULATOR: Final = "simulator"

SIMULATED_TOPICS: Final = (
    "application/+/device/+/event/+",
    "v3/+/devices/+/+",
    "zigbee2mqtt/#",
    "homeassistant/#",
    "simulated/#",
    "tele/+/+",
    "tasmota/discovery/#",
    "+/events/rpc",
    "+/announce",
    "+/online",
    "spBv1.0/#",
    "senml/#",
    "telegraf/#",
    "/sys/#",
    "/as/mqtt/status/#",
    "tylink/#",
    "$oc/devices/#",
    "v1/gateway/+",
    "edgex-events",
    "lift/+/+",
    "parking/+/+",
    "milesight/+",
    "$aws/things/+/shadow/#",
    "$aws/events/presence/#",
    "charging/+/+",
    "devices/+/events/+",
    "devices/+/state",
    "home/+/BTtoMQTT/+",
    "iotgateway",
    "/neuron/#",
    "ocpp/#",
    "/status/+",
    "wmbusmeters/+",
    "/+/elevator/#",
    "/+/meta",
    "/+/connected-to-controller",
)
"""Where makers' own devices speak, as the simulator does for them."""

_MIB: Final = 1024 * 1024
_PAYLOAD: Final = 8 * _MIB
_ENVELOPE: Final = 64 * 1024


class Line(NamedTuple):
    """One line of mosquitto.conf and why it is there."""

    key: str
    value: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A port that devices or the hub connect to."""

    port: int
    why: str
    host: str = ""
    """The address to bind; empty: all of the machine's or the container's."""
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a broker listens and where its files lie: all that differs between two of our brokers."""

    listeners: tuple[Listener, ...]
    folder: str
    """Its own, for the persistence file; ends in no slash."""
    passwords: str
    acl: str
    log: str
    """``stderr`` or ``stdout``."""
    user: str | None
    user_why: str = ""


SHIPPED: Final = Layout(
    listeners=(
        Listener(port=1883, why="For the hub alone, on the stack's inner network: compose.yaml does not publish it."),
        Listener(
            port=8883,
            why="For devices: TLS only on the outside, a name and a random password for each device.",
            certificate="/run/secrets/mqtt_server.crt",
            key="/run/secrets/mqtt_server.key",
        ),
    ),
    folder="/mosquitto/data",
    passwords="/mosquitto/accounts/passwords",
    acl="/mosquitto/config/acl",
    log="stdout",
    user=None,  # compose.yaml starts it as the hub's user, who owns the accounts
)

_ACCESS: Final = (
    Line("per_listener_settings", "false", "One set of accounts and rules for every listener; must stand first."),
    Line("allow_anonymous", "false", "Who publishes decides which device speaks: nobody without a name."),
)

_DURABILITY: Final = (
    Line("persistence", "true", "Sessions, queued and retained messages survive a restart in order (SIGTERM saves)."),
    Line("autosave_interval", "60", "After a crash at most a minute of sessions and queue is gone (default: 30 min)."),
    Line(
        "autosave_on_changes",
        "false",
        "Saving every change made it lossless but 25 times slower: 150-190 messages/s instead of 4,500-5,200.",
    ),
    Line(
        "persistent_client_expiration",
        "14d",
        "A session that nobody comes back for may not fill the memory; longer than the hub's own expiry of 7 days.",
    ),
)

_LIMITS: Final = (
    Line(
        "max_inflight_messages",
        "65000",
        "The hub acknowledges after a batch is on disk: with the default of 20 a batch could never hold more than 20.",
    ),
    Line(
        "max_queued_messages",
        "1000000",
        "At the default of 1000 the broker drops messages it has acknowledged, at saturation and while the hub is"
        " away. A large number and not 0: 2.0.16 dropped everything with 0.",
    ),
    Line(
        "max_queued_bytes",
        str(512 * _MIB),
        "The real bound of the queue, in memory: about an hour of 300 messages/s of 400 bytes. What comes first counts.",
    ),
    Line(
        "queue_qos0_messages", "false", "QoS 0 asked for no guarantee; it may not take the room of what was promised."
    ),
    Line(
        "max_packet_size",
        str(_PAYLOAD + _ENVELOPE),
        "8 MiB and room for topic and properties: inventories of some formats; the hub refuses large readings itself.",
    ),
    Line("max_connections", "10000", "Bounds memory; a city has more brokers, not more connections on one."),
    Line(
        "max_keepalive",
        "600",
        "A device that falls silent is reported by its last will within 15 minutes, also where it asked for longer.",
    ),
    Line(
        "retain_available", "true", "status is retained, so that the hub knows who is offline as soon as it connects."
    ),
)

_TRANSPORT: Final = (
    Line("set_tcp_nodelay", "true", "Acknowledgements leave at once instead of waiting for a fuller packet."),
    Line("sys_interval", "10", "The hub watches the broker's count of dropped messages ($SYS) every ten seconds."),
)

_LOG: Final = (
    Line("log_type", "error", "What stops it."),
    Line("log_type", "warning", "What it drops or refuses."),
    Line("log_type", "notice", "Who came and went; information and debug write a line per message."),
    Line("log_timestamp_format", "%Y-%m-%dT%H:%M:%S", "Dates that people can read."),
)


def render_config(layout: Layout) -> str:
    """The text of mosquitto.conf."""
    return _text(
        ("How the hub's broker is set up. Made by hub/ingest/mosquitto.py: change it there.", ()),
        ("Who may connect, and what they may do", (*_ACCESS, *_files(layout))),
        ("Where it listens", tuple(_listeners(layout.listeners))),
        ("What survives", (*_DURABILITY, Line("persistence_location", f"{layout.folder}/", "A folder of its own."))),
        ("Limits", _LIMITS),
        ("Transport", _TRANSPORT),
        ("Log", (Line("log_dest", layout.log, "Whoever started it keeps the log."), *_LOG)),
    )


def _files(layout: Layout) -> Iterator[Line]:
    yield Line("password_file", layout.passwords, "Hashes only; SIGHUP reads it again.")
    yield Line("acl_file", layout.acl, "A device speaks under its own name and nowhere else.")
    if layout.user is not None:
        yield Line("user", layout.user, layout.user_why)


def _listeners(listeners: Sequence[Listener]) -> Iterator[Line]:
    for listener in listeners:
        yield Line("listener", f"{listener.port} {listener.host}".rstrip(), listener.why)
        if listener.certificate is not None:
            yield Line("certfile", listener.certificate, "With its chain, so that devices can check it.")
            yield Line("keyfile", f"{listener.key}", "Readable for the broker's user only.")
            yield Line("tls_version", "tlsv1.2", "The oldest that is allowed; TLS 1.3 is used where both know it.")


def _text(*parts: tuple[str, Sequence[Line]]) -> str:
    blocks = []
    for title, lines in parts:
        body = [f"# {line.why}\n{line.key} {line.value}" for line in lines]
        blocks.append("\n".join([f"# --- {title} ---" if lines else f"# {title}", *body]))
    return "\n\n".join(blocks) + "\n"


def render_acl(*, simulated: Sequence[str] = ()) -> str:
    """The text of the ACL file. ``simulated``: communities whose devices the simulator's account may speak for."""
    lines = [
        "# Who may say and hear what. Made by hub/ingest/mosquitto.py: change it there.",
        "",
        "# The hub hears everything, since makers choose topics of their own; it says what was wrong, its heartbeat,",
        "# and, where it is a Sparkplug primary host, that it is there. With may_write it asks nodes for their births",
        "# and Shelly devices who they are.",
        "# Topics that begin with $ are named one by one: # does not take them in.",
        f"user {HUB}",
        "topic read #",
        *(f"topic read ${root}/#" for root in ("SYS", "sparkplug", "oc", "aws")),
        "topic write community/v1/+/+/error",
        "topic write spBv1.0/STATE/+",
        "topic write spBv1.0/+/NCMD/+",
        "topic write shellies/+/command",
        f"topic readwrite {BEAT_ROOT}+",
        "",
    ]
    if simulated:
        lines += ["# The simulator stands in for every device of these communities.", f"user {SIMULATOR}"]
        for community in simulated:
            lines += [f"topic write community/v1/{community}/+/{leaf}" for leaf in ("telemetry", "event", "status")]
            lines += [f"topic read community/v1/{community}/+/error"]
        lines += [
            "# … and for those that speak formats of their makers.",
            *(f"topic write {each}" for each in SIMULATED_TOPICS),
        ]
        lines += [""]
    return "\n".join(
        [
            *lines,
            "# A device's user name is {community}/{device}: it writes under its own name and reads what was wrong there.",
            *(f"pattern write community/v1/%u/{leaf}" for leaf in ("telemetry", "event", "status")),
            "pattern read community/v1/%u/error",
            "",
        ]
    )


def main() -> None:
    """Write the shipped configuration into the folder named on the command line."""
    folder = Path(sys.argv[1])
    (folder / "mosquitto.conf").write_text(render_config(SHIPPED), encoding="utf-8")
    (folder / "acl").write_text(render_acl(), encoding="utf-8")


if __name__ == "__main__":
    main()
