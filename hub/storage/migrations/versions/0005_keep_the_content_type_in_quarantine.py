"""Keep the content type of what is quarantined: sent through again, the same bytes are read as they were sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "quarantine",
        sa.Column("content_type", sa.String(100), server_default="", nullable=False, comment="of the frame"),
    )
