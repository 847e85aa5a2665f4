"""Reading tables of customers, one row each, in chunks: typed by a catalog, each row with its number."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalog import Catalog, Indicator, Kind
from features.customer import NOT_A_NUMBER
from features.missing_codes import without_codes
from features.sources import cells as reading
from features.sources.flat_table import FlatTable
from features.sources.natures import nature_of_word
from features.sources.opening import RawChunk, TableError, open_raw
from features.sources.outcomes import OUTCOME_KNOWN_ON, OUTCOME_STATUS
from features.sources.related import GROUP_ID
from features.terms import Nature

CHUNK_ROWS = 5000
IDENTITY = ("customer_id", "nature", "as_of")
BESIDE = (GROUP_ID, OUTCOME_STATUS, OUTCOME_KNOWN_ON)


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some rows of a table.

    `frame` has the columns that are known, typed by the catalog's kinds; what is of the wrong type is left
    as it was given, for the evaluation to refuse. `rows` are their numbers as a spreadsheet shows them (the
    header is row 1). `misshapen` are rows with too many or too few cells: number and reason. `outcome` are
    the cells of the outcome, if it was asked for: texts, None where missing; `beside` are those of the
    columns BESIDE that a build has written with it. `share` is how much of the file has been read (0–1).
    `decimal_comma` is what a catalog declares that describes flat tables, None of another.
    """

    frame: pd.DataFrame
    rows: Sequence[int]
    misshapen: Sequence[tuple[int, str]]
    outcome: NDArray[np.object_] | None
    beside: dict[str, NDArray[np.object_]]
    share: float
    decimal_comma: bool | None = None

    def rejected(self, wrong: pd.DataFrame) -> "list[RejectedRow]":
        """Return the rows of a chunk that cannot be evaluated, in their order.

        Args:
            wrong: what `Portfolio.from_frame` says of the frame.
        """
        misshapen = [RejectedRow(number, "row", reason) for number, reason in self.misshapen]
        columns = (wrong["row"], wrong["field"], self._reasons(wrong), wrong["customer_id"])
        refused = [
            RejectedRow(self.rows[int(place)], field, reason, customer_id)
            for place, field, reason, customer_id in zip(*columns, strict=True)
        ]
        return sorted([*misshapen, *refused])

    def _reasons(self, wrong: pd.DataFrame) -> list[str]:
        """Return the reasons, and where a number is written with the other decimal sign, that it is."""
        result = wrong["reason"].to_numpy(dtype=object, copy=True)
        if self.decimal_comma is None:
            return result.tolist()
        if self.decimal_comma:
            why = "it has a decimal point; the catalog declares a comma (table: decimal_comma)"
        else:
            why = "it has a decimal comma, which the catalog does not declare (table: decimal_comma)"
        no_numbers = result == NOT_A_NUMBER
        fields = wrong["field"].to_numpy(dtype=object)
        for field in pd.unique(fields[no_numbers]):
            lines = np.flatnonzero(no_numbers & (fields == field))
            cells = self.frame[field.removeprefix("indicator ")].iloc[wrong["row"].iloc[lines]].astype(object)
            written = np.array([isinstance(cell, str) for cell in cells], dtype=np.bool_)
            _, still_wrong = reading.numbers(cells, decimal_comma=not self.decimal_comma)
            result[lines[written & ~still_wrong]] = f"{NOT_A_NUMBER}: {why}"
        return result.tolist()


@dataclass(frozen=True, order=True)
class RejectedRow:
    """A row that is kept apart: its number in the file, the field and the reason, never its values.

    `customer_id` is None of a row that has another length than the header.
    """

    row: int
    field: str
    reason: str
    customer_id: str | None = dataclass_field(default=None, compare=False)


@dataclass(frozen=True)
class Table:
    """A table that is being read.

    `ignored` are the columns that nobody asked for, and `absent` the indicators that are scored or modelled
    and have no column, by the header that was looked for (the first alias, else the id). `dated` and
    `identified` say whether it has a column with the day of evaluation and one with the customers' ids.
    """

    ignored: tuple[str, ...]
    absent: tuple[str, ...]
    dated: bool
    identified: bool
    chunks: Iterator[Chunk]


@contextmanager
def open_table(
    path: Path,
    catalog: Catalog,
    *,
    outcome: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    chunk_rows: int | None = None,
    as_of: date | None = None,
) -> Iterator[Table]:
    """Open a table by its ending, as `features.sources.opening.open_raw` does.

    Columns go by an indicator's id or one of its aliases. Texts are read by the kind of their indicator
    (1,234 and 12% are numbers, 是 and yes flags); an empty cell, or a word for nothing, is missing. A
    catalog that describes a flat table says under which headers ids, days and natures stand; what it does
    not name, it supplies: the row's number, today (or the day `as_of`), its only nature.

    Raises:
        TableError: it cannot be read, has another ending, no header, a column twice, lacks one of
            customer_id, nature, as_of, or the outcome; or none of its columns is an indicator that says
            something of a customer by itself, so that it is most likely another catalog's.
    """
    with open_raw(path, encoding=encoding, delimiter=delimiter, chunk_rows=chunk_rows or CHUNK_ROWS) as raw:
        places = _places(raw.header, path, catalog)
        flat = catalog.table
        if flat is None:
            absent = [name for name in IDENTITY if name not in places]
            if absent:
                raise TableError(
                    f"{path}: column {absent[0]} is absent; give {', '.join(IDENTITY)} and indicators"
                )
        elif "nature" not in places and len(catalog.natures) > 1:
            raise TableError(f"{path}: column nature is absent, and the catalog has several natures")
        of_outcome = None
        if outcome is not None:
            if outcome not in raw.header:
                raise TableError(f"{path}: there is no column {outcome}, in which the outcome should stand")
            of_outcome = raw.header.index(outcome)
        beside: dict[str, int] = {}
        # Elsewhere columns of these names would mean something else.
        if of_outcome is not None and catalog.tables:
            beside = {name: raw.header.index(name) for name in BESIDE if name in raw.header}
        known = {*places.values(), *beside.values(), of_outcome}
        ignored = tuple(name for place, name in enumerate(raw.header) if name and place not in known)
        if ignored and places.keys().isdisjoint(_telling(catalog)):
            raise TableError(
                f"{path}: none of its columns is an indicator that the catalog {catalog.catalog} judges by; "
                "was another meant? name it with --catalog or --model, or give it the headers as aliases"
            )
        day = as_of or date.today()

        def chunks() -> Iterator[Chunk]:
            for chunk in raw.chunks:
                yield Chunk(
                    frame=_typed(chunk, places, catalog, flat, day),
                    rows=[int(row) for row in chunk.rows],
                    misshapen=chunk.misshapen,
                    outcome=None if of_outcome is None else reading.texts(chunk.frame[of_outcome]),
                    beside={name: reading.texts(chunk.frame[place]) for name, place in beside.items()},
                    share=chunk.share,
                    decimal_comma=None if flat is None else flat.decimal_comma,
                )

        yield Table(ignored, _absent(places, catalog), "as_of" in places, "customer_id" in places, chunks())


def _places(header: Sequence[str], path: Path, catalog: Catalog) -> dict[str, int]:
    """Return the place of each known column by what it is called in the catalog."""
    headers: dict[str, str] = {}
    for placed in catalog.placed:
        headers |= dict.fromkeys((*placed.indicator.aliases, placed.id), placed.id)
    headers |= {name: name for name in IDENTITY}
    if catalog.table is not None:
        for name, own in zip(IDENTITY, _own_headers(catalog.table), strict=True):
            if own is not None:
                headers[own] = name
    result: dict[str, int] = {}
    for place, name in enumerate(header):
        known = headers.get(name)
        if known is None:
            continue
        if known in result and header[result[known]] == name:
            raise TableError(f"{path}: column {name} stands there twice; which one counts is not known")
        if known in result:
            raise TableError(f"{path}: columns {header[result[known]]} and {name} are both {known}")
        result[known] = place
    return result


def _telling(catalog: Catalog) -> set[str]:
    """Return the indicators but those that earn nothing and only decide which others apply."""
    deciding = {of.indicator for placed in catalog.placed for of in placed.conditions}
    return {
        placed.id
        for placed in catalog.placed
        if placed.id not in deciding or any(placed.indicator.weight_of(of) > 0 for of in catalog.natures)
    }


def _absent(places: dict[str, int], catalog: Catalog) -> tuple[str, ...]:
    """Return what decides and has no column, in the catalog's order."""
    return tuple(
        (*placed.indicator.aliases, placed.id)[0]
        for placed in catalog.placed
        if placed.id not in places
        and (placed.indicator.in_model or any(placed.indicator.weight_of(of) > 0 for of in catalog.natures))
    )


def _own_headers(table: FlatTable) -> tuple[str | None, str | None, str | None]:
    return table.customer_id, table.nature, table.as_of


def _typed(
    chunk: RawChunk, places: dict[str, int], catalog: Catalog, flat: FlatTable | None, day: date
) -> pd.DataFrame:
    columns: dict[str, object] = {}
    for name, place in places.items():
        cells = chunk.frame[place]
        placed = catalog.by_id.get(name)
        if placed is not None:
            columns[name] = _of_indicator(cells, placed.indicator, flat is not None and flat.decimal_comma)
        elif name == "as_of":
            columns[name] = _days(cells, flat)
        elif name == "nature":
            columns[name] = _natures(cells, flat)
        else:
            columns[name] = _ids(cells)
    n = len(chunk.rows)
    if "customer_id" not in columns:
        columns["customer_id"] = np.array([f"row {row}" for row in chunk.rows], dtype=object)
    if "nature" not in columns:
        columns["nature"] = np.full(n, str(catalog.natures[0]), dtype=object)
    if "as_of" not in columns:
        columns["as_of"] = np.full(n, day, dtype=object)
    return pd.DataFrame(columns)


def _of_indicator(cells: pd.Series, indicator: Indicator, decimal_comma: bool) -> pd.Series:
    """Return a column by the kind of its indicator; cells of another kind are left as they are."""
    cells = without_codes(cells, indicator)
    match indicator.kind:
        case Kind.NUMBER:
            values, wrong = reading.numbers(cells, decimal_comma=decimal_comma)
            return _with_wrong(values, wrong, cells)
        case Kind.FLAG:
            values, wrong = reading.flags(cells)
            objects = (values == 1.0).astype(object)
            objects[np.isnan(values)] = None
            objects[wrong] = cells.to_numpy(dtype=object)[wrong]
            return pd.Series(objects, dtype=object)
        case Kind.CATEGORY:
            return pd.Series(reading.texts(cells), dtype=object)


def _with_wrong(values: NDArray[np.float64], wrong: NDArray[np.bool_], cells: pd.Series) -> pd.Series:
    if not wrong.any():
        return pd.Series(values)
    objects = values.astype(object)
    objects[wrong] = cells.to_numpy(dtype=object)[wrong]
    return pd.Series(objects, dtype=object)


def _days(cells: pd.Series, flat: FlatTable | None) -> pd.Series:
    days, wrong = reading.dates(cells, flat.date_order if flat is not None else None)
    objects = np.array([None if np.isnat(day) else day.astype(date) for day in days], dtype=object)
    objects[wrong] = cells.to_numpy(dtype=object)[wrong]
    return pd.Series(objects, dtype=object)


def _natures(cells: pd.Series, flat: FlatTable | None) -> pd.Series:
    texts = reading.texts(cells)
    if flat is not None:
        texts = np.array([_nature(text) for text in texts], dtype=object)
    return pd.Series(texts, dtype=object)


def _nature(text: str | None) -> str | None:
    nature = nature_of_word(text) if text is not None and text not in set(Nature) else None
    return text if nature is None else str(nature)


def _ids(cells: pd.Series) -> pd.Series:
    """Return customer ids with whole numbers as their digits: spreadsheets make numbers of them.

    A number whose last digits are lost stays one, and is refused.
    """

    def text(cell: object, lost: bool) -> object:
        if isinstance(cell, float | np.floating) and float(cell).is_integer() and not lost:
            cell = int(cell)
        if isinstance(cell, int | np.integer) and not isinstance(cell, bool):
            return str(cell)
        return None if cell == "" else cell

    raw, lost = cells.to_numpy(dtype=object), reading.lost_digits(cells)
    return pd.Series([text(*pair) for pair in zip(raw, lost, strict=True)], dtype=object)
