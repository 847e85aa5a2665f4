"""What the trail tells of adoptions is found without reading all of it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the index."""
    of_adoptions = sa.text("action IN ('governance.adopted', 'governance.rolled_back')")
    op.create_index(
        "ix_audit_entries_governing", "audit_entries", ["sequence"],
        sqlite_where=of_adoptions, postgresql_where=of_adoptions,
    )  # fmt: skip


def downgrade() -> None:
    """Refuse, as the first version does."""
    raise NotImplementedError("a store is never taken back to an earlier schema; restore a backup")
