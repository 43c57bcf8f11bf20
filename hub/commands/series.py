"""``hub replay`` and ``hub series``: from one series store into another, and what a server refused."""

from __future__ import annotations

import argparse

from hub.commands.inside import ask
from hub.settings import Settings


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare both commands."""
    copying = commands.add_parser(
        "replay",
        help="copy readings from one series store into another",
        description="Copies readings, and roll-ups whose readings are gone, from one store of the settings into another, also"
        " while the hub runs. What the other store has already stays as it is, so doing it twice adds nothing; a stopped copy"
        " goes on where it was, if the same stretch of the same stores is asked for. Changes of alarms and tickets and hourly"
        " figures follow into an InfluxDB from the records.",
        epilog="example: hub replay --from duckdb --to influxdb    (or by name: main, and those of [[series.mirrors]])",
    )
    copying.add_argument("--from", dest="source", required=True, metavar="STORE")
    copying.add_argument("--to", dest="target", required=True, metavar="STORE")
    copying.add_argument("--since", metavar="DATE", help="readings from here on (default: the first)")
    copying.add_argument("--until", metavar="DATE", help="readings before this (default: the last)")
    copying.add_argument(
        "--again", action="store_true", help="from the beginning, also where a stopped copy could go on"
    )
    copying.set_defaults(run=replay)
    parser = commands.add_parser(
        "series",
        help="look at readings that a series server refused, and send them again",
        epilog="example: hub series rejected    then, with the cause mended: hub series redrive",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="rejected|redrive", required=True)
    listing = verbs.add_parser("rejected", help="newest first", epilog="example: hub series rejected --limit 5")
    listing.add_argument("--limit", type=int, default=20)
    listing.set_defaults(run=rejected)
    driving = verbs.add_parser("redrive", help="send all of them again", epilog="example: hub series redrive")
    driving.set_defaults(run=redrive)


def replay(chosen: argparse.Namespace, settings: Settings) -> int:
    """Copy, with progress on stderr."""
    arguments = {"from": chosen.source, "to": chosen.target, "since": chosen.since, "until": chosen.until}
    done = ask(settings, "replay", arguments | {"again": chosen.again})
    print(f"{done['readings']} readings looked at, {done['added']} added, {done['cells']} roll-ups taken as they are")
    return 0


def rejected(chosen: argparse.Namespace, settings: Settings) -> int:
    """Lines with the server's answer, then roll-ups that were not computed again."""
    for name, found in ask(settings, "series-rejected", {"limit": chosen.limit}).items():
        print(f"{name}: {found['count']} lines refused, {found['unread_count']} roll-ups not computed again")
        for line in found["lines"]:
            print(f"  {line['at']}  {line['status'] or 'not sent'}: {line['answer']}  {line['line']}")
        for cell in found["unread"]:
            print(f"  {cell['point']} {cell['start']}  {cell['reason']}")
    return 0


def redrive(chosen: argparse.Namespace, settings: Settings) -> int:
    """Send them again; 1 where some are refused again."""
    still = 0
    for name, done in ask(settings, "series-redrive", {}).items():
        print(f"{name}: {done['stored']} stored, {done['still_rejected']} refused again")
        still += done["still_rejected"]
    return int(still > 0)
