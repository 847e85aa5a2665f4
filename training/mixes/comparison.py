"""Later customers against those of a training: of rows, or of the mixes that were recorded of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.portfolio import Floats
from training.mixes.mix import Mix
from training.mixes.stability_index import joined_counts, psi_by_chance, psi_of_counts


@dataclass(frozen=True)
class RecordedMixes:
    """The mixes of a model's training customers as they were recorded with it.

    Attributes:
        sha256: of the document that holds them (hex).
        customers: how many there were.
        score: of the composite score.
        tiers: of the tiers, by their places among all tiers.
        indicators: of each indicator that the model or the baseline uses, by id.
    """

    sha256: str
    customers: int
    score: Mix
    tiers: Mix
    indicators: Mapping[str, Mix]


@dataclass(frozen=True)
class Distance:
    """A population stability index, and the highest that is tolerated."""

    value: float
    highest: float

    @property
    def tolerated(self) -> bool:
        """Whether it is."""
        return self.value <= self.highest


def distance(before: Floats, now: Floats, *, material: float, alpha: float) -> Distance:
    """Return how far two samples lie apart.

    Tolerated is the larger of what does not matter and of what two samples of one population of these sizes
    exceed in a share alpha of cases.

    Args:
        before: the one's counts by bin, shape (bins,).
        now: the other's by the same bins.
        material: an index that does not matter.
        alpha: the share of false alarms.
    """
    if len(before) < 2:
        # All customers in one bin, as of an indicator that nobody has: nothing can have moved.
        return Distance(0.0, material)
    chance = psi_by_chance(len(before), int(np.sum(before)), int(np.sum(now)), alpha)
    return Distance(psi_of_counts(before, now), max(material, chance))


def distance_to(
    mix: Mix,
    values: Floats,
    levels: tuple[str, ...] = (),
    *,
    expected: float,
    material: float,
    alpha: float,
) -> Distance:
    """Return how far customers lie from a recorded mix, counted by its own cells.

    Args:
        mix: of the training customers.
        values: of n others, shape (n,), as `Mix.count` takes them.
        levels: what the values stand for, where they are levels.
        expected: customers that a bin is expected to hold; cells of fewer are joined.
        material: an index that does not matter.
        alpha: the share of false alarms.
    """
    counts = mix.counts.astype(np.float64), mix.count(values, levels).astype(np.float64)
    return distance(*joined_counts(*counts, expected), material=material, alpha=alpha)
