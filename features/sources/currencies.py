"""Amounts in several currencies become amounts in one, by dated rates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.sources.contract import Failure
from features.sources.keys import compared
from features.sources.layout import Layout
from features.sources.opening import TableError
from features.sources.record_table import Column, ColumnType

RATES = Layout(
    name="rates",
    columns={
        "currency": Column(type=ColumnType.KEY, aliases=("幣別", "币别", "幣種", "币种", "貨幣", "货币")),
        "effective": Column(type=ColumnType.DATE, aliases=("日期", "生效日", "date")),
        "rate": Column(type=ColumnType.NUMBER, aliases=("匯率", "汇率")),
    },
    needed=frozenset({"currency", "effective", "rate"}),
    filled=frozenset({"currency", "effective", "rate"}),
)

NO_RATE = "has no rate on or before its day; add one to the rates"
NO_CURRENCY = "is an amount without a currency; fill in {column}"


@dataclass(frozen=True)
class Rates:
    """What one unit of a currency is worth in `target`, from which days on (sorted)."""

    target: str | None
    dated: Mapping[str, tuple[NDArray[Any], NDArray[np.float64]]]

    def factors(self, currency: str, days: NDArray[Any]) -> NDArray[np.float64]:
        """Return the newest rate on or before each day, shape (n,), NaN where there is none."""
        if currency == self.target:
            return np.ones(len(days))
        if currency not in self.dated:
            return np.full(len(days), np.nan)
        starts, rates = self.dated[currency]
        place = np.searchsorted(starts, days, side="right") - 1
        return np.where((place >= 0) & ~np.isnat(days), rates[np.maximum(place, 0)], np.nan)


def read_rates(file: Path | None, target: str | None) -> Rates:
    """Return the rates of an accepted table of rates; without one, every amount must be in the target.

    Raises:
        TableError: a rate is not positive, or a currency has two rates on one day.
    """
    if file is None:
        return Rates(target, {})
    table = pq.read_table(file)
    placed = zip(table["_file_row"].to_pylist(), table["source"].to_pylist(), strict=True)
    places = [f"row {row} of {source}" for row, source in placed]
    rates = table["rate"].to_numpy().astype(np.float64)
    days = table["effective"].to_numpy().astype("datetime64[D]")
    codes = np.array([_code(name) for name in table["currency"].to_pylist()], dtype=object)
    if (rates <= 0).any():
        raise TableError(f"rates: {places[np.argmax(rates <= 0)]}: the rate must lie above 0; correct it")
    dated = {}
    for code in sorted(set(codes)):
        mine = np.flatnonzero(codes == code)
        mine = mine[np.argsort(days[mine], kind="stable")]
        again = np.flatnonzero(days[mine][1:] == days[mine][:-1])
        different = again[rates[mine][again] != rates[mine][again + 1]]
        if len(different):
            first, second = places[mine[different[0]]], places[mine[different[0] + 1]]
            raise TableError(f"rates: {first} and {second} give two rates for one day; keep one")
        dated[code] = (days[mine], rates[mine])
    return Rates(target, dated)


def converted(
    layout: Layout, values: dict[str, NDArray[Any]], effective: NDArray[Any], rates: Rates
) -> tuple[dict[str, NDArray[Any]], list[Failure]]:
    """Return the columns with amounts in the target currency, and the rows for which there is no rate.

    Bounds are checked before: they are meant in the currency delivered. A row without a day has failed
    already and is passed over.
    """
    result, failures = dict(values), []
    for id_, column in layout.columns.items():
        if column.currency is None or column.currency == rates.target:
            continue
        amounts = values[id_]
        there = ~np.isnan(amounts) & ~np.isnat(effective)
        named = column.currency.removeprefix("column:")
        if named == column.currency:
            factors = rates.factors(named, effective)
        else:
            codes = values[named]
            unnamed = there & np.array([code is None for code in codes], dtype=np.bool_)
            if unnamed.any():
                reason = NO_CURRENCY.format(column=named)
                failures.append(Failure(id_, reason, np.flatnonzero(unnamed)))
            there &= ~unnamed
            factors = np.full(len(amounts), np.nan)
            for written in set(codes[there]):
                mine = there & (codes == written)
                factors[mine] = rates.factors(_code(written), effective[mine])
        with np.errstate(over="ignore"):
            worth = amounts * factors
        failed = there & ~np.isfinite(worth)
        if failed.any():
            failures.append(Failure(id_, NO_RATE, np.flatnonzero(failed)))
        result[id_] = worth
    return result, failures


def _code(written: str) -> str:
    return compared(written).upper()
