"""Note what of the quarantine was retained, and count its topics among the bytes that are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ANEW = """
UPDATE quarantine_counts SET kept_bytes = (
    SELECT coalesce(sum(length(payload) + length(topic)), 0) FROM quarantine
    WHERE quarantine.device = quarantine_counts.device AND quarantine.reason = quarantine_counts.reason
    AND quarantine.state = 'kept'
)
"""


def upgrade() -> None:
    op.add_column(
        "quarantine",
        sa.Column(
            "retained",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="said before: no new reading",
        ),
    )
    op.execute(ANEW)
