"""The integer programme: one option for each variable, at the least cost, so that all conditions hold.

Each condition comes as bounds that the options add up to. The search is A* (Hart, Nilsson and Raphael 1968):
the variables are decided in turn, and partial choices are taken up in the order of their cost so far plus the
least that the rest must cost. That least is read off tables of dynamic programming, which hold for each bound
the most that the variables still to be decided can add for so much cost (the multiple-choice knapsack,
Kellerer, Pferschy and Pisinger 2004, chapter 11); where there are several bounds, also for their sum with the
weights that HiGHS finds best in the linear relaxation (a surrogate constraint, Glover 1968). So the first
complete choice is a cheapest one, and where none is left there is none.
"""

import heapq
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from features.portfolio import Floats
from models.next_tier.margin import Line, Margin

# How much a bound may be missed by rounding.
TOLERANCE = 1e-7
# Costs beyond it are taken for it by the bounds.
_MOST_COST = 2048

Choice = tuple[int, ...]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Variable:
    """m options of which one is to be chosen.

    Attributes:
        costs: of each option, at least 0; shape (m,).
        points: what each adds to each bound of the score's points; shape (m, bounds of the margin).
        log_odds: what each adds to the log-odds, beside the joint effects; shape (m,).
        additions: what each adds to the other bounded sums, shape (m, sums).
    """

    costs: Integers
    points: Floats
    log_odds: Floats
    additions: Floats


@dataclass(frozen=True, eq=False)
class Joint:
    """What two or three variables add to the log-odds together: one axis of `log_odds` for each, in order."""

    variables: tuple[int, ...]
    log_odds: Floats


@dataclass(frozen=True, eq=False)
class Programme:
    """Variables and conditions.

    Attributes:
        variables: at least one option each.
        joints: joint effects on the log-odds, of ascending variables.
        margin: what points and log-odds together must reach.
        needs: the least that each other sum must come to, shape (sums,).
    """

    variables: Sequence[Variable]
    joints: Sequence[Joint]
    margin: Margin
    needs: Floats


@dataclass(frozen=True)
class Solution:
    """What a search found.

    Attributes:
        choice: a cheapest, or some choice where the search was broken off; None where none was found.
        cost: of the choice; 0 without one.
        at_least: what any choice costs; the choice's own cost where it is a cheapest one.
        exhausted: whether nothing is left: then no choice means that there is none.
        looked_at: how many partial choices were looked at.
    """

    choice: Choice | None
    cost: int
    at_least: int
    exhausted: bool
    looked_at: int


def load_solver() -> None:
    """Load HiGHS, which takes a third of a second; else the first search with several bounds does."""
    linprog([1.0], bounds=[(0.0, 1.0)], method="highs-ds")


class _Partial(NamedTuple):
    """The first `len(choice)` variables decided, with their cost and what they add."""

    choice: Choice
    cost: int
    points: Floats
    log_odds: float
    sums: Floats


@dataclass(frozen=True, eq=False)
class _Siblings:
    """The options of one more variable for a partial choice, and the least that each leads to."""

    parent: _Partial
    options: NDArray[np.intp]
    at_least: Integers
    points: Floats
    log_odds: Floats
    sums: Floats

    def child(self, place: int, costs: Integers) -> _Partial:
        option = int(self.options[place])
        return _Partial(
            (*self.parent.choice, option),
            self.parent.cost + int(costs[option]),
            self.points[option],
            float(self.log_odds[option]),
            self.sums[option],
        )


class Search:
    """The search of one programme."""

    def __init__(self, programme: Programme) -> None:
        """Put the variables in order and bound what the score can come to."""
        self._order = _order(programme)
        self._variables = [programme.variables[v] for v in self._order]
        self._joints = _by_last(programme.joints, self._order)
        self._margin = margin = programme.margin
        bounds = len(margin.points)
        self._start = _Partial((), 0, np.zeros(bounds), 0.0, np.zeros(len(programme.needs)))
        # What each option adds to the log-odds at least, joint effects with the earlier ones at their best.
        hopes = [
            variable.log_odds + sum(_least_of_last(joint) for joint in joints)
            for variable, joints in zip(self._variables, self._joints, strict=True)
        ]
        self._least_log_odds = _suffix_sums([np.asarray(np.min(hope)) for hope in hopes], np.zeros(()))
        self._most_points = _suffix_sums(
            [np.max(v.points, axis=0) for v in self._variables], np.zeros(bounds)
        )
        self._hopes = hopes
        self._most_log_odds = sum(float(np.max(v.log_odds)) for v in self._variables) + sum(
            float(np.max(joint.log_odds)) for joint in programme.joints
        )
        self._programme_needs = programme.needs

    @cached_property
    def _tables(self) -> "_Tables":
        lines = self._margin.lines(float(self._least_log_odds[0]), self._most_log_odds, self._most_points[0])
        return _Tables(self._variables, self._hopes, lines, self._programme_needs)

    def cheapest(self, refused: Container[Choice], most: int) -> Solution:
        """Return a cheapest choice that keeps all bounds and is not refused.

        Args:
            refused: choices that keep the bounds and yet will not do.
            most: how many partial choices are looked at before any choice will do, which is then looked for
                among as many more, and as many as there are variables.
        """
        looked_at = at_least = 0
        # Cheapest first; of equal ones the furthest decided, then the first found.
        heap: list[_Waiting] = []
        if not self._margin.reaches(self._most_points[0], self._least_log_odds[0]):
            return Solution(None, 0, 0, True, looked_at)
        _push(heap, self._children(self._start), 0, 0, False)
        while heap:
            siblings, place = heapq.heappop(heap)[-2:]
            looked_at += 1
            hurried = looked_at > most
            if not hurried:
                at_least = int(siblings.at_least[place])
            if looked_at == most + 1:
                heap = [_waiting(w[-2], w[-1], w[-3], hurried) for w in heap]
                heapq.heapify(heap)
            if looked_at > 2 * most + len(self._variables):
                return Solution(None, 0, at_least, False, looked_at)
            _push(heap, siblings, place + 1, 2 * looked_at, hurried)
            partial = siblings.child(place, self._variables[len(siblings.parent.choice)].costs)
            if len(partial.choice) < len(self._variables):
                _push(heap, self._children(partial), 0, 2 * looked_at + 1, hurried)
                continue
            choice = self._in_order(partial.choice)
            if choice not in refused:
                return Solution(choice, partial.cost, at_least, False, looked_at)
        return Solution(None, 0, 0, True, looked_at)

    def highest(self, most: int) -> float:
        """Return the highest score that the options come to, the other sums aside: no choice comes to more.

        After so many partial choices it is a bound that need not be reached.
        """
        bound = self._margin.score(self._most_points[0], self._least_log_odds[0])
        heap: list[tuple[float, int, _Partial]] = [(-float(bound), 0, self._start)]
        looked_at = pushed = 0
        while True:
            negative, _, partial = heapq.heappop(heap)
            looked_at += 1
            depth = len(partial.choice)
            if depth == len(self._variables) or looked_at > most:
                return -negative
            points = partial.points + self._variables[depth].points
            log_odds = self._log_odds(partial)
            scores = self._margin.score(
                points + self._most_points[depth + 1], log_odds + self._least_log_odds[depth + 1]
            )
            for option, score in enumerate(scores.tolist()):
                pushed += 1
                child = _Partial(
                    (*partial.choice, option), 0, points[option], float(log_odds[option]), partial.sums
                )
                heapq.heappush(heap, (-score, pushed, child))

    def _children(self, parent: _Partial) -> _Siblings:
        """Return the options of the next variable that may still lead to a choice, the cheapest first."""
        depth = len(parent.choice)
        variable = self._variables[depth]
        points = parent.points + variable.points
        log_odds = self._log_odds(parent)
        sums = parent.sums + variable.additions
        may = self._margin.reaches(
            points + self._most_points[depth + 1], log_odds + self._least_log_odds[depth + 1]
        )
        least = self._tables.least(depth + 1, points, log_odds, sums)
        may &= least >= 0
        at_least = parent.cost + variable.costs + least
        options = np.flatnonzero(may)
        options = options[np.argsort(at_least[options], kind="stable")]
        return _Siblings(parent, options, at_least[options], points, log_odds, sums)

    def _log_odds(self, parent: _Partial) -> Floats:
        """Return the log-odds after each option of the next variable, its joint effects included."""
        depth = len(parent.choice)
        result: Floats = parent.log_odds + self._variables[depth].log_odds
        for joint in self._joints[depth]:
            result = result + joint.log_odds[tuple(parent.choice[v] for v in joint.variables[:-1])]
        return result

    def _in_order(self, choice: Choice) -> Choice:
        """Return a choice in the programme's order of variables."""
        return tuple(option for _, option in sorted(zip(self._order, choice, strict=True)))


# The order in which partial choices are taken up, made unique by a number, and the next of some siblings.
_Waiting = tuple[int, int, int, _Siblings, int]


def _waiting(siblings: _Siblings, place: int, tie: int, hurried: bool) -> _Waiting:
    depth, cost = len(siblings.parent.choice), int(siblings.at_least[place])
    return (-depth, cost, tie, siblings, place) if hurried else (cost, -depth, tie, siblings, place)


def _push(heap: list[_Waiting], siblings: _Siblings, place: int, tie: int, hurried: bool) -> None:
    """Put the next of some siblings, which are in the order of their cost, among those to be looked at."""
    if place < len(siblings.options):
        heapq.heappush(heap, _waiting(siblings, place, tie, hurried))


class _Tables:
    """For each bounded sum the most that the variables from one on can add for so much cost."""

    def __init__(
        self, variables: Sequence[Variable], hopes: Sequence[Floats], lines: Sequence[Line], needs: Floats
    ) -> None:
        """Fill the tables.

        Args:
            variables: in the order of decision.
            hopes: what each option adds to the log-odds at least, joint effects included.
            lines: that bound the score.
            needs: of the other sums.
        """
        self._bounds = np.array([line.bound for line in lines])
        self._slopes = np.array([line.slope for line in lines])
        self._needs = np.concatenate([[line.need for line in lines], needs]) - TOLERANCE
        added = [self._sums(v.points, hope, v.additions) for v, hope in zip(variables, hopes, strict=True)]
        self._weights = np.eye(len(self._needs))
        if len(needs) or len(set(self._bounds.tolist())) > 1:
            weights = _surrogate([v.costs for v in variables], added, self._needs)
            self._weights = np.column_stack([self._weights, *([weights] if np.any(weights) else [])])
        self._needs = self._needs @ self._weights
        whole = sum(int(np.max(v.costs)) for v in variables)
        rest = np.zeros((min(whole, _MOST_COST) + 1, len(self._needs)))
        self._most = [rest]
        for variable, of_one in zip(reversed(variables), reversed(added), strict=True):
            rest = _with(variable.costs, of_one @ self._weights, rest)
            self._most.append(rest)
        self._most.reverse()

    def least(self, depth: int, points: Floats, log_odds: Floats, sums: Floats) -> Integers:
        """Return what the variables from one on must cost after some options; −1 where none will do."""
        wanted = self._needs - self._sums(points, log_odds, sums) @ self._weights
        most = self._most[depth]
        least = np.zeros(len(wanted), dtype=np.int64)
        for of_all, of_each in zip(most.T, wanted.T, strict=True):
            np.maximum(least, np.searchsorted(of_all, of_each), out=least)
        return np.where(least < len(most), least, -1)

    def _sums(self, points: Floats, log_odds: Floats, additions: Floats) -> Floats:
        """Return what each of some options comes to in each bounded sum, shape (options, sums)."""
        return np.concatenate([points[:, self._bounds] - log_odds[:, None] * self._slopes, additions], axis=1)


def _with(costs: Integers, added: Floats, rest: Floats) -> Floats:
    """Return the most that one more variable and the rest can add for so much cost, shape (costs, sums).

    The last row is for any cost, however large.
    """
    table = np.full(rest.shape, -np.inf)
    places = np.minimum(costs, len(rest) - 1)
    for place in np.unique(places):
        best = np.max(added[places == place], axis=0)
        np.maximum(table[place:], rest[: len(rest) - place] + best, out=table[place:])
    table[-1] = rest[-1] + np.max(added, axis=0)
    return table


def _surrogate(costs: Sequence[Integers], added: Sequence[Floats], needs: Floats) -> Floats:
    """Return the weights of the bounds in the linear relaxation's dual, at least 0, shape (sums,)."""
    sizes = [len(of_one) for of_one in costs]
    one_each = np.repeat(np.eye(len(sizes)), sizes, axis=1)
    solved = linprog(
        np.concatenate(costs),
        A_ub=-np.concatenate(added).T,
        b_ub=-needs,
        A_eq=one_each,
        b_eq=np.ones(len(sizes)),
        method="highs-ds",
    )
    if solved.status != 0:  # infeasible: the search finds that out for itself
        return np.zeros(len(needs))
    weights: Floats = np.maximum(-solved.ineqlin.marginals, 0.0)
    return weights


def _order(programme: Programme) -> list[int]:
    """Return the order of decision: variables with joint effects, then those that can do most."""
    joined = {v for joint in programme.joints for v in joint.variables}
    reach = [float(np.ptp(v.points[:, 0]) + np.ptp(v.log_odds)) for v in programme.variables]
    return sorted(range(len(programme.variables)), key=lambda v: (v not in joined, -reach[v]))


def _by_last(joints: Sequence[Joint], order: list[int]) -> list[list[Joint]]:
    """Return the joint effects by the variable that is decided last, which becomes their last axis."""
    place = {variable: i for i, variable in enumerate(order)}
    result: list[list[Joint]] = [[] for _ in order]
    for joint in joints:
        places = [place[v] for v in joint.variables]
        axes = sorted(range(len(places)), key=lambda axis: places[axis])
        moved = Joint(tuple(places[axis] for axis in axes), np.transpose(joint.log_odds, axes))
        result[moved.variables[-1]].append(moved)
    return result


def _least_of_last(joint: Joint) -> Floats:
    """Return the least that each option of the last variable can add, shape (m,)."""
    least: Floats = np.min(joint.log_odds.reshape(-1, joint.log_odds.shape[-1]), axis=0)
    return least


def _suffix_sums(values: Sequence[Floats], zero: Floats) -> list[Floats]:
    sums = [zero]
    for value in reversed(values):
        sums.append(sums[-1] + value)
    return sums[::-1]
