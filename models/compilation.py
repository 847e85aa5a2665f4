"""Compiling LightGBM boosters to points tables, exactly or not at all."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from features.portfolio import Floats
from models.points import MOST_FEATURES, Axis, PointsTables, Table

# LightGBM dumps every number from here on as this one, infinity included.
DUMPED_INFINITY = 1e300
# The most cells that a table of three features may have along each of them.
MOST_CELLS_OF_THREE = 34
# Of tables of three features so many leaves are summed at a time, in 20 MB at most.
_LEAVES_AT_A_TIME = 2000


class NotCompilable(ValueError):
    """A booster cannot be compiled exactly; the message says which part and why."""


@dataclass(frozen=True, slots=True)
class _Test:
    """One side of one split: the feature, the split and the branch taken, the branch's share of the cover."""

    feature: int
    threshold: float | frozenset[int]
    left: bool
    takes_missing: bool
    ratio: float


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A leaf's value, what is tested on its path, and the share of the training cover that reaches it."""

    value: float
    tests: tuple[_Test, ...]
    probability: float

    @property
    def features(self) -> tuple[int, ...]:
        return tuple(sorted({test.feature for test in self.tests}))


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
    codes = {index: category_codes[name] for index, name in enumerate(features) if name in category_codes}
    share = 1.0 / len(boosters)
    base = 0.0
    by_path: dict[tuple[int, ...], list[_Leaf]] = defaultdict(list)
    for booster in boosters:
        for leaf in _leaves(_dump(booster), features, codes):
            base += share * leaf.value * leaf.probability
            by_path[leaf.features].append(leaf)
    paths = sorted(filter(None, by_path), key=lambda path: (len(path), path))
    tables = [_table(path, by_path[path], share, codes) for path in paths]
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


def _leaves(model: dict[str, Any], features: Sequence[str], codes: dict[int, int]) -> list[_Leaf]:
    """Return the leaves of all trees of a dumped model, having checked it."""
    _check_model(model, features)
    infos = [model["feature_infos"].get(name, {}) for name in model["feature_names"]]
    largest = [info.get("max_value", 0.0) for info in infos]
    found: list[_Leaf] = []

    def walk(node: dict[str, Any], tests: tuple[_Test, ...], probability: float) -> None:
        if "split_feature" not in node:
            if "leaf_coeff" in node:
                raise NotCompilable("linear leaves cannot be compiled")
            found.append(_Leaf(float(node["leaf_value"]), tests, probability))
            return
        feature, threshold = node["split_feature"], _threshold(node)
        _check_split(feature, threshold, largest, codes)
        if isinstance(threshold, frozenset):
            missing_left = False  # LightGBM sends missing and unseen categories to the right
        else:
            # Missing counts as 0 without a rule.
            missing_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0.0
        whole = node["internal_count"]
        for side in ("left_child", "right_child"):
            child, left = node[side], side == "left_child"
            count = child["internal_count"] if "split_feature" in child else child["leaf_count"]
            ratio = count / whole if whole else math.nan
            if not ratio > 0:
                raise NotCompilable("a branch without cover cannot be explained")
            test = _Test(feature, threshold, left, missing_left == left, ratio)
            walk(child, (*tests, test), probability * ratio)

    for tree in model["tree_info"]:
        walk(tree["tree_structure"], (), 1.0)
    return found


def _threshold(node: dict[str, Any]) -> float | frozenset[int]:
    """Return the largest number that goes left at a split, or the categories that do."""
    if node["missing_type"] not in ("None", "NaN"):
        raise NotCompilable("zero as missing cannot be compiled; train without zero_as_missing")
    match node["decision_type"]:
        case "<=":
            dumped = float(node["threshold"])
            return math.inf if dumped >= DUMPED_INFINITY else dumped
        case "==":
            return frozenset(int(code) for code in str(node["threshold"]).split("||"))
        case other:
            raise NotCompilable(f"unknown decision type {other}")


def _check_split(
    feature: int, threshold: float | frozenset[int], largest: Sequence[float], codes: dict[int, int]
) -> None:
    """Refuse a split that cannot be compiled; `largest` holds the largest value of each named feature."""
    if feature >= len(largest):
        raise NotCompilable("a tree tests a feature that is not named")
    if isinstance(threshold, frozenset) != (feature in codes):
        raise NotCompilable(f"feature {feature} is split as another kind than it is declared")
    if isinstance(threshold, frozenset):
        if max(threshold) >= codes[feature]:
            raise NotCompilable(f"feature {feature} is split at a code beyond those declared")
    # Where training saw no such values, an infinite threshold is one, and only separates missing values.
    elif threshold == -DUMPED_INFINITY or (threshold == math.inf and largest[feature] >= DUMPED_INFINITY):
        raise NotCompilable(
            f"feature {feature} is split among values beyond ±{DUMPED_INFINITY:g}, which LightGBM "
            "does not dump: remove or rescale them"
        )


def _axis(feature: int, leaves: list[_Leaf], codes: dict[int, int]) -> Axis:
    if feature in codes:
        return Axis(feature, codes=codes[feature])
    thresholds = {test.threshold for leaf in leaves for test in leaf.tests if test.feature == feature}
    # An infinite threshold parts no two values: the last cell has none above it anyway.
    finite = (t for t in thresholds if not isinstance(t, frozenset) and math.isfinite(t))
    return Axis(feature, thresholds=tuple(sorted(finite)))


def _factors(axis: Axis, leaves: list[_Leaf]) -> tuple[Floats, Floats]:
    """Return o by leaf and cell of an axis, shape (leaves, cells), and r by leaf, shape (leaves, 1)."""
    of_leaves = [[test for test in leaf.tests if test.feature == axis.feature] for leaf in leaves]
    ratios = np.array([[math.prod(test.ratio for test in tests)] for tests in of_leaves])
    if axis.codes is not None:
        return np.array([_categories_taken(axis, tests) for tests in of_leaves]), ratios
    # Of numbers a path takes those between two thresholds. Cell j holds (threshold j-1, threshold j].
    places: dict[float | frozenset[int], int]
    places = {threshold: place + 1 for place, threshold in enumerate((*axis.thresholds, math.inf))}
    sides = [[[places[test.threshold] for test in tests if test.left is left] for left in (True, False)]
             for tests in of_leaves]  # fmt: skip
    end = np.array([[min(left, default=axis.cells - 1)] for left, _ in sides])
    first = np.array([[max(right, default=0)] for _, right in sides])
    cells = np.arange(axis.cells)
    taken = (first <= cells) & (cells < end)
    taken[:, -1] = [all(test.takes_missing for test in tests) for tests in of_leaves]
    return taken.astype(np.float64), ratios


def _categories_taken(axis: Axis, tests: list[_Test]) -> Floats:
    """Return 1 for each cell of a category's axis whose codes pass all tests, else 0; shape (cells,)."""
    taken = np.ones(axis.cells, dtype=np.bool_)
    for test in tests:
        if isinstance(test.threshold, frozenset):
            goes_left = np.zeros(axis.cells, dtype=np.bool_)
            goes_left[list(test.threshold)] = True
            taken &= goes_left if test.left else ~goes_left
    return taken.astype(np.float64)


def _table(path: tuple[int, ...], leaves: list[_Leaf], share: float, codes: dict[int, int]) -> Table:
    """Return the table of the leaves that test the same one to three features, each counted by a share."""
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
    values = np.array([leaf.value * share for leaf in leaves])
    factors = [_factors(axis, leaves) for axis in axes]
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
    triple = np.zeros((own.shape[1], o_b.shape[1] * o_c.shape[1]))
    for start in range(0, len(own), _LEAVES_AT_A_TIME):
        some = slice(start, start + _LEAVES_AT_A_TIME)
        pairs = o_b[some, :, None] * with_o[some, None, :]
        triple += own[some].T @ pairs.reshape(len(pairs), -1)
    result: Floats = triple.reshape(own.shape[1], o_b.shape[1], o_c.shape[1])
    # The second term is the same for every cell of b.
    result += ((own * r_b).T @ with_r)[:, None, :]
    return result
