"""What the columns of a flat table are, judged by cells and names: ids, days, numbers, flags, categories."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.drafting import personal, wording
from features.drafting.decimals import has_decimal_comma
from features.sources import cells as reading
from features.sources.natures import nature_of_word
from features.sources.opening import TableError, open_raw
from features.sources.record_table import DateOrder

# More rows than these are thinned to a half at random, as often as need be: kinds do not need them.
MOST_ROWS = 400_000
# A column is of a kind if so many of its cells are; the words among its numbers are then codes, unless they
# are so many or of so few customers that they may be what somebody has written of one of them.
_MOSTLY = 0.95
_MOST_CODE_WORDS, _FEWEST_OF_CODE_WORD = 20, 3
_MOST_LEVELS = 50
# A level is declared if so many customers have it, in number and as a share.
_FEWEST_OF_LEVEL, _SMALLEST_LEVEL = 3, 0.0005
# A text whose commonest levels cover less of the customers than this names single customers.
_COVERED = 0.5
_NEARLY_ALL_DIFFERENT = 0.95
_SEED = 20260101

Floats = NDArray[np.float64]


class Role(StrEnum):
    """What a column is for."""

    CUSTOMER_ID = "customer_id"
    AS_OF = "as_of"
    NATURE = "nature"
    OUTCOME = "outcome"
    NUMBER = "number"
    FLAG = "flag"
    CATEGORY = "category"
    LEFT_OUT = "left out"


@dataclass(frozen=True, eq=False)
class ColumnProfile:
    """One column: its header and place, what it is, and its n cells as that (none of what is left out).

    `values` are numbers, or 0 and 1 of a flag (NaN where missing); `words` the texts of a category (None
    where missing). `missing` are codes that stand for nothing. `remark` says why it is left out, or
    what was odd.
    """

    header: str
    place: int
    role: Role
    values: Floats | None = None
    words: NDArray[np.object_] | None = None
    days: NDArray[np.datetime64] | None = None
    date_order: DateOrder | None = None
    missing: tuple[float | str, ...] = ()
    levels: tuple[str, ...] = ()
    remark: str | None = None


@dataclass(frozen=True, eq=False)
class FlatProfile:
    """A flat table's columns, of which `rows` were looked at.

    `misshapen` rows have more or fewer cells than the header; with `decimal_comma` 1,5 is one and a half.
    """

    columns: tuple[ColumnProfile, ...]
    rows: int
    misshapen: int
    decimal_comma: bool
    outcome_words: NDArray[np.object_] | None = field(repr=False)

    def of_role(self, role: Role) -> ColumnProfile | None:
        """Return the column of a role that only one can have."""
        return next((column for column in self.columns if column.role is role), None)

    @property
    def indicators(self) -> tuple[ColumnProfile, ...]:
        """The columns that can be indicators."""
        kinds = (Role.NUMBER, Role.FLAG, Role.CATEGORY)
        return tuple(column for column in self.columns if column.role in kinds)


def profile(
    path: Path,
    outcome: str | None,
    *,
    customer_id: str | None = None,
    as_of: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> FlatProfile:
    """Look at a flat table.

    Args:
        path: a file as `features.sources.opening.open_raw` takes it.
        outcome: the header of the outcome, if there is one.
        customer_id, as_of: headers of the customers' ids and of the day of evaluation; guessed by default.

    Raises:
        TableError: the table cannot be read, has no column of a given header, or two.
    """
    header, frame, misshapen = _read(path, encoding, delimiter)
    for name in (outcome, customer_id, as_of):
        if name is not None and name not in header:
            raise TableError(f"{path}: there is no column {name}; it has {_listed(header)}")
        if name is not None and header.count(name) > 1:
            raise TableError(f"{path}: column {name} stands there twice; which one counts is not known")
    comma = has_decimal_comma(frame)
    ids = _id_column(header, frame, outcome, comma) if customer_id is None else header.index(customer_id)
    profiles = []
    for place, name in enumerate(header):
        cells = frame[place]
        if not name:
            profiles.append(_left_out(name, place, "has no header"))
        elif header.count(name) > 1:
            profiles.append(_left_out(name, place, "its header stands there twice; rename one of them"))
        elif name == outcome:
            profiles.append(ColumnProfile(name, place, Role.OUTCOME))
        elif place == ids:
            profiles.append(ColumnProfile(name, place, Role.CUSTOMER_ID))
        else:
            profiles.append(_profiled(name, place, cells, comma, is_day=name == as_of))
    if as_of is None:
        profiles = _with_one_day(profiles)
    words = None
    if outcome is not None:
        words = reading.texts(frame[header.index(outcome)])
    return FlatProfile(tuple(profiles), len(frame), misshapen, comma, words)


def _read(
    path: Path, encoding: str | None, delimiter: str | None
) -> tuple[tuple[str, ...], pd.DataFrame, int]:
    """Return a table's header, its rows or a sample of them, and how many rows have another length."""
    random = np.random.default_rng(_SEED)
    with open_raw(path, encoding=encoding, delimiter=delimiter) as table:
        kept: list[pd.DataFrame] = []
        rows, share, misshapen = 0, 1.0, 0
        for chunk in table.chunks:
            frame = chunk.frame if share == 1.0 else chunk.frame[random.random(len(chunk.frame)) < share]
            kept.append(frame)
            rows += len(frame)
            misshapen += len(chunk.misshapen)
            while rows > MOST_ROWS:
                share /= 2
                kept = [part[random.random(len(part)) < 0.5] for part in kept]
                rows = sum(len(part) for part in kept)
        header = table.header
    if not kept or not rows:
        raise TableError(f"{path}: has no rows")
    return header, pd.concat(kept, ignore_index=True), misshapen


def _listed(header: tuple[str, ...]) -> str:
    named = [name for name in header if name]
    return ", ".join(named[:20]) + (", …" if len(named) > 20 else "")


def _id_column(
    header: tuple[str, ...], frame: pd.DataFrame, outcome: str | None, decimal_comma: bool
) -> int | None:
    """Return the place of the customers' ids: one that is called so, else a column of row numbers."""
    best: tuple[int, int] | None = None
    for place, name in enumerate(header):
        if not name or name == outcome or header.count(name) > 1:
            continue
        rank = 0 if personal.numbers_a_handler(name) else wording.id_rank(name)
        cells = frame[place]
        if not rank or (best is not None and rank <= best[0]) or _are_telephones(name, cells):
            continue
        if _could_be_ids(cells, decimal_comma, sure=rank == 2):
            best = rank, place
    if best is not None:
        return best[1]
    named = (place for place, name in enumerate(header) if name and header.count(name) == 1)
    return next((place for place in named if _counts_rows(*reading.numbers(frame[place]))), None)


def _could_be_ids(cells: pd.Series, decimal_comma: bool, *, sure: bool) -> bool:
    texts = reading.texts(cells)
    known = texts[texts != np.array(None)]
    if len(known) < 0.99 * len(texts) or not len(known):
        return False
    values, wrong = reading.numbers(cells, decimal_comma=decimal_comma)
    if not wrong.any() and np.any(values != np.floor(values)):
        return False
    different = len(pd.unique(known)) / len(known)
    return bool(different >= (0.02 if sure else _NEARLY_ALL_DIFFERENT))


def _counts_rows(values: Floats, wrong: NDArray[np.bool_]) -> bool:
    """Whether cells, as read, are the numbers of the rows."""
    if wrong.any() or np.isnan(values).any() or len(values) < 3:
        return False
    return bool(np.all(np.diff(values) == 1) and values[0] in (0, 1))


def _left_out(header: str, place: int, why: str) -> ColumnProfile:
    return ColumnProfile(header, place, Role.LEFT_OUT, remark=why)


def _profiled(
    header: str, place: int, cells: pd.Series, decimal_comma: bool, *, is_day: bool
) -> ColumnProfile:
    texts = reading.texts(cells)
    known = texts != np.array(None)
    count = int(known.sum())
    if not count:
        return _left_out(header, place, "is empty")
    if is_day or wording.sounds_like_a_day(header) or pd.api.types.is_datetime64_any_dtype(cells.dtype):
        found = _as_days(header, place, cells, sure=is_day)
        if found is not None:
            return found
    if len(pd.unique(texts[known])) == 1 and count == len(texts):
        return _left_out(header, place, "has the same value for every customer")
    values, wrong = reading.numbers(cells, decimal_comma=decimal_comma)
    if _counts_rows(values, wrong):
        return _left_out(header, place, "counts the rows")
    if _are_telephones(header, cells):
        return _left_out(header, place, "is a telephone number")
    if personal.numbers_a_handler(header):
        return _left_out(header, place, "is the number of whoever handles the customer, by its name")
    if _are_record_numbers(header, values, texts, wrong):
        return _left_out(header, place, "numbers records: nearly all differ, and it is called so")
    natures = [nature_of_word(word) for word in pd.unique(texts[known])]
    if len(natures) > 1 and all(natures):
        return ColumnProfile(header, place, Role.NATURE, words=texts)
    flags, not_flags = reading.flags(cells)
    if not not_flags.any() and not np.isnan(flags).all():
        return _as_flag(header, place, flags)
    there = known & ~np.isnan(values)
    if there.sum() >= _MOSTLY * count and not (wording.sounds_like_a_code(header) and _few(values[there])):
        return _as_number(header, place, values, texts, wrong)
    if not wrong.any() and not wording.sounds_like_a_code(header):
        return _as_number(header, place, values, texts, wrong)
    found = _as_days(header, place, cells, sure=False)
    return found if found is not None else _as_category(header, place, texts)


def _are_telephones(header: str, cells: pd.Series) -> bool:
    if not personal.sounds_like_a_telephone(header) or _as_days(header, 0, cells, sure=False) is not None:
        return False
    texts = [text for text in reading.texts(cells) if text is not None]
    return personal.are_telephone_numbers(header, texts, _MOSTLY)


def _are_record_numbers(
    header: str, values: Floats, texts: NDArray[np.object_], wrong: NDArray[np.bool_]
) -> bool:
    """Whether whole numbers, as read, nearly all differ under a name like 合約編號 or Contract No."""
    known = texts[~np.isnan(values)]
    if wrong.any() or not len(known) or np.any(np.nan_to_num(values) % 1 != 0):
        return False
    if len(pd.unique(known)) < _NEARLY_ALL_DIFFERENT * len(known):
        return False
    lengths = Counter(len(text) for text in known)
    return personal.numbers_records(header, equally_long=max(lengths.values()) >= _MOSTLY * len(known))


def _few(values: Floats) -> bool:
    return len(np.unique(values)) <= _MOST_LEVELS and bool(np.all(values == np.floor(values)))


def _as_flag(header: str, place: int, values: Floats) -> ColumnProfile:
    if len(np.unique(values[~np.isnan(values)])) == 1 and not np.isnan(values).any():
        return _left_out(header, place, "has the same value for every customer")
    return ColumnProfile(header, place, Role.FLAG, values=values)


def _as_number(
    header: str, place: int, values: Floats, texts: NDArray[np.object_], wrong: NDArray[np.bool_]
) -> ColumnProfile:
    counts = Counter(str(text) for text in texts[wrong])
    words = sorted(word for word, count in counts.items() if count >= _FEWEST_OF_CODE_WORD)
    if len(words) > _MOST_CODE_WORDS:
        words = []
    remark = None
    if len(words) < len(counts):
        remark = "has cells that are no numbers; their rows will be rejected"
    codes = missing_codes(values)
    cleaned = np.where(np.isin(values, codes), np.nan, values)
    if len(np.unique(cleaned[~np.isnan(cleaned)])) < 2:
        if not np.isnan(cleaned).any():
            return _left_out(header, place, "has the same value for every customer")
        codes, cleaned = (), values
    if not np.isnan(cleaned).all() and len(np.unique(values[~np.isnan(values)])) >= 1:
        return ColumnProfile(
            header, place, Role.NUMBER, values=cleaned, missing=(*codes, *words), remark=remark
        )
    return _left_out(header, place, "has no number")


def _as_days(header: str, place: int, cells: pd.Series, *, sure: bool) -> ColumnProfile | None:
    numeric, no_number = reading.numbers(cells)
    plain_numbers = not no_number.any() and not pd.api.types.is_datetime64_any_dtype(cells.dtype)
    if plain_numbers and not sure and not _years_or_days(numeric):
        return None
    best: tuple[float, ColumnProfile] | None = None
    for order in (None, DateOrder.DAY_FIRST, DateOrder.MONTH_FIRST):
        days, wrong = reading.dates(cells, order)
        known = ~np.isnan(days) | wrong
        share = 1.0 - wrong.sum() / max(1, known.sum())
        if best is None or share > best[0] + 1e-9:
            best = share, ColumnProfile(header, place, Role.AS_OF, days=days, date_order=order)
    if best is None or best[0] < (0.5 if sure else _MOSTLY):
        return None
    return best[1]


def _years_or_days(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    if not len(known) or np.any(known != np.floor(known)):
        return False
    years = np.all((known >= 1950) & (known <= 2100))
    days = np.all((known >= 19000101) & (known <= 21001231))
    return bool(years or days)


def _as_category(header: str, place: int, texts: NDArray[np.object_]) -> ColumnProfile:
    counts = Counter(text for text in texts if text is not None)
    fewest = max(_FEWEST_OF_LEVEL, _SMALLEST_LEVEL * len(texts))
    levels = [
        level
        for level, count in counts.most_common(_MOST_LEVELS)
        if (count >= fewest or len(counts) == 2) and len(level) <= 100 and level.isprintable()
    ]
    if sum(counts[level] for level in levels) < _COVERED * sum(counts.values()):
        return _left_out(header, place, "names nearly every customer apart, as free text does")
    remark = None
    if len(levels) < len(counts):
        remark = f"has {len(counts):,} levels, of which the {len(levels)} commonest stand here"
    return ColumnProfile(
        header, place, Role.CATEGORY, words=texts, levels=tuple(sorted(levels)), remark=remark
    )


def _with_one_day(profiles: list[ColumnProfile]) -> list[ColumnProfile]:
    """Keep the column most likely to be the day of evaluation; leave other days out."""
    days = [column for column in profiles if column.role is Role.AS_OF]
    ranked = sorted(days, key=lambda column: (-wording.day_rank(column.header), column.place))
    chosen = ranked[0] if ranked and wording.day_rank(ranked[0].header) >= 0 else None
    return [
        column
        if column.role is not Role.AS_OF or column is chosen
        else _left_out(column.header, column.place, "is a day, and not the day of evaluation")
        for column in profiles
    ]


def missing_codes(values: Floats) -> tuple[float, ...]:
    """Return the numbers that are codes for a missing value: −9, 98, 999 and the like, apart from the rest.

    Negative ones where nothing else is negative; repeated nines and the like (with 96 to 98 where 99 or 98 is
    one) that lie beyond twice the largest other value. Either occur more than once.
    """
    known = values[~np.isnan(values)]
    if not len(known) or np.any(known != np.floor(known)):
        return _codes_among_fractions(known)
    distinct, counts = np.unique(known, return_counts=True)
    codes: list[float] = []
    negative = distinct[distinct < 0]
    if counts[distinct < 0].sum() > 1 and set(negative) <= {
        -1.0,
        -7.0,
        -8.0,
        -9.0,
        -99.0,
        -999.0,
        -9999.0,
        -99999.0,
    }:
        rest = distinct[distinct >= 0]
        # −1 beside a few small numbers can be a grade of its own.
        if len(rest) > 1 and (set(negative) - {-1.0} or len(rest) > 10):
            codes += negative.tolist()
    for family in (
        (99999999, 9999999, 999999, 99999),
        (9999, 9998, 9997, 8888),
        (999, 998, 997, 888),
        (99, 98, 97, 96),
    ):
        present = [code for code in family if code in distinct]
        rest = distinct[(distinct >= 0) & ~np.isin(distinct, [*family, *codes])]
        often = sum(int(counts[np.searchsorted(distinct, code)]) for code in present)
        if present and len(rest) > 1 and often > 1 and min(present) > 2 * float(rest.max()):
            codes += [float(code) for code in present]
    return tuple(sorted(codes))


def _codes_among_fractions(known: Floats) -> tuple[float, ...]:
    """Return −9, −99, −999 and the like where all other numbers, fractions among them, are not negative."""
    if not len(known):
        return ()
    distinct, counts = np.unique(known, return_counts=True)
    negative = distinct < 0
    likely = np.isin(distinct, [-9.0, -99.0, -999.0, -9999.0, -99999.0])
    if negative.any() and np.array_equal(negative, negative & likely) and counts[negative].min() > 1:
        return tuple(float(code) for code in distinct[negative])
    last = float(distinct[-1])
    apart = len(distinct) > 2 and counts[-1] > 1 and last > 2 * distinct[-2]
    return (last,) if apart and last in (999.0, 9999.0, 99999.0, 999999.0) else ()
