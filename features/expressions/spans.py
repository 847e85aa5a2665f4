"""SQL of one summary of groups of records over time, asked for by group and day.

A record counts from a first day until a last one: it is seen, its window reaches it, and neither has ended.
So each is added once and taken off once, and a day's total is the newest running total by then, for one as-of
day as for thousands. Only a median, a smallest or a largest value looks at each record of the day anew.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from features.expressions import sql
from features.expressions.records import RecordValues
from features.expressions.staged import StagedTable
from features.expressions.summaries import Cell, Ground, Pieces, counted
from features.expressions.syntax import Aggregate, Summary

_NEVER = "'infinity'::DATE"
_PICKED = {Summary.MEDIAN: "median", Summary.SMALLEST: "min", Summary.LARGEST: "max"}
_SUMMED = ("records", "known", "whole", "fraction")


def is_picked(aggregate: Aggregate) -> bool:
    """Whether an aggregate is a value picked from sorted ones, which nothing can be taken off from."""
    return aggregate.summary in _PICKED


class Spans(ABC):
    """The spans of days on which each record counts for one aggregate.

    `ends`: whether a record may end, replaced, withdrawn or gone over to a successor.
    """

    def __init__(
        self, name: str, staged: StagedTable, aggregate: Aggregate, ground: Ground, ends: bool
    ) -> None:
        self.aggregate, self._staged, self._ground, self._ends = aggregate, staged, ground, ends
        self._name, self._spans = name, f"{name}_spans"

    @property
    @abstractmethod
    def cell(self) -> Cell:
        """What the aggregate is over a relation with its pieces."""

    def statements(self, live: str) -> Iterator[str]:
        """Yield the SQL that creates the tables, from the live records with their group."""
        yield f"CREATE TEMP TABLE {self._spans} AS {self._counting(live)}"

    @abstractmethod
    def joined(self, relation: str, asked: str) -> str:
        """Return a relation of groups on days with the pieces beside it, made of the table `asked`."""

    def _leaving(self, day: str) -> str:
        after = self.aggregate.window.after
        return _NEVER if after is None else sql.reached(day, after)

    def _counting(self, live: str) -> str:
        aggregate = self.aggregate
        records = RecordValues(self._staged.cells, f"{self._name}_r")
        value = "TRUE" if aggregate.argument is None else records.value(aggregate.argument)
        conditions = [] if aggregate.where is None else [records.value(aggregate.where)]
        condition = records.condition(conditions) or "TRUE"
        entering = sql.reached("effective", aggregate.window.until)
        spans = (
            f"SELECT group_, {value} AS value, effective, greatest(from_, {entering}) AS from_,"
            f" least(until_, {self._leaving('effective')}) AS until_"
            f" FROM {records.over(live)} WHERE {condition}"
        )
        return f"SELECT * FROM ({spans}) WHERE from_ < until_"


class Picked(Spans):
    """A median, or the smallest or largest value."""

    @property
    def cell(self) -> Cell:
        return Cell(f"{self._name}_value", "FALSE", self._ground.evidence(f"{self._name}_last"))

    def joined(self, relation: str, asked: str) -> str:
        name = self._name
        pieces = (
            f"SELECT a.group_, a.as_of, {_PICKED[self.aggregate.summary]}(s.value) AS {name}_value,"
            f" max(s.effective) AS {name}_last"
            f" FROM {asked} a JOIN {self._spans} s"
            " ON s.group_ = a.group_ AND a.as_of >= s.from_ AND a.as_of < s.until_"
            " WHERE s.value IS NOT NULL GROUP BY ALL"
        )
        return (
            f"(SELECT b.*, p.* EXCLUDE (group_, as_of) FROM {relation} b"
            f" LEFT JOIN ({pieces}) p ON p.group_ = b.group_ AND p.as_of = b.as_of)"
        )


class Counted(Spans):
    """A count, sum, mean, or number of distinct values."""

    @property
    def cell(self) -> Cell:
        name = self._name
        pieces = Pieces(f"{name}_records", f"{name}_known", f"{name}_total", f"{name}_last")
        return counted(self.aggregate, pieces, self._ground)

    def statements(self, live: str) -> Iterator[str]:
        yield from super().statements(live)
        if self._ends:
            # The days in use: the spans of one effective day joined into one wherever they touch.
            yield (
                f"CREATE TEMP TABLE {self._name}_days AS SELECT group_, item AS effective, from_, until_,"
                f" {self._leaving('item')} AS leaving FROM ({self._joined_spans('effective')})"
            )
        yield f"CREATE TEMP TABLE {self._name}_totals AS {self._running_totals()}"
        if self._ends:
            # Days that end before the window has passed them; those beside a newer day never tell.
            yield (
                f"CREATE TEMP TABLE {self._name}_passing AS SELECT d.* FROM {self._name}_days d"
                f" ASOF LEFT JOIN {self._name}_totals t ON t.group_ = d.group_ AND d.from_ >= t.day"
                " WHERE d.until_ < d.leaving AND (t.newest IS NULL OR t.newest < d.effective)"
            )

    def joined(self, relation: str, asked: str) -> str:
        name, last, also = self._name, "t.newest", ""
        if self._ends:
            passing = (
                f"SELECT a.group_, a.as_of, max(p.effective) AS effective FROM {asked} a"
                f" JOIN {name}_passing p ON p.group_ = a.group_ AND a.as_of >= p.from_ AND a.as_of < p.until_"
                " GROUP BY ALL"
            )
            last = "greatest(t.newest, p.effective)"
            also = f" LEFT JOIN ({passing}) p ON p.group_ = b.group_ AND p.as_of = b.as_of"
        return (
            f"(SELECT b.*, t.records AS {name}_records, t.known AS {name}_known, t.total AS {name}_total,"
            f" {last} AS {name}_last FROM {relation} b"
            f" ASOF LEFT JOIN {name}_totals t ON t.group_ = b.group_ AND b.as_of >= t.day{also})"
        )

    def _running_totals(self) -> str:
        """Return the pieces of each group from each day on which they change.

        Records leave a window in the order of their days. So of days in use until they leave it, the `newest`
        one begun by then tells: where even that has left, all have, and nothing asks for the day.
        """
        newest, days = "max(effective) FILTER (WHERE value IS NOT NULL)", ""
        if self._ends:
            newest = "NULL::DATE"
            days = (
                f" UNION ALL SELECT group_, from_, 0, 0, 0, 0, max(effective) FROM {self._name}_days"
                " WHERE until_ >= leaving GROUP BY ALL"
            )
        summary = self.aggregate.summary
        numeric = summary in (Summary.SUM, Summary.MEAN)
        whole = sql.whole_part("value") if numeric else "0::HUGEINT"
        fraction = sql.fraction_part("value") if numeric else "0::HUGEINT"
        pieces = f"count(value) AS known, sum({whole}) AS whole, sum({fraction}) AS fraction"
        gone = f"-count(value), -sum({whole}), -sum({fraction})"
        changes = (
            f"SELECT group_, from_ AS day, count(*) AS records, {pieces}, {newest} AS newest"
            f" FROM {self._spans} GROUP BY ALL"
            f" UNION ALL SELECT group_, until_, -count(*), {gone}, NULL FROM {self._spans}"
            f" WHERE until_ < {_NEVER} GROUP BY ALL{days}"
        )
        if summary is Summary.DISTINCT:
            values = f"({self._joined_spans('value')})"
            changes = (
                f"SELECT group_, day, records, known, 0 AS whole, 0 AS fraction, newest FROM ({changes})"
                f" UNION ALL SELECT group_, from_, 0, 0, count(*), 0, NULL FROM {values} GROUP BY ALL"
                f" UNION ALL SELECT group_, until_, 0, 0, -count(*), 0, NULL FROM {values}"
                f" WHERE until_ < {_NEVER} GROUP BY ALL"
            )
        by_day = ", ".join(f"sum({piece}) AS {piece}" for piece in _SUMMED)
        running = ", ".join(f"(sum({piece}) OVER running)::HUGEINT AS {piece}" for piece in _SUMMED)
        total = {Summary.COUNT: "known", Summary.DISTINCT: "whole"}.get(
            summary, sql.total("whole", "fraction")
        )
        return (
            f"SELECT group_, day, records, known, {total} AS total, newest"
            f" FROM (SELECT group_, day, {running}, max(newest) OVER running AS newest FROM"
            f" (SELECT group_, day, {by_day}, max(newest) AS newest FROM ({changes}) GROUP BY group_, day)"
            " WINDOW running AS (PARTITION BY group_ ORDER BY day))"
        )

    def _joined_spans(self, what: str) -> str:
        """Return the spans of records with a cell, by group and `what`, joined wherever they touch."""
        changes = (
            f"SELECT group_, {what} AS item, from_ AS day, count(*) AS change FROM {self._spans}"
            f" WHERE value IS NOT NULL GROUP BY ALL"
            f" UNION ALL SELECT group_, {what}, until_, -count(*) FROM {self._spans}"
            " WHERE value IS NOT NULL GROUP BY ALL"
        )
        running = (
            "SELECT *, sum(change) OVER (PARTITION BY group_, item ORDER BY day) AS open"
            f" FROM (SELECT group_, item, day, sum(change) AS change FROM ({changes}) GROUP BY ALL)"
        )
        edges = f"SELECT * FROM ({running}) WHERE open = 0 OR open = change"
        return (
            "SELECT group_, item, day AS from_, next AS until_ FROM (SELECT *, lead(day) OVER"
            f" (PARTITION BY group_, item ORDER BY day) AS next FROM ({edges})) WHERE open > 0"
        )
