"""The ``hub`` command. Exit codes: 0 done, 1 failed with a one-line reason, 2 wrong usage."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from hub import __version__, log, settings
from hub.errors import HubError

COMMANDS: Final = (
    "demo",
    "run",
    "check",
    "community",
    "simulate",
    "decode",
    "quarantine",
    "series",
    "people",
    "credentials",
    "backup",
    "migrate",
    "log_level",
    "dashboards",
)
"""Modules of hub.commands, in the order in which ``hub --help`` shows them."""
SERVICES: Final = ("demo", "run")
"""Commands that run on and on, and log what they do."""


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    root = argparse.ArgumentParser(
        prog="hub",
        description="Community hub: sensors in, one ticket per fault out.",
        epilog="example: hub demo    (a simulated community with everything embedded)",
    )
    root.add_argument("--version", action="version", version=f"community-hub {__version__}")
    root.add_argument("--config", metavar="FILE", help="settings file (default: hub.toml in this folder, if there)")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"hub.commands.{name}").add(commands)
    return root


def _level(command: str, configuration: settings.Settings) -> str:
    """What a person asked for speaks for itself: its log is for errors, unless somebody set another level."""
    return configuration.log.level if command in SERVICES or configuration.log.level != "info" else "error"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command."""
    chosen = parser().parse_args(arguments)
    try:
        from pathlib import Path

        configuration = settings.load(Path(chosen.config) if chosen.config else None)
        log.set_up(level=_level(chosen.command, configuration), json_lines=configuration.log.json_lines)
        return int(chosen.run(chosen, configuration) or 0)
    except HubError as error:
        print(f"hub: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130
