"""The Things Stack v3: joins, and uplinks with the decoded object."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devices.simulator.effects import Report
from devices.simulator.model import SimDevice
from devices.simulator.speaking.lorawan import MAKER, LorawanSpeaker
from devices.simulator.speaking.speech import Said, compact, iso


class TheThingsStackSpeaker(LorawanSpeaker):
    """Implements ``devices.simulator.speaking.speech.Speaker``."""

    def topic(self, device: SimDevice) -> str:
        """Uplinks."""
        return self._topic(device, "up")

    def meet(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """It joins the network."""
        body = {**self._who(device, report), "join_accept": {"session_key_id": self._session(device)}}
        return (Said(self._topic(device, "join"), compact(body)),)

    def report(self, device: SimDevice, report: Report) -> Iterable[Said]:
        """An uplink."""
        up = self.uplink(device, report)
        if up is None:
            return ()
        message: dict[str, Any] = {
            "session_key_id": self._session(device),
            "f_port": 85,
            "f_cnt": up.number,
            "decoded_payload": up.values,
            "rx_metadata": []
            if up.signal is None
            else [{"gateway_ids": {"gateway_id": device.gateway}, "rssi": up.signal}],
            "version_ids": {"brand_id": MAKER.lower(), "model_id": device.model.lower()},
        }
        return (Said(self.topic(device), compact({**self._who(device, report), "uplink_message": message})),)

    def _who(self, device: SimDevice, report: Report) -> dict[str, Any]:
        own = self.own(device).id.upper()
        ids = {"device_id": device.id, "application_ids": {"application_id": self.stage.community}, "dev_eui": own}
        stamp = {} if report.clock is None else {"received_at": iso(report.clock)}
        return {"end_device_ids": {**ids, "dev_addr": self.address(device).upper()}, **stamp}

    def _session(self, device: SimDevice) -> str:
        return f"{self.stage.start:x}-{self.address(device)}"

    def _topic(self, device: SimDevice, event: str) -> str:
        return f"v3/{self.stage.community}/devices/{device.id}/{event}"
