"""Choosing the structure of a model by cross-validation: splits, prior, interaction order; and its price.

The order is the lowest whose held-out loss lies within one standard error (of the difference, over the folds)
of the best: fewer features to a path are easier to print and to read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t as student

from features.portfolio import Floats
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
    choose_interactions,
    cross_validate,
    standard_error,
)
from training.dataset import Outcomes
from training.metrics import auc

ORDERS = (1, 2, 3)
# Structure is chosen on at most about so many customers: more would take long and hardly choose otherwise.
CUSTOMERS_FOR_STRUCTURE = 60_000
# So few small steps cost next to nothing where nothing holds, and keep the learned part open to review.
FEWEST_ROUNDS = 10

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Difference:
    """A mean difference over the folds with its 95 % interval."""

    mean: float
    low: float
    high: float

    @classmethod
    def over_folds(cls, differences: Sequence[float], folds: Sequence[Fold]) -> "Difference":
        """Return the corrected interval of Nadeau and Bengio (2003).

        Folds share their training rows, so their variance is raised by the share of rows held out
        ("Inference for the generalization error", Machine Learning 52).
        """
        count = len(differences)
        share = float(np.mean([len(held_out) / len(training) for training, held_out in folds]))
        error = np.sqrt((1 / count + share) * np.var(differences, ddof=1))
        half = float(student.ppf(0.975, count - 1) * error)
        mean = float(np.mean(differences))
        return cls(mean, mean - half, mean + half)


@dataclass(frozen=True)
class Price:
    """What being printable costs against an unconstrained LightGBM on the same folds; positive costs."""

    auc: Difference
    log_loss: Difference


@dataclass(frozen=True, eq=False)
class Selection:
    """The structure chosen: `plan`, whether the booster starts `with_prior`, and what it was chosen by.

    `losses` is the mean held-out log-loss of every alternative tried, by name. `price` is None where the
    order was given. `validation` is the chosen plan's on all customers.
    """

    plan: Plan
    with_prior: bool
    losses: dict[str, float]
    price: Price | None
    validation: CrossValidation


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
        and that no fold is the worse for.

        An effect that holds in one period and turns in another is hardly learnt then.
        """
        if not self.forward:
            return max(FEWEST_ROUNDS, validation.best_rounds())
        few = min(validation.fewest_rounds(), validation.rounds_that_every_fold_bears())
        return max(FEWEST_ROUNDS, few)

    def some(self, groups: np.ndarray, most: int, seed: int) -> "Question":
        """Return the question for whole random groups of about `most` customers."""
        n = len(self.sample.bad)
        if n <= most:
            return self
        labels, sizes = np.unique(groups, return_counts=True)
        order = np.random.default_rng(seed).permutation(len(labels))
        kept = labels[order[: int(np.searchsorted(np.cumsum(sizes[order]), most)) + 1]]
        inside = np.isin(groups, kept)
        place = np.cumsum(inside) - 1
        return Question(
            self.sample.rows(inside),
            self.prior_margin[inside],
            self.design,
            tuple((place[a[inside[a]]], place[b[inside[b]]]) for a, b in self.folds),
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
            plan = Plan(style, order, choose_interactions(sample, small.design, order, threads, seed))
            tried[key] = cross_validate(sample, small.design, plan, small.folds, threads, seed)
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
        sample = question.start(with_prior)
        wanted = choose_interactions(sample, question.design, chosen.plan.order, threads, seed)
        plan = replace(chosen.plan, interactions=wanted)
        progress("choosing rounds")
        chosen = cross_validate(sample, question.design, plan, question.folds, threads, seed)
    return Selection(chosen.plan, with_prior, losses, price, chosen)


def _name(order: int, style: Style, with_prior: bool) -> str:
    return f"order {order}/{style.name}" + ("" if with_prior else "/no prior")


def _lost(question: Question, validation: CrossValidation) -> Floats:
    """Return the summed held-out log-loss by fold, at the rounds that would be chosen; shape (folds,)."""
    result: Floats = validation.losses[:, min(question.rounds(validation), validation.losses.shape[1] - 1)]
    return result


def _lowest_order(question: Question, validations: Sequence[CrossValidation]) -> CrossValidation:
    """Return the lowest order within one standard error of the best."""
    by_order = sorted(validations, key=lambda validation: validation.plan.order)
    losses = np.stack([_lost(question, validation) for validation in by_order])
    excess = losses - losses[int(np.argmin(np.sum(losses, axis=1)))]
    within = np.sum(excess, axis=1) <= standard_error(excess.T)
    return by_order[int(np.argmax(within))]


def _price(question: Question, chosen: CrossValidation, with_prior: bool, threads: int, seed: int) -> Price:
    """Measure the chosen plan against LightGBM without constraints, directions or prior."""
    free = replace(question.design, directions=(0,) * len(question.design.directions), blocks=None)
    plan = Plan(UNCONSTRAINED, 0, None)
    other = cross_validate(question.sample, free, plan, question.folds, threads, seed)
    sizes = np.array([len(held_out) for _, held_out in question.folds])
    ours = chosen.held_out(question.start(with_prior), question.rounds(chosen))
    ours += question.start(with_prior).offset
    theirs = other.held_out(question.sample, other.best_rounds()) + question.sample.offset
    areas = [
        auc(question.sample.bad[rows], theirs[rows]) - auc(question.sample.bad[rows], ours[rows])
        for _, rows in question.folds
    ]
    unconstrained = other.losses[:, other.best_rounds()]
    return Price(
        Difference.over_folds([area for area in areas if not np.isnan(area)], question.folds),
        Difference.over_folds(((_lost(question, chosen) - unconstrained) / sizes).tolist(), question.folds),
    )
