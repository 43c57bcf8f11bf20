"""What health says of a store on InfluxDB."""

from __future__ import annotations

from hub.clock import HOUR
from hub.flows.series import Remarks
from hub.storage.influx.server import Server


def remarks(server: Server, rejected: int, unread: int, wanted_ms: int) -> Remarks:
    """Lines that were refused, roll-ups that could not be computed, and a retention shorter than ``wanted_ms``."""
    kept_ms = server.kept_ms
    reasons = []
    if rejected:
        reasons.append(f"{rejected} lines that the server refused are kept: hub series rejected shows them and why")
    if unread:
        reasons.append(f"{unread} roll-ups were not computed again, for the server does not give their readings")
    if kept_ms is not None and kept_ms < wanted_ms:
        reasons.append(
            f"the server keeps points for {kept_ms // HOUR} h, series.raw_months wants {wanted_ms // HOUR} h: lengthen its "
            f"retention, or readings end sooner there and late ones are refused"
        )
    facts = {
        "target": server.target.shown,
        "server_version": server.version or None,
        "server_keeps_h": None if kept_ms is None else kept_ms // HOUR,
        "lines_rejected": rejected,
        "cells_not_recomputed": unread,
    }
    return Remarks("; ".join(reasons), facts)
