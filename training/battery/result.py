"""The answer of one check: a figure, what is tolerated, a verdict. It tells of aggregates only."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite

from features.terms import Text
from models.disclosure import MINIMUM_AGGREGATE
from training.battery import words


class Verdict(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ENOUGH_DATA = "not_enough_data"


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, both included; infinite where there is no bound."""

    low: float = -inf
    high: float = inf

    def holds(self, value: float) -> bool:
        """Whether a value lies within."""
        return self.low <= value <= self.high

    def covers(self, other: "Range") -> bool:
        """Whether all of another range lies within."""
        return self.low <= other.low and other.high <= self.high

    def meets(self, other: "Range") -> bool:
        """Whether some of another range lies within."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class Part:
    """A figure beneath a check's own, such as one tier's; of n customers, None where it rests on none."""

    name: Text
    value: float
    n: int | None
    interval: Range | None = None


@dataclass(frozen=True)
class Result:
    """What a check found on n customers (None where it rests on no customer).

    `value` and `interval` are None where nothing can be said, and `reason` says why; `threshold` is what is
    tolerated, of the value or of its interval as the check says. `family` names the check without what it is
    about, where it is asked of several things.
    """

    id: str
    name: Text
    verdict: Verdict
    source: str
    n: int | None = None
    value: float | None = None
    interval: Range | None = None
    threshold: Range | None = None
    p_value: float | None = None
    parts: tuple[Part, ...] = ()
    reason: Text | None = None
    family: Text | None = None


@dataclass(frozen=True)
class Check:
    """A check before it is answered: its id, name and family, and where its method is from."""

    id: str
    name: Text
    source: str
    family: Text | None = None

    def about(self, id_: str, *subjects: Text) -> "Check":
        """Return the same check of one thing of several."""
        name = words.about(self.name, *subjects)
        return Check(f"{self.id}.{id_}", name, self.source, self.family or self.name)

    def answer(
        self,
        value: float,
        n: int | None,
        *,
        passed: bool,
        threshold: Range | None = None,
        interval: Range | None = None,
        p_value: float | None = None,
        parts: Iterable[Part] = (),
    ) -> Result:
        """Return the result.

        Fewer than `MINIMUM_AGGREGATE` customers are not told of, nor are parts of so few.
        """
        if n is not None and n < MINIMUM_AGGREGATE:
            return self.no_answer(words.TOO_FEW_CUSTOMERS)
        if not isfinite(value):
            return self.no_answer(words.UNDEFINED, n)
        return Result(
            self.id,
            self.name,
            Verdict.PASSED if passed else Verdict.FAILED,
            self.source,
            n,
            float(value),
            interval,
            threshold,
            p_value,
            tuple(part for part in parts if part.n is None or part.n >= MINIMUM_AGGREGATE),
            family=self.family,
        )

    def no_answer(self, reason: Text, n: int | None = None) -> Result:
        """Return that there is not enough data, and why."""
        if n is not None and n < MINIMUM_AGGREGATE:
            n = None
        verdict = Verdict.NOT_ENOUGH_DATA
        return Result(self.id, self.name, verdict, self.source, n, reason=reason, family=self.family)
