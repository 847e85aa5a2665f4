"""Shapley values of a tree summed over all subsets of its features: slow, and by the definition alone.

The game is the path-dependent one (Lundberg et al. 2020, "From local explanations to global understanding
with explainable AI for trees", algorithm 1): what a tree says of a row of which only some features are known
is the mean over its leaves, a split by an unknown feature sending its training rows' shares both ways. The
Shapley value is Shapley's own sum (1953, "A value for n-person games"). No closed form is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np

from training.independent.trees import Bools, Booster, Floats, Tree

# A tree by more features than this has too many subsets.
MOST_PLAYERS = 10
# So many steps, a row by a subset by a node, take some seconds.
MOST_STEPS = 1e9


@dataclass(frozen=True, eq=False)
class BruteForce:
    """Shapley values of the mean of boosters, shape (n, k), of the first n rows; `base` is its mean."""

    values: Floats
    base: float


def by_subsets(boosters: Sequence[Booster], matrix: Floats) -> BruteForce | None:
    """Return the Shapley values of as many rows of a matrix (n, k) as can be had in some seconds.

    None where a tree splits by more than `MOST_PLAYERS` features.
    """
    trees = [tree for booster in boosters for tree in booster.trees]
    if any(len(tree.features) > MOST_PLAYERS for tree in trees):
        return None
    steps = sum(2 ** len(tree.features) * (2 * len(tree.splits) + 1) for tree in trees)
    rows = matrix[: max(1, int(MOST_STEPS / max(1, steps)))]
    values, base = np.zeros(rows.shape), 0.0
    for tree in trees:
        of_tree, expected = shapley_values(tree, rows)
        values += of_tree
        base += expected
    return BruteForce(values / len(boosters), base / len(boosters))


def shapley_values(tree: Tree, matrix: Floats) -> tuple[Floats, float]:
    """Return one tree's Shapley values, shape (n, k), of a matrix (n, k), and its mean."""
    players = tree.features
    count = len(players)
    # Row s of `known` says which players subset s has, one bit each.
    known = (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(np.bool_)
    worth = _worth(tree, matrix, known)
    result = np.zeros(matrix.shape)
    sizes = known.sum(axis=1)
    weights = np.array(
        [factorial(size) * factorial(count - size - 1) / factorial(count) for size in range(count)]
    )
    for place, feature in enumerate(players):
        without = np.flatnonzero(~known[:, place])
        gains = worth[without + 2**place] - worth[without]
        result[:, feature] = weights[sizes[without]] @ gains
    return result, float(worth[0, 0]) if len(matrix) else 0.0


def _worth(tree: Tree, matrix: Floats, known: Bools) -> Floats:
    """Return what the tree says of each row for each subset of known features, shape (subsets, n)."""
    place = {feature: column for column, feature in enumerate(tree.features)}
    worth = np.zeros((len(known), len(matrix)))
    waiting = [(tree.root, np.ones(worth.shape))]
    while waiting:
        node, share = waiting.pop()
        if node < 0:
            worth += tree.leaf_values[~node] * share
            continue
        split = tree.splits[node]
        of_cover = tree.share_left(split)
        goes_left = split.goes_left(matrix[:, split.feature]).astype(np.float64)
        left = np.where(known[:, [place[split.feature]]], goes_left, of_cover)
        waiting += [(split.left, share * left), (split.right, share * (1.0 - left))]
    return worth
