"""ChirpStack v4: joins, uplinks with the codec's object, errors that the server logs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice
from devices.simulator.noise import key_of
from devices.simulator.speaking.lorawan import MAKER, LorawanSpeaker
from devices.simulator.speaking.speech import Fault, Said, Stage, compact, iso


class ChirpStackSpeaker(LorawanSpeaker):
    """Implements ``devices.simulator.speaking.speech.Speaker``."""

    def __init__(self, stage: Stage, devices: Sequence[SimDevice]) -> None:
        super().__init__(stage, devices)
        self._application = _uuid("application", stage.community)

    def topic(self, device: SimDevice) -> str:
        """Uplinks."""
        return self._topic(device, "up")

    def meet(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """It joins the network."""
        return (self._event(device, "join", report.clock, {"devAddr": self.address(device)}),)

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """An uplink."""
        up = self.uplink(device, report)
        if up is None:
            return ()
        heard = [] if up.signal is None else [{"gatewayId": f"{key_of(device.gateway):016x}", "rssi": up.signal}]
        body = {"devAddr": self.address(device), "adr": True, "dr": 5, "fCnt": up.number, "fPort": 85}
        return (self._event(device, "up", report.clock, {**body, "object": up.values, "rxInfo": heard}),)

    def fault(self, device: SimDevice, fault: Fault) -> Iterable[Said]:
        """The server logs an error; that it is over, it does not log."""
        if not fault.active:
            return ()
        body = {"level": "ERROR", "code": fault.code, "description": fault.text}
        return (self._event(device, "log", fault.at, body),)

    def _event(self, device: SimDevice, event: str, at: int | None, body: dict[str, Any]) -> Said:
        stamp = {} if at is None else {"time": iso(at)}
        unique = _uuid(self.stage.start, device.id, event, at, self.frames.get(device.id, 0))
        info = {
            "tenantName": self.stage.community,
            "applicationId": self._application,
            "applicationName": self.stage.community,
            "deviceProfileName": f"{MAKER} {device.model}" if device.model else MAKER,
            "deviceName": device.name or device.id,
            "devEui": self.own(device).id,
            "tags": {"maker": device.maker or MAKER},
        }
        return Said(
            self._topic(device, event), compact({"deduplicationId": unique, **stamp, "deviceInfo": info, **body})
        )

    def _topic(self, device: SimDevice, event: str) -> str:
        return f"application/{self._application}/device/{self.own(device).id}/event/{event}"


def _uuid(*parts: object) -> str:
    return str(UUID(int=key_of("uuid", *parts) << 64 | key_of("more", *parts), version=4))
