"""The scale: a strictly falling, bounded map from the log-odds of the adverse outcome to points.

Anchored so that the policy's tier probabilities fall on its cut-offs: linear between the anchors; beyond
the outer ones an exponential approach to 100 and 0 that continues with the same slope. Nothing is clipped.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from features.portfolio import Floats
from models.policy import Policy

# Points below which the difference between a score and its base is too small for a chord.
CLOSE = 1e-10


@dataclass(frozen=True)
class Scale:
    """Anchors: `log_odds` rising, `points` falling, the same number of each, at least two."""

    log_odds: tuple[float, ...]
    points: tuple[float, ...]

    @classmethod
    def from_policy(cls, policy: Policy) -> "Scale":
        """Anchor the scale at the policy's tier probabilities and cut-offs."""
        return cls(tuple(float(logit(p)) for p in policy.tier_probabilities), policy.cut_offs)

    def to_points(self, log_odds: Floats) -> Floats:
        """Return points (0–100, higher is better) for log-odds, shape (n,)."""
        z, points = np.array(self.log_odds), np.array(self.points)
        upper, lower = points[0], points[-1]
        slopes = np.diff(points) / np.diff(z)
        # Far enough out they are infinite, and the exponentials 0.
        with np.errstate(over="ignore"):
            beyond_upper = np.minimum(log_odds - z[0], 0.0) * -slopes[0] / (100.0 - upper)
            beyond_lower = np.maximum(log_odds - z[-1], 0.0) * slopes[-1] / lower
        inside = np.interp(log_odds, z, points)
        upwards = np.where(log_odds < z[0], 100.0 - (100.0 - upper) * np.exp(beyond_upper), inside)
        result: Floats = np.where(log_odds > z[-1], lower * np.exp(beyond_lower), upwards)
        return result

    def to_log_odds(self, points: Floats) -> Floats:
        """Return the log-odds that points stand for, the inverse of `to_points`; shape (n,).

        Infinite for what no log-odds reach: 100 and more, 0 and less.
        """
        z, anchors = np.array(self.log_odds), np.array(self.points)
        upper, lower = anchors[0], anchors[-1]
        slopes = np.diff(anchors) / np.diff(z)
        inside = np.interp(-points, -anchors, z)
        with np.errstate(divide="ignore"):
            above = np.log(np.maximum(100.0 - points, 0.0) / (100.0 - upper)) * (100.0 - upper) / -slopes[0]
            below = np.log(np.maximum(points, 0.0) / lower) * lower / slopes[-1]
        result: Floats = np.where(
            points > upper, z[0] + above, np.where(points < lower, z[-1] + below, inside)
        )
        return result

    def slope(self, log_odds: Floats) -> Floats:
        """Return the map's derivative in points per unit of log-odds, shape (n,); right-hand at anchors."""
        z, points = np.array(self.log_odds), np.array(self.points)
        slopes = np.diff(points) / np.diff(z)
        position = np.searchsorted(z, log_odds, side="right")
        inside = slopes[np.clip(position - 1, 0, len(slopes) - 1)]
        gap = np.where(position == 0, (100.0 - self.to_points(log_odds)) / (100.0 - points[0]), 1.0)
        gap = np.where(position == len(z), self.to_points(log_odds) / points[-1], gap)
        result: Floats = inside * gap
        return result

    def rescaling(self, log_odds: Floats, base: Floats) -> Floats:
        """Return the factor that turns contributions in log-odds from `base` into points, shape (n,).

        It is the slope of the chord from the base to the score (the Aumann–Shapley path of a monotone
        link), hence always negative: signs and order survive. Where the two are so close that the
        chord is lost in rounding, it is the map's own slope there, which at an anchor is that of one side
        only: "close" is so small that no policy's slopes could shift the sum by more than CLOSE points.
        """
        difference = log_odds - base
        steepest = np.max(np.abs(np.diff(self.points) / np.diff(self.log_odds)))
        close = np.abs(difference) * steepest < CLOSE
        safe = np.where(close, 1.0, difference)
        chord = (self.to_points(log_odds) - self.to_points(base)) / safe
        return np.where(close, self.slope(base), chord)
