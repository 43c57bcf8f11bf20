"""The records: every table, once, for SQLite and PostgreSQL alike. Instants are epoch milliseconds, UTC.

The schema that this file describes must equal the one that the migrations build; a test compares the two.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

ENDED_STATES: Final = "('closed', 'duplicate', 'referred', 'rejected', 'cancelled')"

meta = Table("meta", metadata, Column("key", String(64), primary_key=True), Column("value", Text, nullable=False))

# --- registry -------------------------------------------------------------------------------------------------

communities = Table(
    "communities",
    metadata,
    Column("id", String(63), primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("language", String(16), nullable=False),
    Column("prefix", String(8), nullable=False),
)

places = Table(
    "places",
    metadata,
    Column("community", String(63), ForeignKey("communities.id"), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("tree", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("parent", String(63)),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
)

parties = Table(
    "parties",
    metadata,
    Column("community", String(63), ForeignKey("communities.id"), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("phone", Text, nullable=False, server_default=""),
)

crews = Table(
    "crews",
    metadata,
    Column("community", String(63), ForeignKey("communities.id"), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("party", String(63)),
)
Index(
    "uq_crews_default",
    crews.c.community,
    unique=True,
    sqlite_where=text("is_default"),
    postgresql_where=text("is_default"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("community", String(63), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("crew", String(63), nullable=False),
    Column("name", Text, nullable=False),
    Column("channel", String(32), nullable=False, comment="email, webhook, apprise"),
    Column("address", Text, nullable=False, comment="may hold a secret: never logged, never shown whole"),
    Column("language", String(16), nullable=False),
)

facilities = Table(
    "facilities",
    metadata,
    Column("community", String(63), ForeignKey("communities.id"), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("kind", String(63), nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("capacity", Integer),
    Column("opening", Text, nullable=False, server_default=""),
    Column("party", String(63)),
    Column("crew", String(63)),
    Column("ledger", Text, nullable=False, server_default="{}", comment="JSON object of strings"),
    Column("retired_at", BigInteger),
)

facility_places = Table(
    "facility_places",
    metadata,
    Column("community", String(63), primary_key=True),
    Column("facility", String(63), primary_key=True),
    Column("tree", String(16), primary_key=True),
    Column("valid_from", BigInteger, primary_key=True),
    Column("valid_to", BigInteger),
    Column("place", String(63), nullable=False),
)

units = Table(
    "units",
    metadata,
    Column("community", String(63), primary_key=True),
    Column("facility", String(63), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
)

devices = Table(
    "devices",
    metadata,
    Column("id", String(200), primary_key=True, comment="hub id: community~name"),
    Column("community", String(63), nullable=False, index=True),
    Column("scheme", String(32), nullable=False),
    Column("scheme_id", String(128), nullable=False),
    Column("state", String(16), nullable=False, comment="inbox, adopted, retired"),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("connection", String(63), nullable=False),
    Column("maker", Text, nullable=False, server_default=""),
    Column("model", Text, nullable=False, server_default=""),
    Column("gateway", String(200)),
    Column("expected_interval", BigInteger),
    Column("first_seen", BigInteger),
    Column("about", Text, nullable=False, server_default="{}", comment="JSON of hub.domain.places.About"),
    Column("sim_expires", String(10), nullable=False, server_default="", comment="YYYY-MM-DD, the last good day"),
    Column("calibrated_until", String(10), nullable=False, server_default="", comment="YYYY-MM-DD"),
    Column("end_of_life", String(10), nullable=False, server_default="", comment="YYYY-MM-DD"),
    UniqueConstraint("community", "scheme", "scheme_id"),
)

points = Table(
    "points",
    metadata,
    Column("device", String(200), ForeignKey("devices.id"), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("first_seen", BigInteger),
    Column("sample", Text, nullable=False, server_default="", comment="first value seen, for the inbox"),
    Column("metric", Text, nullable=False, server_default="", comment="what the device itself says it measures"),
    Column("unit", Text, nullable=False, server_default="", comment="the device's own spelling"),
    Column("label", Text, nullable=False, server_default=""),
    Column("upkeep", Boolean, nullable=False, server_default=text("false"), comment="how the device is"),
    Column("kind", String(16), nullable=False, server_default="", comment="gauge, total or state, where it is said"),
    Column(
        "guess", Text, nullable=False, server_default="", comment="metric that the name suggests; none if announced"
    ),
)

bindings = Table(
    "bindings",
    metadata,
    Column("device", String(200), primary_key=True),
    Column("point", String(128), primary_key=True),
    Column("valid_from", BigInteger, primary_key=True),
    Column("valid_to", BigInteger),
    Column("community", String(63), nullable=False),
    Column("facility", String(63), nullable=False),
    Column("unit", String(63), nullable=False, server_default=""),
    Column("metric", String(63), nullable=False, server_default=""),
    Column("factor", Float, nullable=False, server_default="1"),
    Column("offset", Float, nullable=False, server_default="0"),
    Column("inverted", Boolean, nullable=False, server_default=text("false")),
    Index("ix_bindings_facility", "community", "facility"),
)

rules = Table(
    "rules",
    metadata,
    Column("community", String(63), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column(
        "definition", Text, nullable=False, comment="JSON of hub.domain.rules.Rule; overrides or adds to the catalogue"
    ),
    Column("version", Integer, nullable=False),
)

# --- commissioning --------------------------------------------------------------------------------------------

expected_devices = Table(
    "expected_devices",
    metadata,
    Column("community", String(63), primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("name_zh", Text, nullable=False),
    Column("name_en", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("scheme", String(32), nullable=False),
    Column("scheme_id", String(128), nullable=False),
    Column("facility", String(63), nullable=False),
    Column("unit", String(63), nullable=False),
    Column("place", String(63), nullable=False),
    Column("gateway", String(128), nullable=False),
    Column("points", Text, nullable=False, comment="JSON: point name -> metric"),
    Column("maker", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("interval", BigInteger),
    Column("device", String(200), nullable=False, comment="hub id of the one that has come; empty: none has"),
    Column("arrived_at", BigInteger),
    Column("matched", Text, nullable=False, comment="identity, alias, serial, or a login"),
)

commissionings = Table(
    "commissionings",
    metadata,
    Column("community", String(63), primary_key=True),
    Column("id", String(63), primary_key=True),
    Column("part", String(16), nullable=False, comment="community, gateway, facility"),
    Column("subject", String(200), nullable=False, comment="hub id or facility; empty: the community"),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("by", Text, nullable=False, comment="login; empty: the community file"),
    Column("ended_by", Text, nullable=False),
    Column("note", Text, nullable=False),
)

gone_live = Table(
    "gone_live",
    metadata,
    Column("community", String(63), primary_key=True),
    Column("kind", String(63), primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("by", Text, nullable=False),
)

point_tests = Table(
    "point_tests",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("community", String(63), nullable=False),
    Column("device", String(200), nullable=False),
    Column("point", String(128), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("outcome", String(16), nullable=False, comment="passed, other_fired"),
    Column("how", String(16), nullable=False, comment="triggered, by_hand"),
    Column("value", Float),
    Column("text", Text, nullable=False),
    Column("other_device", String(200), nullable=False),
    Column("other_point", String(128), nullable=False),
    Index("ix_point_tests_community", "community", "at"),
)

# --- alarms and tickets ---------------------------------------------------------------------------------------

alarms = Table(
    "alarms",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("rule", String(63), nullable=False),
    Column("community", String(63), nullable=False),
    Column("device", String(200), nullable=False),
    Column("point", String(128), nullable=False),
    Column("code", String(64), nullable=False),
    Column("facility", String(63), nullable=False),
    Column("unit", String(200), nullable=False),
    Column("failure_mode", String(63), nullable=False),
    Column("priority", String(16), nullable=False),
    Column("late", Boolean, nullable=False),
    Column("commissioning", Boolean, nullable=False, server_default=text("false"), comment="recorded, nobody is told"),
    Column("active", Boolean, nullable=False),
    Column("acked", Boolean, nullable=False),
    Column("pending_since", BigInteger),
    Column("lag", BigInteger, nullable=False, server_default="0"),
    Column("occurrence", Integer, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("raised_at", BigInteger),
    Column("cleared_at", BigInteger),
    Column("acked_at", BigInteger),
    Column("acked_by", Text),
    Column("annunciated_at", BigInteger),
    Column("overlay", String(32), nullable=False),
    Column("overlay_until", BigInteger),
    Column("overlay_reason", Text, nullable=False, server_default=""),
    Column("one_shot", Boolean, nullable=False),
    Column("latched", Boolean, nullable=False),
    Column("value", Float),
    Column("text", Text, nullable=False, server_default=""),
    Column("recheck_at", BigInteger, index=True),
    Column("ticket", String(36)),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("community", "rule", "device", "point", "code", "late", name="uq_alarms_source"),
    Index("ix_alarms_open", "community", "active", "acked"),
)

alarm_events = Table(
    "alarm_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("alarm", String(36), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("reason", String(63), nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column("by", Text, nullable=False, server_default=""),
    Column("value", Float),
    Column("comment", Text, nullable=False, server_default=""),
    Index("ix_alarm_events_alarm", "alarm", "at"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("number", String(32), nullable=False, unique=True),
    Column("community", String(63), nullable=False),
    Column("facility", String(63), nullable=False),
    Column("unit", String(200), nullable=False),
    Column("failure_mode", String(63), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("priority", String(16), nullable=False),
    Column("title_zh", Text, nullable=False),
    Column("title_en", Text, nullable=False),
    Column("crew", String(63), nullable=False),
    Column("assignee", String(63)),
    Column("party", String(63)),
    Column("sensor_born", Boolean, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("occurrences", Integer, nullable=False),
    Column("reopened", Integer, nullable=False),
    Column("reported_at", BigInteger, nullable=False),
    Column("triaged_at", BigInteger),
    Column("assigned_at", BigInteger),
    Column("accepted_at", BigInteger),
    Column("started_at", BigInteger),
    Column("completed_at", BigInteger),
    Column("completed_by", String(63)),
    Column("verifying_since", BigInteger),
    Column("restored_at", BigInteger),
    Column("resolved_at", BigInteger),
    Column("closed_at", BigInteger),
    Column("waiting", String(16), nullable=False, server_default="", comment="data, inspection"),
    Column("verified", String(16), nullable=False, server_default=""),
    Column("hold_reason", String(32), nullable=False, server_default=""),
    Column("hold_until", BigInteger),
    Column("cause", Text, nullable=False, server_default=""),
    Column("remedy", Text, nullable=False, server_default=""),
    Column("end_reason", Text, nullable=False, server_default=""),
    Column("duplicate_of", String(36)),
    Column("previous", String(36)),
    Column("due_at", BigInteger),
    Column("recheck_at", BigInteger, index=True),
    Column("updated_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Index("ix_tickets_list", "community", "state", "reported_at"),
    Index("ix_tickets_facility", "community", "facility", "reported_at"),
)
Index(
    "uq_tickets_one_open",
    tickets.c.community,
    tickets.c.facility,
    tickets.c.unit,
    tickets.c.failure_mode,
    tickets.c.late,
    unique=True,
    sqlite_where=text(f"state NOT IN {ENDED_STATES} AND failure_mode <> ''"),
    postgresql_where=text(f"state NOT IN {ENDED_STATES} AND failure_mode <> ''"),
)

ticket_events = Table(
    "ticket_events",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("ticket", String(36), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("action", String(32), nullable=False),
    Column("from_state", String(16), nullable=False, server_default=""),
    Column("to_state", String(16), nullable=False),
    Column("by", Text, nullable=False, comment="login, or 'hub' for what the hub did by itself"),
    Column("on_behalf_of", Text, nullable=False, server_default=""),
    Column("reason", String(63), nullable=False, server_default=""),
    Column("comment", Text, nullable=False, server_default=""),
    Column("alarm", String(36)),
    Index("ix_ticket_events_ticket", "ticket", "at"),
)

ticket_numbers = Table(
    "ticket_numbers",
    metadata,
    Column("community", String(63), primary_key=True),
    Column("year", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
)

# --- notices --------------------------------------------------------------------------------------------------

notices = Table(
    "notices",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("dedupe_key", String(200), nullable=False, unique=True),
    Column("community", String(63), nullable=False),
    Column("ticket", String(36)),
    Column("alarm", String(36)),
    Column("kind", String(32), nullable=False, comment="opened, reopened, recurred, restored, cancelled …"),
    Column("contact", String(63), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("address", Text, nullable=False),
    Column("language", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("link", Text, nullable=False, server_default=""),
    Column("priority", String(16), nullable=False),
    Column("state", String(16), nullable=False, comment="queued, sending, sent, failed, withdrawn"),
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("lease_until", BigInteger),
    Column("sent_at", BigInteger),
    Column("last_error", Text, nullable=False, server_default=""),
    Index("ix_notices_due", "state", "channel", "priority", "next_at", "id"),
    Index("ix_notices_ticket", "ticket"),
)

notice_attempts = Table(
    "notice_attempts",
    metadata,
    Column("notice", String(36), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("took_ms", Integer, nullable=False),
    Column("outcome", String(16), nullable=False, comment="sent, temporary, permanent"),
    Column("detail", Text, nullable=False, server_default=""),
)

# --- ingest ---------------------------------------------------------------------------------------------------

lanes = Table(
    "lanes",
    metadata,
    Column("lane", String(32), primary_key=True),
    Column("journal", String(36), nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("time", BigInteger, nullable=False, comment="the lane's time; never runs backwards"),
)

lane_states = Table(
    "lane_states",
    metadata,
    Column("lane", String(32), primary_key=True),
    Column("batch", BigInteger, nullable=False, comment="the batch after which the lane's state was this"),
    Column("state", LargeBinary, nullable=False, comment="apart from lanes: SQLite would rewrite it with every batch"),
)

gaps = Table(
    "gaps",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("connection", String(63), nullable=False),
    Column("kind", String(32), nullable=False, comment="hub_down, broker_down, session_lost, broker_dropped"),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("detail", Text, nullable=False, server_default=""),
    UniqueConstraint("connection", "kind", "started_at"),
    Index("ix_gaps_time", "started_at"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("journal", String(36), nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("frame", Integer, nullable=False),
    Column("part", Integer, nullable=False, server_default="0", comment="several problems in one frame"),
    Column("community", String(63), nullable=False, server_default=""),
    Column("device", String(200), nullable=False, server_default=""),
    Column("connection", String(63), nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("content_type", String(100), nullable=False, server_default="", comment="of the frame"),
    Column("received_at", BigInteger, nullable=False),
    Column("reason", String(63), nullable=False),
    Column("detail", Text, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("state", String(16), nullable=False, comment="kept, redriven, dismissed"),
    Column("retained", Boolean, nullable=False, server_default=text("false"), comment="said before: no new reading"),
    UniqueConstraint("journal", "batch", "frame", "part"),
    Index("ix_quarantine_device", "device", "reason"),
)

quarantine_counts = Table(
    "quarantine_counts",
    metadata,
    Column("device", String(200), primary_key=True),
    Column("reason", String(63), primary_key=True),
    Column("kept", Integer, nullable=False),
    Column("kept_bytes", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False, comment="beyond the limits: counted and named, not kept"),
    Column("last_at", BigInteger, nullable=False),
)

# --- people ---------------------------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("login", String(63), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text, nullable=False, comment="argon2id"),
    Column("language", String(16), nullable=False, server_default=""),
    Column("crew", String(63)),
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", BigInteger, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("user", String(36), ForeignKey("users.id"), primary_key=True),
    Column("role", String(16), primary_key=True, comment="admin, manager, desk, crew, planner, viewer"),
    Column("scope", String(16), primary_key=True, comment="company, community, grid"),
    Column("scope_id", String(130), primary_key=True, comment="empty, community, or community/grid"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user", String(36), ForeignKey("users.id"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", Text, nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("scope_id", String(130), nullable=False, server_default=""),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(200), primary_key=True, comment="caller and key"),
    Column("body_hash", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
)

audit = Table(
    "audit",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("at", BigInteger, nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("action", String(63), nullable=False),
    Column("object", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default="{}"),
)

# --- jobs -----------------------------------------------------------------------------------------------------

jobs = Table(
    "jobs",
    metadata,
    Column("job", String(63), primary_key=True),
    Column("scheduled_for", BigInteger, primary_key=True),
    Column("lease_until", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("done_at", BigInteger),
    Column("last_error", Text, nullable=False, server_default=""),
)
