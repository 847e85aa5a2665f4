"""How many tiers were wrong, told when all outcomes of a year are known.

A tier is wrong where the same policy, with the same baseline, gates and vetoes, would have given another one
had the model's probabilities been those that the year's own outcomes bear out: a logistic regression of the
outcomes on what the models compared say. All of them are held against the same probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from features.portfolio import Bools, Floats
from features.terms import RATED_TIERS, Tier
from models.decision import Decisions, Scorer
from models.tiering import assign_tiers

_RANKS = {tier: rank for rank, tier in enumerate((*RATED_TIERS, Tier.UNRATED))}
_SEED = 20260101


@dataclass(frozen=True)
class Wrong:
    """Shares of n customers: whose tier was wrong, too good or too strict, and wrong by two tiers or more.

    `by_chance` is how many tiers two halves of the outcomes, each used alone, disagree on: what is below it
    cannot be told from noise.
    """

    n: int
    wrong: float
    too_good: float
    too_strict: float
    by_two: float
    by_chance: float


@dataclass(frozen=True, eq=False)
class Hindsight:
    """The log-odds of n customers that a year's own outcomes bear out: by all of them, and by either half."""

    by_all: Floats
    by_halves: tuple[Floats, Floats]

    @classmethod
    def of(cls, log_odds: Sequence[Floats], bad: Bools) -> "Hindsight":
        """Fit the outcomes on what models say.

        Args:
            log_odds: each model's, shape (n,).
            bad: shape (n,), both outcomes in either half.
        """
        columns = np.column_stack(list(log_odds))
        half = np.random.default_rng(_SEED).permutation(len(bad)) < len(bad) // 2
        first, second = (_fitted(columns, bad, rows) for rows in (half, ~half))
        return cls(_fitted(columns, bad, np.ones(len(bad), dtype=np.bool_)), (first, second))

    def wrong(self, scorer: Scorer, decisions: Decisions) -> Wrong:
        """Say how many of a scorer's tiers, of the same n customers, were wrong."""
        given = _ranks(decisions.tiers)
        right = _ranks(right_tiers(scorer, decisions, self.by_all))
        halves = [_ranks(right_tiers(scorer, decisions, half)) for half in self.by_halves]
        return Wrong(
            n=len(given),
            wrong=float(np.mean(given != right)),
            too_good=float(np.mean(given < right)),
            too_strict=float(np.mean(given > right)),
            by_two=float(np.mean(np.abs(given - right) >= 2)),
            by_chance=float(np.mean(halves[0] != halves[1])),
        )


def right_tiers(scorer: Scorer, decisions: Decisions, log_odds: Floats) -> NDArray[np.object_]:
    """Return the tiers that a scorer would have given with other log-odds for its model's, shape (n,)."""
    natures = decisions.portfolio.natures
    share = np.array([scorer.model_weight(nature) for nature in natures], dtype=np.float64)
    blended = (1.0 - share) * decisions.baseline.score + share * scorer.scale.to_points(log_odds)
    score = np.where(share > 0, blended, decisions.baseline.score)
    return assign_tiers(score, decisions.baseline, decisions.portfolio, scorer.policy)[0]


def _ranks(tiers: NDArray[np.object_]) -> NDArray[np.int64]:
    return np.array([_RANKS[tier] for tier in tiers], dtype=np.int64)


def _fitted(columns: Floats, bad: Bools, rows: Bools) -> Floats:
    """Return the log-odds of all by a regression, without penalty, on some."""
    fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(columns[rows], bad[rows])
    log_odds: Floats = fitted.decision_function(columns)
    return log_odds
