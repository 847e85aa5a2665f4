"""The quality report counts as a person does by hand and as the evaluation does, and betrays nobody."""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.building import EVIDENCE, INDICATORS, Built, build
from features.catalog import Catalog, Kind, load_catalog
from features.expressions.checking import check
from features.expressions.staged import BuildError
from features.portfolio import Bools, Portfolio
from features.quality import PAGE, TABLE, measure, write_quality
from features.quality_columns import columns_read
from features.quality_comprehensiveness import COMPREHENSIVENESS
from features.quality_figures import IndicatorQuality, OfNature, Quality, TableQuality
from features.quality_html import percent
from features.sources.staging import Staged, stage
from features.terms import Nature
from models.baseline import Baseline
from tests.companies import catalog as company_catalog
from tests.deliveries import delivery_in, write_csv
from tests.strategies import catalogs, policy_for, random_portfolio

AS_OF = date(2024, 12, 31)
ENTERPRISE, GOVERNMENT = Nature.ENTERPRISE, Nature.GOVERNMENT
ARROW = {Kind.NUMBER: pa.float64(), Kind.FLAG: pa.bool_(), Kind.CATEGORY: pa.string()}
CONSTANTS = {Kind.NUMBER: "1", Kind.FLAG: "true", Kind.CATEGORY: '"level_0"'}


def names(en: str, zh: str = "名稱") -> dict[str, str]:
    return {"zh-Hant": zh, "zh-Hans": zh, "en": en}


def indicator(id_: str, department: str, **settings: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": id_,
        "names": names(f"Name of {id_}"),
        "kind": "number",
        "better": "higher",
        "source": {"department": department, "table": "any"},
        "confidentiality": "internal",
    }
    if settings.get("kind", "number") == "number":
        made["points"] = [[0, 0], [1, 100]]
    return made | settings


def small_catalog(**changes: Any) -> Catalog:
    """Return a catalog of five indicators and two tables; `changes` are settings of indicators by id."""
    declared = {
        "relation": indicator(
            "relation",
            "sales",
            kind="category",
            better="levels",
            levels={"existing": {"names": names("Existing")}, "prospect": {"names": names("Prospect")}},
            value="latest(customers.relation)",
        ),
        "listed": indicator(
            "listed",
            "sales",
            kind="flag",
            points={"true": 100, "false": 0},
            weight=100,
            value="latest(customers.listed)",
        ),
        "assets": indicator(
            "assets",
            "finance",
            weight={"enterprise": 50, "government": 100},
            value="latest(statements.assets)",
            freshness_days=200,
        ),
        "debt_ratio": indicator(
            "debt_ratio",
            "finance",
            natures=["enterprise"],
            weight={"enterprise": 50},
            value="ratio(latest(statements.debts), latest(statements.assets))",
            freshness_days=400,
            applies_when={"indicator": "relation", "is": ["existing"]},
        ),
        "unmeasured": indicator("unmeasured", "finance"),
    }
    for id_, settings_ in changes.items():
        declared[id_] |= settings_
    basic = [declared["relation"], declared["listed"]]
    financial = [declared[id_] for id_ in ("assets", "debt_ratio", "unmeasured")]
    document = {
        "catalog": "small",
        "version": 1,
        "names": names("Small <catalog>"),
        "natures": ["enterprise", "government"],
        "departments": {"sales": names("Sales", "銷售部"), "finance": names("Finance", "財務部")},
        "tables": {
            "customers": {
                "names": names("Customers"),
                "department": "sales",
                "key": "sales_no",
                "effective": "updated_on",
                "columns": {
                    "sales_no": {"type": "key"},
                    "updated_on": {"type": "date"},
                    "nature": {"type": "text"},
                    "relation": {"type": "text"},
                    "listed": {"type": "flag"},
                },
            },
            "statements": {
                "names": names("Statements"),
                "department": "finance",
                "key": "ledger_no",
                "effective": "period_end",
                "known_at": "filed_on",
                "record": ["period_end"],
                "complete": False,
                "columns": {
                    "ledger_no": {"type": "key"},
                    "period_end": {"type": "date"},
                    "filed_on": {"type": "date"},
                    "assets": {"type": "number", "minimum": 0},
                    "debts": {"type": "number"},
                },
            },
        },
        "dimensions": [
            {
                "id": id_,
                "names": names(id_),
                "weight": weight,
                "groups": [{"id": f"{id_}_group", "names": names(id_), "weight": 100, "indicators": of}],
            }
            for id_, weight, of in (("basic", 40, basic), ("financial", 60, financial))
        ],
    }
    return Catalog.model_validate_json(json.dumps(document))


CUSTOMERS = [
    ("A", "2024-12-01", "enterprise", "existing", "yes"),
    ("B", "2024-11-01", "enterprise", "existing", ""),
    ("C", "2024-12-11", "enterprise", "prospect", "yes"),
    ("D", "2024-12-21", "enterprise", "", "yes"),
    ("E", "2024-12-30", "government", "existing", "yes"),
]
STATEMENTS = [
    ("A", "2024-06-30", "2024-08-01", "100", "50"),
    ("B", "2023-12-31", "2024-03-01", "0", "10"),
    ("B", "2023-12-31", "2024-03-01", "0", "10"),
    ("E", "2024-12-01", "2024-12-05", "5", ""),
    ("A", "2022-12-31", "2023-03-01", "-5", "1"),
    ("C", "2022-12-31", "2023-03-01", "much", "1"),
    ("Z", "2023-12-31", "2024-03-01", "9", "9"),
]
OTHER_STATEMENTS = [("A", "2024-06-30", "2024-08-01", "125", "50")]
CROSSWALK = [(customer, system, customer) for customer in "ABCDE" for system in ("sales", "finance")]
Rows = Sequence[tuple[str, ...]]


def staged_in(
    folder: Path,
    catalog: Catalog,
    customers: Rows = CUSTOMERS,
    statements: Rows = STATEMENTS,
    other_statements: Rows = OTHER_STATEMENTS,
) -> Staged:
    """Stage the two tables, of which the statements come in two files, by a crosswalk of five customers."""
    folder.mkdir(exist_ok=True)
    of_customers = ["sales_no", "updated_on", "nature", "relation", "listed"]
    of_statements = ["ledger_no", "period_end", "filed_on", "assets", "debts"]
    write_csv(folder / "customers.csv", of_customers, customers)
    write_csv(folder / "statements.csv", of_statements, statements)
    write_csv(folder / "other.csv", of_statements, other_statements)
    write_csv(folder / "crosswalk.csv", ["customer_id", "key_system", "key"], CROSSWALK)
    sources = [
        {"table": "customers", "path": "customers.csv"},
        {"table": "statements", "path": "statements.csv"},
        {"table": "statements", "path": "other.csv"},
    ]
    delivery = delivery_in(folder, *sources, crosswalk={"path": "crosswalk.csv"})
    return stage(delivery, catalog, folder / "staged")


def built_in(folder: Path, catalog: Catalog, staged: Staged, as_of: date = AS_OF) -> Built:
    files = {name: table.file for name, table in staged.tables.items()}
    return build(catalog, files, folder / "built", as_of=as_of)


def measured(folder: Path, catalog: Catalog | None = None, as_of: date = AS_OF, **rows: Rows) -> Quality:
    catalog = catalog or small_catalog()
    staged = staged_in(folder, catalog, **rows)
    return measure(catalog, built_in(folder, catalog, staged, as_of), staged)


def by_id(quality: Quality) -> dict[str, IndicatorQuality]:
    return {each.id: each for each in quality.indicators}


def of_nature(quality: Quality, id_: str, nature: Nature) -> OfNature:
    return next(part for part in by_id(quality)[id_].by_nature if part.nature is nature)


def tables_of(quality: Quality) -> dict[str, TableQuality]:
    assert quality.tables is not None
    return {table.name: table for table in quality.tables}


def comprehensiveness_in(folder: Path) -> dict[tuple[str, date], float]:
    rows = pq.read_table(folder / COMPREHENSIVENESS).to_pylist()
    return {(row["customer_id"], row["as_of"]): row["comprehensiveness"] for row in rows}


# What a person counts by hand


def test_what_is_known_of_each_indicator_is_counted_by_nature(tmp_path: Path) -> None:
    quality = measured(tmp_path)
    counts = {
        (each.id, part.nature): (
            part.counts.applying,
            part.counts.known,
            part.counts.no_record,
            part.counts.undefined,
            part.counts.stale,
            part.counts.median_age_days,
        )
        for each in quality.indicators
        for part in each.by_nature
    }
    assert counts == {
        ("relation", ENTERPRISE): (4, 3, 1, 0, 0, 30.0),
        ("relation", GOVERNMENT): (1, 1, 0, 0, 0, 1.0),
        ("listed", ENTERPRISE): (4, 3, 1, 0, 0, 20.0),
        ("listed", GOVERNMENT): (1, 1, 0, 0, 0, 1.0),
        ("assets", ENTERPRISE): (4, 2, 2, 0, 1, 275.0),
        ("assets", GOVERNMENT): (1, 1, 0, 0, 0, 30.0),
        # Of the prospect it does not apply; of whom it is not known whether he is one, it does.
        ("debt_ratio", ENTERPRISE): (3, 1, 1, 1, 0, 184.0),
        ("unmeasured", ENTERPRISE): (4, 0, 4, 0, 0, None),
        ("unmeasured", GOVERNMENT): (1, 0, 1, 0, 0, None),
    }
    assert by_id(quality)["assets"].counts.median_age_days == 184.0
    assert by_id(quality)["assets"].counts.completeness == 3 / 5
    assert (quality.customers, quality.first, quality.last) == (5, AS_OF, AS_OF)


def test_validity_conflicts_and_repeated_rows_are_those_of_the_columns_an_indicator_rests_on(
    tmp_path: Path,
) -> None:
    quality = measured(tmp_path)
    found = {each.id: (each.validity, each.repeated, each.conflicts) for each in quality.indicators}
    # Of eight rows of statements two fail in the column assets; with key and two days these are four columns.
    assert found == {
        "relation": (1.0, 0, 0),
        "listed": (1.0, 0, 0),
        "assets": (30 / 32, 1, 1),
        "debt_ratio": (38 / 40, 1, 1),
        "unmeasured": (None, 0, 0),
    }
    statements = tables_of(quality)["statements"]
    assert (statements.read, statements.accepted, statements.rejected) == (8, 6, 2)
    assert (statements.unmatched, statements.repeated, statements.conflicts) == (1, 1, 1)
    failures = [(failure.column, failure.rows) for failure in statements.failures]
    assert failures == [("assets", 1), ("assets", 1)]
    assert quality.natures_in_conflict == 0


def test_comprehensiveness_is_the_known_share_of_the_weight_that_applies(tmp_path: Path) -> None:
    quality = measured(tmp_path)
    write_quality(quality, tmp_path / "report")
    # Of C the ratio does not apply, so that the assets are all of the financial dimension.
    expected = {"A": 1.0, "B": 0.6 * 0.5, "C": 0.4, "D": 0.4, "E": 1.0}
    assert comprehensiveness_in(tmp_path / "report") == {
        (customer, AS_OF): pytest.approx(value, abs=1e-15) for customer, value in expected.items()
    }
    whole = quality.comprehensiveness
    assert whole.mean == pytest.approx(0.62, abs=1e-15)
    assert whole.below_half == 3 / 5
    assert whole.deciles == pytest.approx(np.quantile(list(expected.values()), np.arange(1, 10) / 10))
    assert sum(whole.bins) == 5
    assert whole.bins[-1] == 2
    by_nature = {each.nature: each.comprehensiveness for each in quality.natures}
    assert by_nature == {ENTERPRISE: pytest.approx(0.525), GOVERNMENT: 1.0}


def test_means_count_indicators_by_weight_and_beside_it_all_alike(tmp_path: Path) -> None:
    quality = measured(tmp_path)
    enterprise = next(each.means for each in quality.natures if each.nature is ENTERPRISE)
    assert enterprise.weighted.completeness == pytest.approx(0.4 * 3 / 4 + 0.3 * 1 / 2 + 0.3 * 1 / 3)
    assert enterprise.weighted.stale_share == pytest.approx(0.3 * 1 / 2)
    assert enterprise.weighted.validity == pytest.approx(0.4 + 0.3 * 30 / 32 + 0.3 * 38 / 40)
    assert enterprise.plain.completeness == pytest.approx((3 / 4 + 3 / 4 + 1 / 2 + 1 / 3 + 0) / 5)
    finance = next(each for each in quality.departments if each.department == "finance")
    # Four enterprises and one government body, by the weights that each nature has.
    enterprises, governments = 4 * (0.3 / 2 + 0.3 / 3), 0.6
    assert finance.means.weighted.completeness == pytest.approx((enterprises + governments) / (4 * 0.6 + 0.6))
    enterprises, governments = 4 * (1 / 2 + 1 / 3 + 0), 1 + 0
    assert finance.means.plain.completeness == pytest.approx((enterprises + governments) / (4 * 3 + 2))
    assert finance.indicators == 3
    # The assets of A, B and E and the ratio of A rest on statements; those of B are stale.
    assert (finance.rests, finance.rests_stale) == (4, 1)
    assert [table.name for table in finance.tables] == ["statements"]


def test_the_worst_come_first_by_what_is_missing_and_stale_times_weight(tmp_path: Path) -> None:
    quality = measured(tmp_path)
    offences = {each.id: quality.offence(each) for each in quality.indicators}
    assert offences == pytest.approx(
        {
            "assets": 4 / 5 * 0.3 * (1 / 2 + 1 / 2),
            "debt_ratio": 4 / 5 * 0.3 * 2 / 3,
            "listed": 4 / 5 * 0.4 * 1 / 4,
            "relation": 0.0,
            "unmeasured": 0.0,
        }
    )
    assert list(offences) == ["assets", "debt_ratio", "listed", "relation", "unmeasured"]
    assert of_nature(quality, "assets", ENTERPRISE).offence == pytest.approx(0.3)


def test_the_table_has_a_line_for_each_indicator_and_nature_the_worst_first(tmp_path: Path) -> None:
    write_quality(measured(tmp_path), tmp_path / "report")
    with (tmp_path / "report" / TABLE).open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    order = [(line["indicator"], line["nature"]) for line in lines]
    assert order[:3] == [("assets", "enterprise"), ("debt_ratio", "enterprise"), ("listed", "enterprise")]
    assert order[3:5] == [("assets", "government"), ("listed", "government")]
    assert len(order) == 9
    first = {key: lines[0][key] for key in ("department", "applying", "known", "completeness", "stale_share")}
    assert list(first.values()) == ["finance", "4", "2", "0.5", "0.5"]
    assert lines[-1]["median_age_days"] == lines[-1]["stale_share"] == ""
    assert sorted(file.name for file in (tmp_path / "report").iterdir()) == sorted(
        [PAGE, TABLE, COMPREHENSIVENESS]
    )


# Conflicts


def conflicts(folder: Path, *other: tuple[str, ...], as_of: date = AS_OF) -> int:
    quality = measured(folder, statements=STATEMENTS[:1], other_statements=other, as_of=as_of)
    return tables_of(quality)["statements"].conflicts


def test_sources_that_agree_or_say_nothing_do_not_contradict_each_other(tmp_path: Path) -> None:
    assert conflicts(tmp_path, ("A", "2024-06-30", "2024-08-01", "100", "51")) == 1
    assert conflicts(tmp_path, ("A", "2024-06-30", "2024-08-01", "100", "50")) == 0
    assert conflicts(tmp_path, ("A", "2024-06-30", "2024-08-01", "", "50")) == 0
    # Restated a day later, another record, another customer: none of these is a contradiction.
    assert conflicts(tmp_path, ("A", "2024-06-30", "2024-08-02", "101", "50")) == 0
    assert conflicts(tmp_path, ("A", "2024-03-31", "2024-08-01", "101", "50")) == 0
    assert conflicts(tmp_path, ("B", "2024-06-30", "2024-08-01", "101", "50")) == 0


def test_one_source_does_not_contradict_itself(tmp_path: Path) -> None:
    twice = [STATEMENTS[0], ("A", "2024-06-30", "2024-08-01", "101", "50")]
    quality = measured(tmp_path, statements=twice, other_statements=())
    assert tables_of(quality)["statements"].conflicts == 0
    empty_beside = [("A", "2024-06-30", "2024-08-01", "", "50")]
    quality = measured(tmp_path, statements=twice, other_statements=empty_beside)
    assert tables_of(quality)["statements"].conflicts == 0
    quality = measured(tmp_path, statements=twice, other_statements=[STATEMENTS[0]])
    assert tables_of(quality)["statements"].conflicts == 1


def test_a_contradiction_counts_only_for_indicators_that_rest_on_the_column(tmp_path: Path) -> None:
    debts = [("A", "2024-06-30", "2024-08-01", "100", "51")]
    quality = measured(tmp_path, other_statements=debts)
    assert (by_id(quality)["assets"].conflicts, by_id(quality)["debt_ratio"].conflicts) == (0, 1)


def test_a_contradiction_known_later_changes_nothing(tmp_path: Path) -> None:
    other = ("A", "2024-06-30", "2024-08-01", "101", "50")
    customers = [("A", "2024-01-01", "enterprise", "", ""), ("A", "2024-08-01", "government", "", "")]
    before, after = (
        measured(tmp_path, None, day, customers=customers, other_statements=[other])
        for day in (date(2024, 7, 31), date(2024, 8, 1))
    )
    assert (tables_of(before)["statements"].conflicts, before.natures_in_conflict) == (0, 0)
    assert (tables_of(after)["statements"].conflicts, after.natures_in_conflict) == (1, 1)


# Agreement with the evaluation


def write_build(portfolio: Portfolio, folder: Path, seed: int = 0) -> Built:
    """Write a portfolio as a build would, with random evidence and random reasons for what is missing."""
    catalog, random = portfolio.catalog, np.random.default_rng(seed)
    computed = [placed for placed in catalog.placed if placed.indicator.value is not None]
    frame: dict[str, pa.Array] = {
        "customer_id": pa.array(portfolio.customer_ids, pa.string()),
        "nature": pa.array([str(nature) for nature in portfolio.natures], pa.string()),
        "as_of": pa.array(portfolio.as_of, pa.date32()),
    }
    lines: list[dict[str, Any]] = []
    for placed in computed:
        given_ = portfolio.given[:, portfolio.column(placed.id)]
        missing = np.isnan(given_)
        cells: Any = given_
        if placed.indicator.kind is Kind.CATEGORY:
            cells = portfolio.levels[placed.id]
        elif placed.indicator.kind is Kind.FLAG:
            cells = given_ == 1.0
        frame[placed.id] = pa.array(cells, ARROW[placed.indicator.kind], mask=missing)
        for row, absent in enumerate(missing):
            status = str(random.choice(["no_record", "undefined"])) if absent else "known"
            if not placed.applies_to(portfolio.natures[row]):
                status = "not_declared"
            age = int(random.integers(0, 900))
            day = None if random.random() < 0.1 else portfolio.as_of[row] - timedelta(days=age)
            lines.append(
                {
                    "customer_id": portfolio.customer_ids[row],
                    "as_of": portfolio.as_of[row],
                    "indicator": placed.id,
                    "department": placed.indicator.source.department,
                    "evidence": day,
                    "status": status,
                    "stale": day is not None and age > 400,
                }
            )
    schema = pa.schema(
        {
            "customer_id": pa.string(),
            "as_of": pa.date32(),
            "indicator": pa.string(),
            "department": pa.string(),
            "evidence": pa.date32(),
            "status": pa.string(),
            "stale": pa.bool_(),
        }
    )
    pq.write_table(pa.table(frame), folder / INDICATORS)
    pq.write_table(pa.Table.from_pylist(lines, schema), folder / EVIDENCE)
    return Built(folder / INDICATORS, folder / EVIDENCE, len(portfolio), 0)


def with_values(catalog: Catalog, without: int = 0) -> Catalog:
    """Return the catalog with an expression for every indicator but the last few."""
    document = json.loads(catalog.model_dump_json(by_alias=True, exclude_defaults=True))
    made = [i for d in document["dimensions"] for g in d["groups"] for i in g["indicators"]]
    for declared in made[: len(made) - without]:
        declared["value"] = CONSTANTS[Kind(declared["kind"])]
    for declared in made[len(made) - without :]:
        declared.pop("value", None)
    document["tables"] = {}
    return Catalog.model_validate_json(json.dumps(document))


def without_the_uncomputed(portfolio: Portfolio) -> Portfolio:
    columns = [p.indicator.value is None for p in portfolio.catalog.placed]
    return replace(portfolio, given=np.where(columns, np.nan, portfolio.given))


def assert_agrees(quality: Quality, portfolio: Portfolio) -> None:
    known: Bools = portfolio.applicable & ~np.isnan(portfolio.given)
    for each in quality.indicators:
        column = portfolio.column(each.id)
        for part in each.by_nature:
            rows = portfolio.natures == part.nature
            assert part.customers == rows.sum()
            assert part.counts.applying == portfolio.applicable[rows, column].sum()
            assert part.counts.known == known[rows, column].sum()
        assert each.counts.applying == portfolio.applicable[:, column].sum()
        assert each.counts.known == known[:, column].sum()


def assert_consistent(quality: Quality) -> None:
    shares: list[float | None] = [quality.comprehensiveness.mean, quality.comprehensiveness.below_half]
    shares += quality.comprehensiveness.deciles
    means = [each.means for each in quality.natures] + [each.means for each in quality.departments]
    for pair in [*means, quality.means]:
        for of in (pair.weighted, pair.plain):
            shares += [of.completeness, of.stale_share, of.validity]
    for each in quality.indicators:
        shares.append(each.validity)
        for counts in (each.counts, *(part.counts for part in each.by_nature)):
            assert counts.known + counts.no_record + counts.undefined == counts.applying
            assert counts.stale <= counts.known
            shares += [counts.completeness, counts.stale_share]
        assert 0.0 <= quality.offence(each) <= 2.0
    assert all(share is None or 0.0 <= share <= 1.0 for share in shares)
    assert sum(quality.comprehensiveness.bins) == quality.customers
    offences = [quality.offence(each) for each in quality.indicators]
    assert offences == sorted(offences, reverse=True)


@settings(max_examples=15)
@given(catalogs(), st.integers(0, 40), st.integers(0, 2**32 - 1), st.integers(0, 2))
def test_a_report_agrees_with_the_evaluation_and_its_shares_are_shares(
    drawn: Catalog, customers: int, seed: int, without: int
) -> None:
    catalog = with_values(drawn, without)
    portfolio = without_the_uncomputed(random_portfolio(catalog, customers, seed))
    with TemporaryDirectory() as name:
        folder = Path(name)
        quality = measure(catalog, write_build(portfolio, folder, seed), None)
        write_quality(quality, folder / "report")
        found = comprehensiveness_in(folder / "report")
    assert_agrees(quality, portfolio)
    assert_consistent(quality)
    expected = Baseline(catalog, policy_for(catalog)).evaluate(portfolio).completeness
    of_customers = [found[pair] for pair in zip(portfolio.customer_ids, portfolio.as_of, strict=True)]
    np.testing.assert_allclose(of_customers, expected, rtol=0, atol=1e-12)
    assert len(found) == customers


def test_the_bundled_catalog_is_measured_as_it_is_evaluated(tmp_path: Path) -> None:
    catalog = with_values(load_catalog("customer"))
    portfolio = random_portfolio(catalog, 300, 5)
    quality = measure(catalog, write_build(portfolio, tmp_path), None)
    assert_agrees(quality, portfolio)
    assert_consistent(quality)
    expected = Baseline(catalog, policy_for(catalog)).evaluate(portfolio).completeness
    assert quality.comprehensiveness.mean == pytest.approx(expected.mean(), abs=1e-12)
    assert quality.comprehensiveness.deciles == pytest.approx(
        np.quantile(expected, np.arange(1, 10) / 10), abs=1e-12
    )


CONDITIONS = [
    {"indicator": "number", "at_least": 2},
    {"indicator": "number", "at_most": 2},
    {"indicator": "number", "above": 2},
    {"indicator": "number", "below": 2},
    {"indicator": "flag", "is": True},
    {"indicator": "flag", "is": False},
    {"indicator": "level", "is": ["a"]},
    {"indicator": "level", "is": ["a", "o'clock"]},
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_is_read_as_the_evaluation_reads_it(
    condition: dict[str, Any], tmp_path: Path
) -> None:
    levels = {level: {"names": names(level)} for level in ("a", "o'clock")}
    indicators = [
        indicator("number", "sales", value="1", missing=[3.0]),
        indicator("flag", "sales", kind="flag", value="true"),
        indicator(
            "level", "sales", kind="category", better="levels", levels=levels, value='"a"', missing=["none"]
        ),
        indicator("asked", "sales", value="1", weight=100, applies_when=condition),
    ]
    document = json.loads(with_values(small_catalog()).model_dump_json(by_alias=True, exclude_defaults=True))
    group = {"id": "group", "names": names("group"), "weight": 100, "indicators": indicators}
    document["dimensions"] = [{"id": "all", "names": names("all"), "weight": 100, "groups": [group]}]
    catalog = Catalog.model_validate_json(json.dumps(document))
    cells = [
        (number, flag, level)
        for number in (1.0, 2.0, 3.0, None)
        for flag in (True, False, None)
        for level in ("a", "o'clock", "unheard of", " none ", None)
    ]
    n = len(cells)
    columns = dict(zip(("number", "flag", "level"), zip(*cells, strict=True), strict=True))
    frame = pd.DataFrame(
        {
            "customer_id": [f"C-{place}" for place in range(n)],
            "nature": "enterprise",
            "as_of": AS_OF,
            **{name: pd.Series(values, dtype=object) for name, values in columns.items()},
            "asked": 1.0,
        }
    )
    portfolio, rejects = Portfolio.from_frame(frame, catalog)
    assert rejects.empty
    built = write_build(portfolio, tmp_path)
    table = pq.read_table(built.indicators)
    for name, values in columns.items():  # as delivered, codes for none included
        place = table.schema.get_field_index(name)
        type_ = table.schema.field(name).type
        table = table.set_column(place, name, pa.array(values, type_))
    pq.write_table(table, built.indicators)
    evidence = pq.read_table(built.evidence).to_pandas()
    for name, values in columns.items():
        evidence.loc[evidence["indicator"] == name, "status"] = [
            "no_record" if value is None else "known" for value in values
        ]
    schema = pq.read_schema(built.evidence)
    pq.write_table(pa.Table.from_pandas(evidence, schema, preserve_index=False), built.evidence)
    quality = measure(catalog, built, None)
    assert_agrees(quality, portfolio)
    assert_consistent(quality)


def test_values_that_an_evaluation_refuses_are_counted(tmp_path: Path) -> None:
    catalog = small_catalog(assets={"minimum": 1, "maximum": 200})
    quality = measured(tmp_path, catalog)
    assert of_nature(quality, "assets", ENTERPRISE).counts.impossible == 1
    frame = pd.read_parquet(quality.built.indicators)
    assert len(Portfolio.from_frame(frame, catalog)[1]) == 1
    write_quality(quality, tmp_path / "report")
    assert "1 impossible values" in (tmp_path / "report" / PAGE).read_text(encoding="utf-8")


# What an indicator rests on


def test_an_indicator_rests_on_all_columns_through_which_its_value_comes() -> None:
    values = {
        "base": ("number", "sum(orders.number, where=orders.flag)"),
        "share": ("number", "ratio(base, sum(orders.number, over=orders.region))"),
        "spread": ("number", "concentration(orders.other, by=orders.label)"),
        "outlook": ("number", "latest(industries.number)"),
        "plain": ("number", "1"),
    }
    read = columns_read(check(company_catalog(values)))
    orders = {("orders", "no"), ("orders", "known_at")}
    assert read["base"] == orders | {("orders", "number"), ("orders", "flag")}
    assert read["share"] == read["base"] | {("orders", "region")}
    assert read["spread"] == orders | {("orders", "other"), ("orders", "label")}
    placing = ("no", "slot", "cancelled")
    assert read["outlook"] == {
        ("customers", "industry"),
        ("industries", "number"),
        *((table, column) for table in ("customers", "industries") for column in placing),
    }
    assert read["plain"] == frozenset()


def test_a_misshapen_row_fails_in_every_column(tmp_path: Path) -> None:
    quality = measured(tmp_path, statements=[*STATEMENTS[:1], ("A", "2024-09-30", "2024-10-01")])
    assert by_id(quality)["assets"].validity == 2 / 3
    assert by_id(quality)["debt_ratio"].validity == 2 / 3
    assert [failure.column for failure in tables_of(quality)["statements"].failures] == ["whole row"]


# Other builds


def test_customers_count_once_for_each_day(tmp_path: Path) -> None:
    catalog = small_catalog()
    staged = staged_in(tmp_path, catalog)
    pairs = [(c, day) for c in "ABCDEX" for day in (date(2024, 12, 15), AS_OF)]
    asked = pd.DataFrame(pairs, columns=["customer_id", "as_of"])
    asked.to_parquet(tmp_path / "asked.parquet")
    files = {name: table.file for name, table in staged.tables.items()}
    built = build(catalog, files, tmp_path / "built", evaluations=tmp_path / "asked.parquet")
    quality = measure(catalog, built, staged)
    assert (quality.first, quality.last, quality.customers) == (date(2024, 12, 15), AS_OF, 8)
    assert of_nature(quality, "assets", ENTERPRISE).counts.median_age_days == (184 + 350) / 2
    write_quality(quality, tmp_path / "report")
    assert len(comprehensiveness_in(tmp_path / "report")) == 8
    assert "4 asked for but not there" in (tmp_path / "report" / PAGE).read_text(encoding="utf-8")


def test_threads_and_memory_change_nothing(tmp_path: Path) -> None:
    catalog = with_values(load_catalog("customer"))
    built = write_build(random_portfolio(catalog, 200, 1), tmp_path)
    one, two = (
        measure(catalog, built, None, threads=threads, memory_limit=limit)
        for threads, limit in ((1, "2GB"), (2, "100MB"))
    )
    assert one == two
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([INDICATORS, EVIDENCE])


def test_without_a_delivery_nothing_is_said_of_rows(tmp_path: Path) -> None:
    catalog = small_catalog()
    staged = staged_in(tmp_path, catalog)
    quality = measure(catalog, built_in(tmp_path, catalog, staged), None)
    assert quality.tables is None
    assert quality.natures_in_conflict is None
    assert {(each.validity, each.repeated, each.conflicts) for each in quality.indicators} == {
        (None, None, None)
    }
    write_quality(quality, tmp_path / "report")
    assert "Why rows were rejected" not in (tmp_path / "report" / PAGE).read_text(encoding="utf-8")


def test_a_build_without_rows_is_reported_as_such(tmp_path: Path) -> None:
    quality = measured(tmp_path, as_of=date(2000, 1, 1))
    assert (quality.customers, quality.last, quality.comprehensiveness.mean) == (0, None, None)
    assert {each.counts.completeness for each in quality.indicators} == {None}
    write_quality(quality, tmp_path / "report")
    assert comprehensiveness_in(tmp_path / "report") == {}


# The page


class Words(HTMLParser):
    """Collects elements, attributes and text; fails where elements are not closed as they were opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "srcset", "data")]
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_refers_to_nothing_outside_itself_and_is_well_formed(tmp_path: Path) -> None:
    write_quality(measured(tmp_path), tmp_path / "report")
    page = (tmp_path / "report" / PAGE).read_text(encoding="utf-8")
    words = Words()
    words.feed(page)
    assert words.open == []
    assert words.links == []
    assert not {"script", "link", "img", "iframe", "object"} & words.elements
    assert "url(" not in page
    assert "@import" not in page
    for name in ("Name of assets", "財務部", "Small <catalog>"):
        assert name in words.text


HOSTILE = '<script>alert("x")</script>&amp;\' onload="'


def test_a_hostile_name_is_text_on_the_page_and_no_formula_in_the_table(tmp_path: Path) -> None:
    catalog = small_catalog(assets={"names": names(HOSTILE, HOSTILE)}, listed={"names": names("=1+1", "@x")})
    write_quality(measured(tmp_path, catalog), tmp_path / "report")
    page = (tmp_path / "report" / PAGE).read_text(encoding="utf-8")
    words = Words()
    words.feed(page)
    assert "script" not in words.elements
    assert HOSTILE in words.text
    table = (tmp_path / "report" / TABLE).read_text(encoding="utf-8")
    assert ",=1+1" not in table
    assert ",@x" not in table


def test_no_customers_value_or_id_is_on_the_page_or_in_the_table(tmp_path: Path) -> None:
    secret, number = "Zephyrine-Quux", "987654321.125"
    customers = [
        (secret, "2024-12-01", "enterprise", "existing", "yes"),
        ("A", "2024-12-01", "enterprise", f"{secret} relation", "yes"),
        ("A", "2024-12-02", "government", "", f"{secret} flag"),
        (f"{secret} unmatched", "2024-12-01", f"{secret} nature", "existing", "yes"),
    ]
    statements = [
        (secret, "2024-06-30", "2024-08-01", number, number),
        ("A", "2024-06-30", "2024-08-01", number, number),
        ("A", "2024-03-31", f"{secret} day", f"-{number}", number),
        (secret, f"{secret} cell"),
    ]
    catalog = small_catalog()
    other = [("A", "2024-06-30", "2024-08-01", "123456789.5", number)]
    quality = measured(tmp_path, catalog, customers=customers, statements=statements, other_statements=other)
    assert tables_of(quality)["statements"].conflicts == 1
    write_quality(quality, tmp_path / "report")
    for name in (PAGE, TABLE):
        shown = (tmp_path / "report" / name).read_text(encoding="utf-8")
        assert not [trace for trace in ("Quux", "98765", "987,65", "12345", "123,45") if trace in shown]


def test_only_nothing_is_zero_percent_and_only_all_is_a_hundred() -> None:
    assert [percent(share) for share in (0.0, 1e-9, 0.5, math.nextafter(1, 0), 1.0, None)] == [
        "0%",
        "0.1%",
        "50.0%",
        "99.9%",
        "100%",
        "–",
    ]


# Refusals


def refusal(catalog: Catalog, built: Built, **given_: Any) -> str:
    with pytest.raises(BuildError) as error:
        measure(catalog, built, None, **given_)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_build_that_cannot_be_measured_is_refused_in_one_line(tmp_path: Path) -> None:
    catalog = small_catalog()
    staged = staged_in(tmp_path, catalog)
    built = built_in(tmp_path, catalog, staged)
    absent = replace(built, evidence=tmp_path / "built" / "absent.parquet")
    assert EVIDENCE in refusal(catalog, absent)
    of_another = small_catalog(unmeasured={"value": "1"})
    assert "indicators.parquet: column unmeasured is absent" in refusal(of_another, built)
    short = tmp_path / "built" / "short.parquet"
    pq.write_table(pq.read_table(built.evidence).slice(1), short)
    assert "build both files anew" in refusal(catalog, replace(built, evidence=short))
    assert "memory_limit" in refusal(catalog, built, memory_limit="much")
    quality = measure(catalog, built, staged)
    built.indicators.unlink()
    with pytest.raises(BuildError, match=r"indicators.parquet"):
        write_quality(quality, tmp_path / "report")
    assert list((tmp_path / "report").iterdir()) == []
