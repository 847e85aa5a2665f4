"""Finding the path: the least effort that reaches the next tier under the policy, or the proof that none does.

Effort is counted in steps (`models.next_tier.ladder`), one more for every indicator that is touched. Nothing is
answered that the scorer itself has not decided on.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from features.portfolio import Portfolio
from features.terms import RATED_TIERS, Tier
from models.decision import Decisions, Scorer
from models.next_tier.bounds import Bound, Bounds, Changes, changed
from models.next_tier.effects import Effects
from models.next_tier.gates import Gate, gates, passed
from models.next_tier.margin import ROUNDING, Margin
from models.next_tier.options import Options, ladders, options
from models.next_tier.programme import Choice, Joint, Programme, Search, Variable
from models.tiering import Rule

# Efforts are compared in whole eighths of a step, begun ones counted.
PARTS_OF_A_STEP = 8
# Partial choices that are looked at before any path will do, and how many more whenever one turns out not to;
# complete ones that turn out not to do before the search is given up.
MOST_LOOKED_AT = 5_000
_MORE_TO_LOOK_AT = 200
MOST_REFUSED = 100
# Values between two rungs that are decided on at once.
_AT_ONCE = 31


class Outcome(StrEnum):
    """What there is to say: a path, that there is provably none, that none is needed, or that none was found."""

    PATH = "path"
    IMPOSSIBLE = "impossible"
    AT_THE_TOP = "at_the_top"
    UNDECIDED = "undecided"


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


@dataclass(frozen=True, eq=False)
class Path:
    """The answer for one customer; `before` and `after` are decisions on it alone.

    Attributes:
        outcome: what was found.
        before: the decision on the customer as it is.
        target: the tier to be reached; None at the top.
        steps: in the catalog's order; empty without a path.
        after: the decision on the customer after the steps; None without a path.
        effort: of all steps.
        at_least: the effort that any path takes by the search's count, before numbers are taken back.
        proven: whether the search was not broken off: no path takes less, or there is none.
        obstacles: why there is none; empty otherwise.
        looked_at: how many partial choices the search looked at.
    """

    outcome: Outcome
    before: Decisions
    target: Tier | None
    steps: tuple[Step, ...] = ()
    after: Decisions | None = None
    effort: float = 0.0
    at_least: float = 0.0
    proven: bool = True
    obstacles: tuple[Obstacle, ...] = ()
    looked_at: int = 0


class PathFinder:
    """Finds paths under one scorer; the ladders are made once."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        model = scorer.model
        self._ladders = ladders(scorer.catalog, scorer.policy, model)
        self._effects = (
            None if model is None else Effects(model.tables, model.calibration.slope, scorer.catalog.columns)
        )

    def find(self, portfolio: Portfolio, row: int = 0) -> Path:
        """Return the path of one customer.

        Raises:
            ValueError: the portfolio is encoded by another catalog.
            UnexplainedScore: a score is not the sum of its contributions.
        """
        before = self._scorer.decide(portfolio.take(np.array([row])))
        target = next_tier(before.tiers[0])
        if target is None:
            return Path(Outcome.AT_THE_TOP, before, None)
        movable = options(before.portfolio, 0, self._ladders, self._scorer.policy)
        asked, closed = gates(before, target)
        obstacles = [Obstacle(Rule.VETO, id_) for id_ in self._fixed_vetoes(before.portfolio, movable)]
        obstacles += [Obstacle(Rule.DIMENSION_NOT_APPLICABLE, dimension) for dimension in closed]
        if obstacles or not movable:
            return Path(Outcome.IMPOSSIBLE, before, target, obstacles=tuple(obstacles))
        problem = self.problem(before, target, movable, asked)
        obstacles = problem.shut()
        if obstacles:
            return Path(Outcome.IMPOSSIBLE, before, target, obstacles=tuple(obstacles))
        return self._solved(problem)

    def problem(
        self, before: Decisions, target: Tier, movable: Sequence[Options], asked: Sequence[Gate]
    ) -> "Problem":
        """Return one customer's problem, from its options and what the target asks beside the score."""
        share = self._scorer.model_weight(before.portfolio.natures[0])
        alone, joints = (
            self._effects.of(movable, before.portfolio.values[0])
            if share and self._effects is not None
            else ([np.zeros(len(option.values)) for option in movable], [])
        )
        kept = [
            _kept(option, odds, any(place in joint.variables for joint in joints))
            for place, (option, odds) in enumerate(zip(movable, alone, strict=True))
        ]
        joints = [
            Joint(joint.variables, joint.log_odds[np.ix_(*(kept[v] for v in joint.variables))])
            for joint in joints
        ]
        return Problem(
            scorer=self._scorer,
            before=before,
            target=target,
            asked=[g for g in asked if not passed(g, float(g.reached(before.baseline)[0]), ROUNDING)],
            movable=movable,
            kept=[option.only(places) for option, places in zip(movable, kept, strict=True)],
            log_odds=[odds[places] for odds, places in zip(alone, kept, strict=True)],
            joints=joints,
            share=share,
        )

    def _solved(self, problem: "Problem") -> Path:
        before, target = problem.before, problem.target
        refused: set[Choice] = set()
        bounds = [problem.bounds.at_best()]
        looked_at = 0
        while True:
            search = Search(problem.programme(bounds))
            solution = search.cheapest(refused, max(MOST_LOOKED_AT - looked_at, _MORE_TO_LOOK_AT))
            looked_at += solution.looked_at
            least = solution.at_least / PARTS_OF_A_STEP
            if solution.choice is None and solution.exhausted:
                obstacles = (problem.too_low(search),)
                return Path(Outcome.IMPOSSIBLE, before, target, obstacles=obstacles, looked_at=looked_at)
            if solution.choice is None or len(refused) == MOST_REFUSED:
                return Path(
                    Outcome.UNDECIDED, before, target, at_least=least, proven=False, looked_at=looked_at)
            if problem.reaches([problem.bounds.changes(solution.choice)])[0]:
                break
            if not refused:
                bounds.append(problem.bounds.at_worst())
            bounds.append(problem.bounds.around(solution.choice))
            refused.add(solution.choice)
        found = problem.drawn_in(problem.bounds.changes(solution.choice))
        steps = problem.steps(found)
        return Path(
            outcome=Outcome.PATH,
            before=before,
            target=target,
            steps=steps,
            after=self._scorer.decide(changed(before.portfolio, [found])),
            effort=sum(step.effort for step in steps),
            at_least=least,
            proven=solution.cost == solution.at_least,
            looked_at=looked_at,
        )

    def _fixed_vetoes(self, one: Portfolio, movable: Sequence[Options]) -> list[str]:
        """Return the vetoes in force that nothing the customer can do lifts."""
        liftable = {one.catalog.placed[option.column].id for option in movable if np.any(option.allowed)}
        return [
            veto.id
            for veto in self._scorer.policy.vetoes
            if veto.when.indicator not in liftable and one.meets(veto.when)[0][0]
        ]


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
        log_odds: Sequence[np.ndarray],
        joints: Sequence[Joint],
        share: float,
    ) -> None:
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
            Obstacle(_rule(gate, self.before), gate.dimension, float(reachable), gate.required)
            for gate, reachable in zip(self._asked, self.bounds.best[1:], strict=True)
            if not passed(gate, float(reachable), ROUNDING)
        ]

    def programme(self, bounds: Sequence[Bound]) -> Programme:
        """Return the integer programme under some bounds."""
        of_baseline = 1.0 - self._share
        variables = [
            Variable(
                costs=np.ceil(option.efforts * PARTS_OF_A_STEP - 1e-9).astype(np.int64),
                points=np.stack([of_baseline * bound.added[i][:, 0] for bound in bounds], axis=1),
                log_odds=self._log_odds[i],
                additions=np.concatenate([bound.added[i][:, 1:] for bound in bounds], axis=1),
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
            needs=np.concatenate([required - ROUNDING - bound.start[1:] for bound in bounds]),
        )

    def reaches(self, alternatives: Sequence[Changes]) -> list[bool]:
        """Return which of some changes reach the target, as the scorer decides."""
        decided = self._scorer.decide(changed(self.before.portfolio, alternatives))
        return [at_least(tier, self.target) for tier in decided.tiers]

    def too_low(self, search: Search) -> Obstacle:
        """Return why no choice reaches the score, though every gate can be passed."""
        reachable = search.highest(MOST_LOOKED_AT)
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
            if resolution is None or option.supplies:
                continue
            place = int(np.flatnonzero(option.values == found[column])[0])
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


def next_tier(tier: Tier) -> Tier | None:
    """Return the tier above; None above premium. Of the unrated it is `general`: to be rated a risk is no step up."""
    if tier is Tier.UNRATED:
        return Tier.GENERAL
    place = RATED_TIERS.index(tier)
    return RATED_TIERS[place - 1] if place else None


def at_least(tier: Tier, target: Tier) -> bool:
    """Whether a tier is the target or a better one."""
    return tier is not Tier.UNRATED and RATED_TIERS.index(tier) <= RATED_TIERS.index(target)


def _rule(gate: Gate, decisions: Decisions) -> Rule:
    if gate.dimension is not None:
        return Rule.PREMIUM_FLOOR
    rated = gate.required == decisions.policy.completeness.rated
    return Rule.UNRATED if rated else Rule.COMPLETENESS_FOR_PREMIUM


def _kept(option: Options, log_odds: np.ndarray, joined: bool) -> np.ndarray:
    """Return the places worth choosing from: those allowed that no other is as good as in everything."""
    places = np.flatnonzero(option.allowed)
    if joined:
        return places
    costs = np.ceil(option.efforts[places] * PARTS_OF_A_STEP - 1e-9)
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
    return places[~np.any(beaten, axis=0)]
