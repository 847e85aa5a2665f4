"""Tables of what is in force, and of the cases by which it changes."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)
from sqlalchemy import text as sql_text

from serving.store.instants import Instant
from serving.store.metadata import ACTOR, HASH, ID, WORD, metadata

_OPEN, _NOT_CLOSED = "valid_to IS NULL", "closed_at IS NULL"

standings = Table(
    "standings",
    metadata,
    Column("id", ID, primary_key=True),
    Column("customer", ID, ForeignKey("customers.id"), nullable=False),
    # approved, override or hold: of those in force the last named goes before the others.
    Column("layer", WORD, nullable=False),
    Column("tier", WORD, nullable=False),
    Column("valid_from", Instant, nullable=False),
    Column("valid_to", Instant),
    # An override's last moment, known from the start.
    Column("expires_at", Instant),
    Column("decision", ID, ForeignKey("decisions.id")),
    Column("case", ID, ForeignKey("cases.id")),
    Column("reason", WORD),
    Index("ix_standings_customer", "customer", "valid_from"),
    Index(
        "uq_standings_open",
        "customer",
        "layer",
        unique=True,
        sqlite_where=sql_text(_OPEN),
        postgresql_where=sql_text(_OPEN),
    ),
)
"""Tiers in force with their validity: one open interval for each customer and layer."""

changes = Table(
    "changes",
    metadata,
    Column("id", ID, primary_key=True),
    # From 1 on, as they were written: of several at one moment the last counts.
    Column("sequence", BigInteger, nullable=False),
    Column("customer", ID, ForeignKey("customers.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False, index=True),
    Column("before", WORD),
    Column("after", WORD),
    Column("layer", WORD, nullable=False),
    Column("decision", ID, ForeignKey("decisions.id")),
    Column("case", ID, ForeignKey("cases.id")),
    Index("uq_changes_sequence", "sequence", unique=True),
)
"""Every change of the tier that counts: what notices and tasks follow from."""

cases = Table(
    "cases",
    metadata,
    Column("id", ID, primary_key=True),
    # single, list, procedure, model, challenger or monitoring.
    Column("kind", WORD, nullable=False),
    Column("reason", WORD, nullable=False),
    Column("state", WORD, nullable=False, index=True),
    Column("customer", ID, ForeignKey("customers.id"), index=True),
    Column("run", ID, ForeignKey("runs.id"), index=True),
    Column("subject", HASH),
    Column("opened_at", Instant, nullable=False),
    Column("opened_by", ACTOR, nullable=False),
    Column("due_at", Instant),
    Column("closed_at", Instant),
    # What is proposed now; a new proposal is a new version, and approvals count for theirs alone.
    Column("version", Integer, nullable=False),
    Column("decision", ID, ForeignKey("decisions.id")),
    Column("old_tier", WORD),
    Column("proposed_tier", WORD),
    Column("override_reason", WORD),
    Column("override_until", Instant),
    Column("needed", Integer, nullable=False),
    Column("justification", LargeBinary),
    Index(
        "uq_cases_open",
        "customer",
        unique=True,
        sqlite_where=sql_text(_NOT_CLOSED),
        postgresql_where=sql_text(_NOT_CLOSED),
    ),
)

case_items = Table(
    "case_items",
    metadata,
    Column("case", ID, ForeignKey("cases.id"), primary_key=True),
    Column("customer", ID, ForeignKey("customers.id"), primary_key=True),
    Column("decision", ID, ForeignKey("decisions.id"), nullable=False),
    Column("old_tier", WORD),
    Column("proposed_tier", WORD, nullable=False),
    Column("score", Float, nullable=False),
    Column("pulled_out", ID, ForeignKey("cases.id")),
)
"""The customers of a list case; those pulled out have a single case instead."""

case_acts = Table(
    "case_acts",
    metadata,
    Column("id", ID, primary_key=True),
    Column("case", ID, ForeignKey("cases.id"), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    # opened, requested, answered, proposed, pulled_out, approved, rejected, withdrawn.
    Column("act", WORD, nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", ACTOR, nullable=False),
    # All who stand behind the act, by whom a maker and a checker are told apart.
    Column("persons", Text, nullable=False),
    Column("remark", LargeBinary),
    # What an approver found, and on what conditions they approved.
    Column("findings", LargeBinary),
    Column("conditions", LargeBinary),
)

case_requests = Table(
    "case_requests",
    metadata,
    Column("id", ID, primary_key=True),
    Column("case", ID, ForeignKey("cases.id"), nullable=False, index=True),
    Column("department", WORD, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("asked_by", ACTOR, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("answered_by", ACTOR),
    Column("complete", Boolean),
    Column("answer", LargeBinary),
)
"""What departments were asked for, and what they answered (M21)."""
