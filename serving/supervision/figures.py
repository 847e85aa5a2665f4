"""A figure of oversight, what it rests on, and whether it is what it should be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from serving.supervision.settings import Target
from serving.supervision.words import KPIS, Declaration

LEAST_OF_A_CLASS = 20
"""So many bad and so many good cases it takes to say whether they are told apart well enough."""


class Verdict(StrEnum):
    """What a target says of a figure: nothing where there is none, or too few cases carry the figure."""

    MET = "met"
    MISSED = "missed"
    NOT_ENOUGH = "not_enough"
    NO_TARGET = "no_target"


@dataclass(frozen=True)
class Figure:
    """A value, None where nothing gives one, and the number of cases that it rests on.

    `low` and `high` are the two-sided 95 % interval of an estimate; `expected` is what it is compared with.
    `rarer` is how many cases the rarer of two classes has, where the figure tells them apart.
    """

    value: float | None
    cases: int
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    rarer: int | None = None


@dataclass(frozen=True)
class Measured:
    """A figure with its parts, in the order in which they are shown."""

    whole: Figure
    parts: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Kpi:
    """A figure under its name, with its target."""

    id: str
    measured: Measured
    target: Target | None

    @property
    def declared(self) -> Declaration:
        """Its name, definition and unit."""
        return KPIS[self.id]

    @property
    def group(self) -> str:
        """What it belongs to, such as accuracy."""
        return self.id.partition(".")[0]

    @property
    def verdict(self) -> Verdict:
        """Whether it is what it should be."""
        whole = self.measured.whole
        if self.target is None:
            return Verdict.NO_TARGET
        if whole.value is None or whole.cases < self.target.cases:
            return Verdict.NOT_ENOUGH
        if whole.rarer is not None and whole.rarer < LEAST_OF_A_CLASS:
            return Verdict.NOT_ENOUGH
        return Verdict.MET if self.target.met_by(whole.value) else Verdict.MISSED


def share(count: int, cases: int) -> Figure:
    """Return a share that was counted and not estimated."""
    return Figure(count / cases if cases else None, cases)
