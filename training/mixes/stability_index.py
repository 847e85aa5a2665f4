"""The population stability index: how far one mix of customers lies from another, and how far by chance."""

import math

import numpy as np
from scipy.stats import chi2

from features.portfolio import Floats
from training.metrics import equal_count_bins

# What each bin of either sample is given, so that an empty one has a logarithm. With half as much the tails
# are heavier than chi-squared: of four bins, three with a twentieth, 0.39 % and not 0.25 % alarm at n = 100.
ADDED = 1.0


def psi(expected: Floats, actual: Floats) -> float:
    """Return Σ (a − e) ln(a / e) over bins, of shares that are all positive.

    Sources: Jeffreys (1946), Proceedings of the Royal Society A 186; in credit, Lewis (1992), An Introduction
    to Credit Scoring; Siddiqi (2006), Credit Risk Scorecards, chapter 8.
    """
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def psi_of_counts(reference: Floats, judged: Floats) -> float:
    """Return the PSI of two samples' counts by bin.

    The rule for empty bins: every bin of either sample counts one customer more than it holds.
    """
    shares = [(counts + ADDED) / np.sum(counts + ADDED) for counts in (reference, judged)]
    return psi(*shares)


def psi_by_chance(bins: int, reference: int, judged: int, alpha: float) -> float:
    """Return the PSI that two samples of one population exceed in a share alpha of cases.

    (1/M + 1/N) times the quantile of chi-squared with bins − 1 degrees of freedom, M and N customers.
    Source: Yurdakul and Naranjo (2020), Journal of Risk Model Validation 14.
    """
    return (1 / reference + 1 / judged) * float(chi2.isf(alpha, bins - 1))


def binned(
    reference: Floats, judged: Floats, *, ordered: bool, bins: int, expected: float
) -> tuple[Floats, Floats]:
    """Count two samples of encoded values by the same bins; shape (bins,) each.

    Numbers are binned by quantiles of the reference that expect enough judged customers; every flag and every
    level of a category is a bin, as is what is missing. A bin of levels, or of what is missing, that the two
    samples taken as one expect too little of is joined to the smallest other, because the chi-squared
    distribution does not hold there.
    """
    known, seen = ~np.isnan(reference), ~np.isnan(judged)
    missing = _counted(~known, ~seen)
    if not ordered:
        codes = np.unique(np.concatenate([reference[known], judged[seen]]))
        of_codes = [_counted(reference == code, judged == code) for code in codes]
        return _split(_without_rare([*of_codes, missing], expected))
    of_numbers = _by_quantile(reference[known], judged[seen], len(reference), len(judged), bins, expected)
    if not _rare(missing, len(reference), len(judged), expected) or not of_numbers:
        return _split([*of_numbers, missing])
    smallest = int(np.argmin([np.sum(counts) for counts in of_numbers]))
    of_numbers[smallest] = of_numbers[smallest] + missing
    return _split(of_numbers)


def joined_counts(reference: Floats, judged: Floats, expected: float) -> tuple[Floats, Floats]:
    """Join bins of two samples' counts, shape (bins,) each, as `binned` joins levels."""
    return _split(_without_rare(list(np.column_stack([reference, judged]).astype(np.float64)), expected))


def _by_quantile(
    reference: Floats, judged: Floats, of_reference: int, of_judged: int, bins: int, expected: float
) -> list[Floats]:
    least = math.ceil(expected * max(1.0, of_reference / of_judged))
    if len(reference) < 2 * least:
        return (
            [np.array([len(reference), len(judged)], dtype=np.float64)]
            if len(reference) + len(judged)
            else []
        )
    number = equal_count_bins(reference, bins, least)
    highest = np.array([np.max(reference[number == each]) for each in range(int(np.max(number)))])
    counts = np.bincount(np.searchsorted(highest, judged, side="left"), minlength=len(highest) + 1)
    return list(np.column_stack([np.bincount(number), counts]).astype(np.float64))


def _without_rare(bins: list[Floats], expected: float) -> list[Floats]:
    """Join the smallest two bins until none is rare."""
    of_reference, of_judged = np.sum(bins, axis=0)
    bins = sorted((counts for counts in bins if np.sum(counts)), key=np.sum)
    while len(bins) > 1 and _rare(bins[0], of_reference, of_judged, expected):
        bins = sorted([bins[0] + bins[1], *bins[2:]], key=np.sum)
    return bins


def _rare(counts: Floats, of_reference: float, of_judged: float, expected: float) -> bool:
    share = np.sum(counts) / (of_reference + of_judged)
    return bool(share * min(of_reference, of_judged) < expected)


def _counted(reference: Floats | np.ndarray, judged: Floats | np.ndarray) -> Floats:
    return np.array([np.sum(reference), np.sum(judged)], dtype=np.float64)


def _split(bins: list[Floats]) -> tuple[Floats, Floats]:
    table = np.array(bins).reshape(-1, 2)
    return table[:, 0], table[:, 1]
