"""``hub decode`` says what the hub would understand, and its exit code whether that was everything."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import devices.profiles
from hub.cli import main

TELEMETRY = "community/v1/garden/pool-1/telemetry"


def test_a_message_is_shown_with_its_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["decode", TELEMETRY, '{"ts": 1763800000123, "values": {"temperature": 21.5, "leak": true, "ain3": 5}}'])
        == 0
    )
    shown = capsys.readouterr().out
    assert "native" in shown
    assert "garden~pool-1 at 2025-11-22T08:26:40.123" in shown
    assert "temperature = 21.5 ℃" in shown
    assert "leak = true (wet)" in shown
    assert "ain3 = 5.0 (unknown metric)" in shown


def test_what_no_sensor_could_say_is_shown_as_doubtful(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", TELEMETRY, '{"values": {"temperature": 215, "humidity": 40, "mode": "x"}}']) == 0
    shown = capsys.readouterr().out
    assert "temperature = 215.0 ℃ (implausible, kept as uncertain: -40 to 125 is right)" in shown
    assert "humidity = 40.0 %\n" in shown


def test_a_topic_that_the_hub_would_not_take_is_named_and_cut(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "community/v1/garden/" + "x" * 60_000 + "/telemetry", "{}"]) == 1
    shown = capsys.readouterr().out
    assert "topic_too_long" in shown
    assert len(shown) < 300


def test_what_is_not_understood_is_named_and_the_exit_code_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", TELEMETRY, "{21"]) == 1
    assert "not understood (not_json)" in capsys.readouterr().out
    assert main(["decode", "somewhere/else", "1"]) == 1
    assert "no format reads this topic" in capsys.readouterr().out


def test_a_capture_is_read_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = f'{TELEMETRY} {{"values": {{"ph": 7.2}}}}\n\n{TELEMETRY.replace("telemetry", "status")} offline\n'
    file = tmp_path / "capture.txt"
    file.write_text(lines, encoding="utf-8")
    assert main(["decode", "--json", "--capture", str(file)]) == 0
    said = [json.loads(line)["answers"][0] for line in capsys.readouterr().out.splitlines()]
    assert said[0]["samples"][0]["values"] == {"ph": 7.2}
    assert said[1]["statements"][0]["online"] is False
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert main(["decode", "--format", "native", "--capture", "-"]) == 0
    assert "is offline" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a topic and a payload, or --capture FILE"),
        (["topic", "x", "--capture", "f"], "give either"),
        (["--capture", "/nowhere/f"], "/nowhere/f cannot be read: No such file or directory"),
        (["topic", "hex:xyz"], "is not hexadecimal: write hex:0a0b0c"),
        (["topic", "x", "--format", "lorawan2"], "unknown format 'lorawan2'; expected one of"),
    ],
)
def test_wrong_use_says_what_would_be_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_a_profile_of_the_users_own_is_a_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = Path(devices.profiles.__file__).parent / "template.toml"
    (tmp_path / "mine.toml").write_text(template.read_text("utf-8").replace('"template"', '"mine"'), encoding="utf-8")
    assert main(["decode", "--profiles", str(tmp_path), "--format", "mine", "nowhere", "1"]) == 1
    assert "no format reads this topic" in capsys.readouterr().out
    assert main(["decode", "--format", "mine", "nowhere", "1"]) == 1
    assert "unknown format 'mine'" in capsys.readouterr().err
