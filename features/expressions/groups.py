"""SQL of the summaries of everybody's records (`over=`): running totals by group over time, asked for by day.

A record counts from a first day until a last one: it is seen, its window reaches it, and neither has ended.
So each is added once and taken off once, and a day's total is the newest running total by then, for one as-of
day as for thousands.
"""

from collections.abc import Iterator

from features.expressions import sql
from features.expressions.records import RecordValues
from features.expressions.staged import StagedTable
from features.expressions.summaries import Ground, Pieces, counted
from features.expressions.syntax import Aggregate, Column, Summary

_NEVER = "'infinity'::DATE"


class GroupSummary:
    """One aggregate over everybody's records.

    `statements` create its tables; `joins` says how they hang on a relation with the columns `as_of` and
    `group` (none for `over=all`); `cell` is its value over the joined relation.
    """

    def __init__(self, place: int, staged: StagedTable, aggregate: Aggregate, ground: Ground) -> None:
        self._aggregate = aggregate
        self._staged = staged
        self._name = name = f"g{place}"
        self._totals, self._newest, self._passing = f"{name}_totals", f"{name}_newest", f"{name}_passing"
        pieces = Pieces(f"{name}_records", f"{name}_known", f"{name}_total", f"{name}_last")
        self.cell = counted(aggregate, pieces, ground)

    def statements(self) -> Iterator[str]:
        """Yield the SQL that creates the running totals, from the records of the table."""
        name = self._name
        yield f"CREATE TEMP TABLE {name}_spans AS {self._spans()}"
        yield f"CREATE TEMP TABLE {self._totals} AS {self._running_totals()}"
        # The newest day in use: the spans of one effective day joined into one wherever they touch.
        yield (
            f"CREATE TEMP TABLE {name}_days AS SELECT group_, item AS effective, from_, until_,"
            f" {self._leaving('item')} AS leaving FROM ({self._joined_spans('effective')})"
        )
        # Records leave a window in the order of their days. So of days in use until they leave it, the newest
        # one begun by then tells: where even that has left, all have, and nothing asks for the day.
        yield (
            f"CREATE TEMP TABLE {self._newest} AS SELECT group_, from_,"
            " max(max(effective)) OVER (PARTITION BY group_ ORDER BY from_) AS effective"
            f" FROM {name}_days WHERE until_ >= leaving GROUP BY group_, from_"
        )
        # The others were replaced or withdrawn altogether; those beside a newer day never tell.
        yield (
            f"CREATE TEMP TABLE {self._passing} AS SELECT d.* FROM {name}_days d"
            f" ASOF LEFT JOIN {self._newest} n ON n.group_ = d.group_ AND d.from_ >= n.from_"
            " WHERE d.until_ < d.leaving AND (n.effective IS NULL OR n.effective < d.effective)"
        )

    def joined(self, relation: str, base: str, group: str) -> str:
        """Return a relation with the pieces of the cell beside it.

        Both it and `base`, of which it is made, have the columns `as_of` and `group`.
        """
        name = self._name
        asked = f"SELECT DISTINCT {group} AS group_, as_of FROM {base} WHERE {group} IS NOT NULL"
        passing = (
            f"SELECT a.group_, a.as_of, max(p.effective) AS effective FROM ({asked}) a JOIN {self._passing} p"
            " ON p.group_ = a.group_ AND a.as_of >= p.from_ AND a.as_of < p.until_ GROUP BY ALL"
        )
        return (
            f"(SELECT b.*, t.records AS {name}_records, t.known AS {name}_known, t.total AS {name}_total,"
            f" greatest(n.effective, p.effective) AS {name}_last FROM {relation} b"
            f" ASOF LEFT JOIN {self._totals} t ON t.group_ = {group} AND b.as_of >= t.day"
            f" ASOF LEFT JOIN {self._newest} n ON n.group_ = {group} AND b.as_of >= n.from_"
            f" LEFT JOIN ({passing}) p ON p.group_ = {group} AND p.as_of = b.as_of)"
        )

    def _leaving(self, day: str) -> str:
        after = self._aggregate.window.after
        return _NEVER if after is None else sql.reached(day, after)

    def _spans(self) -> str:
        """Return from when until when each record counts, with its cell."""
        aggregate, staged = self._aggregate, self._staged
        records = RecordValues(staged.cells, f"{self._name}_r")
        value = "TRUE" if aggregate.argument is None else records.value(aggregate.argument)
        conditions = [] if aggregate.where is None else [records.value(aggregate.where)]
        condition = records.condition(conditions) or "TRUE"
        over = aggregate.over
        group = records.value(over) if isinstance(over, Column) else "TRUE"
        entering = sql.reached("effective", aggregate.window.until)
        spans = (
            f"SELECT {group} AS group_, {value} AS value, effective, greatest(from_, {entering}) AS from_,"
            f" least(until_, {self._leaving('effective')}) AS until_"
            f" FROM {records.over(staged.live)} WHERE {condition}"
        )
        return f"SELECT * FROM ({spans}) WHERE group_ IS NOT NULL AND from_ < until_"

    def _running_totals(self) -> str:
        """Return the pieces of each group from each day on which they change."""
        numeric = self._aggregate.summary in (Summary.SUM, Summary.MEAN)
        whole = sql.whole_part("value") if numeric else "0::HUGEINT"
        fraction = sql.fraction_part("value") if numeric else "0::HUGEINT"
        pieces = f"count(value) AS known, sum({whole}) AS whole, sum({fraction}) AS fraction"
        gone = f"-count(value), -sum({whole}), -sum({fraction})"
        changes = (
            f"SELECT group_, from_ AS day, count(*) AS records, {pieces} FROM {self._name}_spans GROUP BY ALL"
            f" UNION ALL SELECT group_, until_, -count(*), {gone} FROM {self._name}_spans"
            f" WHERE until_ < {_NEVER} GROUP BY ALL"
        )
        if self._aggregate.summary is Summary.DISTINCT:
            values = f"({self._joined_spans('value')})"
            changes = (
                f"SELECT group_, day, records, known, 0 AS whole, 0 AS fraction FROM ({changes})"
                f" UNION ALL SELECT group_, from_, 0, 0, count(*), 0 FROM {values} GROUP BY ALL"
                f" UNION ALL SELECT group_, until_, 0, 0, -count(*), 0 FROM {values}"
                f" WHERE until_ < {_NEVER} GROUP BY ALL"
            )
        by_day = ", ".join(f"sum({piece}) AS {piece}" for piece in ("records", "known", "whole", "fraction"))
        running = ", ".join(
            f"(sum({piece}) OVER running)::HUGEINT AS {piece}"
            for piece in ("records", "known", "whole", "fraction")
        )
        total = {
            Summary.COUNT: "known",
            Summary.DISTINCT: "whole",
        }.get(self._aggregate.summary, sql.total("whole", "fraction"))
        return (
            f"SELECT group_, day, records, known, {total} AS total FROM (SELECT group_, day, {running}"
            f" FROM (SELECT group_, day, {by_day} FROM ({changes}) GROUP BY group_, day)"
            " WINDOW running AS (PARTITION BY group_ ORDER BY day))"
        )

    def _joined_spans(self, what: str) -> str:
        """Return the spans of records with a cell, by group and `what`, joined wherever they touch."""
        spans = f"{self._name}_spans"
        changes = (
            f"SELECT group_, {what} AS item, from_ AS day, count(*) AS change FROM {spans}"
            f" WHERE value IS NOT NULL GROUP BY ALL UNION ALL"
            f" SELECT group_, {what}, until_, -count(*) FROM {spans} WHERE value IS NOT NULL GROUP BY ALL"
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
