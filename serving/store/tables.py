"""The store's tables. Customers appear under pseudonyms; what is theirs is sealed with a key of their own."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from serving.store.instants import Instant
from serving.store.metadata import HASH, ID, metadata

customers = Table(
    "customers",
    metadata,
    Column("id", ID, primary_key=True),
    # The keyed hash of the company's own id, by which a customer is found; gone with an erasure.
    Column("lookup", HASH, unique=True),
    Column("nature", String(32), nullable=False),
    # The customer's key, wrapped by the master key of that version; gone with an erasure.
    Column("data_key", LargeBinary),
    Column("master_version", Integer, index=True),
    Column("particulars", LargeBinary),
    Column("registered_at", Instant, nullable=False),
    Column("erased_at", Instant),
)

documents = Table(
    "documents",
    metadata,
    Column("hash", HASH, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("stored_at", Instant, nullable=False),
)
"""Catalogs, policies, procedures and artefacts, each by its own hash; never changed."""

runs = Table(
    "runs",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("frame_hash", HASH, nullable=False),
    Column("catalog_hash", HASH, ForeignKey("documents.hash"), nullable=False),
    Column("policy_hash", HASH, ForeignKey("documents.hash"), nullable=False),
    Column("artefact_hash", HASH, ForeignKey("documents.hash")),
    Column("model_version", String(255)),
    # Rows of a chunk, and of the table that are done: the next chunk begins behind them.
    Column("chunk_rows", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("started_by", String(255), nullable=False),
    Column("finished_at", Instant),
)

run_rejects = Table(
    "run_rejects",
    metadata,
    Column("run", ID, ForeignKey("runs.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("field", String(255), nullable=False),
    Column("reason", Text, nullable=False),
)
"""Rows of a run's table that could not be evaluated: where and why, never their values."""

decisions = Table(
    "decisions",
    metadata,
    Column("id", ID, primary_key=True),
    Column("run", ID, ForeignKey("runs.id")),
    Column("customer", ID, ForeignKey("customers.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("decided_at", Instant, nullable=False),
    Column("nature", String(32), nullable=False),
    Column("score", Float, nullable=False),
    Column("probability", Float),
    Column("tier", String(16), nullable=False),
    Column("completeness", Float, nullable=False),
    Column("catalog_hash", HASH, ForeignKey("documents.hash"), nullable=False),
    Column("policy_hash", HASH, ForeignKey("documents.hash"), nullable=False),
    Column("artefact_hash", HASH, ForeignKey("documents.hash")),
    Column("model_version", String(255)),
    # What the answer was, with every value and its evidence: sealed with the customer's key.
    Column("sealed", LargeBinary, nullable=False),
    Column("digest", HASH, nullable=False),
    UniqueConstraint("run", "customer"),
    Index("ix_decisions_customer_as_of", "customer", "as_of"),
)
"""Decisions as they were made; never changed. `digest` is the SHA-256 of what is sealed."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("owner", String(255), nullable=False, index=True),
    Column("digest", HASH, nullable=False),
    Column("roles", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(255), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

ADOPTED, ROLLED_BACK = "governance.adopted", "governance.rolled_back"
"""What the audit trail calls an adoption: its subject is the case, its facts hold kind and hash."""
# Written out and not bound, so that databases see that the index serves.
OF_ADOPTIONS = f"action IN ('{ADOPTED}', '{ROLLED_BACK}')"

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(255), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(255), index=True),
    Column("facts", Text, nullable=False),
    Column("key_version", Integer, nullable=False),
    Column("previous", HASH, nullable=False),
    Column("mac", HASH, nullable=False),
    Index(
        "ix_audit_entries_governing",
        "sequence",
        sqlite_where=text(OF_ADOPTIONS),
        postgresql_where=text(OF_ADOPTIONS),
    ),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, nullable=False),
    Column("mac", HASH, nullable=False),
)
"""One row: the newest entry. Whoever writes locks it first, so that there is one writer at a time."""
