"""LightGBM's boosters read from their text, and walked: neither the product's compiler nor LightGBM's dump.

The format is that of LightGBM's `Tree::ToString` (src/io/tree.cpp), the decisions are those of
`NumericalDecision` and `CategoricalDecision` (include/LightGBM/tree.h). A text that was changed can end the
process that loads it into LightGBM; so it is read here first, and refused unless every tree is one.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# LightGBM reads smaller numbers as 0: its kZeroThreshold, a 32-bit float.
ZERO = float(np.float32(1e-35))
# The bits of a decision: is it of a category, does what is missing go left, and what counts as missing.
_OF_CATEGORY, _MISSING_LEFT = 1, 2
_ZERO_IS_MISSING, _NAN_IS_MISSING = 1, 2


class UnreadableBooster(ValueError):
    """A booster's text is refused; one line that says why."""


@dataclass(frozen=True)
class Split:
    """One inner node; `left` and `right` are splits (0 and more) or leaves (−1 the first, −2 the next, …).

    `categories` go left where it is one of a category. `cover` is how many training rows reached it.
    """

    feature: int
    threshold: float
    categories: frozenset[int] | None
    missing: int
    missing_left: bool
    left: int
    right: int
    cover: int

    def goes_left(self, values: Floats) -> Bools:
        """Return which of the feature's values, shape (n,), go left."""
        missing = np.isnan(values)
        if self.categories is not None:
            return np.array(
                [not math.isnan(v) and v >= 0 and int(v) in self.categories for v in values.tolist()],
                dtype=np.bool_,
            )
        numbers = np.where(missing | (np.abs(values) <= ZERO), 0.0, values)
        left: Bools = numbers <= self.threshold
        if self.missing == _NAN_IS_MISSING:
            left[missing] = self.missing_left
        elif self.missing == _ZERO_IS_MISSING:
            left[numbers == 0.0] = self.missing_left
        return left


@dataclass(frozen=True)
class Tree:
    """Splits, the first of which is the root, and leaves with their values and covers."""

    splits: tuple[Split, ...]
    leaf_values: tuple[float, ...]
    leaf_covers: tuple[int, ...]

    @property
    def root(self) -> int:
        """The root: a split, or the only leaf."""
        return 0 if self.splits else -1

    @property
    def features(self) -> tuple[int, ...]:
        """The features that it splits by."""
        return tuple(sorted({split.feature for split in self.splits}))

    def share_left(self, split: Split) -> float:
        """Return the share of a split's training rows that went left."""
        return self._cover(split.left) / split.cover

    def _cover(self, node: int) -> int:
        return self.splits[node].cover if node >= 0 else self.leaf_covers[~node]

    def margin(self, matrix: Floats) -> Floats:
        """Return the value of the leaf that each row of (n, k) falls into, shape (n,)."""
        result = np.zeros(len(matrix))
        waiting = [(self.root, np.arange(len(matrix)))]
        while waiting:
            node, rows = waiting.pop()
            if node < 0:
                result[rows] = self.leaf_values[~node]
                continue
            split = self.splits[node]
            left = split.goes_left(matrix[rows, split.feature])
            waiting += [(split.left, rows[left]), (split.right, rows[~left])]
        return result


@dataclass(frozen=True)
class Booster:
    """A binary booster: the features' names and its trees, whose values add up to its log-odds."""

    features: tuple[str, ...]
    trees: tuple[Tree, ...]

    def margin(self, matrix: Floats) -> Floats:
        """Return the log-odds of a matrix (n, k), shape (n,)."""
        result = np.zeros(len(matrix))
        for tree in self.trees:
            result += tree.margin(matrix)
        return result

    def zero_for_nan(self) -> frozenset[int]:
        """Return the features of which what is missing is read as 0."""
        return frozenset(
            split.feature
            for tree in self.trees
            for split in tree.splits
            if split.categories is None and split.missing != _NAN_IS_MISSING
        )


def read_booster(text: str) -> Booster:
    """Read a booster from the text that LightGBM's `model_to_string` writes.

    Raises:
        UnreadableBooster: it is none, of another objective, of several outputs, or a tree is broken.
    """
    head, *blocks = text.split("\nTree=")
    header = _fields(head)
    if not header.get("objective", "").startswith("binary") or "sigmoid:1" not in header["objective"].split():
        raise UnreadableBooster("the objective must be binary with sigmoid 1")
    if header.get("num_tree_per_iteration") != "1" or "average_output" in head.split():
        raise UnreadableBooster("a booster with several outputs, or averaged ones, cannot be read")
    features = tuple(header.get("feature_names", "").split())
    trees = []
    for number, block in enumerate(blocks):
        try:
            tree = _tree(_fields(block.partition("end of trees")[0]))
        except (KeyError, ValueError, IndexError, OverflowError):
            raise UnreadableBooster(f"tree {number} is cut or changed") from None
        if not _is_sound(tree, len(features)):
            raise UnreadableBooster(f"tree {number} is no tree")
        trees.append(tree)
    return Booster(features, tuple(trees))


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _tree(fields: dict[str, str]) -> Tree:
    if int(fields.get("is_linear", "0")):
        raise ValueError
    leaves = int(fields["num_leaves"])

    def whole(name: str) -> list[int]:
        return [int(number) for number in fields.get(name, "").split()]

    def numbers(name: str) -> list[float]:
        return [float(number) for number in fields.get(name, "").split()]

    boundaries, words = whole("cat_boundaries"), whole("cat_threshold")
    columns = zip(
        whole("split_feature"), numbers("threshold"), whole("decision_type"), whole("left_child"),
        whole("right_child"), whole("internal_count"),
        strict=True,
    )  # fmt: skip
    splits = []
    for feature, threshold, decision, left, right, cover in columns:
        categories = None
        if decision & _OF_CATEGORY:
            first, last = boundaries[int(threshold)], boundaries[int(threshold) + 1]
            categories = frozenset(_set_bits(words[first:last]))
        splits.append(
            Split(
                feature=feature,
                threshold=threshold,
                categories=categories,
                missing=decision >> 2 & 3,
                missing_left=bool(decision & _MISSING_LEFT),
                left=left,
                right=right,
                cover=cover,
            )
        )
    tree = Tree(tuple(splits), tuple(numbers("leaf_value")), tuple(whole("leaf_count")))
    if len(tree.leaf_values) != leaves or len(splits) != leaves - 1:
        raise ValueError
    return tree


def _set_bits(words: list[int]) -> Iterator[int]:
    """Yield the codes in a set of 32-bit words."""
    for place, word in enumerate(words):
        yield from (32 * place + bit for bit in range(32) if word >> bit & 1)


def _is_sound(tree: Tree, features: int) -> bool:
    """Whether the root reaches every split and leaf once, by known features, with rows in each."""
    if tree.splits and len(tree.leaf_covers) != len(tree.leaf_values):
        return False
    left, seen = [tree.root], set[int]()
    while left:
        node = left.pop()
        if node in seen or not -len(tree.leaf_values) <= node < len(tree.splits):
            return False
        seen.add(node)
        if node >= 0:
            split = tree.splits[node]
            covers = [split.cover]
            covers += [
                tree.splits[child].cover if child >= 0 else tree.leaf_covers[~child]
                for child in (split.left, split.right)
                if -len(tree.leaf_covers) <= child < len(tree.splits)
            ]
            if not 0 <= split.feature < features or math.isnan(split.threshold) or min(covers) <= 0:
                return False
            left += [split.left, split.right]
    return len(seen) == len(tree.splits) + len(tree.leaf_values) and all(map(math.isfinite, tree.leaf_values))
