"""Finding the path: the least effort that reaches the next tier under the policy, or proof that none does.

Effort is counted in steps (`models.next_tier.ladder`), one more for every indicator that is touched. Nothing
is answered that the scorer itself has not decided on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from features.portfolio import Portfolio
from features.terms import RATED_TIERS, Tier
from models.decision import Decisions, Scorer
from models.next_tier.bounds import changed
from models.next_tier.effects import Effects
from models.next_tier.gates import Gate, gates, passed
from models.next_tier.margin import ROUNDING
from models.next_tier.options import Options, ladders, options
from models.next_tier.problem import PARTS_OF_A_STEP, Obstacle, Problem, Step, standing, worth_choosing
from models.next_tier.programme import Choice, Joint, Search
from models.tiering import Rule

# Partial choices that are looked at before any path will do, and how many more whenever one turns out not to;
# complete ones that turn out not to do before the search is given up.
MOST_LOOKED_AT = 5_000
MORE_TO_LOOK_AT = 200
MOST_REFUSED = 100


class Outcome(StrEnum):
    """What there is to say: a path; that there is provably none; that none is needed; or nothing."""

    PATH = "path"
    IMPOSSIBLE = "impossible"
    AT_THE_TOP = "at_the_top"
    UNDECIDED = "undecided"


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
        if not movable:
            obstacles += standing(before, target, asked)
        if obstacles:
            return Path(Outcome.IMPOSSIBLE, before, target, obstacles=tuple(obstacles))
        problem = self.problem(before, target, movable, asked)
        obstacles = problem.shut()
        if obstacles:
            return Path(Outcome.IMPOSSIBLE, before, target, obstacles=tuple(obstacles))
        return self._solved(problem)

    def problem(
        self, before: Decisions, target: Tier, movable: Sequence[Options], asked: Sequence[Gate]
    ) -> Problem:
        """Return one customer's problem, from its options and what the target asks beside the score."""
        share = self._scorer.model_weight(before.portfolio.natures[0])
        alone, joints = (
            self._effects.of(movable, before.portfolio.values[0])
            if share and self._effects is not None
            else ([np.zeros(len(option.values)) for option in movable], [])
        )
        kept = [
            np.flatnonzero(option.allowed)
            if any(place in joint.variables for joint in joints)
            else worth_choosing(option, odds)
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

    def _solved(self, problem: Problem) -> Path:
        before, target = problem.before, problem.target
        refused: set[Choice] = set()
        bounds = [problem.bounds.at_best()]
        looked_at = 0
        while True:
            search = Search(problem.programme(bounds))
            solution = search.cheapest(refused, max(MOST_LOOKED_AT - looked_at, MORE_TO_LOOK_AT))
            looked_at += solution.looked_at
            least = solution.at_least / PARTS_OF_A_STEP
            if solution.choice is None and solution.exhausted:
                obstacles = (problem.too_low(search, MOST_LOOKED_AT),)
                return Path(Outcome.IMPOSSIBLE, before, target, obstacles=obstacles, looked_at=looked_at)
            if solution.choice is None or len(refused) == MOST_REFUSED:
                return Path(
                    Outcome.UNDECIDED, before, target, at_least=least, proven=False, looked_at=looked_at
                )
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


def next_tier(tier: Tier) -> Tier | None:
    """Return the tier above; None above premium.

    Of the unrated it is `general`: to be rated a risk is no step up.
    """
    if tier is Tier.UNRATED:
        return Tier.GENERAL
    place = RATED_TIERS.index(tier)
    return RATED_TIERS[place - 1] if place else None
