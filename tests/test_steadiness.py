"""Steadiness: what rises past a margin or on two reviews in a row, and what falls at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.terms import RATED_TIERS, Tier
from models.policy import Policy, load_policy
from serving.reviews.steadiness import Before, steady_tier

POLICY: Policy = load_policy("customer")
RANK = {tier: place for place, tier in enumerate(RATED_TIERS)}
TIERS = st.sampled_from(RATED_TIERS)
SCORES = st.floats(0, 100)


def by_score(score: float) -> Tier:
    return next((tier for tier in RATED_TIERS[:-1] if score >= (POLICY.tiers[tier].cut_off or 0)), Tier.RISK)


def steady(
    decided: Tier,
    score: float,
    approved: Tier | None,
    review: Tier | None = None,
    *,
    margin: float = 3.0,
    passed: bool = True,
    periodic: bool = True,
) -> Tier:
    return steady_tier(decided, score, Before(approved, review, passed), POLICY, margin, periodic=periodic)


@given(TIERS, SCORES, TIERS, TIERS | st.none(), st.floats(0, 20), st.booleans(), st.booleans())
def test_a_tier_ends_between_the_decision_and_what_was_approved(
    decided: Tier,
    score: float,
    approved: Tier,
    review: Tier | None,
    margin: float,
    passed: bool,
    periodic: bool,
) -> None:
    found = steady(decided, score, approved, review, margin=margin, passed=passed, periodic=periodic)
    ends = sorted((RANK[decided], RANK[approved]))
    assert ends[0] <= RANK[found] <= ends[1]


@given(TIERS, SCORES, TIERS, TIERS | st.none(), st.floats(0, 20), st.booleans())
def test_a_fall_to_risk_a_fall_from_premium_and_a_fall_after_an_event_wait_for_nothing(
    decided: Tier, score: float, approved: Tier, review: Tier | None, margin: float, periodic: bool
) -> None:
    assert steady(Tier.RISK, score, approved, review, margin=margin, periodic=periodic) is Tier.RISK
    if decided is not Tier.PREMIUM:
        assert steady(decided, score, Tier.PREMIUM, review, margin=margin, periodic=periodic) is decided
    if RANK[decided] > RANK[approved]:
        assert steady(decided, score, approved, review, margin=margin, periodic=False) is decided


@given(SCORES, SCORES | st.none(), st.floats(0, 14), TIERS)
def test_a_fall_from_good_to_general_within_the_margin_alone_waits_for_a_second_review(
    score: float, earlier: float | None, margin: float, approved: Tier
) -> None:
    decided, review = by_score(score), None if earlier is None else by_score(earlier)
    cut_off = POLICY.tiers[Tier.GOOD].cut_off
    assert cut_off is not None
    if RANK[decided] > RANK[approved]:
        near = round(score, 6) >= cut_off - margin and review in (None, Tier.PREMIUM, Tier.GOOD)
        waits = approved is Tier.GOOD and decided is Tier.GENERAL and near
        assert steady(decided, score, approved, review, margin=margin) is (Tier.GOOD if waits else decided)


@pytest.mark.parametrize("approved", RATED_TIERS)
@pytest.mark.parametrize("review", [None, Tier.PREMIUM, Tier.GOOD])
def test_just_below_good_nobody_waits_who_was_not_good(approved: Tier, review: Tier | None) -> None:
    cut_off = POLICY.tiers[Tier.GOOD].cut_off
    assert cut_off is not None
    waits = approved is Tier.GOOD
    assert steady(Tier.GENERAL, cut_off - 1, approved, review) is (Tier.GOOD if waits else Tier.GENERAL)


@given(SCORES, TIERS, st.floats(0, 20))
def test_two_reviews_in_a_row_always_rise(score: float, approved: Tier, margin: float) -> None:
    decided = by_score(score)
    if RANK[decided] <= RANK[approved]:
        assert steady(decided, score, approved, decided, margin=margin) is decided


@given(SCORES, TIERS, st.floats(0, 20))
def test_a_single_review_rises_to_the_best_tier_whose_cut_off_is_passed_by_the_margin(
    score: float, approved: Tier, margin: float
) -> None:
    decided = by_score(score)
    if RANK[decided] < RANK[approved]:
        firmly = by_score(round(score, 6) - margin)
        found = steady(decided, score, approved, margin=margin)
        assert found is min(firmly, approved, key=RANK.__getitem__)


@given(TIERS, SCORES, TIERS | st.none(), st.floats(0, 20), st.booleans())
def test_nobody_rises_out_of_risk_before_the_probation_is_passed(
    decided: Tier, score: float, review: Tier | None, margin: float, periodic: bool
) -> None:
    found = steady(decided, score, Tier.RISK, review, margin=margin, passed=False, periodic=periodic)
    assert found is Tier.RISK


@given(TIERS | st.just(Tier.UNRATED), SCORES, st.sampled_from([None, Tier.UNRATED]), TIERS | st.none())
def test_a_first_classification_is_taken_as_it_is(
    decided: Tier, score: float, approved: Tier | None, review: Tier | None
) -> None:
    assert steady(decided, score, approved, review, passed=False) is decided


@given(st.lists(SCORES, min_size=2, max_size=20), st.floats(0, 10))
def test_nobody_is_recognised_as_risk_later_than_without_steadiness(
    scores: list[float], margin: float
) -> None:
    plain = [by_score(score) for score in scores]
    approved, held = plain[0], [plain[0]]
    for review, decided, score in zip(plain, plain[1:], scores[1:], strict=False):
        approved = steady(decided, score, approved, review, margin=margin)
        held.append(approved)
    assert all(of is Tier.RISK for of, tier in zip(held, plain, strict=True) if tier is Tier.RISK)
