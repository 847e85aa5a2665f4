"""Choosing the structure of a model by cross-validation: splits, prior, interaction order; and its price.

The order is the lowest whose held-out loss lies within one standard error (of the difference, over the folds)
of the best: fewer features to a path are easier to print and to read.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.portfolio import Bools, Floats
from models.booster import (
    CAUTIOUS_STYLES,
    STYLES,
    UNCONSTRAINED,
    CrossValidation,
    Design,
    Fold,
    Plan,
    Sample,
    Style,
    cross_validate,
    standard_error,
)
from training.dataset import Outcomes
from training.intervals import Interval, corrected_interval
from training.metrics import auc

ORDERS = (1, 2, 3)
# Structure is chosen on at most about so many customers: more would take long.
CUSTOMERS_FOR_STRUCTURE, BAD_FOR_STRUCTURE = 60_000, 500
# So few small steps cost next to nothing where nothing holds, and keep the learned part open to review.
FEWEST_ROUNDS = 10

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Price:
    """What being printable costs against an unconstrained LightGBM on the same folds; positive costs."""

    auc: Interval
    log_loss: Interval


@dataclass(frozen=True, eq=False)
class Selection:
    """The structure chosen: whether the booster starts `with_prior`, and what it was chosen by.

    `losses` is the mean held-out log-loss of every alternative tried, by name; each cohort's level is known
    there in hindsight, so they compare alternatives and foretell nothing. `price` is None where the order was
    given or too few outcomes tell. `validation` is the chosen plan's on all customers.
    """

    with_prior: bool
    losses: dict[str, float]
    price: Price | None
    validation: CrossValidation

    @property
    def plan(self) -> Plan:
        """The plan chosen."""
        return self.validation.plan


@dataclass(frozen=True, eq=False)
class Question:
    """What structure is chosen for: a sample whose offsets are the level alone, the held-out margins of a
    prior, the design, and folds."""

    sample: Sample
    prior_margin: Floats
    design: Design
    folds: tuple[Fold, ...]
    forward: bool

    @property
    def beyond_prior(self) -> Sample:
        """The sample with the prior in its offsets."""
        return replace(self.sample, offset=self.sample.offset + self.prior_margin)

    def start(self, with_prior: bool) -> Sample:
        """Return what a booster learns from."""
        return self.beyond_prior if with_prior else self.sample

    def rounds(self, validation: CrossValidation) -> int:
        """Return the rounds: the best, or where folds go forward in time the fewest that are about as good
        and that no fold is the worse for; at least ten.

        An effect that holds in one period and turns in another is hardly learnt then.
        """
        if not self.forward:
            return max(FEWEST_ROUNDS, validation.best_rounds())
        few = min(validation.fewest_rounds(), validation.rounds_that_every_fold_bears())
        return max(FEWEST_ROUNDS, few)

    def some(self, groups: np.ndarray, most: int, seed: int) -> "Question":
        """Return the question for whole random groups of about `most` customers.

        More are kept where so many would leave fewer than 500 bad outcomes.
        """
        n = len(self.sample.bad)
        bad = int(np.sum(self.sample.bad))
        most = max(most, math.ceil(n * BAD_FOR_STRUCTURE / max(1, bad)))
        if n <= most:
            return self
        labels, sizes = np.unique(groups, return_counts=True)
        order = np.random.default_rng(seed).permutation(len(labels))
        kept = labels[order[: int(np.searchsorted(np.cumsum(sizes[order]), most)) + 1]]
        inside = np.isin(groups, kept)
        place = np.cumsum(inside) - 1
        folds = [(place[a[inside[a]]], place[b[inside[b]]]) for a, b in self.folds]
        return Question(
            self.sample.rows(inside),
            self.prior_margin[inside],
            self.design,
            tuple(fold for fold in folds if _can_be_learnt(self.sample.bad[inside], fold)),
            self.forward,
        )


def choose_structure(
    question: Question,
    outcomes: Outcomes,
    order: int | None,
    threads: int,
    seed: int,
    progress: Progress = lambda step: None,
) -> Selection:
    """Choose prior, order and splits by the held-out log-loss; `order` fixes the order.

    Where time goes on, the prior stays: the folds say nothing of a changed world. Elsewhere it stays if the
    loss is lower with it. Splits fall at random thresholds, unless at the best ones the loss is lower by more
    than one standard error.
    """
    small = question.some(outcomes.groups, CUSTOMERS_FOR_STRUCTURE, seed)
    tried: dict[tuple[int, Style, bool], CrossValidation] = {}

    def validated(order: int, style: Style, with_prior: bool) -> CrossValidation:
        key = order, style, with_prior
        if key not in tried:
            progress(f"cross-validating {_name(*key)}")
            sample = small.start(with_prior)
            plan = Plan(style, order)
            # Styles differ in how trees are grown, not in what may interact.
            alike = (of for (o, _, p), of in tried.items() if (o, p) == (order, with_prior))
            interactions = next((of.interactions for of in alike), ())
            tried[key] = cross_validate(sample, small.design, plan, small.folds, threads, seed, interactions)
        return tried[key]

    def gained(one: CrossValidation, other: CrossValidation) -> Floats:
        return _lost(small, one) - _lost(small, other)

    def of_order(order: int) -> CrossValidation:
        random, best = (validated(order, style, with_prior) for style in styles)
        gain = gained(random, best)
        return best if np.sum(gain) > standard_error(gain) else random

    styles = CAUTIOUS_STYLES if small.forward else STYLES
    first, with_prior = order or 2, True
    if not small.forward:
        with_and_without = (validated(first, styles[0], prior) for prior in (True, False))
        with_prior = bool(np.sum(gained(*with_and_without)) <= 0)
    price = None
    if order is None:
        chosen = _lowest_order(small, [of_order(order) for order in ORDERS])
        progress("measuring the price of transparency")
        price = _price(small, chosen, with_prior, threads, seed)
    else:
        chosen = of_order(order)
    customers = sum(len(held_out) for _, held_out in small.folds)
    losses = {_name(*key): float(np.sum(_lost(small, found))) / customers for key, found in tried.items()}
    if len(small.sample.bad) < len(question.sample.bad):
        progress("choosing rounds")
        sample = question.start(with_prior)
        chosen = cross_validate(sample, question.design, chosen.plan, question.folds, threads, seed)
    return Selection(with_prior, losses, price, chosen)


def _can_be_learnt(bad: Bools, fold: Fold) -> bool:
    training, held_out = fold
    return bool(len(held_out)) and 0 < int(np.sum(bad[training])) < len(training)


def _name(order: int, style: Style, with_prior: bool) -> str:
    return f"order {order}/{style.name}" + ("" if with_prior else "/no prior")


def _lost(question: Question, validation: CrossValidation) -> Floats:
    """Return the summed held-out log-loss by fold, at the rounds that would be chosen; shape (folds,)."""
    result: Floats = validation.losses[:, min(question.rounds(validation), validation.losses.shape[1] - 1)]
    return result


def _lowest_order(question: Question, validations: Sequence[CrossValidation]) -> CrossValidation:
    """Return the lowest order within one standard error of the best."""
    by_order = sorted(validations, key=lambda validation: validation.plan.order or 0)
    losses = np.stack([_lost(question, validation) for validation in by_order])
    excess = losses - losses[int(np.argmin(np.sum(losses, axis=1)))]
    within = np.sum(excess, axis=1) <= standard_error(excess.T)
    return by_order[int(np.argmax(within))]


def _price(
    question: Question, chosen: CrossValidation, with_prior: bool, threads: int, seed: int
) -> Price | None:
    """Measure the chosen plan against LightGBM without constraints, directions or prior.

    None where fewer than two folds hold outcomes of both kinds.
    """
    free = replace(
        question.design, directions=(0,) * len(question.design.directions), blocks=None, refused=frozenset()
    )
    plan = Plan(UNCONSTRAINED, None)
    other = cross_validate(question.sample, free, plan, question.folds, threads, seed)
    sizes = np.array([len(held_out) for _, held_out in question.folds])
    ours = chosen.held_out(question.start(with_prior), question.rounds(chosen))
    ours += question.start(with_prior).offset
    theirs = other.held_out(question.sample, other.best_rounds()) + question.sample.offset
    folds = [rows for _, rows in question.folds]
    areas = [
        auc(question.sample.bad[rows], theirs[rows]) - auc(question.sample.bad[rows], ours[rows])
        for rows in folds
        if 0 < np.sum(question.sample.bad[rows]) < len(rows)
    ]
    if len(areas) < 2:
        return None
    # Blocks of time are no draws from one set: their differences are taken as they are.
    share = 0.0
    if not question.forward:
        share = float(np.mean([len(held_out) / len(training) for training, held_out in question.folds]))
    losses = (_lost(question, chosen) - other.losses[:, other.best_rounds()]) / sizes
    return Price(corrected_interval(areas, share), corrected_interval(losses.tolist(), share))
