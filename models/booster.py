"""The booster: LightGBM held to pairwise interactions and the catalog's directions, averaged over bags.

So held, it compiles to points tables (see `models.points`) and its SHAP values are look-ups. Settings follow
from the data; an analyst tunes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from features.catalog import Catalog
from features.portfolio import Bools, Floats
from models.compilation import DUMPED_INFINITY

LEARNING_RATE = 0.05
LEAVES = 6
MOST_ROUNDS = 200
# So few small steps cost next to nothing where nothing holds, and keep the learned part open to review.
FEWEST_ROUNDS = 10
MOST_PAIRS = 12
BINS = 63
BAGS = 4
# A leaf holds at least this many expected bad outcomes: LightGBM's sum of hessians p(1 − p).
EXPECTED_BAD_PER_LEAF = 5.0


class Untrainable(ValueError):
    """The data cannot be trained on; one line that says why."""


@dataclass(frozen=True)
class Design:
    """The features of a booster: names in order, the direction of risk of each (−1, 0, +1), which are
    categories."""

    features: tuple[str, ...]
    directions: tuple[int, ...]
    categories: tuple[int, ...]

    @classmethod
    def from_catalog(cls, catalog: Catalog, features: Sequence[str], codes: dict[str, int]) -> "Design":
        """Take directions from the catalog; `codes` names the categorical features."""
        indicators = [catalog.by_id[feature].indicator for feature in features]
        return cls(
            features=tuple(features),
            directions=tuple(indicator.risk_direction for indicator in indicators),
            categories=tuple(i for i, feature in enumerate(features) if feature in codes),
        )


@dataclass(frozen=True, eq=False)
class Sample:
    """What a booster learns from: features (n, k), outcomes (n,), offsets in log-odds (n,)."""

    matrix: Floats
    bad: Bools
    offset: Floats

    def rows(self, rows: np.ndarray) -> "Sample":
        """Return some of the rows."""
        return Sample(self.matrix[rows], self.bad[rows], self.offset[rows])


def check_sample(sample: Sample) -> None:
    """Refuse what cannot be learnt from or compiled.

    Raises:
        Untrainable: one class only, or values beyond ±1e300.
    """
    if np.all(sample.bad) or not np.any(sample.bad):
        raise Untrainable("all outcomes are the same: a model needs both good and bad ones")
    if np.any(np.abs(sample.matrix) >= DUMPED_INFINITY):
        raise Untrainable(f"an indicator holds values beyond ±{DUMPED_INFINITY:g}: remove or rescale them")


def choose_pairs(sample: Sample, design: Design, threads: int, seed: int) -> tuple[tuple[int, int], ...]:
    """Return the pairs of features that an unconstrained booster of depth 2 gains most from."""
    booster = _train(sample, design, None, rounds=100, threads=threads, seed=seed, depth=2)
    gains: dict[tuple[int, int], float] = {}
    for tree in booster.dump_model()["tree_info"]:
        root = tree["tree_structure"]
        for child in (root.get("left_child", {}), root.get("right_child", {})):
            if "split_feature" in child and child["split_feature"] != root["split_feature"]:
                first, second = sorted((root["split_feature"], child["split_feature"]))
                gains[first, second] = gains.get((first, second), 0.0) + child["split_gain"]
    best = sorted(gains, key=lambda pair: (-gains[pair], pair))
    return tuple(best[:MOST_PAIRS])


def choose_rounds(
    sample: Sample,
    design: Design,
    pairs: Sequence[tuple[int, int]],
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    threads: int,
    seed: int,
) -> tuple[int, Floats]:
    """Return how many rounds hold on other folds, and every row's held-out margin at it, shape (n,).

    It is the smallest number whose held-out loss lies within one standard error (over the folds) of the
    best, but at least FEWEST_ROUNDS: an effect that holds in one fold and turns in another is hardly learnt.
    The margin is without the
    offset, NaN for rows in no fold.
    """
    losses = np.empty((len(folds), MOST_ROUNDS + 1))
    boosters = []
    for fold, (training, held_out) in enumerate(folds):
        stages: dict[str, dict[str, list[float]]] = {}
        booster = _train(
            sample.rows(training), design, pairs, MOST_ROUNDS, threads=threads, seed=seed,
            held_out=sample.rows(held_out), stages=stages,
        )  # fmt: skip
        losses[fold, 0] = _loss(sample.rows(held_out))
        losses[fold, 1:] = np.array(stages["held_out"]["binary_logloss"]) * len(held_out)
        boosters.append(booster)
    rounds = max(FEWEST_ROUNDS, _fewest_within_one_standard_error(losses))
    margin = np.full(len(sample.bad), np.nan)
    for booster, (_, held_out) in zip(boosters, folds, strict=True):
        margin[held_out] = booster.predict(sample.matrix[held_out], raw_score=True, num_iteration=rounds)
    return rounds, margin


def _fewest_within_one_standard_error(losses: Floats) -> int:
    """Return the smallest column of summed losses (folds, rounds) within one standard error of the best."""
    total = np.sum(losses, axis=0)
    excess = losses - losses[:, [int(np.argmin(total))]]
    error = np.std(excess, axis=0, ddof=1) * np.sqrt(len(losses))
    return int(np.argmax(np.sum(excess, axis=0) <= error))


def train_bags(
    sample: Sample, design: Design, pairs: Sequence[tuple[int, int]], rounds: int, threads: int, seed: int
) -> list[lgb.Booster]:
    """Return the bags, to be averaged: each on its own random 70 % of the rows in every round."""
    return [
        _train(sample, design, pairs, rounds, threads=threads, seed=seed + bag) for bag in range(BAGS)
    ]  # fmt: skip


def _train(
    sample: Sample,
    design: Design,
    pairs: Sequence[tuple[int, int]] | None,
    rounds: int,
    *,
    threads: int,
    seed: int,
    depth: int = -1,
    held_out: Sample | None = None,
    stages: dict[str, dict[str, list[float]]] | None = None,
) -> lgb.Booster:
    """Train one booster; with rows held out, `stages` receives their mean log-loss after each round."""
    k = len(design.features)
    parameters: dict[str, object] = {
        "objective": "binary",
        "boost_from_average": False,
        "learning_rate": LEARNING_RATE,
        "num_leaves": LEAVES,
        "max_depth": depth,
        "max_bin": BINS,
        "min_data_in_leaf": 20,
        "min_sum_hessian_in_leaf": EXPECTED_BAD_PER_LEAF,
        "lambda_l2": 10.0,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "monotone_constraints": list(design.directions),
        "num_threads": threads,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    if pairs is not None:
        parameters["interaction_constraints"] = [[i] for i in range(k)] + [list(pair) for pair in pairs]
    data = _dataset(sample, design)
    if held_out is None or stages is None:
        return lgb.train(parameters, data, rounds)
    return lgb.train(
        {**parameters, "metric": "binary_logloss"},
        data,
        rounds,
        valid_sets=[_dataset(held_out, design, data)],
        valid_names=["held_out"],
        callbacks=[lgb.record_evaluation(stages)],
    )


def _dataset(sample: Sample, design: Design, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        sample.matrix,
        sample.bad.astype(np.float64),
        init_score=sample.offset,
        feature_name=list(design.features),
        categorical_feature=list(design.categories),
        reference=reference,
    )


def _loss(sample: Sample) -> float:
    """Return the summed log-loss of the offsets alone."""
    return float(np.sum(np.logaddexp(0.0, sample.offset) - sample.bad * sample.offset))
