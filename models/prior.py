"""The transparent prior: a sign-constrained logistic regression on binned normal scores, one table a feature.

Its effects are drawn towards one common effect rather than towards zero (the improper linear model of
Dawes 1979, "The robust beauty of improper linear models in decision making"): with few outcomes every
indicator whose direction is known counts alike, with many the outcomes decide. An indicator of unknown
direction is drawn towards no effect, and one may never act against its known direction. A booster then
learns corrections on top, so that little data or a changed world falls back on the transparent part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, ndtri

from features.portfolio import Floats
from models.booster import Design, Sample
from models.points import ZERO, Axis, PointsTables, Table

BINS = 20
# The precision of an effect's normal prior around the common effect: effects (log-odds per standard
# deviation of the normal score) are expected to differ from the common one by about 0.06.
PRECISION = 300.0
# Half of an effect or less is left of it where it varies between cohorts as much as it amounts to.
STEADY = 0.5


@dataclass(frozen=True, eq=False)
class _Scores:
    """A feature's bins and the standardised normal score of each; the last cell, missing, is neutral."""

    axis: Axis
    scores: Floats


def fit_prior(sample: Sample, design: Design) -> PointsTables:
    """Fit the prior on a sample with n rows, its offsets included, and compile it.

    Categories have no order and are left to the corrections. The tables' contributions are the exact SHAP
    values of an additive model, whose mean over the sample is 0; `base` holds the level.
    """
    numbers = [f for f in range(len(design.features)) if f not in design.categories]
    if not numbers:
        return PointsTables(design.features, 0.0, ())
    scores, columns = _scored(sample, numbers)
    directions = np.array([design.directions[s.axis.feature] for s in scores], dtype=np.float64)
    # A declared direction rests on judgement, which the cohorts at hand do not overrule.
    steady = np.where(directions == 0, steadiness(columns, sample), 1.0)
    columns *= steady
    intercept, effects = _fit(columns, directions, sample)
    # Scores have mean 0 over the sample and are 0 where missing: each table is its own SHAP value.
    tables = tuple(
        Table((s.axis,), (effect * share * s.scores)[None, :])
        for s, effect, share in zip(scores, effects, steady, strict=True)
    )
    return PointsTables(design.features, intercept, tables)


def unsteady(sample: Sample, design: Design) -> frozenset[int]:
    """Return the features of no declared direction whose effect may well turn in the next cohort.

    That is where it varies more between cohorts than it amounts to. Categories, which have no one effect, are
    not judged.
    """
    undeclared = [
        f for f in range(len(design.features)) if f not in design.categories and design.directions[f] == 0
    ]
    if sample.cohorts is None or not undeclared:
        return frozenset()
    steady = steadiness(_scored(sample, undeclared)[1], sample)
    return frozenset(f for f, share in zip(undeclared, steady, strict=True) if share < STEADY)


def steadiness(columns: Floats, sample: Sample) -> Floats:
    """Return for each of k standardised columns how steady its effect is over the cohorts, from 0 to 1.

    An effect that varies between cohorts with variance τ² about its mean m is worth m² / (m² + τ²) of itself
    in a cohort to come (the squared error of the mean, shrunk, is least there). m and τ² are those of a
    random-effects analysis of each cohort's one-step logistic effects (DerSimonian and Laird 1986,
    "Meta-analysis in clinical trials"). With one cohort, or outcomes too few to tell, it is 1.
    """
    k = columns.shape[1]
    if sample.cohorts is None:
        return np.ones(k)
    labels, index = np.unique(sample.cohorts, return_inverse=True)
    chance = expit(sample.offset)
    residual, weight = sample.bad - chance, chance * (1.0 - chance)
    information = np.array([weight[index == c] @ columns[index == c] ** 2 for c in range(len(labels))])
    score = np.array([residual[index == c] @ columns[index == c] for c in range(len(labels))])
    known = information > 0
    effects = np.divide(score, information, out=np.zeros_like(score), where=known)
    total = np.maximum(np.sum(information, axis=0), 1e-300)
    mean = np.sum(information * effects, axis=0) / total
    spread = np.sum(information * (effects - mean) ** 2, axis=0) - (np.sum(known, axis=0) - 1)
    scale = np.maximum(total - np.sum(information**2, axis=0) / total, 1e-300)
    variance = np.where(np.sum(known, axis=0) > 1, np.maximum(0.0, spread / scale), 0.0)
    unsure = 1.0 / total
    strength = np.maximum(mean**2, unsure)
    result: Floats = strength / (strength + variance)
    return result


def _scored(sample: Sample, features: Sequence[int]) -> tuple[list[_Scores], Floats]:
    """Return the scores of some features, at least one, and what each customer has, shape (n, features)."""
    scores = [_normal_scores(sample.matrix[:, feature], feature) for feature in features]
    columns = [s.scores[s.axis.cell(sample.matrix[:, s.axis.feature])] for s in scores]
    return scores, np.column_stack(columns)


def _normal_scores(values: Floats, feature: int) -> _Scores:
    known = values[~np.isnan(values)]
    # As an axis reads them; a threshold within ±ZERO of another would leave a cell without values.
    known = np.sort(np.where(np.abs(known) <= ZERO, 0.0, known))
    distinct = np.unique(known)
    # Cells part between two values, so that no threshold is a customer's own.
    between = np.minimum(distinct[:-1] + np.diff(distinct) / 2, np.nextafter(distinct[1:], -np.inf))
    if len(distinct) > BINS:
        positions = (np.linspace(0, 1, BINS + 1)[1:-1] * len(known)).astype(int)
        chosen = np.searchsorted(distinct, np.unique(known[positions]))
        between = between[chosen[chosen < len(between)]]
    thresholds = np.unique(between)
    axis = Axis(feature, thresholds=tuple(thresholds.tolist()))
    counts = np.bincount(axis.cell(known), minlength=axis.cells)[:-1].astype(np.float64)
    if len(counts) < 2:
        return _Scores(axis, np.zeros(axis.cells))
    middle = (np.cumsum(counts) - counts / 2) / np.sum(counts)
    scores = ndtri(middle)
    scores -= np.average(scores, weights=counts)
    scores /= np.sqrt(np.average(scores**2, weights=counts))
    return _Scores(axis, np.append(scores, 0.0))


def _fit(columns: Floats, directions: Floats, sample: Sample) -> tuple[float, Floats]:
    """Return intercept and effects: the maximum a posteriori, the common effect being fitted too."""
    sure = directions != 0
    signed = columns * np.where(sure, directions, 1.0)
    bad = sample.bad.astype(np.float64)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        intercept, common, effects = parameters[0], parameters[1], parameters[2:]
        margin = sample.offset + intercept + signed @ effects
        residual = expit(margin) - bad
        gap = effects - common * sure
        value = np.sum(np.logaddexp(0.0, margin) - bad * margin) + PRECISION / 2 * np.sum(gap**2)
        slopes = signed.T @ residual + PRECISION * gap
        return float(value), np.concatenate([[np.sum(residual), -PRECISION * np.sum(gap * sure)], slopes])

    bounds = [(None, None), (0.0, None)] + [(0.0, None) if known else (None, None) for known in sure]
    start = np.concatenate([[0.0, 0.1], np.where(sure, 0.1, 0.0)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300}).x
    return float(found[0]), found[2:] * np.where(sure, directions, 1.0)
