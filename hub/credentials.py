"""What ``hub device-credentials`` does where the registry and the broker's accounts are known."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from hub.control import Handler, Say
from hub.domain.places import Device, DeviceState
from hub.errors import ConfigError, NotFound
from hub.flows.registry import Registrar
from hub.ingest.device_accounts import OWN, Accounts, device_of, refuse_known, refuse_unknown

Note = Callable[[str, str], object]
"""Leaves a line in the audit trail: (action, user name)."""


class CredentialDesk:
    """One act at a time: two that write the broker's file at once would lose one another's accounts."""

    def __init__(self, accounts: Callable[[], Accounts | None], registrar: Registrar, note: Note) -> None:
        self._find = accounts
        self._registrar = registrar
        self._note = note
        self._one_at_a_time = threading.Lock()

    def handlers(self) -> dict[str, Handler]:
        """By name."""
        return {
            "device-credentials-list": self.names,
            "device-credentials-make": self.make,
            "device-credentials-rotate": self.rotate,
            "device-credentials-revoke": self.revoke,
        }

    def names(self, _arguments: dict[str, Any], _say: Say) -> Any:
        """[name, whether the registry knows the device]."""
        names = sorted(set(self._accounts().account_names()) - OWN)
        registered = self._registered()
        return [(name, name in registered) for name in names]

    def make(self, arguments: dict[str, Any], _say: Say) -> Any:
        """{names} or {all: community} -> {accounts, hint}."""
        accounts, names = self._accounts(), arguments["names"]
        with self._one_at_a_time:
            if arguments["all"]:
                self._refuse_community(arguments["all"])
                has = set(accounts.account_names())
                names = [
                    name for name in self._registered() if name.startswith(f"{arguments['all']}/") and name not in has
                ]
            for name in names:
                self._refuse_community(device_of(name)[0])
            refuse_known(accounts, names)
            return self._give(accounts, names, "make_credentials")

    def rotate(self, arguments: dict[str, Any], _say: Say) -> Any:
        """{names} -> {accounts, hint}."""
        accounts, names = self._accounts(), arguments["names"]
        with self._one_at_a_time:
            for name in names:
                device_of(name)
            refuse_unknown(accounts, names)
            return self._give(accounts, names, "rotate_credentials")

    def revoke(self, arguments: dict[str, Any], _say: Say) -> Any:
        """{names} -> {accounts: none, hint}."""
        accounts, names = self._accounts(), arguments["names"]
        with self._one_at_a_time:
            for name in names:
                device_of(name)
            refuse_unknown(accounts, names)
            for name in names:
                accounts.remove_account(name)
                self._note("revoke_credentials", name)
        return {"accounts": [], "hint": accounts.reload_hint}

    def _give(self, accounts: Accounts, names: list[str], action: str) -> Any:
        given = []
        for name in names:
            given.append(tuple(accounts.add_account(name)))
            self._note(action, name)
        return {"accounts": given, "hint": accounts.reload_hint if given else ""}

    def _accounts(self) -> Accounts:
        found = self._find()
        if found is None:
            raise ConfigError(
                "no broker whose accounts this hub may change: set mqtt.accounts_file (HUB_MQTT__ACCOUNTS_FILE) to"
                " mosquitto's password_file; hub demo brings a broker of its own"
            )
        return found

    def _registered(self) -> dict[str, None]:
        """User names of the devices in the registry, in order."""
        devices = self._registrar.current.devices.values()
        return dict.fromkeys(sorted(device.id.replace("~", "/") for device in devices if _speaks(device)))

    def _refuse_community(self, community: str) -> None:
        known = self._registrar.current.communities
        if community not in known:
            raise NotFound(f"no community {community!r}; there is {', '.join(known) or 'none yet'}")


def _speaks(device: Device) -> bool:
    """Under its own name, and still."""
    return device.scheme == "native" and device.state is not DeviceState.RETIRED
