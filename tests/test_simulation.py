"""The synthetic company is what it says: records follow the drawn outcomes, and these the probabilities."""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from features.building import build
from features.catalog import load_catalog
from features.portfolio import Portfolio
from features.simulation.company import Simulated, simulate
from features.simulation.history import NO_DAY, SimulationError
from features.simulation.mistakes import Shares, with_mistakes
from features.simulation.outcomes import CROSSING, FEWEST_ARREARS, MOST_ARREARS, TERMS, draw_year
from features.simulation.rows import Rows, Serials
from features.sources.delivery import load_delivered_catalog, load_delivery
from features.sources.record_table import ColumnType
from features.sources.staging import Staged, stage
from features.terms import Nature

CATALOG = load_catalog("customer")
CUSTOMERS, SEED = 4000, 3
FIRST, LAST = date(2022, 1, 1), date(2024, 12, 31)
EVALUATED = (date(2022, 12, 31), date(2023, 12, 31))
# No draw of a fixed seed lies this many standard errors away unless something is wrong.
FAR = 4.0

PERSONS, COMPANIES = frozenset({"individual"}), frozenset({"enterprise"})
ORGANISATIONS = frozenset({"enterprise", "government", "public_institution"})
REPORTING = frozenset({"enterprise", "public_institution"})
BORROWING = frozenset({"enterprise", "public_institution", "individual"})
# Columns that are only filled for some natures; the others are filled for all that the table has rows of.
FILLED_FOR: dict[str, dict[str, frozenset[str]]] = {
    "customers": dict.fromkeys(
        ("born_on", "occupation", "employed_since", "residence_region", "resident_since"), PERSONS
    ),
    "registrations": {
        "business_scope": COMPANIES,
        "registered_capital": REPORTING,
        "paid_in_capital": COMPANIES,
        "founded_on": REPORTING,
        "administrative_level": frozenset({"government"}),
        "funding_type": frozenset({"public_institution"}),
    },
    "public_records": {"registration_status": REPORTING, "insolvency_filed": BORROWING},
    "credit_reports": {"bank_rating": REPORTING, "personal_grade": PERSONS},
    "customer_visits": dict.fromkeys(("plan", "goals_set", "goals_met", "expected_demand"), ORGANISATIONS),
    "market_research": dict.fromkeys(("research_spending", "turnover"), REPORTING),
}


@dataclass(frozen=True)
class Company:
    """A simulated company in its folder, and the same as staged."""

    folder: Path
    simulated: Simulated
    staging: Path
    staged: Staged

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "tables" / f"{name}.parquet")

    def staged_table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.staging / "staged" / f"{name}.parquet")

    @property
    def truth(self) -> pd.DataFrame:
        return pd.read_parquet(self.simulated.truth)

    @property
    def drawn(self) -> pd.DataFrame:
        """The truth of the days after which twelve months are known."""
        truth = self.truth
        return truth[truth["outcome"].notna()].assign(outcome=lambda rows: rows["outcome"].astype(bool))


def made(folder: Path, customers: int = CUSTOMERS, seed: int = SEED, *, ugly: bool = False) -> Simulated:
    return simulate(folder, customers, seed, first=FIRST, last=LAST, ugly=ugly)


def staged_from(simulated: Simulated, output: Path) -> Staged:
    delivery = load_delivery(simulated.portfolio)
    return stage(delivery, load_delivered_catalog(delivery), output, threads=1)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder, staging = tmp_path_factory.mktemp("company"), tmp_path_factory.mktemp("staging")
    simulated = made(folder)
    return Company(folder, simulated, staging, staged_from(simulated, staging))


@pytest.fixture(scope="module")
def frame(company: Company, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The indicators as of the days of evaluation of everybody whose outcome is known."""
    folder = tmp_path_factory.mktemp("built")
    company.drawn[["customer_id", "as_of"]].to_parquet(folder / "evaluations.parquet")
    built = build(
        CATALOG,
        {name: table.file for name, table in company.staged.tables.items()},
        folder,
        evaluations=folder / "evaluations.parquet",
        successions=company.staged.successions,
        threads=1,
    )
    assert built.absent == 0
    return pd.read_parquet(built.indicators)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def year_after(day: date) -> date:
    return date(day.year + 1, day.month, day.day)


# Exact whatever is drawn

seeds = st.integers(0, 2**32)


@given(seeds, st.integers(0, 40), st.booleans())
def test_the_last_version_of_every_record_is_the_right_one(seed: int, count: int, pinned: bool) -> None:
    rng = np.random.default_rng(seed)
    original = Rows(
        np.arange(count),
        {
            "number": Serials("N", np.arange(count)),
            "known": rng.integers(0, 1000, count),
            "amount": rng.uniform(1e3, 1e9, count),
            "other": rng.uniform(1e3, 1e9, count),
        },
    )
    shares = Shares(late=0.3, wrong=0.3, repeated=0.3)
    spared = rng.random(count) < 0.5 if pinned else None
    rows = with_mistakes(rng, original, "known", ("amount", "other"), shares=shares, pinned=spared)
    table = pd.DataFrame({"owner": rows.owner, "known": rows.days("known")})
    for name in ("amount", "other"):
        table[name] = np.asarray(rows.columns[name])
    last = table.sort_values("known", kind="stable").groupby("owner").last()
    assert (last.index == original.owner).all()
    for name in ("amount", "other"):
        np.testing.assert_array_equal(last[name], np.asarray(original.columns[name]))
    first = table.groupby("owner")["known"].min()
    assert (first >= original.days("known")).all()
    if spared is not None:
        mine = table[spared[table["owner"]]]
        assert len(mine) == spared.sum() and (mine["known"] == original.days("known")[spared]).all()


@given(seeds, st.floats(0.0, 1.0), st.sampled_from([365, 366]))
def test_an_adverse_year_has_its_event_within_the_year_and_no_other_has_one(
    seed: int, probability: float, days: int
) -> None:
    rng = np.random.default_rng(seed)
    there = rng.random(60) < 0.8
    arrears = np.where(rng.random(60) < 0.5, rng.integers(FEWEST_ARREARS, MOST_ARREARS + 1, 60), 0.0)
    year = draw_year(rng, np.full(60, probability), there, arrears, 1000, 1000 + days)
    overdue, breached = year.due != NO_DAY, year.breach != NO_DAY
    np.testing.assert_array_equal(year.adverse, overdue | breached)
    np.testing.assert_array_equal(year.adverse, year.event != NO_DAY)
    assert not year.adverse[~there].any()
    for events in (year.due[overdue] + CROSSING, year.breach[breached], year.event[year.adverse]):
        assert ((events > 1000) & (events <= 1000 + days)).all()
    # What is due until the day of evaluation and goes bad was open on that day, whether it went bad or not.
    old = overdue & (year.due <= 1000)
    np.testing.assert_array_equal(old, year.arrear_goes_bad)
    assert (year.due[old] == 1000 - arrears[old]).all()


# Reproducible


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        made(tmp_path / name, 300, seed)
    first, again, other = (digests(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    alike = {name for name in first if first[name] == other[name]}
    # A few customers hardly ever merge.
    assert alike <= {"portfolio.yaml", "tables/successions.parquet"}


def test_a_customer_has_the_same_records_however_many_others_there_are(
    company: Company, tmp_path: Path
) -> None:
    fewer = made(tmp_path / "fewer", 201)
    mine = set(pd.read_parquet(fewer.truth)["customer_id"])
    for name in ("payments", "financial_statements", "breaches"):
        few = pd.read_parquet(tmp_path / "fewer" / "tables" / f"{name}.parquet")
        key = CATALOG.tables[name].key
        keys = pd.read_parquet(tmp_path / "fewer" / "tables" / "crosswalk.parquet")["key"]
        many = company.table(name)
        pd.testing.assert_frame_equal(
            few[few[key].isin(keys)].reset_index(drop=True), many[many[key].isin(keys)].reset_index(drop=True)
        )
    truth = company.truth
    pd.testing.assert_frame_equal(
        pd.read_parquet(fewer.truth).sort_values(["as_of", "customer_id"], ignore_index=True),
        truth[truth["customer_id"].isin(mine)].sort_values(["as_of", "customer_id"], ignore_index=True),
    )


# The truth


def test_the_terms_add_up_to_the_log_odds_of_the_probability(company: Company) -> None:
    truth = company.truth
    log_odds = truth[[f"term_{name}" for name in TERMS]].sum(axis=1)
    np.testing.assert_allclose(np.log(truth["probability"] / (1 - truth["probability"])), log_odds, atol=1e-9)
    assert all(truth[f"term_{name}"].nunique() > 2 for name in TERMS)


def test_the_outcome_drawn_is_the_one_that_the_records_show(company: Company) -> None:
    """Also by what is known twelve months after, and on the first adverse day."""
    payments, breaches = company.staged_table("payments"), company.staged_table("breaches")
    bad = pd.concat([payments[payments["overdue_days"] > 90], breaches[breaches["severe"].astype("boolean")]])
    bad = bad[["customer_id", "effective", "known_at"]]
    for day in EVALUATED:
        end = year_after(day)
        shown = bad[(bad["effective"] > day) & (bad["effective"] <= end)]
        assert (shown["known_at"] <= end).all()
        first = shown.groupby("customer_id")["effective"].min()
        drawn = company.drawn[company.drawn["as_of"] == day].set_index("customer_id")
        assert drawn["outcome"].any()
        pd.testing.assert_series_equal(
            drawn["outcome"], pd.Series(drawn.index.isin(first.index), drawn.index), check_names=False
        )
        adverse = drawn[drawn["outcome"]]
        # A payment shows as soon as it is 91 days overdue, and later at the latest when it is settled.
        late = pd.to_datetime(first[adverse.index]) - pd.to_datetime(adverse["event_on"])
        assert (late >= pd.Timedelta(0)).all() and (late <= pd.Timedelta(1, "D")).all()


def test_outcomes_are_as_frequent_as_the_probabilities_say(company: Company) -> None:
    drawn = company.drawn
    tenth = pd.qcut(drawn["probability"], 10, labels=False)
    for groups in (tenth, drawn["nature"], drawn["as_of"]):
        for _, part in drawn.groupby(groups):
            spread = np.sqrt((part["probability"] * (1 - part["probability"])).sum())
            assert abs(part["outcome"].sum() - part["probability"].sum()) < FAR * spread


def test_nothing_known_on_the_day_tells_more_than_the_true_probability(
    company: Company, frame: pd.DataFrame
) -> None:
    """What is left of the outcome beside its probability is uncorrelated with every indicator."""
    rows = company.drawn.merge(frame.drop(columns="nature"), on=["customer_id", "as_of"])
    assert len(rows) == len(company.drawn)
    p, left = rows["probability"], rows["outcome"] - rows["probability"]
    asked = 0
    for placed in CATALOG.placed:
        values = rows[placed.id]
        if values.dtype != np.float64 or values.notna().sum() < 200:
            continue
        x = values.rank(pct=True)
        x = (x - x.mean()).fillna(0.0)
        assert abs((left * x).sum()) < FAR * np.sqrt((p * (1 - p) * x**2).sum()), placed.id
        asked += 1
    assert asked > 30


def test_health_worsens_and_recovers(company: Company) -> None:
    years = company.truth.pivot(index="customer_id", columns="as_of", values="term_health").dropna()
    change = years.iloc[:, -1] - years.iloc[:, 0]
    assert (change > 1.0).mean() > 0.02 and (change < -1.0).mean() > 0.02
    assert 0.3 < np.corrcoef(years.iloc[:, -1], years.iloc[:, 0])[0, 1] < 0.95


# The tables


def test_every_declared_table_is_delivered_with_its_columns(company: Company) -> None:
    assert set(company.staged.tables) == set(CATALOG.tables)
    for name, declared in CATALOG.tables.items():
        delivered = company.table(name)
        assert list(delivered.columns) == list(declared.columns), name
        assert len(delivered) == company.simulated.rows[name] > 0, name
    assert not company.staged.without_source and not company.staged.failures


def test_every_column_is_filled_for_its_natures_and_missing_now_and_then(company: Company) -> None:
    natures = company.staged_table("customers").groupby("customer_id")["nature"].first()
    for name, declared in CATALOG.tables.items():
        table = company.staged_table(name)
        for column in set(declared.columns) & set(table.columns):
            own = pd.Series(True, table.index)
            if column in FILLED_FOR.get(name, {}):
                own = table["customer_id"].map(natures).isin(FILLED_FOR[name][column])
            if column == "cooperating_since":
                own = table["relationship"] == "existing"
            assert own.any() and table.loc[own, column].isna().mean() < 0.12, (name, column)
            assert not table.loc[~own, column].notna().any(), (name, column)
    assert company.table("personal_finances")["net_assets"].isna().any()


def test_all_four_natures_are_there_with_every_indicator_that_is_theirs(frame: pd.DataFrame) -> None:
    portfolio, rejects = Portfolio.from_frame(frame, CATALOG)
    assert rejects.empty
    for nature in Nature:
        mine = portfolio.natures == nature
        assert mine.sum() > 100
        for placed in CATALOG.for_nature(nature):
            known = ~np.isnan(portfolio.values[mine, portfolio.column(placed.id)])
            assert known.mean() > 0.15, (nature, placed.id)


def test_records_come_late_and_statements_months_after_their_period(company: Company) -> None:
    orders, statements = company.table("orders"), company.table("financial_statements")
    lag = (pd.to_datetime(orders["entered_on"]) - pd.to_datetime(orders["ordered_on"])).dt.days
    assert lag.min() == 0 and lag.median() <= 2 and 0.005 < (lag > 30).mean() < 0.05
    filed = (pd.to_datetime(statements["filed_on"]) - pd.to_datetime(statements["period_end"])).dt.days
    assert filed.min() >= 60 and filed.median() < 150


def test_wrong_records_are_corrected_later(company: Company) -> None:
    orders = company.table("orders").query("not cancelled").sort_values("entered_on", kind="stable")
    versions = orders.groupby("order_no")["amount"].agg(["first", "last"])
    changed = versions[versions["first"] != versions["last"]]
    assert len(changed) > 10
    factors = (changed["first"] / changed["last"])[changed["first"] > 10]
    assert np.isclose(factors.to_numpy()[:, None], [10.0, 0.1, 1e-4], rtol=0.01).any(axis=1).all()
    statements = company.table("financial_statements").groupby(["ledger_no", "period_end"])["filed_on"]
    assert 0.02 < (statements.nunique() > 1).mean() < 0.15


def test_nothing_is_delivered_from_after_the_last_day(company: Company) -> None:
    for name, declared in CATALOG.tables.items():
        table = company.table(name)
        for column in {declared.effective, declared.known_at} - {None}:
            assert table[column].max() <= LAST, (name, column)


def test_demand_has_its_seasons(company: Company) -> None:
    orders = company.staged_table("orders").query("effective >= @FIRST")
    natures = company.staged_table("customers").groupby("customer_id")["nature"].first()
    month = pd.to_datetime(orders["effective"]).dt.month
    nature = orders["customer_id"].map(natures)

    def count(of: Nature, *months: int) -> int:
        return int(((nature == of) & month.isin(months)).sum())

    assert count(Nature.GOVERNMENT, 11, 12) > 3 * count(Nature.GOVERNMENT, 1, 2)
    assert count(Nature.INDIVIDUAL, 11) > 1.5 * count(Nature.INDIVIDUAL, 7)


def test_departments_know_customers_by_keys_of_their_own_some_of_which_change_hands(company: Company) -> None:
    crosswalk = company.table("crosswalk")
    assert set(crosswalk["key_system"]) == {"sales", "ledger", "legal"}
    holders = crosswalk.groupby(["key_system", "key"])["customer_id"].nunique()
    assert 0 < (holders == 2).sum() < 0.01 * CUSTOMERS and holders.max() == 2
    assert len(company.table("successions")) > 0
    assert company.table("groups").groupby("group_id").size().max() > 1
    unmatched = {count.table: count.rows for count in company.staged.unmatched}
    assert set(unmatched) == {"orders", "payments"}
    assert max(unmatched.values()) < 0.002 * company.simulated.rows["orders"]


# Marked, and ugly


def test_everything_says_that_it_is_synthetic(company: Company) -> None:
    for file in company.folder.rglob("*.parquet"):
        assert (pq.read_schema(file).metadata or {}).get(b"synthetic") == b"true", file.name
    text = company.simulated.portfolio.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["portfolio"].startswith("synthetic_") and "Synthetic" in text
    readme = (company.folder / "README.md").read_text(encoding="utf-8")
    assert "Synthetic data" in readme and all(formula in readme for formula in TERMS.values())


@pytest.fixture(scope="module")
def ugly(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulated, Staged]:
    """An ugly delivery of the first customers of the same company, and how it is staged."""
    folder = tmp_path_factory.mktemp("ugly")
    simulated = made(folder / "ugly", 600, ugly=True)
    return simulated, staged_from(simulated, folder / "staged")


def test_an_ugly_delivery_is_the_clean_one_in_other_clothes(
    company: Company, ugly: tuple[Simulated, Staged]
) -> None:
    for name, declared in CATALOG.tables.items():
        columns = ", ".join(
            f"round({column}, 1)" if spec.type is ColumnType.NUMBER else column
            for column, spec in declared.columns.items()
        )
        query = (
            f"SELECT customer_id, effective, known_at, {columns} FROM read_parquet($1) "
            "WHERE coalesce(customer_id, '') < 'SYN00000600' ORDER BY ALL"
        )
        rows = [
            duckdb.execute(query, [str(staged.tables[name].file)]).fetchall()
            for staged in (ugly[1], company.staged)
        ]
        assert rows[0] == rows[1], name


def test_of_an_ugly_delivery_only_notes_and_totals_are_rejected(ugly: tuple[Simulated, Staged]) -> None:
    simulated, dressed = ugly
    files = list(simulated.portfolio.parent.glob("tables/*.csv"))
    assert len(files) == len(CATALOG.tables) and all("synthetic" in file.name for file in files)
    assert {file.read_bytes()[:3] == b"\xef\xbb\xbf" for file in files} == {True, False}
    for name, table in dressed.tables.items():
        read, delivered = table.read, simulated.rows[name]
        assert table.accepted == delivered and delivered < read <= delivered + 1 + delivered / 1000, name


# Refused


@pytest.mark.parametrize(
    ("customers", "seed", "first", "last", "reason"),
    [
        (0, 1, FIRST, LAST, "customers: a company has 1 to"),
        (10, -1, FIRST, LAST, "seed: must not be negative"),
        (10, 1, date(2022, 1, 2), LAST, "first and last: must be"),
        (10, 1, FIRST, date(2024, 12, 30), "first and last: must be"),
        (10, 1, FIRST, date(2022, 12, 31), "first and last: must be"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_one_line(
    tmp_path: Path, customers: int, seed: int, first: date, last: date, reason: str
) -> None:
    with pytest.raises(SimulationError, match=reason) as caught:
        simulate(tmp_path / "none", customers, seed, first=first, last=last)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "none").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SimulationError, match="is there already"):
        made(tmp_path, 10)
    assert digests(tmp_path).keys() == {"mine.txt"}


def test_too_many_customers_for_ugly_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="ugly tables are written for 1 to 20,000 customers"):
        made(tmp_path / "none", 20_001, ugly=True)


def test_years_may_begin_in_any_month(tmp_path: Path) -> None:
    simulated = simulate(tmp_path / "fiscal", 50, 1, first=date(2022, 3, 1), last=date(2024, 2, 29))
    assert simulated.evaluations == (date(2023, 2, 28), date(2024, 2, 29))
    truth = pd.read_parquet(simulated.truth)
    assert set(truth["as_of"]) == set(simulated.evaluations)
