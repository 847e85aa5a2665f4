"""Outcomes read off the records: the window, what was known at its end, and what says nothing yet."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import load_catalog
from features.declaration import DeclarationError
from features.expressions.syntax import ExpressionError
from features.labelling import Labels, check_rule, write_labels
from features.pipeline import prepare
from features.simulation.company import simulate
from features.sources.outcomes import OutcomeRule
from tests.deliveries import NAMES, catalog_with, delivery_in, stage_csv
from training.customers import read_customers

BREACHES: dict[str, Any] = {
    "names": NAMES,
    "department": "finance",
    "key": "sales_no",
    "key_system": "sales",
    "effective": "occurred_on",
    "known_at": "recorded_on",
    "columns": {
        "sales_no": {"type": "key"},
        "occurred_on": {"type": "date"},
        "recorded_on": {"type": "date"},
        "severe": {"type": "flag"},
    },
}
CONTRACTS: dict[str, Any] = {
    "names": NAMES,
    "department": "sales",
    "key": "sales_no",
    "effective": "ends_on",
    "columns": {"sales_no": {"type": "key"}, "ends_on": {"type": "date"}},
}
LATE = {**BREACHES, "known_after_days": 30}
CATALOG = catalog_with(breaches=BREACHES, contracts=CONTRACTS, late=LATE)
HEADER = ["sales_no", "occurred_on", "recorded_on", "severe"]
SEVERE = "count(breaches, where=breaches.severe) > 0"
FIRST = date(2020, 1, 1)


def labelled(
    folder: Path, breaches: list[list[Any]], asked: list[tuple[str, date]], rule: OutcomeRule, **declared: Any
) -> tuple[dict[tuple[str, date], tuple[bool | None, str]], Labels]:
    """Return outcome and status by customer and day, and the counts."""
    customers = [["sales_no", "nature"], ["A", "enterprise"], ["B", "enterprise"]]
    # Somebody else's breach, from before anybody is asked for: that none was recorded means something.
    others = ["B", FIRST - timedelta(days=1), FIRST - timedelta(days=1), "no"]
    tables = {"customers": customers, "breaches": [HEADER, others, *breaches], **declared}
    staged = stage_csv(folder, CATALOG, tables)
    pd.DataFrame(asked, columns=["customer_id", "as_of"]).to_parquet(folder / "indicators.parquet")
    labels = write_labels(
        CATALOG,
        rule,
        {name: table.file for name, table in staged.tables.items()},
        folder / "indicators.parquet",
        folder / "outcomes.parquet",
        successions=staged.successions,
        memory_limit="500MB",
        threads=1,
    )
    frame = pd.read_parquet(labels.file).astype({"outcome": object})
    cells = zip(frame["customer_id"], frame["as_of"], frame["outcome"], frame["outcome_status"], strict=True)
    found = {(id_, day): (None if pd.isna(told) else told, status) for id_, day, told, status in cells}
    return found, labels


@settings(max_examples=15, deadline=None)
@given(
    day=st.dates(FIRST, date(2024, 3, 31)),
    months=st.integers(1, 14),
    after=st.sampled_from([-1, 0, 1, 2]),
    of_end=st.booleans(),
)
def test_what_is_effective_after_the_day_and_by_the_windows_end_counts(
    tmp_path_factory: pytest.TempPathFactory, day: date, months: int, after: int, of_end: bool
) -> None:
    last = (pd.Timestamp(day) + pd.DateOffset(months=months)).date()
    event = (last if of_end else day) + timedelta(days=after)
    rule = OutcomeRule(value=SEVERE, months=months, known_until=date(2026, 1, 1))
    folder = tmp_path_factory.mktemp("labels")
    found, _ = labelled(folder, [["A", event, event, "yes"]], [("A", day)], rule)
    assert found == {("A", day): (day < event <= last, "known")}


@pytest.mark.parametrize(
    ("recorded", "adverse"), [("2021-12-31", True), ("2022-01-01", False), ("2021-06-01", True)]
)
def test_a_record_known_after_the_windows_end_changes_nothing(
    tmp_path: Path, recorded: str, adverse: bool
) -> None:
    rule = OutcomeRule(value=SEVERE, months=12, known_until=date(2023, 1, 1))
    found, labels = labelled(
        tmp_path, [["A", "2021-05-01", recorded, "yes"]], [("A", date(2020, 12, 31))], rule
    )
    assert found == {("A", date(2020, 12, 31)): (adverse, "known")}
    assert (labels.known, labels.adverse) == (1, int(adverse))


def test_a_window_that_is_not_over_says_nothing_whatever_has_happened_in_it(tmp_path: Path) -> None:
    asked = [("A", date(2020, 12, 31)), ("A", date(2021, 1, 1)), ("B", date(2021, 1, 1))]
    rule = OutcomeRule(value=SEVERE, months=12, known_until=date(2021, 12, 31))
    found, labels = labelled(tmp_path, [["A", "2021-05-01", "2021-05-01", "yes"]], asked, rule)
    assert found == {
        ("A", date(2020, 12, 31)): (True, "known"),
        ("A", date(2021, 1, 1)): (None, "immature"),
        ("B", date(2021, 1, 1)): (None, "immature"),
    }
    assert (labels.known, labels.adverse, labels.immature, labels.unknown) == (1, 1, 2, 0)


def test_records_are_known_until_their_newest_day_and_no_day_to_come(tmp_path: Path) -> None:
    breaches = [["B", "2021-05-01", "2021-07-01", "no"], ["B", "2021-05-01", "2190-01-01", "no"]]
    rule = OutcomeRule(value=SEVERE, months=6)
    asked = [("A", date(2021, 1, 1)), ("A", date(2021, 1, 2))]
    found, labels = labelled(tmp_path, breaches, asked, rule)
    assert labels.known_until == date(2021, 7, 1)
    assert [status for _, status in found.values()] == ["known", "immature"]


@pytest.mark.parametrize(
    ("value", "known_until"),
    [
        (SEVERE, date(2021, 7, 1)),
        # Contracts end on days of which nobody has delivered anything yet.
        ("count(contracts) == 0", date(2021, 9, 1)),
        ("count(contracts) == 0 and count(breaches) > 0", date(2021, 7, 1)),
        ("count(late) > 0", date(2021, 9, 1)),
        ("count(late) > 0 or count(breaches) > 0", date(2021, 7, 1)),
        # Who is listed has no day.
        ('latest(customers.nature) == "enterprise" and count(breaches) > 0', date(2021, 7, 1)),
    ],
)
def test_the_delivery_tells_as_long_as_every_table_that_the_rule_reads(
    tmp_path: Path, value: str, known_until: date
) -> None:
    asked = [("A", date(2021, 1, 1)), ("A", date(2021, 1, 2)), ("A", date(2021, 3, 2))]
    _, labels = labelled(
        tmp_path,
        [["B", "2021-05-01", "2021-07-01", "no"]],
        asked,
        OutcomeRule(value=value, months=6),
        contracts=[["sales_no", "ends_on"], ["A", "2022-12-31"], ["B", "2021-02-01"]],
        late=[HEADER, ["B", "2021-05-01", "2021-09-01", "no"]],
    )
    assert labels.known_until == known_until
    assert labels.immature == (2 if known_until < date(2021, 7, 2) else 1)


def test_a_table_without_a_day_of_becoming_known_tells_by_the_days_described(
    tmp_path: Path,
) -> None:
    rule = OutcomeRule(value="count(contracts) > 0", months=6)
    contracts = [["sales_no", "ends_on"], ["A", "2019-12-01"], ["B", "2019-12-24"]]
    _, labels = labelled(tmp_path, [], [("A", date(2019, 6, 24))], rule, contracts=contracts)
    assert labels.known_until == date(2019, 12, 24)
    assert labels.immature == 0


def test_what_the_records_do_not_tell_is_unknown(tmp_path: Path) -> None:
    merger = [["from_customer", "to_customer", "on", "known_at"], ["A", "B", "2021-03-01", "2021-03-01"]]
    rule = OutcomeRule(value=SEVERE, months=12, known_until=date(2023, 1, 1))
    asked = [("A", date(2020, 6, 1)), ("B", date(2020, 6, 1)), ("A", date(2020, 1, 1))]
    found, labels = labelled(
        tmp_path, [["A", "2020-08-01", "2020-08-01", "yes"]], asked, rule, successions=merger
    )
    # A is not there any more at the window's end; B has carried on its records by then.
    assert found[("A", date(2020, 6, 1))] == (None, "unknown")
    assert found[("B", date(2020, 6, 1))] == (True, "known")
    assert found[("A", date(2020, 1, 1))] == (True, "known")
    assert labels.unknown == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("count(breaches, months=12) > 0", "leave months, days"),
        ("count(breaches)", "is a number"),
        ("count(nothing) > 0", "nothing"),
        ("listed", "listed"),
        ("count(breaches", "character"),
    ],
)
def test_a_rule_that_cannot_be_computed_is_refused_before_anything_is_read(
    tmp_path: Path, value: str, reason: str
) -> None:
    with pytest.raises(ExpressionError, match=reason) as caught:
        check_rule(OutcomeRule(value=value, months=12), CATALOG)
    assert "indicator adverse" not in str(caught.value)
    document = yaml.safe_load((Path(__file__).parents[1] / "features/portfolios/cumcm2020c.yaml").read_text())
    document["outcomes"] = {"value": value, "months": 12}
    (tmp_path / "portfolio.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ExpressionError, match=r"portfolio\.yaml: outcomes: value: "):
        prepare(tmp_path / "portfolio.yaml", tmp_path / "out", as_of=FIRST)
    assert not (tmp_path / "out").exists()


def test_a_rule_lacks_nothing_and_is_no_source(tmp_path: Path) -> None:
    source = {"table": "customers", "path": "customers.csv"}
    with pytest.raises(DeclarationError, match=r"outcomes\.rule\.months: is absent"):
        delivery_in(tmp_path, source, outcomes={"value": SEVERE})
    with pytest.raises(DeclarationError, match="give either a path or a url"):
        delivery_in(tmp_path, source, outcomes={"columns": {}})
    assert delivery_in(tmp_path, source, outcomes={"value": SEVERE, "months": 3}).outcome_source is None


def test_outcomes_read_off_the_records_are_those_that_the_simulation_drew(tmp_path: Path) -> None:
    company = simulate(tmp_path / "company", 1000, 7, first=date(2022, 1, 1), last=date(2024, 12, 31))
    truth = pd.read_parquet(company.truth)
    truth[["customer_id", "as_of"]].to_parquet(tmp_path / "evaluations.parquet")
    found = prepare(company.portfolio, tmp_path / "built", evaluations=tmp_path / "evaluations.parquet")
    frame = pd.read_parquet(found.built.indicators)
    both = truth.merge(frame, on=["customer_id", "as_of"], suffixes=("", "_read"), validate="1:1")
    drawn = both["outcome"].notna()
    assert len(both) == len(truth) and 500 < drawn.sum() < len(both)
    assert both["outcome_read"][drawn].tolist() == both["outcome"][drawn].tolist()
    assert both["outcome"][drawn].sum() > 50
    assert set(both["outcome_status"][drawn]) == {"known"}
    assert set(both["outcome_status"][~drawn]) == {"immature"} and both["outcome_read"][~drawn].isna().all()
    assert found.labels is not None
    assert (found.labels.known, found.labels.immature) == (drawn.sum(), (~drawn).sum())
    assert found.labelled == drawn.sum()
    ends = [(pd.Timestamp(day) + pd.DateOffset(months=12)).date() for day in both["as_of"]]
    assert pd.to_datetime(both["outcome_known_on"]).dt.date.tolist() == ends

    table = read_customers(found.built.indicators, load_catalog("customer"), "outcome")
    assert table.outcomes.adverse == ("true",) and len(table.data) == drawn.sum() and table.ignored == ()
    assert table.data.known_on is not None
    assert sorted(table.data.known_on.tolist()) == sorted(np.array(ends)[drawn])
    assert {reason for _, _, reason in table.rejects} == {"the outcome is immature: its window is not over"}
