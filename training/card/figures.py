"""Figures with their sources: everything that a card shows can be read back from the run.

A source is a metric or a parameter of the run, a place in one of its documents (a JSON pointer, RFC 6901, and
the document's SHA-256), a setting of the program, or derived from such by one of a few rules.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.metadata import version as installed_version
from typing import Any

import numpy as np
from scipy.special import expit

from features.terms import Tier
from models.scale import Scale
from training.battery.limits import Limits
from training.card.recorded import BATTERY, POINTS, Recorded
from training.monitoring.limits import MonitoringLimits

Value = float | int | str | bool


@dataclass(frozen=True)
class Metric:
    """A metric of a run; of what is measured by year, the one at that year (MLflow's step)."""

    run: str
    name: str
    year: int | None = None

    def described(self) -> dict[str, Any]:
        """Return the source as the list of figures has it, whose head names run and hashes."""
        return {"metric": self.name} | ({} if self.year is None else {"year": self.year})

    def __str__(self) -> str:
        return f"run {self.run}, metric {self.name}" + ("" if self.year is None else f" at {self.year}")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a run."""

    run: str
    name: str

    def described(self) -> dict[str, Any]:
        """Return the source as the list of figures has it, whose head names run and hashes."""
        return {"parameter": self.name}

    def __str__(self) -> str:
        return f"run {self.run}, parameter {self.name}"


@dataclass(frozen=True)
class Place:
    """A place in a document of a run: the document's path and SHA-256, and a JSON pointer."""

    run: str
    path: str
    sha256: str
    pointer: str

    def described(self) -> dict[str, Any]:
        """Return the source as the list of figures has it, whose head names run and hashes."""
        return {"document": self.path, "place": self.pointer}

    def __str__(self) -> str:
        return f"run {self.run}, {self.path} ({self.sha256[:12]}), {self.pointer}"


@dataclass(frozen=True)
class Setting:
    """A default of the program, where no document of the run says it: a class, its field, the version."""

    owner: str
    name: str

    def described(self) -> dict[str, Any]:
        """Return the source as the list of figures has it, whose head names run and hashes."""
        return {"setting": f"{self.owner}.{self.name}", "tierwise": installed_version("tierwise")}

    def __str__(self) -> str:
        return f"default {self.owner}.{self.name}"


class Rule(StrEnum):
    """How a figure follows from others.

    `share` multiplies weights as shares of 100, `probability` is 1 / (1 + exp(−x)), `points` and `slope` are
    the scale's points of a log-odds and its points for each unit of log-odds there, `passed` counts verdicts.
    """

    NEGATIVE = "negative"
    SUM = "sum"
    PRODUCT = "product"
    RATIO = "ratio"
    SHARE = "share"
    PROBABILITY = "probability"
    POINTS = "points"
    SLOPE = "slope"
    PASSED = "passed"
    COUNT = "count"


@dataclass(frozen=True)
class Derived:
    """A rule and what it is applied to, in its order."""

    rule: Rule
    of: tuple["Source", ...]

    def described(self) -> dict[str, Any]:
        """Return the source as the list of figures has it, whose head names run and hashes."""
        return {"rule": str(self.rule), "of": [source.described() for source in self.of]}

    def __str__(self) -> str:
        first = f"{self.rule} of {self.of[0]}"
        return first if len(self.of) == 1 else f"{first} and {len(self.of) - 1} more"


Source = Metric | Parameter | Place | Setting | Derived


@dataclass(frozen=True)
class Figure:
    """A value and where it is from."""

    value: Value
    source: Source

    @property
    def number(self) -> float:
        """The value as a number."""
        return float(self.value)


def negative(figure: Figure) -> Figure:
    """Return the other side of 0."""
    return Figure(-figure.number, Derived(Rule.NEGATIVE, (figure.source,)))


def total(figures: Iterable[Figure]) -> Figure:
    """Return the sum, exactly rounded, so that the order does not matter."""
    parts = tuple(figures)
    value = math.fsum(part.number for part in parts)
    return Figure(value, Derived(Rule.SUM, _sources(parts)))


def product(*parts: Figure) -> Figure:
    """Return the product."""
    return Figure(math.prod(part.number for part in parts), Derived(Rule.PRODUCT, _sources(parts)))


def ratio(part: Figure, whole: Figure) -> Figure:
    """Return a share."""
    return Figure(part.number / whole.number, Derived(Rule.RATIO, _sources((part, whole))))


def share(*weights: Figure) -> Figure:
    """Return the share that weights, each of 100, give together."""
    value = math.prod(weight.number / 100.0 for weight in weights)
    return Figure(value, Derived(Rule.SHARE, _sources(weights)))


def probability(log_odds: Figure) -> Figure:
    """Return the probability of log-odds."""
    return Figure(float(expit(log_odds.number)), Derived(Rule.PROBABILITY, (log_odds.source,)))


def passed(verdicts: Iterable[Figure]) -> Figure:
    """Return how many checks passed."""
    found = tuple(verdicts)
    value = sum(verdict.value == "passed" for verdict in found)
    return Figure(value, Derived(Rule.PASSED, _sources(found)))


def count(of: Iterable[Figure]) -> Figure:
    """Return how many there are."""
    found = tuple(of)
    return Figure(len(found), Derived(Rule.COUNT, _sources(found)))


def _sources(figures: Iterable[Figure]) -> tuple[Source, ...]:
    return tuple(figure.source for figure in figures)


class Reader:
    """Reads figures from one recorded version; what is not there is None."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self._read = cache(lambda name: json.loads(recorded.documents[name].content))

    def metric(self, name: str, year: int | None = None) -> Figure | None:
        """Return a metric of the run, such as `walk_forward/model/auc`, or one year's."""
        recorded = self.recorded
        found = recorded.metrics.get(name) if year is None else recorded.by_year.get(name, {}).get(year)
        return None if found is None else Figure(_whole(found), Metric(recorded.run_id, name, year))

    def years(self, name: str) -> list[int]:
        """Return the years of which a metric is known, rising."""
        return sorted(self.recorded.by_year.get(name, {}))

    def parameter(self, name: str) -> Figure | None:
        """Return a parameter of the run, which MLflow keeps as text."""
        found = self.recorded.parameters.get(name)
        return None if found is None else Figure(found, Parameter(self.recorded.run_id, name))

    def document(self, name: str) -> Any:
        """Return a document as JSON; None where the run has none of that name."""
        return self._read(name) if name in self.recorded.documents else None

    def at(self, name: str, *steps: str | int) -> Figure | None:
        """Return what stands at a place in a document; None where nothing does, or null.

        Raises:
            TypeError: it is an object or an array, which is no figure.
        """
        found = self.document(name)
        for step in steps:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        if found is None:
            return None
        if isinstance(found, dict | list):
            raise TypeError(f"{name}: {pointer(steps)} is no figure")
        return Figure(found, self.place(name, *steps))

    def place(self, name: str, *steps: str | int) -> Place:
        """Return the source that a place in a document is."""
        kept = self.recorded.documents[name]
        return Place(self.recorded.run_id, kept.path, kept.sha256, pointer(steps))

    def need(self, name: str, *steps: str | int) -> Figure:
        """Return what stands at a place that every such document has.

        Raises:
            KeyError: nothing stands there.
        """
        found = self.at(name, *steps)
        if found is None:
            raise KeyError(f"{name}: {pointer(steps)}")
        return found

    def limit(self, name: str) -> Figure:
        """Return what monitoring tolerates by default."""
        owner = f"{MonitoringLimits.__module__}.{MonitoringLimits.__name__}"
        return Figure(getattr(MonitoringLimits(), name), Setting(owner, name))

    def favourable(self) -> tuple[Tier, ...]:
        """Return the tiers that the battery takes as favourable."""
        judged = self.document(BATTERY)
        return Limits().favourable if judged is None else tuple(map(Tier, judged["limits"]["favourable"]))

    def points(self, log_odds: Figure) -> Figure:
        """Return the points of log-odds by the model's scale."""
        return self._by_scale(Rule.POINTS, log_odds)

    def points_per_log_odds(self, log_odds: Figure) -> Figure:
        """Return what a unit of log-odds is worth in points there (negative)."""
        return self._by_scale(Rule.SLOPE, log_odds)

    def _by_scale(self, rule: Rule, log_odds: Figure) -> Figure:
        scale = self.document(POINTS)["content"]["scale"]
        anchors = Scale(tuple(scale["log_odds"]), tuple(scale["points"]))
        convert = anchors.to_points if rule is Rule.POINTS else anchors.slope
        value = float(convert(np.array([log_odds.number]))[0])
        return Figure(value, Derived(rule, (log_odds.source, self.place(POINTS, "content", "scale"))))


def pointer(steps: Iterable[str | int]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _whole(value: float) -> float | int:
    """Return a count as a whole number; MLflow keeps all metrics as floats."""
    return int(value) if value.is_integer() and abs(value) < 1e15 else value
