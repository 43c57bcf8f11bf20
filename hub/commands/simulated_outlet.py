"""Where ``hub simulate`` sends what its devices say: a broker, or the push inlet."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from devices.simulator import pusher, speaking
from devices.simulator.play import Play
from devices.simulator.publisher import Broker, Gateways, Outlet
from hub.clock import Clock
from hub.errors import InvalidInput


def add_outlet(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say where."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--broker", metavar="URL", help="mqtt://user:password@host:port")
    where.add_argument(
        "--push",
        metavar="URL",
        help=f"push to https://hub/ingest/SOURCE instead (with --as {', '.join(speaking.PUSHED)})",
    )
    parser.add_argument("--secret-file", type=Path, metavar="FILE", help="the source's secret, for --push")
    parser.add_argument(
        "--check",
        choices=pusher.CHECKS,
        help="how the source knows its cloud, as in its settings (default: onenet for --as onenet, else secret)",
    )


def outlet_of(chosen: argparse.Namespace, play: Play, clock: Clock, stop: threading.Event) -> Outlet:
    """To the broker, or to the push inlet. InvalidInput where what the devices speak does not come that way."""
    by_push = chosen.speaks in speaking.PUSHED
    if not chosen.push:
        if by_push:
            raise InvalidInput(f"{chosen.speaks} comes over HTTP: give --push URL instead of --broker")
        if chosen.secret_file or chosen.check:
            raise InvalidInput("--secret-file and --check are for --push URL: leave them out with --broker")
        return Gateways(Broker.parse(chosen.broker), play.community.id, presence=play.presence)
    if not by_push:
        raise InvalidInput(f"--push needs a format that comes over HTTP: add --as {' or '.join(speaking.PUSHED)}")
    if chosen.history:
        raise InvalidInput("--history is told to a broker: leave it out with --push")
    check: pusher.Check = chosen.check or ("onenet" if chosen.speaks == "onenet" and chosen.secret_file else "secret")
    if check == "onenet" and chosen.speaks != "onenet":
        raise InvalidInput(f"--check onenet signs OneNET's messages alone, not {chosen.speaks}: choose another one")
    target = pusher.Target.parse(chosen.push, _secret(chosen.secret_file), check)
    return pusher.Pushes(target, now=clock.now, stop=stop, presence=play.presence)


def _secret(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        found = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"--secret-file {file} cannot be read: {error}") from error
    if not found or not found.isprintable():
        raise InvalidInput(f"--secret-file {file}: expected the source's secret, one line of printable characters")
    return found
