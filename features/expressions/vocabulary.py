"""What may be written in an expression, and hints for what is often written instead."""

import ast

from features.expressions.syntax import Function, Summary

LONGEST_TEXT = 2000
DEEPEST_NESTING = 50
LARGEST_SETTINGS = {
    "months": 1200,
    "days": 36525,
    "ending_months_ago": 1200,
    "ending_days_ago": 36525,
    "back": 60,
}

OPERATORS: dict[type[ast.AST], Function] = {
    ast.Add: Function.ADD,
    ast.Sub: Function.SUBTRACT,
    ast.Mult: Function.MULTIPLY,
    ast.Div: Function.DIVIDE,
    ast.Lt: Function.LESS,
    ast.LtE: Function.AT_MOST,
    ast.Eq: Function.EQUAL,
    ast.NotEq: Function.UNEQUAL,
    ast.Gt: Function.MORE,
    ast.GtE: Function.AT_LEAST,
    ast.And: Function.AND,
    ast.Or: Function.OR,
}
DAY = "date"
MISSING = "missing"
# Names of an expression that no indicator and no term can have.
WORDS = frozenset({"true", "false", "as_of", "all", MISSING})
# The functions written as name(...): the least and the greatest number of arguments.
CALLS = {
    Function.RATIO: (2, 2),
    Function.GROWTH: (2, 2),
    Function.CASE: (3, 81),
    Function.OR_ELSE: (2, 2),
    Function.KNOWN: (1, 1),
    Function.DAYS_BETWEEN: (2, 2),
    Function.YEARS_BETWEEN: (2, 2),
    Function.ABS: (1, 1),
    Function.LOG1P: (1, 1),
    Function.LEAST: (2, 20),
    Function.GREATEST: (2, 20),
    Function.PREFIX: (2, 2),
}
_WINDOW = {"months", "days", "ending_months_ago", "ending_days_ago", "where"}
OPTIONS = {summary: set(_WINDOW) for summary in Summary}
OPTIONS[Summary.LATEST].add("back")
for _summary in (Summary.CONCENTRATION, Summary.TOP_SHARE):
    OPTIONS[_summary].add("by")
for _summary in (
    Summary.COUNT,
    Summary.SUM,
    Summary.MEAN,
    Summary.MEDIAN,
    Summary.SMALLEST,
    Summary.LARGEST,
    Summary.DISTINCT,
):
    OPTIONS[_summary].add("over")

HINTS: dict[type[ast.AST], str] = {
    ast.Pow: "there are no powers; multiply",
    ast.FloorDiv: "there is no //; write /",
    ast.Mod: "there is no %",
    ast.Is: "write == instead of is",
    ast.IsNot: "write != instead of is not",
    ast.IfExp: "write case(condition, a, b)",
    ast.BitAnd: "write and instead of &",
    ast.BitOr: "write or instead of |",
    ast.Invert: "write not instead of ~",
    ast.List: "write the options in round brackets",
    ast.Set: "write the options in round brackets",
    ast.Tuple: "a list in brackets stands only after in",
}
