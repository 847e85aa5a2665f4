"""What approvers found, and on what conditions they approved."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns."""
    for name in ("findings", "conditions"):
        op.add_column("case_acts", sa.Column(name, sa.LargeBinary))


def downgrade() -> None:
    """Refuse, as the first version does."""
    raise NotImplementedError("a store is never taken back to an earlier schema; restore a backup")
