"""Note what devices say of themselves: their firmware, power and hints, and what their points measure."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("devices", "guess", new_column_name="about")
    for name in ("metric", "unit", "label"):
        op.add_column("points", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("points", sa.Column("upkeep", sa.Boolean(), server_default=sa.text("false"), nullable=False))
