"""What a summary of records amounts to: its value, whether it is undefined, and the evidence it rests on."""

from dataclasses import dataclass

from features.expressions import sql
from features.expressions.syntax import Aggregate, Summary

# Evidence is one number, day and table, so that of two the smaller is the older (at a tie that of the table
# declared first); it counts days from here so that it is never negative.
FIRST_EVIDENCE = "DATE '0001-01-01'"


@dataclass(frozen=True)
class Cell:
    """SQL of a value (NULL where missing), of whether it is missing as undefined, and of its evidence."""

    value: str
    undefined: str
    evidence: str


@dataclass(frozen=True)
class Ground:
    """What stands behind one table's summaries.

    Attributes:
        place: the table's place among all that are used, and
        places: how many these are.
        nothing: whether nothing recorded means that nothing happened (SQL); None for incomplete tables.
        newest: the newest effective day of any row of the table seen by then (SQL).
    """

    place: int
    places: int
    nothing: str | None
    newest: str

    def evidence(self, day: str) -> str:
        """Return a day of this table as evidence."""
        return f"(({day}) - {FIRST_EVIDENCE})::BIGINT * {self.places} + {self.place}"

    def or_zero(self, records: str, known: str, value: str) -> str:
        """Return a value where a cell was known, 0 where there was no record and that means none happened."""
        zero = "" if self.nothing is None else f" WHEN coalesce({records}, 0) = 0 AND {self.nothing} THEN 0"
        return f"CASE WHEN {known} > 0 THEN {value}{zero} END"

    def day(self, records: str, known: str, last: str) -> str:
        """Return the day of the newest record used, or of the table where there was none to use."""
        if self.nothing is None:
            return f"CASE WHEN {known} > 0 THEN {last} END"
        none = f" WHEN coalesce({records}, 0) = 0 AND {self.nothing} THEN {self.newest}"
        return f"CASE WHEN {known} > 0 THEN {last}{none} END"


@dataclass(frozen=True)
class Pieces:
    """SQL of how many records there were, how many with a known cell, their sum, and the newest one's day."""

    records: str
    known: str
    total: str
    last: str


def counted(aggregate: Aggregate, pieces: Pieces, ground: Ground) -> Cell:
    """Return a count, sum, mean, or number of distinct values (given as `total`)."""
    records, known, last = pieces.records, pieces.known, pieces.last
    evidence = ground.evidence(ground.day(records, known, last))
    match aggregate.summary:
        case Summary.COUNT:
            return Cell(f"({ground.or_zero(records, known, known)})::DOUBLE", "FALSE", evidence)
        case Summary.DISTINCT:
            return Cell(f"({ground.or_zero(records, known, pieces.total)})::DOUBLE", "FALSE", evidence)
        case Summary.SUM:
            value = ground.or_zero(records, known, sql.in_range(pieces.total))
            return Cell(f"({value})::DOUBLE", _out_of_range(known, pieces.total), evidence)
        case _:  # mean
            mean = f"({pieces.total} / {known})"
            value = f"CASE WHEN {known} > 0 THEN {sql.in_range(mean)} END"
            evidence = ground.evidence(f"CASE WHEN {known} > 0 THEN {last} END")
            return Cell(value, _out_of_range(known, mean), evidence)


def trend(newer: Pieces, older: Pieces, ground: Ground) -> Cell:
    """Return how far the newer half's sum exceeds the older one's, of both."""
    sums = [f"({ground.or_zero(half.records, half.known, half.total)})" for half in (newer, older)]
    both = f"({sums[0]} + {sums[1]})"
    share = f"(({sums[0]} - {sums[1]}) / CASE WHEN {both} > 0 THEN {both} END)"
    # A half below 0 takes the share beyond its bounds.
    value = f"CASE WHEN {share} IS NOT NULL THEN greatest(-1, least(1, {share})) END"
    known = f"{both} IS NOT NULL"
    day = f"CASE WHEN {known} THEN coalesce(greatest({newer.last}, {older.last}), {ground.newest}) END"
    return Cell(f"({value})::DOUBLE", f"({known} AND {share} IS NULL)", ground.evidence(day))


def shared(summary: Summary, shares: str, records: str, known: str, last: str, ground: Ground) -> Cell:
    """Return the concentration, or the largest share, of the positive sums in a sorted list (and its sum)."""
    there = f"coalesce(len({shares}), 0) > 0"
    if summary is Summary.TOP_SHARE:
        share = f"{shares}[-1] / {shares}_sum"
    else:
        each = f"list_transform({shares}, lambda share: (share / {shares}_sum) ** 2)"
        share = f"least(1, list_sum({each}))"
    none_recorded = "FALSE"
    if ground.nothing is not None:
        none_recorded = f"(coalesce({records}, 0) = 0 AND {ground.nothing})"
    undefined = f"(NOT ({there}) AND (coalesce({known}, 0) > 0 OR {none_recorded}))"
    evidence = ground.evidence(ground.day(records, known, last))
    return Cell(f"(CASE WHEN {there} THEN {share} END)::DOUBLE", undefined, evidence)


def _out_of_range(known: str, value: str) -> str:
    return f"(coalesce({known}, 0) > 0 AND {sql.in_range(value)} IS NULL)"
