"""The booster: LightGBM held to few features a path and to the catalog's directions, averaged over bags.

So held, it compiles to points tables (see `models.points`) and its SHAP values are look-ups. Which features
may meet on a path is chosen from the data (`choose_interactions`), as are the rounds (`cross_validate`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog
from features.portfolio import Bools, Floats
from models.compilation import DUMPED_INFINITY

MOST_ROUNDS = 1500
# A booster whose held-out loss has not improved for so many rounds is not trained further.
_PATIENCE = 60
# More pairs or triples than this nobody would read.
MOST_PAIRS = 50
MOST_TRIPLES = 30
BINS = 127
# Tables of three features have fewer, or the document would grow beyond what can be printed.
BINS_OF_TRIPLES, BINS_OF_BEST_TRIPLES = 15, 31
LEAVES_OF_TRIPLES = 12
BAGS = 4
# With this many customers a bag hardly differs from the next, and takes long.
MANY, BAGS_OF_MANY = 50_000, 2
# A leaf holds at least this many expected bad outcomes: LightGBM's sum of hessians p(1 − p).
_EXPECTED_BAD_PER_LEAF = 1.0

_BINS_SEED = 1

Fold = tuple[np.ndarray, np.ndarray]
T = TypeVar("T")
R = TypeVar("R")

Interactions = tuple[tuple[int, ...], ...]


class Untrainable(ValueError):
    """The data cannot be trained on; one line that says why."""


@dataclass(frozen=True)
class Design:
    """The features of a booster, in order.

    `directions` says which way risk moves with each (−1, 0, +1), `categories` which are categories. Where
    `blocks` is given (one number a feature), only features of the same block may interact. A booster does not
    use the features that are `refused`.
    """

    features: tuple[str, ...]
    directions: tuple[int, ...]
    categories: tuple[int, ...]
    blocks: tuple[int, ...] | None = None
    refused: frozenset[int] = frozenset()

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        features: Sequence[str],
        codes: dict[str, int],
        *,
        within_dimension: bool = False,
    ) -> "Design":
        """Take directions and, where interactions stay within them, dimensions from the catalog.

        `codes` names the categorical features.
        """
        placed = [catalog.by_id[feature] for feature in features]
        dimensions = [catalog.dimensions.index(p.dimension) for p in placed]
        return cls(
            features=tuple(features),
            directions=tuple(p.indicator.risk_direction for p in placed),
            categories=tuple(i for i, feature in enumerate(features) if feature in codes),
            blocks=tuple(dimensions) if within_dimension else None,
        )

    def may_interact(self, features: Sequence[int]) -> bool:
        """Whether these features may meet on a path."""
        if self.refused & set(features):
            return False
        return self.blocks is None or len({self.blocks[feature] for feature in features}) == 1


@dataclass(frozen=True, eq=False)
class Sample:
    """What is learnt from: features (n, k), outcomes (n,), offsets in log-odds (n,); and where times differ
    the cohort of each customer (n,)."""

    matrix: Floats
    bad: Bools
    offset: Floats
    cohorts: NDArray[np.int64] | None = None

    def rows(self, rows: np.ndarray) -> "Sample":
        """Return some of the rows."""
        cohorts = None if self.cohorts is None else self.cohorts[rows]
        return Sample(self.matrix[rows], self.bad[rows], self.offset[rows], cohorts)


@dataclass(frozen=True)
class Style:
    """How trees are grown: `random_splits` tries one threshold a feature (Geurts et al. 2006, "Extremely
    randomized trees"), whose average over many trees is smooth; few outcomes ask for that, many do not."""

    name: str
    random_splits: bool
    learning_rate: float
    leaves: int
    feature_fraction: float
    l2: float


RANDOM_SPLITS = Style("random splits", True, 0.1, 8, 0.8, 1.0)
BEST_SPLITS = Style("best splits", False, 0.05, 6, 0.6, 5.0)
STYLES = (RANDOM_SPLITS, BEST_SPLITS)
# Where folds go forward in time little may hold: in small steps, just as little can be learnt.
CAUTIOUS_STYLES = tuple(replace(style, learning_rate=0.02) for style in STYLES)
# What the price of transparency is measured against.
UNCONSTRAINED = Style("unconstrained", False, 0.05, 15, 0.6, 5.0)


@dataclass(frozen=True)
class Plan:
    """What decides a booster beside its data: how trees are grown, and how many features may meet on a path.

    `order` is 1 to 3, or None where anything may; at most so many pairs and triples are chosen from the data.
    """

    style: Style
    order: int | None
    most_pairs: int = MOST_PAIRS
    most_triples: int = MOST_TRIPLES

    @property
    def bins(self) -> int:
        """The bins of a number at most: few where tables have three sides, fewest at random splits."""
        if self.order != 3:
            return BINS
        return BINS_OF_TRIPLES if self.style.random_splits else BINS_OF_BEST_TRIPLES

    @property
    def leaves(self) -> int:
        """The leaves of a tree at most."""
        return max(self.style.leaves, LEAVES_OF_TRIPLES) if self.order == 3 else self.style.leaves

    def smaller(self, triples: int = MOST_TRIPLES, pairs: int = MOST_PAIRS) -> "Plan":
        """Return the plan with half the triples, or without any with half the pairs, at the order left.

        Args:
            triples: how many there are, which may be fewer than the plan allows.
            pairs: likewise.

        Raises:
            Untrainable: it has neither.
        """
        triples, pairs = min(self.most_triples, triples) // 2, min(self.most_pairs, pairs) // 2
        if self.order == 3:
            return replace(self, order=3 if triples else 2, most_triples=triples)
        if self.order == 2:
            return replace(self, order=2 if pairs else 1, most_pairs=pairs)
        raise Untrainable("the tables would be larger than is accepted: the categories have too many levels")


def check_sample(sample: Sample, design: Design, category_codes: Mapping[str, int]) -> None:
    """Refuse what cannot be learnt from or compiled.

    Raises:
        Untrainable: no feature, one class only, values beyond ±1e300, or a category's code that is none.
    """
    if not design.features:
        raise Untrainable("there is no indicator to learn from")
    if np.all(sample.bad) or not np.any(sample.bad):
        raise Untrainable("all outcomes are the same: a model needs both good and bad ones")
    if np.any(np.abs(sample.matrix) >= DUMPED_INFINITY):
        raise Untrainable(f"an indicator holds values beyond ±{DUMPED_INFINITY:g}: remove or rescale them")
    for feature in design.categories:
        name = design.features[feature]
        codes = sample.matrix[:, feature]
        known = codes[~np.isnan(codes)]
        if np.any((known < 0) | (known >= category_codes[name]) | (known % 1 != 0)):
            raise Untrainable(
                f"indicator {name}: a category's codes are whole numbers from 0, below {category_codes[name]}"
            )


def choose_interactions(
    sample: Sample, design: Design, plan: Plan, threads: int, seed: int
) -> Interactions | None:
    """Return the pairs, and at order 3 the triples, that a free booster of that depth gains most from.

    At order 1 there are none; None, anything, where the plan has no order.
    """
    if plan.order is None:
        return None
    if plan.order == 1:
        return ()
    style = Style("shallow", False, 0.1, 2**plan.order, 0.8, 5.0)
    booster = _train(
        sample, design, Plan(style, None), None, 100, threads=threads, seed=seed, depth=plan.order
    )
    gains: dict[tuple[int, ...], float] = defaultdict(float)
    for tree in booster.dump_model()["tree_info"]:
        _add_gains(tree["tree_structure"], frozenset(), gains)
    best: list[tuple[int, ...]] = sorted(gains, key=lambda features: (-gains[features], features))
    allowed = [features for features in best if design.may_interact(features)]
    pairs = tuple(features for features in allowed if len(features) == 2)[: plan.most_pairs]
    if plan.order == 2:
        return pairs
    # A category may have more levels than a cube has room for.
    cubes = tuple(f for f in allowed if len(f) == 3 and not set(f) & set(design.categories))
    return pairs + cubes[: plan.most_triples]


def _add_gains(node: dict[str, Any], above: frozenset[int], gains: dict[tuple[int, ...], float]) -> None:
    """Add each split's gain to the features on the path to it, where the split brought one of them in."""
    if "split_feature" not in node:
        return
    path = above | {node["split_feature"]}
    if len(path) > max(1, len(above)):
        gains[tuple(sorted(path))] += node["split_gain"]
    for child in (node["left_child"], node["right_child"]):
        _add_gains(child, path, gains)


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Boosters by fold, and what they lost on the rows held out from them.

    `losses` has shape (folds, rounds + 1): the summed log-loss after each round, first of the offsets alone;
    a fold that stopped early keeps its last. `interactions` is what was allowed to interact, by fold.
    """

    plan: Plan
    folds: tuple[Fold, ...]
    boosters: tuple[lgb.Booster, ...]
    losses: Floats
    interactions: tuple[Interactions | None, ...] = ()

    def best_rounds(self) -> int:
        """Return the rounds of the smallest loss."""
        return int(np.argmin(np.sum(self.losses, axis=0)))

    def fewest_rounds(self) -> int:
        """Return the fewest rounds within one standard error (over the folds) of the best."""
        excess = self.losses - self.losses[:, [self.best_rounds()]]
        return int(np.argmax(np.sum(excess, axis=0) <= standard_error(excess)))

    def rounds_that_every_fold_bears(self) -> int:
        """Return the rounds at which the first fold's loss is smallest: beyond, one of them gets worse."""
        return int(np.min(np.argmin(self.losses, axis=1)))

    def held_out(self, sample: Sample, rounds: int) -> Floats:
        """Return each row's margin, without the offset, by the booster that has not seen it, or NaN."""
        margin = np.full(len(sample.bad), np.nan)
        for booster, (_, rows) in zip(self.boosters, self.folds, strict=True):
            margin[rows] = booster.predict(sample.matrix[rows], raw_score=True, num_iteration=max(1, rounds))
        return margin if rounds else np.where(np.isnan(margin), np.nan, 0.0)


def standard_error(by_fold: Floats) -> Floats:
    """Return the standard error of the sum over folds, of differences by fold of shape (folds, …)."""
    result: Floats = np.std(by_fold, axis=0, ddof=1) * np.sqrt(len(by_fold))
    return result


def cross_validate(
    sample: Sample,
    design: Design,
    plan: Plan,
    folds: Sequence[Fold],
    threads: int,
    seed: int,
    interactions: Sequence[Interactions | None] = (),
) -> CrossValidation:
    """Train a booster for each fold of (training, held-out) rows, and follow its held-out loss.

    What may interact is chosen anew for each fold, from its training rows, unless it is given by fold: how
    trees are grown does not matter to it.
    """

    def of_fold(place: int) -> tuple[lgb.Booster, Floats, Interactions | None]:
        fold = folds[place]
        seen, held_out = sample.rows(fold[0]), sample.rows(fold[1])
        stages: dict[str, dict[str, list[float]]] = {}
        chosen = interactions[place] if interactions else choose_interactions(seen, design, plan, 1, seed)
        booster = _train(
            seen, design, plan, chosen, MOST_ROUNDS, threads=1, seed=seed,
            held_out=held_out, stages=stages,
        )  # fmt: skip
        of_rounds = np.array(stages["held_out"]["binary_logloss"]) * len(fold[1])
        return booster, np.append(_loss(held_out), of_rounds), chosen

    boosters, curves, found = zip(*_side_by_side(of_fold, range(len(folds)), threads), strict=True)
    longest = max(len(curve) for curve in curves)
    losses = np.stack([np.append(c, np.full(longest - len(c), c[-1])) for c in curves])
    return CrossValidation(plan, tuple(folds), boosters, losses, found)


def train_bags(
    sample: Sample,
    design: Design,
    plan: Plan,
    rounds: int,
    threads: int,
    seed: int,
    bags: int | None = None,
) -> tuple[lgb.Booster, ...]:
    """Return the bags, to be averaged: each on its own random 70 % of the rows in every round.

    There are four, of many customers two, unless `bags` says otherwise; what may interact is the same in all.
    """
    interactions = choose_interactions(sample, design, plan, threads, seed)
    bags = bags or (BAGS_OF_MANY if len(sample.bad) >= MANY else BAGS)

    def bag(number: int) -> lgb.Booster:
        return _train(sample, design, plan, interactions, rounds, threads=1, seed=seed + number)

    return tuple(_side_by_side(bag, range(bags), threads))


def _side_by_side(work: Callable[[T], R], tasks: Iterable[T], threads: int) -> list[R]:
    """Return the results of work on tasks, so many at a time.

    Two boosters beside each other take half the time of one after the other on two threads each, and learn
    the same.
    """
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, tasks))


def _train(
    sample: Sample,
    design: Design,
    plan: Plan,
    interactions: Interactions | None,
    rounds: int,
    *,
    threads: int,
    seed: int,
    depth: int = -1,
    held_out: Sample | None = None,
    stages: dict[str, dict[str, list[float]]] | None = None,
) -> lgb.Booster:
    """Train one booster; with rows held out, `stages` receives their mean log-loss after each round, and
    training ends early."""
    style = plan.style
    parameters: dict[str, object] = {
        "objective": "binary",
        "boost_from_average": False,
        "learning_rate": style.learning_rate,
        "num_leaves": plan.leaves,
        "max_depth": depth,
        "max_bin": plan.bins,
        "min_data_in_leaf": 20,
        "min_sum_hessian_in_leaf": _EXPECTED_BAD_PER_LEAF,
        "lambda_l2": style.l2,
        "extra_trees": style.random_splits,
        "feature_fraction": style.feature_fraction,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "monotone_constraints": list(design.directions),
        "num_threads": threads,
        "seed": seed,
        # Bags share their bins, also where LightGBM draws them from a sample of many rows.
        "data_random_seed": _BINS_SEED,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    if interactions is not None:
        alone = [[feature] for feature in range(len(design.features)) if design.may_interact([feature])]
        parameters["interaction_constraints"] = alone + [list(features) for features in interactions]
        if not alone:
            # An empty list would allow everything; so nothing is worth a split.
            parameters["min_gain_to_split"] = DUMPED_INFINITY
    data = _dataset(sample, design, plan)
    if held_out is None or stages is None:
        return lgb.train(parameters, data, rounds)
    return lgb.train(
        {**parameters, "metric": "binary_logloss"},
        data,
        rounds,
        valid_sets=[_dataset(held_out, design, plan, data)],
        valid_names=["held_out"],
        callbacks=[lgb.record_evaluation(stages), lgb.early_stopping(_PATIENCE, verbose=False)],
        # Otherwise it would be cut at its own best round, which was chosen on the rows held out.
        keep_training_booster=True,
    )


def _dataset(sample: Sample, design: Design, plan: Plan, reference: lgb.Dataset | None = None) -> lgb.Dataset:
    return lgb.Dataset(
        sample.matrix,
        sample.bad.astype(np.float64),
        init_score=sample.offset,
        feature_name=list(design.features),
        categorical_feature=list(design.categories),
        reference=reference,
        params={"max_bin": plan.bins, "data_random_seed": _BINS_SEED, "verbose": -1},
    )


def _loss(sample: Sample) -> float:
    """Return the summed log-loss of the offsets alone."""
    return float(np.sum(np.logaddexp(0.0, sample.offset) - sample.bad * sample.offset))
