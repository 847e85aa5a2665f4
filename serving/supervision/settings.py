"""What oversight is to reach: targets of its figures, and how long a remedy may take."""

from typing import Self

from pydantic import Field, model_validator

from features.terms import Declared
from serving.supervision.words import KPIS


class Target(Declared):
    """What a figure should be, at least or at most, and how many cases it takes to say so.

    Attributes:
        at_least: the least that it should be; or
        at_most: the most that it should be.
        cases: a target of a figure that rests on fewer is neither met nor missed.
    """

    at_least: float | None = None
    at_most: float | None = None
    cases: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give at_least or at_most")
        return self

    def met_by(self, value: float) -> bool:
        """Whether a value is as it should be."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is not None and value <= self.at_most


_TARGETS = {
    "accuracy.auc": Target(at_least=0.7, cases=200),
    "accuracy.ks": Target(at_least=0.3, cases=200),
    "accuracy.calibration": Target(at_most=0.05, cases=200),
    "soundness.inversions": Target(at_most=0, cases=200),
    "soundness.unchanged": Target(at_least=0.7, cases=50),
    "soundness.psi": Target(at_most=0.25, cases=200),
    "soundness.overrides": Target(at_most=0.1, cases=50),
    "soundness.disagreement": Target(at_most=0.1, cases=50),
    "satisfaction.answered": Target(at_least=0.3, cases=30),
    "satisfaction.score": Target(at_least=3.5, cases=30),
    "satisfaction.upheld": Target(at_most=0.2, cases=10),
    "conduct.answers_in_time": Target(at_least=0.9, cases=10),
    "conduct.answers_complete": Target(at_least=0.9, cases=10),
    "conduct.cases_in_time": Target(at_least=0.9, cases=10),
    "state.reviews_overdue": Target(at_most=0.05),
    "inspection.inspected": Target(at_least=0.9),
    "inspection.finding_rate": Target(at_most=0.05, cases=30),
    "inspection.remedies_overdue": Target(at_most=0),
}


class Supervision(Declared):
    """How oversight is done.

    Attributes:
        targets: of figures by their ids; those that are not named here have none.
        remedy_days: within which a finding is remedied, unless the inspector gives another day.
    """

    targets: dict[str, Target] = _TARGETS
    remedy_days: int = Field(default=30, ge=1, le=366)

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = sorted(set(self.targets) - set(KPIS))
        if unknown:
            raise ValueError(f"targets: there is no figure {unknown[0]}; give any of {', '.join(KPIS)}")
        return self
