"""The next-tier path: proven least by exhaustive search, reaching its tier by the scorer's own decision."""

import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Kind, load_catalog
from features.customer import parse_customer
from features.portfolio import Portfolio
from features.terms import Nature, Tier
from models.decision import Scorer
from models.next_tier.bounds import changed
from models.next_tier.options import Options, ladders, options
from models.next_tier.paths import PARTS_OF_A_STEP, Outcome, Path, PathFinder, at_least, next_tier
from models.policy import Policy, load_policy
from models.tiering import Rule
from tests.strategies import catalogs, customers, policy_for, portfolio_of, random_model, random_portfolio

# The most combinations of options that are tried one by one.
EXHAUSTED = 6000


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
    path = checked(scorer, portfolio)
    if path.target is None:
        return path
    one = path.before.portfolio
    movable = options(one, 0, ladders(scorer.catalog, scorer.policy, scorer.model), scorer.policy)
    assume(np.prod([len(option.values) for option in movable]) <= EXHAUSTED)
    least = exhaustive(scorer, one, movable, path.target)
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
    """Draw a catalog with one to three actionable indicators, a policy with gates, a model or none, a customer."""
    catalog = draw(catalogs())
    ids = [placed.id for placed in catalog.placed]
    actionable = draw(st.sets(st.sampled_from(ids), min_size=1, max_size=3))
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
        vetoes=draw(st.lists(vetoes(catalog), max_size=2, unique_by=lambda veto: veto["id"])),
    )
    modelled = draw(st.booleans())
    seed, size = draw(st.integers(0, 10_000)), draw(st.sampled_from([0.1, 0.6, 2.0]))
    model = random_model(catalog, policy, catalog.natures, seed, size) if modelled else None
    return Scorer(catalog, policy, model), portfolio_of(catalog, draw(customers(catalog)))


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
@settings(max_examples=300)
def test_no_combination_of_options_takes_less_and_impossible_means_that_none_will_do(
    case: tuple[Scorer, Portfolio],
) -> None:
    compare_with_exhaustive(*case)
