"""Tables of notices, of the attempts to deliver them, and of what customers answer."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from serving.store.instants import Instant
from serving.store.metadata import HASH, ID, WORD, metadata

notices = Table(
    "notices",
    metadata,
    # Made from the change and the recipient, so that a notice that is derived twice is the same.
    Column("id", ID, primary_key=True),
    Column("change", ID, ForeignKey("changes.id"), nullable=False),
    Column("customer", ID, ForeignKey("customers.id"), nullable=False, index=True),
    # The customer, or a department by its name in the procedure.
    Column("recipient", String(64), nullable=False),
    # pending, sent, dead or undeliverable.
    Column("state", WORD, nullable=False),
    # Why it is dead or undeliverable, or why the last attempt failed.
    Column("reason", WORD),
    # email or webhook; none where there is no address.
    Column("channel", WORD),
    # What is sent and where to, made once and sealed with the customer's key; and the SHA-256 of that.
    Column("sealed", LargeBinary),
    Column("digest", HASH),
    Column("attempts", Integer, nullable=False),
    # How many of them were made before somebody had it tried again.
    Column("attempts_before", Integer, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("sent_at", Instant),
    # Until when the customer may answer by the link.
    Column("answer_until", Instant),
    UniqueConstraint("change", "recipient"),
    Index("ix_notices_due", "state", "due_at"),
)

notice_attempts = Table(
    "notice_attempts",
    metadata,
    Column("notice", ID, ForeignKey("notices.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    # sent, or the class of what went wrong; never an address or a receiver's words.
    Column("outcome", WORD, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", ID, primary_key=True),
    Column("notice", ID, ForeignKey("notices.id"), nullable=False),
    # In the order in which they came, from 1.
    Column("number", Integer, nullable=False),
    Column("customer", ID, ForeignKey("customers.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    # One of the two: satisfaction from 1 to 5, of which the newest counts; or an objection, sealed with the
    # customer's key, and the case that it opened or joined.
    Column("satisfaction", Integer),
    Column("objection", LargeBinary),
    Column("case", ID, ForeignKey("cases.id"), index=True),
    UniqueConstraint("notice", "number"),
)
"""What customers answer to a notice; only ever added to."""
