"""Many customers as columns: encoded values, and which indicators apply to whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalog import Catalog, Indicator, Kind
from features.condition import Condition
from features.customer import Customer, InvalidCustomer, encode_value, parse_as_of, parse_id
from features.missing_codes import without_codes
from features.terms import Nature

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Portfolio:
    """n customers and the k indicators of a catalog, in the catalog's order.

    `given` has shape (n, k): values as given, encoded, NaN where missing. What is evaluated is
    `values`: the same without the values of indicators that do not apply. `levels` holds the texts
    of categories as given (k columns by id, each of length n, None where missing).
    """

    catalog: Catalog
    customer_ids: Sequence[str]
    natures: NDArray[np.object_]
    as_of: Sequence[date]
    given: Floats
    levels: dict[str, NDArray[np.object_]]

    def __len__(self) -> int:
        return len(self.customer_ids)

    @cached_property
    def applicable(self) -> Bools:
        """Which indicators apply to whom, shape (n, k), by nature and by the catalog's conditions.

        A condition on a fact that is not known counts as met: what is unknown excuses nothing.
        """
        result = np.zeros(self.given.shape, dtype=np.bool_)
        for nature, declared in self.catalog.declared.items():
            result[self.natures == nature] = declared
        for condition, columns in self.catalog.conditional.items():
            met, known = self.meets(condition)
            result[:, columns] &= (met | ~known)[:, None]
        return result

    @cached_property
    def values(self) -> Floats:
        """What is evaluated, shape (n, k): NaN where missing or not applicable."""
        return np.where(self.applicable, self.given, np.nan)

    @cached_property
    def set_aside(self) -> Bools:
        """Values given although the indicator does not apply, shape (n, k)."""
        return ~self.applicable & ~np.isnan(self.given)

    def column(self, indicator_id: str) -> int:
        """Return the column of an indicator."""
        return self.catalog.columns[indicator_id]

    def matrix(self, ids: Sequence[str]) -> Floats:
        """Return the evaluated values of some indicators, shape (n, number of ids)."""
        return self.values[:, [self.catalog.columns[id_] for id_ in ids]]

    def meets(self, condition: Condition) -> tuple[Bools, Bools]:
        """Return who meets a condition, and of whom that is known; each of shape (n,).

        Of a level that the catalog does not have nothing is known.
        """
        values = self.given[:, self.column(condition.indicator)]
        met = met_by(condition, self.catalog.by_id[condition.indicator].indicator, values)
        return met, ~np.isnan(values) & ~self._unseen(condition.indicator)

    def _unseen(self, indicator_id: str) -> Bools:
        """Return whose level of an indicator is not in the catalog, shape (n,); no one's of a number."""
        indicator = self.catalog.by_id[indicator_id].indicator
        if indicator.kind is not Kind.CATEGORY:
            return np.zeros(len(self), dtype=np.bool_)
        unseen: Bools = self.given[:, self.column(indicator_id)] == len(indicator.level_codes)
        return unseen

    def unseen_levels(self, row: int) -> list[str]:
        """Return the categories in which one customer has a level that the catalog does not have."""
        return [
            id_
            for id_ in self.levels
            if self.given[row, self.column(id_)] == len(self.catalog.by_id[id_].indicator.level_codes)
        ]

    def take(self, rows: NDArray[np.intp]) -> "Portfolio":
        """Return some of the customers."""
        return Portfolio(
            catalog=self.catalog,
            customer_ids=[self.customer_ids[row] for row in rows],
            natures=self.natures[rows],
            as_of=[self.as_of[row] for row in rows],
            given=self.given[rows],
            levels={id_: texts[rows] for id_, texts in self.levels.items()},
        )

    @classmethod
    def joined(cls, parts: Sequence["Portfolio"]) -> "Portfolio":
        """Return the customers of one or more portfolios of one catalog, one after the other."""
        first = parts[0]
        return cls(
            catalog=first.catalog,
            customer_ids=[id_ for part in parts for id_ in part.customer_ids],
            natures=np.concatenate([part.natures for part in parts]),
            as_of=[day for part in parts for day in part.as_of],
            given=np.concatenate([part.given for part in parts]),
            levels={id_: np.concatenate([part.levels[id_] for part in parts]) for id_ in first.levels},
        )

    @classmethod
    def from_customers(cls, customers: Sequence[Customer], catalog: Catalog) -> "Portfolio":
        """Collect checked customers into columns, in their order."""
        columns = catalog.columns
        given = np.full((len(customers), len(columns)), np.nan)
        levels = {
            placed.id: np.full(len(customers), None, dtype=object)
            for placed in catalog.placed
            if placed.indicator.kind is Kind.CATEGORY
        }
        for row, customer in enumerate(customers):
            for id_, code in customer.codes.items():
                given[row, columns[id_]] = code
            for id_, level in customer.levels.items():
                levels[id_][row] = level
        return cls(
            catalog=catalog,
            customer_ids=[customer.customer_id for customer in customers],
            natures=np.array([customer.nature for customer in customers], dtype=object),
            as_of=[customer.as_of for customer in customers],
            given=given,
            levels=levels,
        )

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, catalog: Catalog) -> tuple["Portfolio", pd.DataFrame]:
        """Encode a frame with columns customer_id, nature, as_of and indicator ids; others are ignored.

        NaN, None and NaT are missing. Rows with anything wrong are kept apart, never dropped: the second
        result has one line for each, with `row` (position in the frame), `customer_id`, `field`, `reason`.

        Raises:
            KeyError: a column of customer_id, nature, as_of is absent.
        """
        absent = [name for name in ("customer_id", "nature", "as_of") if name not in frame.columns]
        if absent:
            raise KeyError(f"column {absent[0]} is absent; the table needs customer_id, nature and as_of")
        rejects: dict[int, InvalidCustomer] = {}
        identity = _identities(frame, catalog, rejects)
        given = np.full((len(frame), len(catalog.placed)), np.nan)
        levels = {}
        for column, placed in enumerate(catalog.placed):
            if placed.indicator.kind is Kind.CATEGORY:
                levels[placed.id] = np.full(len(frame), None, dtype=object)
            if placed.id not in frame.columns:
                continue
            cells = without_codes(frame[placed.id], placed.indicator)
            present = cells.notna().to_numpy()
            foreign = present & ~np.isin(identity.natures, [n for n in Nature if placed.applies_to(n)])
            for row in np.flatnonzero(foreign):
                reason = f"is not declared for nature {identity.natures[row]}"
                rejects.setdefault(int(row), InvalidCustomer(int(row), f"indicator {placed.id}", reason))
            given[:, column] = _encode_column(cells, present, placed.indicator, rejects)
            if placed.id in levels:
                levels[placed.id][present] = cells.to_numpy(dtype=object)[present]
        keep = np.ones(len(frame), dtype=np.bool_)
        keep[list(rejects)] = False
        rows = np.flatnonzero(keep)
        portfolio = cls(
            catalog=catalog,
            customer_ids=[identity.customer_ids[row] for row in rows],
            natures=identity.natures[rows],
            as_of=[identity.as_of[row] for row in rows],
            given=given[rows],
            levels={id_: texts[rows] for id_, texts in levels.items()},
        )
        return portfolio, _reject_frame(rejects, identity.customer_ids)


def met_by(condition: Condition, indicator: Indicator, values: Floats) -> Bools:
    """Return which encoded values of its indicator meet a condition, shape (n,); a missing one does not."""
    met: Bools
    if condition.at_least is not None:
        met = values >= condition.at_least
    elif condition.at_most is not None:
        met = values <= condition.at_most
    elif condition.above is not None:
        met = values > condition.above
    elif condition.below is not None:
        met = values < condition.below
    elif isinstance(condition.is_, bool):
        met = values == float(condition.is_)
    else:
        met = np.isin(values, [indicator.level_codes[level] for level in condition.is_ or ()])
    return met


@dataclass(frozen=True)
class _Identities:
    customer_ids: list[str]
    natures: NDArray[np.object_]
    as_of: list[date]


def _identities(frame: pd.DataFrame, catalog: Catalog, rejects: dict[int, InvalidCustomer]) -> _Identities:
    ids, natures, days = [], [], []
    known = {str(nature): nature for nature in catalog.natures}
    columns = zip(frame["customer_id"], frame["nature"], frame["as_of"], strict=True)
    for row, (customer_id, nature, as_of) in enumerate(columns):
        try:
            ids.append(parse_id(customer_id, row))
        except InvalidCustomer as error:
            rejects.setdefault(row, error)
            ids.append("")
        found = known.get(nature) if isinstance(nature, str) else None
        if found is None:
            wrong = InvalidCustomer(row, "nature", f"must be one of {', '.join(known)}")
            rejects.setdefault(row, wrong)
        natures.append(found or catalog.natures[0])
        try:
            days.append(parse_as_of(None if as_of is pd.NaT else as_of, row))
        except InvalidCustomer as error:
            rejects.setdefault(row, error)
            days.append(date.min)
    return _Identities(ids, np.array(natures, dtype=object), days)


def _encode_column(
    cells: pd.Series, present: Bools, indicator: Indicator, rejects: dict[int, InvalidCustomer]
) -> Floats:
    result = np.full(len(cells), np.nan)
    todo = present.copy()
    types = pd.api.types
    numeric = types.is_numeric_dtype(cells.dtype) and not types.is_bool_dtype(cells.dtype)
    if indicator.kind is Kind.NUMBER and numeric:
        numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        low = -np.inf if indicator.minimum is None else indicator.minimum
        high = np.inf if indicator.maximum is None else indicator.maximum
        with np.errstate(invalid="ignore"):
            fine = present & np.isfinite(numbers) & (numbers >= low) & (numbers <= high)
        result[fine] = numbers[fine] + 0.0  # as encode_value does
        todo &= ~fine
    raw = cells.to_numpy(dtype=object)
    for row in np.flatnonzero(todo):
        try:
            result[row] = encode_value(indicator, raw[row])
        except ValueError as error:
            wrong = InvalidCustomer(int(row), f"indicator {indicator.id}", str(error))
            rejects.setdefault(int(row), wrong)
    return result


def _reject_frame(rejects: dict[int, InvalidCustomer], customer_ids: list[str]) -> pd.DataFrame:
    lines = [(row, customer_ids[row], rejects[row].field, rejects[row].reason) for row in sorted(rejects)]
    return pd.DataFrame(lines, columns=["row", "customer_id", "field", "reason"])
