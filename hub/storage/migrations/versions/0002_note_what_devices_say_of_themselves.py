"""Note what devices say of themselves: their firmware, power and hints, and what their points measure."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("devices") as batch_op:
        batch_op.alter_column("guess", new_column_name="about")
    with op.batch_alter_table("devices") as batch_op:
        batch_op.alter_column(
            "about",
            existing_type=sa.Text(),
            existing_server_default="{}",
            existing_nullable=False,
            existing_comment="JSON: what an inbox device seems to be",
            comment="JSON of hub.domain.places.About",
        )
    with op.batch_alter_table("points") as batch_op:
        for name, comment in (
            ("metric", "what the device itself says it measures"),
            ("unit", "the device's own spelling"),
            ("label", None),
        ):
            batch_op.add_column(sa.Column(name, sa.Text(), server_default="", nullable=False, comment=comment))
        batch_op.add_column(
            sa.Column(
                "upkeep", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="how the device is"
            )
        )
