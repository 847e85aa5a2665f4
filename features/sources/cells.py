"""What people write into cells: numbers, dates, flags and texts, and what they write for nothing."""

import calendar
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.sources.record_table import CellScale, DateOrder

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Days = NDArray[np.datetime64]

# Written where nothing is known, in any column; and where only a number, a day or a flag can stand.
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "?", "n.a."})
MISSING_BUT_IN_TEXT = MISSING | {
    "none", "-", "--", "---", "—", "——", ".", "/", "\\", "unknown", "missing", "not available", "nil",
    "無", "无", "暫無", "暂无", "不詳", "不详", "未知", "缺失", "#value!", "#div/0!", "#ref!", "#num!",
}  # fmt: skip

_PLAIN_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_PLAIN_DAY = r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}$"
_GROUPED = re.compile(r"[0-9]{1,3}([,' ][0-9]{3})+(\.[0-9]*)?")
_PLAIN_INTEGER = r"^[+-]?[0-9]+$"
_DECIMAL_COMMA = re.compile(
    r"(([1-9][0-9]{0,2}([. '][0-9]{3})+|[0-9]+)(,[0-9]*)?|,[0-9]+)([eE][+-]?[0-9]{1,3})?"
)
_CURRENCY = re.compile(
    r"NT\$|US\$|HK\$|A\$|\$|€|£|¥|RMB|CNY|USD|TWD|NTD|HKD|EUR|GBP|JPY|新[臺台][幣币]|人民[幣币]|美元|[元圓圆]整?",
    re.I,
)
_UNITS = {"%": "0.01", "‰": "0.001", "千": "1e3", "萬": "1e4", "万": "1e4", "百萬": "1e6", "百万": "1e6",
          "千萬": "1e7", "千万": "1e7", "億": "1e8", "亿": "1e8"}  # fmt: skip
_WITH_UNIT = re.compile(f"(.*?)({'|'.join(sorted(_UNITS, key=len, reverse=True))})")

_TRUE = frozenset({"true", "t", "yes", "y", "1", "on", "是", "有", "真", "对", "對", "✓", "√"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "off", "否", "無", "无", "沒有", "没有", "假", "×"})

_YEAR_FIRST = re.compile(r"([0-9]{4})[-/.年 ]\s*([0-9]{1,2})[-/.月 ]\s*([0-9]{1,2})日?(?:[T ].*)?")
_EIGHT_DIGITS = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})(?:\.0+)?")
_MONTH_ALONE = re.compile(r"([0-9]{4})[-/.年]\s*([0-9]{1,2})月?")
_ROC = re.compile(r"(?:民國|民国|中華民國)?\s*([0-9]{2,3})[-/.年]\s*([0-9]{1,2})[-/.月]\s*([0-9]{1,2})日?")
_YEAR_LAST = re.compile(r"([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4}|[0-9]{2})(?:[T ].*)?")
_NAMED_MONTH = re.compile(
    r"([0-9]{1,2})(?:st|nd|rd|th)?[- ./]*([a-z]{3,9})\.?,?[- ./]*'?([0-9]{4}|[0-9]{2})(?:[T ].*)?", re.I
)
_MONTH_NAMED_FIRST = re.compile(
    r"([a-z]{3,9})\.?[- ]*([0-9]{1,2})(?:st|nd|rd|th)?,?[- ]+([0-9]{4})(?:[T ].*)?", re.I
)
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
# From here on a float need not be the integer that was written.
_LAST_EXACT = float(2**53)
# Two digits of a year from here on are of the last century.
_PIVOT = 69
_ROC_FIRST_YEAR = 1911


def is_missing(cell: object, *, text: bool = False) -> bool:
    """Whether a cell says nothing; in a `text` words such as none or unknown say something."""
    if cell is None or cell is pd.NaT or cell is pd.NA:
        return True
    if isinstance(cell, float | np.floating):
        return bool(np.isnan(cell))
    return isinstance(cell, str) and cell.strip().casefold() in (MISSING if text else MISSING_BUT_IN_TEXT)


def numbers(
    cells: pd.Series, scale: CellScale = CellScale.ONE, *, decimal_comma: bool = False
) -> tuple[Floats, Bools]:
    """Return cells as numbers, shape (n,), NaN where missing; and which are no number (NaN there too).

    Thousands separators, currency signs, full-width digits and brackets for minus are understood. Cells are
    multiplied by `scale`, except those with a unit of their own (%, 萬, 億), which are taken as written. With
    `decimal_comma` texts are meant as the continent writes them: 1.234,5 and 1.234 are more than a thousand,
    and 12.5 is no number. Infinity is none either.
    """
    if pd.api.types.is_bool_dtype(cells.dtype):
        return np.full(len(cells), np.nan), np.ones(len(cells), dtype=np.bool_)
    if pd.api.types.is_numeric_dtype(cells.dtype):
        with np.errstate(over="ignore"):  # what overflows is no number
            plain = cells.to_numpy(dtype=np.float64, na_value=np.nan) * scale.factor
        wrong = np.isinf(plain)
        return np.where(wrong, np.nan, plain + 0.0), wrong
    raw = cells.to_numpy(dtype=object)
    result, left = _plain_numbers(raw, _PLAIN_INTEGER if decimal_comma else _PLAIN_NUMBER)
    with np.errstate(over="ignore"):
        result *= scale.factor
    wrong = np.zeros(len(raw), dtype=np.bool_)

    def one(cell: object) -> float | None:
        return _number(cell, scale, decimal_comma)

    _each_distinct(raw, left, one, result, wrong)
    wrong |= np.isinf(result)
    return np.where(wrong, np.nan, result + 0.0), wrong


def dates(cells: pd.Series, order: DateOrder | None = None) -> tuple[Days, Bools]:
    """Return cells as days, shape (n,) of datetime64[D], NaT where missing; and which are no day.

    2024-01-31, 2024/1/31, 20240131, 2024年1月31日, 31 Jan 2024, 民國113年1月31日 and 113/1/31; a month alone
    is its last day; times of day are dropped. 03/04/2024 needs an `order`, and is no day without one.
    """
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        local = cells.dt.tz_localize(None) if getattr(cells.dt, "tz", None) is not None else cells
        days = local.to_numpy().astype("datetime64[D]")
        return days, np.zeros(len(days), dtype=np.bool_)
    raw = cells.to_numpy(dtype=object)
    result = np.full(len(raw), np.datetime64("NaT", "D"), dtype="datetime64[D]")
    wrong = np.zeros(len(raw), dtype=np.bool_)
    left = np.ones(len(raw), dtype=np.bool_)
    texts_there = np.fromiter((isinstance(cell, str) for cell in raw), dtype=np.bool_, count=len(raw))
    if texts_there.any():
        array = pa.array(raw[texts_there], type=pa.string())
        iso = pc.match_substring_regex(array, _PLAIN_DAY).to_numpy(zero_copy_only=False)
        places = np.flatnonzero(texts_there)[iso]
        parsed = pd.to_datetime(pd.Series(raw[places]), format="%Y-%m-%d", errors="coerce")
        found = parsed.to_numpy().astype("datetime64[D]")
        result[places] = found
        left[places] = np.isnat(found)

    def one(cell: object) -> np.datetime64 | None:
        day = _day(cell, order)
        return None if day is None else np.datetime64(day, "D")

    _each_distinct(raw, left, one, result, wrong)
    return result, wrong


def flags(cells: pd.Series) -> tuple[Floats, Bools]:
    """Return cells as 1 (yes), 0 (no) or NaN (missing), shape (n,); and which are neither."""
    raw = cells.to_numpy(dtype=object)
    result = np.full(len(raw), np.nan)
    wrong = np.zeros(len(raw), dtype=np.bool_)
    _each_distinct(raw, np.ones(len(raw), dtype=np.bool_), _flag, result, wrong)
    return result, wrong


def texts(cells: pd.Series) -> NDArray[np.object_]:
    """Return cells as stripped texts, shape (n,), None where missing; whole numbers as their digits."""
    raw = cells.to_numpy(dtype=object)
    result = np.full(len(raw), None, dtype=object)
    codes, distinct = pd.factorize(pd.Series(raw, dtype=object), use_na_sentinel=True)
    written = np.array([text_of(cell) for cell in distinct] + [None], dtype=object)
    result[:] = written[codes]
    return result


def lost_digits(cells: pd.Series) -> Bools:
    """Return which cells are floats too large for their last digits to be right, shape (n,): no ids."""
    if pd.api.types.is_integer_dtype(cells.dtype):
        return np.zeros(len(cells), dtype=np.bool_)
    raw = cells.to_numpy(dtype=object)
    large = (isinstance(cell, float | np.floating) and abs(float(cell)) >= _LAST_EXACT for cell in raw)
    return np.fromiter(large, dtype=np.bool_, count=len(raw))


def text_of(cell: Any) -> str | None:
    """Return one cell as a stripped text, None where it is missing."""
    if is_missing(cell, text=True):
        return None
    if isinstance(cell, bool | np.bool_):
        return "true" if cell else "false"
    if isinstance(cell, float | np.floating) and float(cell).is_integer() and abs(float(cell)) < _LAST_EXACT:
        cell = int(cell)
    if isinstance(cell, datetime | np.datetime64):
        stamp = pd.Timestamp(cell)
        return stamp.date().isoformat() if stamp == stamp.normalize() else stamp.isoformat(sep=" ")
    return str(cell).strip() or None


def _plain_numbers(raw: NDArray[np.object_], pattern: str) -> tuple[Floats, Bools]:
    """Return what is a number as it stands, by a pattern, and which cells are left to look at."""
    result = np.full(len(raw), np.nan)
    kinds = np.fromiter((type(cell) is str for cell in raw), dtype=np.bool_, count=len(raw))
    left = np.ones(len(raw), dtype=np.bool_)
    if kinds.any():
        array = pc.utf8_trim_whitespace(pa.array(raw[kinds], type=pa.string()))
        plain = pc.match_substring_regex(array, pattern).to_numpy(zero_copy_only=False)
        places = np.flatnonzero(kinds)[plain]
        # Arrow refuses a leading plus.
        digits = pc.utf8_ltrim(array.filter(pa.array(plain)), characters="+")
        result[places] = pc.cast(digits, pa.float64()).to_numpy(zero_copy_only=False)
        left[places] = False
    return result, left


def _each_distinct(
    raw: NDArray[np.object_],
    left: Bools,
    one: Callable[[object], Any],
    result: NDArray[Any],
    wrong: Bools,
) -> None:
    """Fill in what is left, reading each distinct cell once; what `one` makes None is wrong."""
    places = np.flatnonzero(left)
    if not len(places):
        return
    # True and 1 are equal, and so are told apart by their type.
    keys = [(type(cell), cell) for cell in raw[places]]
    known: dict[tuple[type, object], tuple[Any, bool]] = {}
    for place, key in zip(places, keys, strict=True):
        try:
            found = known.get(key)
        except TypeError:  # a cell that cannot be hashed, such as a list of Parquet
            wrong[place] = True
            continue
        if found is None:
            missing = is_missing(key[1])
            value = None if missing else one(key[1])
            found = known[key] = (value, not missing and value is None)
        value, bad = found
        if value is not None:
            result[place] = value
        wrong[place] = bad


def _number(cell: object, scale: CellScale, decimal_comma: bool) -> float | None:
    if isinstance(cell, bool | np.bool_ | datetime | date):
        return None
    if isinstance(cell, int | float | np.integer | np.floating | Decimal):
        try:
            return float(cell) * scale.factor
        except OverflowError:
            return None
    if not isinstance(cell, str):
        return None
    text = unicodedata.normalize("NFKC", cell).strip().replace("−", "-").replace("\u00a0", " ")
    text = _CURRENCY.sub("", text).strip()
    signed = re.fullmatch(r"-(.*)|(.*)-|\((.*)\)", text)
    if signed is not None:
        text = next(part for part in signed.groups() if part is not None).strip()
    text = _CURRENCY.sub("", text.removeprefix("+")).strip()
    factor = Decimal(1)
    unit = _WITH_UNIT.fullmatch(text)
    if unit is not None:
        text, factor = unit[1].strip(), Decimal(_UNITS[unit[2]])
    if decimal_comma:
        if _DECIMAL_COMMA.fullmatch(text) is None:
            return None
        text = re.sub("[.' ]", "", text).replace(",", ".")
    elif _GROUPED.fullmatch(text):
        text = re.sub("[,' ]", "", text)
    if re.fullmatch(_PLAIN_NUMBER, text) is None or text.startswith(("+", "-")):
        return None
    try:
        # A unit of its own is part of the number as written; a column's scale multiplies what was read.
        value = float(Decimal(text) * factor) * (1.0 if unit is not None else scale.factor)
    except (InvalidOperation, OverflowError):
        return None
    return value if signed is None else -value


def _flag(cell: object) -> float | None:
    if isinstance(cell, bool | np.bool_):
        return 1.0 if cell else 0.0
    if isinstance(cell, int | float | np.integer | np.floating):
        return float(cell) if cell in (0, 1) else None
    if not isinstance(cell, str):
        return None
    word = unicodedata.normalize("NFKC", cell).strip().casefold()
    word = word.removesuffix(".0")
    return 1.0 if word in _TRUE else 0.0 if word in _FALSE else None


def _day(cell: object, order: DateOrder | None) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, np.datetime64):
        return pd.Timestamp(cell).date()
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        cell = int(cell)
    if isinstance(cell, int | np.integer) and not isinstance(cell, bool):
        cell = str(cell)
    if not isinstance(cell, str):
        return None
    text = unicodedata.normalize("NFKC", cell).strip()
    for pattern in (_YEAR_FIRST, _EIGHT_DIGITS):
        if found := pattern.fullmatch(text):
            return _checked(int(found[1]), int(found[2]), int(found[3]))
    if found := _MONTH_ALONE.fullmatch(text):
        year, month = int(found[1]), int(found[2])
        return _checked(year, month, calendar.monthrange(year, month)[1]) if 1 <= month <= 12 else None
    if (found := _ROC.fullmatch(text)) and (len(found[1]) == 3 or "民" in text):
        return _checked(int(found[1]) + _ROC_FIRST_YEAR, int(found[2]), int(found[3]))
    if found := _YEAR_LAST.fullmatch(text):
        return _ordered(int(found[1]), int(found[2]), _year(found[3]), order)
    if found := _NAMED_MONTH.fullmatch(text):
        return _named(found[2], int(found[1]), _year(found[3]))
    if found := _MONTH_NAMED_FIRST.fullmatch(text):
        return _named(found[1], int(found[2]), int(found[3]))
    return None


def _ordered(first: int, second: int, year: int, order: DateOrder | None) -> date | None:
    if order is DateOrder.DAY_FIRST or (order is None and first > 12):
        return _checked(year, second, first)
    if order is DateOrder.MONTH_FIRST or (order is None and second > 12) or first == second:
        return _checked(year, first, second)
    return None


def _named(month: str, day: int, year: int) -> date | None:
    matching = [number for name, number in _MONTHS.items() if name.startswith(month.lower())]
    return _checked(year, matching[0], day) if len(matching) == 1 else None


def _year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= _PIVOT else 2000)


def _checked(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
