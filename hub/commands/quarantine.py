"""``hub quarantine``: messages that could not be understood."""

from __future__ import annotations

import argparse

from hub.commands.inside import ask
from hub.errors import InvalidInput
from hub.settings import Settings


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its three verbs."""
    parser = commands.add_parser(
        "quarantine",
        help="look at messages that could not be understood, and try them again",
        epilog="example: hub quarantine list --device harmony-garden~gym-air    then: hub quarantine redrive --all",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="list|show|redrive", required=True)
    listing = verbs.add_parser("list", help="newest first", epilog="example: hub quarantine list --reason not_json")
    _filters(listing)
    listing.add_argument("--limit", type=int, default=50)
    listing.set_defaults(run=show_list)
    showing = verbs.add_parser("show", help="one of them, with its payload", epilog="example: hub quarantine show 17")
    showing.add_argument("id", type=int)
    showing.set_defaults(run=show_one)
    driving = verbs.add_parser(
        "redrive", help="send them through the decoders again", epilog="example: hub quarantine redrive 17 18"
    )
    driving.add_argument("ids", type=int, nargs="*")
    driving.add_argument("--all", action="store_true", help="every one that is kept (and fits the filters)")
    _filters(driving)
    driving.set_defaults(run=redrive)


def _filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", help="hub id, e.g. harmony-garden~gym-air")
    parser.add_argument("--reason", help="e.g. not_json")


def show_list(chosen: argparse.Namespace, settings: Settings) -> int:
    """Items, then what is counted per device and reason."""
    arguments = {"device": chosen.device, "reason": chosen.reason, "limit": chosen.limit}
    answer = ask(settings, "quarantine-list", arguments)
    for item in answer["items"]:
        print(
            f"{item['id']:>6}  {item['received_at']}  {item['state']:9} {item['reason']:18} {item['topic']}  {item['detail']}"
        )
    if not answer["items"]:
        print("nothing is in quarantine" + (" that fits" if chosen.device or chosen.reason else ""))
    if answer["more"]:
        print("… and more: --limit shows them")
    for count in answer["counts"]:
        if count["dropped"]:
            print(
                f"beyond the limits, counted only: {count['dropped']} of {count['device'] or 'unknown devices'} ({count['reason']})"
            )
    return 0


def show_one(chosen: argparse.Namespace, settings: Settings) -> int:
    """Every field, one a line."""
    for key, value in ask(settings, "quarantine-show", {"id": chosen.id}).items():
        print(f"{key:12} {value}")
    return 0


def redrive(chosen: argparse.Namespace, settings: Settings) -> int:
    """By id, or all that fit."""
    if bool(chosen.ids) == chosen.all:
        raise InvalidInput("say which: hub quarantine redrive 17 18, or --all with --device or --reason if you like")
    arguments = {"ids": chosen.ids, "device": chosen.device, "reason": chosen.reason}
    for key, value in ask(settings, "quarantine-redrive", arguments).items():
        print(f"{key}: {value}")
    return 0
