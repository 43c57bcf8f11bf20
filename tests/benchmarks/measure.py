"""Measures message pipelines against a yardstick: interleaved rounds, counted loss, CPU of every process.

A *case* is something that receives: it is started with a broker's address and a ``Counter`` that it keeps, and names its
processes. In each round every case gets the same broker program, the same publisher and the same load, one after the
other, so that a ratio compares neighbours in time. What counts is CPU per message: rates move with the rest of the
machine, which is why every sample says how much of it others used.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from hub.ingest.frames import BEAT_ROOT
from tests.benchmarks.counter import Counter

ROOT: Final = Path(__file__).resolve().parents[2]
_SOURCES: Final = Path(__file__).resolve().parent / "c"
_TICKS: Final = os.sysconf("SC_CLK_TCK")
MARKER_TOPIC: Final = f"{BEAT_ROOT}yardstick"
"""Where the hub's account may publish, and nobody listens."""
QUIET_BELOW: Final = 0.35
"""Cores that others may use while a sample is taken; waited for, never chosen afterwards."""
VOID_BELOW: Final = 40_000
"""Messages/s of the yardstick below which a run says nothing: the machine was not free."""


# --- programs ---------------------------------------------------------------------------------------------------------


def build(folder: Path) -> None:
    """Compile ``publisher`` and ``yardstick`` into the folder. Needs cc and libmosquitto-dev."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, libraries in (("publisher", []), ("yardstick", ["-lmosquitto"])):
        source, program = _SOURCES / f"{name}.c", folder / name
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            command = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(source), *libraries]
            subprocess.run(command, check=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the broker is, and as whom the two sides connect."""

    host: str
    port: int
    hub_name: str
    hub_password: str
    publisher_name: str
    publisher_password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the publisher does. The defaults are those of every case."""

    window: int = 20_000
    connections: int = 50
    batch: int = 64
    devices: int = 1000
    rate: float = 0.0
    """Messages/s; 0: as fast as the window lets it."""
    warm_up: float = 1.0
    seconds: float = 4.0
    fault_every: int = 10_000
    community: str = "bench"
    drain: float = 30.0


FULL: Final = Load()
"""As fast as the count lets it: of messages whose acknowledgement the broker has read, and that a hub has committed."""


class Subject(Protocol):
    """A started case."""

    pids: Mapping[str, int]
    """Name -> process; their CPU is counted apart."""

    def stop(self) -> None:
        """End it; called after everything that was sent has been counted, or the patience was over."""
        ...


class Broker(Protocol):
    """A running broker."""

    address: Address
    pid: int

    def stop(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Something to measure."""

    name: str
    start: Callable[[Address, Counter], Subject]
    load: Load = FULL


@contextmanager
def publisher(programs: Path, address: Address, load: Load, *more: str) -> Iterator[subprocess.Popen[str]]:
    """The C publisher, connected. ``more``: further options, e.g. ``--acked FILE``."""
    options: dict[str, object] = {
        "host": address.host,
        "port": address.port,
        "user": address.publisher_name,
        "password": address.publisher_password,
        "community": load.community,
        "connections": load.connections,
        "batch": load.batch,
        "window": load.window,
        "devices": load.devices,
        "rate": load.rate,
        "fault-every": load.fault_every,
        "drain": load.drain,
    }
    command = [str(programs / "publisher"), *(f"--{key}={value}" for key, value in options.items()), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            await_ready(process)
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def await_ready(process: subprocess.Popen[str]) -> None:
    """Wait for the line ``ready``; RuntimeError where the program ended instead."""
    line = process.stdout.readline() if process.stdout else ""
    if line.strip() != "ready":
        raise RuntimeError(f"{process.args!r} said {line!r} instead of ready (exit code {process.poll()})")


class Yardstick:
    """C, the yardstick: a minimal libmosquitto QoS 1 subscriber that only counts."""

    def __init__(self, programs: Path, address: Address, counter: Counter, *, topic: str, inflight: int) -> None:
        where = [address.host, str(address.port), address.hub_name, address.hub_password]
        command = [str(programs / "yardstick"), *where, topic, str(counter.path), MARKER_TOPIC, str(inflight)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        await_ready(self._process)
        self.pids: Mapping[str, int] = {"subject": self._process.pid}

    def stop(self) -> None:
        """SIGTERM."""
        self._process.terminate()
        self._process.communicate(timeout=10)


def yardstick(programs: Path, load: Load = FULL, *, inflight: int = 1000) -> Case:
    """The case called C."""
    topic = f"community/v1/{load.community}/+/telemetry"
    return Case(
        name="C",
        start=lambda address, counter: Yardstick(programs, address, counter, topic=topic, inflight=inflight),
        load=load,
    )


# --- one sample -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One case in one round."""

    rate: float
    """Counted messages per second in the window: closed-loop, so a sustained and loss-free rate if ``lost`` is 0."""
    us: dict[str, float]
    """CPU microseconds per counted message, by process: broker, publisher, and those that the case named."""
    sent: int
    lost: int
    """Sent minus counted after everything came to rest: has to be 0."""
    others: float
    """Cores that other processes of the machine used meanwhile."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, including ended ones."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def busy_seconds() -> float:
    """CPU time that the whole machine has spent on anything."""
    first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, interrupt, soft, *_ = (int(ticks) for ticks in first)
    return (user + nice + system + interrupt + soft) / _TICKS


def await_quiet(patience: float) -> bool:
    """Wait until others leave the machine alone for half a second; False where they do not within the patience."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        busy, began = busy_seconds(), time.monotonic()
        time.sleep(0.5)
        if (busy_seconds() - busy) / (time.monotonic() - began) < QUIET_BELOW:
            return True
    return False


def measure(case: Case, broker: Broker, programs: Path, counter: Counter) -> Sample:
    """Run one case once: warm up, measure, let it come to rest, count what is missing."""
    counter.value = 0
    subject = case.start(broker.address, counter)
    try:
        load = case.load
        more = (f"--counter={counter.path}", f"--duration={load.warm_up + load.seconds + 0.2}")
        with publisher(programs, broker.address, load, *more) as sender:
            pids = {"broker": broker.pid, "publisher": sender.pid, **subject.pids}
            time.sleep(load.warm_up)
            began, cpu, busy, count = time.monotonic(), {k: cpu_seconds(p) for k, p in pids.items()}, busy_seconds(), 0
            count = counter.value
            time.sleep(load.seconds)
            counted, seconds = counter.value - count, time.monotonic() - began
            used = {key: cpu_seconds(pid) - cpu[key] for key, pid in pids.items()}
            others = (busy_seconds() - busy - sum(used.values())) / seconds
            result = json.loads(sender.communicate(timeout=load.drain + load.seconds + 30)[0])
        return Sample(
            rate=counted / seconds,
            us={key: value * 1e6 / max(counted, 1) for key, value in used.items()},
            sent=result["sent"],
            lost=result["sent"] - counter.value,
            others=others,
        )
    finally:
        subject.stop()


# --- rounds -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A median with its extremes."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(median=statistics.median(values), low=min(values), high=max(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A case over all rounds."""

    name: str
    rate: Spread
    ratio: Spread
    """To the yardstick of the same round."""
    us: dict[str, Spread]
    sent: int
    lost: int
    others: Spread


def interleave(
    cases: Sequence[Case],
    *,
    rounds: int,
    programs: Path,
    counter: Counter,
    broker: Callable[[], Broker],
    say: Callable[[str], None] = print,
    patience: float = 0.0,
) -> list[Result]:
    """C, A, B, C, A, B, …: each sample with a broker of its own. The first case is the yardstick.

    ``patience``: seconds that each sample may wait for a quiet machine. Every sample counts, also a disturbed one.
    """
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for number in range(rounds):
        for case in cases:
            await_quiet(patience)
            running = broker()
            try:
                sample = measure(case, running, programs, counter)
            finally:
                running.stop()
            samples[case.name].append(sample)
            us = ", ".join(f"{key} {value:.1f}" for key, value in sample.us.items())
            say(
                f"round {number + 1} {case.name}: {sample.rate:,.0f}/s, us {us}, lost {sample.lost},"
                f" others {sample.others:.2f} cores"
            )
    base = [sample.rate for sample in samples[cases[0].name]]
    return [_result(case.name, samples[case.name], base) for case in cases]


def _result(name: str, samples: Sequence[Sample], base: Sequence[float]) -> Result:
    return Result(
        name=name,
        rate=Spread.of([sample.rate for sample in samples]),
        ratio=Spread.of([sample.rate / rate if rate else math.nan for sample, rate in zip(samples, base, strict=True)]),
        us={key: Spread.of([sample.us[key] for sample in samples]) for key in samples[0].us},
        sent=sum(sample.sent for sample in samples),
        lost=sum(sample.lost for sample in samples),
        others=Spread.of([sample.others for sample in samples]),
    )


def is_void(results: Sequence[Result]) -> bool:
    """Whether the yardstick was too slow for the run to say anything."""
    return results[0].rate.median < VOID_BELOW


def table(results: Sequence[Result]) -> str:
    """The results as a Markdown table."""
    head = "| case | messages/s | of C | CPU us per message | sent | lost | others, cores |\n|---|---|---|---|---|---|---|\n"
    rows: list[str] = []
    for result in results:
        us = ", ".join(f"{key} {_show(spread, 1)}" for key, spread in result.us.items())
        cells = [result.name, _show(result.rate, 0), _show(result.ratio, 2), us]
        rows.append(f"| {' | '.join([*cells, f'{result.sent:,}', f'{result.lost:,}', _show(result.others, 2)])} |\n")
    return head + "".join(rows)


def _show(spread: Spread, places: int) -> str:
    return f"{spread.median:,.{places}f} ({spread.low:,.{places}f}-{spread.high:,.{places}f})"


def as_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """For a file beside the table."""
    return [asdict(result) for result in results]
