"""Reasons are sentences in three languages that say what each rule and each indicator did."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import load_catalog
from features.customer import parse_customer
from features.terms import Language, Nature, Tier
from models.decision import Decisions, Scorer
from models.policy import load_policy
from models.reasons import NAMED, WORTH_NAMING, reasons, rule_sentence, shown_value
from models.tiering import BasisEntry, Rule
from tests.strategies import UNSEEN, portfolio_of, random_model, random_portfolio, raw_customers

CATALOG = load_catalog("customer")
POLICY = load_policy("customer")
SCORER = Scorer(CATALOG, POLICY)
BLEND = Scorer(CATALOG, POLICY, random_model(CATALOG, POLICY, (Nature.ENTERPRISE, Nature.INDIVIDUAL), seed=3))
ZH_HANT, ZH_HANS, EN = Language


def decided(nature: str = "enterprise", scorer: Scorer = SCORER, **indicators: Any) -> Decisions:
    raw = {"customer_id": "C-1", "nature": nature, "as_of": "2026-01-31", "indicators": indicators}
    return scorer.decide(portfolio_of(CATALOG, parse_customer(raw, CATALOG)))


def sentence_on(decisions: Decisions, id_: str, language: Language) -> str:
    """Return the one sentence that starts with an indicator's name."""
    name = CATALOG.by_id[id_].indicator.names.in_language(language)
    (found,) = [sentence for sentence in reasons(decisions, 0, language) if sentence.startswith(name)]
    return found


# The wording


def test_a_known_number_reads_as_in_the_measures() -> None:
    decisions = decided(debt_to_asset_ratio=0.82)
    points = f"{abs(decisions.contributions[0, CATALOG.columns['debt_to_asset_ratio']]):.1f}"
    assert sentence_on(decisions, "debt_to_asset_ratio", EN) == (
        f"Debt-to-asset ratio 82 % lowers the score by {points} points against the reference"
    )
    assert (
        sentence_on(decisions, "debt_to_asset_ratio", ZH_HANT)
        == f"資產負債率 82%，使評分較參照降低 {points} 分"
    )
    assert (
        sentence_on(decisions, "debt_to_asset_ratio", ZH_HANS)
        == f"资产负债率 82%，使评分较参照降低 {points} 分"
    )


def test_a_level_a_flag_an_unseen_level_and_a_missing_fact_read_well() -> None:
    known = decided(bank_rating="AAA", identity_verified=True)
    assert re.fullmatch(
        r"Bank credit rating “AAA” raises the score by \d+\.\d points against the reference",
        sentence_on(known, "bank_rating", EN),
    )
    assert re.fullmatch(
        r"銀行信用評級「AAA 級」，使評分較參照提高 \d+\.\d 分", sentence_on(known, "bank_rating", ZH_HANT)
    )
    assert sentence_on(known, "identity_verified", EN).startswith(
        "Identity and authority verified “yes” raises"
    )
    assert sentence_on(known, "identity_verified", ZH_HANS).startswith("客户身份及授权已核实“是”，使评分")
    unseen = decided(bank_rating=UNSEEN)
    assert "(a level outside the catalog) lowers" in sentence_on(unseen, "bank_rating", EN)
    assert UNSEEN not in " ".join(reasons(unseen, 0, EN))
    missing = [sentence for sentence in reasons(decided(), 0, EN) if "not known" in sentence]
    assert len(missing) == NAMED
    assert re.fullmatch(
        r".+: not known, which lowers the score by \d+\.\d points against the reference", missing[0]
    )


@pytest.mark.parametrize(
    ("id_", "value", "shown"),
    [
        ("debt_to_asset_ratio", 0.82, "82 %"),
        ("debt_to_asset_ratio", 0.8245, "82.4 %"),
        ("debt_to_asset_ratio", 0.8255, "82.6 %"),
        ("net_profit_margin", -0.167, "-16.7 %"),
        ("net_profit_margin", -0.0, "0 %"),
        ("net_profit_margin", -0.0001, "0 %"),
        ("total_assets", 4696.594, "4,696.59 million CNY"),
        ("total_assets", 1.7976931348623157e308, "1.798e+308 million CNY"),
        ("debt_to_asset_ratio", 1e308, "1.000e+310 %"),
        ("years_since_founding", 1.0, "1.0 years"),
        ("years_since_founding", 8.0, "8 years"),
        ("current_ratio", 4.07, "4.07"),
        ("current_ratio", 5e-324, "0"),
    ],
)
def test_a_number_is_shown_in_its_unit(id_: str, value: float, shown: str) -> None:
    assert shown_value(CATALOG.by_id[id_], value, CATALOG, EN) == shown


@pytest.mark.parametrize(
    ("entry", "sentences"),
    [
        (
            BasisEntry(Rule.VETO, Tier.RISK, subject="severe_breach"),
            (
                "否決事項「近24個月內重大違約」成立，不論評分高低，歸入風險客戶",
                "否决事项“近24个月内重大违约”成立，不论评分高低，归入风险客户",
                "Veto “Severe breach of contract within 24 months”: Risk customer, whatever the score",
            ),
        ),
        (
            BasisEntry(Rule.UNRATED, Tier.UNRATED, observed=0.31, required=0.4),
            (
                "已知資料僅占 31%，低於評級所需的 40%，結果為未評級",
                "已知资料仅占 31%，低于评级所需的 40%，结果为未评级",
                "Only 31 % of the facts by weight are known, less than the 40 % needed: unrated",
            ),
        ),
        (
            BasisEntry(Rule.PREMIUM_FLOOR, Tier.GOOD, subject="credit", observed=71.25, required=75.0),
            (
                "信用記錄得 71.2 分，低於優質所需的 75.0 分，最高為良好客戶",
                "信用记录得 71.2 分，低于优质所需的 75.0 分，最高为良好客户",
                "Credit record: 71.2 points, premium needs 75.0: at most Good customer",
            ),
        ),
        (
            BasisEntry(Rule.PREMIUM_FLOOR, Tier.GOOD, subject="credit", observed=None, required=75.0),
            (
                "信用記錄沒有已知資料，優質需要 75.0 分，最高為良好客戶",
                "信用记录没有已知资料，优质需要 75.0 分，最高为良好客户",
                "Credit record: nothing is known, premium needs 75.0 points: at most Good customer",
            ),
        ),
        (
            BasisEntry(Rule.DIMENSION_NOT_APPLICABLE, Tier.GOOD, subject="cooperation"),
            (
                "業務合作尚不適用，最高為良好客戶",
                "业务合作尚不适用，最高为良好客户",
                "Business cooperation: not applicable yet, at most Good customer",
            ),
        ),
    ],
)
def test_a_binding_rule_reads_well_in_each_language(
    entry: BasisEntry, sentences: tuple[str, str, str]
) -> None:
    assert tuple(rule_sentence(entry, CATALOG, POLICY, language) for language in Language) == sentences


@pytest.mark.parametrize(
    ("observed", "shown"), [(0.799, "79.9 %"), (0.7999, "79.99 %"), (0.79999, "79.999 %"), (0.5, "50 %")]
)
def test_a_rule_never_says_that_80_is_less_than_80(observed: float, shown: str) -> None:
    entry = BasisEntry(Rule.COMPLETENESS_FOR_PREMIUM, Tier.GOOD, observed=observed, required=0.8)
    sentence = rule_sentence(entry, CATALOG, POLICY, EN)
    assert sentence.startswith(f"Only {shown} of the facts")
    assert len(set(re.findall(r"[\d.]+(?= %)", sentence))) == 2


# What every reason keeps


@given(raw=raw_customers(CATALOG), scorer=st.sampled_from([SCORER, BLEND]))
@settings(max_examples=80)
def test_each_sentence_names_indicator_value_direction_and_points(
    raw: dict[str, Any], scorer: Scorer
) -> None:
    decisions = scorer.decide(portfolio_of(CATALOG, parse_customer(raw, CATALOG)))
    contributions = decisions.contributions[0]
    binding = [entry for entry in decisions.tier_basis[0] if entry.rule is not Rule.SCORE]
    order = np.argsort(-np.abs(contributions), kind="stable")[:NAMED]
    named = [int(column) for column in order if abs(contributions[column]) > WORTH_NAMING]
    for language in Language:
        sentences = reasons(decisions, 0, language)
        assert len(sentences) == len(binding) + len(named)
        for entry, sentence in zip(reversed(binding), sentences, strict=False):
            assert sentence == rule_sentence(entry, CATALOG, POLICY, language)
        for column, sentence in zip(named, sentences[len(binding) :], strict=True):
            placed = CATALOG.placed[column]
            value = float(decisions.portfolio.values[0, column])
            assert sentence.startswith(placed.indicator.names.in_language(language))
            if not np.isnan(value):
                assert shown_value(placed, value, CATALOG, language) in sentence
            rises = contributions[column] > 0
            verb = ("raises" if rises else "lowers") if language is EN else ("提高" if rises else "降低")
            assert verb in sentence
            shown = float((re.findall(r"([\d,]+\.\d) (?:分|points)", sentence))[-1].replace(",", ""))
            assert shown == pytest.approx(abs(contributions[column]), abs=0.0501)
            assert shown > 0
        for sentence in sentences:
            assert not re.search(r"[{}]|nan|None|  |—", sentence)
            assert sentence == sentence.strip()
            assert sentence.isprintable()


def test_the_rule_that_decided_comes_first() -> None:
    decisions = decided(severe_breach_24m=True, insolvency_filing=True)
    assert [entry.rule for entry in decisions.tier_basis[0]] == [
        Rule.SCORE,
        Rule.UNRATED,
        Rule.VETO,
        Rule.VETO,
    ]
    first, second, third, *_ = reasons(decisions, 0, EN)
    assert first.startswith("Veto “Severe breach")
    assert second.startswith("Veto “Insolvency")
    assert third.startswith("Only ")


def test_the_same_customer_gets_the_same_reasons_in_the_same_order() -> None:
    portfolio = random_portfolio(CATALOG, 60, seed=8)
    first, again = BLEND.decide(portfolio), BLEND.decide(portfolio)
    for row in range(len(portfolio)):
        for language in Language:
            assert reasons(first, row, language) == reasons(again, row, language)


def test_traditional_and_simplified_differ_and_english_has_no_chinese() -> None:
    decisions = SCORER.decide(random_portfolio(CATALOG, 40, seed=4))
    for row in range(len(decisions)):
        assert reasons(decisions, row, ZH_HANT) != reasons(decisions, row, ZH_HANS)
        assert not re.search(r"[\u4e00-\u9fff，。「」（）]", " ".join(reasons(decisions, row, EN)))
