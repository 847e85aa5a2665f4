"""The whole job on a small portfolio: walked forward, trained, verified, registered, nothing leaked."""

import gc
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from mlflow import MlflowClient

from features.terms import Nature, Tier
from models import registry
from models.artefact import Model
from serving.served import load_served
from serving.settings import Settings
from tests.labelled import FIRST_YEAR, Labelled, synthetic
from tests.mlflow_store import datasets, migrated_store, state
from training.data_facts import customers_hash, data_hash
from training.job import JobResult, run_job, verify
from training.metrics import auc
from training.monitoring.reference import Reference
from training.parts import RunKind
from training.train import Trained, train_model
from training.verification import ExplanationMismatch
from training.walkforward import of_natures

__all__ = ["migrated_store", "state"]

# Stands for a customer's value, and must be found nowhere.
PLANTED = 48_151_623.4217
TRAINING_DATE = np.datetime64(f"{FIRST_YEAR + 5}-06-30")


@dataclass(frozen=True)
class Ran:
    """A job that ran, its store, and what it was told on the way."""

    result: JobResult
    state: Path
    labelled: Labelled
    steps: tuple[str, ...]

    @property
    def client(self) -> MlflowClient:
        return registry.connect(self.state)


@pytest.fixture(scope="module")
def labelled() -> Labelled:
    """Return customers, one of whom has a value that nobody else has."""
    made = synthetic(1300)
    made.data.portfolio.given[700, made.data.portfolio.column("assets")] = PLANTED
    made.data.portfolio.levels["region"][700] = "a planted region"
    made.data.portfolio.given[700, made.data.portfolio.column("region")] = 3.0
    return made


@pytest.fixture(scope="module")
def ran(labelled: Labelled, migrated_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    own = tmp_path_factory.mktemp("job") / "state"
    shutil.copytree(migrated_store, own)
    steps: list[str] = []
    result = run_job(
        labelled.data,
        labelled.matured_on,
        labelled.policy,
        [FIRST_YEAR + 3],
        TRAINING_DATE,
        run_name="synthetic",
        state=own,
        threads=1,
        progress=steps.append,
    )
    yield Ran(result, own, labelled, tuple(steps))
    gc.collect()


def test_the_model_is_the_candidate_and_decides_as_the_job_did(ran: Ran) -> None:
    assert registry.registered(ran.state) == {"synthetic": {"candidate": "1"}}
    served = load_served(Settings(model="synthetic", state=ran.state))
    assert served.model_version == ran.result.registration.model_version == "synthetic/1"
    here = ran.result.scorer.decide(ran.labelled.data.portfolio)
    there = served.scorer.decide(ran.labelled.data.portfolio)
    assert np.array_equal(here.score, there.score)
    assert here.tiers.tolist() == there.tiers.tolist()


def test_only_what_had_matured_was_trained_on(ran: Ran) -> None:
    mature = ran.labelled.matured_on <= TRAINING_DATE
    assert 0 < mature.sum() < len(mature)
    facts = ran.result.trained.model.training
    assert facts["customers"] == mature.sum()
    assert facts["bad"] == ran.labelled.data.bad[mature].sum()


def test_the_run_has_parameters_hashes_metrics_and_plots(ran: Ran) -> None:
    run = ran.client.get_run(ran.result.registration.run_id)
    model, catalog = ran.result.trained.model, ran.labelled.data.portfolio.catalog
    assert run.info.status == "FINISHED"
    parameters = run.data.params
    for name, value in model.training.items():
        assert parameters[name] == str(value)
    assert parameters["catalog_hash"] == run.data.tags["catalog_hash"] == catalog.hash
    assert parameters["policy_hash"] == run.data.tags["policy_hash"] == ran.labelled.policy.hash
    mature = ran.labelled.data.take(np.flatnonzero(ran.labelled.matured_on <= TRAINING_DATE))
    assert parameters["data_hash"] == data_hash(mature)
    assert float(parameters["calibration_slope"]) == model.calibration.slope
    metrics = run.data.metrics
    for figure in ("auc", "ks", "gini", "brier", "log_loss", "ece"):
        assert f"cross_validation/model/{figure}" in metrics
        for scorer in ("model", "baseline", "logistic_regression", "best_single_indicator"):
            assert f"walk_forward/{scorer}/{figure}" in metrics
            assert f"walk_forward_by_year/{scorer}/{figure}" in metrics
    (year,) = ran.result.years
    told = {str(tier): metrics.get(f"walk_forward_tiers/{tier}/n") for tier in Tier}
    for tier in Tier:
        inside = year.tiers == tier
        if told[tier] is not None:
            assert told[tier] == inside.sum() >= 20
            rate = metrics[f"walk_forward_tiers/{tier}/bad_rate"]
            assert rate == pytest.approx(year.bad[inside].mean())
    # Nobody is told of by subtraction: who is left out are none, or twenty or more.
    assert not 0 < len(year.bad) - sum(n or 0 for n in told.values()) < 20
    assert any(n is not None for n in told.values())
    assert metrics["explanations/largest_difference"] < 1e-6
    assert metrics["explanations/rows"] == 1000
    plots = {file.path.removeprefix("plots/") for file in ran.client.list_artifacts(run.info.run_id, "plots")}
    assert {
        "shap_importance.png", "calibration_cross_validation.png", "calibration_walk_forward.png",
        "tiers_walk_forward.png",
    } < plots  # fmt: skip
    assert sum(name.startswith("shap_") for name in plots) == 1 + 6


def test_no_customer_is_found_in_anything_that_was_stored(ran: Ran) -> None:
    """Neither an id nor a value; the planted one is the largest, and no threshold either."""
    forbidden = [b"SECRET-", b"48151623", b"4.815162", b"planted region"]
    files = [path for path in ran.state.rglob("*") if path.is_file()]
    assert len(files) > 15
    for path in files:
        content = path.read_bytes()
        for secret in forbidden:
            assert secret not in content, (path, secret)


def test_folds_and_the_year_are_runs_below_the_training_with_their_data(ran: Ran) -> None:
    run = ran.client.get_run(ran.result.registration.run_id)
    children = ran.client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    )
    folds = ran.result.trained.selection.validation.folds
    kinds = sorted(child.data.tags["kind"] for child in children)
    assert kinds == ["fold"] * len(folds) + ["year"]
    mature = ran.labelled.data.take(np.flatnonzero(ran.labelled.matured_on <= TRAINING_DATE))
    for child in children:
        parameters, metrics = child.data.params, child.data.metrics
        given = datasets(child)
        assert parameters["data_hash"].startswith(given["training"].digest)
        assert parameters["evaluated_data_hash"].startswith(given["evaluation"].digest)
        if child.data.tags["kind"] == "year":
            year = FIRST_YEAR + 3
            evaluated = ran.labelled.data.take(np.flatnonzero(ran.labelled.data.cohorts == year))
            trained_on = ran.labelled.data.take(
                np.flatnonzero(ran.labelled.matured_on <= np.datetime64(f"{year}-01-01"))
            )
            of_year = {
                m.value
                for m in ran.client.get_metric_history(run.info.run_id, "walk_forward_by_year/baseline/auc")
            }
            assert of_year == {metrics["walk_forward/baseline/auc"]}
        else:
            rows = folds[int(parameters["fold"]) - 1]
            trained_on, evaluated = (mature.take(np.asarray(part)) for part in rows)
            held_out = ran.result.trained.held_out[rows[1]]
            assert metrics["cross_validation/model/auc"] == auc(evaluated.bad, held_out)
            assert parameters["order"] == run.data.params["order"]
        assert parameters["data_hash"] == data_hash(trained_on)
        assert parameters["evaluated_data_hash"] == data_hash(evaluated)
        assert parameters["customers"] == str(len(trained_on))
        assert metrics[f"{RunKind(child.data.tags['kind']).split_name}/model/n"] == len(evaluated)
        assert parameters["evaluated_first_as_of"] == str(min(evaluated.days))


def test_no_number_of_a_training_row_is_found_in_anything_that_was_stored(ran: Ran) -> None:
    """Every continuous value of every customer, as text; rows in the database are read as what they are."""
    portfolio = ran.labelled.data.portfolio
    columns = [portfolio.column(name) for name in ("margin", "leverage", "mood", "noise")]
    values = portfolio.given[:, columns]
    numbers = {repr(value) for value in values[~np.isnan(values)].tolist()}
    assert len(numbers) > 4000
    written = {path: path.read_bytes() for path in ran.state.rglob("*") if path.is_file()}
    with closing(sqlite3.connect(ran.state / registry.DATABASE)) as database:
        written[ran.state / registry.DATABASE] = "\n".join(database.iterdump()).encode()
    for path, content in written.items():
        found = set(re.findall(r"-?\d+\.\d+(?:e-?\d+)?", content.decode("latin-1")))
        assert not found & numbers, (path, len(found & numbers))


def test_what_later_customers_are_compared_with_is_kept_with_the_version(ran: Ran) -> None:
    review = registry.recorded_review(
        "synthetic", ran.result.registration.version, registry.REFERENCE, ran.state
    )
    assert review is not None and review.verdict == registry.RECORDED
    reference = Reference.read(review.document, "it")
    reference.check_against(ran.result.scorer)
    assert reference.customers == ran.result.trained.model.training["customers"]
    assert reference.held_out is not None and 0.5 < reference.held_out.auc < 1


def test_each_step_is_told_in_its_order(ran: Ran) -> None:
    assert ran.steps[0].startswith(f"{FIRST_YEAR + 3}: training on")
    assert ran.steps[-2].startswith("recomputing explanations")
    assert ran.steps[-1].startswith("recording what later customers")
    assert len(ran.steps) == len(set(ran.steps))


def test_stored_boosters_predict_what_the_trained_ones_do(ran: Ran) -> None:
    """They are stored without the ranges of the features, which are single customers' values."""
    matrix = ran.result.trained.matrix(ran.labelled.data.portfolio)
    folder = Path(ran.client.download_artifacts(ran.result.registration.run_id, "boosters", str(ran.state)))
    for number, booster in enumerate(ran.result.trained.boosters):
        stored = lightgbm.Booster(model_file=folder / f"bag_{number}.txt")
        expected = np.asarray(booster.predict(matrix, pred_contrib=True))
        assert np.array_equal(np.asarray(stored.predict(matrix, pred_contrib=True)), expected)


def tampered(trained: Trained, part: str) -> Trained:
    """Return it with one table of the served document off by a little."""
    tables = trained.model.prior if part == "prior" else trained.model.correction
    changed = tables.tables[0].contributions.copy()
    changed[..., : changed.shape[-1] - 1] += 1e-5
    tables = replace(tables, tables=(replace(tables.tables[0], contributions=changed), *tables.tables[1:]))
    model = (
        replace(trained.model, prior=tables) if part == "prior" else replace(trained.model, correction=tables)
    )
    return replace(trained, model=model)


@pytest.mark.parametrize("part", ["prior", "correction"])
def test_a_broken_explanation_is_refused(ran: Ran, part: str) -> None:
    trained, portfolio = ran.result.trained, ran.labelled.data.portfolio
    assert verify(trained, portfolio).largest_difference < 1e-6
    with pytest.raises(ExplanationMismatch, match="do not promote"):
        verify(tampered(trained, part), portfolio)


def test_the_hash_of_the_data_changes_with_any_value_outcome_or_day(labelled: Labelled) -> None:
    data = labelled.data.take(np.arange(40))
    found = {data_hash(data)}
    portfolio = data.portfolio
    given = portfolio.given.copy()
    given[3, 1] = 0.123
    found.add(data_hash(replace(data, portfolio=replace(portfolio, given=given))))
    found.add(data_hash(replace(data, bad=~data.bad)))
    found.add(data_hash(replace(data, portfolio=replace(portfolio, as_of=list(portfolio.as_of[::-1])))))
    found.add(data_hash(data.take(np.arange(39))))
    assert len(found) == 5
    assert data_hash(labelled.data.take(np.arange(40))) in found


def test_natures_without_a_model_and_few_customers_are_recorded_too(state: Path) -> None:
    """Plots that would show fewer than twenty customers are left out; nothing else is. No days were given."""
    both = synthetic(220, years=4, individuals=True, seed=3, level=-0.8)
    policy = both.policy.model_copy(
        update={"model_weight": {Nature.ENTERPRISE: 0.5}, "minimum_bad_outcomes": 10}
    )
    date = np.datetime64(f"{FIRST_YEAR + 6}-01-01")
    data = replace(both.data, dated=False)
    result = run_job(
        data, both.matured_on, policy, [], date, run_name="few", state=state, threads=1
    )  # fmt: skip
    assert result.trained.held_out.shape == (220,)
    assert Model.from_bytes(result.trained.model.to_bytes()).natures == (Nature.ENTERPRISE,)
    run = registry.connect(state).get_run(result.registration.run_id)
    assert run.data.metrics["cross_validation/model/n"] == np.sum(~np.isnan(result.trained.held_out))
    facts, modelled = result.trained.model.training, of_natures(data, (Nature.ENTERPRISE,))
    assert facts["dated"] is False and facts["read_on"] == str(modelled.days[0])
    assert not [name for name in (*facts, *run.data.params) if "as_of" in name]
    assert facts["customers_sha256"] == customers_hash(modelled) != customers_hash(data)
    (version,) = registry.connect(state).search_model_versions("name = 'synthetic'")
    assert f"trained on {date} on {len(modelled)} customers without days" in str(version.description)


def test_a_trained_model_verifies_whatever_the_portfolio_it_is_asked_about() -> None:
    made = synthetic(400, seed=9)
    trained = train_model(made.data, made.policy, threads=1)
    assert verify(trained, synthetic(50, seed=10).data.portfolio).rows == 50
