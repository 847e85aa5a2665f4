"""Exact, vectorised as-of questions: how many events of a key fell in a window of days, and when."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_MISSING_KEY = -1
# The earliest and latest day that may be asked for or recorded, counted from 1970-01-01.
FIRST_DAY, LAST_DAY = -1_000_000, 1_000_000
_SPAN = LAST_DAY - FIRST_DAY + 3


class Events:
    """Dated events of keyed things, indexed once and asked often.

    Everything is integer arithmetic on sorted codes `key × span + day`: an answer for one key and
    window depends, to the last bit, on the events of that key in that window alone.
    """

    def __init__(self, keys: ArrayLike, days: ArrayLike, amounts: ArrayLike | None = None) -> None:
        """Index events.

        Args:
            keys: shape (n,), integers from 0; an event of key −1 belongs to nothing and is left out.
            days: shape (n,), integers, days since 1970-01-01.
            amounts: shape (n,), whole amounts to sum, or None where events are only counted.

        Raises:
            ValueError: shapes differ, a key lies below −1, or a day lies outside FIRST_DAY..LAST_DAY.
        """
        keys, days = _integers(keys, "keys"), _integers(days, "days")
        weights = np.ones(len(keys), np.int64) if amounts is None else _integers(amounts, "amounts")
        if not keys.shape == days.shape == weights.shape:
            raise ValueError("keys, days and amounts must have the same length")
        if len(days) and not (days.min() >= FIRST_DAY and days.max() <= LAST_DAY):
            raise ValueError(f"days must lie between {FIRST_DAY} and {LAST_DAY}")
        if len(keys) and not _MISSING_KEY <= keys.min() <= keys.max() < np.iinfo(np.int64).max // _SPAN:
            raise ValueError("keys must be -1 (missing) or small integers from 0")
        kept = keys != _MISSING_KEY
        codes = _code(keys[kept], days[kept])
        order = np.argsort(codes, kind="stable")
        self._codes: Integers = codes[order]
        self._sums: Integers = np.concatenate([[0], np.cumsum(weights[kept][order])])

    def count(self, keys: ArrayLike, after: ArrayLike, until: ArrayLike) -> Integers:
        """Count the events of each key with `after < day <= until`; shape (m,). A missing key has none."""
        first, last = self._between(keys, after, until)
        return last - first

    def total(self, keys: ArrayLike, after: ArrayLike, until: ArrayLike) -> Integers:
        """Sum the amounts of the events of each key with `after < day <= until`; shape (m,)."""
        first, last = self._between(keys, after, until)
        result: Integers = self._sums[last] - self._sums[first]
        return result

    def first(self, keys: ArrayLike, until: ArrayLike) -> Floats:
        """Return the day of each key's first event, NaN where it has none until then; shape (m,)."""
        first, last = self._between(keys, FIRST_DAY - 1, until)
        return self._day_at(first, last > first)

    def latest(self, keys: ArrayLike, until: ArrayLike) -> Floats:
        """Return the day of each key's latest event until then, NaN where it has none; shape (m,)."""
        first, last = self._between(keys, FIRST_DAY - 1, until)
        return self._day_at(last - 1, last > first)

    def _between(self, keys: ArrayLike, after: ArrayLike, until: ArrayLike) -> tuple[Integers, Integers]:
        """Return the bounds of each key's events in the window; equal where there are none."""
        k, lo, hi = np.broadcast_arrays(*(np.asarray(a, np.int64) for a in (keys, after, until)))
        lo, hi = (np.clip(bound, FIRST_DAY - 1, LAST_DAY) for bound in (lo, hi))
        first = np.searchsorted(self._codes, _code(k, lo), side="right")
        last = np.searchsorted(self._codes, _code(k, hi), side="right")
        return first, np.maximum(first, last)

    def _day_at(self, places: Integers, there: NDArray[np.bool_]) -> Floats:
        days = np.full(len(places), np.nan)
        days[there] = self._codes[places[there]] % _SPAN + (FIRST_DAY - 1)
        return days


def trailing_median(
    days: ArrayLike, values: ArrayLike, as_of: ArrayLike, length: int, at_least: int
) -> Floats:
    """Return for each as-of day the median of the values dated in the `length` days before it.

    The day itself is left out. Shape (m,); NaN where fewer than `at_least` values fall in the window.
    """
    days, asked = _integers(days, "days"), _integers(as_of, "as_of")
    order = np.argsort(days, kind="stable")
    days, sorted_values = days[order], np.asarray(values, np.float64)[order]
    distinct, place = np.unique(asked, return_inverse=True)
    medians = np.full(len(distinct), np.nan)
    lows = np.searchsorted(days, distinct - length, side="left")
    highs = np.searchsorted(days, distinct, side="left")
    for i, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if high - low >= at_least:
            medians[i] = np.median(sorted_values[low:high])
    result: Floats = medians[place]
    return result


def _code(keys: Integers, days: Integers) -> Integers:
    result: Integers = keys * _SPAN + (days - (FIRST_DAY - 1))
    return result


def _integers(values: ArrayLike, what: str) -> Integers:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"{what} must be a one-dimensional array of integers")
    return array.astype(np.int64)
