"""The pages on sizing say what was measured, in both languages: a new measurement makes them red until they follow."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import page, rows, section

MEASUREMENTS = page("docs/measurements.md")
PAGES = {
    "docs/manual/sizing.md": ("## Processor", "## Memory", "## Disk", "measured", "estimated"),
    "docs/manual/sizing.zh-CN.md": ("## 处理器", "## 内存", "## 硬盘", "实测", "估计"),
}
EVERY = pytest.mark.parametrize("name", list(PAGES))


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text))


def told(name: str) -> list[str]:
    """Cells that say what was measured."""
    processor, memory, disk, measured, estimated = PAGES[name]
    text = page(name)
    found = [row[1] for row in rows(section(text, processor))]
    found += [row[1] for row in rows(section(text, memory)) if row[2] == measured]
    found += [row[1] for row in rows(section(text, disk)) if estimated not in row[1]]
    return found


def newest(label: str, number: str) -> list[str]:
    """The figures of every run that measured this row, as the pages write them."""
    found = [
        match[1]
        for row in rows(MEASUREMENTS)
        if re.fullmatch(label, row[0]) and (match := re.search(number, " | ".join(row[1:])))
    ]
    assert found, f"docs/measurements.md has no row {label!r}"
    return found


@EVERY
def test_every_figure_that_was_measured_is_among_the_measurements(name: str) -> None:
    known = numbers(MEASUREMENTS)
    for cell in told(name):
        ours = numbers(re.sub(r"(\d+) 万", lambda found: f"{int(found[1]) / 100:g} million", cell))
        assert ours <= known, f"{cell}: {sorted(ours - known)} is nowhere in docs/measurements.md"


@EVERY
@pytest.mark.parametrize(
    ("label", "number", "unit"),
    [
        ("hub CPU per message", r"([\d.]+) µs \(", " µs"),
        ("hub", r"hub ([\d.]+) \(", " µs"),
        ("hub", r"^([\d,]+) \(", ""),
        ("board page p95.*", r"(\d+) ms \(", " ms"),
        ("RSS of the demo with a page open", r"\| (\d+) MB;", " MB"),
        ("RSS of the demo with a page open", r"at most (\d+) MB", " MB"),
    ],
)
def test_what_was_measured_last_is_what_they_say(name: str, label: str, number: str, unit: str) -> None:
    cells = " | ".join(told(name))
    for figure in newest(label, number):
        assert f"{figure}{unit}" in cells, f"{label}: {figure}{unit} was measured"
