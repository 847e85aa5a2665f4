"""How well probabilities rank and calibrate: AUC, KS, Gini, Brier, log-loss and ECE, never a crash.

AUC, log-loss and bad rate have 95 % intervals: what drawing other customers would give, the model as it is.

Everywhere `bad` is a boolean vector of shape (n,) (the adverse outcome happened) and a higher score or
probability means more risk.
"""

from dataclasses import asdict, dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import metrics as sklearn_metrics

from training import sampling
from training.intervals import Interval, share_interval

ECE_BINS = 10
# The fewest outcomes of either kind, and customers, of which a variance can be told.
_LEAST = 2


@dataclass(frozen=True)
class Metrics:
    """One set of customers, measured. A figure that cannot be measured there is NaN.

    `predicted` is the mean probability, to be compared with the bad rate; `…_95_low` and `…_95_high` bound
    intervals.
    """

    n: int
    bad: int
    bad_rate: float
    auc: float
    ks: float
    gini: float
    brier: float
    log_loss: float
    ece: float
    predicted: float
    bad_rate_95_low: float
    bad_rate_95_high: float
    auc_95_low: float
    auc_95_high: float
    log_loss_95_low: float
    log_loss_95_high: float

    def known(self) -> dict[str, float]:
        """Return the figures that could be measured, by name."""
        return {name: float(value) for name, value in asdict(self).items() if not np.isnan(value)}


def measure(bad: ArrayLike, probability: ArrayLike, groups: ArrayLike | None = None) -> Metrics:
    """Measure probabilities against outcomes.

    Args:
        bad: shape (n,), boolean.
        probability: shape (n,), of the adverse outcome, in [0, 1].
        groups: shape (n,), integers: customers of one group are drawn together, which widens the intervals of
            AUC and log-loss; by default each is drawn alone. The bad rate's takes them as independent.

    Returns:
        All figures; AUC, KS and Gini are NaN where one class is absent, all but the counts where n is 0,
        bounds of AUC and log-loss where fewer than two customers (of either class) tell.

    Raises:
        ValueError: shapes differ, a probability is missing or outside [0, 1].
    """
    outcomes, chances = _pair(bad, probability, "probability")
    _check_probability(chances)
    area, n, bads = auc(outcomes, chances), len(outcomes), int(outcomes.sum())
    of_rate = share_interval(bads, n)
    of_area, of_loss = _intervals(outcomes, chances, np.arange(n) if groups is None else np.asarray(groups))
    return Metrics(
        n=n,
        bad=bads,
        bad_rate=of_rate.mean,
        auc=area,
        ks=ks(outcomes, chances),
        gini=2 * area - 1,
        brier=brier(outcomes, chances),
        log_loss=log_loss(outcomes, chances),
        ece=ece(outcomes, chances),
        predicted=float(chances.mean()) if n else nan,
        bad_rate_95_low=of_rate.low,
        bad_rate_95_high=of_rate.high,
        auc_95_low=of_area.low,
        auc_95_high=of_area.high,
        log_loss_95_low=of_loss.low,
        log_loss_95_high=of_loss.high,
    )


def _intervals(
    bad: NDArray[np.bool_], probability: NDArray[np.float64], groups: NDArray[np.int64]
) -> tuple[Interval, Interval]:
    """Return the intervals of AUC and log-loss, held within the figures' own bounds."""
    nothing = Interval(nan, nan, nan)
    of_area = of_loss = nothing
    if min(bad.sum(), (~bad).sum()) >= _LEAST:
        found = sampling.interval([sampling.area(bad, probability)], [groups])
        of_area = Interval(found.mean, max(0.0, found.low), min(1.0, found.high))
    if len(bad) >= _LEAST:
        found = sampling.interval([sampling.log_loss(bad, probability)], [groups])
        of_loss = Interval(found.mean, max(0.0, found.low), found.high)
    return of_area, of_loss


def auc(bad: ArrayLike, score: ArrayLike) -> float:
    """Return the area under the ROC curve: the chance that a bad customer scores above a good one, ties half.

    NaN where one class is absent. Source: Hanley and McNeil (1982), Radiology 143(1).
    """
    outcomes, scores = _pair(bad, score, "score")
    return float(sklearn_metrics.roc_auc_score(outcomes, scores)) if _both_classes(outcomes) else nan


def gini(bad: ArrayLike, score: ArrayLike) -> float:
    """Return 2 AUC − 1 (Somers' D of the score given the outcome), −1 to 1; NaN where a class is absent."""
    return 2 * auc(bad, score) - 1


def ks(bad: ArrayLike, score: ArrayLike) -> float:
    """Return the Kolmogorov–Smirnov distance between the scores of bad and good customers, in [0, 1].

    NaN where one class is absent. Source: Massey (1951), JASA 46(253); in credit, Siddiqi (2006), ch. 6.
    """
    outcomes, scores = _pair(bad, score, "score")
    if not _both_classes(outcomes):
        return nan
    # From the ROC curve: scipy's ks_2samp also works out a p-value, which divides by zero on tiny sets.
    false_positive, true_positive, _ = sklearn_metrics.roc_curve(outcomes, scores)
    return float(np.abs(true_positive - false_positive).max())


def brier(bad: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean squared difference of probability and outcome; NaN where n is 0.

    Source: Brier (1950), Monthly Weather Review 78(1).
    """
    outcomes, chances = _pair(bad, probability, "probability")
    return float(np.mean((chances - outcomes) ** 2)) if len(outcomes) else nan


def log_loss(bad: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean negative log-likelihood in nats; NaN where n is 0.

    Probabilities of 0 and 1 are moved inwards by the float's spacing, as scikit-learn does, so a sure
    mistake costs about 36 and not infinity. Source: Good (1952), JRSS B 14(1).
    """
    outcomes, chances = _pair(bad, probability, "probability")
    return float(sklearn_metrics.log_loss(outcomes, chances, labels=[False, True])) if len(outcomes) else nan


def ece(bad: ArrayLike, probability: ArrayLike, bins: int = ECE_BINS) -> float:
    """Return the expected calibration error over bins of equal count; NaN where n is 0.

    The mean over bins, weighted by their customers, of |mean probability − bad rate|. Equal probabilities
    share a bin, so the order of the rows does not matter. It is biased upward on few customers.
    Sources: Naeini, Cooper and Hauskrecht (2015), AAAI; equal counts: Nixon et al. (2019), CVPR workshops.
    """
    outcomes, chances = _pair(bad, probability, "probability")
    if not len(outcomes):
        return nan
    number = equal_count_bins(chances, bins)
    surplus = np.bincount(number, weights=chances - outcomes)
    return float(np.abs(surplus).sum() / len(outcomes))


def equal_count_bins(values: ArrayLike, bins: int, minimum: int = 1) -> NDArray[np.intp]:
    """Number the rows by bins of about equal count, rising with the value.

    Equal values share a bin whatever the order of the rows, so counts are equal only as far as ties allow.
    A bin that would hold fewer than `minimum` rows is merged with its lower neighbour (the lowest with its
    upper one).

    Args:
        values: shape (n,), no NaN.
        bins: how many bins at most, at least 1.
        minimum: how many rows a bin holds at least.

    Returns:
        Shape (n,): 0, 1, … without gaps; empty where n is 0.

    Raises:
        ValueError: a value is NaN, `bins` is below 1, or there are fewer than `minimum` rows (but not none).
    """
    column = np.asarray(values, dtype=np.float64)
    if bins < 1:
        raise ValueError("bins: must be at least 1")
    if np.isnan(column).any():
        raise ValueError("values: holds NaN; take missing values out before binning")
    if not len(column):
        return np.zeros(0, dtype=np.intp)
    if len(column) < minimum:
        raise ValueError(f"values: {len(column)} rows are fewer than the {minimum} that a bin must hold")
    _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
    # A distinct value goes where the middle of its rows falls, so a large tie does not drag its neighbours.
    middle = np.cumsum(counts) - counts / 2
    wanted = np.minimum((middle * bins / len(column)).astype(np.intp), bins - 1)
    held = np.bincount(wanted, weights=counts, minlength=bins)
    merged = np.zeros(bins, dtype=np.intp)
    number, filled = 0, 0.0
    for bin_number, count in enumerate(held):
        if filled >= minimum and count > 0 and held[bin_number:].sum() >= minimum:
            number, filled = number + 1, 0.0
        merged[bin_number] = number
        filled += count
    return merged[wanted][inverse]


def _pair(bad: ArrayLike, values: ArrayLike, name: str) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return outcomes and values as vectors, or refuse."""
    outcomes, column = np.asarray(bad), np.asarray(values, dtype=np.float64)
    if outcomes.dtype != np.bool_ and outcomes.size:
        raise ValueError("bad: must be boolean")
    if outcomes.ndim != 1 or outcomes.shape != column.shape:
        raise ValueError(f"bad and {name}: must be two vectors of one length")
    if np.isnan(column).any():
        raise ValueError(f"{name}: holds NaN; every customer measured needs a value")
    return outcomes.astype(np.bool_), column


def _check_probability(probability: NDArray[np.float64]) -> None:
    if ((probability < 0) | (probability > 1)).any():
        raise ValueError("probability: must lie between 0 and 1")


def _both_classes(bad: NDArray[np.bool_]) -> bool:
    return bool(bad.any()) and not bool(bad.all())
