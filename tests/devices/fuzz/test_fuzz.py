"""Coverage-guided fuzzing of every decoder: nothing raises, nothing costs more than it may.

The small form is a few thousand inputs, the same every time. ``make soak`` fuzzes for ten minutes and judges what was
dear; one format alone: ``pytest -m soak tests/devices/fuzz -k sparkplug``.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from devices.contract import Message
from tests.devices.fuzz.inputs import as_command, groups, hear, seeds, speakers, unpack
from tests.devices.test_worked_examples import ALL, message_of

ROOT = Path(__file__).resolve().parents[3]
needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed: it has wheels for Linux x86-64 and Python 3.11 to 3.14 only",
)

TEN_MINUTES: Final = 600
MOST_MS: Final = 50.0
MOST_BYTES: Final = 32 * 1024 * 1024
_LIMITS: Final = ("-max_len=8192", "-timeout=20", "-rss_limit_mb=1024")


def fuzz(chosen: Sequence[str], folder: Path, *options: str) -> None:
    """Fails with the way to see it again where an input raised, hung or broke a promise."""
    command = [sys.executable, "-m", "tests.devices.fuzz.fuzz_check", ",".join(chosen), str(folder), *_LIMITS, *options]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    found = sorted(path for path in folder.iterdir() if re.match(r"(crash|timeout|oom|leak)-", path.name))
    shown = "\n".join(f"{path}\n{as_command(path.read_bytes(), speakers(chosen))}" for path in found)
    assert done.returncode == 0, f"{done.stdout[-6_000:]}\n{shown}"
    assert "DONE" in done.stdout, done.stdout[-2_000:]


@needs_atheris
def test_a_few_thousand_inputs_for_all_formats(tmp_path: Path) -> None:
    fuzz(groups(), tmp_path, "-runs=4000", "-seed=1")


@needs_atheris
@pytest.mark.soak
@pytest.mark.timeout(TEN_MINUTES)
@pytest.mark.parametrize("group", groups())
def test_for_ten_minutes_shared_among_the_formats(group: str, tmp_path: Path) -> None:
    fuzz([group], tmp_path, f"-max_total_time={TEN_MINUTES // len(groups())}")
    among = speakers([group])
    for path in sorted(tmp_path.glob("dear-*")):
        data = path.read_bytes()
        for cost, most in ((_milliseconds, MOST_MS), (_bytes, MOST_BYTES)):
            dearest = max(cost(data, group), default=0.0)
            assert dearest <= most, f"{cost.__name__[1:]}: {dearest:.1f} of {most}\n{as_command(data, among)}"


def _milliseconds(data: bytes, group: str) -> list[float]:
    """CPU of each message, the least of three goes."""
    goes = []
    for _ in range(3):
        trial, spent = hear(*unpack(data, speakers([group]))), []
        began = time.thread_time()
        for _ in trial:
            spent.append((time.thread_time() - began) * 1e3)
            began = time.thread_time()
        goes.append(spent)
    return [min(each) for each in zip(*goes, strict=True)]


def _bytes(data: bytes, group: str) -> list[float]:
    """Peak of each message beyond what was there before it."""
    trial, peaks = hear(*unpack(data, speakers([group]))), []
    tracemalloc.start()
    try:
        held = tracemalloc.get_traced_memory()[0]
        for _ in trial:
            now, peak = tracemalloc.get_traced_memory()
            peaks.append(float(peak - held))
            tracemalloc.reset_peak()
            held = now
    finally:
        tracemalloc.stop()
    return peaks


def test_what_is_fuzzed_begins_with_every_example() -> None:
    among = speakers(groups())
    heard = [unpack(seed, among) for seed in seeds(among)]
    assert len(heard) == len(ALL)
    for (speaker, messages), parameters in zip(heard, ALL, strict=True):
        wire_format, example = parameters.values
        last = message_of(example)
        assert speaker.name == wire_format.name
        assert (messages[-1].topic, messages[-1].payload) == (last.topic, last.payload)
        assert (messages[-1].retain, messages[-1].content_type) == (last.retain, last.content_type)


def test_any_bytes_are_an_input() -> None:
    among = speakers(["native"])
    for data in (b"", b"\0", b"\xff\xff\xfe", b"\0" * 100, b"\0r\xc3\tx\n" + b"\n\0\x1e" * 40):
        assert unpack(data, among)[0].name == "native"
        assert all(isinstance(message, Message) for message in unpack(data, among)[1])


def test_a_finding_is_shown_as_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Pasted into a shell it shows the same as the example: here the shell is left out."""
    import io
    import shlex

    from hub.cli import main

    among = speakers(["zigbee2mqtt"])
    text = as_command(next(seeds(among)), among)
    said, _, command = text.splitlines()[-1].partition(" | ")
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(shlex.split(said)[2:]) + "\n"))
    main(shlex.split(command)[1:])
    assert "zigbee2mqtt" in capsys.readouterr().out
