"""Drafting a catalog for a table that nobody described."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Kind
from features.curve import Better, check_knots
from features.customer import parse_customer
from features.declaration import load_declared
from features.document import indicators_of
from features.drafting import wording
from features.drafting.columns import Role, missing_codes, profile
from features.drafting.curves import LEVEL, draw_curve, draw_levels, rounded
from features.drafting.decimals import has_decimal_comma
from features.drafting.draft import Draft, draft_catalog
from features.drafting.outcome import UnclearOutcome, adverse_words
from features.drafting.redrawing import redrawn
from features.drafting.rendering import to_yaml
from features.drafting.shares import shares_of
from features.portfolio import Portfolio
from features.sources import cells as reading
from features.sources.customer_table import Chunk, open_table
from features.sources.opening import TableError
from features.sources.record_table import DateOrder
from features.terms import Nature

N = 2000


def odd_table() -> pd.DataFrame:
    """An analyst's table with what makes tables odd; synthetic."""
    random = np.random.default_rng(5)
    debt = random.uniform(0, 90, N)
    due = random.choice([0, 1, 2, 3, 98, 96], N, p=[0.7, 0.15, 0.08, 0.05, 0.01, 0.01])
    bad = random.random(N) < 1 / (1 + np.exp(3.5 - 0.03 * debt - 0.6 * np.minimum(due, 3)))
    days = pd.Timestamp("2018-01-01") + pd.to_timedelta(random.integers(0, 1800, N), unit="D")
    return pd.DataFrame(
        {
            "Unnamed: 0": range(N),
            "客戶編號": [f"K{number:05d}" for number in random.integers(0, N // 2, N)],
            "Application Date": [f"{day:%d/%m/%Y}" for day in days],
            "年收入": [f"{income:,.1f}" for income in random.lognormal(8, 1, N)],
            "Debt Ratio": [f"{share:.1f}%" for share in debt],
            "past_due": due,
            "months_employed": np.where(random.random(N) < 0.1, -999, random.integers(0, 200, N)),
            "Gender": random.choice(["M", "F"], N),
            "purpose": random.choice(["car", "house", "school, private", '"odd"', ""], N),
            "empty": "",
            "const": "x",
            "is_member": random.choice(["是", "否"], N),
            "comment": [f"text {number}" for number in range(N)],
            "birth_date": [f"{year}-01-31" for year in random.integers(1950, 2000, N)],
            "charged_off_amount": np.where(bad, random.lognormal(5, 1, N).round(2).astype(str), ""),
            "Loan Status": np.where(random.random(N) < 0.02, "", np.where(bad, "Charged Off", "Fully Paid")),
        }
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("draft") / "odd loans.csv"
    odd_table().to_csv(path, index=False, encoding="gb18030", sep=";")
    return path


@pytest.fixture(scope="module")
def draft(table: Path) -> Draft:
    return draft_catalog(profile(table, "Loan Status"), "Loan Status", table)


def test_ids_days_outcome_and_what_is_no_indicator_are_told_apart(table: Path) -> None:
    roles = {column.header: column.role for column in profile(table, "Loan Status").columns}
    assert roles["客戶編號"] is Role.CUSTOMER_ID
    assert roles["Application Date"] is Role.AS_OF
    assert roles["Loan Status"] is Role.OUTCOME
    left_out = {name for name, role in roles.items() if role is Role.LEFT_OUT}
    assert left_out == {"Unnamed: 0", "empty", "const", "comment", "birth_date"}


def test_the_catalog_says_how_the_table_is_read(draft: Draft) -> None:
    flat = draft.catalog.table
    assert flat is not None
    assert (flat.customer_id, flat.as_of, flat.date_order) == (
        "客戶編號",
        "Application Date",
        DateOrder.DAY_FIRST,
    )
    assert (flat.outcome, flat.bad) == ("Loan Status", ("Charged Off",))


def test_kinds_codes_directions_and_points_follow_from_the_cells(draft: Draft) -> None:
    by_id = {id_: placed.indicator for id_, placed in draft.catalog.by_id.items()}
    assert by_id["past_due"].missing == (96.0, 98.0)
    assert by_id["months_employed"].missing == (-999.0,)
    assert by_id["is_member"].kind is Kind.FLAG
    assert by_id["purpose"].kind is Kind.CATEGORY
    assert by_id["nian_shou_ru"].kind is Kind.NUMBER and by_id["nian_shou_ru"].aliases == ("年收入",)
    assert by_id["debt_ratio"].risk_direction == 1 and by_id["debt_ratio"].better is Better.LOWER
    assert by_id["months_employed"].risk_direction == 0
    assert draft.catalog.by_id["debt_ratio"].dimension.id == "financial"


def test_what_is_protected_or_knows_the_outcome_is_not_used_and_that_is_said(draft: Draft) -> None:
    gender, amount = (draft.catalog.by_id[id_].indicator for id_ in ("gender", "charged_off_amount"))
    assert gender.protected and not amount.modelled
    assert any("Gender" in warning for warning in draft.warnings)
    assert any("charged_off_amount" in warning for warning in draft.warnings)


def test_the_draft_is_a_catalog_file_with_its_evidence(draft: Draft, tmp_path: Path) -> None:
    path = tmp_path / "drafted.yaml"
    path.write_text(to_yaml(draft), encoding="utf-8")
    assert load_declared(Catalog, path) == draft.catalog
    assert "risk rises with it; AUC 0." in path.read_text(encoding="utf-8")
    assert "# left out: comment" in path.read_text(encoding="utf-8")


def test_a_table_is_read_by_its_own_draft(table: Path, draft: Draft) -> None:
    with open_table(table, draft.catalog, outcome="Loan Status") as opened:
        assert set(opened.ignored) == {"Unnamed: 0", "empty", "const", "comment", "birth_date"}
        chunk = next(iter(opened.chunks))
    portfolio, rejects = Portfolio.from_frame(chunk.frame, draft.catalog)
    assert not len(rejects) and len(portfolio) == N
    given_ = odd_table()
    due = portfolio.given[:, portfolio.column("past_due")]
    assert np.array_equal(np.isnan(due), given_["past_due"] > 90)
    assert np.array_equal(due[~np.isnan(due)], given_["past_due"][given_["past_due"] < 90])
    debt = portfolio.given[:, portfolio.column("debt_ratio")]
    assert np.allclose(debt, given_["Debt Ratio"].str.rstrip("%").astype(float) / 100)


def test_a_code_for_nothing_is_missing_whichever_way_a_customer_comes(draft: Draft) -> None:
    raw = {"customer_id": "A", "nature": "individual", "as_of": "2020-01-01", "indicators": {"past_due": 98}}
    assert parse_customer(raw, draft.catalog).codes == {}


def test_redrawn_from_the_same_customers_a_draft_is_the_same(table: Path, draft: Draft) -> None:
    with open_table(table, draft.catalog, outcome="Loan Status") as opened:
        chunk = next(iter(opened.chunks))
    portfolio, _ = Portfolio.from_frame(chunk.frame, draft.catalog)
    assert chunk.outcome is not None
    known = np.flatnonzero(chunk.outcome != np.array(None))
    bad = chunk.outcome[known] == "Charged Off"
    again = redrawn(portfolio.take(known), bad)
    for placed in draft.catalog.placed:
        other = again.by_id[placed.id].indicator
        assert placed.indicator.points == other.points
        assert placed.indicator.levels == other.levels
        assert placed.indicator.weight == other.weight
        assert placed.indicator.risk_direction == other.risk_direction
    flipped = redrawn(portfolio.take(known), ~bad)
    assert flipped.by_id["debt_ratio"].indicator.risk_direction == -1


def test_what_a_person_made_their_own_is_not_redrawn(table: Path, draft: Draft) -> None:
    document = draft.catalog.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for dimension in document["dimensions"]:
        for group in dimension["groups"]:
            for indicator in group["indicators"]:
                indicator.pop("drafted")
    document["weighting"] = {"method": "judgement"}

    own = Catalog.model_validate_json(json.dumps(document))
    with open_table(table, own) as opened:
        portfolio, _ = Portfolio.from_frame(next(iter(opened.chunks)).frame, own)
    assert redrawn(portfolio, np.arange(N) % 2 == 0) == own


def test_points_of_what_is_scored_but_not_modelled_are_redrawn_too(table: Path, draft: Draft) -> None:
    document = draft.catalog.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for indicator in indicators_of(document):
        indicator["modelled"] = False
    catalog = Catalog.model_validate_json(json.dumps(document))
    with open_table(table, catalog) as opened:
        portfolio, _ = Portfolio.from_frame(next(iter(opened.chunks)).frame, catalog)
    again = redrawn(portfolio, np.arange(N) % 2 == 0)
    scored = [placed for placed in catalog.placed if placed.indicator.weight and placed.indicator.points]
    assert scored
    for placed in scored:
        assert again.by_id[placed.id].indicator.points != placed.indicator.points


@pytest.mark.parametrize("method", ["outcomes", "judgement"])
@pytest.mark.parametrize("alone", [True, False])
def test_what_tells_nothing_of_a_folds_customers_is_level_and_all_else_redrawn(
    tmp_path: Path, method: str, alone: bool
) -> None:
    random = np.random.default_rng(7)
    n = 600
    income, rare = random.normal(size=n).round(3), np.full(n, np.nan)
    # Filled for 14 customers, of whom only the last two had the adverse outcome.
    rare[:14] = [0.1, 0.7, 0.3, 2.9, 1.6, 0.2, 0.9, 1.1, 0.4, 3.3, 0.8, 1.3, 2.2, 2.4]
    bad = (random.random(n) < 1 / (1 + np.exp(2 + income))) & (np.arange(n) >= 14)
    bad[12:14] = True
    frame = pd.DataFrame({"rare": rare, "income": income, "y": np.where(bad, "yes", "no")})
    path = tmp_path / "rare.csv"
    frame.drop(columns=["income"] if alone else []).to_csv(path, index=False)
    document = draft_catalog(profile(path, "y"), "y", path).catalog.model_dump(
        mode="json", by_alias=True, exclude_defaults=True
    )
    document["weighting"] = {"method": method}
    catalog = Catalog.model_validate_json(json.dumps(document))
    with open_table(path, catalog) as opened:
        portfolio, _ = Portfolio.from_frame(next(iter(opened.chunks)).frame, catalog)
    fold = np.setdiff1d(np.arange(n), [12, 13])
    again = redrawn(portfolio.take(fold), bad[fold])
    before, after = (of.by_id["rare"].indicator for of in (catalog, again))
    assert before.weight and before.points != after.points
    assert after.points == LEVEL and after.risk_direction == 0
    if not alone:
        assert again.by_id["income"].indicator.points == draw_curve(income[fold], bad[fold]).knots


@pytest.mark.parametrize(
    ("words", "name", "adverse"),
    [
        (["good", "bad"], "creditability", ("bad",)),
        (["0", "1", "0"], "default", ("1",)),
        (["0", "1", "0"], "repaid", ("0",)),
        (["是", "否"], "是否违约", ("是",)),
        (["CHGOFF", "P I F"], "MIS_Status", ("CHGOFF",)),
        (["Fully Paid", "Charged Off", "Current"], "loan_status", ("Charged Off",)),
        (["no default", "default"], "y", ("default",)),
        (["1", "2", "1"], "class", ("2",)),
        (["正常", "逾期"], "狀態", ("逾期",)),
        (["true", "false"], "bankrupt", ("true",)),
    ],
)
def test_the_adverse_outcome_is_told_by_its_words(
    words: list[str], name: str, adverse: tuple[str, ...]
) -> None:
    assert adverse_words(np.array(words, dtype=object), name)[0] == adverse


@pytest.mark.parametrize("words", [["1", "1"], ["a", "b", "c"], [None, None]])
def test_an_outcome_that_cannot_be_told_is_refused(words: list[str | None]) -> None:
    with pytest.raises(UnclearOutcome, match="column y"):
        adverse_words(np.array(words, dtype=object), "y")


def test_a_label_that_is_not_there_is_told(table: Path) -> None:
    with pytest.raises(TableError, match="there is no column default; it has Unnamed: 0, 客戶編號"):
        profile(table, "default")


def test_a_word_that_few_customers_have_is_no_code_and_stands_in_no_catalog(tmp_path: Path) -> None:
    cells = [str(number) for number in range(200)]
    cells[3:9] = ["withheld"] * 3 + ["call Mr Wang 0912"] + ["see file"] * 2
    frame = pd.DataFrame({"customer_id": [f"K{n}" for n in range(200)], "income": cells, "bad": [0, 1] * 100})
    frame.to_csv(tmp_path / "t.csv", index=False)
    found = profile(tmp_path / "t.csv", "bad")
    income = next(column for column in found.columns if column.header == "income")
    assert income.missing == ("withheld",)
    assert income.remark is not None and "their rows will be rejected" in income.remark
    drafted = draft_catalog(found, "bad", tmp_path / "t.csv")
    written = to_yaml(drafted)
    assert "withheld" in written and "Wang" not in written and "see file" not in written
    with open_table(tmp_path / "t.csv", drafted.catalog, outcome="bad") as opened:
        _, rejects = Portfolio.from_frame(next(iter(opened.chunks)).frame, drafted.catalog)
    assert rejects["row"].tolist() == [6, 7, 8]


def reasons(path: Path, catalog: Catalog, delimiter: str = ",") -> list[str]:
    """Return why rows of a table are rejected."""
    with open_table(path, catalog, delimiter=delimiter) as opened:
        chunk = next(iter(opened.chunks))
    return [line.reason for line in chunk.rejected(Portfolio.from_frame(chunk.frame, catalog)[1])]


def continental(number: float) -> str:
    """Write a number as the continent does: 1.234,5."""
    return f"{number:,.1f}".translate(str.maketrans(",.", ".,"))


def test_a_decimal_comma_is_found_out_and_told_and_the_draft_reads_its_table_by_it(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    income = random.lognormal(8, 1, 300).round(1)
    frame = pd.DataFrame(
        {
            "Kunde Nr": [f"K{n}" for n in range(300)],
            "Einkommen": map(continental, income),
            "Jahre": random.integers(0, 40, 300),
            "Ausfall": random.choice(["ja", "nein"], 300),
        }
    )
    frame.to_csv(tmp_path / "t.csv", index=False, sep=";")
    drafted = draft_catalog(profile(tmp_path / "t.csv", "Ausfall"), "Ausfall", tmp_path / "t.csv", bad=["ja"])
    assert any("decimal comma" in line for line in drafted.warnings)
    with open_table(tmp_path / "t.csv", drafted.catalog, outcome="Ausfall") as opened:
        portfolio, rejects = Portfolio.from_frame(next(iter(opened.chunks)).frame, drafted.catalog)
    assert not len(rejects)
    assert np.array_equal(portfolio.given[:, portfolio.column("einkommen")], income)
    lines = ["Kunde Nr,Einkommen,Jahre", "K1,1234.5,3", "K2,a lot,3"]
    (tmp_path / "points.csv").write_text("\n".join(lines), encoding="utf-8")
    assert reasons(tmp_path / "points.csv", drafted.catalog) == [
        "must be a number: it has a decimal point; the catalog declares a comma (table: decimal_comma)",
        "must be a number",
    ]
    document = drafted.catalog.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    document["table"].pop("decimal_comma")
    assert reasons(tmp_path / "t.csv", Catalog.model_validate_json(json.dumps(document)), ";")[0] == (
        "must be a number: it has a decimal comma, which the catalog does not declare (table: decimal_comma)"
    )


def test_a_day_is_given_to_a_table_without_days_only(tmp_path: Path, table: Path, draft: Draft) -> None:
    day, path = date(2020, 1, 31), tmp_path / "t.csv"
    pd.DataFrame({"income": np.arange(60) % 37, "y": ["yes", "no", "no"] * 20}).to_csv(path, index=False)
    undated = draft_catalog(profile(path, "y"), "y", path).catalog
    for of, catalog, dated in ((path, undated, False), (table, draft.catalog, True)):
        with open_table(of, catalog, as_of=day) as opened:
            days = set(next(iter(opened.chunks)).frame["as_of"])
            assert opened.dated is dated
            assert (days == {day}) is not dated


def test_the_rejected_cells_of_a_field_are_read_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    numbers = reading.numbers

    def counted(*given: Any, **how: Any) -> Any:
        calls.append(given)
        return numbers(*given, **how)

    monkeypatch.setattr(reading, "numbers", counted)
    frame = pd.DataFrame({"a": ["1,5", "x", 2.0, "2,5"], "b": [1.0, 2.0, "3,5", True]})
    lines = [(0, "a"), (1, "a"), (2, "b"), (3, "a"), (3, "b")]
    wrong = pd.DataFrame(
        [(row, f"K{row}", f"indicator {field}", "must be a number") for row, field in lines],
        columns=["row", "customer_id", "field", "reason"],
    )
    wrong.loc[len(wrong)] = (2, "K2", "as_of", "must be a day")
    chunk = Chunk(frame, range(2, 6), (), None, {}, 1.0, decimal_comma=False)
    told = [(line.row, line.field, "comma" in line.reason) for line in chunk.rejected(wrong)]
    assert told == [
        *((2, "indicator a", True), (3, "indicator a", False), (4, "as_of", False)),
        *((4, "indicator b", True), (5, "indicator a", True), (5, "indicator b", False)),
    ]
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("columns", "comma"),
    [
        ({"a": ["1,5", "2,25"]}, True),
        ({"a": ["1.234,50", "12,1"], "b": ["3", ""]}, True),
        ({"a": ["0,123", "0,456"]}, True),
        ({"a": ["1,234", "5,678"]}, False),  # thousands as well as thousandths
        ({"a": ["1.5", "2,5"]}, False),
        ({"a": ["1,5", "2,5"], "b": ["0.5", "1.5"]}, False),  # somebody writes points here
        ({"a": ["1,5", "2,5"], "b": ["31.12.", "v1.2.3"]}, True),  # those are no numbers
        ({"a": ["1,5", "red, blue"]}, False),
        ({"a": [1.5, 2.5]}, False),
    ],
)
def test_a_decimal_comma_is_told_from_thousands_and_texts(
    columns: dict[str, list[object]], comma: bool
) -> None:
    assert has_decimal_comma(pd.DataFrame(columns, dtype=object)) is comma


def test_rows_of_another_length_are_told(tmp_path: Path) -> None:
    lines = [f"K{n},{n % 7},{n % 2}" for n in range(100)]
    lines[5:7] = ["K5,1,0,9", "K6"]
    (tmp_path / "t.csv").write_text("\n".join(["customer_id,late,bad", *lines]), encoding="utf-8")
    drafted = draft_catalog(profile(tmp_path / "t.csv", "bad"), "bad", tmp_path / "t.csv")
    assert any(
        line.startswith("2 rows have more or fewer cells than the header") for line in drafted.warnings
    )


def test_columns_of_one_header_are_left_out_and_the_table_is_read_without_them(tmp_path: Path) -> None:
    lines = [f"K{n},{n % 7},{n % 5},{n % 3},{n % 2}" for n in range(100)]
    (tmp_path / "t.csv").write_text("\n".join(["customer_id,late,x,x,bad", *lines]), encoding="utf-8")
    drafted = draft_catalog(profile(tmp_path / "t.csv", "bad"), "bad", tmp_path / "t.csv")
    assert [line.split(":")[0] for line in drafted.left_out] == ["x", "x"]
    with open_table(tmp_path / "t.csv", drafted.catalog, outcome="bad") as opened:
        assert opened.ignored == ("x", "x")
        assert len(next(iter(opened.chunks)).frame) == 100
    with pytest.raises(TableError, match="column x stands there twice; which one counts is not known"):
        profile(tmp_path / "t.csv", "x")


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([0, 1, 2, 98, 98, 96], (96.0, 98.0)),
        ([0, 1, 2, 3, 98], ()),  # once is no code
        ([10, 50, 99, 99, 70], ()),  # within the rest
        ([-9, -8, 3, 50, 80], (-9.0, -8.0)),
        ([-9, 3, 50, 80], ()),  # once is no code
        ([-2, -1, 0, 1, 2], ()),  # grades of their own
        ([-999, 1.5, 2.5, -999], (-999.0,)),
        ([0.5, 0.7, 999, 999], (999.0,)),
        ([1, 2, 3], ()),
    ],
)
def test_codes_for_nothing_stand_apart_from_the_rest(values: list[float], codes: tuple[float, ...]) -> None:
    assert missing_codes(np.array(values, dtype=np.float64)) == tuple(sorted(codes))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_curve_is_one_that_a_catalog_accepts(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 200))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scale = data.draw(st.sampled_from([1e-300, 1e-9, 1.0, 1e9, 1e300]))
    values = random.choice([0.0, 1.0, 2.0, np.nan, *random.normal(size=10)], n) * scale
    drawn = draw_curve(values, random.random(n) < data.draw(st.floats(0.05, 0.95)))
    if drawn.knots is not None:
        check_knots(drawn.knots, drawn.better)
        if drawn.direction:
            assert drawn.better is (Better.LOWER if drawn.direction > 0 else Better.HIGHER)


def test_a_direction_is_declared_only_where_it_is_sure() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=4000)
    rising = random.random(4000) < 1 / (1 + np.exp(2 - x))
    turning = random.random(4000) < 1 / (1 + np.exp(3 - 1.5 * x**2 - 0.4 * x))
    assert draw_curve(x, rising).direction == 1
    assert draw_curve(-x, rising).direction == -1
    assert draw_curve(x, turning).direction == 0
    assert draw_curve(x, turning).better is Better.MIDDLE
    assert draw_curve(x, random.random(4000) < 0.2).direction == 0


def test_levels_nobody_has_seen_do_not_pay() -> None:
    words = np.array(["a"] * 100 + ["b"] * 100 + [None] * 10, dtype=object)
    bad = np.arange(210) % 100 < np.where(words == "a", 10, 50)
    drawn = draw_levels(words, bad, ["a", "b"])
    assert drawn.points["a"] > 60 > drawn.points["b"] >= drawn.unseen


@given(
    st.dictionaries(
        st.integers(0, 30).map(str),
        st.tuples(st.floats(0, 5), st.sampled_from("ab"), st.sampled_from("xyz")),
        min_size=1,
    )
)
def test_weights_add_up_to_a_hundred_on_every_level(parts: dict[str, tuple[float, str, str]]) -> None:
    shares = shares_of(
        {id_: part[0] for id_, part in parts.items()},
        {id_: (part[1], part[1] + part[2]) for id_, part in parts.items()},
    )
    assert sum(shares.dimensions.values()) == 100
    for dimension, weight in shares.dimensions.items():
        groups = [value for group, value in shares.groups.items() if group[0] == dimension]
        assert not weight or sum(groups) == 100
    for group, weight in shares.groups.items():
        inside = [v for id_, v in shares.indicators.items() if parts[id_][1] + parts[id_][2] == group]
        assert not weight or sum(inside) == 100


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_rounded_value_is_near(value: float) -> None:
    assert abs(rounded(value) - value) <= abs(value) * 0.01 + 1e-300


@given(st.lists(st.text(max_size=30), min_size=1, max_size=10))
def test_ids_are_identifiers_and_differ(names: list[str]) -> None:
    taken: list[str] = []
    for place, name in enumerate(names):
        taken.append(wording.identifier(name, place, taken))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", id_) for id_ in taken)
    assert len(set(taken)) == len(taken)


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("總資產", "zong_zi_chan"),
        ("2023年收入", "x_2023_nian_shou_ru"),
        ("Größe (m²)", "grosse_m2"),
        ("??", "column_1"),
    ],
)
def test_a_header_in_another_script_is_written_in_latin_letters(name: str, id_: str) -> None:
    assert wording.identifier(name, 0, ()) == id_


def test_names_tell_natures() -> None:
    assert wording.nature_of(["age", "income", "job"]) is Nature.INDIVIDUAL
    assert wording.nature_of(["employees", "revenue"]) is Nature.ENTERPRISE
