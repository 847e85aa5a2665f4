"""Weights from records and judgements: what the methods say, whole at every level, recorded."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Kind, Method, load_catalog
from features.curve import Better
from features.portfolio import Floats, Portfolio
from features.terms import Nature
from models.policy import load_policy
from models.weights import (
    UnfitWeights,
    ahp_weights,
    weighted_by_ahp,
    weighted_by_records,
    with_drawn_curves,
)
from tests.labelled import synthetic, synthetic_catalog
from tests.strategies import policy_for, random_portfolio

# The usual textbook matrix of three criteria, whose weights and ratio can be worked out by hand.
TEXTBOOK = np.array([[1, 3, 5], [1 / 3, 1, 3], [1 / 5, 1 / 3, 1]])


def share_of(catalog: Catalog, nature: Nature = Nature.ENTERPRISE) -> dict[str, float]:
    """Return each weighted indicator's share of the composite, 0 to 1."""
    return {id_: float(np.prod(parts)) for id_, parts in catalog.weights(nature).items()}


def points_of(portfolio: Portfolio) -> tuple[list[str], Floats]:
    """Return the scored indicators' points, worked out from curves by hand, the mean where missing."""
    ids, columns = [], []
    for id_ in portfolio.catalog.weights(Nature.ENTERPRISE):
        indicator = portfolio.catalog.by_id[id_].indicator
        values = portfolio.values[:, portfolio.column(id_)]
        if indicator.kind is Kind.NUMBER:
            x, y = np.array(indicator.points).T
            points = np.interp(values, x, y)
        elif indicator.kind is Kind.FLAG:
            points = np.where(values == 1, 20.0, 70.0)
        else:
            by_code = [level.points or 0.0 for level in (indicator.levels or {}).values()]
            points = np.array([*by_code, indicator.unseen_points])[np.nan_to_num(values).astype(int)]
        points = np.where(np.isnan(values), np.nan, points)
        ids.append(id_)
        columns.append(np.where(np.isnan(points), np.nanmean(points), points))
    return ids, np.column_stack(columns)


def entropy_by_hand(points: Floats) -> Floats:
    shares = (points + 1) / (points + 1).sum(axis=0)
    divergence = 1 + (shares * np.log(shares)).sum(axis=0) / np.log(len(points))
    weights: Floats = divergence / divergence.sum()
    return weights


def critic_by_hand(points: Floats) -> Floats:
    scaled = (points - points.min(axis=0)) / np.ptp(points, axis=0)
    information = scaled.std(axis=0, ddof=1) * (1 - np.corrcoef(scaled, rowvar=False)).sum(axis=0)
    weights: Floats = information / information.sum()
    return weights


@pytest.mark.parametrize(
    ("method", "by_hand"), [(Method.ENTROPY, entropy_by_hand), (Method.CRITIC, critic_by_hand)]
)
def test_a_small_portfolio_gets_the_weights_worked_out_by_hand(method: Method, by_hand: object) -> None:
    portfolio = synthetic(12, seed=3).data.portfolio
    assert callable(by_hand)
    ids, points = points_of(portfolio)
    drawn = weighted_by_records(portfolio, policy_for(portfolio.catalog), method)
    assert share_of(drawn) == pytest.approx(dict(zip(ids, by_hand(points), strict=True)), abs=1e-12)
    assert (drawn.weighting.method, drawn.weighting.customers) == (method, 12)


@pytest.mark.parametrize("method", [Method.ENTROPY, Method.CRITIC])
@pytest.mark.parametrize("name", ["customer", "sba"])
def test_weights_are_whole_at_every_level_for_every_nature(name: str, method: Method) -> None:
    catalog, policy = load_catalog(name), load_policy(name)
    drawn = weighted_by_records(random_portfolio(catalog, 400, seed=4), policy, method)
    policy.check_against(drawn)
    for nature in catalog.natures:
        shares = share_of(drawn, nature)
        assert sum(shares.values()) == pytest.approx(1, abs=1e-9)
        assert set(shares) <= set(catalog.weights(nature))
        for level in range(3):
            assert all(0 < parts[level] < 1 + 1e-9 for parts in drawn.weights(nature).values())
    assert drawn.columns == catalog.columns
    assert drawn.weighting.method is method
    assert drawn.hash != catalog.hash


@given(
    seed=st.integers(0, 10**6), n=st.integers(2, 40), method=st.sampled_from([Method.ENTROPY, Method.CRITIC])
)
@settings(max_examples=60)
def test_any_portfolio_gets_whole_weights_or_one_line(seed: int, n: int, method: Method) -> None:
    portfolio = synthetic(n, seed=seed).data.portfolio
    given = portfolio.given.copy()
    rng = np.random.default_rng(seed)
    given[:, rng.random(given.shape[1]) < 0.4] = rng.choice([np.nan, 1.0])
    given[rng.integers(0, n, n)] = given[0]
    try:
        drawn = weighted_by_records(replace(portfolio, given=given), policy_for(portfolio.catalog), method)
    except UnfitWeights as error:
        assert "\n" not in str(error)
    else:
        assert sum(share_of(drawn).values()) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("method", [Method.ENTROPY, Method.CRITIC])
def test_what_does_not_tell_customers_apart_gets_no_weight(method: Method) -> None:
    portfolio = synthetic(60, seed=5).data.portfolio
    given = portfolio.given.copy()
    given[:, portfolio.column("leverage")] = 0.5
    given[:, portfolio.column("late")] = np.nan
    drawn = weighted_by_records(replace(portfolio, given=given), policy_for(portfolio.catalog), method)
    assert set(share_of(drawn)) == {"assets", "margin", "region", "mood"}


@pytest.mark.parametrize("method", [Method.ENTROPY, Method.CRITIC])
def test_customers_all_alike_are_refused(method: Method) -> None:
    portfolio = synthetic(30, seed=6).data.portfolio
    alike = replace(portfolio, given=np.repeat(portfolio.given[:1], 30, axis=0))
    with pytest.raises(UnfitWeights, match="fewer than two indicators"):
        weighted_by_records(alike, policy_for(portfolio.catalog), method)


def test_indicators_that_all_say_the_same_are_refused_by_critic() -> None:
    portfolio = synthetic(20, seed=6).data.portfolio
    given = np.full_like(portfolio.given, np.nan)
    given[:, portfolio.column("margin")] = np.linspace(-1, 1, 20)
    given[:, portfolio.column("mood")] = np.linspace(-1, 1, 20)
    same = replace(portfolio, given=given)
    with pytest.raises(UnfitWeights, match="alike"):
        weighted_by_records(same, policy_for(portfolio.catalog), Method.CRITIC)
    drawn = weighted_by_records(same, policy_for(portfolio.catalog), Method.ENTROPY)
    assert share_of(drawn) == pytest.approx({"margin": 0.5, "mood": 0.5}, abs=1e-12)


@pytest.mark.parametrize("method", [Method.JUDGEMENT, Method.AHP])
def test_other_methods_draw_nothing_from_records(method: Method) -> None:
    portfolio = synthetic(30, seed=7).data.portfolio
    with pytest.raises(UnfitWeights, match="choose entropy or critic"):
        weighted_by_records(portfolio, policy_for(portfolio.catalog), method)


def test_a_nature_without_customers_keeps_its_weights() -> None:
    both = synthetic(80, individuals=True).data.portfolio
    enterprises = np.flatnonzero(both.natures == Nature.ENTERPRISE)
    only = synthetic(80, individuals=True).data.take(enterprises).portfolio
    drawn = weighted_by_records(only, policy_for(both.catalog), Method.CRITIC)
    assert share_of(drawn, Nature.INDIVIDUAL) == pytest.approx(share_of(both.catalog, Nature.INDIVIDUAL))
    assert share_of(drawn) != pytest.approx(share_of(both.catalog))


# Pairwise judgements


def test_a_known_matrix_has_its_known_weights_and_ratio() -> None:
    weights, ratio = ahp_weights(TEXTBOOK)
    assert weights == pytest.approx([0.637, 0.258, 0.105], abs=5e-4)
    # λmax = 3.0385, CI = 0.0193; divided by the random index 0.5799.
    assert ratio == pytest.approx(0.0193 / 0.5799, abs=1e-3)


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=2, max_size=8))
def test_consistent_judgements_give_back_the_weights_they_came_from(importance: list[float]) -> None:
    wanted = np.array(importance)
    # Only ratios that stand on the scale: 3/2 does not.
    wanted = np.where(wanted == 2.0, 1.0, wanted)
    weights, ratio = ahp_weights(wanted[:, None] / wanted[None, :])
    assert weights == pytest.approx(wanted / wanted.sum(), abs=1e-9)
    assert 0 <= ratio < 1e-9


@pytest.mark.parametrize(
    ("matrix", "reason"),
    [
        ([[1, 9, 1 / 9], [1 / 9, 1, 9], [9, 1 / 9, 1]], "contradict each other: consistency ratio"),
        ([[1, 2], [2, 1]], "refused"),
        ([[1, 2.5], [0.4, 1]], "refused"),
        ([[1, 2, 3], [1 / 2, 1, 2]], "square"),
        ([[1.0]], "square"),
        ([[1, np.nan], [np.nan, 1]], "refused"),
        (np.ones((16, 16)), "square, of 2 to 15"),
    ],
)
def test_a_matrix_that_is_no_set_of_judgements_is_refused_in_one_line(matrix: Floats, reason: str) -> None:
    with pytest.raises(UnfitWeights, match=reason) as caught:
        ahp_weights(np.array(matrix))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_dimensions_weighted_by_judgements_keep_what_lies_below_them() -> None:
    catalog = synthetic_catalog()
    drawn = weighted_by_ahp(catalog, TEXTBOOK)
    assert [dimension.weight for dimension in drawn.dimensions] == pytest.approx([63.7, 25.8, 10.5], abs=0.05)
    assert drawn.weighting.method is Method.AHP
    assert drawn.weighting.consistency_ratio == pytest.approx(0.0332, abs=1e-3)
    for id_, parts in drawn.weights(Nature.ENTERPRISE).items():
        assert parts[1:] == catalog.weights(Nature.ENTERPRISE)[id_][1:]


def test_judgements_on_another_number_of_dimensions_are_refused() -> None:
    with pytest.raises(UnfitWeights, match="3 dimensions"):
        weighted_by_ahp(synthetic_catalog(), np.ones((2, 2)))


def test_a_dimension_that_holds_nothing_for_a_nature_cannot_be_weighted_for_it() -> None:
    document = synthetic_catalog().model_dump(mode="json", by_alias=True)
    document["dimensions"][2]["weight"] = 0.0
    document["dimensions"][2]["groups"][0]["weight"] = 0.0
    for indicator in document["dimensions"][2]["groups"][0]["indicators"]:
        indicator["weight"] = 0.0
    document["dimensions"][0]["weight"], document["dimensions"][1]["weight"] = 60.0, 40.0
    catalog = Catalog.model_validate_json(json.dumps(document))
    with pytest.raises(UnfitWeights, match=r"^[^\n]*has a weight but no weighted group[^\n]*$"):
        weighted_by_ahp(catalog, TEXTBOOK)


# Curves and files


@pytest.mark.parametrize("name", ["customer", "sba"])
def test_drawn_curves_pass_through_the_quantiles_in_the_declared_direction(name: str) -> None:
    catalog = load_catalog(name)
    portfolio = random_portfolio(catalog, 500, seed=8)
    drawn = with_drawn_curves(portfolio)
    assert drawn.columns == catalog.columns
    for id_, placed in drawn.by_id.items():
        indicator, old = placed.indicator, catalog.by_id[id_].indicator
        if indicator.kind is not Kind.NUMBER or indicator.better not in (Better.HIGHER, Better.LOWER):
            if indicator.kind is Kind.NUMBER:
                assert indicator.points == old.points
            continue
        if not isinstance(indicator.points, tuple):
            continue
        points = [point for _, point in indicator.points]
        assert points == sorted(points, reverse=indicator.better is Better.LOWER)
        values = portfolio.values[:, portfolio.column(id_)]
        median = float(np.quantile(values[~np.isnan(values)], 0.5))
        if len(indicator.points) == 5:
            assert indicator.points[2] == (median, 60.0)


def test_curves_are_drawn_for_constants_and_kept_where_nothing_is_known() -> None:
    portfolio = synthetic(40, seed=9).data.portfolio
    given = portfolio.given.copy()
    given[:, portfolio.column("assets")] = 7.0
    given[:, portfolio.column("margin")] = np.nan
    drawn = with_drawn_curves(replace(portfolio, given=given))
    assets = drawn.by_id["assets"].indicator.points
    assert isinstance(assets, tuple)
    assert assets[0] == (7.0, 60.0)
    assert drawn.by_id["margin"].indicator.points == portfolio.catalog.by_id["margin"].indicator.points


def test_a_drawn_catalog_is_a_catalog_like_any_other_on_file(tmp_path: Path) -> None:
    portfolio = random_portfolio(load_catalog("customer"), 200, seed=10)
    drawn = weighted_by_records(portfolio, load_policy("customer"), Method.CRITIC)
    document = drawn.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    file = tmp_path / "drawn.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    assert load_catalog(file).hash == drawn.hash
