"""Bounds of the baseline that options add up to, though the baseline itself is not additive.

Options only ever go towards more points, or supply what is missing with at least the missing points. Along
such moves baseline, dimensions and completeness never fall, and each move adds the less the more others were
made (`models.baseline`: weighted means with a minimum over them, which is concave, while a fact supplied
leaves the others a smaller weight): they are submodular. So around any choice y, as in Nemhauser and Wolsey
(1981, "Maximizing submodular set functions"),

    f(x) <= f(y) + Σ over the moves beyond y of what each adds to y alone
                 − Σ over those short of y of what each takes from the best choice alone,

with equality at y itself. Where nothing is missing the baseline is a plain mean, equal to each bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.catalog import Kind
from features.portfolio import Floats, Portfolio
from models.baseline import Baseline
from models.next_tier.gates import Gate
from models.next_tier.options import Options
from models.next_tier.programme import Choice

Changes = Mapping[int, float]


@dataclass(frozen=True, eq=False)
class Bound:
    """`start` (sums,) plus, for each indicator, one row of `added` (m, sums); sums are baseline and gates."""

    start: Floats
    added: tuple[Floats, ...]


class Bounds:
    """The bounds of one customer's options, each indicator's sorted from the worst to the best."""

    def __init__(
        self, baseline: Baseline, one: Portfolio, options: Sequence[Options], gates: Sequence[Gate]
    ) -> None:
        self._baseline, self._one, self._options, self._gates = baseline, one, options, gates
        self._best = tuple(len(option.values) - 1 for option in options)
        alternatives = [
            (*self._best[:i], place, *self._best[i + 1 :])
            for i, best in enumerate(self._best)
            for place in range(best)
        ]
        best, *others = self._sums([self._best, *alternatives])
        # NaN where nothing is known of a dimension and nothing that may be supplied would change that.
        self.best: Floats = best
        best, others = self._counted(best), [self._counted(other) for other in others]
        # What each option takes from the best choice, shape (m, sums).
        self._taken = []
        for of_one in self._best:
            here, others = others[:of_one], others[of_one:]
            self._taken.append(np.array([best - other for other in here] + [np.zeros(len(best))]))

    def at_best(self) -> Bound:
        """Return the bound around the best choice."""
        return Bound(self._counted(self.best), tuple(-taken for taken in self._taken))

    def at_worst(self) -> Bound:
        """Return the bound around the choice of the first options."""
        return self.around((0,) * len(self._options))

    def around(self, choice: Choice) -> Bound:
        """Return the bound around a choice."""
        alternatives = [
            (*choice[:i], place, *choice[i + 1 :])
            for i, (at, best) in enumerate(zip(choice, self._best, strict=True))
            for place in range(at + 1, best + 1)
        ]
        start, *others = map(self._counted, self._sums([choice, *alternatives]))
        added = []
        for at, best, taken in zip(choice, self._best, self._taken, strict=True):
            here, others = others[: best - at], others[best - at :]
            beyond = np.array(here).reshape(-1, len(start)) - start
            added.append(np.concatenate([taken[at] - taken[:at], np.zeros((1, len(start))), beyond]))
        return Bound(start, tuple(added))

    def changes(self, choice: Choice) -> dict[int, float]:
        """Return what a choice changes, encoded, by column."""
        return {
            option.column: float(option.values[place])
            for option, place in zip(self._options, choice, strict=True)
            if option.efforts[place] > 0.0
        }

    def _sums(self, choices: Sequence[Choice]) -> list[Floats]:
        """Return baseline and gates of some choices, each (sums,); NaN where nothing is known."""
        evaluated = self._baseline.evaluate(changed(self._one, [self.changes(choice) for choice in choices]))
        sums = [evaluated.score, *(gate.reached(evaluated) for gate in self._gates)]
        return list(np.stack(sums, axis=1))

    def _counted(self, sums: Floats) -> Floats:
        """Return sums with the missing points for what is not known."""
        return np.nan_to_num(sums, nan=self._baseline.missing_points)


def changed(one: Portfolio, alternatives: Sequence[Changes]) -> Portfolio:
    """Return the one customer of a portfolio once for each alternative, with those columns changed."""
    copies = one.take(np.zeros(len(alternatives), dtype=np.intp))
    given = copies.given.copy()
    levels = {id_: texts.copy() for id_, texts in copies.levels.items()}
    for row, changes in enumerate(alternatives):
        for column, value in changes.items():
            given[row, column] = value
            indicator = one.catalog.placed[column].indicator
            if indicator.kind is Kind.CATEGORY:
                levels[indicator.id][row] = list(indicator.level_codes)[int(value)]
    return replace(copies, given=given, levels=levels)
