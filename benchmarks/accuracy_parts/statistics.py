"""The benchmark's statistics: DeLong's difference, the H-measure, the log-loss taken apart.

`bad` is boolean of shape (n,); a higher score means more risk.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc, expit, logit, xlogy
from scipy.stats import norm, rankdata
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_curve

from benchmarks.accuracy_parts.tables import Bools, Floats
from training.intervals import LEVEL, Interval


def auc_difference(bad: Bools, first: Floats, second: Floats) -> tuple[float, float]:
    """Return AUC(first) − AUC(second) on the same customers, and its variance for the models as they are.

    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44; computed by midranks as Sun and Xu
    (2014), IEEE Signal Processing Letters 21.
    """
    positives, negatives = int(np.sum(bad)), int(np.sum(~bad))
    areas, of_bad, of_good = [], [], []
    for score in (first, second):
        ranks = rankdata(score)
        within_bad, within_good = rankdata(score[bad]), rankdata(score[~bad])
        of_bad.append((ranks[bad] - within_bad) / negatives)
        of_good.append(1.0 - (ranks[~bad] - within_good) / positives)
        areas.append(float(np.mean(of_bad[-1])))
    variance = np.var(of_bad[0] - of_bad[1], ddof=1) / positives
    variance += np.var(of_good[0] - of_good[1], ddof=1) / negatives
    return areas[0] - areas[1], float(variance)


def sampling_interval(differences: Sequence[tuple[float, float]]) -> Interval:
    """Return the normal interval of the mean of differences with known variances, each on other customers."""
    mean = float(np.mean([difference for difference, _ in differences]))
    error = float(np.sqrt(np.sum([variance for _, variance in differences]))) / len(differences)
    reach = float(norm.ppf((1 + LEVEL) / 2)) * error
    return Interval(mean, mean - reach, mean + reach)


def h_measure(bad: Bools, score: Floats) -> float:
    """Return Hand's H: 1 minus the expected loss of the best thresholds over that of no score, in [0, 1].

    The cost share c follows Beta(2, 1 + n_good/n_bad), the default of the authors' R package hmeasure: its
    mode is the bad rate. NaN where one class is absent.
    Sources: Hand (2009), Machine Learning 77; Hand and Anagnostopoulos (2014), Pattern Recogn. Lett. 40.
    """
    n_bad, n_good = int(np.sum(bad)), int(np.sum(~bad))
    if not n_bad or not n_good:
        return float("nan")
    share = n_bad / (n_bad + n_good)
    false_positive, true_positive = _upper_hull(*roc_curve(bad, score)[:2])
    a, b = 2.0, 1.0 + n_good / n_bad
    # Walking the hull from (0, 0) upwards, the best threshold changes at c = 1 − the local share of good.
    gained_bad = share * np.diff(true_positive)
    gained_good = (1 - share) * np.diff(false_positive)
    turn = np.concatenate([[1.0], gained_bad / (gained_bad + gained_good), [0.0]])
    mean_c, mean_rest = a / (a + b), b / (a + b)
    upto_c = mean_c * betainc(a + 1, b, turn)  # the integral of c over costs below each turn
    upto_rest = mean_rest * betainc(a, b + 1, turn)
    between_c, between_rest = -np.diff(upto_c), -np.diff(upto_rest)
    loss = np.sum((1 - share) * false_positive * between_c + share * (1 - true_positive) * between_rest)
    without = (1 - share) * mean_c * betainc(a + 1, b, share) + share * mean_rest * (
        1 - betainc(a, b + 1, share)
    )
    return float(1.0 - loss / without)


def _upper_hull(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the upper convex hull of a ROC curve, from (0, 0) to (1, 1)."""
    hull: list[tuple[float, float]] = []
    for point in zip(x.tolist(), y.tolist(), strict=True):
        while len(hull) > 1 and _turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    corners = np.array(hull)
    return corners[:, 0], corners[:, 1]


def _turns_left(first: tuple[float, float], second: tuple[float, float], third: tuple[float, float]) -> bool:
    along = (second[0] - first[0]) * (third[1] - first[1])
    return along >= (second[1] - first[1]) * (third[0] - first[0])


@dataclass(frozen=True)
class Decomposition:
    """Mean log-loss in nats = miscalibration − discrimination + uncertainty."""

    log_loss: float
    miscalibration: float
    discrimination: float
    uncertainty: float


def decompose(bad: Bools, probability: Floats) -> Decomposition:
    """Take the log-loss apart by isotonic recalibration of the very predictions judged.

    Miscalibration is what the best monotone map of the probabilities would save, discrimination what the
    predictions so mapped save over the bad rate alone, uncertainty the bad rate's own log-loss. Neither of
    the first two is negative. In-sample, miscalibration is biased upward on few customers.
    Source: Dimitriadis, Gneiting and Jordan (2021), PNAS 118(8), the CORP decomposition.
    """
    isotonic = IsotonicRegression(y_min=0.0, y_max=1.0)
    recalibrated = isotonic.fit_transform(probability, bad.astype(np.float64))
    loss = _mean_log_loss(bad, probability)
    best = _mean_log_loss(bad, recalibrated)
    uncertainty = _mean_log_loss(bad, np.full(len(bad), np.mean(bad)))
    return Decomposition(loss, loss - best, uncertainty - best, uncertainty)


def _mean_log_loss(bad: Bools, probability: Floats) -> float:
    outcome = bad.astype(np.float64)
    return float(-np.mean(xlogy(outcome, probability) + xlogy(1 - outcome, 1 - probability)))


def at_the_right_level(bad: Bools, probability: Floats) -> Floats:
    """Return the probabilities shifted in log-odds so that their mean is the bad rate, shape (n,).

    In hindsight: what is left of a loss when nobody is blamed for the times. Needs both outcomes.
    """
    margin = logit(probability)
    rate = float(np.mean(bad))
    shift = brentq(lambda by: float(np.mean(expit(margin + by))) - rate, -30.0, 30.0)
    result: Floats = expit(margin + shift)
    return result


def mean_ranks(losses: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return each method's mean rank over data sets, 1 the smallest loss, ties the middle.

    Args:
        losses: by data set, by method; only the methods of the first set that every set has are ranked.
    """
    if not losses:
        return {}
    methods = [
        name for name in next(iter(losses.values())) if all(name in of_set for of_set in losses.values())
    ]
    ranks = [rankdata([of_set[name] for name in methods]) for of_set in losses.values()]
    return {name: float(np.mean([rank[i] for rank in ranks])) for i, name in enumerate(methods)}
