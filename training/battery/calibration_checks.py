"""Calibration: are the probabilities as high as they should be, over all and along the scale?"""

from collections.abc import Iterator

import numpy as np
from scipy.stats import norm

from training import sampling
from training.battery import words
from training.battery.calibration_statistics import (
    brier_parts,
    ece_by_chance,
    hosmer_lemeshow,
    spiegelhalter_z,
)
from training.battery.evidence import Evidence
from training.battery.figures import normal_interval
from training.battery.recalibration import level_shift, recalibration
from training.battery.result import Check, Part, Range, Result
from training.metrics import ece, equal_count_bins

_STEYERBERG = "Cox (1958), Biometrika 45; Steyerberg (2019), Clinical Prediction Models, chapter 15"
IN_THE_LARGE = Check("calibration.in_the_large", words.IN_THE_LARGE, _STEYERBERG)
SLOPE = Check("calibration.slope", words.SLOPE, _STEYERBERG)
ECE = Check(
    "calibration.ece",
    words.ECE,
    "Naeini, Cooper and Hauskrecht (2015), AAAI; bins of equal count: Nixon et al. (2019), CVPR workshops; "
    "by chance: Bröcker and Smith (2007), Weather and Forecasting 22",
)
BRIER = Check(
    "calibration.brier",
    words.BRIER,
    "Brier (1950), Monthly Weather Review 78; Murphy (1973), Journal of Applied Meteorology 12; bins of "
    "equal count with two parts within: Stephenson, Coelho and Jolliffe (2008), Weather and Forecasting 23",
)
HOSMER_LEMESHOW = Check(
    "calibration.hosmer_lemeshow",
    words.HOSMER_LEMESHOW,
    "Hosmer, Lemeshow and Sturdivant (2013), Applied Logistic Regression, sections 5.2.2 and 5.6",
)
SPIEGELHALTER = Check(
    "calibration.spiegelhalter", words.SPIEGELHALTER, "Spiegelhalter (1986), Statistics in Medicine 5"
)
ALL = (IN_THE_LARGE, SLOPE, ECE, BRIER, HOSMER_LEMESHOW, SPIEGELHALTER)


def calibration(evidence: Evidence) -> Iterator[Result]:
    """Yield the checks.

    Level and slope fail where their whole interval lies beyond what is tolerated; the calibration error where
    it exceeds both what does not matter and what chance would give; the two tests at their level. The Brier
    score fails where the constant bad rate, known in hindsight, would have been as good.
    """
    if not evidence.tells():
        yield from (check.no_answer(words.TOO_FEW_OUTCOMES, evidence.n) for check in ALL)
        return
    yield in_the_large(evidence)
    yield slope(evidence)
    yield calibration_error(evidence)
    yield brier(evidence)
    yield groups_of_risk(evidence)
    yield z_test(evidence)


def in_the_large(evidence: Evidence) -> Result:
    """Return how far the level of risk is off, in log-odds; positive where it was underestimated."""
    limits = evidence.limits
    found = level_shift(evidence.log_odds, evidence.bad, evidence.data.groups)
    if found is None:
        return IN_THE_LARGE.no_answer(words.UNDEFINED, evidence.n)
    interval = normal_interval(*found, limits.level)
    tolerated = Range(-limits.tolerated_level, limits.tolerated_level)
    return IN_THE_LARGE.answer(
        found[0],
        evidence.n,
        passed=tolerated.meets(interval),
        threshold=tolerated,
        interval=interval,
        parts=[
            Part(words.PREDICTED, float(np.mean(evidence.probability)), evidence.n),
            Part(words.BAD_RATE, float(np.mean(evidence.bad)), evidence.n),
        ],
    )


def slope(evidence: Evidence) -> Result:
    """Return the slope of the logistic recalibration, with its intercept."""
    limits = evidence.limits
    found = recalibration(evidence.log_odds, evidence.bad, evidence.data.groups)
    if found is None:
        return SLOPE.no_answer(words.UNDEFINED, evidence.n)
    interval = normal_interval(found.slope, found.slope_error, limits.level)
    tolerated = Range(limits.lowest_slope, limits.highest_slope)
    of_intercept = normal_interval(found.intercept, found.intercept_error, limits.level)
    return SLOPE.answer(
        found.slope,
        evidence.n,
        passed=tolerated.meets(interval),
        threshold=tolerated,
        interval=interval,
        parts=[Part(words.INTERCEPT, found.intercept, evidence.n, of_intercept)],
    )


def calibration_error(evidence: Evidence) -> Result:
    """Return the expected calibration error over bins of equal count."""
    limits, chances = evidence.limits, evidence.probability
    number = equal_count_bins(chances, limits.bins)
    chance = ece_by_chance(chances, number, limits.alpha, limits.resamples, limits.seed)
    highest = max(limits.tolerated_ece, chance)
    value = ece(evidence.bad, chances, limits.bins)
    return ECE.answer(value, evidence.n, passed=value <= highest, threshold=Range(0.0, highest))


def brier(evidence: Evidence) -> Result:
    """Return the Brier score and its parts over bins of equal count."""
    limits = evidence.limits
    number = equal_count_bins(evidence.probability, limits.bins)
    parts = brier_parts(evidence.bad, evidence.probability, number)
    influences = sampling.brier(evidence.bad, evidence.probability)
    error = float(np.sqrt(influences.variance(evidence.data.groups)))
    named = (
        (words.RELIABILITY, parts.reliability),
        (words.RESOLUTION, parts.resolution),
        (words.UNCERTAINTY, parts.uncertainty),
        (words.WITHIN_VARIANCE, parts.within_variance),
        (words.WITHIN_COVARIANCE, parts.within_covariance),
    )
    return BRIER.answer(
        influences.figure,
        evidence.n,
        passed=influences.figure < parts.uncertainty,
        threshold=Range(0.0, parts.uncertainty),
        interval=normal_interval(influences.figure, error, limits.level, 0.0, 1.0),
        parts=[Part(name, value, evidence.n) for name, value in named],
    )


def groups_of_risk(evidence: Evidence) -> Result:
    """Return the Hosmer–Lemeshow statistic."""
    limits = evidence.limits
    found = hosmer_lemeshow(evidence.bad, evidence.probability, limits.bins, limits.expected_per_bin)
    if found is None:
        return HOSMER_LEMESHOW.no_answer(words.TOO_FEW_OUTCOMES, evidence.n)
    critical = found.critical(limits.alpha)
    return HOSMER_LEMESHOW.answer(
        found.statistic,
        evidence.n,
        passed=found.statistic <= critical,
        threshold=Range(0.0, critical),
        p_value=found.p_value,
    )


def z_test(evidence: Evidence) -> Result:
    """Return Spiegelhalter's z."""
    z = spiegelhalter_z(evidence.bad, evidence.probability)
    reach = float(norm.isf(evidence.limits.alpha / 2))
    tolerated = Range(-reach, reach)
    return SPIEGELHALTER.answer(
        z,
        evidence.n,
        passed=tolerated.holds(z),
        threshold=tolerated,
        p_value=float(2 * norm.sf(abs(z))),
    )
