"""Date the upkeep of devices: until when SIM card and calibration hold, and when a device is to be replaced."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DAYS: Final = {
    "sim_expires": "YYYY-MM-DD, the last good day",
    "calibrated_until": "YYYY-MM-DD",
    "end_of_life": "YYYY-MM-DD",
}


def upgrade() -> None:
    for name, comment in DAYS.items():
        op.add_column("devices", sa.Column(name, sa.String(10), server_default="", nullable=False, comment=comment))
