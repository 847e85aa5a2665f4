"""The baseline does what its documentation says, line by line."""

import dataclasses
import itertools
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Indicator, Kind, Placed, load_catalog
from features.condition import Condition
from features.curve import Better
from features.customer import Customer, parse_customer
from features.portfolio import Portfolio
from features.terms import Nature
from models.baseline import CHUNK, Baseline, BaselineResult
from models.policy import Policy, load_policy
from tests.strategies import (
    UNSEEN,
    awkward_numbers,
    catalogs,
    customers,
    policy_for,
    portfolio_of,
    random_portfolio,
)

CATALOG = load_catalog("customer")
POLICY = load_policy("customer")
BASELINE = Baseline(CATALOG, POLICY)


# A second, slow implementation: one customer at a time, in plain Python, from the documentation.


@dataclass
class Evaluated:
    """A node of the tree: whether anything applies, its score (None where nothing is known), completeness."""

    applies: bool
    score: float | None
    completeness: float = 0.0


def met(condition: Condition, catalog: Catalog, customer: Customer) -> bool | None:
    """Whether a customer meets a condition; None where that is not known."""
    value = customer.codes.get(condition.indicator)
    if value is None:
        return None
    if isinstance(condition.is_, bool):
        return value == float(condition.is_)
    if condition.is_ is not None:
        level = customer.levels[condition.indicator]
        declared = catalog.by_id[condition.indicator].indicator.levels or {}
        return level in condition.is_ if level in declared else None
    if condition.at_least is not None:
        return value >= condition.at_least
    if condition.at_most is not None:
        return value <= condition.at_most
    if condition.above is not None:
        return value > condition.above
    assert condition.below is not None
    return value < condition.below


def applies(placed: Placed, catalog: Catalog, customer: Customer) -> bool:
    conditions = [met(condition, catalog, customer) for condition in placed.conditions]
    return placed.applies_to(customer.nature) and all(known in (True, None) for known in conditions)


def points_of(indicator: Indicator, customer: Customer) -> float | None:
    if indicator.id not in customer.codes:
        return None
    value = customer.codes[indicator.id]
    match indicator.kind:
        case Kind.CATEGORY:
            level = (indicator.levels or {}).get(customer.levels[indicator.id])
            return indicator.unseen_points if level is None else level.points
        case Kind.FLAG:
            assert indicator.points is not None and not isinstance(indicator.points, tuple)
            return indicator.points.true if value else indicator.points.false
        case Kind.NUMBER:
            assert isinstance(indicator.points, tuple)
            knots = indicator.points
            if value <= knots[0][0]:
                return knots[0][1]
            for (x0, y0), (x1, y1) in itertools.pairwise(knots):
                if value <= x1:
                    return y0 + (y1 - y0) * (value - x0) / (x1 - x0)
            return knots[-1][1]


def combined(children: list[tuple[float, Evaluated]], missing_points: float) -> Evaluated:
    applying = sum(weight for weight, child in children if child.applies)
    known = sum(weight for weight, child in children if child.score is not None)
    if not applying:
        return Evaluated(False, None)
    completeness = sum(weight * child.completeness for weight, child in children if child.applies) / applying
    if not known:
        return Evaluated(True, None, completeness)
    mean = sum(weight * child.score for weight, child in children if child.score is not None) / known
    missing = 1 - known / applying
    return Evaluated(True, mean + min(0.0, missing * (missing_points - mean)), completeness)


def evaluated_slowly(catalog: Catalog, policy: Policy, customer: Customer) -> dict[str, Evaluated]:
    """Return every node by its id, the composite as `whole`."""
    shares = catalog.weights(customer.nature)
    nodes = {}
    of_dimensions = []
    for dimension in catalog.dimensions:
        of_groups, dimension_share = [], 0.0
        for group in dimension.groups:
            leaves, group_share = [], 0.0
            for indicator in group.indicators:
                if indicator.id not in shares:
                    continue
                dimension_share, group_share, own = shares[indicator.id]
                leaf = Evaluated(False, None)
                if applies(catalog.by_id[indicator.id], catalog, customer):
                    points = points_of(indicator, customer)
                    leaf = Evaluated(True, points, 0.0 if points is None else 1.0)
                leaves.append((own, leaf))
                nodes[indicator.id] = leaf
            if leaves:
                nodes[group.id] = combined(leaves, policy.missing_points)
                of_groups.append((group_share, nodes[group.id]))
        if of_groups:
            nodes[dimension.id] = combined(of_groups, policy.missing_points)
            of_dimensions.append((dimension_share, nodes[dimension.id]))
    nodes["whole"] = combined(of_dimensions, policy.missing_points)
    return nodes


def assert_as_evaluated_slowly(catalog: Catalog, policy: Policy, customer: Customer) -> None:
    fast = Baseline(catalog, policy).evaluate(portfolio_of(catalog, customer))
    slow = evaluated_slowly(catalog, policy, customer)
    reference = policy.reference_for(customer.nature)
    whole = slow["whole"]
    expected = whole.score
    if expected is None:
        expected = policy.missing_points if whole.applies else reference
    assert fast.base[0] == reference
    assert fast.score[0] == pytest.approx(expected, abs=1e-9)
    assert fast.completeness[0] == pytest.approx(whole.completeness, abs=1e-12)
    for dimension in catalog.dimensions:
        node = slow.get(dimension.id, Evaluated(False, None))
        assert fast.dimension_applies[dimension.id][0] == node.applies
        assert_same_score(float(fast.dimension_scores[dimension.id][0]), node.score)
        for group in dimension.groups:
            node = slow.get(group.id, Evaluated(False, None))
            assert_same_score(float(fast.group_scores[group.id][0]), node.score)
    for column, placed in enumerate(catalog.placed):
        leaf = slow.get(placed.id, Evaluated(False, None))
        contribution = fast.contributions[0, column]
        if leaf.score is not None:
            assert contribution == pytest.approx(fast.weights[0, column] * (leaf.score - reference), abs=1e-9)
        elif leaf.applies:
            assert contribution <= 0
        else:
            assert contribution == 0
    assert fast.base[0] + fast.contributions[0].sum() == pytest.approx(fast.score[0], abs=1e-9)
    weights = fast.weights[0].sum()
    assert weights == pytest.approx(0.0 if whole.score is None else 1.0, abs=1e-12)


def assert_same_score(fast: float, slow: float | None) -> None:
    assert np.isnan(fast) if slow is None else fast == pytest.approx(slow, abs=1e-9)


@given(customer=customers(CATALOG))
@settings(max_examples=150)
def test_the_bundled_catalog_scores_as_the_documentation_says(customer: Customer) -> None:
    assert_as_evaluated_slowly(CATALOG, POLICY, customer)


@given(data=st.data(), catalog=catalogs(), missing=st.floats(0, 60), reference=st.floats(60, 100))
@settings(max_examples=250)
def test_any_catalog_scores_as_the_documentation_says(
    data: st.DataObject, catalog: Catalog, missing: float, reference: float
) -> None:
    policy = policy_for(catalog, missing_points=missing, reference_points=reference)
    assert_as_evaluated_slowly(catalog, policy, data.draw(customers(catalog)))


# Properties


@given(customer=customers(CATALOG), data=st.data())
@settings(max_examples=150)
def test_a_missing_fact_never_raises_the_score_above_what_the_known_facts_say(
    customer: Customer, data: st.DataObject
) -> None:
    """The score with the missing facts is at most the score when they are left out of the weights."""
    result = BASELINE.evaluate(portfolio_of(CATALOG, customer))
    known = result.weights[0] > 0
    assume(known.any())
    for dimension in CATALOG.dimensions:
        columns = [i for i, placed in enumerate(CATALOG.placed) if placed.dimension.id == dimension.id]
        points = result.points[0, [column for column in columns if known[column]]]
        score = result.dimension_scores[dimension.id][0]
        assert np.isnan(score) if not len(points) else score <= points.max() + 1e-9
    of_known = float(np.nansum(result.weights[0] * np.where(known, result.points[0], 0.0)))
    assert result.score[0] <= of_known + 1e-9
    shifts = np.where(known, 0.0, result.contributions[0])
    assert (shifts <= 0).all()
    assert result.score[0] == pytest.approx(of_known + shifts.sum(), abs=1e-9)


@given(customer=customers(CATALOG))
@settings(max_examples=100)
def test_a_value_of_what_does_not_apply_changes_nothing(customer: Customer) -> None:
    portfolio = portfolio_of(CATALOG, customer)
    aside = {CATALOG.placed[column].id for column in np.flatnonzero(portfolio.set_aside[0])}
    without = {id_: code for id_, code in customer.codes.items() if id_ not in aside}
    again = BASELINE.evaluate(portfolio_of(CATALOG, dataclasses.replace(customer, codes=without)))
    assert_equal_bitwise(BASELINE.evaluate(portfolio), again)


@pytest.mark.parametrize("nature", Nature)
@given(data=st.data())
@settings(max_examples=25)
def test_a_prospect_is_judged_on_what_applies_and_not_marked_down_with_zeros(
    nature: Nature, data: st.DataObject
) -> None:
    """The prospect's score does not depend on the weight of cooperation: it has left the weights."""
    customer = data.draw(customers(CATALOG, nature))
    codes = {
        id_: code
        for id_, code in customer.codes.items()
        if not CATALOG.by_id[id_].conditions and id_ != "relationship"
    }
    prospect = parsed(
        customer, {**codes, "relationship": CATALOG.by_id["relationship"].indicator.level_codes["prospect"]}
    )
    result = BASELINE.evaluate(portfolio_of(CATALOG, prospect))
    assert not result.dimension_applies["cooperation"][0]
    assert np.isnan(result.dimension_scores["cooperation"][0])
    cooperation = [i for i, placed in enumerate(CATALOG.placed) if placed.dimension.id == "cooperation"]
    assert not result.contributions[0, cooperation].any()
    scored = [d for d in CATALOG.dimensions if not np.isnan(result.dimension_scores[d.id][0])]
    if len(scored) == len(CATALOG.dimensions) - 1:
        scores = np.array([result.dimension_scores[d.id][0] for d in scored])
        weights = np.array([weight_of(CATALOG, d.id, nature) for d in scored])
        assert result.score[0] == pytest.approx(float(scores @ weights / weights.sum()), abs=1e-9)


def weight_of(catalog: Catalog, dimension_id: str, nature: Nature) -> float:
    shares = catalog.weights(nature)
    return next(share[0] for id_, share in shares.items() if catalog.by_id[id_].dimension.id == dimension_id)


def parsed(customer: Customer, codes: dict[str, float]) -> Customer:
    """Return the customer with other codes, its levels to match."""
    levels = {}
    for id_, code in codes.items():
        indicator = CATALOG.by_id[id_].indicator
        if indicator.kind is Kind.CATEGORY:
            levels[id_] = [*indicator.level_codes, UNSEEN][int(code)]
    return dataclasses.replace(customer, codes=codes, levels=levels)


MONOTONE = [
    p for p in CATALOG.placed if p.indicator.better in (Better.HIGHER, Better.LOWER) and p.indicator.points
]


@given(customer=customers(CATALOG), data=st.data())
@settings(max_examples=150)
def test_a_better_value_never_lowers_the_score(customer: Customer, data: st.DataObject) -> None:
    declared = [placed for placed in MONOTONE if placed.applies_to(customer.nature)]
    # What others' applicability rests on is another matter: it may take them out of the weights.
    rested_on = {condition.indicator for placed in CATALOG.placed for condition in placed.conditions}
    indicator = data.draw(st.sampled_from([p.indicator for p in declared if p.id not in rested_on]))
    numbers = [0.0, 1.0] if indicator.kind is Kind.FLAG else awkward_numbers(indicator)
    pair = sorted([data.draw(st.sampled_from(numbers)), data.draw(st.sampled_from(numbers))])
    low, high = (dataclasses.replace(customer, codes={**customer.codes, indicator.id: x}) for x in pair)
    result = BASELINE.evaluate(portfolio_of(CATALOG, low, high))
    rise = result.score[1] - result.score[0]
    assert rise >= -1e-9 if indicator.better is Better.HIGHER else rise <= 1e-9


def assert_equal_bitwise(first: BaselineResult, second: BaselineResult) -> None:
    for field in dataclasses.fields(BaselineResult):
        one, other = getattr(first, field.name), getattr(second, field.name)
        pairs = [(one[key], other[key]) for key in one] if isinstance(one, dict) else [(one, other)]
        for a, b in pairs:
            assert np.array_equal(a, b, equal_nan=a.dtype != np.bool_), field.name


def rows_of(result: BaselineResult, rows: list[int]) -> BaselineResult:
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(BaselineResult):
        whole = getattr(result, field.name)
        part = {key: value[rows] for key, value in whole.items()} if isinstance(whole, dict) else whole[rows]
        fields[field.name] = part
    return BaselineResult(**fields)


def chosen(portfolio: Portfolio, rows: list[int]) -> Portfolio:
    return Portfolio(
        portfolio.catalog,
        [portfolio.customer_ids[row] for row in rows],
        portfolio.natures[rows],
        [portfolio.as_of[row] for row in rows],
        portfolio.given[rows],
        {id_: texts[rows] for id_, texts in portfolio.levels.items()},
    )


def test_a_batch_and_one_customer_at_a_time_are_equal_to_the_last_bit() -> None:
    portfolio = random_portfolio(CATALOG, CHUNK + 200, seed=1)
    whole = BASELINE.evaluate(portfolio)
    for row in range(0, len(portfolio), 13):
        assert_equal_bitwise(rows_of(whole, [row]), BASELINE.evaluate(chosen(portfolio, [row])))


@given(catalog=catalogs(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_the_order_of_the_customers_changes_nothing_whatever_the_catalog(catalog: Catalog, seed: int) -> None:
    portfolio = random_portfolio(catalog, 23, seed)
    order = np.random.default_rng(seed).permutation(len(portfolio)).tolist()
    baseline = Baseline(catalog, policy_for(catalog))
    assert_equal_bitwise(
        rows_of(baseline.evaluate(portfolio), order), baseline.evaluate(chosen(portfolio, order))
    )
    one = baseline.evaluate(chosen(portfolio, order[:1]))
    assert_equal_bitwise(one, rows_of(baseline.evaluate(portfolio), order[:1]))


# Examples


def customer_of(nature: Nature, **indicators: object) -> Customer:
    raw = {"customer_id": "C-1", "nature": nature, "as_of": "2026-01-31", "indicators": indicators}
    return parse_customer(raw, CATALOG)


@pytest.mark.parametrize("nature", Nature)
def test_of_whom_nothing_is_known_the_score_is_the_missing_points_in_lines_of_missing_facts(
    nature: Nature,
) -> None:
    result = BASELINE.evaluate(portfolio_of(CATALOG, customer_of(nature)))
    assert result.score[0] == POLICY.missing_points
    assert result.completeness[0] == 0
    assert not result.weights.any()
    assert result.contributions[0].sum() == pytest.approx(POLICY.missing_points - result.base[0], abs=1e-12)


def test_of_whom_nothing_applies_the_score_is_the_reference_and_completeness_0() -> None:
    """A recorded, unweighted switch turns off everything that is scored."""
    text = {"zh-Hant": "名", "zh-Hans": "名", "en": "name"}
    common = {
        "names": text, "kind": "flag", "better": "higher", "confidentiality": "internal",
        "source": {"department": "sales", "table": "records"},
    }  # fmt: skip
    switch = common | {"id": "switch"}
    scored = common | {
        "id": "scored", "points": {"true": 100, "false": 0}, "weight": 100,
        "applies_when": {"indicator": "switch", "is": True},
    }  # fmt: skip
    group = {"id": "group", "names": text, "weight": 100, "indicators": [switch, scored]}
    document = {
        "catalog": "switched", "version": 1, "names": text, "natures": ["enterprise"],
        "departments": {"sales": text},
        "dimensions": [{"id": "dimension", "names": text, "weight": 100, "groups": [group]}],
    }  # fmt: skip
    catalog = Catalog.model_validate_json(json.dumps(document))
    raw = {"customer_id": "C-1", "nature": "enterprise", "as_of": "2026-01-31"}
    customer = parse_customer(raw | {"indicators": {"switch": False, "scored": True}}, catalog)
    policy = policy_for(catalog)
    result = Baseline(catalog, policy).evaluate(portfolio_of(catalog, customer))
    assert result.score[0] == result.base[0] == policy.reference_for(Nature.ENTERPRISE)
    assert result.completeness[0] == 0
    assert not result.contributions.any()
    assert_as_evaluated_slowly(catalog, policy, customer)


def test_an_empty_portfolio_has_an_empty_result() -> None:
    result = BASELINE.evaluate(Portfolio.from_customers([], CATALOG))
    assert result.score.shape == (0,)
    assert result.contributions.shape == (0, len(CATALOG.placed))
