"""The next-tier path: proven least by exhaustive search, reaching its tier by the scorer's own decision."""

import itertools
import json
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Kind
from features.customer import parse_customer
from features.portfolio import Portfolio
from features.terms import Nature, Tier
from models.decision import Scorer
from models.next_tier.bounds import changed
from models.next_tier.options import Options, ladders, options
from models.next_tier.paths import Outcome, Path, PathFinder, next_tier
from models.next_tier.problem import PARTS_OF_A_STEP, at_least
from models.policy import Policy
from tests.strategies import catalogs, customers, policy_for, portfolio_of, random_model

# The most combinations of options that are tried one by one.
EXHAUSTED = 1500


def cost(option: Options, place: int) -> int:
    """Return what an option costs, in parts of a step."""
    return int(np.ceil(option.efforts[place] * PARTS_OF_A_STEP - 1e-9))


def exhaustive(scorer: Scorer, one: Portfolio, movable: tuple[Options, ...], target: Tier) -> int | None:
    """Return the least cost of all combinations that reach the target, by deciding on every one of them."""
    places = [np.flatnonzero(option.allowed).tolist() for option in movable]
    combinations = list(itertools.product(*places))
    changes = [
        {o.column: float(o.values[place]) for o, place in zip(movable, chosen, strict=True) if place}
        for chosen in combinations
    ]
    tiers = scorer.decide(changed(one, changes)).tiers
    reaching = [
        sum(cost(option, place) for option, place in zip(movable, chosen, strict=True))
        for chosen, tier in zip(combinations, tiers, strict=True)
        if at_least(tier, target)
    ]
    return min(reaching, default=None)


def checked(scorer: Scorer, portfolio: Portfolio, row: int = 0) -> Path:
    """Return one customer's path, having checked all that holds of any."""
    path = PathFinder(scorer).find(portfolio, row)
    one, catalog = path.before.portfolio, scorer.catalog
    assert path.target is next_tier(path.before.tiers[0])
    assert (path.outcome is Outcome.AT_THE_TOP) == (path.before.tiers[0] is Tier.PREMIUM)
    assert (path.outcome is Outcome.PATH) == (path.after is not None) == bool(path.steps)
    if path.after is None or path.target is None:
        return path
    assert at_least(path.after.tiers[0], path.target)
    given = one.given[0].copy()
    for step in path.steps:
        placed = catalog.placed[step.column]
        assert placed.indicator.actionable and not placed.indicator.protected
        assert one.applicable[0, step.column]
        assert step.supplies == np.isnan(one.values[0, step.column])
        assert step.effort >= 1.0
        given[step.column] = step.value
    assert np.array_equal(path.after.portfolio.given[0], given, equal_nan=True)
    # Nothing that the policy values gets worse, and no step can be left out.
    assert np.all(path.after.baseline.score >= path.before.baseline.score - 1e-9)
    again = {step.column: step.value for step in path.steps}
    for step in path.steps:
        fewer = {column: value for column, value in again.items() if column != step.column}
        assert not path.proven or not at_least(scorer.decide(changed(one, [fewer])).tiers[0], path.target)
    return path


def compare_with_exhaustive(scorer: Scorer, portfolio: Portfolio) -> Path:
    movable = options(portfolio, 0, ladders(scorer.catalog, scorer.policy, scorer.model), scorer.policy)
    assume(np.prod([len(option.values) for option in movable]) <= EXHAUSTED)
    path = checked(scorer, portfolio)
    if path.target is None:
        return path
    least = exhaustive(scorer, portfolio, movable, path.target)
    assert path.proven
    if least is None:
        assert path.outcome is Outcome.IMPOSSIBLE
    else:
        assert path.outcome is Outcome.PATH
        assert path.at_least * PARTS_OF_A_STEP == least
        # Numbers are taken back to where they are just enough, which never takes more.
        assert path.effort <= path.at_least + 1e-9
    return path


def with_actionable(catalog: Catalog, ids: set[str], **changes: Any) -> Catalog:
    """Return a catalog in which just these indicators are actionable, and some are changed otherwise."""
    document = catalog.model_dump(mode="json", by_alias=True)
    for dimension in document["dimensions"]:
        for group in dimension["groups"]:
            for indicator in group["indicators"]:
                indicator["actionable"] = indicator["id"] in ids
                indicator |= changes.get(indicator["id"], {})
    return Catalog.model_validate_json(json.dumps(document))


@st.composite
def small_cases(draw: st.DrawFn) -> tuple[Scorer, Portfolio]:
    """Draw a catalog with a few actionable indicators, a policy with gates, a model or none, and a customer.

    The cut-offs are drawn around the customer's score, so that often, but not always, there is a path.
    """
    catalog = draw(catalogs())
    ids = [placed.id for placed in catalog.placed]
    actionable = draw(st.sets(st.sampled_from(ids), min_size=min(2, len(ids)), max_size=5))
    bounded = {
        placed.id: {"minimum": -60.0, "maximum": 60.0}
        for placed in catalog.placed
        if placed.indicator.kind is Kind.NUMBER
    }
    catalog = with_actionable(catalog, actionable, **bounded)
    floors = draw(
        st.dictionaries(st.sampled_from([d.id for d in catalog.dimensions]), st.floats(20, 90), max_size=2)
    )
    rated = draw(st.sampled_from([0.0, 0.3, 0.6]))
    policy = policy_for(
        catalog,
        model_weight=draw(st.sampled_from([0.0, 0.3, 0.7, 1.0])),
        missing_points=draw(st.sampled_from([0.0, 40.0, 60.0])),
        completeness={"premium": max(rated, draw(st.sampled_from([0.0, 0.5, 0.9]))), "rated": rated},
        premium_floors={"floors": floors},
        vetoes=draw(st.just([]) | st.lists(vetoes(catalog), max_size=2, unique_by=lambda veto: veto["id"])),
    )
    modelled = draw(st.booleans())
    seed, size = draw(st.integers(0, 10_000)), draw(st.sampled_from([0.1, 0.6, 2.0]))
    model = random_model(catalog, policy, catalog.natures, seed, size) if modelled else None
    portfolio = portfolio_of(catalog, draw(customers(catalog)))
    score = float(Scorer(catalog, policy, model).decide(portfolio).score[0])
    steps = draw(st.tuples(*[st.floats(0.01, 8.0)] * 3))
    lowest = np.clip(score + draw(st.sampled_from([-14.0, -7.0, 0.0])) + steps[0], 1.0, 82.0)
    cut_offs = [float(lowest + steps[1] + steps[2]), float(lowest + steps[1]), float(lowest)]
    document = policy.model_dump(mode="json", by_alias=True)
    for tier, cut_off in zip(("premium", "good", "general"), cut_offs, strict=True):
        document["tiers"][tier]["cut_off"] = cut_off
    return Scorer(catalog, Policy.model_validate_json(json.dumps(document)), model), portfolio


def vetoes(catalog: Catalog) -> st.SearchStrategy[dict[str, Any]]:
    """Return vetoes on numbers and flags of a catalog."""
    simple = [placed for placed in catalog.placed if placed.indicator.kind is not Kind.CATEGORY]
    return st.sampled_from(simple).flatmap(
        lambda placed: st.fixed_dictionaries(
            {
                "id": st.just(f"veto_{placed.id}"),
                "names": st.just({"zh-Hant": "否", "zh-Hans": "否", "en": "veto"}),
                "when": st.booleans().map(lambda is_: {"indicator": placed.id, "is": is_})
                if placed.indicator.kind is Kind.FLAG
                else st.integers(-40, 40).map(lambda x: {"indicator": placed.id, "at_least": float(x)}),
            }
        )
    )


@given(small_cases())
@settings(max_examples=150)
def test_no_combination_of_options_takes_less_and_impossible_means_that_none_will_do(
    case: tuple[Scorer, Portfolio],
) -> None:
    compare_with_exhaustive(*case)


@st.composite
def crowded_cases(draw: st.DrawFn) -> tuple[Scorer, Portfolio]:
    """Draw a customer with six indicators on three rungs each, far down or unknown, and a tier far up."""
    points = st.floats(0, 100, allow_subnormal=False)

    def indicator(id_: str, weight: float) -> dict[str, Any]:
        curve = sorted(draw(st.tuples(points, points, points)))
        return {
            "id": id_, "names": name(id_), "kind": "number", "better": "higher", "weight": weight,
            "points": [[x, y] for x, y in enumerate(curve)], "actionable": True,
            "source": {"department": "sales", "table": "records"}, "confidentiality": "internal",
        }  # fmt: skip

    dimensions: list[dict[str, Any]] = []
    for dimension, sizes in (("first", (2, 1)), ("second", (1,)), ("third", (1, 1))):
        groups: list[dict[str, Any]] = []
        for place, size in enumerate(sizes):
            id_ = f"{dimension}_{place}"
            members = [indicator(f"{id_}_{i}", w) for i, w in enumerate(whole(draw, size))]
            groups.append({"id": id_, "names": name(id_), "indicators": members})
        for group, weight in zip(groups, whole(draw, len(groups)), strict=True):
            group["weight"] = weight
        dimensions.append({"id": dimension, "names": name(dimension), "groups": groups})
    for made, weight in zip(dimensions, whole(draw, 3), strict=True):
        made["weight"] = weight
    document = {
        "catalog": "crowded", "version": 1, "names": name("crowded"), "natures": ["enterprise"],
        "departments": {"sales": name("sales")}, "dimensions": dimensions,
    }  # fmt: skip
    catalog = Catalog.model_validate_json(json.dumps(document))
    values = {placed.id: draw(st.sampled_from([0, 0, 1, None, None])) for placed in catalog.placed}
    raw = {"customer_id": "C", "nature": "enterprise", "as_of": "2026-01-31", "indicators": values}
    portfolio = portfolio_of(catalog, parse_customer(raw, catalog))
    floors = draw(
        st.dictionaries(st.sampled_from(["first", "second", "third"]), st.floats(20, 70), max_size=3)
    )
    share = draw(st.sampled_from([0.0, 0.0, 0.5]))
    policy = policy_for(
        catalog,
        model_weight=share,
        missing_points=draw(st.sampled_from([20.0, 40.0, 60.0])),
        completeness={"premium": draw(st.sampled_from([0.5, 0.9])), "rated": 0.0},
        premium_floors={"floors": floors},
    )
    model = random_model(catalog, policy, (Nature.ENTERPRISE,), draw(st.integers(0, 9999)), 0.3)
    scorer = Scorer(catalog, policy, model if share else None)
    now = float(scorer.decide(portfolio).score[0])
    best = changed(portfolio, [dict.fromkeys(range(len(catalog.placed)), 2.0)])
    most = float(scorer.decide(best).score[0])
    assume(most > now + 5.0)
    # The next tier lies somewhere on the way, premium where there are floors.
    cut_off = float(np.clip(now + draw(st.floats(0.1, 1.05)) * (most - now), 3.0, 99.0))
    cut_offs = [cut_off, cut_off * 0.01, cut_off * 0.001] if floors else [99.9, cut_off, cut_off * 0.01]
    rules = policy.model_dump(mode="json", by_alias=True)
    for tier, value in zip(("premium", "good", "general"), cut_offs, strict=True):
        rules["tiers"][tier]["cut_off"] = value
    return Scorer(catalog, Policy.model_validate_json(json.dumps(rules)), scorer.model), portfolio


def name(word: str) -> dict[str, str]:
    return {"zh-Hant": word, "zh-Hans": word, "en": word}


def whole(draw: st.DrawFn, count: int) -> list[float]:
    """Draw weights that add up to 100."""
    parts = draw(st.lists(st.integers(1, 9), min_size=count, max_size=count))
    return [100.0 * part / sum(parts) for part in parts]


@given(crowded_cases())
@settings(max_examples=60)
def test_where_many_indicators_have_to_change_no_other_choice_of_them_takes_less(
    case: tuple[Scorer, Portfolio],
) -> None:
    compare_with_exhaustive(*case)
