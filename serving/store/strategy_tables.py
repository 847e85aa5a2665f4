"""Tables of what tiers in force bring about: tasks, lists, checks of limits, overdue items."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
)

from serving.store.instants import Instant
from serving.store.metadata import ACTOR, HASH, ID, WORD, metadata

strategy_progress = Table(
    "strategy_progress",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
)
"""One row: the last of the changes from which tasks have followed."""

overdue_items = Table(
    "overdue_items",
    metadata,
    # The hash of the item's own id by the customer's key.
    Column("id", HASH, primary_key=True),
    Column("customer", ID, ForeignKey("customers.id"), nullable=False, index=True),
    # None once the customer was erased.
    Column("due_on", Date, index=True),
    Column("reported_at", Instant, nullable=False),
    Column("reported_by", ACTOR, nullable=False),
    # The item as it was reported last, sealed with the customer's key, and its hash by that key.
    Column("content_hash", HASH, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    # When it was known that it is paid, or the customer was erased.
    Column("settled_at", Instant),
)
"""Overdue items as they were reported last; paid ones stay."""

tasks = Table(
    "tasks",
    metadata,
    Column("id", ID, primary_key=True),
    Column("customer", ID, ForeignKey("customers.id"), nullable=False, index=True),
    # What it follows from: a change of the tier that counts, or an overdue item.
    Column("change", ID, ForeignKey("changes.id")),
    Column("item", HASH, ForeignKey("overdue_items.id")),
    # The strategy, or the stage of collection.
    Column("strategy", WORD, nullable=False),
    Column("tier", WORD),
    # Of a recurring strategy from 1 on.
    Column("occurrence", Integer, nullable=False),
    Column("department", WORD, nullable=False),
    Column("person", ACTOR),
    Column("kpi", WORD, nullable=False),
    Column("kpi_value", Float),
    Column("opened_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    # When the next occurrence begins, as long as there is none.
    Column("next_at", Instant, index=True),
    # open, done, superseded, settled or withdrawn.
    Column("state", WORD, nullable=False),
    Column("closed_at", Instant),
    Column("closed_by", ACTOR),
    Column("evidence", LargeBinary),
    UniqueConstraint("change", "strategy", "occurrence"),
    UniqueConstraint("item", "strategy"),
    Index("ix_tasks_state", "state", "due_at"),
)

list_entries = Table(
    "list_entries",
    metadata,
    Column("change", ID, ForeignKey("changes.id"), primary_key=True),
    Column("list", WORD, primary_key=True),
    Column("customer", ID, ForeignKey("customers.id"), nullable=False, index=True),
    Column("since", Instant, nullable=False),
    Column("until", Instant),
    Index("ix_list_entries_list", "list", "since"),
)
"""Who stands on which list, such as a watch list, since when and until when."""

limit_checks = Table(
    "limit_checks",
    metadata,
    Column("id", ID, primary_key=True),
    Column("customer", ID, ForeignKey("customers.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("asked_by", ACTOR, nullable=False),
    Column("tier", WORD),
    Column("allowed", Boolean, nullable=False),
    Column("reason", WORD),
    # The order and the limit that applied, sealed with the customer's key.
    Column("sealed", LargeBinary, nullable=False),
    Index("ix_limit_checks_customer", "customer", "at"),
)
"""Every order that was checked against a limit, and what was answered."""
