"""What a run says about the promises: verdicts, exit, and the place in the document where the newest run stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.goals import GOALS, Finding, missed, table, verdict
from tests.benchmarks.measure import Spread
from tests.benchmarks.report import write


def found(*values: float, relative: bool = False) -> Finding:
    return Finding(spread=Spread.of(values), relative=relative)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("sustained", 1.0, "aim met"),
        ("sustained", 0.75, "at least met"),
        ("sustained", 0.74, "MISSED"),
        ("cpu", 12.0, "aim met"),
        ("cpu", 17.0, "at least met"),
        ("cpu", 17.1, "MISSED"),
        ("rss_demo", 250, "aim met"),
        ("rss_demo", 251, "MISSED"),
        ("lost", 0, "aim met"),
        ("lost", 1, "MISSED"),
    ],
)
def test_a_value_is_judged_by_both_bounds(name: str, value: float, said: str) -> None:
    assert verdict(GOALS[name], found(value), void=False) == said


def test_the_median_is_judged_and_not_the_best() -> None:
    assert verdict(GOALS["cpu"], found(11, 18, 19), void=False) == "MISSED"


def test_a_busy_machine_voids_only_what_depends_on_it() -> None:
    assert verdict(GOALS["cpu"], found(30, relative=True), void=True) == "void"
    assert verdict(GOALS["cpu"], found(10, relative=True), void=True) == "void"
    assert verdict(GOALS["lost"], found(1), void=True) == "MISSED"


def test_what_was_not_measured_is_said_and_does_not_fail() -> None:
    assert missed({"cpu": found(11), "lost": found(3)}, void=False) == ["lost"]
    lines = table({"cpu": found(11, 12, 13)}, void=False).splitlines()
    assert "12.0 µs (11.0 µs – 13.0 µs)" in next(line for line in lines if line.startswith("| hub CPU"))
    assert sum("not run" in line for line in lines) == len(GOALS) - 1


def test_a_run_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    document = tmp_path / "measurements.md"
    document.write_text("head\n<!-- last run: begin -->\nold\n<!-- last run: end -->\nfoot\n", encoding="utf-8")
    write("first", document)
    write("second", document)
    text = document.read_text(encoding="utf-8")
    assert text == "head\n<!-- last run: begin -->\n\nsecond\n\n<!-- last run: end -->\nfoot\n"


def test_a_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "measurements.md"
    document.write_text("mine\n", encoding="utf-8")
    with pytest.raises(ValueError, match="lost its marks"):
        write("run", document)
    assert document.read_text(encoding="utf-8") == "mine\n"
