"""What a tier asks beside the score: a dimension's points, and how much is known."""

from dataclasses import dataclass

import numpy as np

from features.portfolio import Floats
from features.terms import Tier
from models.baseline import BaselineResult
from models.decision import Decisions


@dataclass(frozen=True)
class Gate:
    """The least points of a dimension, or the least completeness where `dimension` is None."""

    dimension: str | None
    required: float

    def reached(self, baseline: BaselineResult) -> Floats:
        """Return what n customers have of what the gate is about, shape (n,); NaN where nothing is known."""
        return baseline.completeness if self.dimension is None else baseline.dimension_scores[self.dimension]


def gates(decisions: Decisions, target: Tier) -> tuple[list[Gate], list[str]]:
    """Return what a tier asks of one customer, and the dimensions that keep it out whatever is done.

    Args:
        decisions: on the customer alone.
        target: the tier.
    """
    policy, floors = decisions.policy, decisions.policy.premium_floors
    if target is not Tier.PREMIUM:
        return [Gate(None, policy.completeness.rated)], []
    substitutes = floors.substitutes.get(decisions.portfolio.natures[0], {})
    asked: dict[str, float] = {}
    closed = []
    for dimension, floor in floors.floors.items():
        if decisions.baseline.dimension_applies[dimension][0]:
            asked[dimension] = max(floor, asked.get(dimension, 0.0))
        elif dimension in substitutes:
            for subject, points in substitutes[dimension].items():
                asked[subject] = max(points, asked.get(subject, 0.0))
        else:
            closed.append(dimension)
    # A premium customer must be rated too, which never asks for more.
    completeness = Gate(None, policy.completeness.premium)
    return [completeness, *(Gate(dimension, floor) for dimension, floor in asked.items())], closed


def passed(gate: Gate, reached: float, rounding: float) -> bool:
    """Whether what is reached is enough, a little rounding allowed for; of the unknown nothing is."""
    return not np.isnan(reached) and reached >= gate.required - rounding
