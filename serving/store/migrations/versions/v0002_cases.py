"""Tiers in force, changes, and the cases by which they come about."""

import sqlalchemy as sa
from alembic import op

from serving.store.instants import Instant

revision = "0002"
down_revision = "0001"

_ID, _HASH, _ACTOR, _WORD = sa.String(32), sa.String(64), sa.String(255), sa.String(32)


def _of(table: str, name: str, target: str, *, nullable: bool = True) -> sa.Column[str]:
    key = sa.ForeignKey(f"{target}.id", name=f"fk_{table}_{name}")
    return sa.Column(name, _ID, key, nullable=nullable)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "cases",
        sa.Column("id", _ID, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("reason", _WORD, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        _of("cases", "customer", "customers"),
        _of("cases", "run", "runs"),
        sa.Column("subject", _HASH),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("opened_by", _ACTOR, nullable=False),
        sa.Column("due_at", Instant),
        sa.Column("closed_at", Instant),
        sa.Column("version", sa.Integer, nullable=False),
        _of("cases", "decision", "decisions"),
        sa.Column("old_tier", _WORD),
        sa.Column("proposed_tier", _WORD),
        sa.Column("override_reason", _WORD),
        sa.Column("override_until", Instant),
        sa.Column("needed", sa.Integer, nullable=False),
        sa.Column("justification", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
    )
    op.create_index("ix_cases_run", "cases", ["run"])
    op.create_index("ix_cases_state", "cases", ["state"])
    op.create_index("ix_cases_customer", "cases", ["customer"])
    not_closed = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_cases_open", "cases", ["customer"], unique=True,
        sqlite_where=not_closed, postgresql_where=not_closed,
    )  # fmt: skip
    op.create_table(
        "standings",
        sa.Column("id", _ID, nullable=False),
        _of("standings", "customer", "customers", nullable=False),
        sa.Column("layer", _WORD, nullable=False),
        sa.Column("tier", _WORD, nullable=False),
        sa.Column("valid_from", Instant, nullable=False),
        sa.Column("valid_to", Instant),
        sa.Column("expires_at", Instant),
        _of("standings", "decision", "decisions"),
        _of("standings", "case", "cases"),
        sa.Column("reason", _WORD),
        sa.PrimaryKeyConstraint("id", name="pk_standings"),
    )
    op.create_index("ix_standings_customer", "standings", ["customer", "valid_from"])
    still = sa.text("valid_to IS NULL")
    op.create_index(
        "uq_standings_open", "standings", ["customer", "layer"], unique=True,
        sqlite_where=still, postgresql_where=still,
    )  # fmt: skip
    op.create_table(
        "changes",
        sa.Column("id", _ID, nullable=False),
        _of("changes", "customer", "customers", nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("before", _WORD),
        sa.Column("after", _WORD),
        sa.Column("layer", _WORD, nullable=False),
        _of("changes", "decision", "decisions"),
        _of("changes", "case", "cases"),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
    )
    op.create_index("ix_changes_customer", "changes", ["customer"])
    op.create_index("ix_changes_at", "changes", ["at"])
    op.create_table(
        "case_items",
        _of("case_items", "case", "cases", nullable=False),
        _of("case_items", "customer", "customers", nullable=False),
        _of("case_items", "decision", "decisions", nullable=False),
        sa.Column("old_tier", _WORD),
        sa.Column("proposed_tier", _WORD, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        _of("case_items", "pulled_out", "cases"),
        sa.PrimaryKeyConstraint("case", "customer", name="pk_case_items"),
    )
    op.create_table(
        "case_acts",
        sa.Column("id", _ID, nullable=False),
        _of("case_acts", "case", "cases", nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("act", _WORD, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("actor", _ACTOR, nullable=False),
        sa.Column("persons", sa.Text, nullable=False),
        sa.Column("remark", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_case_acts"),
    )
    op.create_index("ix_case_acts_case", "case_acts", ["case"])
    op.create_table(
        "case_requests",
        sa.Column("id", _ID, nullable=False),
        _of("case_requests", "case", "cases", nullable=False),
        sa.Column("department", _WORD, nullable=False),
        sa.Column("asked_at", Instant, nullable=False),
        sa.Column("asked_by", _ACTOR, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("answered_at", Instant),
        sa.Column("answered_by", _ACTOR),
        sa.Column("complete", sa.Boolean),
        sa.Column("answer", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_case_requests"),
    )
    op.create_index("ix_case_requests_case", "case_requests", ["case"])


def downgrade() -> None:
    """Refuse, as the first version does."""
    raise NotImplementedError("a store is never taken back to an earlier schema; restore a backup")
