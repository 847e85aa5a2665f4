"""Outcomes, inspections and adoptions."""

import sqlalchemy as sa
from alembic import op

from serving.store.instants import Instant

revision = "0006"
down_revision = "0005"

_ID, _HASH, _ACTOR, _WORD = sa.String(32), sa.String(64), sa.String(255), sa.String(32)
_IMMUTABLE = ("outcomes", "adoptions")


def _of(table: str, name: str, target: str) -> sa.Column[str]:
    return sa.Column(name, _ID, sa.ForeignKey(f"{target}.id", name=f"fk_{table}_{name}"), nullable=False)


def upgrade() -> None:
    """Make the tables, and the triggers that keep what is never changed."""
    op.create_table(
        "outcomes",
        _of("outcomes", "customer", "customers"),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("imported_at", Instant, nullable=False),
        sa.Column("imported_by", _ACTOR, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("customer", "as_of", "number", name="pk_outcomes"),
    )
    op.create_index("ix_outcomes_imported_at", "outcomes", ["imported_at"])
    op.create_table(
        "inspections",
        sa.Column("id", _ID, nullable=False),
        sa.Column("first", sa.Date, nullable=False),
        sa.Column("last", sa.Date, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("stratified", sa.Boolean, nullable=False),
        sa.Column("population", sa.Integer, nullable=False),
        sa.Column("drawn_at", Instant, nullable=False),
        sa.Column("drawn_by", _ACTOR, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inspections"),
    )
    op.create_table(
        "inspection_items",
        sa.Column("id", _ID, nullable=False),
        _of("inspection_items", "inspection", "inspections"),
        _of("inspection_items", "decision", "decisions"),
        sa.Column("tier", _WORD, nullable=False),
        sa.Column("result", _WORD),
        sa.Column("severity", _WORD),
        sa.Column("inspected_at", Instant),
        sa.Column("inspected_by", _ACTOR),
        sa.Column("persons", sa.Text),
        sa.Column("finding", sa.LargeBinary),
        sa.Column("remedy", sa.LargeBinary),
        sa.Column("remedy_due_at", Instant),
        sa.Column("remedied_at", Instant),
        sa.Column("remedied_by", _ACTOR),
        sa.PrimaryKeyConstraint("id", name="pk_inspection_items"),
    )
    op.create_index("ix_inspection_items_inspection", "inspection_items", ["inspection"])
    op.create_table(
        "adoptions",
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("kind", _WORD, nullable=False),
        sa.Column("hash", _HASH, sa.ForeignKey("documents.hash", name="fk_adoptions_hash"), nullable=False),
        sa.Column("valid_from", Instant, nullable=False),
        _of("adoptions", "case", "cases"),
        sa.PrimaryKeyConstraint("number", name="pk_adoptions"),
    )
    op.create_index("ix_adoptions_kind", "adoptions", ["kind", "valid_from"])
    _keep()


def _keep() -> None:
    """Refuse changes, as the first version does for its own tables."""
    for table in _IMMUTABLE:
        if op.get_bind().dialect.name == "sqlite":
            for change in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER keep_{table}_{change.lower()} BEFORE {change} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} are never changed'); END"
                )
            continue
        op.execute(
            f"CREATE TRIGGER keep_{table} BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION tierwise_keep()"
        )
        op.execute(
            f"CREATE TRIGGER keep_{table}_whole BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION tierwise_keep()"
        )


def downgrade() -> None:
    """Refuse, as the first version does."""
    raise NotImplementedError("a store is never taken back to an earlier schema; restore a backup")
