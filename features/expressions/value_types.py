"""The type of every part of an expression, against the columns and indicators that a catalog declares."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum

from features.catalog import Catalog, Indicator, Kind
from features.expressions.syntax import (
    Aggregate,
    AsOf,
    Call,
    Column,
    Day,
    Expression,
    ExpressionError,
    Function,
    IndicatorValue,
    Missing,
    Number,
    Summary,
    Text,
    Truth,
    parts,
    walk,
)
from features.sources.record_table import ColumnType, RecordTable


class ValueType(StrEnum):
    """What a value is."""

    NUMBER = "number"
    TRUTH = "true/false"
    TEXT = "text"
    DATE = "date"


COLUMN_TYPES = {
    ColumnType.KEY: ValueType.TEXT,
    ColumnType.TEXT: ValueType.TEXT,
    ColumnType.NUMBER: ValueType.NUMBER,
    ColumnType.FLAG: ValueType.TRUTH,
    ColumnType.DATE: ValueType.DATE,
}
KIND_TYPES = {Kind.NUMBER: ValueType.NUMBER, Kind.FLAG: ValueType.TRUTH, Kind.CATEGORY: ValueType.TEXT}

_NUMERIC = {
    Summary.SUM,
    Summary.MEAN,
    Summary.MEDIAN,
    Summary.TREND,
    Summary.CONCENTRATION,
    Summary.TOP_SHARE,
}
_ORDERED = (ValueType.NUMBER, ValueType.DATE)
_OF_NUMBERS = {
    Function.ADD,
    Function.SUBTRACT,
    Function.MULTIPLY,
    Function.DIVIDE,
    Function.NEGATIVE,
    Function.RATIO,
    Function.GROWTH,
    Function.ABS,
    Function.LOG1P,
}


def _wrong(at: int, reason: str) -> ExpressionError:
    return ExpressionError(f"character {at}: {reason}")


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    close = get_close_matches(name, list(names), n=1)
    return f"; did you mean {close[0]}?" if close else ""


class Types:
    """The type of every part of one expression."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def of(self, expression: Expression) -> ValueType:
        match expression:
            case Number():
                return ValueType.NUMBER
            case Text():
                return ValueType.TEXT
            case Truth():
                return ValueType.TRUTH
            case AsOf() | Day():
                return ValueType.DATE
            case Missing():
                raise _wrong(expression.at, "missing stands only as a value of case, beside another value")
            case Column():
                return self._column(expression)
            case IndicatorValue():
                return KIND_TYPES[self._indicator(expression).kind]
            case Aggregate():
                return self._aggregate(expression)
            case Call():
                return self._call(expression)

    def _table(self, name: str, at: int) -> RecordTable:
        table = self._catalog.tables.get(name)
        if table is None:
            hint = _did_you_mean(name, self._catalog.tables)
            raise _wrong(at, f"there is no table {name}{hint}")
        return table

    def _column(self, column: Column) -> ValueType:
        columns = self._table(column.table, column.at).columns
        if column.name not in columns:
            hint = _did_you_mean(column.name, columns)
            raise _wrong(column.at, f"table {column.table} has no column {column.name}{hint}")
        return COLUMN_TYPES[columns[column.name].type]

    def _indicator(self, part: IndicatorValue) -> Indicator:
        placed = self._catalog.by_id.get(part.id)
        if placed is None:
            if part.id in self._catalog.tables:
                raise _wrong(part.at, f"{part.id} is a table: write {part.id}.column, or count({part.id})")
            hint = _did_you_mean(part.id, [*self._catalog.by_id, *self._catalog.terms])
            raise _wrong(part.at, f"there is no indicator or term {part.id}{hint}")
        if placed.indicator.value is None:
            raise _wrong(part.at, f"indicator {part.id} has no value: give it an expression too")
        return placed.indicator

    def _aggregate(self, part: Aggregate) -> ValueType:
        self._table(part.table, part.at)
        argument = None if part.argument is None else self.of(part.argument)
        if part.where is not None:
            self._same_table(part.where, part)
            self._expect(part.where, ValueType.TRUTH, "where takes a condition")
        if part.by is not None:
            self._same_table(part.by, part)
            self.of(part.by)
        if part.over is not None:
            self._over(part)
        if part.summary in (Summary.COUNT, Summary.DISTINCT):
            return ValueType.NUMBER
        assert argument is not None  # only count has none
        if part.summary in _NUMERIC and argument is not ValueType.NUMBER:
            hint = "; write case(…, 1, 0)" if argument is ValueType.TRUTH else ""
            raise _wrong(part.at, f"{part.summary} takes numbers, not a {argument}{hint}")
        if part.summary in (Summary.SMALLEST, Summary.LARGEST) and argument not in _ORDERED:
            raise _wrong(part.at, f"{part.summary} takes numbers or dates, not a {argument}")
        return argument

    def _same_table(self, condition: Expression, aggregate: Aggregate) -> None:
        for part in walk(condition):
            if isinstance(part, Column) and part.table != aggregate.table:
                raise _wrong(part.at, f"only columns of {aggregate.table} can be read here")

    def _over(self, aggregate: Aggregate) -> None:
        for pair in aggregate.over or ():
            self._same_table(pair.column, aggregate)
            found, own = self.of(pair.column), self.of(pair.own)
            if found is not own:
                raise _wrong(pair.own.at, f"over: a {found} and a {own} do not go together")
        for top in parts(aggregate):
            for part in walk(top):
                if isinstance(part, AsOf):
                    raise _wrong(part.at, "as_of cannot be read of records under over=; use months= or days=")

    def _call(self, call: Call) -> ValueType:
        function, arguments = call.function, call.arguments
        if function in _OF_NUMBERS:
            for argument in arguments:
                self._expect(argument, ValueType.NUMBER, f"{function} takes numbers")
            return ValueType.NUMBER
        match function:
            case Function.AND | Function.OR | Function.NOT:
                for argument in arguments:
                    self._expect(argument, ValueType.TRUTH, f"{function} takes conditions")
                return ValueType.TRUTH
            case Function.LESS | Function.AT_MOST | Function.MORE | Function.AT_LEAST:
                self._ordered(self._alike(call, arguments), call)
                return ValueType.TRUTH
            case Function.EQUAL | Function.UNEQUAL | Function.IN:
                self._alike(call, arguments)
                self._check_levels(arguments)
                return ValueType.TRUTH
            case Function.CASE:
                *branches, otherwise = arguments
                for condition in branches[::2]:
                    self._expect(condition, ValueType.TRUTH, "case takes conditions, each before its value")
                values = (*branches[1::2], otherwise)
                there = tuple(value for value in values if not isinstance(value, Missing))
                return self._alike(call, there or values)
            case Function.OR_ELSE:
                return self._alike(call, arguments)
            case Function.LEAST | Function.GREATEST:
                return self._ordered(self._alike(call, arguments), call)
            case Function.KNOWN:
                self.of(arguments[0])
                return ValueType.TRUTH
            case Function.DAYS_BETWEEN | Function.YEARS_BETWEEN:
                for argument in arguments:
                    self._expect(argument, ValueType.DATE, f"{function} takes dates")
                return ValueType.NUMBER
            case _:  # prefix
                self._expect(arguments[0], ValueType.TEXT, "prefix takes a text first")
                return ValueType.TEXT

    def _expect(self, part: Expression, expected: ValueType, what: str) -> None:
        found = self.of(part)
        if found is not expected:
            raise _wrong(part.at, f"{what}, not a {found}")

    def _alike(self, call: Call, arguments: tuple[Expression, ...]) -> ValueType:
        first = self.of(arguments[0])
        for argument in arguments[1:]:
            found = self.of(argument)
            if found is not first:
                raise _wrong(argument.at, f"{call.function}: a {first} and a {found} do not go together")
        return first

    def _ordered(self, type_: ValueType, call: Call) -> ValueType:
        if type_ not in _ORDERED:
            raise _wrong(call.at, f"{call.function} takes numbers or dates, not a {type_}")
        return type_

    def _check_levels(self, arguments: tuple[Expression, ...]) -> None:
        """Refuse the comparison with a text that what it is compared with can never be."""
        levels = next((found for found in map(self._levels, arguments) if found is not None), None)
        for argument in arguments:
            if levels is not None and isinstance(argument, Text) and argument.value not in levels:
                hint = _did_you_mean(argument.value, levels)
                raise _wrong(argument.at, f"there is no level {argument.value}{hint}")

    def _levels(self, part: Expression) -> set[str] | None:
        match part:
            case Column(table, name):
                levels = self._catalog.tables[table].columns[name].levels
                return None if levels is None else set(levels.values())
            case Aggregate(Summary.LATEST | Summary.FIRST, _, Column() as column):
                return self._levels(column)
            case IndicatorValue(id):
                levels_of_indicator = self._catalog.by_id[id].indicator.levels
                return None if levels_of_indicator is None else set(levels_of_indicator)
            case _:
                return None
