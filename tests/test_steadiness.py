"""Steadiness: a tier rises past a margin or on two reviews in a row, and falls at once."""

from hypothesis import given
from hypothesis import strategies as st

from features.terms import RATED_TIERS, Tier
from models.policy import Policy, load_policy
from serving.reviews.steadiness import Steady, steady_tier

POLICY: Policy = load_policy("customer")
RANK = {tier: place for place, tier in enumerate(RATED_TIERS)}
TIERS = st.sampled_from(RATED_TIERS)
SCORES = st.floats(0, 100)


def by_score(score: float) -> Tier:
    return next((tier for tier in RATED_TIERS[:-1] if score >= (POLICY.tiers[tier].cut_off or 0)), Tier.RISK)


@given(TIERS, SCORES, TIERS, TIERS | st.none(), st.floats(0, 20))
def test_a_tier_never_ends_above_the_decision_nor_below_both(
    decided: Tier, score: float, approved: Tier, before: Tier | None, margin: float
) -> None:
    steady = steady_tier(decided, score, approved, before, POLICY, margin)
    lowest = max(RANK[decided], RANK[approved])
    assert RANK[decided] <= RANK[steady.tier] <= lowest
    if RANK[decided] >= RANK[approved]:
        assert steady == Steady(decided)
    assert (steady.tier is decided) == (steady.required is None)


@given(SCORES, TIERS, st.floats(0, 20))
def test_two_reviews_in_a_row_always_rise(score: float, approved: Tier, margin: float) -> None:
    decided = by_score(score)
    assert steady_tier(decided, score, approved, decided, POLICY, margin).tier is decided


@given(SCORES, TIERS, st.floats(0, 20))
def test_a_single_review_rises_to_the_best_tier_whose_cut_off_is_passed_by_the_margin(
    score: float, approved: Tier, margin: float
) -> None:
    decided = by_score(score)
    steady = steady_tier(decided, score, approved, None, POLICY, margin).tier
    if RANK[decided] < RANK[approved]:
        firmly = by_score(round(score, 6) - margin)
        assert steady is min(firmly, approved, key=RANK.__getitem__)


@given(TIERS | st.just(Tier.UNRATED), SCORES, st.sampled_from([None, Tier.UNRATED]), TIERS | st.none())
def test_a_first_classification_is_taken_as_it_is(
    decided: Tier, score: float, approved: Tier | None, before: Tier | None
) -> None:
    assert steady_tier(decided, score, approved, before, POLICY, 3.0) == Steady(decided)


@given(st.lists(SCORES, min_size=2, max_size=20), st.floats(0, 10))
def test_a_steady_tier_is_never_above_the_plain_one(scores: list[float], margin: float) -> None:
    plain = [by_score(score) for score in scores]
    approved, steady = plain[0], [plain[0]]
    for before, decided, score in zip(plain, plain[1:], scores[1:], strict=False):
        approved = steady_tier(decided, score, approved, before, POLICY, margin).tier
        steady.append(approved)
    assert all(RANK[held] >= RANK[tier] for held, tier in zip(steady, plain, strict=True))
