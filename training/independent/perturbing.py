"""Direct perturbation: if the fact that a reason names were another, would the score move as the reason says?

The answer is of the scorer itself, asked again. A Shapley value is a mean over what else might be known, a
perturbation one step from what is: they may differ in sign where indicators act together, and with `missing`
where what is missing is itself bad news. So it is reported, and fails nothing.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, mode
from typing import Any

from training.independent.asking import Ask, answers_to
from training.independent.declared import Json
from training.independent.sentences import MOST_NAMED, NOT_NAMED

# Fewer customers would be told of one by one. The product's own number is `models.disclosure`'s, which this
# package does not import.
FEWEST = 20


@dataclass(frozen=True)
class Perturbed:
    """Of so many reasons whose fact was changed, in how many the score moved as they say, or not at all."""

    change: str
    asked: int
    agreeing: int
    unmoved: int

    @property
    def share(self) -> float:
        """The share of the reasons whose sign agrees."""
        return self.agreeing / self.asked


def perturbed(ask: Ask, customers: Sequence[Json], answers: Sequence[Json]) -> list[Perturbed]:
    """Return how reasons bear two changes: the fact goes missing, or becomes what is usual.

    Usual is the median, or the commonest, of the customers of one nature.

    Args:
        ask: the scorer.
        customers: raw ones; nothing is told of fewer than `FEWEST`.
        answers: those served, in the same order.
    """
    if len(customers) < FEWEST:
        return []
    usual = _usual(customers)
    found = []
    for change in ("missing", "usual"):
        changed, effects = [], []
        for raw, answer in zip(customers, answers, strict=True):
            for line in _named(answer):
                id_ = line["indicator"]
                value = None if change == "missing" else usual[raw["nature"], id_]
                if value == raw["indicators"].get(id_):
                    continue
                changed.append({**raw, "indicators": {**raw["indicators"], id_: value}})
                effects.append((line["points"], answer["score"]))
        moved = answers_to(ask, changed, "en", explain=False)
        moves = [
            (points, score - other["score"]) for (points, score), other in zip(effects, moved, strict=True)
        ]
        if moves:
            agreeing = sum(points * move > 0 for points, move in moves)
            found.append(Perturbed(change, len(moves), agreeing, sum(move == 0 for _, move in moves)))
    return found


def _named(answer: Json) -> list[Json]:
    """Return the lines of known facts that reasons name."""
    ranked = sorted(answer["contributions"], key=lambda line: -abs(line["points"]))[:MOST_NAMED]
    return [
        line for line in ranked if abs(line["points"]) > NOT_NAMED and line["status"] in ("known", "unseen")
    ]


def _usual(customers: Sequence[Json]) -> dict[tuple[str, str], Any]:
    """Return the median or the commonest value of each indicator among customers of each nature."""
    given: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for raw in customers:
        for id_, value in raw["indicators"].items():
            if value is not None:
                given[raw["nature"], id_].append(value)
    return {
        key: mode(values) if isinstance(values[0], bool | str) else median(values)
        for key, values in given.items()
    }
