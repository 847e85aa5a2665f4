"""Compiling LightGBM boosters to points tables, exactly or not at all."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from features.portfolio import Bools, Floats
from models.points import Axis, MainTable, PairTable, PointsTables

# LightGBM dumps every threshold from here on as this number, infinity included; training refuses such values.
DUMPED_INFINITY = 1e300


class NotCompilable(ValueError):
    """A booster cannot be compiled exactly; the message says which part and why."""


@dataclass(frozen=True)
class _Test:
    """One side of one split: the feature, the split and the branch taken, the branch's share of the cover."""

    feature: int
    threshold: float | frozenset[int]
    missing_is_nan: bool
    default_left: bool
    left: bool
    ratio: float

    def satisfied(self, axis: Axis) -> Bools:
        """Return for each cell of an axis whether its values take this branch."""
        goes_left = np.zeros(axis.cells, dtype=np.bool_)
        if isinstance(self.threshold, frozenset):
            # LightGBM sends missing and unseen categories to the right.
            goes_left[[code for code in self.threshold if code < axis.cells - 2]] = True
        else:
            # Cell j holds the values in (threshold j-1, threshold j]; missing counts as 0 without a rule.
            goes_left[:-1] = np.append(np.array(axis.thresholds), np.inf) <= self.threshold
            goes_left[-1] = self.default_left if self.missing_is_nan else self.threshold >= 0.0
        return goes_left if self.left else ~goes_left


@dataclass(frozen=True)
class _Leaf:
    value: float
    tests: tuple[_Test, ...]

    @property
    def features(self) -> tuple[int, ...]:
        return tuple(sorted({test.feature for test in self.tests}))

    def factors(self, axis: Axis) -> tuple[Floats, float]:
        """Return o by cell of the axis, and r, of one feature on this leaf's path."""
        satisfied = np.ones(axis.cells, dtype=np.bool_)
        ratio = 1.0
        for test in self.tests:
            if test.feature == axis.feature:
                satisfied &= test.satisfied(axis)
                ratio *= test.ratio
        return satisfied.astype(np.float64), ratio


def compile_boosters(
    boosters: Sequence[lgb.Booster], features: Sequence[str], category_codes: dict[str, int]
) -> PointsTables:
    """Compile the mean of boosters over the same features.

    Args:
        boosters: binary boosters; their margins are averaged.
        features: the k feature names in the boosters' order.
        category_codes: for each categorical feature the number of codes; a larger code is unseen.

    Raises:
        NotCompilable: more than two features on a path, linear leaves, zero as missing, other objectives.
    """
    if not boosters:
        raise NotCompilable("no booster given")
    share = 1.0 / len(boosters)
    base = 0.0
    leaves: dict[tuple[int, ...], list[_Leaf]] = defaultdict(list)
    for booster in boosters:
        model = booster.dump_model()
        _check_model(model, features)
        for tree in model["tree_info"]:
            for leaf, probability in _leaves(tree["tree_structure"], (), 1.0):
                base += share * leaf.value * probability
                if not all(test.feature < len(features) for test in leaf.tests):
                    raise NotCompilable("a tree tests a feature that is not named")
                leaves[leaf.features].append(_Leaf(leaf.value * share, leaf.tests))
    codes = {index: category_codes[name] for index, name in enumerate(features) if name in category_codes}
    _check_categories(leaves, codes)
    mains, pairs = [], []
    for path in sorted(leaves):
        if len(path) == 1:
            mains.append(_main_table(path[0], leaves[path], codes))
        elif len(path) == 2:
            pairs.append(_pair_table(path, leaves[path], codes))
        elif path:
            raise NotCompilable(f"a path tests {len(path)} features; at most two can be compiled")
    return PointsTables(tuple(features), base, tuple(mains), tuple(pairs))


def _check_model(model: dict[str, Any], features: Sequence[str]) -> None:
    objective = str(model.get("objective", ""))
    if not objective.startswith("binary") or "sigmoid:1" not in objective.split():
        raise NotCompilable("the objective must be binary with sigmoid 1")
    if model["num_tree_per_iteration"] != 1 or model.get("average_output"):
        raise NotCompilable("several trees an iteration, or averaged output, cannot be compiled")
    if len(model["feature_names"]) != len(features):
        raise NotCompilable(
            f"the booster has {len(model['feature_names'])} features, {len(features)} are named"
        )


def _leaves(
    node: dict[str, Any], tests: tuple[_Test, ...], probability: float
) -> Iterator[tuple[_Leaf, float]]:
    """Yield each leaf with the share of the training cover that reaches it."""
    if "split_feature" not in node:
        if "leaf_coeff" in node:
            raise NotCompilable("linear leaves cannot be compiled")
        yield _Leaf(float(node["leaf_value"]), tests), probability
        return
    if node["missing_type"] not in ("None", "NaN"):
        raise NotCompilable("zero as missing cannot be compiled; train without zero_as_missing")
    match node["decision_type"]:
        case "<=":
            threshold: float | frozenset[int] = _threshold(float(node["threshold"]))
        case "==":
            threshold = frozenset(int(code) for code in str(node["threshold"]).split("||"))
        case other:
            raise NotCompilable(f"unknown decision type {other}")
    whole = node["internal_count"]
    for side in ("left_child", "right_child"):
        child = node[side]
        count = child["internal_count"] if "split_feature" in child else child["leaf_count"]
        ratio = count / whole if whole else math.nan
        if not ratio > 0:
            raise NotCompilable("a branch without cover cannot be explained")
        test = _Test(
            feature=node["split_feature"],
            threshold=threshold,
            missing_is_nan=node["missing_type"] == "NaN",
            default_left=node["default_left"],
            left=side == "left_child",
            ratio=ratio,
        )
        yield from _leaves(child, (*tests, test), probability * ratio)


def _threshold(dumped: float) -> float:
    """Undo the dump's rounding of an infinite threshold, which only separates missing values."""
    return math.inf if dumped >= DUMPED_INFINITY else dumped


def _check_categories(leaves: dict[tuple[int, ...], list[_Leaf]], codes: dict[int, int]) -> None:
    for leaf in (leaf for group in leaves.values() for leaf in group):
        for test in leaf.tests:
            if isinstance(test.threshold, frozenset) != (test.feature in codes):
                raise NotCompilable(f"feature {test.feature} is split as another kind than it is declared")
            if isinstance(test.threshold, frozenset) and max(test.threshold) >= codes[test.feature]:
                raise NotCompilable(f"feature {test.feature} is split at a code beyond those declared")


def _axis(feature: int, leaves: list[_Leaf], codes: dict[int, int]) -> Axis:
    if feature in codes:
        return Axis(feature, codes=codes[feature])
    thresholds = {test.threshold for leaf in leaves for test in leaf.tests if test.feature == feature}
    # An infinite threshold parts no two values: the last cell has none above it anyway.
    finite = (t for t in thresholds if not isinstance(t, frozenset) and math.isfinite(t))
    return Axis(feature, thresholds=tuple(sorted(finite)))


def _main_table(feature: int, leaves: list[_Leaf], codes: dict[int, int]) -> MainTable:
    axis = _axis(feature, leaves, codes)
    contributions = np.zeros(axis.cells)
    for leaf in leaves:
        satisfied, ratio = leaf.factors(axis)
        contributions += leaf.value * (satisfied - ratio)
    return MainTable(axis, contributions)


def _pair_table(path: tuple[int, ...], leaves: list[_Leaf], codes: dict[int, int]) -> PairTable:
    first, second = (_axis(feature, leaves, codes) for feature in path)
    of_first, of_second = np.zeros((first.cells, second.cells)), np.zeros((first.cells, second.cells))
    for leaf in leaves:
        o_a, r_a = leaf.factors(first)
        o_b, r_b = leaf.factors(second)
        of_first += leaf.value / 2 * np.outer(o_a - r_a, o_b + r_b)
        of_second += leaf.value / 2 * np.outer(o_a + r_a, o_b - r_b)
    return PairTable(first, second, of_first, of_second)
