"""Shadow scoring tells what a challenger would have decided, as anybody can work out by hand."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from typer.testing import CliRunner

import tierwise
from features.catalog import load_catalog
from features.customer import InvalidCustomer
from features.portfolio import Bools, Portfolio
from models.artefact import Fact
from models.calibration import Calibration
from models.decision import Decisions, Scorer
from models.disclosure import MINIMUM_AGGREGATE
from serving.promotion.recomputed import Recomputed, ShadowError, Side, _parsed, recompute
from serving.promotion.shadow import QUANTILES, Shadow, _guarded, compare
from serving.promotion.shown import remarks
from serving.promotion.sides import sides_to_compare
from serving.reviews.cases import CaseKind
from serving.reviews.periodic import evaluate_periodically
from serving.served import Served
from serving.store.customers import customer_of, erase_customer
from serving.store.store import Store, create_store
from serving.supervision.outcome_import import import_outcomes
from tests.judged import LAST_TRAINED, candidate
from tests.promoted import approve, promote
from tests.stores import ACTOR, new_database
from training.frames import to_frame

TRAINED_UNTIL = date.fromisoformat(str(LAST_TRAINED))
CUSTOMERS = 160
# So many of them are there on the first day.
EARLY = 30
# The first as of a day on which the models were trained, the second later, the third without outcomes.
DAYS = (TRAINED_UNTIL, date(2005, 6, 30), date(2005, 12, 31))
FOLLOWED = DAYS[:2]


@dataclass(frozen=True, eq=False)
class Company:
    """Customers as they stood on each day, what became of them, and two models."""

    portfolios: dict[date, Portfolio]
    bad: Bools
    champion: Served
    challenger: Served

    def decide(self, served: Served, day: date) -> Decisions:
        return served.scorer.decide(self.portfolios[day])


@pytest.fixture(scope="module")
def company() -> Company:
    found = candidate()
    whole = found.judged.portfolio
    portfolios = {}
    for place, day in enumerate(DAYS):
        part = whole.take(np.arange(place * CUSTOMERS, (place + 1) * CUSTOMERS))
        names = [f"C-{row:03}" for row in range(CUSTOMERS)]
        whole_day = replace(part, customer_ids=names, as_of=[day] * CUSTOMERS)
        portfolios[day] = whole_day if place else whole_day.take(np.arange(EARLY))
    model = found.scorer.model
    assert model is not None
    tables = model.correction.tables
    other = replace(
        model,
        correction=replace(model.correction, tables=tables[: len(tables) // 2]),
        calibration=Calibration(model.calibration.intercept + 0.3, 0.7),
    )
    catalog, policy = found.scorer.catalog, found.scorer.policy
    return Company(
        portfolios,
        found.judged.bad[CUSTOMERS : 2 * CUSTOMERS],
        Served(Scorer(catalog, policy, model), "synthetic/1"),
        Served(Scorer(catalog, policy, other), "synthetic/2"),
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, company: Company, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """Return a store whose champion has decided on everybody, and which knows what became of them."""
    url = None
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgresql_server"))
    folder = tmp_path_factory.mktemp("shadow")
    made = create_store(url, folder / "store", ACTOR)
    made.clock = lambda: datetime(2003, 12, 31, 12, tzinfo=UTC)
    approve(made, promote(made, company.champion), "bob", "carl")
    approve(made, promote(made, company.challenger, CaseKind.CHALLENGER), "bob", "carl")
    for day, portfolio in company.portfolios.items():
        made.clock = lambda day=day: datetime(day.year, day.month, day.day, 18, tzinfo=UTC)  # type: ignore[misc]
        table = folder / f"{day}.parquet"
        to_frame(portfolio).to_parquet(table)
        assert evaluate_periodically(made, company.champion, table, day, "ann").decided == len(portfolio)
    followed = [(day, row) for day in FOLLOWED for row in range(len(company.portfolios[day]))]
    outcomes = pd.DataFrame(
        {
            "customer_id": [company.portfolios[day].customer_ids[row] for day, row in followed],
            "as_of": [day for day, _ in followed],
            "bad": [company.bad[row] for _, row in followed],
            "known_on": date(2006, 6, 30),
        }
    )
    made.clock = lambda: datetime(2006, 7, 1, 12, tzinfo=UTC)
    outcomes.to_csv(folder / "outcomes.csv", index=False)
    assert import_outcomes(made, folder / "outcomes.csv", "ann").new == len(outcomes)
    yield made
    made.close()


def shadow(store: Store, company: Company, first: date | None = None, last: date | None = None) -> Shadow:
    found = recompute(store, company.champion, company.challenger, first, last)
    return compare(company.champion, company.challenger, found)


@pytest.fixture(scope="module")
def report(store: Store) -> Shadow:
    """Return the comparison of what was adopted, on all that was decided."""
    champion, challenger = sides_to_compare(store, None, None)
    assert (champion.model_version, challenger.model_version) == ("synthetic/1", "synthetic/2")
    return compare(champion, challenger, recompute(store, champion, challenger, None, None))


def test_scores_and_tiers_are_those_of_deciding_again_by_hand(report: Shadow, company: Company) -> None:
    one, other = (company.decide(of, DAYS[-1]) for of in (company.champion, company.challenger))
    assert (report.customers, report.first, report.last) == (CUSTOMERS, DAYS[-1], DAYS[-1])
    difference = other.score - one.score
    assert report.mean == pytest.approx(float(difference.mean()), abs=1e-12)
    rising = np.sort(difference)
    for share in QUANTILES:
        at = (CUSTOMERS - 1) * share
        if min(share, 1 - share) * CUSTOMERS > MINIMUM_AGGREGATE:
            value = report.quantiles[share]
            assert value is not None
            assert (
                rising[int(at) - MINIMUM_AGGREGATE] <= value <= rising[int(np.ceil(at)) + MINIMUM_AGGREGATE]
            )
        else:
            assert report.quantiles[share] is None
    pairs = [(str(a), str(b)) for a, b in zip(one.tiers, other.tiers, strict=True)]
    moved = sum(a != b for a, b in pairs)
    assert MINIMUM_AGGREGATE <= moved <= CUSTOMERS - MINIMUM_AGGREGATE
    assert report.differ.value == moved / CUSTOMERS
    told = {cell: count for cell, count in report.migration.items() if count is not None}
    assert any(told.values())
    for cell, count in told.items():
        assert count == pairs.count(cell)
        assert count == 0 or count >= MINIMUM_AGGREGATE
    # All that the champion decided comes out as it was kept: of the newest day, and of what was followed.
    assert report.reproduced == report.made_by_champion == 2 * CUSTOMERS + EARLY


def test_outcomes_count_only_after_what_the_models_were_trained_on(report: Shadow, company: Company) -> None:
    judged = report.judged
    assert judged.reason is None
    assert (judged.decisions, judged.customers) == (CUSTOMERS, CUSTOMERS)
    assert (judged.bad, judged.after) == (int(company.bad.sum()), TRAINED_UNTIL)
    bad = company.bad
    for side in ("champion", "challenger"):
        served: Served = getattr(company, side)
        decided = company.decide(served, FOLLOWED[1])
        probability = decided.model.probability
        figures = {name: getattr(measure, side) for name, measure in judged.measures.items()}
        rated = np.array([str(tier) != "unrated" for tier in decided.tiers])
        assert rated.all()
        assert figures["auc"].value == pytest.approx(roc_auc_score(bad, -decided.score), abs=1e-12)
        assert figures["brier"].value == pytest.approx(np.mean((probability - bad) ** 2), abs=1e-12)
        assert figures["log_loss"].value == pytest.approx(log_loss(bad, probability), abs=1e-12)
        assert all(of.cases == CUSTOMERS and of.low < of.value < of.high for of in figures.values())


def test_differences_are_paired(report: Shadow, company: Company) -> None:
    """Drawn one by one, with the same customers for both."""
    judged = report.judged
    champion, challenger = (
        company.decide(of, FOLLOWED[1]).model.probability for of in (company.champion, company.challenger)
    )
    gains = (challenger - company.bad) ** 2 - (champion - company.bad) ** 2
    found = judged.measures["brier"].difference
    assert found.value == pytest.approx(gains.mean(), abs=1e-12)
    random = np.random.default_rng(1)
    drawn = [gains[random.integers(0, CUSTOMERS, CUSTOMERS)].mean() for _ in range(2000)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    reach = float(np.std(drawn))
    assert found.low == pytest.approx(low, abs=0.3 * reach)
    assert found.high == pytest.approx(high, abs=0.3 * reach)
    other = judged.measures["brier"]
    assert other.champion.high is not None and other.champion.low is not None
    assert found.low is not None and found.high is not None
    assert found.high - found.low < other.champion.high - other.champion.low


def test_days_can_be_chosen(store: Store, company: Company) -> None:
    report = shadow(store, company, FOLLOWED[1], FOLLOWED[1])
    assert (report.first, report.customers, report.judged.decisions) == (FOLLOWED[1], CUSTOMERS, CUSTOMERS)
    report = shadow(store, company, last=FOLLOWED[0])
    assert (report.customers, report.first) == (EARLY, FOLLOWED[0])
    assert report.judged.reason is not None and report.judged.measures == {}
    with pytest.raises(ShadowError, match="no decisions as of these days"):
        shadow(store, company, date(2020, 1, 1))


def test_without_a_champions_model_its_baseline_is_compared_with(store: Store, company: Company) -> None:
    scorer = company.champion.scorer
    baseline = Served(Scorer(scorer.catalog, scorer.policy), None)
    found = recompute(store, baseline, company.challenger, None, None)
    report = compare(baseline, company.challenger, found)
    assert (report.made_by_champion, set(report.judged.measures)) == (0, {"auc"})


def test_the_document_holds_no_customer(report: Shadow) -> None:
    text = report.document()
    document = json.loads(text)
    assert document["format"] == "tierwise-shadow"
    assert document["outcomes"]["measures"]["auc"]["difference"]["cases"] == CUSTOMERS
    assert "C-0" not in text
    counts = [cell["customers"] for cell in document["migration"]]
    assert all(count is None or count == 0 or count >= MINIMUM_AGGREGATE for count in counts)


def made_up(n: int, **changes: Any) -> Recomputed:
    side = Side(np.full(n, 50.0), np.full(n, 0.1), np.full(n, "good"))
    yes = np.ones(n, dtype=np.bool_)
    names = np.array([f"{row:032x}" for row in range(n)])
    days = np.full(n, np.datetime64("2020-01-01"))
    made = Recomputed(names, days, yes, yes & False, yes & False, yes, yes, side, side, 0, 0)
    return replace(made, **changes)


def test_nothing_is_told_of_fewer_than_twenty(company: Company) -> None:
    with pytest.raises(ShadowError, match="19 customers are too few"):
        compare(company.champion, company.challenger, made_up(19))
    moved = Side(np.full(40, 50.0), np.full(40, 0.1), np.array(["risk"] * 3 + ["good"] * 37))
    report = compare(company.champion, company.challenger, made_up(40, challenger=moved))
    assert report.differ.value is None
    assert report.migration["good", "risk"] is report.migration["good", "good"] is None
    assert report.quantiles == dict.fromkeys(QUANTILES)
    report = compare(company.champion, company.challenger, made_up(42))
    assert report.quantiles == dict.fromkeys(QUANTILES) | {0.5: 0.0}


def test_no_quantile_is_a_customers(company: Company) -> None:
    moved = np.random.default_rng(3).normal(4.0, 1.0, 500)
    side = Side(50.0 + moved, np.full(500, 0.1), np.full(500, "good"))
    quantiles = compare(company.champion, company.challenger, made_up(500, challenger=side)).quantiles
    exact = np.quantile(moved, QUANTILES)
    told = np.array(list(quantiles.values()), dtype=np.float64)
    assert np.max(np.abs(told - exact)) < 0.6
    assert not set(told.tolist()) & set(np.concatenate([moved, exact, (50.0 + moved) - 50.0]).tolist())
    assert all(len(str(value)) <= 4 for value in told.tolist())


@pytest.mark.parametrize(
    ("made", "reproduced", "told"),
    [
        (40, 40, (40, 40)),
        (40, 39, (40, None)),
        (40, 20, (40, 20)),
        (40, 0, (40, 0)),
        (40, 1, (40, None)),
        (19, 19, (None, None)),
        (19, 0, (None, None)),
        (0, 0, (0, 0)),
    ],
)
def test_of_few_it_is_not_told_what_came_out(
    company: Company, made: int, reproduced: int, told: tuple[int | None, int | None]
) -> None:
    places = np.arange(40)
    found = made_up(
        40,
        made_by_champion=places < made,
        reproduced=places < reproduced,
        erased=1,
        left_out=MINIMUM_AGGREGATE,
    )
    report = compare(company.champion, company.challenger, found)
    assert (report.made_by_champion, report.reproduced) == told
    assert (report.erased, report.left_out) == (None, MINIMUM_AGGREGATE)
    text = " ".join(remarks(report))
    assert "fewer than 20 customers who were erased, 20 decisions" in text
    assert ("or all but as few" in text) == (report.reproduced is None)
    assert json.loads(report.document())["erased"] is None


@pytest.mark.parametrize(
    ("counts", "apart", "withheld"),
    [
        ({"aa": 100, "ab": 30, "ba": 25}, True, ""),
        ({"aa": 100, "ab": 30, "ba": 5}, True, "ab ba"),
        ({"aa": 100, "bb": 3, "ab": 30}, True, "aa bb"),
        ({"aa": 100, "bb": 50, "ab": 3}, False, "ab bb"),
        ({"aa": 100, "bb": 12, "ab": 11}, False, "ab bb"),
        ({"aa": 100, "ab": 0}, True, ""),
    ],
)
def test_small_cells_cannot_be_reckoned_from_the_others(
    counts: dict[str, int], apart: bool, withheld: str
) -> None:
    cells = {(name[0], name[1]): count for name, count in counts.items()}
    found = _guarded(cells, apart=apart)
    assert " ".join(sorted(a + b for (a, b), count in found.items() if count is None)) == withheld


def test_outcomes_of_a_model_that_does_not_say_when_it_was_trained_say_nothing(company: Company) -> None:
    model = company.challenger.scorer.model
    assert model is not None
    scorer = company.challenger.scorer
    silent = Served(Scorer(scorer.catalog, scorer.policy, replace(model, training={})), "synthetic/3")
    bad = np.arange(60) % 2 == 0
    report = compare(company.champion, silent, made_up(60, bad=bad, known=bad | True))
    assert report.judged.reason == "synthetic/3 does not say until when it was trained"


def test_of_a_model_of_a_table_without_days_outcomes_count_after_it_was_read(company: Company) -> None:
    scorer = company.challenger.scorer
    assert scorer.model is not None
    facts: dict[str, Fact] = {"dated": False, "read_on": "2003-06-30"}
    undated = Served(
        Scorer(scorer.catalog, scorer.policy, replace(scorer.model, training=facts)), "synthetic/3"
    )
    bad = np.arange(60) % 2 == 0
    report = compare(undated, undated, made_up(60, bad=bad, known=bad | True))
    assert report.judged.after == date(2003, 6, 30)


def test_the_erased_are_left_out(company: Company, tmp_path: Path) -> None:
    made = create_store(None, tmp_path / "store", ACTOR)
    table = tmp_path / "table.parquet"
    portfolio = company.portfolios[DAYS[-1]].take(np.arange(30))
    to_frame(portfolio).to_parquet(table)
    evaluate_periodically(made, company.champion, table, DAYS[-1], "ann")
    with made.writing("ann") as writing:
        erase_customer(writing, customer_of(writing.connection, made.keyring, "C-007").id)
    report = shadow(made, company)
    # One alone is not told of.
    assert (report.customers, report.erased) == (29, None)
    assert report.judged.reason is not None and "too few outcomes" in report.judged.reason
    made.close()


def test_the_command_prints_and_writes_the_comparison(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create_store(None, tmp_path / "store", ACTOR)
    monkeypatch.setenv("TIERWISE_KEYS", str(tmp_path / "store"))
    monkeypatch.setenv("TIERWISE_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("TIERWISE_STORE", raising=False)
    run = CliRunner()
    with pytest.raises(ShadowError, match="nothing is adopted yet"):
        run.invoke(tierwise.app, ["shadow"], catch_exceptions=False)
    approve(made, promote(made, company.champion), "bob", "carl")
    with pytest.raises(ShadowError, match="there is no challenger"):
        run.invoke(tierwise.app, ["shadow"], catch_exceptions=False)
    approve(made, promote(made, company.challenger, CaseKind.CHALLENGER), "bob", "carl")
    with pytest.raises(ShadowError, match="tierwise evaluate TABLE --as-of DAY"):
        run.invoke(tierwise.app, ["shadow"], catch_exceptions=False)
    table = tmp_path / "table.parquet"
    to_frame(company.portfolios[DAYS[-1]].take(np.arange(60))).to_parquet(table)
    evaluate_periodically(made, company.champion, table, DAYS[-1], "ann")
    made.close()
    words = ["shadow", "--as-of", str(DAYS[-1]), "--json", str(tmp_path / "shadow.json")]
    said = run.invoke(tierwise.app, words, catch_exceptions=False)
    assert said.exit_code == 0, said.output
    assert "synthetic/1 down" in said.stdout and "Outcomes say nothing" in said.stdout
    assert "Of 60 decisions that the champion made, 60 came out as they were kept." in said.stdout
    assert json.loads((tmp_path / "shadow.json").read_text(encoding="utf-8"))["customers"] == 60
    with pytest.raises(ValueError, match="give --as-of alone"):
        run.invoke(tierwise.app, [*words, "--from", "2020-01-01"], catch_exceptions=False)


def test_what_was_told_by_another_catalog_is_not_compared() -> None:
    catalog = load_catalog("customer")
    inputs = {
        "customer_id": "C-1", "nature": "enterprise", "as_of": "2024-12-31",
        "indicators": {"bank_growth": 0.9, "sector_growth": 1.1},
    }  # fmt: skip
    with pytest.raises(InvalidCustomer, match="of another catalog"):
        _parsed(inputs, catalog)
    assert _parsed({**inputs, "indicators": {}}, catalog).customer_id == "C-1"
