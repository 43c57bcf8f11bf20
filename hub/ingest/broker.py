"""The embedded broker: found, configured, started, watched, and ended with the hub."""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from hub.clock import MINUTE, Clock, to_iso
from hub.domain.health import Health, Status
from hub.errors import ConfigError, HubError
from hub.ingest.broker_accounts import Account, new_account, write_private
from hub.ingest.broker_contract import known_limits
from hub.ingest.broker_programs import Place, Program, find
from hub.ingest.child import Child, stop_left_over
from hub.ingest.listening import accepts, any_free, holder, is_free
from hub.ingest.mosquitto import HUB, SIMULATOR

DEFAULT_PORT: Final = 1883
_PORTS_TRIED: Final = 100
_READY_WITHIN: Final = 8.0
_REMEMBERED: Final = 10 * MINUTE
"""A restart stays in the health line this long."""

_log = logging.getLogger(__name__)


class EmbeddedBroker:
    """One broker on loopback, owned by this hub.

    ``port`` None: 1883, or the next free one (then ``moved_from`` says 1883); 0: any free one; else that one or none.
    ``limits`` says which lines of the broker contract a program does not keep.
    """

    def __init__(
        self,
        *,
        folder: Path,
        clock: Clock,
        port: int | None = None,
        simulated: tuple[str, ...] = (),
        program: Callable[[], Program] = find,
        limits: Callable[[str], tuple[str, ...]] = known_limits,
    ) -> None:
        self._folder = folder.absolute()
        self._clock = clock
        self._asked = port
        self._simulated = simulated
        self._find = program
        self._limits_of = limits
        self._program: Program | None = None
        self._place: Place | None = None
        self._child: Child | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._settled = threading.Event()
        self._again = threading.Event()
        self._restart_asked = False
        self._failure: HubError | None = None
        self._restarts = 0
        self._restarted: tuple[int, str] | None = None
        self._moved = False
        self.hub = new_account(HUB)
        self.simulator = new_account(SIMULATOR)
        self._accounts = [self.hub, self.simulator]

    # --- running it -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Return once it accepts connections. Raises ConfigError: no program, the port is taken, it does not start."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        left_over = stop_left_over(self._pid_file)
        if left_over is not None:
            _log.warning("stopped the broker of a hub that was killed", extra={"action": "broker", "pid": left_over})
        self._program = self._find()
        self._thread = threading.Thread(target=self._supervise, name="broker", daemon=True)
        self._thread.start()
        self._settled.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        write_private(self._folder / "access.json", json.dumps({"simulator": self.simulator_url, "port": self.port}))

    def stop(self, *, within: float = 3.0) -> None:
        """End it in order, so that it saves sessions and queue; killed when the seconds are over."""
        self._stopping.set()
        while self._thread is not None and self._thread.is_alive():  # again: it may be starting one just now
            if self._child is not None and not self._child.stop(within=within):
                _log.warning("the broker did not end in time and was killed", extra={"action": "broker"})
            self._thread.join(0.2)
        (self._folder / "access.json").unlink(missing_ok=True)

    def add_account(self, name: str) -> Account:
        """Give a device (``{community}/{device}``) a new random password; an earlier one ends."""
        program, place = self._running()
        account = new_account(name)
        if not program.add(place, account):
            self._accounts.append(account)
            self.restart()
        elif self._child is not None:
            self._child.signal(signal.SIGHUP)
        return account

    def remove_account(self, name: str) -> None:
        """It may not connect any more, and is disconnected."""
        program, place = self._running()
        self._accounts = [account for account in self._accounts if account.name != name]
        if not program.remove(place, name):
            self.restart()
        elif self._child is not None:
            self._child.signal(signal.SIGHUP)

    def account_names(self) -> tuple[str, ...]:
        """Everybody who may connect."""
        program, place = self._running()
        return tuple(dict.fromkeys([*(account.name for account in self._accounts), *program.names(place)]))

    @property
    def reload_hint(self) -> str:
        """Nothing is left to do: it is told here."""
        return ""

    def restart(self) -> None:
        """End it in order and start it again on its port; returns once it accepts connections."""
        self._running()
        self._again.clear()
        self._restart_asked = True
        if self._child is not None:
            self._child.signal(signal.SIGTERM)
        if not self._again.wait(2 * _READY_WITHIN):
            raise HubError(f"the embedded broker did not come back; see {self._folder}")

    # --- what others need to know of it ---------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._running()[1].port

    @property
    def moved_from(self) -> int | None:
        """The default port, where that was taken and another one had to do."""
        return DEFAULT_PORT if self._moved else None

    @property
    def name(self) -> str:
        """``mosquitto`` or ``iotcore``."""
        return self._running()[0].name

    @property
    def version(self) -> str:
        """The program's own version."""
        return self._running()[0].version()

    @property
    def keeps_mqtt5(self) -> bool:
        """False: speak MQTT 3.1.1 to it."""
        return self._running()[0].keeps_mqtt5

    @property
    def limits(self) -> tuple[str, ...]:
        """What this broker does not keep, in sentences."""
        return self._limits_of(self.name)

    @property
    def hub_url(self) -> str:
        """For the hub's own connection; holds its password."""
        return self.hub.url(self._running()[1].host, self.port)

    @property
    def simulator_url(self) -> str:
        """For the simulator; holds its password."""
        return self.simulator.url(self._running()[1].host, self.port)

    def health(self, now: int) -> Health:
        """Degraded while it does not run, for a while after a restart, and where it does not keep the whole contract.

        Never down: what was received can still be journalled.
        """
        if self._program is None or self._place is None or self._child is None:
            return Health(component="broker", status=Status.DEGRADED, reason="the embedded broker does not run")
        facts: dict[str, str | int | float | None] = {
            "program": self._program.name,
            "port": self._place.port,
            "pid": self._child.pid,
            "restarts": self._restarts,
        }
        restarted = self._restarted
        reasons = [restarted[1]] if restarted is not None and now - restarted[0] < _REMEMBERED else []
        if self._child.ended is not None:
            reasons.append("the embedded broker is being started again")
            return Health(component="broker", status=Status.DEGRADED, reason="; ".join(reasons), facts=facts)
        if self.limits:
            reasons.append(f"{self.name} does not keep: {'; '.join(self.limits)} (install mosquitto for all of it)")
        status = Status.DEGRADED if reasons else Status.OK
        return Health(component="broker", status=status, reason="; ".join(reasons), facts=facts)

    def _running(self) -> tuple[Program, Place]:
        if self._program is None or self._place is None:
            raise HubError("the embedded broker has not been started")
        return self._program, self._place

    # --- the supervisor's thread ----------------------------------------------------------------------------------

    @property
    def _pid_file(self) -> Path:
        return self._folder / "broker.pid"

    def _supervise(self) -> None:
        """Lives as long as the broker: the system's death signal is tied to the thread that started it."""
        try:
            self._first_start()
        except HubError as error:
            self._failure = error
            return
        finally:
            self._settled.set()
        pause = 0.1
        while self._child is not None:
            code = self._child.wait()
            if self._stopping.wait(pause):
                break
            pause = min(pause * 2, 5.0)
            self._start_again(code)

    def _first_start(self) -> None:
        refused = ""
        for port in self._ports():
            self._place = Place(folder=self._folder, host="127.0.0.1", port=port, simulated=self._simulated)
            refused = self._launch(self._place)
            if not refused:
                return
            if is_free("127.0.0.1", port):  # it was not the port
                break
        self._place = None
        raise ConfigError(f"the embedded broker does not start: {refused or 'no port is free'}")

    def _ports(self) -> Iterator[int]:
        if self._asked is None:
            for port in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED):
                if is_free("127.0.0.1", port):
                    self._moved = port != DEFAULT_PORT
                    yield port
        elif self._asked == 0:
            yield any_free("127.0.0.1")
        elif is_free("127.0.0.1", self._asked):
            yield self._asked
        else:
            raise ConfigError(
                f"port {self._asked} for the embedded broker is taken by {holder(self._asked) or 'another program'}:"
                " stop that program, set HUB_MQTT__EMBEDDED_PORT to a free port,"
                " or set HUB_MQTT__URL where that program is the broker to use"
            )

    def _launch(self, place: Place) -> str:
        """Start it and wait until it accepts connections; gives the reason where it does not."""
        program = self._program
        if program is None:
            return "no program"
        program.prepare(place, self._accounts)
        log = self._folder / f"{program.name}.log"
        with suppress(FileNotFoundError):
            log.replace(log.with_suffix(".log.1"))
        child = Child(program.command(place), log=log, pid_file=self._pid_file)
        child.start()
        self._child = child
        deadline = time.monotonic() + _READY_WITHIN
        while child.ended is None and time.monotonic() < deadline:
            if self._stopping.is_set() or (accepts(place.host, place.port) and child.ended is None):
                return ""
            time.sleep(0.02)
        if child.ended is None:
            child.stop(within=1.0)
            return f"{program.name} took no connection on port {place.port} within {_READY_WITHIN:.0f} s; see {log}"
        said = _last_line(log)
        return f"{program.name} ended with code {child.ended}: {said}{program.advice(place, said)} (see {log})"

    def _start_again(self, code: int) -> None:
        program, place = self._running()
        if not self._restart_asked:
            now = self._clock.now()
            why = f"{program.name} ended by itself ({_ending(code)}) at {to_iso(now)} and was started again"
            self._restarts += 1
            self._restarted = (now, why)
            _log.error(why, extra={"action": "broker", "restarts": self._restarts})
        self._restart_asked = False
        refused = self._launch(place)
        if refused:
            _log.error("the embedded broker does not start: %s", refused, extra={"action": "broker"})
        else:
            self._again.set()


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "no word in its log"
