"""The table of material events."""

from sqlalchemy import Column, Date, ForeignKey, Index, LargeBinary, Table

from serving.store.instants import Instant
from serving.store.metadata import ACTOR, HASH, ID, WORD, metadata

events = Table(
    "events",
    metadata,
    # The hash of the sender's own id by the customer's key: by it the event is the same when it comes again.
    Column("id", HASH, primary_key=True),
    Column("customer", ID, ForeignKey("customers.id"), nullable=False),
    Column("type", WORD, nullable=False),
    Column("severity", WORD, nullable=False),
    Column("occurred_on", Date, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("received_from", ACTOR, nullable=False),
    # The like of all that the sender said, and what was said, sealed with that key.
    Column("content_hash", HASH, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("decision", ID, ForeignKey("decisions.id")),
    Column("case", ID, ForeignKey("cases.id")),
    Index("ix_events_customer", "customer", "occurred_on"),
)
