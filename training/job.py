"""The training job: walk forward, train on all that matured, record in MLflow, register what is explained."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.special import expit

from features.catalog import Catalog, Kind
from features.portfolio import Portfolio
from features.terms import Tier
from models.artefact import Model
from models.decision import Scorer
from models.engine import Engine
from models.policy import Policy
from models.registry import RECORDED, REFERENCE, record_review
from training.battery.evidence import NotJudgeable
from training.data_facts import DataFacts
from training.dataset import LabelledPortfolio
from training.description import refresh_description
from training.frames import to_frame
from training.learner import SEED, THREADS
from training.lettering import drawable
from training.metrics import measure
from training.monitoring.reference import Reference
from training.parts import WALK_FORWARD_TIERS, Part, RunKind, fold_parts, may_be_told, told, year_parts
from training.plots import (
    TooFewCustomers,
    calibration_plot,
    dependence_plot,
    importance_plot,
    tier_plot,
)
from training.record import Measured, ReloadCheck, TrainingRecord
from training.selection import Progress
from training.tracking import Registration, log_training
from training.train import Trained, train_model
from training.validation import Validation
from training.verification import Verification, look_up, verify_explanations
from training.walkforward import MODEL, YearResult, of_natures, slug, walk_forward

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# Customers whose explanations are recomputed before a model is registered.
VERIFIED = 1000
_RELOADED = 200
_DEPENDENCE_PLOTS = 6


@dataclass(frozen=True, eq=False)
class JobResult:
    """What one training job found and left."""

    trained: Trained
    years: tuple[YearResult, ...]
    registration: Registration
    scorer: Scorer


def run_job(
    data: LabelledPortfolio,
    matured_on: NDArray[np.datetime64],
    policy: Policy,
    years: Sequence[int],
    training_date: np.datetime64,
    *,
    run_name: str,
    order: int | None = None,
    validation: Validation | None = None,
    synthetic: bool = False,
    signer: "Ed25519PrivateKey | None" = None,
    state: Path | None = None,
    threads: int = THREADS,
    progress: Progress = lambda step: None,
) -> JobResult:
    """Evaluate by walking forward, train on all that has matured, verify, record and register.

    Args:
        data: n customers with outcomes; those not mature on the training date are left out.
        matured_on: when each outcome was known, shape (n,).
        policy: the policy whose tiers are given.
        years: the calendar years to walk through (none: no walk-forward).
        training_date: the day as of which the model is trained.
        run_name: of the MLflow run.
        order: of interaction, as `training.train.train_model` takes it.
        validation: what held-out customers of the same table said before, to be recorded too.
        synthetic: whether the customers are declared to be simulated.
        signer: a private key that signs the model's document.
        state: where MLflow's store lies; by default as `models.registry` says.

    Raises:
        Untrainable, UnfitWeights: too few outcomes, or customers who do not differ.
        ExplanationMismatch, TrackingError: the model is recorded but not registered.
        RegistryError: MLflow refuses. The model may be registered by then, but is the candidate only where
            nothing but the reference for monitoring could not be kept.
    """
    results = tuple(walk_forward(data, matured_on, policy, years, threads=threads, progress=progress))
    mature = data.take(np.flatnonzero(matured_on <= training_date))
    progress(f"training on all {len(mature):,} matured customers")
    trained = train_model(mature, policy, order=order, threads=threads, progress=progress)
    catalog = mature.portfolio.catalog
    scorer = Scorer(catalog, policy, trained.model)
    of_years, folds = told(year_parts(results)), told(fold_parts(mature, trained))
    held_out = told(() if validation is None else validation.parts)
    progress("drawing plots")
    record = TrainingRecord(
        portfolio=catalog.catalog,
        run_name=run_name,
        parameters={
            **trained.model.training,
            "training_date": str(training_date),
            "seed": SEED,
            "calibration_slope": trained.model.calibration.slope,
            "calibration_intercept": trained.model.calibration.intercept,
            "validation_scheme": None if validation is None else validation.scheme,
        },
        measured=_measured(mature, trained, results, of_years),
        artefact=trained.model.to_bytes(signer),
        booster_texts=[without_ranges(booster.model_to_string()) for booster in trained.boosters],
        catalog=catalog,
        policy=policy,
        data=DataFacts.of(mature),
        parts=(*of_years, *folds, *held_out),
        validation={} if validation is None else validation.metrics(),
        synthetic=synthetic,
        figures=_figures(mature, trained, results),
        reload_check=_reload_check(mature.portfolio, scorer),
    )
    progress("recomputing explanations with shap, recording and registering in MLflow")
    registration = log_training(record, lambda: verify(trained, mature.portfolio), state)
    progress("recording what later customers are compared with")
    _record_reference(registration, scorer, mature, trained, state)
    return JobResult(trained, results, registration, scorer)


def _record_reference(
    registration: Registration, scorer: Scorer, data: LabelledPortfolio, trained: Trained, state: Path | None
) -> None:
    """Keep with the version what monitoring compares later customers with."""
    # Of too few customers nothing may be told; such a model cannot be monitored.
    with suppress(NotJudgeable):
        reference = Reference.of(scorer, data, trained.held_out)
        name = scorer.catalog.catalog
        record_review(name, registration.version, REFERENCE, reference.document, RECORDED, state)
        refresh_description(name, registration.version, state)


def verify(trained: Trained, portfolio: Portfolio) -> Verification:
    """Recompute the explanations of 1,000 customers from what the registered document says.

    The document is read back; its contributions less the prior's, looked up again without the engine, must
    be what `shap.TreeExplainer` says of the boosters.

    Raises:
        ExplanationMismatch: one differs by more than 1e-6.
    """
    rows = _sampled(len(portfolio), VERIFIED)
    matrix = trained.matrix(portfolio.take(rows))
    document = Model.from_bytes(trained.model.to_bytes())
    prior = look_up(trained.prior, matrix)
    return verify_explanations(
        trained.boosters,
        matrix,
        Engine(document.tables).explain(matrix)[1] - prior,
        document.tables.base - trained.prior.base,
        names=trained.model.correction.features,
    )


def without_ranges(text: str) -> str:
    """Return a booster's text without each feature's smallest and largest value, which are single customers'.

    LightGBM keeps them for people to read; it predicts the same without.
    """
    return re.sub(
        "^feature_infos=.*$", lambda line: re.sub(r"\[\S*\]", "none", line[0]), text, flags=re.MULTILINE
    )


def _measured(
    data: LabelledPortfolio, trained: Trained, results: Sequence[YearResult], years: Sequence[Part]
) -> list[Measured]:
    """Return what was measured on all customers held out, and in the years that may be told of."""
    known = ~np.isnan(trained.held_out)
    probability = expit(trained.held_out[known])
    held_out = measure(data.bad[known], probability, data.groups[known])
    measured = [Measured("model", RunKind.FOLD.split_name, held_out)]
    for part in years:
        for scorer, metrics in part.metrics.items():
            measured.append(Measured(slug(scorer), part.kind.split_name, metrics, year=part.number))
    if not results:
        return measured
    bad = np.concatenate([result.bad for result in results])
    groups = np.concatenate([result.groups for result in results])
    pooled = {
        scorer: np.concatenate([result.probabilities[scorer] for result in results])
        for scorer in results[0].metrics
    }
    for scorer, probability in pooled.items():
        measured.append(Measured(slug(scorer), RunKind.YEAR.split_name, measure(bad, probability, groups)))
    tiers = np.concatenate([result.tiers for result in results])
    sizes = [int(np.sum(tiers == tier)) for tier in Tier]
    for tier, tells in zip(Tier, may_be_told([(size, size) for size in sizes]), strict=True):
        if tells:
            inside = tiers == tier
            of_tier = measure(bad[inside], pooled[MODEL][inside], groups[inside])
            measured.append(Measured(str(tier), WALK_FORWARD_TIERS, of_tier))
    return measured


def _figures(data: LabelledPortfolio, trained: Trained, results: Sequence[YearResult]) -> dict[str, Figure]:
    """Return the plots by name; one that would show too few customers is left out."""
    figures = {}
    for name, draw in _drawings(data, trained, results):
        with suppress(TooFewCustomers):
            figures[name] = draw()
    return figures


def _drawings(
    data: LabelledPortfolio, trained: Trained, results: Sequence[YearResult]
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    model, catalog = trained.model, data.portfolio.catalog
    names = [drawable(catalog.by_id[feature].indicator.names.en) for feature in model.tables.features]
    matrix = model.matrix(of_natures(data, model.natures).portfolio)
    shap_values = model.tables.contributions(matrix) * model.calibration.slope
    yield "shap_importance", partial(importance_plot, shap_values, names, "Mean |SHAP|, training customers")
    for feature in np.argsort(-np.mean(np.abs(shap_values), axis=0))[:_DEPENDENCE_PLOTS]:
        id_, name = model.tables.features[feature], names[feature]
        columns = matrix[:, feature], shap_values[:, feature]
        yield f"shap_{id_}", partial(dependence_plot, *columns, name, _levels(catalog, id_))
    known = ~np.isnan(trained.held_out)
    held_out = expit(trained.held_out[known])
    title = "Held-out training customers"
    yield "calibration_cross_validation", partial(calibration_plot, data.bad[known], held_out, title)
    if results:
        bad = np.concatenate([result.bad for result in results])
        probability = np.concatenate([result.probabilities["model"] for result in results])
        title = "Walk-forward, all years"
        yield "calibration_walk_forward", partial(calibration_plot, bad, probability, title)
        tiers = [tier for result in results for tier in result.tiers]
        years = np.concatenate([np.full(len(result.bad), result.year) for result in results])
        title = "Bad rate by tier, walk-forward"
        yield "tiers_walk_forward", partial(tier_plot, tiers, years, bad, title)


def _levels(catalog: Catalog, indicator_id: str) -> list[str] | None:
    indicator = catalog.by_id[indicator_id].indicator
    if indicator.kind is Kind.CATEGORY:
        return [drawable(level.names.en) for level in (indicator.levels or {}).values()] + ["unseen"]
    return None


def _reload_check(portfolio: Portfolio, scorer: Scorer) -> ReloadCheck:
    sample = portfolio.take(_sampled(len(portfolio), _RELOADED))
    # What does not apply is set aside in the frame as in the portfolio.
    sample = replace(sample, given=sample.values)
    return ReloadCheck.of(to_frame(sample), scorer.decide(sample))


def _sampled(n: int, size: int) -> NDArray[np.intp]:
    return np.sort(np.random.default_rng(SEED).permutation(n)[:size]).astype(np.intp)
