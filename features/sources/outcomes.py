"""What became of customers: a table of outcomes beside the departments' tables, never an indicator."""

from pathlib import Path

import pyarrow.parquet as pq

from features.sources.layout import Layout
from features.sources.opening import TableError
from features.sources.record_table import Column, ColumnType
from features.sources.reference_columns import CUSTOMER_ID

OUTCOMES = Layout(
    name="outcomes",
    columns={
        "customer_id": CUSTOMER_ID,
        "as_of": Column(type=ColumnType.DATE, aliases=("評估日", "评估日")),
        "outcome": Column(type=ColumnType.TEXT, aliases=("結果", "结果")),
    },
    needed=frozenset({"customer_id", "outcome"}),
    filled=frozenset({"customer_id", "outcome"}),
)


def write_outcomes(accepted: Path, output: Path) -> None:
    """Write each customer's outcome, of evaluations on any day where `as_of` is empty; each once, sorted.

    Raises:
        TableError: a customer has two outcomes of one day.
    """
    names = list(OUTCOMES.columns)
    table = pq.read_table(accepted, columns=names).group_by(names).aggregate([]).select(names)
    of_days = table.group_by(["customer_id", "as_of"]).aggregate([])
    if of_days.num_rows < table.num_rows:
        count = table.num_rows - of_days.num_rows
        raise TableError(f"outcomes: {count} customers have two outcomes of one day; keep one")
    pq.write_table(table.sort_by([(name, "ascending") for name in names]), output)
