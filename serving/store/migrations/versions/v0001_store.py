"""The first schema: customers, documents, runs, decisions, API keys and the audit trail."""

import sqlalchemy as sa
from alembic import op

from serving.store.instants import Instant

revision = "0001"
down_revision = None

_ID, _HASH = sa.String(32), sa.String(64)
_IMMUTABLE = ("documents", "decisions", "run_rejects", "audit_entries")


def upgrade() -> None:
    """Make the tables, the empty trail's head, and the triggers that keep rows as they were written."""
    op.create_table(
        "customers",
        sa.Column("id", _ID, nullable=False),
        sa.Column("lookup", _HASH),
        sa.Column("nature", sa.String(32), nullable=False),
        sa.Column("data_key", sa.LargeBinary),
        sa.Column("master_version", sa.Integer),
        sa.Column("particulars", sa.LargeBinary),
        sa.Column("registered_at", Instant, nullable=False),
        sa.Column("erased_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
        sa.UniqueConstraint("lookup", name="uq_customers_lookup"),
    )
    op.create_index("ix_customers_master_version", "customers", ["master_version"])
    op.create_table(
        "documents",
        sa.Column("hash", _HASH, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("stored_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_documents"),
    )
    op.create_table(
        "runs",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("frame_hash", _HASH, nullable=False),
        *_documents("runs"),
        sa.Column("model_version", sa.String(255)),
        sa.Column("chunk_rows", sa.Integer, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("started_by", sa.String(255), nullable=False),
        sa.Column("finished_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_table(
        "run_rejects",
        sa.Column("run", _ID, sa.ForeignKey("runs.id", name="fk_run_rejects_run"), nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("field", sa.String(255), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run", "row", name="pk_run_rejects"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("run", _ID, sa.ForeignKey("runs.id", name="fk_decisions_run")),
        sa.Column(
            "customer", _ID, sa.ForeignKey("customers.id", name="fk_decisions_customer"), nullable=False
        ),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("decided_at", Instant, nullable=False),
        sa.Column("nature", sa.String(32), nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("probability", sa.Float),
        sa.Column("tier", sa.String(16), nullable=False),
        sa.Column("completeness", sa.Float, nullable=False),
        *_documents("decisions"),
        sa.Column("model_version", sa.String(255)),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("digest", _HASH, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint("run", "customer", name="uq_decisions_run"),
    )
    op.create_index("ix_decisions_customer_as_of", "decisions", ["customer", "as_of"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(255), nullable=False),
        sa.Column("digest", _HASH, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("revoked_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
    )
    op.create_index("ix_api_keys_owner", "api_keys", ["owner"])
    op.create_table(
        "audit_entries",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("at", Instant, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255)),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("key_version", sa.Integer, nullable=False),
        sa.Column("previous", _HASH, nullable=False),
        sa.Column("mac", _HASH, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("mac", _HASH, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.bulk_insert(head, [{"id": 1, "sequence": 0, "mac": "0" * 64}])
    _keep()


def _documents(table: str) -> list[sa.Column[str]]:
    """Return the columns that name catalog, policy and artefact by hash."""
    return [
        sa.Column(
            name,
            _HASH,
            sa.ForeignKey("documents.hash", name=f"fk_{table}_{name}"),
            nullable=name == "artefact_hash",
        )
        for name in ("catalog_hash", "policy_hash", "artefact_hash")
    ]


def _keep() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in _IMMUTABLE:
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER keep_{table}_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} are never changed'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION tierwise_keep() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% are never changed', TG_TABLE_NAME; END $$"
    )
    for table in _IMMUTABLE:
        op.execute(
            f"CREATE TRIGGER keep_{table} BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION tierwise_keep()"
        )
        op.execute(
            f"CREATE TRIGGER keep_{table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION tierwise_keep()"
        )


def downgrade() -> None:
    """Refuse: what was decided and recorded is not thrown away."""
    raise NotImplementedError("a store is never taken back to an earlier schema; restore a backup")
