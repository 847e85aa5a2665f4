"""One customer's problem: what it can do, what it must reach, and what the scorer says of any try."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.portfolio import Floats
from features.terms import RATED_TIERS, Tier
from models.decision import Decisions, Scorer
from models.next_tier.bounds import Bound, Bounds, Changes, changed
from models.next_tier.gates import Gate, passed
from models.next_tier.margin import ROUNDING, Margin
from models.next_tier.options import Options
from models.next_tier.programme import Integers, Joint, Programme, Search, Variable
from models.tiering import Rule

# Efforts are compared in whole eighths of a step, begun ones counted.
PARTS_OF_A_STEP = 8
# Values between two rungs that are decided on at once.
_AT_ONCE = 31


@dataclass(frozen=True)
class Step:
    """One indicator's change to an encoded value; `supplies` where the fact was missing."""

    column: int
    value: float
    effort: float
    supplies: bool


@dataclass(frozen=True)
class Obstacle:
    """Why no path exists: a rule, what it is about, the best that can be reached and what is required.

    `rule` None: each condition can be met, but no values that may be reached meet all of them.
    """

    rule: Rule | None
    subject: str | None = None
    reachable: float | None = None
    required: float | None = None


class Problem:
    """What one customer can do, and what it must reach."""

    def __init__(
        self,
        scorer: Scorer,
        before: Decisions,
        target: Tier,
        asked: Sequence[Gate],
        movable: Sequence[Options],
        kept: Sequence[Options],
        log_odds: Sequence[Floats],
        joints: Sequence[Joint],
        share: float,
    ) -> None:
        """Take up what is to be considered.

        Args:
            scorer: that decides.
            before: the decision on the customer alone.
            target: the tier to be reached.
            asked: the gates that are not passed yet.
            movable: all options, by which numbers are taken back.
            kept: of the same indicators those worth choosing from.
            log_odds, joints: what the kept ones add to the log-odds.
            share: the model's in the score.
        """
        self.before, self.target = before, target
        self.bounds = Bounds(scorer.baseline, before.portfolio, kept, asked)
        self._scorer, self._asked, self._share = scorer, asked, share
        self._movable = {option.column: option for option in movable}
        self._kept, self._log_odds, self._joints = kept, log_odds, joints
        cut_off = scorer.policy.tiers[target].cut_off
        assert cut_off is not None  # only risk has none, and it is nobody's next
        self._cut_off = cut_off

    def shut(self) -> list[Obstacle]:
        """Return the gates that are not passed at best."""
        return [
            _shut(gate, float(reachable), self.before)
            for gate, reachable in zip(self._asked, self.bounds.best[1:], strict=True)
            if not passed(gate, float(reachable), ROUNDING)
        ]

    def programme(self, bounds: Sequence[Bound]) -> Programme:
        """Return the integer programme under some bounds."""
        of_baseline = 1.0 - self._share
        known = self._made_known()
        variables = [
            Variable(
                costs=_costs(option),
                points=np.stack([of_baseline * bound.added[i][:, 0] for bound in bounds], axis=1),
                log_odds=self._log_odds[i],
                additions=np.concatenate([*(bound.added[i][:, 1:] for bound in bounds), known[i]], axis=1),
            )
            for i, option in enumerate(self._kept)
        ]
        required = np.array([gate.required for gate in self._asked])
        return Programme(
            variables=variables,
            joints=self._joints,
            margin=Margin(
                cut_off=self._cut_off,
                points=tuple(float(of_baseline * bound.start[0]) for bound in bounds),
                share=self._share,
                log_odds=float(self.before.model.log_odds[0]) if self._share else 0.0,
                scale=self._scorer.scale,
            ),
            needs=np.concatenate(
                [*(required - ROUNDING - bound.start[1:] for bound in bounds), np.ones(known[0].shape[1])]
            ),
        )

    def _made_known(self) -> list[Floats]:
        """Return which options make something known of each dimension asked for of which nothing is.

        Shape (m, such dimensions) for each indicator. The unknown passes no floor, whatever its bounds say.
        """
        weighted = self.before.portfolio.catalog.weights(self.before.portfolio.natures[0])
        unknown = [
            gate.dimension
            for gate in self._asked
            if gate.dimension is not None and np.isnan(gate.reached(self.before.baseline)[0])
        ]
        result = []
        for option in self._kept:
            placed = self.before.portfolio.catalog.placed[option.column]
            supplied = option.supplies & ~np.isnan(option.values) & (placed.id in weighted)
            columns = [supplied * (placed.dimension.id == dimension) for dimension in unknown]
            result.append(np.array(columns, dtype=np.float64).reshape(len(unknown), len(option.values)).T)
        return result

    def reaches(self, alternatives: Sequence[Changes]) -> list[bool]:
        """Return which of some changes reach the target, as the scorer decides."""
        decided = self._scorer.decide(changed(self.before.portfolio, alternatives))
        return [at_least(tier, self.target) for tier in decided.tiers]

    def too_low(self, search: Search, most: int) -> Obstacle:
        """Return why no choice reaches the score, though every gate can be passed.

        Args:
            search: that found none.
            most: how many partial choices are looked at for the highest score.
        """
        reachable = search.highest(most)
        if reachable < self._cut_off - ROUNDING:
            return Obstacle(Rule.SCORE, None, reachable, self._cut_off)
        return Obstacle(None)

    def drawn_in(self, found: Changes) -> dict[int, float]:
        """Return the changes with every number taken back as far as the tier is still reached.

        Between two rungs nothing but a straight piece of the curve changes, so this is where it passes the
        cut-off, to the last digit in which the unit is shown.
        """
        result = dict(found)
        for column in sorted(found, key=lambda column: -self._slack(column, found[column])):
            option, resolution = self._movable[column], self._movable[column].ladder.resolution
            place = int(np.flatnonzero(option.values == found[column])[0])
            # What is supplied starts at its least rung; in the middle its rungs are no neighbours.
            fixed = option.supplies and (place == 1 or option.ladder.has_two_sides)
            if resolution is None or fixed:
                continue
            far, near = round(found[column] * resolution), float(option.values[place - 1]) * resolution
            way = 1 if far > near else -1
            # Multiples back from the one at `far`, the last one still beyond `near`.
            low, high = 0, math.ceil(abs(far - near)) - 1
            while low < high:
                tried = np.unique(np.linspace(low + 1, high, _AT_ONCE).astype(np.int64)).tolist()
                enough = self.reaches([{**result, column: (far - way * n) / resolution} for n in tried])
                low = max((n for n, reached in zip(tried, enough, strict=True) if reached), default=low)
                missed = (n for n, reached in zip(tried, enough, strict=True) if not reached and n > low)
                high = min(missed, default=low + 1) - 1
            if low:
                result[column] = (far - way * low) / resolution
        return result

    def steps(self, found: Changes) -> tuple[Step, ...]:
        """Return changes as steps, in the catalog's order."""
        return tuple(
            Step(column, found[column], option.effort_of(found[column]), option.supplies)
            for column, option in self._movable.items()
            if column in found
        )

    def _slack(self, column: int, value: float) -> float:
        """Return how much effort lies between a rung and the one before."""
        option = self._movable[column]
        place = int(np.flatnonzero(option.values == value)[0])
        return float(option.efforts[place] - option.efforts[place - 1])


def standing(before: Decisions, target: Tier, asked: Sequence[Gate]) -> list[Obstacle]:
    """Return what keeps a customer of whom nothing can move from the target."""
    obstacles = []
    for gate in asked:
        reached = float(gate.reached(before.baseline)[0])
        if not passed(gate, reached, ROUNDING):
            obstacles.append(_shut(gate, reached, before))
    score, cut_off = float(before.score[0]), before.policy.tiers[target].cut_off
    if cut_off is not None and score < cut_off - ROUNDING:
        obstacles.append(Obstacle(Rule.SCORE, None, score, cut_off))
    return obstacles


def at_least(tier: Tier, target: Tier) -> bool:
    """Whether a tier is the target or a better one."""
    return tier is not Tier.UNRATED and RATED_TIERS.index(tier) <= RATED_TIERS.index(target)


def worth_choosing(option: Options, log_odds: Floats) -> NDArray[np.intp]:
    """Return the places of allowed options that no other is as good as in everything.

    Args:
        option: of one indicator without joint effects.
        log_odds: what each adds, shape (m,).
    """
    places = np.flatnonzero(option.allowed)
    costs = _costs(option)[places]
    points, odds = option.points[places], log_odds[places]
    known = ~np.isnan(option.values[places])
    as_good = (
        (costs[:, None] <= costs)
        & (points[:, None] >= points)
        & (odds[:, None] <= odds)
        & (known[:, None] >= known)
    )
    # Of two that are alike the first is kept.
    beaten = as_good & ~(as_good.T & (np.arange(len(places))[:, None] >= np.arange(len(places))))
    kept: NDArray[np.intp] = places[~np.any(beaten, axis=0)]
    return kept


def _costs(option: Options) -> Integers:
    return np.ceil(option.efforts * PARTS_OF_A_STEP - 1e-9).astype(np.int64)


def _shut(gate: Gate, reachable: float, decisions: Decisions) -> Obstacle:
    """Return the obstacle of a gate that cannot be passed."""
    rule = Rule.PREMIUM_FLOOR
    if gate.dimension is None:
        rated = gate.required == decisions.policy.completeness.rated
        rule = Rule.UNRATED if rated else Rule.COMPLETENESS_FOR_PREMIUM
    return Obstacle(rule, gate.dimension, None if np.isnan(reachable) else reachable, gate.required)
