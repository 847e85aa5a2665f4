"""The learner: from a matrix of indicators and outcomes to a calibrated model in points tables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.portfolio import Bools, Floats
from models.booster import Design, Sample, check_sample, cross_validate, train_bags
from models.calibration import Calibration, calibrate
from models.compilation import compile_boosters
from models.engine import Engine
from models.points import PointsTables
from models.prior import fit_prior, unsteady
from training.dataset import Outcomes
from training.selection import Progress, Question, Selection, choose_structure

SEED = 20260101
THREADS = 2

# A document of more numbers in its tables would be larger than is accepted (`models.artefact`).
MOST_NUMBERS = 750_000


@dataclass(frozen=True, eq=False)
class Learned:
    """A calibrated model, and what it was chosen by.

    Its margin is the sum of `prior` and `correction`; `boosters` are what the correction was compiled from.
    `held_out` is the calibrated log-odds of each of the n customers by what was trained without them, shape
    (n,); NaN where no fold held one out, such as the first block of time.
    """

    prior: PointsTables
    correction: PointsTables
    calibration: Calibration
    boosters: tuple[lgb.Booster, ...]
    selection: Selection
    rounds: int
    held_out: Floats

    @cached_property
    def _engine(self) -> Engine:
        return Engine(self.prior.plus(self.correction), self.calibration.slope, self.calibration.intercept)

    def log_odds(self, matrix: Floats, threads: int = 1) -> Floats:
        """Return the calibrated log-odds of the bad outcome, shape (n,), of a matrix (n, k)."""
        return self._engine.score(matrix, threads)

    def contributions(self, matrix: Floats, threads: int = 1) -> Floats:
        """Return the exact SHAP values in calibrated log-odds, shape (n, k)."""
        return self._engine.explain(matrix, threads)[1]


def learn(
    matrix: Floats,
    bad: Bools,
    design: Design,
    *,
    category_codes: Mapping[str, int],
    groups: NDArray[np.int64] | None = None,
    days: NDArray[np.datetime64] | None = None,
    order: int | None = None,
    years_ahead: float = 0.0,
    threads: int = THREADS,
    seed: int = SEED,
    progress: Progress = lambda step: None,
) -> Learned:
    """Learn from n customers with k indicators.

    Args:
        matrix: shape (n, k), NaN where missing, categories as codes from 0.
        bad: the outcomes, shape (n,).
        design: the k features' names, directions of risk, and which are categories.
        category_codes: for each category the number of its codes; a larger one is unseen.
        groups: whose rows belong together, shape (n,); each row for itself by default.
        days: when each was evaluated, shape (n,); folds then go forward in time.
        order: of interaction, 1 to 3; chosen by cross-validation by default.
        years_ahead: how old the newest outcomes will be when the model is used.
        threads: how many boosters are trained side by side.

    Raises:
        Untrainable: no feature, outcomes of one class, values beyond ±1e300, codes that are none,
            nothing that can be held out, or categories of too many levels.
    """
    outcomes = Outcomes.of(bad, groups, days)
    matrix = np.asarray(matrix, dtype=np.float64)
    sample = Sample(matrix, bad, outcomes.cohort_log_odds())
    check_sample(sample, design, category_codes)
    folds = tuple(outcomes.folds())
    if outcomes.forward:
        sample = replace(sample, cohorts=outcomes.cohorts)

    design = replace(design, refused=design.refused | unsteady(sample, design))
    progress("fitting the prior")
    prior = fit_prior(sample, design)
    of_folds = [fit_prior(sample.rows(training), design) for training, _ in folds]
    # The first block of time is held out of none: its own prior, the first fold's, stands for it.
    prior_margin = _margin(of_folds[0], matrix)
    for of_fold, (_, held_out) in zip(of_folds, folds, strict=True):
        prior_margin[held_out] = _margin(of_fold, matrix[held_out])
    question = Question(sample, prior_margin, design, folds, outcomes.forward)
    selection = choose_structure(question, outcomes, order, threads, seed, progress)
    if not selection.with_prior:
        prior = PointsTables(design.features, 0.0, ())
        prior_margin = np.zeros(len(bad))

    progress("training")
    start = question.start(selection.with_prior)
    validation = selection.validation
    while True:
        rounds = question.rounds(validation)
        boosters = train_bags(start, design, validation.plan, rounds, threads, seed)
        correction = compile_boosters(boosters, design.features, dict(category_codes))
        if sum(table.contributions.size for table in correction.tables) <= MOST_NUMBERS:
            break
        there = len(correction.of_order(3)), len(correction.of_order(2))
        smaller = validation.plan.smaller(*there)
        validation = cross_validate(start, design, smaller, folds, threads, seed)

    progress("calibrating")
    held_out_margin = prior_margin + validation.held_out(start, rounds)
    calibration = calibrate(
        held_out_margin,
        _margin(prior, matrix) + _margin(correction, matrix),
        bad,
        outcomes.cohorts,
        outcomes.newest(),
        years_ahead,
        # What is held out may shrink a margin. That boosters of fewer rows are too timid is no reason to
        # stretch the bags of all, nor that past years were orderly to bet that the next will be.
        largest_slope=1.0,
    )
    return Learned(
        prior,
        correction,
        calibration,
        boosters,
        replace(selection, validation=validation),
        rounds,
        calibration.log_odds(held_out_margin),
    )


def _margin(tables: PointsTables, matrix: Floats) -> Floats:
    return Engine(tables).score(matrix)
