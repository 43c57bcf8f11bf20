"""``hub log-level``: how much the running hub logs."""

from __future__ import annotations

import argparse

from hub import control
from hub.commands.progress import Teller
from hub.datadir import DataDir
from hub.errors import ConfigError
from hub.log import LEVELS
from hub.settings import Settings


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "log-level",
        help="change how much the running hub logs, until it stops",
        description="The next start has the level of the settings again (log.level).",
        epilog="example: hub log-level debug",
    )
    parser.add_argument("level", choices=LEVELS)
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace, settings: Settings) -> int:
    """Only a running hub has a level to change."""
    folder = DataDir(settings.data_dir)
    try:
        before = control.call(folder.socket, "log-level", {"level": chosen.level}, Teller())
    except ConnectionError as error:
        raise ConfigError(
            f"no hub runs on {folder.root}: set HUB_LOG__LEVEL={chosen.level} for its next start"
        ) from error
    print(f"the log's level is {chosen.level} now, it was {before}")
    return 0
