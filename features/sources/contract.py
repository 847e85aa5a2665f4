"""The contract of a delivered table: what its typed cells must meet, checked by pandera, told in our words.

pandera's messages contain the values that failed. Only row, column and check are taken from it, and a check's
name is the reason that is written down.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from numpy.typing import NDArray

from features.catalog import Catalog
from features.customer import MAX_ID
from features.declaration import DeclarationError
from features.sources.keys import compared
from features.sources.layout import EFFECTIVE, FIRST_DAY, KNOWN_AT, LAST_DAY, Layout
from features.sources.record_table import CUSTOMERS, NATURE, Column, ColumnType, RecordTable

# A record that lies further ahead of the day on which it became known has a wrong year.
MOST_DAYS_AHEAD = 3653

# Tables that the portfolio file names beside those of the catalog.
REFERENCES = frozenset({"crosswalk", "successions", "groups", "outcomes", "rates"})

MISSING = "is missing"
_NOT_NULLABLE = "not_nullable"
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
# Columns that are only checked, under names that no declared column can have.
_AHEAD, _SPAN = "$ahead", "$span"
_TYPES = {
    ColumnType.KEY: object,
    ColumnType.TEXT: object,
    ColumnType.NUMBER: "float64",
    ColumnType.FLAG: "float64",
    ColumnType.DATE: "datetime64[s]",
}

Values = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Failure:
    """One reason why rows are rejected: the column, and the positions of the rows in their chunk."""

    column: str
    reason: str
    places: NDArray[np.int64]


class ChecksDisabled(RuntimeError):
    """pandera is set to check nothing; one line with what to do."""


def refuse_disabled_checks() -> None:
    """Make sure that pandera checks, since a setting of the environment can silently disable it.

    Raises:
        ChecksDisabled: it does not.
    """
    impossible = pandera.Check(lambda cells: cells != cells, error="must fail")
    schema = pandera.DataFrameSchema({"a": pandera.Column("float64", checks=[impossible])})
    try:
        schema.validate(pd.DataFrame({"a": [1.0]}), lazy=True)
    except pandera.errors.SchemaErrors:
        return
    raise ChecksDisabled(
        "pandera checks no cells, so nothing is read: unset PANDERA_VALIDATION_ENABLED and "
        "PANDERA_VALIDATION_DEPTH"
    )


def schema_of(layout: Layout) -> pandera.DataFrameSchema:
    """Return what the typed columns of a table must meet.

    Beside types, presence, bounds and printable keys: the days of a record lie within 1900 and 2199, and a
    record lies at most ten years ahead of the day on which it became known. A record may lie ahead, as a
    contract that begins next month does: it is seen when both days have come.
    """
    columns = {}
    for id_, column in layout.columns.items():
        checks = _bounds(column)
        if column.type is ColumnType.KEY:
            checks.append(_check(_printable, f"must be 1 to {MAX_ID} printable characters"))
        if layout.days is not None and id_ in (layout.days.effective, layout.days.known_at):
            checks.append(_check(_within_centuries, f"must lie between {FIRST_DAY.year} and {LAST_DAY.year}"))
        columns[id_] = pandera.Column(_TYPES[column.type], checks, nullable=id_ not in layout.filled)
    if layout.days is not None:
        ahead = _check(
            lambda days: days <= MOST_DAYS_AHEAD,
            f"lies more than {MOST_DAYS_AHEAD // 365} years after the day on which it became known",
        )
        columns[_AHEAD] = pandera.Column("float64", [ahead], nullable=True)
    if layout.span is not None:
        after = _check(lambda days: days > 0, f"must lie after {layout.span[0]}")
        columns[_SPAN] = pandera.Column("float64", [after], nullable=True)
    return pandera.DataFrameSchema(columns)


class Contract:
    """The contract of one table, made once and asked for every chunk."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._schema = schema_of(layout)

    def failures(self, values: Values, effective: NDArray[np.datetime64],
                 known_at: NDArray[np.datetime64]) -> list[Failure]:  # fmt: skip
        """Return every failure of n typed rows, by column in the order of the declaration.

        `values` has every column, each of shape (n,): objects of texts and keys, floats of numbers and flags,
        days of dates. `effective` and `known_at`, of the same shape, are asked of records only.
        """
        frame = pd.DataFrame({id_: self._checked(id_, values[id_]) for id_ in self._layout.columns})
        if self._layout.days is not None:
            frame[_AHEAD] = _days_between(known_at, effective)
        if self._layout.span is not None:
            first, second = self._layout.span
            frame[_SPAN] = _days_between(values[first], values[second])
        try:
            self._schema.validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as errors:
            # Columns without the values that failed.
            cases = errors.failure_cases[["column", "check", "index"]]
        else:
            return []
        if cases["index"].isna().any():
            raise RuntimeError(f"contract of {self._layout.name}: a column is not of its declared type")
        found = []
        for (column, check), group in cases.groupby(["column", "check"], sort=False):
            reason = MISSING if check == _NOT_NULLABLE else str(check)
            places = np.unique(group["index"].to_numpy(dtype=np.int64))
            found.append(Failure(self._named(str(column)), reason, places))
        order = {id_: place for place, id_ in enumerate(self._layout.columns)}
        return sorted(found, key=lambda failure: order[failure.column])

    def _checked(self, id_: str, cells: NDArray[np.generic]) -> pd.Series:
        if self._layout.columns[id_].type is ColumnType.DATE:
            return pd.Series(cells.astype("datetime64[s]"))
        return pd.Series(cells, dtype=cells.dtype)

    def _named(self, column: str) -> str:
        """Return the declared column that a checked one stands for."""
        if column == _AHEAD and self._layout.days is not None:
            return self._layout.days.effective or column
        if column == _SPAN and self._layout.span is not None:
            return self._layout.span[1]
        return column


def check_table_names(catalog: Catalog) -> None:
    """Refuse tables that cannot be staged under the names that they declare.

    Raises:
        DeclarationError: names the table, the column and what to do.
    """
    for name, table in catalog.tables.items():
        where = f"catalog {catalog.catalog}: table {name}"
        if name in REFERENCES:
            raise DeclarationError(f"{where}: the portfolio file means another table by the name; rename it")
        for id_ in (name, *table.columns):
            if _IDENTIFIER.fullmatch(id_) is None:
                raise DeclarationError(f"{where}: names are lower-case letters, digits and _; rename {id_!r}")
        for id_, column in table.columns.items():
            _check_column_name(f"{where}: column {id_}", id_, table)
            _check_levels(f"{where}: column {id_}", column)
        if name == CUSTOMERS:
            _check_natures(f"{where}: column {NATURE}", table, catalog)
        if table.key_of is not None:
            of_table, id_ = table.key_of.split(".")
            if catalog.tables[of_table].columns[id_].type not in (ColumnType.KEY, ColumnType.TEXT):
                raise DeclarationError(f"{where}: key_of: {table.key_of} must be of type key or text")


def _check_column_name(where: str, id_: str, table: RecordTable) -> None:
    for taken, column in ((EFFECTIVE, table.effective), (KNOWN_AT, table.known_at)):
        if id_ == taken and column != taken:
            raise DeclarationError(
                f"{where}: the name is taken; give it another, or say {taken}: {taken} in the table"
            )


def _check_natures(where: str, table: RecordTable, catalog: Catalog) -> None:
    foreign = set((table.columns[NATURE].levels or {}).values()) - set(catalog.natures)
    if foreign:
        natures = ", ".join(catalog.natures)
        raise DeclarationError(f"{where}: levels: {min(foreign)} is no nature of the catalog ({natures})")


def _check_levels(where: str, column: Column) -> None:
    meanings: dict[str, str] = {}
    for cell, meaning in (column.levels or {}).items():
        if meanings.setdefault(compared(cell), meaning) != meaning:
            raise DeclarationError(f"{where}: levels: two cells that are written alike mean different levels")


def _check(test: Callable[[pd.Series], pd.Series], reason: str) -> pandera.Check:
    return pandera.Check(test, error=reason)


def _bounds(column: Column) -> list[pandera.Check]:
    low, high = column.minimum, column.maximum
    checks = []
    if low is not None:
        checks.append(_check(lambda cells: cells >= low, f"must be at least {low:g}"))
    if high is not None:
        checks.append(_check(lambda cells: cells <= high, f"must be at most {high:g}"))
    return checks


def _printable(cells: pd.Series) -> pd.Series:
    return cells.map(lambda cell: 0 < len(cell) <= MAX_ID and cell.isprintable()).astype(bool)


def _within_centuries(cells: pd.Series) -> pd.Series:
    return (cells >= pd.Timestamp(FIRST_DAY)) & (cells <= pd.Timestamp(LAST_DAY))


def _days_between(first: NDArray[np.generic], second: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the days from the first to the second, NaN where one is missing."""
    days = second.astype("datetime64[D]") - first.astype("datetime64[D]")
    return np.where(np.isnat(days), np.nan, days.astype(np.float64))
