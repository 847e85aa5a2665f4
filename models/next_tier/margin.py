"""What baseline and model together must reach: a cut-off on the blend, and straight lines that bound it.

The score is points + share × S(log-odds) with a falling, curved S. A search by additions needs lines: for any
slope, points − slope × log-odds is at least the least value that it takes where the cut-off is just reached.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.portfolio import Floats
from models.scale import Scale

# Scores are compared rounded to six decimals: half of the last one less is enough. A little more is allowed
# for, since whatever keeps these bounds is decided on by the scorer itself.
ROUNDING = 1e-6


class Line(NamedTuple):
    """Whatever reaches the cut-off has points of that bound − slope × log-odds >= need, in what is added."""

    bound: int
    slope: float
    need: float


@dataclass(frozen=True)
class Margin:
    """The score, points + share × S(log-odds), must reach the cut-off.

    The points are known by bounds, of which the least counts: `points` holds what each starts from.
    """

    cut_off: float
    points: tuple[float, ...]
    share: float
    log_odds: float
    scale: Scale

    def score(self, points: Floats, log_odds: Floats) -> Floats:
        """Return the most that the score can be.

        Args:
            points: what is added to each bound, shape (..., bounds).
            log_odds: what is added to the log-odds, shape (...).
        """
        of_points: Floats = np.min(points + np.array(self.points), axis=-1)
        if not self.share:
            return of_points
        return of_points + self.share * self.scale.to_points(self.log_odds + log_odds)

    def reaches(self, points: Floats, log_odds: Floats) -> NDArray[np.bool_]:
        """Return whether the cut-off can be reached; arguments as of `score`."""
        reached: NDArray[np.bool_] = self.score(points, log_odds) >= self.cut_off - ROUNDING
        return reached

    def lines(self, lowest: float, highest: float, most_points: Floats) -> list[Line]:
        """Return lines that bound what reaches the cut-off.

        Args:
            lowest, highest: bounds of what is added to the log-odds.
            most_points: the most that is added to the points of each bound, shape (bounds,).
        """
        missing = self.cut_off - ROUNDING - np.array(self.points)
        if not self.share:
            return [Line(bound, 0.0, float(need)) for bound, need in enumerate(missing)]
        # Where even the most points do not make up for the log-odds, the cut-off is not reached.
        least = np.max(missing - most_points) / self.share
        last = float(self.scale.to_log_odds(np.array([least]))[0]) - self.log_odds
        high = max(lowest, min(highest, last))
        ends = np.array([lowest, min(max(0.0, lowest), high), high])
        slopes = set((-self.scale.slope(self.log_odds + ends)).tolist())
        if high > lowest:
            points = self.scale.to_points(self.log_odds + ends)
            slopes.add(float((points[0] - points[-1]) / (high - lowest)))
        return [
            Line(bound, self.share * slope, float(need - self.share * self._highest(slope, lowest, high)))
            for bound, need in enumerate(missing)
            for slope in sorted(slopes)
        ]

    def _highest(self, slope: float, low: float, high: float) -> float:
        """Return the most that S(log-odds) + slope × added log-odds comes to between two added log-odds."""
        z, anchors = np.array(self.scale.log_odds), self.scale.points
        # Straight between anchors, convex beyond the last; concave before the first, where it may turn.
        steepest = (anchors[0] - anchors[1]) / (z[1] - z[0])
        turn = z[0]
        if 0.0 < slope < steepest:
            turn = z[0] + np.log(slope / steepest) * (100.0 - anchors[0]) / steepest
        at = np.clip(np.array([*(z - self.log_odds), turn - self.log_odds, low, high]), low, high)
        return float(np.max(self.scale.to_points(self.log_odds + at) + slope * at))
