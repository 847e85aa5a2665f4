"""From log-odds to points: the map through the policy's pairs, and what a contribution is worth on it."""

from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

import numpy as np

# Below this distance the mean slope is integrated: a difference of points would be lost in rounding.
_NEAR = 1e-4
_NODES, _WEIGHTS = (part.tolist() for part in np.polynomial.legendre.leggauss(8))


@dataclass(frozen=True)
class PointMap:
    """Straight lines between pairs of log-odds (rising) and points (falling).

    Beyond the outer pairs the points go towards 100 and 0 exponentially, with the slope that they had.
    """

    log_odds: tuple[float, ...]
    points: tuple[float, ...]

    @classmethod
    def through(cls, probabilities: tuple[float, ...], cut_offs: tuple[float, ...]) -> "PointMap":
        """Return the map on which a policy's probabilities fall on its cut-offs."""
        return cls(tuple(log(p / (1.0 - p)) for p in probabilities), cut_offs)

    def at(self, z: float) -> float:
        """Return the points of log-odds."""
        first, last = self.points[0], self.points[-1]
        if z < self.log_odds[0]:
            return 100.0 - (100.0 - first) * exp(self._slopes[0] * (self.log_odds[0] - z) / (100.0 - first))
        if z > self.log_odds[-1]:
            return last * exp(self._slopes[-1] * (z - self.log_odds[-1]) / last)
        place = self._piece(z)
        return self.points[place] + self._slopes[place] * (z - self.log_odds[place])

    def slope(self, z: float) -> float:
        """Return the points by which a unit of log-odds moves the map, to the right of a pair."""
        if z < self.log_odds[0]:
            return self._slopes[0] * (100.0 - self.at(z)) / (100.0 - self.points[0])
        if z >= self.log_odds[-1]:
            return self._slopes[-1] * self.at(z) / self.points[-1]
        return self._slopes[self._piece(z)]

    def mean_slope(self, start: float, end: float) -> float:
        """Return the mean slope on the way from one place to another: what a unit of log-odds is worth.

        Contributions are attributed along the straight path (Aumann and Shapley 1974, "Values of non-atomic
        games"): each gets its log-odds times the integral of the slope.
        """
        if abs(end - start) > _NEAR:
            return (self.at(end) - self.at(start)) / (end - start)
        if start == end:
            return self.slope(start)
        low, high = min(start, end), max(start, end)
        stops = [low, *(z for z in self.log_odds if low < z < high), high]
        mean = 0.0
        for a, b in pairwise(stops):
            middle, half = (a + b) / 2, (b - a) / 2
            of_piece = [w / 2 * self.slope(middle + half * x) for x, w in zip(_NODES, _WEIGHTS, strict=True)]
            mean += (b - a) / (high - low) * sum(of_piece)
        return mean

    @property
    def _slopes(self) -> list[float]:
        pairs = pairwise(zip(self.log_odds, self.points, strict=True))
        return [(q - p) / (b - a) for (a, p), (b, q) in pairs]

    def _piece(self, z: float) -> int:
        inner = self.log_odds[1:-1]
        return sum(z >= anchor for anchor in inner)
