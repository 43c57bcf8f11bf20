"""Propose as a guess what a point's name suggests, and keep whether a point counts, where its device says so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "points",
        sa.Column(
            "kind",
            sa.String(16),
            server_default="",
            nullable=False,
            comment="gauge, total or state, where it is said",
        ),
    )
    op.add_column(
        "points",
        sa.Column(
            "guess",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="metric that the name suggests; none if announced",
        ),
    )
