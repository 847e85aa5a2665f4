"""Days of things that happen more or less regularly, or by chance at a rate that changes by the month."""

import numpy as np

from features.simulation.history import LEAD, Floats, History, Integers


def by_chance(rng: np.random.Generator, history: History, rates: Floats) -> tuple[Integers, Integers]:
    """Return owners and days of Poisson events from the first day on, in the order of owners and then months.

    Args:
        rates: shape (months of the history without the lead, n), events expected in a month.
    """
    counts = rng.poisson(rates.T)
    owner = np.repeat(np.arange(counts.shape[0]), counts.sum(axis=1))
    months = np.repeat(np.tile(np.arange(counts.shape[1]), counts.shape[0]), counts.ravel()) + LEAD
    starts, lengths = history.starts[months], np.diff(history.starts)[months]
    return owner, starts + (rng.random(len(owner)) * lengths).astype(np.int64)


def yearly(rng: np.random.Generator, history: History, count: int, share: float) -> tuple[Integers, Integers]:
    """Return owners and days of what happens to a share of n customers on some day of each year."""
    happens = rng.random((count, history.years)) < share
    owner, year = np.nonzero(happens)
    begin, end = history.evaluations[year] + 1, history.evaluations[year + 1]
    return owner, begin + (rng.random(len(owner)) * (end - begin + 1)).astype(np.int64)


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + e⁻ˣ)."""
    result: Floats = 1.0 / (1.0 + np.exp(-x))
    return result
