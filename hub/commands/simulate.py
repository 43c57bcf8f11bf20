"""``hub simulate``: a community, or a recorded series, publishing over MQTT."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Final

from devices.formats import UnknownFormat
from devices.simulator import recorded, scenario, speaking
from devices.simulator.play import HELLO_WITHIN, Play, Publication
from devices.simulator.publisher import Broker, BrokerRefused, Gateways, Outlet, Pace, no_presence
from devices.simulator.pusher import PushRefused
from devices.simulator.signals import Duty, Signal
from hub.clock import DAY, HOUR, MINUTE, SECOND, Clock, WallClock, from_iso, to_iso
from hub.commands.progress import Teller
from hub.commands.simulated_community import read_community
from hub.commands.simulated_outlet import add_outlet, outlet_of
from hub.control import Progress
from hub.errors import ConfigError, HubError, InvalidInput
from hub.settings import Settings

GARDEN: Final = "harmony-garden"
HISTORY_STEP: Final = 15 * MINUTE
"""Devices of the past report this often: enough for a page, a thirtieth of the messages."""
HISTORY_RATE: Final = 1_500
"""Messages a second at which the past is told: what happens now must not wait for it."""
TOLD_EVERY: Final = 500
"""Messages between two words of progress."""
SLICE: Final = SECOND // 4
PATIENCE_S: Final = 60.0
"""How long the broker may take to acknowledge the last messages."""
GOODBYE_S: Final = 0.5
"""The same, when somebody wants the end."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "simulate",
        help="publish a simulated community or a recorded series",
        description="Publishes what a community's devices would say, or a recorded series, over MQTT; "
        "or pushes it as a vendor's cloud does.",
        epilog="example: hub simulate --broker mqtt://127.0.0.1:1883 --scenario lift-door-fault    "
        "or: hub simulate --broker mqtt://127.0.0.1:1883 --csv temperatures.csv --device pump-1 --point motor_temperature",
    )
    add_outlet(parser)
    parser.add_argument(
        "--community",
        metavar="FILE|ID",
        help=f"community file, or a shipped one's id (default: the scenario's own, else {GARDEN}); "
        "its list of expected devices speaks too",
    )
    parser.add_argument(
        "--scenario", metavar="NAME|FILE", help=f"faults to play: {', '.join(scenario.names())}, or a .toml file"
    )
    parser.add_argument(
        "--as",
        dest="speaks",
        metavar="FORMAT",
        help=f"let every device speak this format: {', '.join(speaking.names())}; or a profile of your own (ingest.profiles); "
        "else each speaks that of its scheme",
    )
    parser.add_argument("--seed", type=int, default=1, help="another seed is another community (default 1)")
    parser.add_argument(
        "--from", dest="begin", metavar="TIME", help="begin in the past (ISO 8601 with zone) and catch up"
    )
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster than life (with --from or --csv)")
    parser.add_argument("--seconds", type=float, metavar="N", help="stop after speaking for N seconds")
    parser.add_argument(
        "--history", type=int, default=0, metavar="DAYS", help="tell the last DAYS as well, beside what happens now"
    )
    parser.add_argument(
        "--history-mark", type=Path, metavar="FILE", help="written once the history has been told whole"
    )
    parser.add_argument("--truth", type=Path, metavar="FILE", help="write what really happened, one JSON object a line")
    series = parser.add_argument_group("a recorded series")
    series.add_argument("--csv", type=Path, metavar="FILE")
    series.add_argument("--device", help="the device it is published as")
    series.add_argument("--point", help="the point's name, e.g. temperature")
    series.add_argument("--time-column", default="timestamp")
    series.add_argument("--value-column", default="value")
    series.add_argument("--zone", default="UTC", help="for times without a zone (default UTC)")
    series.add_argument(
        "--as-live",
        action="store_true",
        help="stamp each row with the moment it is sent, not with its own time; delays of rules do not shrink with --speed",
    )
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace, settings: Settings) -> int:
    """Publish until done or stopped."""
    clock, stop = WallClock(), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopper(stop))
    try:
        if chosen.csv:
            return _recorded(chosen, clock, stop)
        return _community(chosen, clock, stop, settings.ingest.profiles)
    except (BrokerRefused, PushRefused) as error:
        raise ConfigError(str(error)) from error
    except (scenario.ScenarioError, recorded.RecordedError, speaking.UnknownSpeaker, UnknownFormat) as error:
        raise InvalidInput(str(error)) from error


def _stopper(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    return handle


def _count_down(seconds: float | None, stop: threading.Event) -> None:
    """From when it speaks: a slow start takes nothing of the time, and a broker that is not there is always named."""
    if seconds:
        timer = threading.Timer(seconds, stop.set)
        timer.daemon = True
        timer.start()


def _recorded(chosen: argparse.Namespace, clock: Clock, stop: threading.Event) -> int:
    if not chosen.device or not chosen.point:
        raise InvalidInput("--csv needs to know what it is: add --device NAME --point NAME")
    if chosen.push:
        raise InvalidInput("--csv is told to a broker: give --broker mqtt://user:password@host:port instead of --push")
    if chosen.speaks:
        raise InvalidInput("--csv is told in the hub's own format: leave out --as, which is for communities")
    source = recorded.Recorded(
        path=chosen.csv,
        community=chosen.community or GARDEN,
        device=chosen.device,
        point=chosen.point,
        time_column=chosen.time_column,
        value_column=chosen.value_column,
        zone=chosen.zone,
    )
    gateways = Gateways(Broker.parse(chosen.broker), source.community)
    total, teller = sum(1 for _ in recorded.rows(source)), Teller()
    try:
        stream = recorded.publications(source, speed=chosen.speed, start=clock.now(), as_live=chosen.as_live)
        _count_down(chosen.seconds, stop)
        count = Pace(clock.now, stop).play(_counted(stream, total, teller), gateways)
        whole = gateways.drain(GOODBYE_S if stop.is_set() else PATIENCE_S)
    finally:
        teller.end()
        gateways.close()
    if not whole:
        raise HubError("the broker has not acknowledged the last messages: is it running, and has its disk room?")
    print(f"published {count} rows of {chosen.csv.name} as {chosen.device} {chosen.point}")
    return 0


def _counted(stream: Iterator[Publication], total: int, teller: Teller) -> Iterator[Publication]:
    for number, publication in enumerate(stream):
        if number % TOLD_EVERY == 0:
            teller(Progress(number, total, "rows"))
        yield publication


def _community(chosen: argparse.Namespace, clock: Clock, stop: threading.Event, profiles: Path | None) -> int:
    """``profiles``: the folder of the user's own formats."""
    faults = scenario.load(chosen.scenario) if chosen.scenario else None
    community = read_community(chosen.community or (faults and faults.community) or GARDEN, chosen.seed)
    begin = _instant(chosen.begin) if chosen.begin else clock.now()
    if begin > clock.now():
        raise InvalidInput(f"--from {chosen.begin} lies in the future; begin in the past or leave it out")
    speaks = chosen.speaks or ""
    play = Play(community=community, scenario=faults, start=begin, seed=chosen.seed, speaks=speaks, profiles=profiles)
    if left_out := _without_words(play):
        print(left_out, file=sys.stderr)
    gateways = outlet_of(chosen, play, clock, stop)
    history = threading.Thread(target=_tell_history, args=(chosen, play, clock, stop), name="history")
    try:
        if chosen.history:
            history.start()
        _count_down(chosen.seconds, stop)
        _live(play, gateways, clock, stop, chosen.speed if chosen.begin else 1.0)
    finally:
        stop.set()
        gateways.drain(GOODBYE_S)
        gateways.close()
        if chosen.history:
            history.join(5)
        if chosen.truth:
            _write_truth(play, clock.now(), chosen.truth)
    print(f"published {gateways.sent} messages of {len(community.devices)} devices")
    return 0


def _instant(text: str) -> int:
    try:
        return from_iso(text)
    except ValueError as error:
        raise InvalidInput(f"--from {text}: {error}; expected e.g. 2026-11-23T09:00:00+08:00") from error


def _live(play: Play, gateways: Outlet, clock: Clock, stop: threading.Event, speed: float) -> None:
    """Tell what happens, slice by slice; a story that began in the past runs at ``speed`` until it has caught up."""
    told, started, begin = play.start, clock.now(), play.start
    down: set[str] = set()
    while not stop.is_set():
        now = clock.now()
        until = min(now, begin + round((now - started) * speed)) if speed != 1.0 else now
        gateways.set_down(down & play.silent_gateways(until))  # who is back has something to say first
        for publication in play.between(told, until):
            gateways.send(publication)
        told = max(told, until)
        down = play.silent_gateways(told)
        gateways.set_down(down)
        stop.wait(SLICE / 1000)


def _tell_history(chosen: argparse.Namespace, live: Play, clock: Clock, stop: threading.Event) -> None:
    """The past, thinned out, day by day back from now, on one connection and at a bounded rate."""
    end, community = clock.now() - 15 * MINUTE, live.community
    slow = {
        d.id: replace(
            d,
            interval=HISTORY_STEP,
            phase=d.phase % HISTORY_STEP,
            gateway="history",
            points=tuple(point for point in d.points if not _fleeting(point.signal)),
        )
        for d in community.devices.values()
        if live.speaker_of(d).tells_the_past
    }
    past = Play(
        community=replace(community, devices=slow),
        scenario=None,
        start=end - chosen.history * DAY,
        seed=chosen.seed,
        speaks=live.speaks,
        introduces=False,
        profiles=live.profiles,
    )
    stop.wait(HELLO_WITHIN / 1000)  # until those who tell what happens now have said who they are
    gateways = Gateways(Broker.parse(chosen.broker), community.id, limit=1_000, presence=no_presence)
    try:
        stream = _told(past, chosen.history, Teller())
        Pace(clock.now, stop).play(_at_rate(stream, clock.now(), HISTORY_RATE), gateways)
        gateways.drain(GOODBYE_S if stop.is_set() else PATIENCE_S)
        if chosen.history_mark and not stop.is_set():
            chosen.history_mark.touch()
    finally:
        gateways.close()


def _without_words(play: Play) -> str:
    """What the devices measure and their formats cannot say, as one sentence; empty where there is nothing."""
    devices = play.community.devices.values()
    left_out = [
        point.metric
        for device in devices
        for point in device.points
        if point.name not in play.speaker_of(device).heard_as(device)
    ]
    if not left_out:
        return ""
    metrics = ", ".join(metric for metric, _ in Counter(left_out).most_common())
    total = sum(len(device.points) for device in devices)
    return f"left out, because the format has no word for it: {len(left_out)} of {total} points ({metrics})"


def _fleeting(signal: Signal) -> bool:
    """Contacts that come and go between two reports of the past would look as if they stood still: they have none."""
    return isinstance(signal, Duty) and signal.cycle < 2 * HISTORY_STEP


def _told(past: Play, days: int, teller: Teller) -> Iterator[Publication]:
    """The latest day first: it is what a page shows first."""
    for ago in range(days):
        begin = past.start + (days - 1 - ago) * DAY
        for number, publication in enumerate(past.between(begin, begin + DAY)):
            if number % TOLD_EVERY == 0:
                hours = 24 * ago + (publication.at - begin) // HOUR
                teller(Progress(hours, 24 * days, "hours of history told"))
            yield publication
    teller("history told")


def _at_rate(stream: Iterator[Publication], start: int, rate: int) -> Iterator[Publication]:
    for number, publication in enumerate(stream):
        yield publication._replace(at=start + number * 1000 // rate)


def _write_truth(play: Play, now: int, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for truth in play.truth(now):
            file.write(json.dumps({**truth._asdict(), "at": to_iso(truth.at)}, ensure_ascii=False) + "\n")
