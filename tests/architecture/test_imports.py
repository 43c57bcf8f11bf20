"""Imports go one way (docs/design.md, Layout), and nothing happens at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMON = {"hub.clock", "hub.errors", "hub.log"}
WORDS = "hub.words"

ALLOWED: dict[str, set[str]] = {
    "devices": {"devices"},
    "dashboards": {"dashboards", "hub.domain"},
    "hub.domain": {"hub.domain"},
    "hub.flows": {"hub.domain", "hub.flows", *COMMON},
    "hub.ingest": {"hub.domain", "hub.flows", "hub.ingest", "hub.settings", "devices", *COMMON},
    "hub.storage": {"hub.domain", "hub.flows", "hub.storage", "hub.settings", *COMMON},
    "hub.notify": {"hub.domain", "hub.flows", "hub.notify", "hub.settings", *COMMON},
    "hub.jobs": {"hub.domain", "hub.flows", "hub.jobs", "hub.settings", *COMMON},
    "hub.web": {"hub", "hub.domain", "hub.flows", "hub.web", "hub.settings", WORDS, *COMMON},
}
"""Part -> what of ours it may import. The wiring and the command line know all; nobody but they knows the wiring."""

PURE = {"hub.domain": "hub.domain imports the standard library only"}
SIMULATOR = "devices.simulator"


def modules() -> Iterator[tuple[str, Path]]:
    for top in ("hub", "devices", "dashboards"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if "node_modules" in path.parts or "migrations" in path.parts or "ui" in path.parts:
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), path


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def part_of(name: str, parts: set[str] | dict[str, set[str]]) -> str | None:
    found = [part for part in parts if name == part or name.startswith(part + ".")]
    return max(found, key=len) if found else None


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_go_one_way(name: str, path: Path) -> None:
    part = part_of(name, ALLOWED)
    if part is None:
        if name not in ("hub.wiring", "hub.cli", "hub.demo", "hub.handlers") and not name.startswith("hub.commands"):
            assert "hub.wiring" not in set(imported(path))
        return
    ours = {module for module in imported(path) if module.split(".")[0] in ("hub", "devices", "dashboards")}
    wrong = {module for module in ours if part_of(module, ALLOWED[part]) is None}
    assert not wrong, f"{name} imports {', '.join(sorted(wrong))}; {part} may import {', '.join(sorted(ALLOWED[part]))}"


@pytest.mark.parametrize(("name", "path"), [m for m in modules() if m[0].startswith("hub.domain")], ids=str)
def test_the_domain_is_pure(name: str, path: Path) -> None:
    foreign = {
        m for m in imported(path) if m.split(".")[0] not in sys.stdlib_module_names and not m.startswith("hub.domain")
    }
    assert not foreign, f"{name} imports {foreign}: {PURE['hub.domain']}"


def test_nothing_happens_at_import() -> None:
    """No socket, no thread, no file written and no environment read into a constant."""
    names = [name for name, _ in modules() if not name.endswith("__main__")]
    script = f"""
import builtins, importlib, socket, threading
def refuse(*a, **k): raise RuntimeError("a module opened a socket at import")
socket.socket.connect = refuse
socket.socket.bind = refuse
before = threading.active_count()
real_open = builtins.open
def reading_only(file, mode="r", *a, **k):
    assert not set(mode) & set("wax+"), f"{{file}} opened for writing at import"
    return real_open(file, mode, *a, **k)
builtins.open = reading_only
for name in {names!r}:
    importlib.import_module(name)
    assert threading.active_count() == before, f"{{name}} started a thread at import"
"""
    done = subprocess.run([sys.executable, "-B", "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
