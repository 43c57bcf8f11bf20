"""``hub check``: is the configuration whole, and does every rule and ticket find what it needs?"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from hub.clock import WallClock
from hub.errors import ConfigError, HubError
from hub.settings import Settings
from hub.words import LANGUAGES, load


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "check",
        help="check settings and community files",
        description="Checks the settings and the brokers they name, the facility catalogue, and community files: those given,"
        " or the shipped one."
        " Findings name what is wrong and what would be right; errors make it fail, warnings do not.",
        epilog="example: hub check my-community.toml",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="community files (.toml or .xlsx)")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the findings (default: en)")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print the findings; 1 where one is an error."""
    from hub.flows.community.check import Severity, check
    from hub.flows.community.picture import FileRefused
    from hub.storage.catalogue import load_catalogue
    from hub.storage.community.registry import registry_of
    from hub.storage.community_toml import parse_toml, read_toml, shipped_file
    from hub.storage.community_workbook import read_workbook

    catalogue = load_catalogue()
    print(f"settings: whole; catalogue: {len(catalogue.kinds)} kinds, {len(catalogue.rules)} preset rules")
    failed = not _brokers_answer(settings)
    names = [str(path) for path in chosen.files] or ["harmony-garden"]
    for name in names:
        try:
            if name.endswith(".xlsx"):
                wish = read_workbook(Path(name), catalogue)
            elif name.endswith(".toml"):
                wish = read_toml(Path(name), catalogue)
            else:
                wish = parse_toml(shipped_file(name), catalogue, file=f"{name}.toml")
        except FileRefused as refused:
            print(refused.text(chosen.language, load()[chosen.language].gettext))
            failed = True
            continue
        except HubError as error:
            print(error)
            failed = True
            continue
        findings = check(registry_of(wish.picture, catalogue=catalogue), catalogue, now=WallClock().now())
        for finding in findings:
            print(f"{name}: {finding.severity}: {finding.say(chosen.language)}")
        counts = Counter(finding.severity for finding in findings)
        failed = failed or counts[Severity.ERROR] > 0
        print(f"{name}: {counts[Severity.ERROR]} errors, {counts[Severity.WARNING]} warnings")
    return int(failed)


def _brokers_answer(settings: Settings) -> bool:
    """Try every broker of the settings, leaving no session behind; say of each how it went."""
    from hub.ingest.probe import check_broker

    well = True
    for connection in settings.mqtt.all_connections():
        try:
            check_broker(connection, settings.mqtt, WallClock())
            print(f"broker {connection.name}: lets the hub in")
        except ConfigError as error:
            print(error)
            well = False
    return well
