"""The weighted baseline by decision 001, worked out for one customer at a time over the tree of weights."""

from dataclasses import dataclass, field
from itertools import pairwise

from training.independent.customers import Customer
from training.independent.declared import Catalog, Indicator, Knots, Policy, weight_of


@dataclass
class Node:
    """A part of the tree for one customer: an indicator, a group, a dimension or the whole.

    `score` is None where nothing in it is known; `cost` is what it costs if all of it is missing, 0 or less;
    `complete` the share of what applies that is known.
    """

    id: str
    weight: float
    children: list["Node"] = field(default_factory=list)
    applies: bool = False
    score: float | None = None
    cost: float = 0.0
    complete: float = 0.0


@dataclass(frozen=True)
class Weighted:
    """The baseline of one customer: the score is the reference plus the contributions by indicator.

    `dimensions` are the dimensions' nodes by id, of those that have a weight.
    """

    reference: float
    score: float
    contributions: dict[str, float]
    dimensions: dict[str, Node]
    complete: float


def weighted_baseline(customer: Customer, catalog: Catalog, policy: Policy) -> Weighted:
    """Score one customer."""
    missing, reference = policy.missing_points, policy.reference(customer.nature)
    whole = _tree(customer, catalog)
    _score(whole, missing)
    contributions: dict[str, float] = {}
    if whole.score is None:
        # Of whom nothing is known has the missing points; to whom nothing applies, the reference.
        score = missing if whole.applies else reference
        _hand_down(whole, 0.0, missing - reference, reference, contributions)
    else:
        score = whole.score
        _hand_down(whole, 1.0, whole.cost, reference, contributions)
    return Weighted(
        reference, score, contributions, {node.id: node for node in whole.children}, whole.complete
    )


def points_on(curve: Knots, value: float) -> float:
    """Return a curve's points: straight between knots, constant beyond them."""
    if value <= curve[0][0]:
        return curve[0][1]
    for (x, p), (y, q) in pairwise(curve):
        if value <= y:
            return p + (q - p) * ((value - x) / (y - x))
    return curve[-1][1]


def _tree(customer: Customer, catalog: Catalog) -> Node:
    """Return what has a weight for the customer's nature, with what is known of each indicator."""
    whole = Node("", 1.0)
    for dimension in catalog.dimensions:
        of_dimension = Node(dimension["id"], weight_of(dimension, customer.nature))
        for group in dimension["groups"]:
            of_group = Node(group["id"], weight_of(group, customer.nature))
            for document in group["indicators"]:
                indicator = catalog.by_id[document["id"]]
                weight = indicator.own_weight(customer.nature)
                if weight and of_group.weight and of_dimension.weight:
                    of_group.children.append(_leaf(indicator, weight, customer))
            if of_group.children:
                of_dimension.children.append(of_group)
        if of_dimension.children:
            whole.children.append(of_dimension)
    return whole


def _leaf(indicator: Indicator, weight: float, customer: Customer) -> Node:
    node = Node(indicator.id, weight, applies=indicator.id in customer.applicable)
    value = customer.value(indicator.id)
    if value is not None and indicator.curve is not None:
        node.score, node.complete = points_on(indicator.curve, value), 1.0
    return node


def _score(node: Node, missing_points: float) -> None:
    """Work a node out from its children's."""
    if not node.children:
        return
    for child in node.children:
        _score(child, missing_points)
    applying = sum(child.weight for child in node.children if child.applies)
    known = sum(child.weight for child in node.children if child.score is not None)
    node.applies = applying > 0
    if applying:
        node.complete = sum(c.weight * c.complete for c in node.children if c.applies) / applying
    if known:
        mean = sum(c.weight * c.score for c in node.children if c.score is not None) / known
        unknown = sum(c.weight for c in node.children if c.applies and c.score is None) / applying
        node.cost = min(0.0, missing_points - mean)
        node.score = mean + unknown * node.cost


def _hand_down(node: Node, weight: float, cost: float, reference: float, into: dict[str, float]) -> None:
    """Split a node's weight over what is known in it, and its cost over what is missing, down to indicators.

    Args:
        node: a part of the tree.
        weight: its share of the composite where anything in it is known.
        cost: what the composite loses if all of it is missing.
    """
    applying = sum(child.weight for child in node.children if child.applies)
    known = sum(child.weight for child in node.children if child.score is not None)
    for child in node.children:
        if child.score is not None:
            share = weight * child.weight / known
            if child.children:
                _hand_down(child, share, share * child.cost, reference, into)
            else:
                into[child.id] = share * (child.score - reference)
        elif child.applies:
            part = cost * child.weight / applying
            if child.children:
                _hand_down(child, 0.0, part, reference, into)
            else:
                into[child.id] = part
