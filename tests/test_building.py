"""The build equals expressions read one by one, on every kind of record and day, in any order of work."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.building import Built, build
from features.catalog import Catalog
from features.expressions.checking import check
from features.expressions.staged import BuildError
from features.portfolio import Portfolio
from tests.companies import (
    DAYS,
    FIRST,
    OWNERS,
    UNREACHABLE,
    Writer,
    catalog,
    rows,
    stage,
    stage_successions,
)
from tests.interpreter import Interpreter, Result, Row, Succession, Tables

KINDS = ("number", "number", "flag", "category")
seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=2)
Cell = tuple[Any, str, date | None, str, bool]
Cells = dict[tuple[str, date, str], Cell]


def random_catalog(random: Random, count: int) -> Catalog:
    values: dict[str, tuple[str, str]] = {}
    for place in range(count):
        kind = random.choice(KINDS)
        written = Writer(random, [(id_, other) for id_, (other, _) in values.items()])
        values[f"i{place}"] = (kind, written.value(kind, random.randrange(1, 4)))
    return catalog(values)


def random_successions(random: Random) -> list[Succession]:
    """Return mergers in one direction only, so that there are chains but no circles."""
    found = []
    for _ in range(random.randrange(4)):
        older, newer = sorted(random.sample(range(len(OWNERS)), 2))
        on, known_at = (FIRST + timedelta(days=random.randrange(DAYS)) for _ in range(2))
        found.append(Succession(OWNERS[older], OWNERS[newer], on, known_at))
    return found


def random_days(random: Random, count: int) -> list[date]:
    """Return as-of days, among them ends of months, on which calendar windows are peculiar."""
    ends = [date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)]
    return random.sample([FIRST + timedelta(days=random.randrange(30, DAYS)) for _ in range(9)] + ends, count)


def stage_evaluations(customers: Sequence[str | None], days: list[date], folder: Path) -> Path:
    pairs = [(customer, day) for customer in customers for day in days]
    columns = {
        "customer_id": pa.array([customer for customer, _ in pairs], pa.string()),
        "as_of": pa.array([day for _, day in pairs], pa.date32()),
    }
    pq.write_table(pa.table(columns), folder / "evaluations.parquet")
    return folder / "evaluations.parquet"


def cells(built: Built) -> Cells:
    frame = {(row["customer_id"], row["as_of"]): row for row in pq.read_table(built.indicators).to_pylist()}
    found: Cells = {}
    for line in pq.read_table(built.evidence).to_pylist():
        customer, day, id_ = line["customer_id"], line["as_of"], line["indicator"]
        value = frame[customer, day][id_]
        found[customer, day, id_] = (
            value,
            line["status"],
            line["evidence"],
            line["department"],
            line["stale"],
        )
    return found


def assert_is(cell: Cell, expected: Result, id_: str, as_of: date, of: Catalog) -> None:
    indicator = of.by_id[id_].indicator
    value, status, day, department, stale = cell
    if isinstance(expected.value, float):
        assert isinstance(value, float), indicator.value
        assert math.isclose(value, expected.value, rel_tol=1e-12, abs_tol=1e-12), indicator.value
    else:
        assert value == expected.value, indicator.value
    assert status == expected.status, indicator.value
    assert day == expected.day, indicator.value
    table = None if expected.table is None else of.tables[expected.table].department
    assert department == (table or indicator.source.department), indicator.value
    age = 0 if day is None else (as_of - day).days
    assert stale == (indicator.freshness_days is not None and age > indicator.freshness_days)


def assert_equals_the_interpreter(
    of: Catalog, built: Built, company: Tables, days: list[date], successions: list[Succession]
) -> None:
    checked, found = check(of), cells(built)
    natures = {
        (row["customer_id"], row["as_of"]): row["nature"]
        for row in pq.read_table(built.indicators).to_pylist()
    }
    expected_pairs = set()
    for day in set(days):
        read = Interpreter(checked, company, day, successions)
        for customer in read.customers:
            expected_pairs.add((customer, day))
            assert natures[customer, day] == read.nature(customer)
            for id_, result in read.results(customer).items():
                assert_is(found[customer, day, id_], result, id_, day, of)
    assert set(natures) == expected_pairs


@settings(max_examples=8)
@given(seeds)
def test_every_cell_equals_that_of_its_expression_read_part_by_part(seed: int) -> None:
    random = Random(seed)
    of, company, successions = random_catalog(random, 40), rows(random, 45), random_successions(random)
    days = random_days(random, 5)
    with TemporaryDirectory() as folder:
        output = Path(folder)
        built = build(
            of,
            stage(company, output / "staged"),
            output / "built",
            evaluations=stage_evaluations(list(OWNERS), days, output),
            successions=stage_successions(successions, output),
            threads=2,
        )
        assert built.rows + built.absent == len(OWNERS) * len(set(days))
        assert_equals_the_interpreter(of, built, company, days, successions)


def contents(built: Built) -> tuple[bytes, bytes]:
    return built.indicators.read_bytes(), built.evidence.read_bytes()


@few
@given(seeds)
def test_a_record_known_later_changes_nothing(seed: int) -> None:
    random = Random(seed)
    of, company, successions = random_catalog(random, 25), rows(random, 45), random_successions(random)
    day = random_days(random, 1)[0]
    known = {name: [row for row in some if row.known_at <= day] for name, some in company.items()}
    settled = [move for move in successions if move.known_at <= day]
    with TemporaryDirectory() as folder:
        first, second = Path(folder) / "1", Path(folder) / "2"
        before = build(
            of,
            stage(company, first),
            first / "built",
            as_of=day,
            successions=stage_successions(successions, first),
        )
        after = build(
            of,
            stage(known, second),
            second / "built",
            as_of=day,
            successions=stage_successions(settled, second),
        )
        assert contents(before) == contents(after)


@few
@given(seeds)
def test_the_order_of_rows_in_the_files_changes_nothing(seed: int) -> None:
    random = Random(seed)
    of, company = random_catalog(random, 25), rows(random, 45)
    day = random_days(random, 1)[0]
    shuffled = {name: random.sample(some, len(some)) for name, some in company.items()}
    with TemporaryDirectory() as folder:
        first, second = Path(folder) / "1", Path(folder) / "2"
        before = build(of, stage(company, first), first / "built", as_of=day)
        after = build(of, stage(shuffled, second), second / "built", as_of=day)
        assert contents(before) == contents(after)


@few
@given(seeds)
def test_many_days_at_once_equal_one_day_at_a_time(seed: int) -> None:
    random = Random(seed)
    of, company, successions = random_catalog(random, 25), rows(random, 45), random_successions(random)
    days = random_days(random, 2)
    with TemporaryDirectory() as folder:
        output = Path(folder)
        files, merged = stage(company, output), stage_successions(successions, output)
        asked = stage_evaluations(list(OWNERS), days, output)
        at_once = cells(build(of, files, output / "many", evaluations=asked, successions=merged))
        one_by_one: Cells = {}
        for day in days:
            one_by_one |= cells(build(of, files, output / "one", as_of=day, successions=merged))
        assert at_once == one_by_one


def large_company(folder: Path, customers: int, records: int) -> dict[str, Path]:
    """Stage many records with amounts whose sums depend on the order in which floats are added."""
    files = stage(rows(Random(0), 0), folder)
    random = np.random.default_rng(7)
    connection = duckdb.connect()
    for name, count in (("customers", customers), ("orders", records), ("statements", records)):
        owners = np.arange(count) if name == "customers" else random.integers(0, customers, count)
        days = np.datetime64("2023-01-01") + random.integers(0, 400, count)
        frame = pd.DataFrame({"owner": owners, "day": days.astype("datetime64[s]"), "place": range(count)})
        frame["number"] = random.lognormal(0, 9, count)
        frame["region"] = random.integers(0, 30, count)
        columns = [
            {
                "customer_id": "'C-' || owner",
                "effective": "day::DATE",
                "known_at": "day::DATE + (place % 40)::INTEGER",
                "row": "place",
                "number": "number",
                "region": "'region ' || region",
                "label": "'line ' || (region % 5)",
                "slot": "(place % 7)::VARCHAR",
                "nature": "CASE WHEN owner % 2 = 0 THEN 'enterprise' ELSE 'individual' END",
            }.get(column, f"NULL::{type_}")
            + f' AS "{column.replace(chr(34), chr(34) * 2)}"'
            for column, type_, *_ in connection.execute(
                f"DESCRIBE SELECT * FROM read_parquet('{files[name]}')"
            ).fetchall()
        ]
        connection.register("frame", frame)
        connection.execute(
            f"COPY (SELECT {', '.join(columns)} FROM frame) TO '{files[name]}' (FORMAT parquet)"
        )
    return files


def test_threads_and_memory_change_nothing(tmp_path: Path) -> None:
    files = large_company(tmp_path, customers=4000, records=200_000)
    of = catalog(
        {
            "amount": ("number", "sum(orders.number, months=10)"),
            "mean": ("number", "mean(statements.number)"),
            "share": ("number", "ratio(amount, sum(orders.number, over=orders.region))"),
            "market": ("number", "mean(orders.number, months=6, over=all)"),
            "trend": ("number", "trend(orders.number, months=12)"),
            "lines": ("number", "concentration(orders.number, by=orders.label)"),
            "middle": ("number", "median(orders.number)"),
            "before": ("number", "latest(orders.number, back=2)"),
        }
    )
    one, two = (
        build(of, files, tmp_path / label, as_of=date(2024, 1, 31), threads=threads, memory_limit=memory)
        for label, threads, memory in (("one", 1, "2GB"), ("two", 2, "50MB"))
    )
    assert contents(one) == contents(two)
    statuses = pq.read_table(one.evidence).column("status").value_counts().to_pylist()
    assert {entry["values"] for entry in statuses} > {"known"}


COMPANY_DAY = date(2024, 3, 31)


def row(owner: str, effective: date, place: int, known_at: date | None = None, **given: Any) -> Row:
    empty = dict.fromkeys(("number", "other", "flag", "label", "region", "due", UNREACHABLE))
    filled = {"slot": str(place), "cancelled": False, "no": owner, "nature": "enterprise", "industry": None}
    known_at = known_at or effective
    return Row(owner, effective, known_at, place, empty | filled | {"known_at": known_at} | given)


def small_company(**more: list[Row]) -> Tables:
    customers = [row(owner, date(2020, 1, 1), place) for place, owner in enumerate(("A", "B"))]
    company: Tables = {"customers": customers, "statements": [], "orders": [], "industries": []}
    return company | more


def one(value: str, company: Tables, folder: Path, kind: str = "number", as_of: date = COMPANY_DAY) -> Cell:
    """Return the cell of one expression, of customer A."""
    of = catalog({"asked": (kind, value)})
    return cells(build(of, stage(company, folder / "staged"), folder / "built", as_of=as_of))[
        "A", as_of, "asked"
    ]


def test_a_window_of_months_starts_after_the_same_day_of_the_month(tmp_path: Path) -> None:
    days = (date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 31), date(2024, 4, 1))
    company = small_company(orders=[row("A", day, place) for place, day in enumerate(days)])
    assert one("count(orders, months=1)", company, tmp_path)[:3] == (2.0, "known", date(2024, 3, 31))
    assert one("count(orders, days=31)", company, tmp_path)[0] == 2.0
    before = one("count(orders, months=1, ending_months_ago=1)", company, tmp_path)
    assert before[:3] == (2.0, "known", date(2024, 2, 29))


def test_a_restatement_counts_from_the_day_it_became_known(tmp_path: Path) -> None:
    first = row("A", date(2023, 12, 31), 0, date(2024, 2, 1), number=10.0, slot="2023")
    second = row("A", date(2023, 12, 31), 1, date(2024, 3, 1), number=7.0, slot="2023")
    company = small_company(statements=[first, second])
    assert one("latest(statements.number)", company, tmp_path, as_of=date(2024, 1, 31))[1] == "no_record"
    assert one("latest(statements.number)", company, tmp_path, as_of=date(2024, 2, 29))[0] == 10.0
    assert one("sum(statements.number)", company, tmp_path, as_of=date(2024, 3, 1))[0] == 7.0


def test_a_withdrawn_record_is_gone_from_the_day_that_became_known(tmp_path: Path) -> None:
    there = row("A", date(2024, 1, 5), 0, slot="x", nature="enterprise")
    gone = row("A", date(2024, 1, 5), 1, date(2024, 2, 5), slot="x", cancelled=True)
    company = small_company(customers=[there, gone])
    staged = stage(company, tmp_path)
    of = catalog({"asked": ("number", "1")})
    assert build(of, staged, tmp_path / "built", as_of=date(2024, 2, 4)).rows == 1
    assert build(of, staged, tmp_path / "built", as_of=date(2024, 2, 5)).rows == 0


def test_nothing_recorded_is_zero_only_in_a_complete_table_that_was_delivered(tmp_path: Path) -> None:
    of_another = [row("B", date(2024, 3, 3), 0, number=5.0)]
    company = small_company(orders=of_another, statements=of_another)
    assert one("count(orders)", company, tmp_path)[:3] == (0.0, "known", date(2024, 3, 3))
    assert one("sum(orders.number)", company, tmp_path)[:2] == (0.0, "known")
    assert one("mean(orders.number)", company, tmp_path)[:2] == (None, "no_record")
    assert one("count(statements)", company, tmp_path)[:3] == (None, "no_record", None)
    assert one("count(orders)", small_company(), tmp_path)[:2] == (None, "no_record")
    assert one("sum(orders.number, over=all)", company, tmp_path)[0] == 5.0


def test_growth_of_a_first_year_has_no_record_and_that_of_a_loss_is_undefined(tmp_path: Path) -> None:
    growth = "growth(latest(statements.number), latest(statements.number, back=1))"
    loss = row("A", date(2022, 12, 31), 0, number=-4.0)
    gain = row("A", date(2023, 12, 31), 1, number=8.0)
    assert one(growth, small_company(statements=[gain]), tmp_path)[:2] == (None, "no_record")
    found = one(growth, small_company(statements=[loss, gain]), tmp_path)
    assert found[:3] == (None, "undefined", date(2022, 12, 31))


def test_evidence_names_the_department_of_the_oldest_part_and_whether_it_is_stale(tmp_path: Path) -> None:
    company = small_company(
        statements=[row("A", date(2024, 3, 20), 0, number=1.0)],
        orders=[row("A", date(2024, 3, 30), 0, number=1.0)],
        industries=[],
    )
    of = catalog(
        {
            "unlimited": ("number", "latest(statements.number)"),
            "both": ("number", "latest(statements.number) + latest(orders.number)"),
            "neither": ("number", "latest(industries.number)"),
        }
    )
    files = stage(company, tmp_path)
    found = cells(build(of, files, tmp_path / "built", as_of=date(2024, 4, 9)))
    assert found["A", date(2024, 4, 9), "both"] == (2.0, "known", date(2024, 3, 20), "finance", False)
    assert found["A", date(2024, 4, 9), "neither"] == (None, "no_record", None, "risk", False)
    found = cells(build(of, files, tmp_path / "built", as_of=date(2024, 4, 10)))
    assert found["A", date(2024, 4, 10), "both"][4]
    assert not found["A", date(2024, 4, 10), "unlimited"][4]


def test_a_merged_customer_is_gone_and_its_records_are_its_successors(tmp_path: Path) -> None:
    company = small_company(
        orders=[row("A", date(2023, 5, 1), 0, number=2.0), row("B", date(2023, 6, 1), 1, number=3.0)]
    )
    company["customers"][0].cells["label"], company["customers"][1].cells["label"] = "old", "new"
    of = catalog(
        {"amount": ("number", "sum(orders.number)"), "label": ("category", "latest(customers.label)")}
    )
    files = stage(company, tmp_path)
    moves = stage_successions([Succession("A", "B", date(2023, 7, 1), date(2023, 9, 1))], tmp_path)
    before, after = (
        cells(build(of, files, tmp_path / "built", as_of=day, successions=moves))
        for day in (date(2023, 8, 31), date(2023, 9, 1))
    )
    assert {(customer, id_): cell[0] for (customer, _, id_), cell in before.items()} == {
        ("A", "amount"): 2.0,
        ("A", "label"): "old",
        ("B", "amount"): 3.0,
        ("B", "label"): "new",
    }
    assert {(customer, id_): cell[0] for (customer, _, id_), cell in after.items()} == {
        ("B", "amount"): 5.0,
        ("B", "label"): "new",
    }


def test_the_frame_is_read_as_a_portfolio_and_nothing_else_is_left_behind(tmp_path: Path) -> None:
    company = small_company(orders=[row("A", date(2024, 3, 1), 0, number=2.5, flag=True, label="plain")])
    of = catalog(
        {
            "amount": ("number", "sum(orders.number)"),
            "paid": ("flag", "latest(orders.flag)"),
            "line": ("category", "latest(orders.label)"),
        }
    )
    built = build(of, stage(company, tmp_path / "staged"), tmp_path / "built", as_of=COMPANY_DAY)
    portfolio, rejects = Portfolio.from_frame(pd.read_parquet(built.indicators), of)
    assert rejects.empty
    assert portfolio.customer_ids == ["A", "B"]
    np.testing.assert_array_equal(portfolio.matrix(["amount", "paid"]), [[2.5, 1.0], [0.0, np.nan]])
    assert list(portfolio.levels["line"]) == ["plain", None]
    assert sorted(file.name for file in (tmp_path / "built").iterdir()) == sorted(
        [built.indicators.name, built.evidence.name]
    )


def test_everybodys_records_on_thousands_of_days_take_no_longer_than_on_one(tmp_path: Path) -> None:
    files = large_company(tmp_path, customers=1000, records=20_000)
    of = catalog({"share": ("number", "sum(orders.number, months=6, over=orders.region)")})
    days = [date(2023, 2, 1) + timedelta(days=place) for place in range(360)]
    asked = stage_evaluations([f"C-{place}" for place in range(0, 1000, 50)], days, tmp_path)
    built = build(of, files, tmp_path / "built", evaluations=asked)
    found = cells(built)
    assert built.rows + built.absent == 20 * 360
    alone = cells(build(of, files, tmp_path / "one", as_of=days[-1]))
    of_last_day = {key: cell for key, cell in found.items() if key[1] == days[-1]}
    assert of_last_day.items() <= alone.items()
    assert sum(cell[1] == "known" for cell in found.values()) > 1000


def refusal(tmp_path: Path, files: dict[str, Path], **given: Any) -> str:
    of = catalog({"asked": ("number", "sum(orders.number)")})
    with pytest.raises(BuildError) as error:
        build(of, files, tmp_path / "built", **({"as_of": COMPANY_DAY} | given))
    message = str(error.value)
    assert "\n" not in message
    assert not [owner for owner in ("'A'", "'B'", " A ", " B ") if owner in message]
    return message


def test_what_cannot_be_built_from_is_refused_in_one_line(tmp_path: Path) -> None:
    files = stage(small_company(), tmp_path)
    absent = {"orders": tmp_path / "absent.parquet"}
    assert "table orders" in refusal(tmp_path, files | absent)
    assert "table orders: is not staged" in refusal(
        tmp_path, {name: file for name, file in files.items() if name != "orders"}
    )
    text = pa.table({name: pa.array([], pa.string()) for name in pq.read_schema(files["orders"]).names})
    pq.write_table(text, tmp_path / "text.parquet")
    assert "column effective is VARCHAR" in refusal(tmp_path, files | {"orders": tmp_path / "text.parquet"})
    assert "column number is absent" in refusal(
        tmp_path, files | {"orders": short(files["orders"], tmp_path)}
    )
    assert "give one of them" in refusal(tmp_path, files, as_of=None)
    assert "not both" in refusal(tmp_path, files, evaluations=files["orders"])
    assert "memory_limit" in refusal(tmp_path, files, memory_limit="much")
    assert "memory_limit: 1MB is too little" in refusal(tmp_path, files, memory_limit="1MB")
    assert "evaluations: column as_of" in refusal(tmp_path, files, as_of=None, evaluations=files["orders"])
    nobody = stage_evaluations([], [], tmp_path)
    assert "evaluations: has no rows" in refusal(tmp_path, files, as_of=None, evaluations=nobody)
    unnamed = stage_evaluations([None], [COMPANY_DAY], tmp_path)
    assert "fill both" in refusal(tmp_path, files, as_of=None, evaluations=unnamed)


def short(file: Path, folder: Path) -> Path:
    table = pq.read_table(file)
    pq.write_table(table.drop_columns(["number"]), folder / "short.parquet")
    return folder / "short.parquet"


def test_mergers_in_a_circle_are_refused_once_the_circle_is_known(tmp_path: Path) -> None:
    files = stage(small_company(), tmp_path)
    moves = [
        Succession("A", "B", date(2023, 1, 1), date(2023, 1, 1)),
        Succession("B", "A", date(2024, 1, 1), date(2024, 1, 1)),
    ]
    merged = stage_successions(moves, tmp_path)
    of = catalog({"asked": ("number", "count(customers)")})
    built = build(of, files, tmp_path / "built", as_of=date(2023, 12, 31), successions=merged)
    assert built.rows == 1
    assert "successions" in refusal(tmp_path, files, successions=merged)


def test_a_catalog_without_expressions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no indicator has a value"):
        build(catalog({}), {}, tmp_path, as_of=COMPANY_DAY)
