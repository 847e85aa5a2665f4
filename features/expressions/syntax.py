"""The parts of an expression: what `value` of an indicator means once it is read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

# Larger magnitudes are no numbers of a company: as a cell they are missing, as a result undefined.
LARGEST_NUMBER = 1e24


class ExpressionError(ValueError):
    """An expression is wrong; the message says where and what to do, in one line."""


class Function(StrEnum):
    """What computes one value from others."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    NEGATIVE = "negative"
    LESS = "<"
    AT_MOST = "<="
    EQUAL = "=="
    UNEQUAL = "!="
    MORE = ">"
    AT_LEAST = ">="
    IN = "in"
    AND = "and"
    OR = "or"
    NOT = "not"
    RATIO = "ratio"
    GROWTH = "growth"
    CASE = "case"
    OR_ELSE = "or_else"
    KNOWN = "known"
    DAYS_BETWEEN = "days_between"
    YEARS_BETWEEN = "years_between"
    ABS = "abs"
    LOG1P = "log1p"
    LEAST = "least"
    GREATEST = "greatest"
    PREFIX = "prefix"


class Summary(StrEnum):
    """What is made of the records in a window."""

    LATEST = "latest"
    FIRST = "first"
    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    MEDIAN = "median"
    SMALLEST = "smallest"
    LARGEST = "largest"
    DISTINCT = "distinct"
    TREND = "trend"
    CONCENTRATION = "concentration"
    TOP_SHARE = "top_share"


# `at` is where in the text a part starts, for messages; it makes no difference to what two parts say.
@dataclass(frozen=True)
class Number:
    """A number, written out."""

    value: float
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Text:
    """A text, written out."""

    value: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Truth:
    """`true` or `false`."""

    value: bool
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Day:
    """A day, written out."""

    value: date
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Missing:
    """`missing`: no value, as if there were no record."""

    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class AsOf:
    """The day of the evaluation."""

    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Column:
    """A cell of a record: `table.column`."""

    table: str
    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class IndicatorValue:
    """The value of another indicator (or of a term, in whose place its expression is put)."""

    id: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Call:
    """A function of other parts.

    The first argument of `in` is the item, the others are its options. Those of `case` are conditions, each
    with the value where it is the first that is met, and then the value where none is.
    """

    function: Function
    arguments: tuple["Expression", ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Offset:
    """A day some calendar months and then some days before the as-of day."""

    months: int = 0
    days: int = 0


@dataclass(frozen=True)
class Window:
    """Which effective days count: `after` < day <= `until`; without a length all until then."""

    months: int | None = None
    days: int | None = None
    ending_months_ago: int = 0
    ending_days_ago: int = 0

    @property
    def until(self) -> Offset:
        """The last day."""
        return Offset(self.ending_months_ago, self.ending_days_ago)

    @property
    def after(self) -> Offset | None:
        """The day before the first; None where the window has no length."""
        if self.months is None and self.days is None:
            return None
        return self._before_end(self.months or 0, self.days or 0)

    @property
    def middle(self) -> Offset:
        """The last day of the older half of a window whose length is even."""
        return self._before_end((self.months or 0) // 2, (self.days or 0) // 2)

    def _before_end(self, months: int, days: int) -> Offset:
        return Offset(self.ending_months_ago + months, self.ending_days_ago + days)


@dataclass(frozen=True)
class Shared:
    """Of everybody's records those whose `column` is what the customer's newest record has in `own`."""

    column: Column
    own: Column


# What everybody's records must share with the customer to count (`over=`); nothing means all of them.
Over = tuple[Shared, ...]
EVERYBODY: Over = ()


@dataclass(frozen=True)
class Aggregate:
    """A summary of one table's records; `argument`, `where` and `by` are of a record's own cells."""

    summary: Summary
    table: str
    argument: "Expression | None" = None
    window: Window = Window()
    where: "Expression | None" = None
    by: Column | None = None
    over: Over | None = None
    back: int = 0
    at: int = field(default=0, compare=False)


Expression = Number | Text | Truth | Day | Missing | AsOf | Column | IndicatorValue | Call | Aggregate


def parts(expression: Expression) -> tuple[Expression, ...]:
    """Return the direct parts of an expression; of an aggregate those that are read from its records."""
    if isinstance(expression, Call):
        return expression.arguments
    if isinstance(expression, Aggregate):
        of_records = (expression.argument, expression.where, expression.by)
        return tuple(part for part in of_records if part is not None)
    return ()


def walk(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and all its parts, the whole before its parts."""
    yield expression
    for part in parts(expression):
        yield from walk(part)
