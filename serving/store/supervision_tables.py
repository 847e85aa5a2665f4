"""Tables of oversight: outcomes as they mature, decisions drawn for inspection, and what was adopted."""

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, LargeBinary, Table, Text

from serving.store.instants import Instant
from serving.store.metadata import ACTOR, HASH, ID, WORD, metadata

outcomes = Table(
    "outcomes",
    metadata,
    Column("customer", ID, ForeignKey("customers.id"), primary_key=True),
    Column("as_of", Date, primary_key=True),
    # From 1; a correction has the next one, and the highest counts.
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("imported_at", Instant, nullable=False, index=True),
    Column("imported_by", ACTOR, nullable=False),
    # Whether it was bad, and the day from which that was known: sealed with the customer's key.
    Column("sealed", LargeBinary, nullable=False),
)
"""What became of a customer after a day; never changed."""

inspections = Table(
    "inspections",
    metadata,
    Column("id", ID, primary_key=True),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("size", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("stratified", Boolean, nullable=False),
    # How many decisions were drawn from.
    Column("population", Integer, nullable=False),
    Column("drawn_at", Instant, nullable=False),
    Column("drawn_by", ACTOR, nullable=False),
)
"""Random samples of the decisions made in a period."""

inspection_items = Table(
    "inspection_items",
    metadata,
    Column("id", ID, primary_key=True),
    Column("inspection", ID, ForeignKey("inspections.id"), nullable=False),
    Column("decision", ID, ForeignKey("decisions.id"), nullable=False),
    Column("tier", WORD, nullable=False),
    # ok or finding, once it was inspected; a finding also has a severity, a text and a remedy.
    Column("result", WORD),
    Column("severity", WORD),
    Column("inspected_at", Instant),
    Column("inspected_by", ACTOR),
    Column("persons", Text),
    Column("finding", LargeBinary),
    Column("remedy", LargeBinary),
    Column("remedy_due_at", Instant),
    Column("remedied_at", Instant),
    Column("remedied_by", ACTOR),
    Index("ix_inspection_items_inspection", "inspection"),
)
"""The decisions of a sample; texts are sealed with their customers' keys."""

adoptions = Table(
    "adoptions",
    metadata,
    # From 1, in their order.
    Column("number", Integer, primary_key=True, autoincrement=False),
    # procedure; model, which is catalog, policy and model together; or challenger, of the same three.
    Column("kind", WORD, nullable=False),
    Column("hash", HASH, ForeignKey("documents.hash"), nullable=False),
    Column("valid_from", Instant, nullable=False),
    Column("case", ID, ForeignKey("cases.id"), nullable=False),
    Index("ix_adoptions_kind", "kind", "valid_from"),
)
"""What was adopted by an approved case; of each kind the newest counts. Never changed.

A rollback adopts again what was adopted before, by the case that approved it then.
"""
