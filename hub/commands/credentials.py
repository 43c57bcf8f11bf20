"""``hub device-credentials``: who may speak for which device at the broker."""

from __future__ import annotations

import argparse
import sys

from hub.commands.inside import ask
from hub.errors import InvalidInput
from hub.settings import Settings

_NAME = "COMMUNITY/DEVICE, the device's user name at the broker"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command and its verbs."""
    parser = commands.add_parser(
        "device-credentials",
        help="give devices an account at the broker, change its password, take it away",
        description="For the embedded broker, and for a mosquitto whose password file mqtt.accounts_file names."
        " Passwords are random and shown this once; the broker keeps their hash.",
        epilog="example: hub device-credentials make harmony-garden/lift-1",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="list|make|rotate|revoke", required=True)
    listing = verbs.add_parser("list", help="who has one", epilog="example: hub device-credentials list")
    listing.set_defaults(run=show)
    making = verbs.add_parser(
        "make",
        help="new accounts; prints name and password",
        epilog="example: hub device-credentials make --all harmony-garden > harmony-garden-passwords",
    )
    making.add_argument("names", nargs="*", metavar="COMMUNITY/DEVICE", help=_NAME)
    making.add_argument("--all", metavar="COMMUNITY", help="every device in the registry that has none yet")
    making.set_defaults(run=make)
    for verb, text in (("rotate", "a new password; the old one ends"), ("revoke", "it may not connect any more")):
        changing = verbs.add_parser(
            verb, help=text, epilog=f"example: hub device-credentials {verb} harmony-garden/lift-1"
        )
        changing.add_argument("names", nargs="+", metavar="COMMUNITY/DEVICE", help=_NAME)
        changing.set_defaults(run=change)


def show(_chosen: argparse.Namespace, settings: Settings) -> int:
    """One a line; a device that the registry does not know is marked."""
    for name, known in ask(settings, "device-credentials-list", {}):
        print(name if known else f"{name}\tnot in the registry")
    return 0


def make(chosen: argparse.Namespace, settings: Settings) -> int:
    """``name<TAB>password`` lines."""
    if bool(chosen.names) == bool(chosen.all):
        raise InvalidInput("for which devices? name them as COMMUNITY/DEVICE, or add --all COMMUNITY")
    return _print(ask(settings, "device-credentials-make", {"names": chosen.names, "all": chosen.all}))


def change(chosen: argparse.Namespace, settings: Settings) -> int:
    """New passwords, or how many have ended."""
    answer = ask(settings, f"device-credentials-{chosen.verb}", {"names": chosen.names})
    if chosen.verb == "revoke":
        print(f"revoked {', '.join(chosen.names)}")
    return _print(answer)


def _print(answer: dict[str, object]) -> int:
    accounts = answer["accounts"]
    assert isinstance(accounts, list)  # noqa: S101 - our own handler's answer
    for name, password in accounts:
        print(f"{name}\t{password}")
    if answer["hint"]:
        print(answer["hint"], file=sys.stderr)
    return 0
