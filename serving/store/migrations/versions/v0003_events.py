"""Material events."""

import sqlalchemy as sa
from alembic import op

from serving.store.instants import Instant

revision = "0003"
down_revision = "0002"

_ID, _HASH, _ACTOR, _WORD = sa.String(32), sa.String(64), sa.String(255), sa.String(32)


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "events",
        sa.Column("id", _HASH, nullable=False),
        sa.Column("customer", _ID, sa.ForeignKey("customers.id", name="fk_events_customer"), nullable=False),
        sa.Column("type", _WORD, nullable=False),
        sa.Column("severity", _WORD, nullable=False),
        sa.Column("occurred_on", sa.Date, nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("received_from", _ACTOR, nullable=False),
        sa.Column("content_hash", _HASH, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("decision", _ID, sa.ForeignKey("decisions.id", name="fk_events_decision")),
        sa.Column("case", _ID, sa.ForeignKey("cases.id", name="fk_events_case")),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_customer", "events", ["customer", "occurred_on"])


def downgrade() -> None:
    """Refuse, as the first version does."""
    raise NotImplementedError("a store is never taken back to an earlier schema; restore a backup")
