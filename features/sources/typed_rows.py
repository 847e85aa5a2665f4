"""Rows as delivered become typed columns: cells read by what a column holds, and the days of each row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.sources.cells import dates, flags, lost_digits, numbers, texts
from features.sources.contract import Failure
from features.sources.keys import as_keys, compared
from features.sources.layout import FIRST_DAY, Days, Layout
from features.sources.record_table import Column, ColumnType

_NO_TEXTS = (list, dict, set, bytes, bytearray, memoryview, np.ndarray)

NO_NUMBER = "is no number"
NO_FLAG = "is neither yes nor no"
NO_DAY = "is no day that is beyond doubt; write YYYY-MM-DD, or say date_order in the catalog"
NO_LEVEL = "is none of the declared levels"
NO_TEXT = "is no text"
NO_KEY = "is a number too long for a spreadsheet, so its last digits are lost; deliver it as text"


@dataclass(frozen=True, eq=False)
class TypedRows:
    """n rows: for each declared column an array of shape (n,), and which cells could not be read.

    Numbers and flags are floats, NaN where missing; days are datetime64[D]; texts and keys objects. A cell
    that could not be read is missing.
    """

    values: dict[str, NDArray[Any]]
    failures: list[Failure]


def read_cells(
    frame: pd.DataFrame, layout: Layout, places: dict[str, int], *, decimal_comma: bool = False
) -> TypedRows:
    """Read the cells of a raw chunk; a column that no header stands for is empty."""
    values, failures = {}, []
    for id_, column in layout.columns.items():
        if id_ not in places:
            values[id_] = _empty(column, len(frame))
            continue
        cells, broken = _encodable(frame[places[id_]])
        cells = without_codes(cells, column)
        read, wrong = _read(cells, column, decimal_comma)
        if id_ in layout.readers:
            read, wrong = _meant(read, layout.readers[id_])
        elif id_ in layout.matched and column.type is ColumnType.TEXT:
            read = as_keys(read)
        values[id_] = read
        for bad, why in ((wrong & ~broken, _REASONS[column.type]), (broken, NO_TEXT)):
            if bad.any():
                failures.append(Failure(id_, why, np.flatnonzero(bad)))
    return TypedRows(values, failures)


def days_of(days: Days, values: dict[str, NDArray[Any]], rows: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the day that each row describes and the day on which it became known, each of shape (rows,).

    Without a column for the first it is the second; without either both are 1900-01-01: known ever since.
    """
    described: NDArray[Any] | None = values[days.effective] if days.effective is not None else None
    known: NDArray[Any]
    if days.fixed is not None:
        known = np.full(rows, np.datetime64(days.fixed, "D"))
    else:
        told = values[days.known_at] if days.known_at is not None else described
        if told is None:
            told = np.full(rows, np.datetime64(FIRST_DAY, "D"))
            return told, told
        known = told + np.timedelta64(days.known_after_days, "D")
    return (known if described is None else described), known


def _empty(column: Column, rows: int) -> NDArray[Any]:
    if column.type is ColumnType.DATE:
        return np.full(rows, np.datetime64("NaT", "D"))
    if column.type in (ColumnType.NUMBER, ColumnType.FLAG):
        return np.full(rows, np.nan)
    return np.full(rows, None, dtype=object)


def _encodable(cells: pd.Series) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Return cells without those that are no text, such as half characters and lists; and which they are."""
    broken = np.zeros(len(cells), dtype=np.bool_)
    if cells.dtype != object:
        return cells, broken
    raw = cells.to_numpy(dtype=object)
    kinds = set(map(type, raw))
    try:
        "".join(raw.tolist() if kinds == {str} else [cell for cell in raw if type(cell) is str]).encode()
        if not any(issubclass(kind, _NO_TEXTS) for kind in kinds):
            return cells, broken
    except UnicodeEncodeError:
        pass
    broken = np.fromiter((_is_broken(cell) for cell in raw), dtype=np.bool_, count=len(raw))
    kept = raw.copy()
    kept[broken] = None
    return pd.Series(kept, dtype=object), broken


def _is_broken(cell: object) -> bool:
    if isinstance(cell, str):
        return any("\ud800" <= character <= "\udfff" for character in cell)
    return isinstance(cell, _NO_TEXTS)


def without_codes(cells: pd.Series, column: Column) -> pd.Series:
    """Return cells without the codes that a column declares to stand for no value."""
    if not column.missing:
        return cells
    codes = {compared(code) for code in column.missing}
    coded = [text is not None and compared(text) in codes for text in texts(cells)]
    return cells.astype(object).mask(np.array(coded, dtype=np.bool_), None)


def _read(cells: pd.Series, column: Column, decimal_comma: bool) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    match column.type:
        case ColumnType.NUMBER:
            return numbers(cells, column.scale, decimal_comma=decimal_comma)
        case ColumnType.FLAG:
            return flags(cells)
        case ColumnType.DATE:
            return dates(cells, column.date_order)
        case ColumnType.KEY:
            keys, lost = as_keys(texts(cells)), lost_digits(cells)
            keys[lost] = None
            return keys, lost
        case ColumnType.TEXT:
            return texts(cells), np.zeros(len(cells), dtype=np.bool_)


def _meant(
    written: NDArray[np.object_], reader: Callable[[str], str | None]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the levels that texts mean, and which texts mean none."""
    codes, distinct = pd.factorize(pd.Series(written, dtype=object), use_na_sentinel=True)
    levels = np.array([*(reader(text) for text in distinct), None], dtype=object)
    meant = levels[codes]
    return meant, np.array([level is None for level in meant], dtype=np.bool_) & (codes >= 0)


_REASONS = {
    ColumnType.NUMBER: NO_NUMBER,
    ColumnType.FLAG: NO_FLAG,
    ColumnType.DATE: NO_DAY,
    ColumnType.KEY: NO_KEY,
    ColumnType.TEXT: NO_LEVEL,
}
