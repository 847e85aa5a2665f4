"""Expressions are read strictly: what is not in the vocabulary, or fits no table, is refused in its place."""

import math
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.catalog import Catalog
from features.expressions import sql
from features.expressions.checking import check
from features.expressions.parsing import parse
from features.expressions.plan import plan
from features.expressions.syntax import (
    Aggregate,
    AsOf,
    Call,
    Column,
    Day,
    ExpressionError,
    Function,
    IndicatorValue,
    Missing,
    Number,
    Offset,
    Shared,
    Summary,
    Text,
    Truth,
    Window,
)
from features.sources.engine import quoted
from tests.companies import catalog, tables
from tests.interpreter import back

AMOUNT = Column("orders", "amount")
LINE = Column("orders", "line")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.5", Number(2.5)),
        ("-3", Number(-3.0)),
        ("'a\\'b'", Text("a'b")),
        ("true", Truth(True)),
        ("as_of", AsOf()),
        ("revenue", IndicatorValue("revenue")),
        ("latest(orders.amount)", Aggregate(Summary.LATEST, "orders", AMOUNT)),
        ("latest(orders.amount, back=1)", Aggregate(Summary.LATEST, "orders", AMOUNT, back=1)),
        (
            "count(orders, months=12, ending_months_ago=3)",
            Aggregate(Summary.COUNT, "orders", window=Window(months=12, ending_months_ago=3)),
        ),
        ("sum(orders.amount, over=all)", Aggregate(Summary.SUM, "orders", AMOUNT, over=())),
        (
            "mean(orders.amount, days=9, over=orders.line)",
            Aggregate(Summary.MEAN, "orders", AMOUNT, Window(days=9), over=(Shared(LINE, LINE),)),
        ),
        (
            "median(orders.amount, days=365, ending_days_ago=1, over=(orders.line, orders.shop == shops.no))",
            Aggregate(
                Summary.MEDIAN,
                "orders",
                AMOUNT,
                Window(days=365, ending_days_ago=1),
                over=(Shared(LINE, LINE), Shared(Column("orders", "shop"), Column("shops", "no"))),
            ),
        ),
        (
            "case(x, missing, date('2024-01-31') < as_of, 1, 2)",
            Call(
                Function.CASE,
                (
                    IndicatorValue("x"),
                    Missing(),
                    Call(Function.LESS, (Day(date(2024, 1, 31)), AsOf())),
                    Number(1.0),
                    Number(2.0),
                ),
            ),
        ),
        (
            "top_share(orders.amount, by=orders.line)",
            Aggregate(Summary.TOP_SHARE, "orders", AMOUNT, by=Column("orders", "line")),
        ),
        (
            "count(orders, where=orders.amount > 0 and orders.line in ('a', 'b'))",
            Aggregate(
                Summary.COUNT,
                "orders",
                where=Call(
                    Function.AND,
                    (
                        Call(Function.MORE, (AMOUNT, Number(0.0))),
                        Call(Function.IN, (Column("orders", "line"), Text("a"), Text("b"))),
                    ),
                ),
            ),
        ),
        (
            "case(not known(x), 1, x / 2)",
            Call(
                Function.CASE,
                (
                    Call(Function.NOT, (Call(Function.KNOWN, (IndicatorValue("x"),)),)),
                    Number(1.0),
                    Call(Function.DIVIDE, (IndicatorValue("x"), Number(2.0))),
                ),
            ),
        ),
        ("\n  growth(a,\n    b)\n", Call(Function.GROWTH, (IndicatorValue("a"), IndicatorValue("b")))),
    ],
)
def test_an_expression_says_what_it_says(text: str, expected: object) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("1 +", "character"),
        ("(1", "character 1: '\\(' was never closed"),
        ("1 < x < 2", "character 1: compare two values at a time"),
        ("x ** 2", "character 1: Pow is not part of the vocabulary; there are no powers"),
        ("x if y else z", "case\\(condition, a, b\\)"),
        ("  金額 + x[0]", "character 8: Subscript is not part"),
        ("[x for x in y]", "ListComp is not part"),
        ("lambda: 1", "Lambda is not part"),
        ("True", "write true"),
        ("None", "NoneType is not part"),
        ("b'x'", "bytes is not part"),
        ("1j", "complex is not part"),
        ("1e25", "larger than 1e\\+24"),
        ("'\\u0007'", "cannot be printed"),
        ("'\\d'", "invalid escape"),
        ("orders.amount", "write latest\\(orders.amount\\)"),
        ("orders.line.length", "write a column as table.column"),
        ("x.y()", "cannot be called"),
        ("__import__('os')", "there is no function __import__"),
        ("totl(orders.amount)", "there is no function totl"),
        ("medain(orders.amount)", "did you mean median\\?"),
        ("ratio(1)", "ratio takes 2 value\\(s\\), not 1"),
        ("ratio(1, b=2)", "ratio takes no settings by name"),
        ("prefix('ab', x)", "whole number of signs"),
        ("x in 'ab'", 'a single one as \\("a",\\)'),
        ("x in (y, z)", "written out"),
        ("count(orders.amount)", "count takes a table"),
        ("sum(orders)", "of a record only its own columns"),
        ("sum(1)", "takes a column"),
        ("sum(orders.amount + statements.debt)", "of one table"),
        ("sum(sum(orders.amount))", "cannot stand within"),
        ("sum(orders.amount, years=1)", "sum takes no years; it takes days, ending"),
        ("sum(orders.amount, **x)", "takes no \\*\\*"),
        ("sum(orders.amount, months=0)", "months is a whole number from 1"),
        ("sum(orders.amount, months=True)", "months is a whole number"),
        ("sum(orders.amount, months=12, days=3)", "months or days, not both"),
        ("first(orders.amount, back=1)", "first takes no back"),
        ("latest(orders.amount, over=all)", "latest takes no over"),
        ("count(orders, over=(orders.line, 2))", "write a column as table.column"),
        ("count(orders, over=())", "write a column as table.column"),
        ("count(orders, ending_days_ago=-1)", "ending_days_ago is a whole number from 0"),
        ("case(x, 1, y, 2)", "case takes conditions, each with its value, and then a last value"),
        ("date(20240101)", 'character 1: date takes a day as date\\("2024-12-31"\\)'),
        ("date('2024-02-30')", "date takes a day as"),
        ("date('2024-01-01', '2024-01-02')", "date takes a day as"),
        ("trend(orders.amount)", "even number of months or days"),
        ("trend(orders.amount, months=3)", "even number of months or days"),
        ("concentration(orders.amount)", "needs by=table.column"),
        ("count(orders, where=revenue > 1)", "of a record only its own columns"),
        ("not " * 60 + "x", "more than 50 levels"),
        ("(" * 150 + "x" + ")" * 150 + "(" * 200, "character"),
        ("x + " * 600 + "x", "longer than 2000"),
    ],
)
def test_what_is_not_in_the_vocabulary_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as error:
        parse(text)
    assert "\n" not in str(error.value)


@settings(max_examples=300)
@given(
    st.text(alphabet="abc.,()=+-*/<>!'\"\\ \n\x00[]{}:@#0129金\ud800_", max_size=30) | st.text(max_size=20)
)
@example("-" * 1999 + "1")
@example("9" * 1999)
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    try:
        parse(text)
    except ExpressionError as error:
        assert str(error) and "\n" not in str(error)


def checked(kind: str, value: str, **others: tuple[str, str]) -> Catalog:
    return catalog({"asked": (kind, value), **others})


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("number", "latest(orders.label)", "is a text, but the indicator is a number"),
        ("number", "latest(orders.flag)", "is a true/false, but the indicator is a number"),
        ("flag", "count(orders)", "is a number, but the indicator is a flag"),
        ("category", "latest(orders.due)", "is a date, but the indicator is a category"),
        ("number", "latest(order.number)", "there is no table order; did you mean orders\\?"),
        ("number", "latest(orders.nubmer)", "table orders has no column nubmer; did you mean number\\?"),
        ("number", "latest(orders.effective)", "has no column effective"),
        ("number", "orders + 1", "orders is a table: write orders.column, or count\\(orders\\)"),
        ("number", "askd + 1", "there is no indicator or term askd; did you mean asked\\?"),
        ("number", "case(scored, 1, 0)", "indicator scored has no value"),
        ("number", "sum(orders.flag)", "sum takes numbers, not a true/false; write case"),
        ("number", "mean(orders.label)", "mean takes numbers, not a text"),
        ("category", "largest(orders.label)", "largest takes numbers or dates"),
        ("number", "count(orders, where=orders.number)", "where takes a condition, not a number"),
        ("number", "count(orders, where=statements.flag)", "only columns of orders"),
        ("number", "concentration(orders.number, by=statements.label)", "only columns of orders"),
        ("number", "count(orders, over=statements.label)", "only columns of orders"),
        ("number", "count(orders, over=orders.label == statements.number)", "over: a text and a number"),
        ("number", "count(orders, over=orders.label == shops.label)", "there is no table shops"),
        ("number", "count(orders, where=orders.due > as_of, over=all)", "as_of cannot be read"),
        ("number", "missing", "missing stands only as a value of case"),
        ("number", "case(true, missing, missing)", "missing stands only as a value of case"),
        ("number", "missing + 1", "missing stands only as a value of case"),
        ("number", "case(true, 1, date('2024-01-01'))", "a number and a date do not go together"),
        ("number", "1 + latest(orders.label)", "character 5: \\+ takes numbers, not a text"),
        ("flag", "latest(orders.label) < 'a'", "< takes numbers or dates, not a text"),
        ("flag", "latest(orders.label) == 1", "a text and a number do not go together"),
        ("flag", "latest(orders.number) in (1, 'a')", "a number and a text do not go together"),
        ("flag", "not 1", "not takes conditions"),
        ("number", "case(1, 2, 3)", "case takes conditions, each before its value, not a number"),
        ("number", "case(true, 1, 2, 3, 4)", "character 15: case takes conditions"),
        ("number", "case(true, 2, 'a')", "do not go together"),
        ("number", "days_between(1, as_of)", "takes dates, not a number"),
        ("category", "prefix(1, 2)", "prefix takes a text first"),
        ("number", "least('a', 'b')", "least takes numbers or dates"),
    ],
)
def test_what_does_not_fit_the_tables_is_refused_with_indicator_and_place(
    kind: str, value: str, message: str
) -> None:
    with pytest.raises(ExpressionError, match=message) as error:
        check(checked(kind, value))
    assert str(error.value).startswith("indicator asked: value: ")
    assert "\n" not in str(error.value)


def test_a_text_that_a_column_with_levels_never_holds_is_refused() -> None:
    declared = tables()
    declared["orders"]["columns"]["label"]["levels"] = {"甲": "first", "乙": "second"}
    right = catalog({"asked": ("flag", "latest(orders.label) == 'second'")}, declared)
    assert list(check(right).expressions) == ["asked"]
    wrong = catalog(
        {"asked": ("number", "count(orders, where=orders.label in ('first', 'secnd'))")}, declared
    )
    with pytest.raises(ExpressionError, match="there is no level secnd; did you mean second"):
        check(wrong)


def test_indicators_stand_after_those_they_read_and_circles_are_refused() -> None:
    straight = checked("number", "b + c", b=("number", "c * 2"), c=("number", "count(orders)"))
    assert list(check(straight).expressions) == ["c", "b", "asked"]
    circle = checked("number", "b + 1", b=("number", "c * 2"), c=("number", "abs(asked)"))
    with pytest.raises(ExpressionError, match="reads itself \\(asked → b → c → asked\\)"):
        check(circle)


def test_a_term_is_its_expression_wherever_it_is_read() -> None:
    terms = {
        "share": "amount / greatest(everyones, 1)",
        "amount": "sum(orders.number, months=12)",
        "everyones": "sum(orders.number, months=12, over=all)",
    }
    short = catalog({"asked": ("number", "case(share > 1, missing, share)")}, terms=terms)
    amount, everyones = terms["amount"], terms["everyones"]
    written = f"{amount} / greatest({everyones}, 1)"
    long = catalog({"asked": ("number", f"case({written} > 1, missing, {written})")})
    assert check(short).expressions == check(long).expressions
    assert short.hash != catalog({"asked": ("number", "case(share > 1, missing, share)")}).hash


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"a": "b", "b": "a + 1"}, "term a: reads itself \\(a → b → a\\)"),
        ({"a": "1 +"}, "term a: character"),
        ({"a": "1 + latest(orders.label)"}, "term a: character 5: \\+ takes numbers, not a text"),
        ({"a": "c"}, "term a: character 1: there is no indicator or term c"),
        ({"asked": "1"}, "term asked: the name is taken"),
        ({"orders": "1"}, "term orders: the name is taken"),
        ({"missing": "1"}, "term missing: the name is taken"),
        ({"A b": "1"}, "term A b: names are lower-case letters"),
        (
            {"label": "latest(orders.label)"},
            "indicator asked: value: character 5: \\+ takes numbers, not a text",
        ),
    ],
)
def test_a_term_that_cannot_be_read_is_refused_with_its_name(terms: dict[str, str], message: str) -> None:
    value = "1 + label" if "label" in terms else "1"
    with pytest.raises(ExpressionError, match=message) as error:
        check(catalog({"asked": ("number", value)}, terms=terms))
    assert "\n" not in str(error.value)


def test_an_indicator_named_as_a_word_of_the_expressions_is_refused() -> None:
    with pytest.raises(ExpressionError, match="indicator missing: the name is a word"):
        check(catalog({"missing": ("number", "1")}))


def settings_of_table(name: str, **changed: Any) -> Catalog:
    declared = tables()
    columns = changed.pop("columns", {})
    declared[name] |= changed
    declared[name]["columns"] |= columns
    return catalog({"asked": ("number", "count(orders)")}, declared)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (settings_of_table("orders", columns={"Label": {"type": "text"}}), "label is declared twice"),
        (settings_of_table("statements", columns={"known_at": {"type": "date"}}), "known_at must be what"),
        (
            settings_of_table("statements", columns={"effective": {"type": "number"}}),
            "effective must be what",
        ),
        (settings_of_table("industries", key_of="customers.number"), "must be a text or a key"),
        (settings_of_table("orders", key_of="industries.label"), "a column of a table of customers"),
        (settings_of_table("customers", key_of="orders.label"), "it has no key_of"),
    ],
)
def test_tables_that_cannot_be_staged_or_joined_are_refused(wrong: Catalog, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        check(wrong)


def test_an_indicator_named_as_a_column_of_the_frame_is_refused() -> None:
    with pytest.raises(ExpressionError, match="indicator nature: the name is taken"):
        check(catalog({"nature": ("number", "1")}))


def test_what_two_indicators_share_is_computed_once() -> None:
    amount = "sum(orders.number, months=12)"
    shared = checked("number", f"{amount} / 2", other=("number", f"log1p({amount})"))
    assert sum(map(len, plan(check(shared)).own.values())) == 2  # and the nature


@settings(max_examples=200)
@given(st.lists(st.floats(-1e24, 1e24), min_size=1, max_size=12), st.data())
def test_a_sum_is_that_of_the_fractions_whatever_the_order(numbers: list[float], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(numbers))
    found = exact_sum(numbers)
    assert found == exact_sum(shuffled)
    expected = float(sum(map(Fraction, numbers)))
    # The fractions are kept in units of 2^-90.
    assert math.isclose(found, expected, rel_tol=4e-16, abs_tol=(len(numbers) + 1) * 2.0**-90)


def exact_sum(numbers: list[float]) -> float:
    query = (
        f"SELECT {sql.total('whole', 'fraction')} FROM"
        f" (SELECT sum({sql.whole_part('x')}) AS whole, sum({sql.fraction_part('x')}) AS fraction"
        " FROM (SELECT unnest(?::DOUBLE[]) AS x))"
    )
    found = CONNECTION.execute(query, [numbers]).fetchone()
    assert found is not None
    return float(found[0])


CONNECTION = duckdb.connect()


@settings(max_examples=200)
@given(
    st.dates(date(1990, 1, 1), date(2050, 12, 31)),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_a_window_is_reached_on_the_first_day_that_looks_back_to_it(
    day: date, months: int, days: int
) -> None:
    offset = Offset(months, days)
    written = f"DATE '{day.isoformat()}'"
    found = CONNECTION.execute(
        f"SELECT {sql.reached(written, offset)}, {sql.back_from(written, offset)}"
    ).fetchone()
    assert found is not None
    reached, looked_back = found
    assert looked_back == back(day, offset)
    assert back(reached, offset) >= day
    assert back(reached - timedelta(days=1), offset) < day


@given(st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1))
def test_texts_and_names_come_back_as_they_were_written(text: str) -> None:
    relation = CONNECTION.execute(f"SELECT {sql.text(text)} AS {quoted(text)}")
    assert relation.description is not None
    assert relation.description[0][0] == text
    assert relation.fetchall() == [(text,)]
