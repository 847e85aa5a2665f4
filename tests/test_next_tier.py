"""The next-tier path: proven least by exhaustive search, reaching its tier by the scorer's own decision."""

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Kind, load_catalog
from features.customer import parse_customer
from features.expressions.relations import related
from features.portfolio import Portfolio
from features.terms import Language, Nature, Tier
from models.decision import Scorer
from models.next_tier import paths
from models.next_tier.answer import path_answer
from models.next_tier.bounds import changed
from models.next_tier.ladder import Ladder, ladder
from models.next_tier.options import Options, ladders, options
from models.next_tier.paths import Outcome, Path, PathFinder, next_tier
from models.next_tier.problem import PARTS_OF_A_STEP, Obstacle, at_least
from models.policy import Policy, load_policy
from models.tiering import Rule
from serving.example import example_customer
from tests.strategies import catalogs, customers, policy_for, portfolio_of, random_model, random_portfolio

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


# One bundled policy, case by case


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(load_catalog("customer"), load_policy("customer"))


def enterprise(scorer: Scorer, **changes: Any) -> Portfolio:
    """Return an enterprise with middling facts, changed as asked; None takes a fact away."""
    raw = example_customer(scorer.catalog, Nature.ENTERPRISE)
    raw["indicators"] |= changes
    return portfolio_of(scorer.catalog, parse_customer(raw, scorer.catalog))


def ids(scorer: Scorer, path: Path) -> set[str]:
    return {scorer.catalog.placed[step.column].id for step in path.steps}


def test_a_veto_that_the_customer_cannot_lift_makes_it_impossible_and_is_named(scorer: Scorer) -> None:
    path = checked(scorer, enterprise(scorer, severe_breach_24m=True, insolvency_filing=True))
    assert path.outcome is Outcome.IMPOSSIBLE
    assert {o.subject for o in path.obstacles} == {"severe_breach", "insolvency_filing"}
    assert {o.rule for o in path.obstacles} == {Rule.VETO}


def test_a_veto_that_the_customer_can_lift_is_lifted_first(scorer: Scorer) -> None:
    path = checked(scorer, enterprise(scorer, dishonest_judgment_debtor=True))
    assert path.target is Tier.GENERAL
    assert ids(scorer, path) == {"dishonest_judgment_debtor"}
    assert path.effort == 2.0


def test_a_number_leaves_the_veto_s_range_and_goes_no_further_than_it_must(scorer: Scorer) -> None:
    path = checked(scorer, enterprise(scorer, overdue_days_max_12m=400))
    (step,) = path.steps
    assert scorer.catalog.placed[step.column].id == "overdue_days_max_12m"
    assert step.value == 179.0


def test_a_prospect_without_cooperation_cannot_become_premium(scorer: Scorer) -> None:
    catalog = scorer.catalog
    best = {
        placed.id: placed.indicator.points[-1][0]
        for placed in catalog.for_nature(Nature.ENTERPRISE)
        if isinstance(placed.indicator.points, tuple) and placed.indicator.better == "higher"
    }
    path = checked(scorer, enterprise(scorer, relationship="prospect", **best))
    assert path.target is Tier.PREMIUM
    assert Obstacle(Rule.DIMENSION_NOT_APPLICABLE, "cooperation") in path.obstacles


def test_a_floor_that_nothing_actionable_reaches_is_named_with_what_can_be_reached(scorer: Scorer) -> None:
    catalog = with_actionable(scorer.catalog, {"identity_verified"})
    path = checked(
        Scorer(catalog, scorer.policy), enterprise(Scorer(catalog, scorer.policy), total_assets=0.0)
    )
    assert path.target is Tier.PREMIUM
    (financial,) = (obstacle for obstacle in path.obstacles if obstacle.subject == "financial")
    assert financial.rule is Rule.PREMIUM_FLOOR
    assert financial.reachable == pytest.approx(
        path.before.baseline.dimension_scores["financial"][0], abs=1e-9
    )
    assert financial.required == 70.0


def test_the_unrated_are_told_which_facts_to_supply(scorer: Scorer) -> None:
    one = portfolio_of(
        scorer.catalog,
        parse_customer(
            {
                "customer_id": "C", "nature": "enterprise", "as_of": "2026-01-31",
                "indicators": {"relationship": "existing", "registered_capital": 30, "bank_rating": "AA"},
            },
            scorer.catalog,
        ),
    )  # fmt: skip
    path = checked(scorer, one)
    assert (path.before.tiers[0], path.target) == (Tier.UNRATED, Tier.GENERAL)
    assert path.outcome is Outcome.PATH
    assert all(step.supplies for step in path.steps)


def test_numbers_are_taken_back_to_where_they_are_just_enough(scorer: Scorer) -> None:
    for seed in range(4):
        portfolio = random_portfolio(scorer.catalog, 30, seed)
        for row in range(len(portfolio)):
            path = PathFinder(scorer).find(portfolio, row)
            if len(path.steps) != 1 or path.target is None or path.steps[0].supplies:
                continue
            (step,) = path.steps
            placed = scorer.catalog.placed[step.column]
            unit = scorer.catalog.units.get(placed.indicator.unit or "")
            if placed.indicator.kind is not Kind.NUMBER or unit is None:
                continue
            size = 1.0 / (unit.scale * 10.0**unit.decimals)
            before = path.before.portfolio
            back = step.value - np.sign(step.value - before.values[0, step.column]) * size
            tier = scorer.decide(changed(before, [{step.column: float(back)}])).tiers[0]
            assert not at_least(tier, path.target), placed.id


def test_frozen_indicators_stay_even_where_nothing_else_would_do(scorer: Scorer) -> None:
    catalog = with_actionable(scorer.catalog, set())
    frozen = Scorer(catalog, scorer.policy)
    portfolio = random_portfolio(catalog, 20, 3)
    for row in range(len(portfolio)):
        path = PathFinder(frozen).find(portfolio, row)
        assert path.outcome in (Outcome.IMPOSSIBLE, Outcome.AT_THE_TOP)
        assert path.outcome is Outcome.AT_THE_TOP or path.obstacles


def test_a_search_that_is_broken_off_still_finds_a_path_and_says_that_it_is_not_proven(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tables of noise in which much acts together: the joint effects hide what is cheapest.
    noise = random_model(scorer.catalog, scorer.policy, (Nature.ENTERPRISE,), 1, 0.2)
    noisy = Scorer(scorer.catalog, scorer.policy, noise)
    portfolio = enterprise(noisy, on_time_payment_rate=0.6, debt_to_asset_ratio=0.9, quick_ratio=0.2)
    least = checked(noisy, portfolio)
    assert least.proven and least.looked_at > 100
    monkeypatch.setattr(paths, "MOST_LOOKED_AT", 40)
    hurried = checked(noisy, portfolio)
    assert (hurried.outcome, hurried.proven) == (Outcome.PATH, False)
    assert hurried.at_least < least.at_least
    assert "broken off" in path_answer(hurried, {})["reasons"][-1]


# What is said


@pytest.mark.parametrize("language", list(Language))
def test_an_answer_s_points_add_up_and_each_step_has_its_sentence(scorer: Scorer, language: Language) -> None:
    portfolio = random_portfolio(scorer.catalog, 60, 5)
    kinds = related(scorer.catalog)
    for row in range(len(portfolio)):
        path = PathFinder(scorer).find(portfolio, row)
        answer = path_answer(path, kinds, language=language)
        assert json.loads(json.dumps(answer, allow_nan=False)) == answer
        if answer["reached"] is None:
            assert len(answer["reasons"]) == 1 + len(answer["obstacles"])
            continue
        points = sum(step["points"] for step in answer["steps"]) + answer["other_points"]
        assert answer["reached"]["score"] == pytest.approx(answer["score"] + points, abs=1e-9)
        assert answer["reached"]["score"] == float(scorer.decide(path.after.portfolio).score[0])  # type: ignore[union-attr]
        assert len(answer["reasons"]) == len(answer["steps"]) + 2
        for step, sentence in zip(answer["steps"], answer["reasons"], strict=False):
            names = scorer.catalog.by_id[step["indicator"]].indicator.names
            assert sentence.startswith(names.in_language(language))
            assert (step["action"] == "supply") == (step["from"] is None)


def test_supplying_a_fact_is_worded_as_such_in_every_language(scorer: Scorer) -> None:
    path = PathFinder(scorer).find(enterprise(scorer, on_time_payment_rate=None, identity_verified=None))
    supplied = [step for step in path.steps if step.supplies]
    if not supplied:  # the example's other facts are changed first: leave nothing but what is missing
        catalog = with_actionable(scorer.catalog, {"on_time_payment_rate", "identity_verified"})
        only = Scorer(catalog, scorer.policy)
        low = enterprise(only, on_time_payment_rate=None, identity_verified=None, net_profit_margin=-0.1)
        path = PathFinder(only).find(low)
    words = {Language.EN: "supply the fact", Language.ZH_HANT: "補充資料", Language.ZH_HANS: "补充资料"}
    assert any(step.supplies for step in path.steps)
    for language, word in words.items():
        assert any(word in reason for reason in path_answer(path, {}, language=language)["reasons"])


def test_indicators_computed_from_the_same_records_are_named() -> None:
    found = related(load_catalog("customer"))
    assert found["net_profit"] == ("net_profit_margin",)
    assert "order_count_36m" in found["purchase_frequency"]
    assert found["identity_verified"] == ()
    # The condition of the one is what the other is the largest of.
    assert "overdue_days_max_12m" in found["on_time_payment_rate"]
    assert "on_time_payment_rate" in found["overdue_days_max_12m"]
    of_loans = related(load_catalog("sba"))
    assert "approved_amount" in of_loans["relative_amount"]
    # Through what they share by name: whether jobs were stated at all.
    assert "jobs_retained" in of_loans["jobs_created"]


# Ladders


def rungs(id_: str, catalog: Catalog, bounds: tuple[float, ...] = ()) -> Ladder:
    found = ladder(catalog.by_id[id_].indicator, catalog, np.array(bounds))
    assert found is not None
    return found


def test_a_ladder_leads_to_what_the_company_values_and_no_further(scorer: Scorer) -> None:
    catalog = scorer.catalog
    rising = rungs("on_time_payment_rate", catalog)
    assert np.all(np.diff(rising.values[rising.better_than(0.6)]) > 0)
    assert rising.values[rising.better_than(0.6)][-1] == 1.0
    falling = rungs("debt_to_asset_ratio", catalog)
    assert np.all(np.diff(falling.values[falling.better_than(0.6)]) < 0)
    assert falling.values[falling.better_than(0.6)][-1] == 0.0
    middle = rungs("current_ratio", catalog)
    assert middle.values[middle.better_than(0.7)][-1] == 2.0
    assert middle.values[middle.better_than(7.0)][-1] == 3.0
    assert len(middle.better_than(2.5)) == 0
    grades = rungs("tax_credit_grade", catalog)
    codes = list(catalog.by_id["tax_credit_grade"].indicator.level_codes)
    assert [codes[int(code)] for code in grades.values[grades.better_than(codes.index("C"))]] == [
        "M",
        "B",
        "A",
    ]
    assert rungs("identity_verified", catalog).values[
        rungs("identity_verified", catalog).better_than(0.0)
    ] == [1.0]


def test_a_step_is_the_way_between_knots_levels_or_two_values(scorer: Scorer) -> None:
    rate = rungs("on_time_payment_rate", scorer.catalog)
    assert rate.steps_of(0.85) - rate.steps_of(0.7) == pytest.approx(1.0)
    assert rate.steps_of(0.9) - rate.steps_of(0.85) == pytest.approx(0.5)
    profit = rungs("net_profit", scorer.catalog)
    assert profit.steps_of(-20.0) - profit.steps_of(-40.0) == pytest.approx(1.0)
    assert math.isfinite(profit.steps_of(-1.7e308))
    grades = rungs("tax_credit_grade", scorer.catalog)
    assert grades.steps_of(0.0) - grades.steps_of(4.0) == 4.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8, unique=True))
def test_both_sides_of_every_threshold_have_a_rung(scorer: Scorer, thresholds: list[float]) -> None:
    bounds = tuple(float(np.nextafter(threshold, 2.0)) for threshold in sorted(thresholds))
    on = rungs("on_time_payment_rate", scorer.catalog, bounds)
    for low, high in itertools.pairwise((-1.0, *bounds, 2.0)):
        # Every cell that holds a value as it is shown has a rung.
        shown = np.arange(1001) / 1000
        if np.any((shown >= low) & (shown < high)):
            assert np.any((on.values >= low) & (on.values < high))
    assert np.all(np.diff(on.values) > 0)


def test_a_level_or_number_without_direction_does_not_move(scorer: Scorer) -> None:
    catalog = scorer.catalog
    assert ladder(catalog.by_id["relationship"].indicator, catalog, np.empty(0)) is None
    assert ladder(catalog.by_id["age"].indicator, catalog, np.empty(0)) is None


def test_what_applicability_rests_on_does_not_move() -> None:
    catalog = load_catalog("customer")
    moved = with_actionable(catalog, {"relationship", "identity_verified"})
    found = ladders(moved, load_policy("customer"), None)
    assert set(found) == {moved.columns["identity_verified"]}
