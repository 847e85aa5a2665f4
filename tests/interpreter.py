"""Expressions read part by part in plain Python: what the compiled ones are held against."""

import math
from calendar import monthrange
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

from features.catalog import Catalog
from features.expressions.checking import CheckedExpressions
from features.expressions.syntax import (
    LARGEST_NUMBER,
    Aggregate,
    AsOf,
    Call,
    Column,
    Day,
    Expression,
    Function,
    IndicatorValue,
    Missing,
    Number,
    Offset,
    Summary,
    Text,
    Truth,
)
from features.sources.record_table import CUSTOMERS, NATURE

Value = Any  # float, str, bool, date or None


@dataclass(frozen=True)
class Row:
    """A row of a staged table; `owner` is a customer, or the key of a table of something else."""

    owner: str
    effective: date
    known_at: date
    row: int
    cells: dict[str, Value]


@dataclass(frozen=True)
class Succession:
    """A merger."""

    from_customer: str
    to_customer: str
    on: date
    known_at: date


@dataclass(frozen=True)
class Result:
    """A value with its status, and the day and table of its evidence."""

    value: Value
    status: str = "known"
    day: date | None = None
    table: str | None = None


NO_RECORD = Result(None, "no_record")
Tables = dict[str, list[Row]]


def back(day: date, offset: Offset) -> date:
    """Return the day calendar months and then days earlier."""
    month = day.year * 12 + day.month - 1 - offset.months
    year, month = divmod(month, 12)
    first = date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    return first - timedelta(days=offset.days)


class Interpreter:
    """All customers of one company as of one day."""

    def __init__(
        self,
        checked: CheckedExpressions,
        tables: Tables,
        as_of: date,
        successions: Sequence[Succession] = (),
    ) -> None:
        self.catalog: Catalog = checked.catalog
        self.checked = checked
        self.as_of = as_of
        self.moves = [s for s in successions if max(s.on, s.known_at) <= as_of]
        self.tables = list(checked.catalog.tables)
        self.rows = tables
        self.seen = {name: self._seen(name) for name in tables}
        self.customers = sorted({self._owner(row.owner) for row in self.seen[CUSTOMERS]})

    def _seen(self, name: str) -> list[Row]:
        table = self.catalog.tables[name]
        by_record: dict[object, list[Row]] = defaultdict(list)
        for row in self.rows[name]:
            if row.known_at <= self.as_of and row.effective <= self.as_of:
                what = tuple(row.cells[c] for c in table.record) if table.record else row.row
                by_record[row.owner, what].append(row)
        newest = [max(rows, key=lambda row: (row.known_at, row.row)) for rows in by_record.values()]
        return [row for row in newest if not (table.withdrawn and row.cells[table.withdrawn])]

    def _owner(self, customer: str) -> str:
        while True:
            moves = [move for move in self.moves if move.from_customer == customer]
            if not moves:
                return customer
            customer = max(moves, key=_newest_move).to_customer

    def nature(self, customer: str) -> Value:
        return self._aggregate(
            Aggregate(Summary.LATEST, CUSTOMERS, Column(CUSTOMERS, NATURE)), customer
        ).value

    def results(self, customer: str) -> dict[str, Result]:
        """Return the cell of every indicator of one customer."""
        nature = self.nature(customer)
        found: dict[str, Result] = {}
        for id_, expression in self.checked.expressions.items():
            placed = self.catalog.by_id[id_]
            if nature not in self.catalog.natures or not placed.applies_to(nature):
                found[id_] = Result(None, "not_declared")
            else:
                found[id_] = self._result(expression, customer, found)
        return found

    def _result(self, expression: Expression, customer: str, found: dict[str, Result]) -> Result:
        match expression:
            case Number(value) | Text(value) | Truth(value) | Day(value):
                return Result(value)
            case Missing():
                return NO_RECORD
            case AsOf():
                return Result(self.as_of)
            case IndicatorValue(id_):
                return NO_RECORD if found[id_].status == "not_declared" else found[id_]
            case Aggregate():
                return self._aggregate(expression, customer)
            case Call(function, arguments):
                return self._call(function, [self._result(part, customer, found) for part in arguments])
        raise AssertionError(expression)

    def _oldest(self, results: Sequence[Result], value: Value, status: str = "known") -> Result:
        dated = [result for result in results if result.day is not None and result.table is not None]
        if not dated:
            return Result(value, status)
        oldest = min(dated, key=lambda result: (result.day, self.tables.index(result.table or "")))
        return Result(value, status, oldest.day, oldest.table)

    def _call(self, function: Function, parts: list[Result]) -> Result:
        known = [part for part in parts if part.value is not None]
        missing = [part for part in parts if part.value is None]
        match function:
            case Function.KNOWN:
                return self._oldest(known, not missing)
            case Function.OR_ELSE:
                return parts[0] if parts[0].value is not None else parts[1]
            case Function.CASE:
                used = []
                while len(parts) > 1:
                    condition, chosen, *parts = parts
                    used += [condition] if condition.value is not None else []
                    if condition.value:
                        break
                else:
                    (chosen,) = parts
                if chosen.status == "no_record":
                    return NO_RECORD
                return self._oldest([*used, chosen], chosen.value, chosen.status)
            case Function.AND | Function.OR:
                deciding = function is Function.OR
                if any(part.value is deciding for part in known):
                    return self._oldest(known, deciding)
                if not missing:
                    return self._oldest(known, not deciding)
        if any(part.status == "no_record" for part in missing):
            return NO_RECORD
        value = None if missing else plain(function, [part.value for part in parts])
        return self._oldest(parts, value, "undefined" if value is None else "known")

    def _records(self, aggregate: Aggregate, customer: str) -> tuple[list[Row], bool]:
        """Return the records before window and condition, and whether it is known whose they are."""
        table, rows = self.catalog.tables[aggregate.table], self.seen[aggregate.table]
        if aggregate.over is not None:
            own = {
                pair.column.name: self._aggregate(
                    Aggregate(Summary.LATEST, pair.own.table, pair.own), customer
                ).value
                for pair in aggregate.over
            }
            if None in own.values():
                return [], False
            return [row for row in rows if all(row.cells[name] == own[name] for name in own)], True
        if table.key_of is not None:
            of_table, column = table.key_of.split(".")
            key = self._aggregate(
                Aggregate(Summary.LATEST, of_table, Column(of_table, column)), customer
            ).value
            return [row for row in rows if row.owner == key], key is not None
        of_customer = [row for row in rows if self._owner(row.owner) == customer]
        own_rows = [row for row in of_customer if row.owner == customer]
        return (own_rows or of_customer) if aggregate.table == CUSTOMERS else of_customer, True

    def _aggregate(self, aggregate: Aggregate, customer: str) -> Result:
        rows, reached = self._records(aggregate, customer)
        seen_days = [
            row.effective
            for row in self.rows[aggregate.table]
            if row.known_at <= self.as_of and row.effective <= self.as_of
        ]
        newest = max(seen_days, default=None)
        nothing = self.catalog.tables[aggregate.table].complete and newest is not None and reached

        def between(after: Offset | None, until: Offset) -> list[Row]:
            return [
                row
                for row in rows
                if row.effective <= back(self.as_of, until)
                and (after is None or row.effective > back(self.as_of, after))
                and (aggregate.where is None or self._cell(aggregate.where, row) is True)
            ]

        window = aggregate.window
        used = between(window.after, window.until)
        if aggregate.summary in (Summary.LATEST, Summary.FIRST):
            return self._picked(aggregate, used, customer)
        values = [(row, self._cell(aggregate.argument, row)) for row in used]
        if aggregate.by is not None:
            values = [(row, value) for row, value in values if row.cells[aggregate.by.name] is not None]
        values = [(row, value) for row, value in values if value is not None]
        if values:
            day: date | None = max(row.effective for row, _ in values)
        elif (
            used
            or not nothing
            or aggregate.summary in (Summary.MEAN, Summary.MEDIAN, Summary.SMALLEST, Summary.LARGEST)
        ):
            return NO_RECORD
        else:
            day = newest
        if aggregate.summary is Summary.TREND:
            halves = [between(window.middle, window.until), between(window.after, window.middle)]
            cells = [[self._cell(aggregate.argument, row) for row in half] for half in halves]
            if any(not [c for c in half if c is not None] and (half or not nothing) for half in cells):
                return NO_RECORD
            value = _trend(*(math.fsum(c for c in half if c is not None) for half in cells))
        else:
            value = _summary(aggregate, values)
        status = "undefined" if value is None else "known"
        return Result(value, status, day, aggregate.table)

    def _picked(self, aggregate: Aggregate, used: list[Row], customer: str) -> Result:
        by_day: dict[date, list[Row]] = defaultdict(list)
        for row in used:
            by_day[row.effective].append(row)
        days = sorted(by_day, reverse=aggregate.summary is Summary.LATEST)
        if len(days) <= aggregate.back:
            return NO_RECORD
        of_day = by_day[days[aggregate.back]]
        row = max(of_day, key=lambda row: (row.owner == customer, row.known_at, row.row))
        value = self._cell(aggregate.argument, row)
        return NO_RECORD if value is None else Result(value, "known", row.effective, aggregate.table)

    def _cell(self, expression: Expression | None, row: Row) -> Value:
        match expression:
            case None:
                return True
            case Number(value) | Text(value) | Truth(value) | Day(value):
                return value
            case Missing():
                return None
            case AsOf():
                return self.as_of
            case Column(_, name):
                value = row.cells[name]
                wild = isinstance(value, float) and not abs(value) <= LARGEST_NUMBER
                return None if wild else value
            case Call(function, arguments):
                return self._call(function, [self._of_row(part, row) for part in arguments]).value
        raise AssertionError(expression)

    def _of_row(self, expression: Expression, row: Row) -> Result:
        value = self._cell(expression, row)
        return NO_RECORD if value is None else Result(value)


def _newest_move(move: Succession) -> tuple[date, date, date, str]:
    return max(move.on, move.known_at), move.known_at, move.on, move.to_customer


def plain(function: Function, values: list[Value]) -> Value:
    """Return a function of values that are all there, None where it is undefined."""
    a, b = values[0], values[-1]
    match function:
        case Function.ADD:
            result = a + b
        case Function.SUBTRACT:
            result = a - b
        case Function.MULTIPLY:
            result = a * b
        case Function.DIVIDE:
            result = a / b if b != 0 else None
        case Function.RATIO:
            result = a / b if b > 0 else None
        case Function.GROWTH:
            result = (a - b) / b if b > 0 else None
        case Function.LOG1P:
            result = math.log1p(a) if a > -1 else None
        case Function.NEGATIVE:
            result = -a
        case Function.ABS:
            result = abs(a)
        case Function.LEAST:
            result = min(values)
        case Function.GREATEST:
            result = max(values)
        case Function.LESS:
            result = a < b
        case Function.AT_MOST:
            result = a <= b
        case Function.EQUAL:
            result = a == b
        case Function.UNEQUAL:
            result = a != b
        case Function.MORE:
            result = a > b
        case Function.AT_LEAST:
            result = a >= b
        case Function.IN:
            result = a in values[1:]
        case Function.NOT:
            result = not a
        case Function.DAYS_BETWEEN:
            result = float((b - a).days)
        case Function.YEARS_BETWEEN:
            result = (b - a).days / 365.25
        case Function.PREFIX:
            result = a[: int(b)]
        case _:
            raise AssertionError(function)
    wild = isinstance(result, float) and not abs(result) <= LARGEST_NUMBER
    return None if wild else result


def _summary(aggregate: Aggregate, values: list[tuple[Row, Value]]) -> Value:
    plain_values = [value for _, value in values]
    match aggregate.summary:
        case Summary.COUNT:
            return float(len(plain_values))
        case Summary.SUM:
            return plain(Function.ADD, [math.fsum(plain_values), 0.0])
        case Summary.MEAN:
            return math.fsum(plain_values) / len(plain_values)
        case Summary.MEDIAN:
            return float(median(plain_values))
        case Summary.SMALLEST:
            return min(plain_values)
        case Summary.LARGEST:
            return max(plain_values)
        case Summary.DISTINCT:
            return float(len(set(plain_values)))
    assert aggregate.by is not None
    sums: dict[Value, list[float]] = defaultdict(list)
    for row, value in values:
        sums[row.cells[aggregate.by.name]].append(value)
    shares = [total for total in map(math.fsum, sums.values()) if total > 0]
    if not shares:
        return None
    whole = math.fsum(shares)
    if aggregate.summary is Summary.TOP_SHARE:
        return max(shares) / whole
    return min(1.0, math.fsum((share / whole) ** 2 for share in shares))


def _trend(newer: float, older: float) -> float | None:
    if newer + older <= 0:
        return None
    return max(-1.0, min(1.0, (newer - older) / (newer + older)))
