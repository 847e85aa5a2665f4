"""SQL of the summaries of each customer's own records: one pass over a table's records for most of them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from features.expressions import sql
from features.expressions.records import RecordValues
from features.expressions.staged import OLDEST_ORDER, ORDER, StagedTable
from features.expressions.summaries import Cell, Ground, Pieces, counted, shared, trend
from features.expressions.syntax import Aggregate, Expression, Offset, Summary, Window

NOW = Offset()
_COUNTED = (Summary.COUNT, Summary.SUM, Summary.MEAN, Summary.DISTINCT)
_SIMPLE = {Summary.MEDIAN: "median", Summary.SMALLEST: "min", Summary.LARGEST: "max"}


def bound(offset: Offset) -> str:
    """Return the name of the column that holds the day so far before the as-of day."""
    return f"back_{offset.months}_{offset.days}"


def offsets(aggregates: Sequence[Aggregate]) -> set[Offset]:
    """Return the days before the as-of day that the windows of some aggregates need as columns."""
    found = set()
    for aggregate in aggregates:
        window = aggregate.window
        halves = (window.middle,) if aggregate.summary is Summary.TREND else ()
        found |= {offset for offset in (window.after, window.until, *halves) if offset not in (None, NOW)}
    return {offset for offset in found if offset is not None}


class OwnSummaries:
    """All summaries of one table's records by subject (a customer, or a key, on a day).

    `statements` create tables of pieces by subject, named in `tables`; `cells` says what each aggregate is,
    over those tables joined to the subjects.
    """

    def __init__(self, staged: StagedTable, aggregates: Sequence[Aggregate], ground: Ground) -> None:
        self._prefix = f"t{staged.index}_"
        self._ground = ground
        self._records = RecordValues(staged.cells, f"{self._prefix}r")
        self._pieces: dict[str, str] = {}
        self._derived: list[str] = []
        self._separate: list[tuple[str, str]] = []
        self.tables: list[str] = []
        self.cells: dict[Aggregate, Cell] = {}
        picked: dict[tuple[Summary, str | None], list[Aggregate]] = defaultdict(list)
        for aggregate in aggregates:
            if aggregate.summary in (Summary.LATEST, Summary.FIRST):
                condition = self._filter(aggregate.window, aggregate.where)
                picked[aggregate.summary, condition].append(aggregate)
            else:
                self.cells[aggregate] = self._cell(aggregate)
        for (summary, condition), of_one in picked.items():
            self.cells.update(self._pick(summary, condition, of_one))

    def statements(self, joined: str) -> Iterator[str]:
        """Yield the SQL that creates the tables of pieces from `joined`, the records by subject."""
        records = f"{self._prefix}records"
        source = self._records.over(joined)
        if len(self._separate) + bool(self._pieces) > 1:
            yield f"CREATE OR REPLACE TEMP TABLE {records} AS SELECT * FROM {source}"
            source = records
        self.tables = []
        if self._pieces:
            pieces = ", ".join(f"{piece} AS {column}" for piece, column in self._pieces.items())
            query = f"SELECT subject, {pieces} FROM {source} GROUP BY subject"
            if self._derived:
                query = f"SELECT *, {', '.join(self._derived)} FROM ({query})"
            yield self._create("main", query)
        for label, query in self._separate:
            yield self._create(label, query.format(records=source))

    def _create(self, label: str, query: str) -> str:
        self.tables.append(f"{self._prefix}{label}")
        return f"CREATE OR REPLACE TEMP TABLE {self._prefix}{label} AS {query}"

    def _piece(self, aggregate: str, condition: str | None) -> str:
        filtered = aggregate if condition is None else f"{aggregate} FILTER (WHERE {condition})"
        return self._pieces.setdefault(filtered, f"{self._prefix}p{len(self._pieces)}")

    def _filter(self, window: Window, where: Expression | None) -> str | None:
        return self._between(window.after, window.until, where)

    def _between(self, after: Offset | None, until: Offset, where: Expression | None) -> str | None:
        conditions = []
        if after is not None:
            conditions.append(f"effective > {bound(after)}")
        if until != NOW:
            conditions.append(f"effective <= {bound(until)}")
        if where is not None:
            conditions.append(self._records.value(where))
        return self._records.condition(conditions)

    def _value(self, aggregate: Aggregate) -> str:
        assert aggregate.argument is not None  # only a count has none
        return self._records.value(aggregate.argument)

    def _last(self, condition: str | None, value: str | None) -> str:
        there = [part for part in (condition, None if value is None else f"{value} IS NOT NULL") if part]
        return self._piece("max(effective)", " AND ".join(there) or None)

    def _cell(self, aggregate: Aggregate) -> Cell:
        window, where = aggregate.window, aggregate.where
        if aggregate.summary is Summary.TREND:
            newer = self._between(window.middle, window.until, where)
            older = self._between(window.after, window.middle, where)
            return trend(self._summed(aggregate, newer), self._summed(aggregate, older), self._ground)
        condition = self._filter(window, where)
        if aggregate.summary in _COUNTED:
            return counted(aggregate, self._summed(aggregate, condition), self._ground)
        value = self._value(aggregate)
        if aggregate.summary in _SIMPLE:
            found = self._piece(f"{_SIMPLE[aggregate.summary]}({value})", condition)
            return Cell(found, "FALSE", self._ground.evidence(self._last(condition, value)))
        return self._share(aggregate, condition, value)

    def _summed(self, aggregate: Aggregate, condition: str | None) -> Pieces:
        records = self._piece("count(*)", condition)
        if aggregate.summary is Summary.COUNT:
            return Pieces(records, records, records, self._last(condition, None))
        value = self._value(aggregate)
        known, last = self._piece(f"count({value})", condition), self._last(condition, value)
        if aggregate.summary is Summary.DISTINCT:
            return Pieces(records, known, self._piece(f"count(DISTINCT {value})", condition), last)
        whole = self._piece(f"sum({sql.whole_part(value)})", condition)
        fraction = self._piece(f"sum({sql.fraction_part(value)})", condition)
        total = f"{whole}_total"
        derived = f"{sql.total(whole, fraction)} AS {total}"
        if derived not in self._derived:
            self._derived.append(derived)
        return Pieces(records, known, total, last)

    def _share(self, aggregate: Aggregate, condition: str | None, value: str) -> Cell:
        assert aggregate.by is not None  # the parser asks for it
        by = self._records.value(aggregate.by)
        label = f"shares_{len(self._separate)}"
        shares, known, last = (f"{self._prefix}{label}_{what}" for what in ("list", "known", "last"))
        there = " AND ".join(
            part for part in (condition, f"{value} IS NOT NULL", f"{by} IS NOT NULL") if part
        )
        sums = (
            "SELECT subject, count(*) AS known, max(effective) AS last,"
            f" sum({sql.whole_part(value)}) AS whole, sum({sql.fraction_part(value)}) AS fraction"
            f" FROM {{records}} WHERE {there} GROUP BY subject, {by}"
        )
        query = (
            f"SELECT subject, list_sort(list(total) FILTER (WHERE total > 0)) AS {shares},"
            f" sum(known) AS {known}, max(last) AS {last}"
            f" FROM (SELECT *, {sql.total('whole', 'fraction')} AS total FROM ({sums})) GROUP BY subject"
        )
        self._separate.append((label, f"SELECT *, list_sum({shares}) AS {shares}_sum FROM ({query})"))
        return shared(
            aggregate.summary, shares, self._piece("count(*)", condition), known, last, self._ground
        )

    def _pick(
        self, summary: Summary, condition: str | None, aggregates: Sequence[Aggregate]
    ) -> Iterator[tuple[Aggregate, Cell]]:
        """Yield the cells of aggregates that read the same record (or ones before it): all in one struct."""
        values = list(dict.fromkeys(self._value(aggregate) for aggregate in aggregates))
        fields = ", ".join(f"v{i} := {value}" for i, value in enumerate(values))
        record = f"struct_pack({fields}, day := effective)"
        furthest = max(aggregate.back for aggregate in aggregates)
        if furthest == 0:
            order = ORDER if summary is Summary.LATEST else OLDEST_ORDER
            found = self._piece(f"arg_max({record}, {order})", condition)
        else:
            label = f"back_{len(self._separate)}"
            found = f"{self._prefix}{label}_list"
            of_days = (
                f"SELECT subject, effective, arg_max({record}, {ORDER}) AS found FROM {{records}}"
                f" WHERE {condition or 'TRUE'} GROUP BY subject, effective"
            )
            newest = f"arg_max(found, effective, {furthest + 1}) AS {found}"
            self._separate.append((label, f"SELECT subject, {newest} FROM ({of_days}) GROUP BY subject"))
        for aggregate in aggregates:
            one = found if furthest == 0 else f"{found}[{aggregate.back + 1}]"
            value = f"{one}.v{values.index(self._value(aggregate))}"
            day = f"CASE WHEN {value} IS NOT NULL THEN {one}.day END"
            yield aggregate, Cell(value, "FALSE", self._ground.evidence(day))
