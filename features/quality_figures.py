"""The figures of a quality report, and what follows from them by arithmetic: shares, means, what is worst."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from features.building import Built
from features.catalog import Catalog, Placed
from features.terms import Nature

# Of the shares of customers by comprehensiveness: so many bins of equal width from 0 to 1.
BINS = 20


@dataclass(frozen=True)
class Counts:
    """Customers (on days) to whom an indicator applies, by what is known: known + no_record + undefined.

    Attributes:
        applying: those of a nature for which it is declared, whose conditions are met or unknown.
        known: there is a value, and it is not one of the indicator's codes for none.
        no_record: there is nothing to compute a value from, or the indicator has no expression.
        undefined: a denominator is 0, or 0 or less for a ratio or growth.
        stale: of the known, those whose evidence is older than the indicator's `freshness_days`.
        impossible: of the known, those outside its minimum and maximum; an evaluation refuses the customer.
        median_age_days: of the known with evidence, the median of as-of day − day of the evidence; None where
            there is none.
    """

    applying: int = 0
    known: int = 0
    no_record: int = 0
    undefined: int = 0
    stale: int = 0
    impossible: int = 0
    median_age_days: float | None = None

    @property
    def completeness(self) -> float | None:
        """The known share of those to whom it applies (0–1); None where it applies to nobody."""
        return share(self.known, self.applying)

    @property
    def stale_share(self) -> float | None:
        """The stale share of the known (0–1); None where nothing is known."""
        return share(self.stale, self.known)


@dataclass(frozen=True)
class OfNature:
    """One indicator for one nature: its weight in the baseline (0–1) and the nature's customers (on days)."""

    nature: Nature
    customers: int
    weight: float
    counts: Counts

    @property
    def offence(self) -> float:
        """(1 − completeness) × weight + stale share × weight; what there is nothing of adds nothing."""
        completeness, stale_share = self.counts.completeness, self.counts.stale_share
        missing = 0.0 if completeness is None else 1.0 - completeness
        return (missing + (stale_share or 0.0)) * self.weight


@dataclass(frozen=True)
class IndicatorQuality:
    """One indicator: its figures over all natures and for each for which it is declared.

    Attributes:
        placed: the indicator.
        counts: over all natures.
        by_nature: in the order of the catalog's natures.
        validity: of the cells of the columns that it rests on, the accepted share (0–1): over these columns
            the sum of read rows less rows in which the column failed, by the sum of read rows. A column is
            taken to fail in no more rows than were read. None where nothing was read.
        repeated: rows, in the tables that it rests on, that equal an earlier one in every column.
        conflicts: records of which two sources say different things in a column that it rests on.
    """

    placed: Placed
    counts: Counts
    by_nature: tuple[OfNature, ...]
    validity: float | None
    repeated: int | None
    conflicts: int | None

    @property
    def id(self) -> str:
        return self.placed.id

    @property
    def department(self) -> str:
        """The department that answers for it."""
        return self.placed.indicator.source.department

    @property
    def weight(self) -> float:
        """Its weight in the baseline, the mean over the natures' customers (0–1)."""
        return mean((part.weight, part.customers) for part in self.by_nature) or 0.0


@dataclass(frozen=True)
class Shares:
    """Mean completeness, stale share and validity of some indicators (0–1); None where none has one."""

    completeness: float | None
    stale_share: float | None
    validity: float | None


@dataclass(frozen=True)
class Means:
    """The means of some indicators, a nature's share counting by its customers.

    `weighted` counts an indicator by its weight in the baseline for the nature; `plain` counts all alike,
    those without weight too.
    """

    weighted: Shares
    plain: Shares


@dataclass(frozen=True)
class NatureQuality:
    """One nature: its customers (on days), their mean comprehensiveness, the means of its indicators."""

    nature: Nature
    customers: int
    comprehensiveness: float | None
    means: Means


@dataclass(frozen=True)
class DepartmentQuality:
    """One department.

    Attributes:
        department: its id.
        indicators: how many it answers for.
        means: of these indicators.
        rests: known cells, of whatever indicator, whose oldest evidence is a record of this department.
        rests_stale: of these, the stale ones: what this department has to renew.
        tables: what it delivers, empty where nothing is known of a delivery.
    """

    department: str
    indicators: int
    means: Means
    rests: int
    rests_stale: int
    tables: tuple["TableQuality", ...]


@dataclass(frozen=True, order=True)
class ColumnFailures:
    """In how many rows of a table a column failed for a reason; `column` is WHOLE_ROW of misshapen ones."""

    column: str
    reason: str
    rows: int


@dataclass(frozen=True)
class TableQuality:
    """What came of a table's rows: read = accepted + rejected, unmatched among the accepted.

    `repeated` rows equal an earlier one in every column. `conflicts` are records of which rows from two
    sources, known since the same day, differ in a column other than the key. `failures` begin with the most
    frequent.
    """

    name: str
    department: str
    delivered: bool
    read: int
    accepted: int
    rejected: int
    unmatched: int
    repeated: int
    conflicts: int
    failures: tuple[ColumnFailures, ...]


@dataclass(frozen=True)
class Comprehensiveness:
    """Policy clause M3 over a portfolio; of a customer it is the known share of the weight that applies.

    What does not apply leaves the weights: those of an indicator, a group and a dimension are taken anew
    among what applies beside it, as the baseline does. Where nothing applies it is 0.

    Attributes:
        mean: over all customers (on days); None of none.
        deciles: the nine of them, by linear interpolation; empty of none.
        below_half: the share of customers below 0.5; None of none.
        bins: customers by comprehensiveness, in BINS of equal width; 1 lies in the last.
    """

    mean: float | None
    deciles: tuple[float, ...]
    below_half: float | None
    bins: tuple[int, ...]


@dataclass(frozen=True)
class Quality:
    """How good the records are from which a build was made.

    Attributes:
        catalog, built: what was measured.
        first, last: the first and last as-of day; None of a build without rows.
        customers: customers on days.
        indicators: the worst first.
        natures, departments: in the catalog's order.
        tables: in the catalog's order; None where nothing is known of a delivery.
        means: over all indicators and natures.
        comprehensiveness: over the portfolio.
        natures_in_conflict: customers of whom rows of the table of customers name more than one nature.
    """

    catalog: Catalog
    built: Built
    first: date | None
    last: date | None
    customers: int
    indicators: tuple[IndicatorQuality, ...]
    natures: tuple[NatureQuality, ...]
    departments: tuple[DepartmentQuality, ...]
    tables: tuple[TableQuality, ...] | None
    means: Means
    comprehensiveness: Comprehensiveness
    natures_in_conflict: int | None

    def offence(self, indicator: IndicatorQuality) -> float:
        """Return (1 − completeness) × weight + stale share × weight, the mean over the natures' customers."""
        return offence(indicator, self.customers)


def offence(indicator: IndicatorQuality, customers: int) -> float:
    """Return an indicator's offence of each nature, weighted by the nature's share of all customers."""
    return sum(part.offence * part.customers / customers for part in indicator.by_nature if customers)


def means(indicators: Iterable[IndicatorQuality], nature: Nature | None = None) -> Means:
    """Return the means of some indicators, for one nature or over all."""
    parts = [
        (indicator, part)
        for indicator in indicators
        for part in indicator.by_nature
        if nature in (None, part.nature) and part.counts.applying
    ]
    return Means(
        _shares([(indicator, part, part.weight * part.customers) for indicator, part in parts]),
        _shares([(indicator, part, float(part.customers)) for indicator, part in parts]),
    )


def _shares(parts: list[tuple[IndicatorQuality, OfNature, float]]) -> Shares:
    return Shares(
        completeness=mean((part.counts.completeness, weight) for _, part, weight in parts),
        stale_share=mean((part.counts.stale_share, weight) for _, part, weight in parts),
        validity=mean((indicator.validity, weight) for indicator, _, weight in parts),
    )


def mean(parts: Iterable[tuple[float | None, float]]) -> float | None:
    """Return the mean of values by weights, without those that are None; None where nothing has a weight."""
    there = [(value, weight) for value, weight in parts if value is not None]
    whole = sum(weight for _, weight in there)
    return sum(value * weight for value, weight in there) / whole if whole > 0 else None


def share(part: int, whole: int) -> float | None:
    """Return a part of a whole (0–1); None of nothing."""
    return part / whole if whole else None
