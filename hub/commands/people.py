"""``hub user`` and ``hub token``: who may use the hub."""

from __future__ import annotations

import argparse
import getpass
import sys

from hub.commands.inside import ask
from hub.errors import InvalidInput
from hub.settings import Settings

SCOPE = "company (leave out), a community's id, or community/grid"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare both commands."""
    user = commands.add_parser(
        "user",
        help="make a user, or give one a new password and role",
        description="The password is asked for, or read from standard input. There is no default password anywhere.",
        epilog="example: hub user li.wei --role manager --scope harmony-garden",
    )
    user.add_argument("login")
    user.add_argument("--role", required=True, help="admin, manager, desk, crew, planner or viewer")
    user.add_argument("--scope", default="", help=SCOPE)
    user.add_argument("--name", default="", help="as others see it")
    user.set_defaults(run=make_user)
    token = commands.add_parser(
        "token",
        help="make or revoke an API token",
        description="Prints the token once; only its digest is kept.",
        epilog="example: hub token reporting --role viewer --days 365    or: hub token reporting --revoke",
    )
    token.add_argument("name")
    token.add_argument("--role", help="admin, manager, desk, crew, planner or viewer")
    token.add_argument("--scope", default="", help=SCOPE)
    token.add_argument("--days", type=int, help="ends after so many days (default: never)")
    token.add_argument("--revoke", action="store_true")
    token.set_defaults(run=make_token)


def make_user(chosen: argparse.Namespace, settings: Settings) -> int:
    """Ask for the password, keep its hash."""
    password = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(password) < 8:
        raise InvalidInput("the password is too short: at least 8 characters")
    arguments = {"login": chosen.login, "password": password, "role": chosen.role, "scope": chosen.scope}
    print(f"user {ask(settings, 'user', {**arguments, 'name': chosen.name})} may sign in as {chosen.role}")
    return 0


def make_token(chosen: argparse.Namespace, settings: Settings) -> int:
    """Print the token, or say that it has ended."""
    if chosen.revoke:
        print(f"revoked {ask(settings, 'revoke-token', {'name': chosen.name})} token(s) named {chosen.name}")
        return 0
    if not chosen.role:
        raise InvalidInput("which role? add --role viewer (or admin, manager, desk, crew, planner)")
    print(
        ask(settings, "token", {"name": chosen.name, "role": chosen.role, "scope": chosen.scope, "days": chosen.days})
    )
    return 0
