"""The parts of the independent recomputation hold by themselves: trees, subsets, map, customers, words."""

import json
import re
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog
from features.customer import InvalidCustomer, parse_customer
from features.portfolio import Portfolio
from features.terms import Language
from models.answer import answer
from models.decision import Scorer
from tests.strategies import catalogs, policy_for, raw_customers
from training.independent.comparing import Comparison
from training.independent.customers import Unreadable, read_customer
from training.independent.declared import Catalog as Declared
from training.independent.declared import Policy as Rulebook
from training.independent.expected import Rules, expected_answer
from training.independent.findings import Verdict
from training.independent.opinions import Opinion, lightgbm_margin, shapiq_explainer, tree_explainer
from training.independent.point_map import PointMap
from training.independent.subsets import by_subsets
from training.independent.trees import Booster, Floats, UnreadableBooster, read_booster

CATEGORY, NEVER_MISSING = 2, 3


def matrix(seed: int, rows: int) -> Floats:
    """Return three numbers and a category: missing, unseen, tiny, huge and infinite values among them."""
    draw = np.random.default_rng(seed)
    found = draw.normal(size=(rows, 4))
    found[:, CATEGORY] = draw.integers(0, 40, rows)
    awkward = draw.choice(
        [np.nan, 0.0, -0.0, 1e-36, -1e-35, 1e308, -1e308, np.inf, -np.inf], size=found.shape
    )
    known = [column for column in range(4) if column != CATEGORY]
    found[:, known] = np.where(draw.random((rows, 3)) < 0.2, awkward[:, known], found[:, known])
    found[draw.random(rows) < 0.1, CATEGORY] = np.nan
    return found


@pytest.fixture(scope="module")
def texts() -> tuple[str, ...]:
    """Return two boosters by a category, a number never missing, and one whose absence alone counts."""
    rows = matrix(1, 1500)
    training = np.where(np.isinf(rows) | (np.abs(rows) > 1e300), np.nan, rows)
    training[:, NEVER_MISSING] = np.nan_to_num(training[:, NEVER_MISSING])
    training[:, 1] = np.where(np.isnan(training[:, 1]), np.nan, 1.0)
    effect = np.isnan(training[:, 1]) + np.nan_to_num(training[:, 0]) * (training[:, CATEGORY] % 3 == 1)
    bad = np.random.default_rng(2).random(len(rows)) < 1 / (
        1 + np.exp(1 - effect - training[:, NEVER_MISSING])
    )
    parameters = {
        "objective": "binary", "num_leaves": 6, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1,
        "max_cat_to_onehot": 1, "min_data_per_group": 5, "cat_smooth": 1.0, "boost_from_average": False,
    }  # fmt: skip
    found = []
    for seed in (1, 2):
        data = lightgbm.Dataset(training, bad, categorical_feature=[CATEGORY])
        found.append(lightgbm.train(parameters | {"seed": seed, "extra_trees": True}, data, 12))
    return tuple(booster.model_to_string() for booster in found)


@pytest.fixture(scope="module")
def boosters(texts: tuple[str, ...]) -> tuple[Booster, ...]:
    return tuple(map(read_booster, texts))


# Trees and subsets


def test_trees_are_walked_as_lightgbm_walks_them(
    texts: tuple[str, ...], boosters: tuple[Booster, ...]
) -> None:
    rows = matrix(3, 600)
    walked = np.mean([booster.margin(rows) for booster in boosters], axis=0)
    np.testing.assert_allclose(walked, lightgbm_margin(texts, rows), rtol=0, atol=1e-12)
    splits = [split for booster in boosters for tree in booster.trees for split in tree.splits]
    assert any(split.categories and max(split.categories) > 32 for split in splits)
    assert {split.missing for split in splits if split.categories is None} == {0, 2}


def test_sums_over_subsets_are_what_shap_and_lightgbm_say(
    texts: tuple[str, ...], boosters: tuple[Booster, ...]
) -> None:
    rows = matrix(4, 60)
    found, shap = by_subsets(boosters, rows), tree_explainer(texts, rows)
    assert found is not None and found.values.shape == rows.shape
    np.testing.assert_allclose(found.values, shap.values, rtol=0, atol=1e-12)
    assert found.base == pytest.approx(shap.base, abs=1e-12)
    added = found.base + found.values.sum(axis=1)
    np.testing.assert_allclose(added, lightgbm_margin(texts, rows), rtol=0, atol=1e-12)


def test_trees_by_too_many_features_are_left_to_the_others() -> None:
    rows = np.random.default_rng(1).normal(size=(400, 12))
    data = lightgbm.Dataset(rows, rows.sum(axis=1) > 0)
    parameters = {"objective": "binary", "num_leaves": 31, "min_data_in_leaf": 2, "verbose": -1}
    booster = lightgbm.train({**parameters, "num_threads": 1}, data, 3)
    assert by_subsets([read_booster(booster.model_to_string())], rows) is None


def test_a_booster_that_learned_nothing_has_one_leaf() -> None:
    rows = np.zeros((40, 2))
    data = lightgbm.Dataset(rows, np.arange(40) % 2)
    booster = read_booster(lightgbm.train({"objective": "binary", "verbose": -1}, data, 2).model_to_string())
    found = by_subsets([booster], rows)
    assert found is not None and not found.values.any()
    np.testing.assert_allclose(found.base + np.zeros(40), booster.margin(rows), rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("pattern", "instead", "reason"),
    [
        (r"objective=binary sigmoid:1", "objective=regression", "objective"),
        (r"num_tree_per_iteration=1", "num_tree_per_iteration=3", "several outputs"),
        (r"(left_child=)\S+", r"\g<1>7", "is no tree"),
        (r"(left_child=)\S+", r"\g<1>0", "is no tree"),
        (r"(right_child=)\S+", r"\g<1>-99", "is no tree"),
        (r"(split_feature=)\S+", r"\g<1>9", "is no tree"),
        (r"(internal_count=)\S+", r"\g<1>0", "is no tree"),
        (r"(leaf_value=)\S+", r"\g<1>nan", "is no tree"),
        (r"(threshold=)\S+ ", r"\g<1>", "cut or changed"),
        (r"leaf_value=", "leaf_values=", "cut or changed"),
        (r"num_leaves=\d+", "num_leaves=many", "cut or changed"),
        (r"is_linear=0", "is_linear=1", "cut or changed"),
    ],
)
def test_a_broken_text_is_refused_before_lightgbm_reads_it(
    texts: tuple[str, ...], pattern: str, instead: str, reason: str
) -> None:
    broken, count = re.subn(pattern, instead, texts[0], count=1)
    assert count == 1
    with pytest.raises(UnreadableBooster, match=reason):
        read_booster(broken)


def test_shapiq_is_asked_where_it_is_right(texts: tuple[str, ...], boosters: tuple[Booster, ...]) -> None:
    rows = matrix(5, 20)
    rows = np.where(np.isinf(rows), np.nan, rows)
    found = shapiq_explainer(texts, boosters, rows)
    if isinstance(found, Opinion):
        np.testing.assert_allclose(found.values, tree_explainer(texts, rows).values, rtol=0, atol=1e-9)
    else:
        assert "Python 3.12" in found


# The map to points


MAP = PointMap((-4.0, -3.0, -1.5), (80.0, 65.0, 50.0))


@settings(max_examples=40)
@given(st.floats(-30, 30), st.floats(-30, 30) | st.sampled_from([0.0, 1e-5, -1e-5, 1e-9, 1e-13]))
def test_a_unit_of_log_odds_is_worth_the_mean_slope(start: float, way: float) -> None:
    end = start + way
    worth = MAP.mean_slope(start, end)
    assert worth * (end - start) == pytest.approx(MAP.at(end) - MAP.at(start), abs=1e-9)
    assert worth < 0


def test_the_map_goes_through_its_pairs_without_a_jump_or_a_corner_at_the_ends() -> None:
    for z, points in zip(MAP.log_odds, MAP.points, strict=True):
        assert MAP.at(z) == points
        for beside in (z - 1e-9, z + 1e-9):
            assert MAP.at(beside) == pytest.approx(points, abs=1e-7)
    for z in (-4.0, -1.5):
        assert MAP.slope(z - 1e-9) == pytest.approx(MAP.slope(z + 1e-9), rel=1e-6)
    assert 99 < MAP.at(-30) < 100 and 0 < MAP.at(30) < 1


# Without a model, on any catalog


def documents_of(catalog: Catalog, **changes: Any) -> tuple[Scorer, Rules]:
    policy = policy_for(catalog, model_weight=0.0, **changes)
    declared = Declared(json.loads(catalog.model_dump_json(by_alias=True)))
    rulebook = Rulebook(json.loads(policy.model_dump_json(by_alias=True)))
    return Scorer(catalog, policy), Rules(declared, rulebook, None, catalog.hash, policy.hash)


@settings(max_examples=15)
@given(st.data())
def test_the_baseline_of_any_catalog_is_answered_and_refused_alike(data: st.DataObject) -> None:
    """Uneven trees, natures with their own, conditions, unseen levels, nothing known: to the last word."""
    catalog = data.draw(catalogs())
    dimension = catalog.dimensions[0].id
    veto = {
        "id": "switched", "names": {"zh-Hant": "否", "zh-Hans": "否", "en": "off"},
        "when": {"indicator": "switch", "is": False},
    }  # fmt: skip
    floors = {"floors": {dimension: 50.0}, "substitutes": {"individual": {dimension: {dimension: 40.0}}}}
    scorer, rules = documents_of(catalog, vetoes=[veto], premium_floors=floors)
    comparison = Comparison()
    for language in Language:
        raw = data.draw(raw_customers(catalog))
        portfolio = Portfolio.from_customers([parse_customer(raw, catalog)], catalog)
        served = json.loads(json.dumps(answer(scorer.decide(portfolio), 0, language=language)))
        customer = read_customer(raw, rules.catalog)
        comparison.add(expected_answer(customer, None, rules, str(language)), None, served)

        raw["indicators"][data.draw(st.sampled_from([p.id for p in catalog.placed]))] = data.draw(WRONG)
        assert is_refused(raw, catalog) == is_unreadable(raw, rules.catalog)
    for finding in comparison.findings():
        if finding.rows:
            assert finding.verdict is Verdict.PASSED, finding


# Of some kinds of indicators these are wrong, of others right.
WRONG = st.sampled_from([True, 1, "north", "", None, float("inf"), float("nan"), 10**400, 1e308])


def is_refused(raw: dict[str, Any], catalog: Catalog) -> bool:
    try:
        parse_customer(raw, catalog)
    except InvalidCustomer:
        return True
    return False


def is_unreadable(raw: dict[str, Any], catalog: Declared) -> bool:
    try:
        read_customer(raw, catalog)
    except Unreadable:
        return True
    return False
