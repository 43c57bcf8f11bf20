"""The two brokers that can be embedded: mosquitto where it is found, else iotcore (rumqttd in a wheel)."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Protocol

from hub.errors import ConfigError
from hub.ingest.broker_accounts import Account, PasswordFile, write_private
from hub.ingest.mosquitto import Layout, Listener, render_acl, render_config

PLACES: Final = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
    "/opt/homebrew/opt/mosquitto/sbin",
    "/usr/local/opt/mosquitto/sbin",
    "/home/linuxbrew/.linuxbrew/sbin",
)
"""Where mosquitto lies although PATH does not name it: Debian without root's PATH, own builds, Homebrew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one broker runs: its own folder, its address, and what its simulator may speak for."""

    folder: Path
    host: str
    port: int
    simulated: tuple[str, ...] = ()


class Program(Protocol):
    """A broker that can be run as a child process."""

    name: str
    """``mosquitto`` or ``iotcore``; what it cannot do is listed under this name."""
    keeps_mqtt5: bool
    """False: the hub speaks MQTT 3.1.1 to it."""

    def version(self) -> str:
        """As the program says it."""
        ...

    def prepare(self, place: Place, accounts: Sequence[Account]) -> None:
        """Write its configuration. Accounts that devices were given before stay valid where it can keep them."""
        ...

    def add(self, place: Place, account: Account) -> bool:
        """Give a further account; False: only a restart makes it valid."""
        ...

    def remove(self, place: Place, name: str) -> bool:
        """Take an account away; False: only a restart does."""
        ...

    def names(self, place: Place) -> tuple[str, ...]:
        """Who has an account that outlasts a restart of the hub."""
        ...

    def command(self, place: Place) -> list[str]:
        """What to run."""
        ...

    def advice(self, place: Place, said: str) -> str:
        """What would be right, where it did not start and said this; empty where there is nothing to add."""
        ...


class Mosquitto:
    """The real broker: accounts, access rules, and a queue that survives a restart in order."""

    name = "mosquitto"
    keeps_mqtt5 = True

    def __init__(self, path: Path) -> None:
        self._path = path

    def version(self) -> str:
        """``2.0.11``; empty where the program does not tell."""
        asked = subprocess.run([str(self._path), "-h"], capture_output=True, text=True, timeout=5, check=False)  # noqa: S603 - found by us
        found = re.search(r"mosquitto version (\S+)", asked.stdout + asked.stderr)
        return found[1] if found else ""

    def prepare(self, place: Place, accounts: Sequence[Account]) -> None:
        """Configuration, access rules and hashed passwords, readable for the owner only."""
        folder = place.folder
        PasswordFile(folder / "passwords").put(*accounts)
        write_private(folder / "acl", render_acl(simulated=place.simulated))
        write_private(folder / "mosquitto.conf", render_config(_layout(place)))

    def add(self, place: Place, account: Account) -> bool:
        """Valid as soon as the broker has read its files again."""
        PasswordFile(place.folder / "passwords").put(account)
        return True

    def remove(self, place: Place, name: str) -> bool:
        """It is disconnected as soon as the broker has read its files again."""
        PasswordFile(place.folder / "passwords").drop(name)
        return True

    def names(self, place: Place) -> tuple[str, ...]:
        """As the file has them."""
        return PasswordFile(place.folder / "passwords").names()

    def command(self, place: Place) -> list[str]:
        """Its executable with our file and nothing of the machine's own."""
        return [str(self._path), "-c", str(place.folder / "mosquitto.conf")]

    def advice(self, place: Place, said: str) -> str:
        """Its own word on a damaged file does not name the file."""
        if "open database" not in said:
            return ""
        return f": {place.folder / 'mosquitto.db'} is damaged; move it away, and what waited in it for the hub is lost"


def _layout(place: Place) -> Layout:
    folder = str(place.folder)
    return Layout(
        listeners=(Listener(port=place.port, host=place.host, why="For this machine alone."),),
        folder=folder,
        passwords=f"{folder}/passwords",
        acl=f"{folder}/acl",
        log="stderr",
        user=_user(),
        user_why="Whoever runs the hub owns the folder; started by root mosquitto would change to a user who may not read it.",
    )


def _user() -> str | None:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None  # a container's bare number: mosquitto heeds the line only when root starts it


class Iotcore:
    """rumqttd in a wheel: for trying the hub out where mosquitto is not installed."""

    name = "iotcore"
    keeps_mqtt5 = False

    def version(self) -> str:
        """The wheel's."""
        return metadata.version("iotcore")

    def prepare(self, place: Place, accounts: Sequence[Account]) -> None:
        """One MQTT 3.1.1 listener. It knows passwords but no access rules, and keeps everything in memory."""
        write_private(place.folder / "iotcore.toml", _rumqttd(place, accounts))

    def add(self, place: Place, account: Account) -> bool:
        """It reads its accounts at its start only, and keeps none from one start of the hub to the next."""
        return False

    def remove(self, place: Place, name: str) -> bool:
        """As for adding."""
        return False

    def names(self, place: Place) -> tuple[str, ...]:
        """None: what it was given is in the memory of whoever started it."""
        return ()

    def command(self, place: Place) -> list[str]:
        """Its log is one line per message at every level but critical."""
        config = str(place.folder / "iotcore.toml")
        return [sys.executable, "-I", "-m", "iotcore", "--config", config, "--log-level", "CRITICAL"]

    def advice(self, place: Place, said: str) -> str:
        """It keeps nothing that could be damaged."""
        return ""


_SEGMENT: Final = 16 * 1024 * 1024
"""rumqttd keeps every message in memory until its log is full, read or not: eight of these for each topic filter."""


def _rumqttd(place: Place, accounts: Sequence[Account]) -> str:
    return "".join(
        [
            "id = 0\n\n[router]\nid = 0\nmax_connections = 10000\nmax_outgoing_packet_count = 65000\n",
            f"max_segment_size = {_SEGMENT}\nmax_segment_count = 8\n\n",
            f'[v4.1]\nname = "mqtt"\nlisten = "{place.host}:{place.port}"\nnext_connection_delay_ms = 1\n\n',
            "[v4.1.connections]\nconnection_timeout_ms = 5000\nmax_payload_size = 8388608\nmax_inflight_count = 65000\n",
            "dynamic_filters = true\n\n[v4.1.connections.auth]\n",
            *(_credential(account) for account in accounts),
        ]
    )


def _credential(account: Account) -> str:
    return f"{json.dumps(account.name)} = {json.dumps(account.password)}\n"


def find() -> Program:
    """Find mosquitto in PATH or where it usually lies, else iotcore. Raises ConfigError where there is neither."""
    path = find_mosquitto()
    if path is not None:
        return Mosquitto(path)
    try:
        metadata.version("iotcore")
    except metadata.PackageNotFoundError:
        raise ConfigError(
            f"no broker to embed: mosquitto is neither in PATH nor in {', '.join(PLACES)}, and iotcore is not"
            " installed; install mosquitto, or set HUB_MQTT__URL to a broker that runs"
        ) from None
    return Iotcore()


def find_mosquitto() -> Path | None:
    """Its executable, if there is one."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path=os.pathsep.join(PLACES))
    return None if found is None else Path(found)
