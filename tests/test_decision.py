"""The number served is the sum of the reasons shown; the tier follows the policy's rules in their order."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog, Kind, load_catalog
from features.customer import Customer, parse_customer
from features.portfolio import Floats, Portfolio
from features.terms import RATED_TIERS, Nature, Tier
from models.answer import Answer, answer
from models.artefact import ArtefactError, Model
from models.baseline import BaselineResult
from models.decision import EXACT, Decisions, Scorer, UnexplainedScore
from models.policy import load_policy
from models.tiering import Rule, assign_tiers, tiers_by_score
from tests.strategies import catalogs, policy_for, portfolio_of, random_model, random_portfolio, raw_customers

CATALOG = load_catalog("customer")
POLICY = load_policy("customer")
# One model for two natures: each lacks some of the features that the other has.
SHARED = (Nature.ENTERPRISE, Nature.INDIVIDUAL)
MODEL = random_model(CATALOG, POLICY, SHARED, seed=1, size=0.2)
SCORERS = {"baseline": Scorer(CATALOG, POLICY), "blend": Scorer(CATALOG, POLICY, MODEL)}


# The exact sum


def assert_sums(whole: Floats, base: Floats, parts: Floats) -> None:
    assert np.abs(base + parts.sum(axis=1) - whole).max() <= EXACT


@pytest.mark.parametrize("scorer", SCORERS.values(), ids=SCORERS)
def test_on_100_000_random_customers_every_score_is_the_sum_of_its_parts_at_every_level(
    scorer: Scorer,
) -> None:
    chunk, chunks = 10_000, 10
    groups = [group.id for dimension in CATALOG.dimensions for group in dimension.groups]
    of_group = np.array([groups.index(placed.group.id) for placed in CATALOG.placed])
    dimensions = [dimension.id for dimension in CATALOG.dimensions]
    first = {group.id: dimensions.index(d.id) for d in CATALOG.dimensions for group in d.groups}
    of_dimension = np.array([first[group] for group in groups])
    for seed in range(chunks):
        decisions = scorer.decide(random_portfolio(CATALOG, chunk, seed))
        baseline, model = decisions.baseline, decisions.model
        applies = model.applies
        assert_sums(baseline.score, baseline.base, baseline.contributions)
        assert_sums(decisions.score, decisions.base, decisions.contributions)
        if scorer.model:
            assert 0.3 < applies.mean() < 0.7
            shap_values, phi = model.shap_values[applies], model.contributions[applies]
            assert_sums(model.points[applies], model.base[applies], phi)
            assert_sums(model.log_odds[applies], model.base_log_odds[applies], shap_values)
            assert (np.sign(phi) == -np.sign(shap_values)).all()
        by_group = np.stack(
            [decisions.contributions[:, of_group == g].sum(axis=1) for g in range(len(groups))], 1
        )
        by_dimension = np.stack(
            [by_group[:, of_dimension == d].sum(axis=1) for d in range(len(dimensions))], 1
        )
        assert_sums(decisions.score, decisions.base, by_group)
        assert_sums(decisions.score, decisions.base, by_dimension)
        for scores in (decisions.score, baseline.score, model.points[applies]):
            assert ((scores >= 0) & (scores <= 100)).all()


def assert_answer_adds_up(given_answer: Answer) -> None:
    base, score = given_answer["base"], given_answer["score"]
    lines, groups, dimensions = (
        given_answer["contributions"],
        given_answer["groups"],
        given_answer["dimensions"],
    )
    for parts in (lines, groups, dimensions):
        assert abs(base + sum(part["points"] for part in parts) - score) <= EXACT
    for group in groups:
        of_group = [line["points"] for line in lines if line["group"] == group["group"]]
        assert abs(sum(of_group) - group["points"]) <= EXACT
    for dimension in dimensions:
        of_dimension = [group["points"] for group in groups if group["dimension"] == dimension["dimension"]]
        assert abs(sum(of_dimension) - dimension["points"]) <= EXACT


@pytest.mark.parametrize("scorer", SCORERS.values(), ids=SCORERS)
def test_every_answer_adds_up_at_every_level(scorer: Scorer) -> None:
    decisions = scorer.decide(random_portfolio(CATALOG, 400, seed=9))
    for row in range(len(decisions)):
        given_answer = answer(decisions, row)
        assert_answer_adds_up(given_answer)
        json.dumps(given_answer, allow_nan=False)
        if given_answer["model"] is not None:
            lines = given_answer["contributions"]
            log_odds = sum(line["log_odds"] or 0.0 for line in lines) + decisions.model.base_log_odds[row]
            assert abs(log_odds - decisions.model.log_odds[row]) <= EXACT


@given(catalog=catalogs(), seed=st.integers(0, 2**32 - 1), weight=st.floats(0, 1))
@settings(max_examples=60)
def test_whatever_the_catalog_and_the_blend_every_answer_adds_up(
    catalog: Catalog, seed: int, weight: float
) -> None:
    policy = policy_for(catalog, model_weight=weight)
    model = random_model(catalog, policy, catalog.natures[:1], seed)
    decisions = Scorer(catalog, policy, model).decide(random_portfolio(catalog, 12, seed))
    for row in range(len(decisions)):
        assert_answer_adds_up(answer(decisions, row))


@given(
    raw=st.lists(raw_customers(CATALOG), min_size=2, max_size=4), scorer=st.sampled_from([*SCORERS.values()])
)
@settings(max_examples=40)
def test_a_customer_gets_the_same_answer_alone_and_among_others(
    raw: list[dict[str, Any]], scorer: Scorer
) -> None:
    customers = [parse_customer(customer, CATALOG) for customer in raw]
    together = scorer.decide(portfolio_of(CATALOG, *customers))
    for row, customer in enumerate(customers):
        assert answer(together, row) == answer(scorer.decide(portfolio_of(CATALOG, customer)), 0)


def test_a_score_that_its_parts_do_not_explain_is_not_served() -> None:
    first, *others = MODEL.prior.tables
    broken = dataclasses.replace(first, contributions=first.contributions * np.inf)
    prior = dataclasses.replace(MODEL.prior, tables=(broken, *others))
    scorer = Scorer(CATALOG, POLICY, dataclasses.replace(MODEL, prior=prior))
    with pytest.raises(UnexplainedScore, match="model score"), np.errstate(invalid="ignore"):
        scorer.decide(random_portfolio(CATALOG, 50, seed=2))


# The blend


def test_the_score_is_the_policy_s_blend_and_the_baseline_alone_without_a_model() -> None:
    decisions = SCORERS["blend"].decide(random_portfolio(CATALOG, 200, seed=3))
    applies = decisions.model.applies
    assert applies.tolist() == [nature in SHARED for nature in decisions.portfolio.natures]
    blended = 0.5 * decisions.baseline.score + 0.5 * decisions.model.points
    assert np.allclose(decisions.score[applies], blended[applies], atol=1e-12, rtol=0)
    assert np.array_equal(decisions.score[~applies], decisions.baseline.score[~applies])
    for row in np.flatnonzero(~applies)[:5]:
        without = answer(decisions, int(row))
        assert without["model"] is None
        assert without["probability"] is None


def test_a_portfolio_or_model_of_another_catalog_is_refused() -> None:
    other = CATALOG.model_copy(update={"version": 99})
    other.__dict__.pop("hash", None)
    with pytest.raises(ValueError, match="another catalog"):
        SCORERS["baseline"].decide(random_portfolio(other, 2, seed=1))
    with pytest.raises(ArtefactError, match="train again"):
        Scorer(other, POLICY, MODEL)


def test_a_model_whose_tables_do_not_fit_the_catalog_is_refused() -> None:
    features = MODEL.prior.features
    unknown, swapped = ("nobody", *features[1:]), features[::-1]
    for wrong, reason in ((unknown, "nobody is not in the catalog"), (swapped, "does not fit indicator")):
        prior, correction = (
            dataclasses.replace(part, features=wrong) for part in (MODEL.prior, MODEL.correction)
        )
        with pytest.raises(ArtefactError, match=reason):
            Scorer(CATALOG, POLICY, dataclasses.replace(MODEL, prior=prior, correction=correction))


def test_two_tiers_apart_are_marked_for_review() -> None:
    decisions = SCORERS["blend"].decide(random_portfolio(CATALOG, 400, seed=4))
    for row in range(len(decisions)):
        given_answer = answer(decisions, row, explain=False)
        apart = 0
        if given_answer["model"] is not None:
            ranks = [
                RATED_TIERS.index(Tier(part["tier"]))
                for part in (given_answer["baseline"], given_answer["model"])
            ]
            apart = abs(ranks[0] - ranks[1])
        assert ("baseline_and_model_disagree" in given_answer["review"]) == (apart >= 2)
    assert 0 < decisions.disagreement.sum() < len(decisions)


# Tiers


@pytest.mark.parametrize(
    ("score", "tier"),
    [
        (100, Tier.PREMIUM), (80, Tier.PREMIUM), (79.9999999, Tier.PREMIUM), (79.9999995, Tier.PREMIUM),
        (79.9999994, Tier.GOOD), (79.999, Tier.GOOD), (65, Tier.GOOD), (64.9999999, Tier.GOOD),
        (64.999999, Tier.GENERAL), (50, Tier.GENERAL), (49.999999, Tier.RISK), (0, Tier.RISK),
    ],
)  # fmt: skip
def test_a_score_is_rounded_once_to_a_millionth_and_then_compared(score: float, tier: Tier) -> None:
    # 64.999999 is a millionth below, and stays there.
    expected = tier
    assert tiers_by_score(np.array([float(score)]), POLICY)[0] is expected


def customer_of(nature: Nature = Nature.ENTERPRISE, **indicators: object) -> Customer:
    raw = {"customer_id": "C-1", "nature": nature, "as_of": "2026-01-31", "indicators": indicators}
    return parse_customer(raw, CATALOG)


def excellent(nature: Nature = Nature.ENTERPRISE, **changes: object) -> dict[str, Any]:
    """Return the best value of every indicator that has points, of an existing customer."""
    values: dict[str, Any] = {"relationship": "existing"}
    for placed in CATALOG.for_nature(nature):
        indicator = placed.indicator
        if placed.id not in CATALOG.weights(nature):
            continue
        if indicator.kind is Kind.CATEGORY:
            values[placed.id] = max(indicator.levels or {}, key=lambda level: level_points(placed.id, level))
        elif indicator.kind is Kind.FLAG:
            values[placed.id] = indicator.better == "higher"
        elif isinstance(indicator.points, tuple):
            values[placed.id] = float(max(indicator.points, key=lambda knot: knot[1])[0])
    return values | changes


def level_points(id_: str, level: str) -> float:
    points = (CATALOG.by_id[id_].indicator.levels or {})[level].points
    assert points is not None
    return points


def decided(nature: Nature = Nature.ENTERPRISE, **indicators: object) -> Decisions:
    return SCORERS["baseline"].decide(portfolio_of(CATALOG, customer_of(nature, **indicators)))


def rules(decisions: Decisions) -> list[tuple[Rule, Tier, str | None]]:
    return [(entry.rule, entry.tier, entry.subject) for entry in decisions.tier_basis[0]]


@pytest.mark.parametrize("nature", Nature)
def test_a_customer_excellent_in_everything_is_premium_by_score_alone(nature: Nature) -> None:
    decisions = decided(nature, **excellent(nature))
    assert rules(decisions) == [(Rule.SCORE, Tier.PREMIUM, None)]
    assert decisions.tiers[0] is Tier.PREMIUM


@pytest.mark.parametrize("nature", Nature)
def test_a_prospect_excellent_in_everything_can_be_at_most_good(nature: Nature) -> None:
    decisions = decided(nature, **excellent(nature, relationship="prospect"))
    assert rules(decisions) == [
        (Rule.SCORE, Tier.PREMIUM, None),
        (Rule.DIMENSION_NOT_APPLICABLE, Tier.GOOD, "cooperation"),
    ]
    assert decisions.tiers[0] is Tier.GOOD


def test_of_whom_nothing_is_known_is_unrated() -> None:
    decisions = decided()
    assert rules(decisions)[-1] == (Rule.UNRATED, Tier.UNRATED, None)
    given_answer = answer(decisions, 0)
    assert given_answer["tier"] == "unrated"
    assert given_answer["strategies"] == []


VETOED: list[tuple[str, dict[str, Any]]] = [
    ("insolvency_filing", {"insolvency_filing": True}),
    ("dishonest_judgment_debtor", {"dishonest_judgment_debtor": True}),
    ("severe_breach", {"severe_breach_24m": True}),
    ("registration_lost", {"registration_status": "revoked"}),
    ("negative_net_assets", {"net_assets": -5e-324}),
    ("non_performing_loan", {"loan_classification": "loss"}),
    ("long_overdue", {"overdue_days_max_12m": 180.0}),
]


@pytest.mark.parametrize(("veto", "fact"), VETOED, ids=[veto for veto, _ in VETOED])
def test_each_veto_forces_risk_on_the_best_and_on_the_unrated(veto: str, fact: dict[str, Any]) -> None:
    for indicators in (excellent() | fact, fact):
        decisions = decided(**indicators)
        assert rules(decisions)[-1] == (Rule.VETO, Tier.RISK, veto)
        assert decisions.tiers[0] is Tier.RISK
    assert rules(decided(**fact))[-2] == (Rule.UNRATED, Tier.UNRATED, None)


def test_every_veto_of_the_policy_is_tried() -> None:
    assert {veto.id for veto in POLICY.vetoes} == {veto for veto, _ in VETOED}


def test_a_fact_just_outside_a_veto_binds_nothing() -> None:
    outside: list[dict[str, Any]] = [
        {"net_assets": 0.0},
        {"overdue_days_max_12m": float(np.nextafter(180, 0))},
        {"severe_breach_24m": False},
    ]
    for fact in outside:
        assert Rule.VETO not in [rule for rule, _, _ in rules(decided(**excellent() | fact))]


# Rules on made results: one rule at a time, at its edge


def tiered(
    nature: Nature = Nature.ENTERPRISE,
    score: float = 90.0,
    completeness: float = 1.0,
    absent: tuple[str, ...] = (),
    dimensions: dict[str, float] | None = None,
) -> tuple[Tier, list[tuple[Rule, Tier, str | None]]]:
    """Return tier and rules for a baseline with the dimensions' scores given, 90 where not."""
    ids = [dimension.id for dimension in CATALOG.dimensions]
    scores = dict.fromkeys(ids, 90.0) | (dimensions or {})
    nothing = np.zeros((1, len(CATALOG.placed)))
    baseline = BaselineResult(
        base=np.array([60.0]), score=np.array([score]),
        points=nothing, weights=nothing, contributions=nothing,
        dimension_scores={id_: np.array([np.nan if id_ in absent else scores[id_]]) for id_ in ids},
        group_scores={}, dimension_applies={id_: np.array([id_ not in absent]) for id_ in ids},
        completeness=np.array([completeness]),
    )  # fmt: skip
    tiers, bases = assign_tiers(
        np.array([score]), baseline, portfolio_of(CATALOG, customer_of(nature)), POLICY
    )
    return tiers[0], [(entry.rule, entry.tier, entry.subject) for entry in bases[0]]


@pytest.mark.parametrize(("dimension", "floor"), POLICY.premium_floors.floors.items())
def test_each_floor_binds_below_it_and_not_on_it(dimension: str, floor: float) -> None:
    below = (Rule.PREMIUM_FLOOR, Tier.GOOD, dimension)
    assert tiered(dimensions={dimension: floor - 1e-6}) == (
        Tier.GOOD,
        [(Rule.SCORE, Tier.PREMIUM, None), below],
    )
    for reached in (floor, floor - 1e-7):
        assert tiered(dimensions={dimension: reached}) == (Tier.PREMIUM, [(Rule.SCORE, Tier.PREMIUM, None)])
    assert tiered(dimensions={dimension: np.nan})[1][-1] == below


@pytest.mark.parametrize("nature", [Nature.GOVERNMENT, Nature.PUBLIC_INSTITUTION])
def test_a_public_body_without_finances_is_asked_for_more_credit_and_cooperation(nature: Nature) -> None:
    assert (
        tiered(nature, absent=("financial",), dimensions={"credit": 85, "cooperation": 75})[0] is Tier.PREMIUM
    )
    assert tiered(nature, absent=("financial",), dimensions={"credit": 84, "cooperation": 74}) == (
        Tier.GOOD,
        [
            (Rule.SCORE, Tier.PREMIUM, None),
            (Rule.PREMIUM_FLOOR, Tier.GOOD, "credit"),
            (Rule.PREMIUM_FLOOR, Tier.GOOD, "cooperation"),
        ],
    )
    # The substitutes stand in only where finances do not apply.
    assert tiered(nature, dimensions={"credit": 84, "cooperation": 74})[0] is Tier.PREMIUM


def test_an_enterprise_without_a_dimension_has_no_substitute() -> None:
    for dimension in POLICY.premium_floors.floors:
        tier, basis = tiered(absent=(dimension,))
        assert tier is Tier.GOOD
        assert basis[-1] == (Rule.DIMENSION_NOT_APPLICABLE, Tier.GOOD, dimension)


@pytest.mark.parametrize(
    ("completeness", "tier"),
    [
        (0.8, Tier.PREMIUM), (0.8 - 1e-9, Tier.PREMIUM), (0.799999, Tier.GOOD),
        (0.4, Tier.GOOD), (0.4 - 1e-9, Tier.GOOD), (0.399999, Tier.UNRATED), (0.0, Tier.UNRATED),
    ],
)  # fmt: skip
def test_too_little_known_is_not_premium_and_still_less_is_unrated(completeness: float, tier: Tier) -> None:
    assert tiered(completeness=completeness)[0] is tier


def test_gates_of_premium_do_not_touch_lower_tiers() -> None:
    for score, tier in ((79.0, Tier.GOOD), (55.0, Tier.GENERAL), (10.0, Tier.RISK)):
        assert tiered(
            score=score, completeness=0.5, dimensions=dict.fromkeys(POLICY.premium_floors.floors, 0.0)
        ) == (
            tier,
            [(Rule.SCORE, tier, None)],
        )


def test_all_rules_that_bind_are_kept_in_the_order_applied() -> None:
    assert [
        rule
        for rule, _, _ in tiered(completeness=0.1, dimensions={"financial": 0}, absent=("cooperation",))[1]
    ] == [
        Rule.SCORE,
        Rule.COMPLETENESS_FOR_PREMIUM,
        Rule.PREMIUM_FLOOR,
        Rule.DIMENSION_NOT_APPLICABLE,
        Rule.UNRATED,
    ]


def test_an_empty_portfolio_has_no_decisions() -> None:
    for scorer in SCORERS.values():
        decisions = scorer.decide(Portfolio.from_customers([], CATALOG))
        assert len(decisions) == len(decisions.disagreement) == 0


def test_a_model_is_found_by_its_natures() -> None:
    scorer = Scorer(CATALOG, policy_for(CATALOG, model_weight={"enterprise": 0.25}), MODEL)
    assert [scorer.model_weight(nature) for nature in Nature] == [0.25, 0.0, 0.0, 0.0]
    assert isinstance(scorer.model, Model)
