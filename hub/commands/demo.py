"""``hub demo``: everything embedded, a simulated community, nothing to install."""

from __future__ import annotations

import argparse

from hub.commands.until_stopped import UntilStopped
from hub.errors import InvalidInput
from hub.settings import Settings


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "demo",
        help="run everything embedded, with a simulated community",
        description="Runs the hub with an embedded broker and embedded stores for Harmony Garden, and a simulator that"
        " publishes over MQTT. The data stay in the data folder; a second start goes on with them.",
        epilog="example: hub demo    or: HUB_WEB__PORT=9000 hub demo --no-simulator",
    )
    parser.add_argument("--no-simulator", action="store_true", help="no traffic: nothing happens by itself")
    parser.add_argument("--scenario", default="demo", help="faults to play (default: demo)")
    parser.add_argument("--no-history", action="store_true", help="tell no history at the first start")
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace, settings: Settings) -> int:
    """Start, say where to look, wait for Ctrl-C, stop."""
    from devices.simulator import scenario
    from hub.demo import Demo

    if not chosen.no_simulator:
        try:
            scenario.load(chosen.scenario)
        except scenario.ScenarioError as error:
            raise InvalidInput(str(error)) from error
    with UntilStopped() as life:
        demo = Demo(settings, on_dead=life.give_up)
        life.callback(demo.stop)
        demo.start()
        print(demo.banner(simulated=not chosen.no_simulator, history=not chosen.no_history), flush=True)
        if not chosen.no_simulator:
            demo.simulate(chosen.scenario, history=not chosen.no_history)
        life.wait()
        print("Stopping …", flush=True)
    return 0
