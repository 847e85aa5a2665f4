"""Compiling LightGBM boosters to points tables, exactly or not at all."""

import json
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from features.portfolio import Bools, Floats
from models.points import MOST_FEATURES, Axis, PointsTables, Table

# LightGBM dumps every number from here on as this one, infinity included.
DUMPED_INFINITY = 1e300
# The most cells that a table of three features may have along each of them.
MOST_CELLS_OF_THREE = 34


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
            goes_left[: bisect_right((*axis.thresholds, math.inf), self.threshold)] = True
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
        features: the k feature names in the boosters' order, which must be the boosters' own where they
            were trained with names.
        category_codes: for each categorical feature the number of codes; a larger code is unseen.

    Raises:
        NotCompilable: more than three features on a path, a table of three of more than 34 cells a side,
            linear leaves, zero as missing, other objectives, other feature names, splits among values
            beyond ±1e300, leaves that are no finite numbers.
    """
    if not boosters:
        raise NotCompilable("no booster given")
    share = 1.0 / len(boosters)
    base = 0.0
    leaves: dict[tuple[int, ...], list[_Leaf]] = defaultdict(list)
    for booster in boosters:
        model = _dump(booster)
        _check_model(model, features)
        for tree in model["tree_info"]:
            for leaf, probability in _leaves(tree["tree_structure"], (), 1.0):
                base += share * leaf.value * probability
                _check_leaf(leaf, model)
                leaves[leaf.features].append(_Leaf(leaf.value * share, leaf.tests))
    codes = {index: category_codes[name] for index, name in enumerate(features) if name in category_codes}
    _check_categories(leaves, codes)
    tables = [_table(path, leaves[path], codes) for path in sorted(leaves, key=lambda p: (len(p), p)) if path]
    return PointsTables(tuple(features), base, tuple(tables))


def _dump(booster: lgb.Booster) -> dict[str, Any]:
    try:
        return booster.dump_model()
    except json.JSONDecodeError:
        # LightGBM writes `nan` and `inf` as they are, which is no JSON.
        raise NotCompilable("a leaf's value is no finite number") from None


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
    for index, (name, own) in enumerate(zip(features, model["feature_names"], strict=True)):
        if own not in (name, f"Column_{index}"):
            raise NotCompilable(f"feature {index} is {own} in the booster and named {name}")


def _check_leaf(leaf: _Leaf, model: dict[str, Any]) -> None:
    names, values = model["feature_names"], model["feature_infos"]
    for test in leaf.tests:
        if test.feature >= len(names):
            raise NotCompilable("a tree tests a feature that is not named")
        # Where training saw no such values, an infinite threshold is one, and only separates missing values.
        rounded = test.threshold == -DUMPED_INFINITY or (
            test.threshold == math.inf and values[names[test.feature]]["max_value"] >= DUMPED_INFINITY
        )
        if rounded:
            raise NotCompilable(
                f"feature {test.feature} is split among values beyond ±{DUMPED_INFINITY:g}, which LightGBM "
                "does not dump: remove or rescale them"
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
            dumped = float(node["threshold"])
            threshold: float | frozenset[int] = math.inf if dumped >= DUMPED_INFINITY else dumped
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


def _table(path: tuple[int, ...], leaves: list[_Leaf], codes: dict[int, int]) -> Table:
    """Return the table of the leaves that test the same one to three features."""
    if len(path) > MOST_FEATURES:
        raise NotCompilable(
            f"a path tests {len(path)} features ({_listed(path)}), at most {MOST_FEATURES} can be compiled: "
            "train with interaction constraints"
        )
    axes = tuple(_axis(feature, leaves, codes) for feature in path)
    if len(path) == MOST_FEATURES and max(axis.cells for axis in axes) > MOST_CELLS_OF_THREE:
        sizes = " x ".join(str(axis.cells) for axis in axes)
        raise NotCompilable(
            f"the table of features {_listed(path)} has {sizes} cells, at most {MOST_CELLS_OF_THREE} a side "
            f"can be compiled: give them {MOST_CELLS_OF_THREE - 1} bins or fewer, or no path in common"
        )
    values = np.array([leaf.value for leaf in leaves])
    # By axis: o of shape (leaves, cells), r of shape (leaves, 1).
    factors = [
        (np.array([o for o, _ in of_leaves]), np.array([[r] for _, r in of_leaves]))
        for of_leaves in ([leaf.factors(axis) for leaf in leaves] for axis in axes)
    ]
    contributions = np.empty((len(axes), *(axis.cells for axis in axes)))
    for place, (o, r) in enumerate(factors):
        own = values[:, None] * (o - r)
        others = factors[:place] + factors[place + 1 :]
        contributions[place] = np.moveaxis(_summed(own, others), 0, place)
    return Table(axes, contributions)


def _listed(features: tuple[int, ...]) -> str:
    """Return feature indices as a text, `1, 4 and 7`."""
    *first, last = map(str, features)
    return f"{', '.join(first)} and {last}"


def _summed(own: Floats, others: list[tuple[Floats, Floats]]) -> Floats:
    """Return v (o − r), shape (leaves, cells), times the other features' weights, summed over the leaves.

    The result's first axis is the own feature, those of the others follow.
    """
    if not others:
        alone: Floats = np.sum(own, axis=0)
        return alone
    (o_b, r_b) = others[0]
    if len(others) == 1:
        pair: Floats = own.T @ ((o_b + r_b) / 2)
        return pair
    (o_c, r_c) = others[1]
    # r_b r_c / 3 + (o_b r_c + r_b o_c) / 6 + o_b o_c / 3, as o_b times a factor of c plus r_b times another.
    with_o, with_r = o_c / 3 + r_c / 6, r_c / 3 + o_c / 6
    triple: Floats = np.einsum("la,lb,lc->abc", own, o_b, with_o, optimize=True)
    # The second term is the same for every cell of b.
    triple += np.einsum("la,lc->ac", own * r_b, with_r, optimize=True)[:, None, :]
    return triple
