"""Keep what devices say of maker, model, gateway and silence apart from what people set: it stands in ``about``.

Until now both were written into the same columns, and a promised silence as if it were an interval. Of a device that
waits in the inbox everything is its own word. Of one in use only the silences that Zigbee2MQTT and Tasmota always promise
are sure to be; the rest stays as if people had set it, and an import that leaves it out lets the device's word count.
"""

from __future__ import annotations

import json
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PROMISES: Final = {"zigbee2mqtt": (600_000, 90_000_000), "tasmota": (300_000,)}
PROMISING: Final = (*PROMISES, "senml", "homeassistant")
"""Formats that announced a silence where others announced an interval."""
DEVICES: Final = sa.table(
    "devices",
    *(sa.column(name) for name in ("id", "state", "maker", "model", "gateway", "expected_interval", "about")),
)


def upgrade() -> None:
    connection = op.get_bind()
    for row in connection.execute(sa.select(DEVICES)).mappings().all():
        changed = _apart(dict(row))
        if changed:
            connection.execute(sa.update(DEVICES).where(DEVICES.c.id == row["id"]).values(changed))


def _apart(row: dict[str, Any]) -> dict[str, Any]:
    about = json.loads(row["about"])
    wire_format, interval = about.get("format", ""), row["expected_interval"]
    told: dict[str, Any] = {}
    if row["state"] == "inbox" and wire_format:
        told = {key: row[key] or "" for key in ("maker", "model", "gateway")}
        if interval:
            told["silence" if wire_format in PROMISING else "interval"] = interval
    elif interval in PROMISES.get(wire_format, ()):
        told = {"silence": interval}
    if not told:
        return {}
    empty: dict[str, Any] = {"maker": "", "model": "", "gateway": None}
    cleared = {key: empty[key] for key in empty if key in told}
    if "silence" in told or "interval" in told:
        cleared["expected_interval"] = None
    return {**cleared, "about": json.dumps({**about, **told}, ensure_ascii=False)}
