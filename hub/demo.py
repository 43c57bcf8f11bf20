"""The demo: the hub with everything embedded, a sample community, logins, a letter box and a simulator."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hub.administration import grant_of
from hub.clock import WallClock
from hub.datadir import DataDir, Lock
from hub.demo_mailbox import Mailbox
from hub.ingest.broker import EmbeddedBroker
from hub.ingest.broker_contract import known_limits
from hub.settings import Settings
from hub.storage.community_toml import parse_toml, shipped_file
from hub.wiring import Hub

COMMUNITY: Final = "harmony-garden"
FORMATS: Final = ("native", "chirpstack", "senml", "sparkplug", "zigbee2mqtt", "lift_gbt24476", "shelly")
"""What the community's devices speak, by the schemes of their ids."""
HISTORY_DAYS: Final = 28
LOGINS: Final = (("admin", "admin"), ("manager", "manager"), ("desk", "desk"), ("crew", "crew"), ("planner", "planner"))
"""(login, role); passwords are made at random at the first start."""


class Demo:
    """The demo's parts around the hub: broker, letter box, community, logins, simulator."""

    def __init__(self, settings: Settings, *, on_dead: Callable[[str], None]) -> None:
        self._settings = settings
        self._on_dead = on_dead
        self._steps = contextlib.ExitStack()
        self._passwords: dict[str, str] = {}
        self._simulator: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Bring everything up but the simulator."""
        settings, clock = self._settings, WallClock()
        folder = DataDir(settings.data_dir)
        folder.make()
        lock = Lock(folder.lock)
        lock.take("a demo")
        self._steps.callback(lock.release)
        self.broker = EmbeddedBroker(
            folder=folder.broker,
            clock=clock,
            port=settings.mqtt.embedded_port,
            simulated=(COMMUNITY,),
            limits=known_limits,
        )
        self.broker.start()
        self._steps.callback(self.broker.stop)
        mailbox = Mailbox(self._on_mail)
        smtp = mailbox.start()
        self._steps.callback(mailbox.stop)
        mqtt = settings.mqtt.model_copy(
            update={
                "url": self.broker.hub_url,
                "version": "5" if self.broker.keeps_mqtt5 else "3.1.1",
                "community": settings.mqtt.community or COMMUNITY,
                "formats": tuple(dict.fromkeys((*FORMATS, *settings.mqtt.formats))),
            }
        )
        notify = settings.notify.model_copy(update={"smtp_url": settings.notify.smtp_url or smtp})
        self.hub = Hub(
            settings.model_copy(update={"mqtt": mqtt, "notify": notify}),
            clock=clock,
            more_health=(self.broker.health,),
            on_dead=self._on_dead,
            lock=lock,
            first_steps=self._furnish,
            accounts=self.broker,
        )
        self.hub.start()
        self._steps.callback(self.hub.stop)

    def stop(self) -> None:
        """End the simulator, then the hub, then the broker."""
        if self._simulator is not None:
            self._simulator.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._simulator.wait(1.5)
            self._simulator.kill()
        self._steps.close()

    def _furnish(self, hub: Hub) -> None:
        """The community and its people, at the first start."""
        path = hub.folder.logins
        if path.exists():
            self._passwords = json.loads(path.read_text(encoding="utf-8"))
        if hub.registry.export(COMMUNITY) is None:
            wish = parse_toml(shipped_file(COMMUNITY), hub.catalogue)
            hub.registry.import_file(wish)
        for login, role in LOGINS:
            if login not in self._passwords:
                self._passwords[login] = secrets.token_urlsafe(9)
                grant = grant_of(role, "" if role == "admin" else COMMUNITY)
                hub.administration.add_user(login, self._passwords[login], grant=grant, by="demo")
        path.touch(mode=0o600)
        path.write_text(json.dumps(self._passwords, indent=2) + "\n", encoding="utf-8")

    def simulate(self, scenario: str, *, history: bool) -> None:
        """Start the simulator as a program of its own, which knows nothing but the broker's address."""
        command = [
            sys.executable,
            "-m",
            "hub",
            "simulate",
            "--broker",
            self.broker.simulator_url,
            "--scenario",
            scenario,
        ]
        command += ["--truth", str(self.hub.folder.root / "simulator-truth.jsonl")]
        if history and not self._history_mark.exists():
            command += ["--history", str(HISTORY_DAYS), "--history-mark", str(self._history_mark)]
        with (self.hub.folder.root / "simulator.log").open("ab") as log:
            self._simulator = subprocess.Popen(  # noqa: S603 - our own program
                command, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def _history_mark(self) -> Path:
        """Exists once the history has been told whole; until then each start tells it again, which overwrites."""
        return self.hub.folder.root / "history-told"

    def _on_mail(self, recipient: str, subject: str) -> None:
        print(f"  ✉  {recipient}: {subject}", flush=True)

    def banner(self, *, simulated: bool, history: bool) -> str:
        """Where to look, who can log in, what will happen."""
        broker = self.broker
        lines = [
            "",
            "Harmony Garden 和谐花园",
            f"  open           {self.hub.url}",
            *(f"  {login:14} {password}" for login, password in self._passwords.items()),
            f"  broker         {broker.name} {broker.version} on 127.0.0.1:{broker.port}",
        ]
        if broker.moved_from:
            lines.append(f"                 (port {broker.moved_from} is taken by another program)")
        lines += [f"                 this broker does not keep: {limit}" for limit in broker.limits]
        lines += [f"  data           {self.hub.folder.root.resolve()}", ""]
        if simulated:
            lines.append(
                "Within a minute lift 2 of building 3 reports a door fault: watch /tickets, and the letters below."
            )
            if history and not self._history_mark.exists():
                lines.append("Four weeks of history are being told in the background: charts fill up in a few minutes.")
        else:
            lines.append("No simulator: nothing happens until something publishes to the broker.")
        return "\n".join([*lines, "Ctrl-C stops it; the next start goes on with the same data.", ""])
