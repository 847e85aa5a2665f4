"""What became of customers: a table of it, or a rule that reads it off the records; never an indicator."""

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
from pydantic import Field

from features.sources.layout import Layout
from features.sources.opening import TableError
from features.sources.record_table import Column, ColumnType
from features.sources.reference_columns import CUSTOMER_ID
from features.terms import Declared

# The columns that stand beside the indicators; all but the first only of outcomes by a rule. The last has the
# day from which the outcome can be known, the end of its window.
OUTCOME, OUTCOME_STATUS, OUTCOME_KNOWN_ON = "outcome", "outcome_status", "outcome_known_on"
# What an outcome's status is: told by the records, of a window that is not over, not told by the records.
KNOWN, IMMATURE, UNKNOWN = "known", "immature", "unknown"

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


class OutcomeRule(Declared):
    """The adverse outcome within so many months after the day of evaluation, read off the records.

    `value` is an expression, true of the adverse outcome. Its summaries read the window of these `months` and
    no other, by what was known on the window's last day, which is what `as_of` means in it: so customers of
    any year are judged with the same delay. A window that ends after `known_until`, the last day of which the
    delivery tells, says nothing yet. By default that is the smallest of the newest days on which a record
    became known in each table that the rule reads; where something is rarely recorded, say it.
    """

    value: str = Field(min_length=1)
    months: int = Field(ge=1, le=120)
    known_until: date | None = None


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
