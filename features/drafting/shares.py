"""Weights from what each indicator tells of outcomes: by the square root of its information value.

The root tempers that indicators which say the same are counted more than once.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from features.catalog import WHOLE

# Less than this tells nothing (Siddiqi 2006, chapter 6, calls what lies below 0.02 unpredictive).
LEAST_INFORMATION = 0.02


@dataclass(frozen=True)
class Shares:
    """Weights that add up to 100 in each group, each dimension and the catalog; what is absent has none."""

    dimensions: dict[str, float]
    groups: dict[str, float]
    indicators: dict[str, float]


def shares_of(informations: Mapping[str, float], places: Mapping[str, tuple[str, str]]) -> Shares:
    """Return the weights of indicators, their groups and dimensions; whole numbers.

    Args:
        informations: the information value of each indicator that has points.
        places: the dimension and the group of each.
    """
    telling = {id_: value for id_, value in informations.items() if value >= LEAST_INFORMATION}
    # Where nothing tells, all count alike.
    roots = {id_: math.sqrt(value) for id_, value in telling.items()} or dict.fromkeys(informations, 1.0)
    tree: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for id_, root in roots.items():
        dimension, group = places[id_]
        tree[dimension][group][id_] = root
    sums = {name: {group: sum(inside.values()) for group, inside in of.items()} for name, of in tree.items()}
    dimensions = _whole({name: sum(of.values()) for name, of in sums.items()})
    groups: dict[str, float] = {}
    indicators: dict[str, float] = {}
    for name, of_groups in sums.items():
        if not dimensions[name]:
            continue
        groups |= _whole(of_groups)
        for group in of_groups:
            if groups[group]:
                indicators |= _whole(tree[name][group])
    return Shares(dimensions, groups, indicators)


def _whole(parts: Mapping[str, float]) -> dict[str, float]:
    """Return whole numbers that add up to 100 in proportion, by largest remainders."""
    total = sum(parts.values())
    exact = {name: WHOLE * part / total for name, part in parts.items()}
    result = {name: float(math.floor(value)) for name, value in exact.items()}
    left = round(WHOLE - sum(result.values()))
    for name in sorted(parts, key=lambda name: (result[name] - exact[name], name))[:left]:
        result[name] += 1.0
    return result
