"""Names and passwords of a broker: made at random, kept as hashes in mosquitto's own file format."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from hub.errors import InvalidInput

_ROUNDS: Final = 101
"""As mosquitto_passwd: our passwords carry 144 random bits, so stretching would only slow connecting down."""


class Account(NamedTuple):
    """Somebody who may connect."""

    name: str
    password: str

    def url(self, host: str, port: int) -> str:
        """``mqtt://name:password@host:port``; a slash in the name is escaped."""
        return f"mqtt://{quote(self.name, safe='')}:{quote(self.password, safe='')}@{host}:{port}"


def new_account(name: str) -> Account:
    """An account with a random password."""
    return Account(name, secrets.token_urlsafe(18))


def password_line(account: Account, *, salt: bytes | None = None) -> str:
    """One line of mosquitto's password file: PBKDF2 with SHA-512, as mosquitto_passwd writes it.

    Raises InvalidInput for a name that cannot stand in the file or that the broker's access rules would refuse.
    """
    if not account.name or any(sign in ":+#" or not sign.isprintable() for sign in account.name):
        raise InvalidInput(
            f"broker user name {account.name!r} cannot be used", expected="printable signs other than : + #"
        )
    salt = os.urandom(12) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", account.password.encode(), salt, _ROUNDS, 64)
    return f"{account.name}:$7${_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


class PasswordFile:
    """The hashed accounts of one broker. Not thread-safe: its owner is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, *accounts: Account) -> None:
        """Add the accounts or give them these passwords; all others stay. The file appears whole or not at all."""
        lines = self._lines()
        lines.update({account.name: password_line(account) for account in accounts})
        self._write(lines)

    def drop(self, name: str) -> None:
        """Take one account out; all others stay."""
        lines = self._lines()
        lines.pop(name, None)
        self._write(lines)

    def names(self) -> tuple[str, ...]:
        """Who has an account."""
        return tuple(self._lines())

    def _write(self, lines: dict[str, str]) -> None:
        write_private(self._path, "".join(f"{line}\n" for line in lines.values()))

    def _lines(self) -> dict[str, str]:
        if not self._path.exists():
            return {}
        lines = self._path.read_text(encoding="utf-8").splitlines()
        return {line.partition(":")[0]: line for line in lines if line}


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step. A new one may be read by its owner only, from its first byte on.

    One that was there keeps its owner, group and mode: another program's user may read it.
    """
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        if path.exists():
            before = path.stat()
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), before.st_uid if os.geteuid() == 0 else -1, before.st_gid)
            os.fchmod(file.fileno(), before.st_mode & 0o777)
    fresh.replace(path)
