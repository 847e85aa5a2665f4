"""All tables, for whoever needs the whole schema."""

from serving.store import (
    case_tables,
    event_tables,
    notice_tables,
    strategy_tables,
    supervision_tables,
    tables,
)
from serving.store.metadata import metadata

__all__ = [
    "case_tables", "event_tables", "metadata", "notice_tables", "strategy_tables",
    "supervision_tables", "tables",
]  # fmt: skip
