"""Accounts of devices at a broker: who has one, a new random password, and the end of one."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Final, Protocol

from hub.errors import ConfigError, InvalidInput, NotFound
from hub.ingest.broker_accounts import Account, PasswordFile, new_account
from hub.ingest.mosquitto import HUB, SIMULATOR

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
OWN: Final = frozenset({HUB, SIMULATOR})
"""Accounts that are no device's."""
RELOAD: Final = (
    "not in force before the broker reads its accounts again, which it does on SIGHUP: systemctl reload mosquitto, or of a"
    " container docker kill --signal HUP NAME (with mqtt.broker_pid_file the hub does it)"
)
WATCHED: Final = "the broker takes this up by itself within some seconds: nothing is left to do"
AT_START: Final = "the embedded broker does not run: it reads its accounts when it starts, nothing is left to do"


class Accounts(Protocol):
    """What one broker knows of its clients."""

    def account_names(self) -> tuple[str, ...]:
        """Everybody who may connect."""
        ...

    def add_account(self, name: str) -> Account:
        """A new random password, valid from now on; an earlier one ends."""
        ...

    def remove_account(self, name: str) -> None:
        """It may not connect any more."""
        ...

    @property
    def reload_hint(self) -> str:
        """When it is in force, and what a person has to do for that; empty where it is in force."""
        ...


class MosquittoAccounts:
    """A mosquitto that is not our child: its password file, and its process where the pid file tells it.

    ``hint``: where it does not, how the broker comes to know.
    """

    def __init__(self, passwords: Path, pid_file: Path | None, *, hint: str = RELOAD) -> None:
        self._path = passwords
        self._file = PasswordFile(passwords)
        self._pid_file = pid_file
        self._hint = hint

    def account_names(self) -> tuple[str, ...]:
        """As the file has them; ConfigError where it cannot be read."""
        try:
            return self._file.names()
        except OSError as error:
            raise self._unusable(error) from error

    def add_account(self, name: str) -> Account:
        """Into the file, and the broker told."""
        account = new_account(name)
        try:
            self._file.put(account)
        except OSError as error:
            raise self._unusable(error) from error
        self._tell()
        return account

    def remove_account(self, name: str) -> None:
        """Out of the file, and the broker told."""
        try:
            self._file.drop(name)
        except OSError as error:
            raise self._unusable(error) from error
        self._tell()

    @property
    def reload_hint(self) -> str:
        """Empty where the broker has been told."""
        return "" if self._pid_file is not None else self._hint

    def _tell(self) -> None:
        if self._pid_file is None:
            return
        try:
            os.kill(int(self._pid_file.read_text(encoding="ascii")), signal.SIGHUP)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{self._path} is written, but the broker could not be told (mqtt.broker_pid_file {self._pid_file}:"
                f" {error}): {RELOAD}"
            ) from error

    def _unusable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"mqtt.accounts_file {self._path} cannot be used ({error.strerror}): name mosquitto's password_file, and let"
            " the hub's user write it and its folder"
        )


def device_of(name: str) -> tuple[str, str]:
    """(community, device) of a device's user name; InvalidInput where it is none."""
    community, slash, device = name.partition("/")
    if not slash or not _SLUG.fullmatch(community) or not _SLUG.fullmatch(device):
        raise InvalidInput(
            f"{name!r} is no device's user name: expected COMMUNITY/DEVICE, e.g. harmony-garden/lift-1; each up to 63 of"
            " a-z, 0-9 and -"
        )
    return community, device


def refuse_known(accounts: Accounts, names: list[str]) -> None:
    """InvalidInput where one of them has an account."""
    has = set(accounts.account_names())
    known = [name for name in names if name in has]
    if known:
        raise InvalidInput(f"{', '.join(known)} has an account already: rotate gives it a new password")


def refuse_unknown(accounts: Accounts, names: list[str]) -> None:
    """NotFound where one of them has none."""
    has = set(accounts.account_names())
    unknown = [name for name in names if name not in has]
    if unknown:
        raise NotFound(f"{', '.join(unknown)} has no account at the broker: list shows who has one, make makes one")
