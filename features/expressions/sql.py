"""SQL of single values: quoted texts, functions, and sums that no order of adding changes."""

from collections.abc import Sequence
from pathlib import Path

from features.expressions.syntax import (
    LARGEST_NUMBER,
    Day,
    Expression,
    Function,
    Missing,
    Number,
    Offset,
    Text,
    Truth,
)

# A sum is kept as two whole numbers, of the whole parts and of the fractions in units of 2^-90, so that it
# is the same however the records are spread over threads, and so that what was added can be taken off again.
_FRACTION = 2**90
_FRACTION_SQL = f"{_FRACTION}::HUGEINT"
# Below this the whole and the fraction fit into one number of 127 bits.
_JOINED = 2**35

_INFIX = {
    Function.ADD: "+",
    Function.SUBTRACT: "-",
    Function.MULTIPLY: "*",
    Function.LESS: "<",
    Function.AT_MOST: "<=",
    Function.EQUAL: "=",
    Function.UNEQUAL: "<>",
    Function.MORE: ">",
    Function.AT_LEAST: ">=",
    Function.AND: "AND",
    Function.OR: "OR",
}
# Functions whose result can leave the range of numbers, or is undefined for some arguments.
FALLIBLE = frozenset(
    {
        Function.ADD,
        Function.SUBTRACT,
        Function.MULTIPLY,
        Function.DIVIDE,
        Function.RATIO,
        Function.GROWTH,
        Function.LOG1P,
    }
)


def text(value: str) -> str:
    """Return a quoted text."""
    return "'" + value.replace("'", "''") + "'"


def literal(expression: Expression) -> str | None:
    """Return the SQL of what is written out; None for any other expression."""
    match expression:
        case Number(value):
            return f"{text(repr(value))}::DOUBLE"
        case Text(value):
            return text(value)
        case Truth(value):
            return "TRUE" if value else "FALSE"
        case Day(value):
            return f"{text(value.isoformat())}::DATE"
        case Missing():
            return "NULL"
        case _:
            return None


def parquet(files: Path) -> str:
    """Return the relation of a Parquet file or a glob of them; names of folders add no columns."""
    return f"read_parquet({text(str(files))}, hive_partitioning = FALSE)"


def in_range(number: str) -> str:
    """Return a number where it is one, else NULL; this also takes out infinities and NaN."""
    return f"CASE WHEN abs({number}) <= {LARGEST_NUMBER!r}::DOUBLE THEN {number} END"


def back_from(day: str, offset: Offset) -> str:
    """Return the day that lies calendar months and days before another."""
    return f"(({day} - INTERVAL {offset.months} MONTH) - INTERVAL {offset.days} DAY)::DATE"


def reached(day: str, offset: Offset) -> str:
    """Return the first day from which `back_from(…, offset)` is a given day or a later one."""
    start = f"({day} + {offset.days})"
    # Where the month has no such day (30 February) the next month's first is the first from which.
    later = f"({start} + INTERVAL {offset.months} MONTH)::DATE"
    return f"CASE WHEN day({later}) = day({start}) THEN {later} ELSE {later} + 1 END"


def function(called: Function, arguments: list[str]) -> str:
    """Return a function of values, NULL where it is missing; arguments are columns or literals."""
    if called in FALLIBLE:
        return in_range(_fallible(called, arguments))
    if called in _INFIX:
        return "(" + f" {_INFIX[called]} ".join(arguments) + ")"
    match called, arguments:
        case Function.NEGATIVE, [a]:
            return f"(-({a}))"
        case Function.IN, [item, *options]:
            return f"({item} IN ({', '.join(options)}))"
        case Function.NOT, [a]:
            return f"(NOT {a})"
        case Function.CASE, [*branches, otherwise]:
            return case(branches[::2], branches[1::2], otherwise)
        case Function.OR_ELSE, [a, b]:
            return f"coalesce({a}, {b})"
        case Function.KNOWN, [a]:
            return f"({a} IS NOT NULL)"
        case Function.DAYS_BETWEEN, [a, b]:
            return f"({b} - {a})::DOUBLE"
        case Function.YEARS_BETWEEN, [a, b]:
            return f"(({b} - {a})::DOUBLE / 365.25::DOUBLE)"
        case Function.ABS, [a]:
            return f"abs({a})"
        case Function.PREFIX, [a, length]:
            return f"left({a}, {length}::BIGINT)"
        case _:  # least, greatest: missing where a part is
            missing = " OR ".join(f"{argument} IS NULL" for argument in arguments)
            return f"CASE WHEN {missing} THEN NULL ELSE {called.value}({', '.join(arguments)}) END"


def _fallible(called: Function, arguments: list[str]) -> str:
    match called, arguments:
        case Function.DIVIDE, [a, b]:
            return f"({a} / {b})"  # by 0 it is out of range
        case Function.RATIO, [a, b]:
            return f"({a} / CASE WHEN {b} > 0 THEN {b} END)"
        case Function.GROWTH, [a, b]:
            return f"(({a} - {b}) / CASE WHEN {b} > 0 THEN {b} END)"
        case Function.LOG1P, [a]:
            # What adding 1 rounds away is put back, so that small values keep their digits.
            near = f"CASE WHEN 1 + {a} = 1 THEN {a} ELSE ln(1 + {a}) * ({a} / ((1 + {a}) - 1)) END"
            return f"CASE WHEN {a} > -1 THEN {near} END"
        case _:
            return "(" + f" {_INFIX[called]} ".join(arguments) + ")"


def case(conditions: Sequence[str], values: Sequence[str], otherwise: str) -> str:
    """Return the value of the first condition that is met, another where none is."""
    branches = (f"WHEN {met} THEN {value}" for met, value in zip(conditions, values, strict=True))
    return f"CASE {' '.join(branches)} ELSE {otherwise} END"


def whole_part(number: str) -> str:
    """Return what a number adds to a sum's whole."""
    return f"trunc({number})::HUGEINT"


def fraction_part(number: str) -> str:
    """Return what a number adds to a sum's fraction."""
    return f"(({number} - trunc({number})) * {float(_FRACTION)!r}::DOUBLE)::HUGEINT"


def total(whole: str, fraction: str) -> str:
    """Return the sum whose parts were added up; its error is the rounding of the result."""
    carried, rest = f"({whole} + {fraction} // {_FRACTION_SQL})", f"({fraction} % {_FRACTION_SQL})"
    near = f"({carried} * {_FRACTION_SQL} + {rest})::DOUBLE / {float(_FRACTION)!r}::DOUBLE"
    far = f"{carried}::DOUBLE + {rest}::DOUBLE / {float(_FRACTION)!r}::DOUBLE"
    return f"CASE WHEN abs({carried}) < {_JOINED} THEN {near} ELSE {far} END"
