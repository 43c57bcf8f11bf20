"""Commission communities: devices that are expected, times in which nobody is told, tests of points."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "alarms",
        sa.Column(
            "commissioning",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="recorded, nobody is told",
        ),
    )
    op.create_table(
        "expected_devices",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("scheme", sa.String(length=32), nullable=False),
        sa.Column("scheme_id", sa.String(length=128), nullable=False),
        sa.Column("facility", sa.String(length=63), nullable=False),
        sa.Column("unit", sa.String(length=63), nullable=False),
        sa.Column("place", sa.String(length=63), nullable=False),
        sa.Column("gateway", sa.String(length=128), nullable=False),
        sa.Column("points", sa.Text(), nullable=False, comment="JSON: point name -> metric"),
        sa.Column("maker", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("interval", sa.BigInteger(), nullable=True),
        sa.Column(
            "device",
            sa.String(length=200),
            nullable=False,
            comment="hub id of the one that has come; empty: none has",
        ),
        sa.Column("arrived_at", sa.BigInteger(), nullable=True),
        sa.Column("matched", sa.Text(), nullable=False, comment="identity, alias, serial, or a login"),
        sa.PrimaryKeyConstraint("community", "id", name=op.f("pk_expected_devices")),
    )
    op.create_table(
        "commissionings",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=63), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False, comment="community, gateway, facility"),
        sa.Column("subject", sa.String(length=200), nullable=False, comment="hub id or facility; empty: the community"),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False, comment="login; empty: the community file"),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("community", "id", name=op.f("pk_commissionings")),
    )
    op.create_table(
        "gone_live",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=63), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("community", "kind", "at", name=op.f("pk_gone_live")),
    )
    op.create_table(
        "point_tests",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("point", sa.String(length=128), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False, comment="passed, other_fired"),
        sa.Column("how", sa.String(length=16), nullable=False, comment="triggered, by_hand"),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("other_device", sa.String(length=200), nullable=False),
        sa.Column("other_point", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_point_tests")),
    )
    with op.batch_alter_table("point_tests", schema=None) as batch_op:
        batch_op.create_index("ix_point_tests_community", ["community", "at"], unique=False)
