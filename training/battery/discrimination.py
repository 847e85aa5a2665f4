"""Discrimination: does the model rank who turns out bad above who does not? AUC, accuracy ratio, KS."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kstwobign, norm, rankdata
from sklearn.metrics import roc_curve

from features.portfolio import Bools, Floats
from training import sampling
from training.battery import words
from training.battery.evidence import Evidence
from training.battery.figures import alone, normal_interval
from training.battery.result import Check, Part, Range, Result

_DELONG = (
    "DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44; Sun and Xu (2014), IEEE Signal Processing "
    "Letters 21; customers of one group together: Obuchowski (1997), Biometrics 53"
)
AUC = Check("discrimination.auc", words.AUC, _DELONG)
ACCURACY_RATIO = Check(
    "discrimination.accuracy_ratio",
    words.ACCURACY_RATIO,
    f"Engelmann, Hayden and Tasche (2003), Risk 16: 2 AUC − 1; {_DELONG}",
)
KS = Check(
    "discrimination.ks",
    words.KS,
    "Smirnov (1948), Annals of Mathematical Statistics 19; interval: Raghavachari (1973), Annals of "
    "Statistics 1",
)


@dataclass(frozen=True, eq=False)
class Areas:
    """The AUC of s scores on the same customers, shape (s,), and their covariance, shape (s, s)."""

    areas: Floats
    covariance: Floats

    def difference(self) -> tuple[float, float]:
        """Return how far the first is ahead of the second, and the standard error of that."""
        (a, b), c = self.areas[:2], self.covariance
        return float(a - b), float(np.sqrt(max(0.0, c[0, 0] + c[1, 1] - 2 * c[0, 1])))


def delong(bad: Bools, scores: Sequence[Floats]) -> Areas:
    """Return areas and covariance of s scores of n customers, ties half, in O(s n log n).

    A score is higher for more risk. With midranks among all and within each class, the structural components
    of DeLong et al. follow without comparing pairs (Sun and Xu 2014, algorithm 2).

    Raises:
        ValueError: fewer than two customers of either outcome.
    """
    m, k = int(np.sum(bad)), int(np.sum(~bad))
    if min(m, k) < 2:
        raise ValueError("bad: needs two customers of either outcome")
    of_bad, of_good = np.empty((len(scores), m)), np.empty((len(scores), k))
    for row, score in enumerate(scores):
        ranks = rankdata(score)
        of_bad[row] = (ranks[bad] - rankdata(score[bad])) / k
        of_good[row] = 1.0 - (ranks[~bad] - rankdata(score[~bad])) / m
    covariance = np.atleast_2d(np.cov(of_bad)) / m + np.atleast_2d(np.cov(of_good)) / k
    return Areas(np.mean(of_bad, axis=1), covariance)


def areas(bad: Bools, scores: Sequence[Floats], groups: NDArray[np.int64]) -> Areas:
    """Return areas and covariance as `delong` does, the customers of one group counted together.

    Where there are such groups it is the sum over them of each one's influences, squared.
    """
    if alone(groups):
        return delong(bad, scores)
    influences = [sampling.area(bad, score) for score in scores]
    _, index = np.unique(groups, return_inverse=True)
    sums = np.array([np.bincount(index, weights=one.of_customers) for one in influences])
    return Areas(np.array([one.figure for one in influences]), sums @ sums.T)


def p_value(difference: float, error: float) -> float:
    """Return the two-sided p-value of a difference that is normal; 1 where two scores rank alike."""
    if not error:
        return 1.0 if not difference else 0.0
    return float(2 * norm.sf(abs(difference) / error))


def ks_distance(bad: Bools, score: Floats) -> tuple[float, float]:
    """Return the distance between the scores of bad and good customers, and its standard error.

    The error is that of two shares at the score where they differ most (Raghavachari 1973); the maximum over
    all scores makes the distance itself too large on few customers.
    """
    good_above, bad_above, _ = roc_curve(bad, score)
    at = int(np.argmax(np.abs(bad_above - good_above)))
    b, g = float(bad_above[at]), float(good_above[at])
    return abs(b - g), float(np.sqrt(b * (1 - b) / np.sum(bad) + g * (1 - g) / np.sum(~bad)))


def ks_by_chance(bad: int, good: int, alpha: float) -> float:
    """Return the distance that scores which tell nothing exceed in a share alpha of samples."""
    return float(kstwobign.isf(alpha)) * float(np.sqrt((bad + good) / (bad * good)))


def discrimination(evidence: Evidence) -> Iterator[Result]:
    """Yield the three checks; AUC and accuracy ratio pass where the whole interval lies above the least."""
    limits, n, bad = evidence.limits, evidence.n, evidence.bad
    if not evidence.tells():
        yield from (check.no_answer(words.TOO_FEW_OUTCOMES, n) for check in (AUC, ACCURACY_RATIO, KS))
        return
    found = areas(bad, [evidence.probability, -evidence.decisions.score], evidence.data.groups)
    area, composite = ((float(found.areas[i]), float(np.sqrt(found.covariance[i, i]))) for i in range(2))
    interval = normal_interval(*area, limits.level, 0.0, 1.0)
    of_composite = normal_interval(*composite, limits.level, 0.0, 1.0)
    yield AUC.answer(
        area[0],
        n,
        passed=interval.low > limits.least_auc,
        threshold=Range(low=limits.least_auc),
        interval=interval,
        parts=[Part(words.COMPOSITE, composite[0], n, of_composite)],
    )
    yield ACCURACY_RATIO.answer(
        2 * area[0] - 1,
        n,
        passed=interval.low > limits.least_auc,
        threshold=Range(low=2 * limits.least_auc - 1),
        interval=Range(2 * interval.low - 1, 2 * interval.high - 1),
    )
    distance, error = ks_distance(bad, evidence.probability)
    chance = ks_by_chance(int(np.sum(bad)), int(np.sum(~bad)), limits.alpha)
    yield KS.answer(
        distance,
        n,
        passed=distance > chance,
        threshold=Range(low=chance),
        interval=normal_interval(distance, error, limits.level, 0.0, 1.0),
    )
