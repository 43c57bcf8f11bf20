"""Small rules of the house, kept by reading the source."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CLOCK_READERS = {"hub/clock.py"}
CLOCK_CALLS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}


def sources(*tops: str) -> Iterator[Path]:
    for top in tops:
        yield from (p for p in sorted((ROOT / top).rglob("*.py")) if "node_modules" not in p.parts)


def reads_clock(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in CLOCK_CALLS
    )


def test_only_the_clock_reads_the_clock() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        for path in sources("hub", "devices", "dashboards")
        if path.relative_to(ROOT).as_posix() not in CLOCK_READERS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if reads_clock(node)
    ]
    assert not found, f"take a hub.clock.Clock or `now` as an argument: {found}"


def test_values_of_the_domain_are_frozen() -> None:
    loose = []
    for path in sources("hub/domain"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Name) and mark.id == "dataclass":
                    loose.append(f"{path.name}: {node.name}")
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "dataclass":
                    given = {k.arg: getattr(k.value, "value", None) for k in mark.keywords}
                    if not (given.get("frozen") and given.get("slots")):
                        loose.append(f"{path.name}: {node.name}")
    assert not loose, f"dataclass(frozen=True, slots=True, kw_only=True) is the rule of hub/domain: {loose}"


def test_commits_happen_in_the_unit_of_work_only() -> None:
    allowed = re.compile(r"hub/storage/|hub/ingest/journal")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources("hub")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if ".commit(" in line and not allowed.match(path.relative_to(ROOT).as_posix())
    ]
    assert not found, found


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "hub/web/ui/package-lock.json"])
def test_lock_files_hold_no_address_or_local_path(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(
        r"https?://(?!opencollective|github\.com/sponsors|(www\.)?(patreon|paypal|buymeacoffee))|file:|^-f|--find-links|--index-url| @ ",
        text,
        re.MULTILINE,
    )


def test_locks_hold_what_the_project_asks_for() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[\[<>=!~ ;]", line)[0].lower() for line in project["dependencies"]}
    extras = {
        re.split(r"[\[<>=!~ ;]", line)[0].lower()
        for lines in project["optional-dependencies"].values()
        for line in lines
    }
    for name, names in (("requirements.lock", wanted), ("requirements-dev.lock", wanted | extras)):
        locked = {
            line.split("==")[0].split("[")[0].lower()
            for line in (ROOT / name).read_text().splitlines()
            if re.match(r"[A-Za-z]", line)
        }
        assert not names - locked, f"{name} lacks {names - locked}: run make lock"


def test_no_loose_ends_are_committed() -> None:
    """No open end without an owner, no suppression without its reason."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout.split()
    bad = re.compile(
        r"#\s*(TO" r"DO|FIX" r"ME|XX" r"X)\b|#\s*type:\s*ignore(?!\[)|#\s*no" r"qa(?!:)|pragma:\s*no\s*cover"
    )
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in listed
        if (ROOT / name).exists()
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1)
        if bad.search(line)
    ]
    assert not found, "\n".join(found)
