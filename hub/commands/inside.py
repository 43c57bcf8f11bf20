"""Where a command runs: inside the running hub, over its socket, or here, with the data folder's lock taken."""

from __future__ import annotations

import contextlib
from typing import Any

from hub import control
from hub.commands.progress import Teller
from hub.datadir import DataDir
from hub.errors import ConfigError
from hub.settings import Settings


def ask(settings: Settings, command: str, arguments: dict[str, Any]) -> Any:
    """Run ``command`` of ``hub.handlers`` where the stores are; progress goes to stderr. HubError as it refuses."""
    teller = Teller()
    try:
        return _ask(settings, command, arguments, teller)
    finally:
        teller.end()


def _ask(settings: Settings, command: str, arguments: dict[str, Any], say: control.Say) -> Any:
    folder = DataDir(settings.data_dir)
    with contextlib.suppress(ConnectionError):
        return control.call(folder.socket, command, arguments, say)
    if not folder.root.exists():
        raise ConfigError(
            f"no data folder at {folder.root}: set HUB_DATA_DIR to the hub's, or start one with hub demo or hub run"
        )
    from hub.handlers import handlers
    from hub.wiring import Hub

    hub = Hub(settings)
    with hub.stores():
        return handlers(hub)[command](arguments, say)
