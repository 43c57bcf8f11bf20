"""``hub check``: is the configuration whole, and does every rule and ticket find what it needs?"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from hub.clock import HOUR, WallClock
from hub.commands.outside import crews_told
from hub.commands.stack import stack_is_well
from hub.domain.retention import MONTH_MS
from hub.errors import ConfigError, HubError
from hub.settings import Settings
from hub.words import LANGUAGES, load


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "check",
        help="check settings, what they name, and community files",
        description="Checks the settings; the brokers and the database they name, disk, backups, certificates and clock; the"
        " facility catalogue; mail server, watchdog and Grafana, without telling them anything; and community files: those given, or the"
        " shipped one. An InfluxDB is written one line, hub_canary, which nobody reads."
        " Findings name what is wrong and what would be right; errors make it fail, warnings do not.",
        epilog="example: hub check my-community.toml",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="community files (.toml or .xlsx)")
    parser.add_argument(
        "--days",
        type=int,
        default=14,
        help="days for which series stores are compared, where there are several (default: 14)",
    )
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
    failed = not all(
        [
            _brokers_answer(settings),
            _clouds_are_understood(settings),
            _series_servers_answer(settings),
            _mirrors_agree(settings, chosen.days),
            stack_is_well(settings),
        ]
    )
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
        registry = registry_of(wish.picture, catalogue=catalogue)
        findings = check(registry, catalogue, now=WallClock().now())
        for finding in findings:
            print(f"{name}: {finding.severity}: {finding.say(chosen.language)}")
        if chosen.files:  # those of the shipped one are examples
            for line in crews_told((c for crew in registry.crews.values() for c in crew.contacts), settings):
                print(f"{name}: {line}")
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
            check_broker(connection, settings.mqtt, WallClock(), settings.ingest.profiles)
            print(f"broker {connection.name}: lets the hub in")
        except ConfigError as error:
            print(error)
            well = False
    return well


def _clouds_are_understood(settings: Settings) -> bool:
    """Name the addresses that clouds push to. Nobody is asked: a question may move a cloud's cursor."""
    from hub.clouds import spoken_by

    try:
        spoken_by(settings.push, None, settings.ingest.profiles)
    except ConfigError as error:
        print(error)
        return False
    public = (settings.web.public_url or "").rstrip("/")
    for source in settings.push.sources:
        print(f"push source {source.name}: {public}/ingest/{source.name} is read as {source.format}")
    for poll in settings.push.polls:
        print(f"poll {poll.name}: every {poll.every_s:g} s, read as {poll.format}")
    return True


def _series_servers_answer(settings: Settings) -> bool:
    """Try every InfluxDB of the settings; say of each how it went. A missing database is made, where that is allowed."""
    from hub.storage.influx.posting import try_writing
    from hub.storage.influx.server import Server
    from hub.storage.influx.target import is_target, parse

    well = True
    for url in (settings.series.url, *(mirror.url for mirror in settings.series.mirrors)):
        if not is_target(url):
            continue
        clock = WallClock()
        server = Server(parse(url), clock)
        try:
            server.meet()
            try_writing(server, clock.now())
            kept = "for ever" if server.kept_ms is None else f"for {server.kept_ms // HOUR} hours"
            print(
                f"series store {server.target.shown}: InfluxDB {server.version} lets the hub in, takes a line, keeps points {kept}"
            )
            if server.kept_ms is not None and server.kept_ms < settings.series.raw_months * MONTH_MS:
                print(
                    f"series store {server.target.shown}: warning: series.raw_months wants {settings.series.raw_months} months; "
                    f"lengthen its retention, or readings end sooner there and late ones are refused"
                )
        except HubError as error:
            print(error)
            well = False
        finally:
            server.close()
    return well


def _mirrors_agree(settings: Settings, days: int) -> bool:
    """Compare the counts of every mirror with those of the store that pages read."""
    from hub.commands.inside import ask
    from hub.datadir import DataDir

    if not settings.series.mirrors or not DataDir(settings.data_dir).root.exists():
        return True
    well = True
    try:
        for name, found in ask(settings, "series-compare", {"days": days}).items():
            print(
                f"series store {name}: {found['readings']} readings of {found['points']} points in {days} days compared with "
                f"main, {found['differences']} differences"
            )
            for line in found["shown"]:
                print(f"  {line}")
            well = well and not found["differences"]
    except HubError as error:
        print(error)
        return False
    if not well:
        print(
            "a store that is behind has them soon (see lane … on the health page); what is older: hub replay --from main --to …"
        )
    return well
