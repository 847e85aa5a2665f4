"""Notices, attempts to deliver them, and what customers answer."""

import sqlalchemy as sa
from alembic import op

from serving.store.instants import Instant

revision = "0005"
down_revision = "0004"

_ID, _HASH, _WORD = sa.String(32), sa.String(64), sa.String(32)


def _of(table: str, name: str, target: str, *, nullable: bool = True) -> sa.Column[str]:
    key = sa.ForeignKey(f"{target}.id", name=f"fk_{table}_{name}")
    return sa.Column(name, _ID, key, nullable=nullable)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "notices",
        sa.Column("id", _ID, nullable=False),
        _of("notices", "change", "changes", nullable=False),
        _of("notices", "customer", "customers", nullable=False),
        sa.Column("recipient", sa.String(64), nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("reason", _WORD),
        sa.Column("channel", _WORD),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("digest", _HASH),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("attempts_before", sa.Integer, nullable=False),
        sa.Column("queued_at", Instant, nullable=False),
        sa.Column("due_at", Instant),
        sa.Column("sent_at", Instant),
        sa.Column("answer_until", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
        sa.UniqueConstraint("change", "recipient", name="uq_notices_change"),
    )
    op.create_index("ix_notices_customer", "notices", ["customer"])
    op.create_index("ix_notices_due", "notices", ["state", "due_at"])
    op.create_table(
        "notice_attempts",
        _of("notice_attempts", "notice", "notices", nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("outcome", _WORD, nullable=False),
        sa.PrimaryKeyConstraint("notice", "number", name="pk_notice_attempts"),
    )
    op.create_table(
        "feedback",
        sa.Column("id", _ID, nullable=False),
        _of("feedback", "notice", "notices", nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        _of("feedback", "customer", "customers", nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("satisfaction", sa.Integer),
        sa.Column("objection", sa.LargeBinary),
        _of("feedback", "case", "cases"),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.UniqueConstraint("notice", "number", name="uq_feedback_notice"),
    )
    for column in ("customer", "case"):
        op.create_index(f"ix_feedback_{column}", "feedback", [column])


def downgrade() -> None:
    """Refuse, as the first version does."""
    raise NotImplementedError("a store is never taken back to an earlier schema; restore a backup")
