"""An analyst's own table: read, validated, trained on and scored, by the catalog that was drafted for it."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.declaration import load_declared
from features.drafting.columns import profile
from features.drafting.draft import draft_catalog
from features.drafting.outcome import UnclearOutcome
from features.terms import RATED_TIERS
from models import registry
from models.booster import Untrainable
from models.policy import Policy
from models.policy_draft import drafted_policy, to_yaml
from tests.labelled import synthetic
from tests.mlflow_store import migrated_store, state
from tests.test_cli import run
from training.customers import CustomerTable, read_customers, write_rejects
from training.dataset import LabelledPortfolio
from training.validation import held_out_folds, validate

__all__ = ["migrated_store", "state"]

N = 900


def own_table(seed: int = 1, n: int = N, *, dated: bool = False) -> pd.DataFrame:
    """A small table with an outcome in words, and with days on request; synthetic."""
    random = np.random.default_rng(seed)
    income, due = random.lognormal(8, 1, n), random.poisson(0.5, n)
    kind = random.choice(["shop", "farm", "mill"], n)
    z = 1.2 * due - 0.8 * (np.log(income) - 8) - 1.2 + 0.5 * (kind == "mill")
    bad = random.random(n) < 1 / (1 + np.exp(-z))
    frame = pd.DataFrame(
        {
            "Client ID": [f"K{number:04d}" for number in random.integers(0, n, n)],
            "Yearly Income": [f"{value:,.0f}" for value in income],
            "past due": due,
            "Business": kind,
            "Outcome": np.where(bad, "defaulted", "repaid"),
        }
    )
    if dated:
        days = np.datetime64("2020-01-01") + np.random.default_rng(2).integers(0, 900, n)
        frame["application date"] = days.astype(str)
    return frame


def written(folder: Path, n: int = N, *, dated: bool = False) -> Path:
    """Write the table with an outcome that is not known, a cell that is no number, and a row cut short."""
    path = folder / "Own table.csv"
    frame = own_table(n=n, dated=dated)
    frame.loc[3, "Outcome"] = ""
    frame.loc[5, "Yearly Income"] = "a lot"
    frame.to_csv(path, index=False)
    with path.open("a", encoding="utf-8") as file:
        file.write("K1,5\n")
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def read(table: Path) -> CustomerTable:
    catalog = draft_catalog(profile(table, "Outcome"), "Outcome", table).catalog
    return read_customers(table, catalog)


def test_what_is_read_is_a_customer_or_kept_apart(read: CustomerTable, tmp_path: Path) -> None:
    assert read.read == N + 1 and len(read.rejects) == 3
    assert not read.data.dated
    reasons = {row: (field, reason) for row, field, reason in read.rejects}
    assert reasons[5] == ("Outcome", "the outcome is not known")
    assert reasons[7] == ("indicator yearly_income", "must be a number")
    assert reasons[N + 2] == ("row", "has 2 cells, the header 5")
    write_rejects(read, tmp_path / "rejects.csv")
    assert "a lot" not in (tmp_path / "rejects.csv").read_text(encoding="utf-8")


def test_customers_of_one_id_are_held_out_together(read: CustomerTable) -> None:
    scheme, folds, repeats = held_out_folds(read.data)
    assert (scheme, len(folds), repeats) == ("By customer, 5 folds, 2 times", 10, 2)
    for training, held_out in folds:
        assert not set(read.data.groups[training]) & set(read.data.groups[held_out])


def test_where_there_are_days_the_newest_are_held_out(tmp_path: Path) -> None:
    path = tmp_path / "dated.csv"
    own_table(dated=True).to_csv(path, index=False)
    data = read_customers(path, draft_catalog(profile(path, "Outcome"), "Outcome", path).catalog).data
    scheme, ((training, held_out),), _ = held_out_folds(data)
    assert data.dated and scheme.startswith("Out of time, from 202")
    assert data.days[training].max() < data.days[held_out].min()


def test_the_newest_of_a_few_year_ends_are_held_out() -> None:
    data = synthetic(2000, seed=3).data
    days = [date(2019 + row % 5, 12, 31) for row in range(len(data))]
    data = replace(data, portfolio=replace(data.portfolio, as_of=days), groups=np.arange(2000))
    scheme, ((training, held_out),), _ = held_out_folds(data)
    assert scheme == "Out of time, from 2022-12-31 (outcomes may not have been known by then)"
    assert data.days[training].max() < data.days[held_out].min()


def test_an_outcome_that_was_not_known_by_then_is_not_trained_on() -> None:
    whole = synthetic(1500, seed=4).data
    known_on = whole.days + np.timedelta64(365, "D")
    known_on[::7] = np.datetime64("NaT", "D")
    data = replace(whole, known_on=known_on, groups=np.arange(len(whole)))
    scheme, ((training, held_out),), _ = held_out_folds(data)
    edge = data.days[held_out].min()
    assert scheme == f"Out of time, from {edge}"
    assert set(training) == set(np.flatnonzero(known_on <= edge)) and len(training) > 100
    assert len(training) < np.sum(data.days < edge)
    taken = data.take(training).known_on
    assert taken is not None and taken.tolist() == known_on[training].tolist()
    # Where none was known by then, there is no out of time.
    late = replace(data, known_on=data.days + np.timedelta64(3650, "D"))
    assert held_out_folds(late)[0].startswith("By customer")


def undated(bad: int, good: int) -> LabelledPortfolio:
    data = synthetic(bad + good).data
    portfolio = replace(data.portfolio, as_of=[date(2024, 12, 31)] * len(data))
    return replace(data, portfolio=portfolio, bad=np.arange(len(data)) < bad, groups=np.arange(len(data)))


@pytest.mark.parametrize("bad", range(2, 7))
def test_of_few_outcomes_every_fold_holds_out_some_of_either_kind(bad: int) -> None:
    data = undated(bad, 8 - bad)
    scheme, folds, repeats = held_out_folds(data)
    count = min(bad, 8 - bad)
    assert scheme == f"By customer, {count} folds, 2 times" and len(folds) == count * repeats
    for _, held_out in folds:
        assert 0 < data.bad[held_out].sum() < len(held_out)
    policy = drafted_policy(data.portfolio.catalog, bad / 8, "y")
    assert validate(data, policy).held_out == 8


@pytest.mark.parametrize(("bad", "good"), [(1, 7), (7, 1), (0, 8), (1, 1)])
def test_fewer_than_two_outcomes_of_a_kind_cannot_be_validated(bad: int, good: int) -> None:
    with pytest.raises(Untrainable, match=r"^fewer than two bad or two good outcomes[^\n]+$"):
        held_out_folds(undated(bad, good))


def test_baseline_model_and_regression_are_judged_with_intervals(read: CustomerTable) -> None:
    policy = drafted_policy(read.data.portfolio.catalog, float(np.mean(read.data.bad)), "Outcome")
    found = validate(read.data, policy)
    assert found.held_out == len(read.data) and found.bad == int(np.sum(read.data.bad))
    for scorer in ("baseline", "model", "logistic regression"):
        area = found.figures[scorer]["AUC"]
        assert 0.7 < area.low < area.mean < area.high < 0.9
        assert found.figures[scorer]["log-loss"].mean < 0.6
    assert set(found.gains) == {"baseline", "logistic regression"}
    grid = found.grid()
    assert len(grid.rows) == 5 and all(len(row) == len(grid.columns) for row in grid.rows)
    # As wide as it is printed, with 13 signs of frame, so that no line breaks where nobody looks on.
    widths = [max(len(row[place]) for row in grid.rows) for place in range(len(grid.columns))]
    assert sum(widths) + 13 <= 120


def test_noise_is_not_flattered_by_a_draft_that_has_seen_it(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    frame = pd.DataFrame(random.normal(size=(400, 4)), columns=[f"noise {number}" for number in range(4)])
    frame["y"] = random.choice(["yes", "no"], 400, p=[0.2, 0.8])
    path = tmp_path / "noise.csv"
    frame.to_csv(path, index=False)
    data = read_customers(path, draft_catalog(profile(path, "y"), "y", path).catalog).data
    found = validate(data, drafted_policy(data.portfolio.catalog, 0.2, "y"))
    for scorer in found.figures:
        assert found.figures[scorer]["AUC"].low < 0.5


def test_a_drafted_policy_stands_around_the_bad_rate_and_can_be_edited(
    read: CustomerTable, tmp_path: Path
) -> None:
    policy = drafted_policy(read.data.portfolio.catalog, 0.1, "Outcome")
    premium, good, general = policy.tier_probabilities
    assert premium < good < 0.1 < general
    (tmp_path / "policy.yaml").write_text(to_yaml(policy), encoding="utf-8")
    again = load_declared(Policy, tmp_path / "policy.yaml")
    assert again == policy and again.hash == policy.hash
    # Nobody has declared within how many months the outcome happens.
    assert policy.outcome_months is None and "outcome_months: " not in to_yaml(policy)
    declared = drafted_policy(read.data.portfolio.catalog, 0.1, "Outcome", 24)
    assert "outcome_months: 24" in to_yaml(declared) and declared.hash != policy.hash
    assert "outcome_months: 36" in run("policy", "draft", "sba", "--bad-rate", "0.1", "--months", "36")
    policy.check_against(read.data.portfolio.catalog)


@pytest.mark.parametrize("bad_rate", [1e-6, 0.5, 0.999])
def test_any_bad_rate_gives_a_policy(read: CustomerTable, bad_rate: float) -> None:
    assert tuple(drafted_policy(read.data.portfolio.catalog, bad_rate, "y").tiers) == RATED_TIERS


def test_an_outcome_that_nobody_named_is_asked_for(table: Path) -> None:
    catalog = draft_catalog(profile(table, "Outcome"), "Outcome", table).catalog
    with pytest.raises(UnclearOutcome, match="name its column"):
        read_customers(table, catalog.model_copy(update={"table": None}))


def test_from_an_unseen_table_to_scored_customers_in_three_commands(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    n = N // 2
    # With days there is one fold to train on, not ten.
    table = written(tmp_path, n, dated=True)
    Path("own.yaml").write_text(run("catalog", "draft", table, "--label", "Outcome"), encoding="utf-8")
    trained = run("train", "--catalog", "own.yaml", "--data", table, "--label", "Outcome", "--state", state)
    for words in (
        "Out of time",
        "baseline",
        "logistic regression",
        "AUC",
        "own_table/1 is the candidate",
        "tierwise score TABLE OUT --model own_table/1",
        "kept apart",
    ):
        assert words in trained
    assert Path("Own table.rejects.csv").is_file()
    client = registry.connect(state)
    (experiment,) = client.search_experiments(filter_string="name = 'own_table'")
    (kept,) = client.search_runs([experiment.experiment_id], "tags.kind = 'training'")
    assert f"{kept.data.metrics['validation/baseline/auc']:.4f}" in trained
    assert kept.data.tags["synthetic"] == "false"
    parts = client.search_runs([experiment.experiment_id], "tags.kind = 'validation'")
    assert len(parts) == 1
    judged = sum(part.data.metrics["validation/logistic_regression/n"] for part in parts)
    assert judged == kept.data.metrics["validation/model/n"]
    scored = run("score", table, "out.csv", "--model", "own_table", "--state", state)
    assert f"{n + 1:,} read, {n - 1:,} scored, 2 rejected" in scored
    out = pd.read_csv("out.csv")
    assert set(out["tier"]) <= {*map(str, RATED_TIERS), "unrated"}
    known = own_table(n=n, dated=True).drop(index=5)["Outcome"].to_numpy() == "defaulted"
    assert out["probability"][known].mean() > out["probability"][~known].mean() + 0.1
