"""The broker of a benchmark: the embedded one, so that what is measured is the configuration that is shipped."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hub.clock import WallClock
from hub.ingest.broker import EmbeddedBroker
from tests.benchmarks.measure import Address


class ShippedBroker:
    """mosquitto with the shipped settings in a new folder; the simulator's account publishes for ``community``."""

    def __init__(self, community: str = "bench") -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="bench-broker-"))
        self.embedded = EmbeddedBroker(folder=self._folder, clock=WallClock(), port=0, simulated=(community,))
        self.embedded.start()
        self.address = Address(
            host="127.0.0.1",
            port=self.embedded.port,
            hub_name=self.embedded.hub.name,
            hub_password=self.embedded.hub.password,
            publisher_name=self.embedded.simulator.name,
            publisher_password=self.embedded.simulator.password,
        )
        self.pid = int(self.embedded.health(0).facts["pid"] or 0)

    def conditions(self) -> str:
        """The settings that belong beside every result."""
        named = ("max_inflight_messages", "max_queued_messages", "persistence", "autosave_interval", "set_tcp_nodelay")
        lines = (self._folder / "mosquitto.conf").read_text(encoding="utf-8").splitlines()
        found = [line for line in lines if line.split(" ")[0] in (*named, "log_type")]
        return f"mosquitto {self.embedded.version}, accounts and ACL on, {', '.join(found)}"

    def stop(self) -> None:
        """End it and remove its folder."""
        self.embedded.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
