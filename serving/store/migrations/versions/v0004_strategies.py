"""What tiers in force bring about; and the order of changes, from which it follows."""

import sqlalchemy as sa
from alembic import op

from serving.store.instants import Instant

revision = "0004"
down_revision = "0003"

_ID, _HASH, _ACTOR, _WORD = sa.String(32), sa.String(64), sa.String(255), sa.String(32)


def _of(table: str, name: str, target: str, *, nullable: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey(f"{target}.id", name=f"fk_{table}_{name}")
    return sa.Column(name, _ID, key, nullable=nullable)


def upgrade() -> None:
    """Number the changes that there are, and make the tables."""
    op.add_column("changes", sa.Column("sequence", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(
        "UPDATE changes SET sequence = numbered.place FROM "
        '(SELECT id, row_number() OVER (ORDER BY "at", id) AS place FROM changes) AS numbered '
        "WHERE numbered.id = changes.id"
    )
    op.create_index("uq_changes_sequence", "changes", ["sequence"], unique=True)
    op.create_table(
        "strategy_progress",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_strategy_progress"),
    )
    # Nothing follows from the changes that there are: their tiers asked for nothing when they began.
    op.execute(
        "INSERT INTO strategy_progress (id, sequence) SELECT 1, coalesce(max(sequence), 0) FROM changes"
    )
    op.create_table(
        "overdue_items",
        sa.Column("id", _HASH, nullable=False),
        _of("overdue_items", "customer", "customers"),
        sa.Column("due_on", sa.Date),
        sa.Column("reported_at", Instant, nullable=False),
        sa.Column("reported_by", _ACTOR, nullable=False),
        sa.Column("content_hash", _HASH, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("settled_at", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_overdue_items"),
    )
    op.create_index("ix_overdue_items_customer", "overdue_items", ["customer"])
    op.create_index("ix_overdue_items_due_on", "overdue_items", ["due_on"])
    op.create_table(
        "tasks",
        sa.Column("id", _ID, nullable=False),
        _of("tasks", "customer", "customers"),
        _of("tasks", "change", "changes", nullable=True),
        sa.Column("item", _HASH, sa.ForeignKey("overdue_items.id", name="fk_tasks_item")),
        sa.Column("strategy", _WORD, nullable=False),
        sa.Column("tier", _WORD),
        sa.Column("occurrence", sa.Integer, nullable=False),
        sa.Column("department", _WORD, nullable=False),
        sa.Column("person", _ACTOR),
        sa.Column("kpi", _WORD, nullable=False),
        sa.Column("kpi_value", sa.Float),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("next_at", Instant),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("closed_at", Instant),
        sa.Column("closed_by", _ACTOR),
        sa.Column("evidence", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.UniqueConstraint("change", "strategy", "occurrence", name="uq_tasks_change"),
        sa.UniqueConstraint("item", "strategy", name="uq_tasks_item"),
    )
    op.create_index("ix_tasks_customer", "tasks", ["customer"])
    op.create_index("ix_tasks_next_at", "tasks", ["next_at"])
    op.create_index("ix_tasks_state", "tasks", ["state", "due_at"])
    op.create_table(
        "list_entries",
        _of("list_entries", "change", "changes"),
        sa.Column("list", _WORD, nullable=False),
        _of("list_entries", "customer", "customers"),
        sa.Column("since", Instant, nullable=False),
        sa.Column("until", Instant),
        sa.PrimaryKeyConstraint("change", "list", name="pk_list_entries"),
    )
    op.create_index("ix_list_entries_customer", "list_entries", ["customer"])
    op.create_index("ix_list_entries_list", "list_entries", ["list", "since"])
    op.create_table(
        "limit_checks",
        sa.Column("id", _ID, nullable=False),
        _of("limit_checks", "customer", "customers"),
        sa.Column("at", Instant, nullable=False),
        sa.Column("asked_by", _ACTOR, nullable=False),
        sa.Column("tier", _WORD),
        sa.Column("allowed", sa.Boolean, nullable=False),
        sa.Column("reason", _WORD),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_limit_checks"),
    )
    op.create_index("ix_limit_checks_customer", "limit_checks", ["customer", "at"])


def downgrade() -> None:
    """Refuse, as the first version does."""
    raise NotImplementedError("a store is never taken back to an earlier schema; restore a backup")
