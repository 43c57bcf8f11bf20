"""The command line itself: help with examples, exit codes, checks that need no store, progress."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.cli import parser
from hub.commands.progress import Teller
from hub.control import Progress
from tests.commands.conftest import call


def commands(of: argparse.ArgumentParser, *before: str) -> Iterator[tuple[str, ...]]:
    yield before
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from commands(inner, *before, name)


@pytest.mark.parametrize("words", list(commands(parser())), ids=" ".join)
def test_help_shows_an_example(words: tuple[str, ...]) -> None:
    said = call(*words, "--help")
    assert said.code == 0
    assert f"hub {' '.join(words)}".strip() in " ".join(said.out.partition("example:")[2].split())


@pytest.mark.parametrize("words", [(), ("nonsense",), ("export", "only-one"), ("quarantine",), ("simulate",)])
def test_wrong_usage_is_2(words: tuple[str, ...]) -> None:
    assert call(*words).code == 2


def test_the_shipped_community_is_whole() -> None:
    said = call("check")
    assert said.code == 0
    assert "harmony-garden: 0 errors" in said.out


def test_check_names_what_is_wrong_in_a_file(court: Callable[[str], Path]) -> None:
    path = court("small")
    path.write_text(path.read_text(encoding="utf-8").replace('"temperature"', '"temperatur"'), encoding="utf-8")
    said = call("check", str(path))
    assert "temperatur" in said.out
    assert call("check", str(path.with_name("missing.toml"))).code == 1
    path.write_text(path.read_text(encoding="utf-8").replace('"ebike_shed"', '"ebike_shet"'), encoding="utf-8")
    assert "no 'ebike_shet' in the facility catalogue" in call("check", str(path)).out
    assert "设施类型目录 中没有 'ebike_shet'" in call("check", str(path), "--language", "zh-CN").out


def test_a_command_without_a_data_folder_names_it(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text(f'data_dir = "{tmp_path / "nowhere"}"\n', encoding="utf-8")
    said = call("--config", str(config), "quarantine", "list")
    assert said.code == 1
    assert str(tmp_path / "nowhere") in said.err
    assert "HUB_DATA_DIR" in said.err
    assert not (tmp_path / "nowhere").exists()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def tell(stream: io.StringIO) -> str:
    teller = Teller(stream)
    for done in range(0, 101, 5):
        teller(Progress(done, 100, "frames"))
    return stream.getvalue()


def test_a_terminal_gets_a_bar() -> None:
    said = tell(Terminal())
    assert said.count("\r") == 21
    assert said.count("\n") == 1
    assert said.endswith("100%  frames\n")


def test_a_log_gets_a_few_plain_lines() -> None:
    lines = tell(io.StringIO()).splitlines()
    assert "\r" not in "".join(lines)
    assert lines[0] == "frames: 0 of 100 (0%)"
    assert lines[-1] == "frames: 100 of 100 (100%)"
    assert len(lines) == 11


def test_nothing_to_do_is_all_done() -> None:
    stream = io.StringIO()
    Teller(stream)(Progress(0, 0, "frames"))
    assert "100%" in stream.getvalue()
