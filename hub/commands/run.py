"""``hub run``: the service."""

from __future__ import annotations

import argparse

from hub.commands.until_stopped import UntilStopped
from hub.errors import ConfigError
from hub.settings import Settings, systemd


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "run",
        help="run the hub against a broker of yours",
        description="Runs the hub as a service. It starts whole or not at all.",
        epilog="example: HUB_MQTT__URL=mqtts://hub:secret@broker.example:8883 HUB_DATA_DIR=/var/lib/hub hub run",
    )
    parser.set_defaults(run=run)


def run(_chosen: argparse.Namespace, settings: Settings) -> int:
    """Start, wait for the end, stop."""
    if not (settings.mqtt.all_connections() or settings.push.sources or settings.push.polls):
        raise ConfigError(
            "no broker: set HUB_MQTT__URL=mqtt://user:password@host:1883 (or [mqtt] url in hub.toml), or name a cloud "
            "under [push]; hub demo needs none"
        )
    from hub import timesync
    from hub.supervisor import Supervisor
    from hub.wiring import Hub

    with UntilStopped() as life:
        supervisor = Supervisor(systemd(), lambda: hub.health(hub.clock.now()))
        hub = Hub(
            settings,
            on_dead=life.give_up,
            on_standing_by=supervisor.standing_by,
            more_health=(timesync.health,),
        )
        supervisor.start()
        hub.start()
        life.callback(hub.stop)
        life.callback(supervisor.stop)
        supervisor.ready(f"The hub runs at {hub.url}")
        print(f"The hub runs at {hub.url}", flush=True)
        life.wait()
    return 0
