"""Text to expression, through Python's own grammar of which only a few forms are let in."""

import ast
import re
import unicodedata
import warnings
from datetime import date
from difflib import get_close_matches

from features.expressions.syntax import (
    EVERYBODY,
    LARGEST_NUMBER,
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
    Over,
    Shared,
    Summary,
    Text,
    Truth,
    Window,
    walk,
)
from features.expressions.vocabulary import (
    CALLS,
    DAY,
    DEEPEST_NESTING,
    HINTS,
    LARGEST_SETTINGS,
    LONGEST_TEXT,
    MISSING,
    OPERATORS,
    OPTIONS,
)


def parse(text: str) -> Expression:
    """Read one expression.

    Raises:
        ExpressionError: the place in the text (counted in characters from 1), what is wrong, what to do.
    """
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        line = re.sub(r"[\r\n\f\v]", " ", text)
        self._line = line.strip()
        self._indent = len(line) - len(line.lstrip())
        self._utf8 = self._line.encode(errors="replace")

    def read(self) -> Expression:
        if not self._line:
            raise ExpressionError("is empty; write an expression such as latest(table.column)")
        if len(self._line) > LONGEST_TEXT:
            raise ExpressionError(
                f"is longer than {LONGEST_TEXT} characters; give a part of it as an indicator or a term"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                tree = ast.parse(self._line, mode="eval")
        except SyntaxError as error:
            at = self._indent + max((error.offset or 1), 1)
            raise ExpressionError(f"character {at}: {error.msg}; check brackets, commas and quotes") from None
        except Warning as warning:
            raise ExpressionError(f"is doubtful: {warning}") from None
        except (ValueError, RecursionError, MemoryError):
            raise ExpressionError("cannot be read; write a simpler expression") from None
        return self._expression(tree.body, of_record=False, depth=0)

    def _at(self, node: ast.expr | ast.keyword) -> int:
        return self._indent + len(self._utf8[: node.col_offset].decode(errors="ignore")) + 1

    def _wrong(self, node: ast.expr | ast.keyword, reason: str) -> ExpressionError:
        return ExpressionError(f"character {self._at(node)}: {reason}")

    def _refused(self, node: ast.expr, operator: ast.AST | None = None) -> ExpressionError:
        kind = type(operator if operator is not None else node)
        hint = HINTS.get(kind, "see the vocabulary in docs/decisions/007-records-to-indicators.md")
        return self._wrong(node, f"{kind.__name__} is not part of the vocabulary; {hint}")

    def _expression(self, node: ast.expr, of_record: bool, depth: int) -> Expression:
        """Read one part; `of_record` where it stands in a condition on (or an argument of) records."""
        if depth > DEEPEST_NESTING:
            reason = f"more than {DEEPEST_NESTING} levels; give a part of it as an indicator or a term"
            raise self._wrong(node, reason)

        def read(part: ast.expr) -> Expression:
            return self._expression(part, of_record, depth + 1)

        at = self._at(node)
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node, of_record)
            case ast.Attribute():
                column = self._column(node)
                if not of_record:
                    shown = f"{column.table}.{column.name}"
                    raise self._wrong(node, f"say which record of {column.table}: write latest({shown})")
                return column
            case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
                return Call(OPERATORS[type(operator)], (read(left), read(right)), at)
            case ast.BinOp():
                raise self._refused(node, node.op)
            case ast.BoolOp(operator, values):
                return Call(OPERATORS[type(operator)], tuple(read(value) for value in values), at)
            case ast.UnaryOp(ast.Not(), operand):
                return Call(Function.NOT, (read(operand),), at)
            case ast.UnaryOp(ast.USub(), operand):
                inner = read(operand)
                if isinstance(inner, Number):
                    return Number(-inner.value, at)
                return Call(Function.NEGATIVE, (inner,), at)
            case ast.UnaryOp():
                raise self._refused(node, node.op)
            case ast.Compare():
                return self._comparison(node, of_record, depth)
            case ast.Call():
                return self._call(node, of_record, depth)
            case _:
                raise self._refused(node)

    def _constant(self, node: ast.Constant) -> Expression:
        at, value = self._at(node), node.value
        if isinstance(value, bool):
            raise self._wrong(node, f"write {str(value).lower()}")
        if isinstance(value, int | float):
            if abs(value) > LARGEST_NUMBER:
                raise self._wrong(node, f"the number is larger than {LARGEST_NUMBER:g}")
            return Number(float(value), at)
        if isinstance(value, str):
            if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in value):
                raise self._wrong(node, "the text holds a sign that cannot be printed; take it out")
            return Text(value, at)
        raise self._wrong(node, f"a value of type {type(value).__name__} is not part of the vocabulary")

    def _name(self, node: ast.Name, of_record: bool) -> Expression:
        at = self._at(node)
        if node.id in ("true", "false"):
            return Truth(node.id == "true", at)
        if node.id == "as_of":
            return AsOf(at)
        if node.id == MISSING:
            return Missing(at)
        if of_record:
            raise self._wrong(node, f"{node.id}: of a record only its own columns can be read: table.column")
        return IndicatorValue(node.id, at)

    def _column(self, node: ast.expr) -> Column:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return Column(node.value.id, node.attr, self._at(node))
        raise self._wrong(node, "write a column as table.column")

    def _comparison(self, node: ast.Compare, of_record: bool, depth: int) -> Expression:
        if len(node.ops) > 1:
            raise self._wrong(node, "compare two values at a time: a < b and b < c")
        operator, right, at = node.ops[0], node.comparators[0], self._at(node)
        left = self._expression(node.left, of_record, depth + 1)
        if isinstance(operator, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple) or not right.elts:
                raise self._wrong(right, 'after in stand its options: ("a", "b"), a single one as ("a",)')
            options = tuple(self._expression(option, of_record, depth + 1) for option in right.elts)
            if not all(isinstance(option, Number | Text) for option in options):
                raise self._wrong(right, "the options after in are numbers or texts, written out")
            member = Call(Function.IN, (left, *options), at)
            return Call(Function.NOT, (member,), at) if isinstance(operator, ast.NotIn) else member
        if type(operator) not in OPERATORS:
            raise self._refused(node, operator)
        return Call(OPERATORS[type(operator)], (left, self._expression(right, of_record, depth + 1)), at)

    def _call(self, node: ast.Call, of_record: bool, depth: int) -> Expression:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name in set(Summary):
            if of_record:
                raise self._wrong(node, f"{name} cannot stand within a condition on records")
            return self._aggregate(node, Summary(name), depth)
        if name == DAY:
            return self._day(node)
        function = next((function for function in CALLS if function == name), None)
        if function is None:
            close = get_close_matches(name or "", [*CALLS, *Summary, DAY], n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise self._wrong(node, f"there is no function {name}{hint}" if name else "this cannot be called")
        if node.keywords:
            raise self._wrong(node.keywords[0], f"{name} takes no settings by name")
        fewest, most = CALLS[function]
        if not fewest <= len(node.args) <= most:
            count = fewest if fewest == most else f"{fewest} to {most}"
            raise self._wrong(node, f"{name} takes {count} value(s), not {len(node.args)}")
        arguments = tuple(self._expression(part, of_record, depth + 1) for part in node.args)
        if function is Function.PREFIX and not _is_whole(arguments[1]):
            raise self._wrong(node.args[1], "prefix takes a whole number of signs from 1, written out")
        if function is Function.CASE and len(arguments) % 2 == 0:
            raise self._wrong(node, "case takes conditions, each with its value, and then a last value")
        return Call(function, arguments, self._at(node))

    def _day(self, node: ast.Call) -> Day:
        written = node.args[0] if len(node.args) == 1 and not node.keywords else None
        if isinstance(written, ast.Constant) and isinstance(written.value, str):
            try:
                return Day(date.fromisoformat(written.value), self._at(node))
            except ValueError:
                pass
        raise self._wrong(node, f'{DAY} takes a day as {DAY}("2024-12-31")')

    def _aggregate(self, node: ast.Call, summary: Summary, depth: int) -> Aggregate:
        if len(node.args) != 1:
            what = "table" if summary is Summary.COUNT else "column"
            raise self._wrong(node, f"{summary} takes one {what} and then settings by name")
        argument: Expression | None = None
        if summary is Summary.COUNT:
            if not isinstance(node.args[0], ast.Name):
                hint = "count takes a table; for one column write count(table, where=known(table.column))"
                raise self._wrong(node.args[0], hint)
            table = node.args[0].id
        else:
            argument = self._expression(node.args[0], of_record=True, depth=depth + 1)
            tables = {part.table for part in walk(argument) if isinstance(part, Column)}
            if len(tables) != 1:
                raise self._wrong(node, f"{summary} takes a column (or a value of columns) of one table")
            table = tables.pop()
        options = self._options(node, summary)
        window = Window(
            months=self._whole(options, "months", fewest=1),
            days=self._whole(options, "days", fewest=1),
            ending_months_ago=self._whole(options, "ending_months_ago", fewest=0) or 0,
            ending_days_ago=self._whole(options, "ending_days_ago", fewest=0) or 0,
        )
        if window.months is not None and window.days is not None:
            raise self._wrong(options["days"], "give months or days, not both")
        if summary is Summary.TREND and not _has_halves(window):
            raise self._wrong(node, "trend compares two halves: give an even number of months or days")
        where = options.get("where")
        return Aggregate(
            summary=summary,
            table=table,
            argument=argument,
            window=window,
            where=None if where is None else self._expression(where.value, of_record=True, depth=depth + 1),
            by=self._column(options["by"].value) if "by" in options else None,
            over=self._over(options["over"].value) if "over" in options else None,
            back=self._whole(options, "back", fewest=0) or 0,
            at=self._at(node),
        )

    def _options(self, node: ast.Call, summary: Summary) -> dict[str, ast.keyword]:
        options: dict[str, ast.keyword] = {}
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in OPTIONS[summary]:
                names = ", ".join(sorted(OPTIONS[summary]))
                raise self._wrong(keyword, f"{summary} takes no {keyword.arg or '**'}; it takes {names}")
            options[keyword.arg] = keyword
        if "by" in OPTIONS[summary] and "by" not in options:
            raise self._wrong(node, f"{summary} needs by=table.column")
        return options

    def _whole(self, options: dict[str, ast.keyword], name: str, fewest: int) -> int | None:
        keyword = options.get(name)
        if keyword is None:
            return None
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        most = LARGEST_SETTINGS[name]
        if isinstance(value, bool) or not isinstance(value, int) or not fewest <= value <= most:
            raise self._wrong(keyword, f"{name} is a whole number from {fewest} to {most}")
        return value

    def _over(self, node: ast.expr) -> Over:
        if isinstance(node, ast.Name) and node.id == "all":
            return EVERYBODY
        several = node.elts if isinstance(node, ast.Tuple) and node.elts else [node]
        return tuple(self._shared(part) for part in several)

    def _shared(self, node: ast.expr) -> Shared:
        match node:
            case ast.Compare(left, [ast.Eq()], [right]):
                return Shared(self._column(left), self._column(right))
            case _:
                column = self._column(node)
                return Shared(column, column)


def _is_whole(expression: Expression) -> bool:
    return isinstance(expression, Number) and expression.value in range(1, LONGEST_TEXT)


def _has_halves(window: Window) -> bool:
    length = window.months or window.days
    return length is not None and length % 2 == 0
