"""Make the first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarm_events",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("alarm", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=63), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), server_default="", nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm_events")),
    )
    with op.batch_alter_table("alarm_events", schema=None) as batch_op:
        batch_op.create_index("ix_alarm_events_alarm", ["alarm", "at"], unique=False)

    op.create_table(
        "alarms",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("rule", sa.String(length=63), nullable=False),
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("point", sa.String(length=128), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("facility", sa.String(length=63), nullable=False),
        sa.Column("unit", sa.String(length=200), nullable=False),
        sa.Column("failure_mode", sa.String(length=63), nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("acked", sa.Boolean(), nullable=False),
        sa.Column("pending_since", sa.BigInteger(), nullable=True),
        sa.Column("lag", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=True),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True),
        sa.Column("acked_at", sa.BigInteger(), nullable=True),
        sa.Column("acked_by", sa.Text(), nullable=True),
        sa.Column("annunciated_at", sa.BigInteger(), nullable=True),
        sa.Column("overlay", sa.String(length=32), nullable=False),
        sa.Column("overlay_until", sa.BigInteger(), nullable=True),
        sa.Column("overlay_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("one_shot", sa.Boolean(), nullable=False),
        sa.Column("latched", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("recheck_at", sa.BigInteger(), nullable=True),
        sa.Column("ticket", sa.String(length=36), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        sa.UniqueConstraint("community", "rule", "device", "point", "code", "late", name="uq_alarms_source"),
    )
    with op.batch_alter_table("alarms", schema=None) as batch_op:
        batch_op.create_index("ix_alarms_open", ["community", "active", "acked"], unique=False)
        batch_op.create_index(batch_op.f("ix_alarms_recheck_at"), ["recheck_at"], unique=False)

    op.create_table(
        "audit",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=63), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_at"), ["at"], unique=False)

    op.create_table(
        "bindings",
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("point", sa.String(length=128), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("facility", sa.String(length=63), nullable=False),
        sa.Column("unit", sa.String(length=63), server_default="", nullable=False),
        sa.Column("metric", sa.String(length=63), server_default="", nullable=False),
        sa.Column("factor", sa.Float(), server_default="1", nullable=False),
        sa.Column("offset", sa.Float(), server_default="0", nullable=False),
        sa.Column("inverted", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.PrimaryKeyConstraint("device", "point", "valid_from", name=op.f("pk_bindings")),
    )
    with op.batch_alter_table("bindings", schema=None) as batch_op:
        batch_op.create_index("ix_bindings_facility", ["community", "facility"], unique=False)

    op.create_table(
        "communities",
        sa.Column("id", sa.String(length=63), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("prefix", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_communities")),
    )
    op.create_table(
        "contacts",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=63), nullable=False),
        sa.Column("crew", sa.String(length=63), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False, comment="email, webhook, apprise"),
        sa.Column("address", sa.Text(), nullable=False, comment="may hold a secret: never logged, never shown whole"),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("community", "id", name=op.f("pk_contacts")),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.String(length=200), nullable=False, comment="hub id: community~name"),
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("scheme", sa.String(length=32), nullable=False),
        sa.Column("scheme_id", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="inbox, adopted, retired"),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("connection", sa.String(length=63), nullable=False),
        sa.Column("maker", sa.Text(), server_default="", nullable=False),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("gateway", sa.String(length=200), nullable=True),
        sa.Column("expected_interval", sa.BigInteger(), nullable=True),
        sa.Column("first_seen", sa.BigInteger(), nullable=True),
        sa.Column(
            "guess", sa.Text(), server_default="{}", nullable=False, comment="JSON: what an inbox device seems to be"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("community", "scheme", "scheme_id", name=op.f("uq_devices_community_scheme_scheme_id")),
    )
    with op.batch_alter_table("devices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_devices_community"), ["community"], unique=False)

    op.create_table(
        "facility_places",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("facility", sa.String(length=63), nullable=False),
        sa.Column("tree", sa.String(length=16), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("place", sa.String(length=63), nullable=False),
        sa.PrimaryKeyConstraint("community", "facility", "tree", "valid_from", name=op.f("pk_facility_places")),
    )
    op.create_table(
        "gaps",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=63), nullable=False),
        sa.Column(
            "kind", sa.String(length=32), nullable=False, comment="hub_down, broker_down, session_lost, broker_dropped"
        ),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gaps")),
        sa.UniqueConstraint("connection", "kind", "started_at", name=op.f("uq_gaps_connection_kind_started_at")),
    )
    with op.batch_alter_table("gaps", schema=None) as batch_op:
        batch_op.create_index("ix_gaps_time", ["started_at"], unique=False)

    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(length=200), nullable=False, comment="caller and key"),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency")),
    )
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_created_at"), ["created_at"], unique=False)

    op.create_table(
        "jobs",
        sa.Column("job", sa.String(length=63), nullable=False),
        sa.Column("scheduled_for", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("job", "scheduled_for", name=op.f("pk_jobs")),
    )
    op.create_table(
        "lane_states",
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False, comment="the batch after which the lane's state was this"),
        sa.Column(
            "state",
            sa.LargeBinary(),
            nullable=False,
            comment="apart from lanes: SQLite would rewrite it with every batch",
        ),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_lane_states")),
    )
    op.create_table(
        "lanes",
        sa.Column("lane", sa.String(length=32), nullable=False),
        sa.Column("journal", sa.String(length=36), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False, comment="the lane's time; never runs backwards"),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_lanes")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "notice_attempts",
        sa.Column("notice", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False, comment="sent, temporary, permanent"),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("notice", "number", name=op.f("pk_notice_attempts")),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("dedupe_key", sa.String(length=200), nullable=False),
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("ticket", sa.String(length=36), nullable=True),
        sa.Column("alarm", sa.String(length=36), nullable=True),
        sa.Column(
            "kind", sa.String(length=32), nullable=False, comment="opened, reopened, recurred, restored, cancelled …"
        ),
        sa.Column("contact", sa.String(length=63), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="queued, sending, sent, failed, withdrawn"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_notices_dedupe_key")),
    )
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.create_index("ix_notices_due", ["state", "channel", "priority", "next_at", "id"], unique=False)
        batch_op.create_index("ix_notices_ticket", ["ticket"], unique=False)

    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("journal", sa.String(length=36), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), server_default="0", nullable=False, comment="several problems in one frame"),
        sa.Column("community", sa.String(length=63), server_default="", nullable=False),
        sa.Column("device", sa.String(length=200), server_default="", nullable=False),
        sa.Column("connection", sa.String(length=63), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=63), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="kept, redriven, dismissed"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint("journal", "batch", "frame", "part", name=op.f("uq_quarantine_journal_batch_frame_part")),
    )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.create_index("ix_quarantine_device", ["device", "reason"], unique=False)

    op.create_table(
        "quarantine_counts",
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.String(length=63), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("kept_bytes", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False, comment="beyond the limits: counted and named, not kept"),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device", "reason", name=op.f("pk_quarantine_counts")),
    )
    op.create_table(
        "rules",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=63), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column(
            "definition",
            sa.Text(),
            nullable=False,
            comment="JSON of hub.domain.rules.Rule; overrides or adds to the catalogue",
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("community", "id", name=op.f("pk_rules")),
    )
    op.create_table(
        "ticket_events",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ticket", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("from_state", sa.String(length=16), server_default="", nullable=False),
        sa.Column("to_state", sa.String(length=16), nullable=False),
        sa.Column("by", sa.Text(), nullable=False, comment="login, or 'hub' for what the hub did by itself"),
        sa.Column("on_behalf_of", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.String(length=63), server_default="", nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("alarm", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_events")),
    )
    with op.batch_alter_table("ticket_events", schema=None) as batch_op:
        batch_op.create_index("ix_ticket_events_ticket", ["ticket", "at"], unique=False)

    op.create_table(
        "ticket_numbers",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("community", "year", name=op.f("pk_ticket_numbers")),
    )
    op.create_table(
        "tickets",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("facility", sa.String(length=63), nullable=False),
        sa.Column("unit", sa.String(length=200), nullable=False),
        sa.Column("failure_mode", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("crew", sa.String(length=63), nullable=False),
        sa.Column("assignee", sa.String(length=63), nullable=True),
        sa.Column("party", sa.String(length=63), nullable=True),
        sa.Column("sensor_born", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("occurrences", sa.Integer(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.Column("triaged_at", sa.BigInteger(), nullable=True),
        sa.Column("assigned_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("completed_by", sa.String(length=63), nullable=True),
        sa.Column("verifying_since", sa.BigInteger(), nullable=True),
        sa.Column("restored_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("waiting", sa.String(length=16), server_default="", nullable=False, comment="data, inspection"),
        sa.Column("verified", sa.String(length=16), server_default="", nullable=False),
        sa.Column("hold_reason", sa.String(length=32), server_default="", nullable=False),
        sa.Column("hold_until", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("remedy", sa.Text(), server_default="", nullable=False),
        sa.Column("end_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("duplicate_of", sa.String(length=36), nullable=True),
        sa.Column("previous", sa.String(length=36), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("recheck_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("number", name=op.f("uq_tickets_number")),
    )
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.create_index("ix_tickets_facility", ["community", "facility", "reported_at"], unique=False)
        batch_op.create_index("ix_tickets_list", ["community", "state", "reported_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_tickets_recheck_at"), ["recheck_at"], unique=False)
        batch_op.create_index(
            "uq_tickets_one_open",
            ["community", "facility", "unit", "failure_mode", "late"],
            unique=True,
            sqlite_where=sa.text(
                "state NOT IN ('closed', 'duplicate', 'referred', 'rejected', 'cancelled') AND failure_mode <> ''"
            ),
            postgresql_where=sa.text(
                "state NOT IN ('closed', 'duplicate', 'referred', 'rejected', 'cancelled') AND failure_mode <> ''"
            ),
        )

    op.create_table(
        "tokens",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False),
        sa.Column("scope_id", sa.String(length=130), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_tokens_token_hash")),
    )
    op.create_table(
        "units",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("facility", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=63), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("community", "facility", "id", name=op.f("pk_units")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("login", sa.String(length=63), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False, comment="argon2id"),
        sa.Column("language", sa.String(length=16), server_default="", nullable=False),
        sa.Column("crew", sa.String(length=63), nullable=True),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("login", name=op.f("uq_users_login")),
    )
    op.create_table(
        "crews",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=63), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("party", sa.String(length=63), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_crews_community")),
        sa.PrimaryKeyConstraint("community", "id", name=op.f("pk_crews")),
    )
    with op.batch_alter_table("crews", schema=None) as batch_op:
        batch_op.create_index(
            "uq_crews_default",
            ["community"],
            unique=True,
            sqlite_where=sa.text("is_default"),
            postgresql_where=sa.text("is_default"),
        )

    op.create_table(
        "facilities",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=63), nullable=False),
        sa.Column("kind", sa.String(length=63), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("opening", sa.Text(), server_default="", nullable=False),
        sa.Column("party", sa.String(length=63), nullable=True),
        sa.Column("crew", sa.String(length=63), nullable=True),
        sa.Column("ledger", sa.Text(), server_default="{}", nullable=False, comment="JSON object of strings"),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_facilities_community")),
        sa.PrimaryKeyConstraint("community", "id", name=op.f("pk_facilities")),
    )
    op.create_table(
        "grants",
        sa.Column("user", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False, comment="admin, manager, desk, crew, planner, viewer"),
        sa.Column("scope", sa.String(length=16), nullable=False, comment="company, community, grid"),
        sa.Column("scope_id", sa.String(length=130), nullable=False, comment="empty, community, or community/grid"),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_grants_user")),
        sa.PrimaryKeyConstraint("user", "role", "scope", "scope_id", name=op.f("pk_grants")),
    )
    op.create_table(
        "parties",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=63), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_parties_community")),
        sa.PrimaryKeyConstraint("community", "id", name=op.f("pk_parties")),
    )
    op.create_table(
        "places",
        sa.Column("community", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=63), nullable=False),
        sa.Column("tree", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("parent", sa.String(length=63), nullable=True),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["community"], ["communities.id"], name=op.f("fk_places_community")),
        sa.PrimaryKeyConstraint("community", "id", name=op.f("pk_places")),
    )
    op.create_table(
        "points",
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=True),
        sa.Column("sample", sa.Text(), server_default="", nullable=False, comment="first value seen, for the inbox"),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_points_device")),
        sa.PrimaryKeyConstraint("device", "name", name=op.f("pk_points")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user", sa.String(length=36), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_sessions_user")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_user"), ["user"], unique=False)
