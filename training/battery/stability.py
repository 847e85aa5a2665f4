"""Stability: are the customers judged of the same mix as those the model learnt from?"""

from collections.abc import Iterator

from features.catalog import Kind
from features.portfolio import Floats
from features.terms import Tier
from models.decision import Decisions
from training.battery import words
from training.battery.evidence import Evidence
from training.battery.result import Check, Range, Result
from training.dataset import LabelledPortfolio
from training.mixes.coding import levels_of, tier_codes, used_indicators
from training.mixes.comparison import Distance, RecordedMixes, distance, distance_to
from training.mixes.mix import Mix
from training.mixes.stability_index import binned

SOURCE = (
    "Siddiqi (2006), Credit Risk Scorecards, chapter 8; threshold the larger of what does not matter and of "
    "chance: Yurdakul and Naranjo (2020), Journal of Risk Model Validation 14; one customer "
    "added to every bin"
)
PSI_SCORE = Check("stability.psi.score", words.PSI_SCORE, SOURCE)
PSI_TIERS = Check("stability.psi.tiers", words.PSI_TIERS, SOURCE)
CSI = Check("stability.csi", words.CSI, f"{SOURCE}; all indicators together by Bonferroni")


def stability(evidence: Evidence) -> Iterator[Result]:
    """Yield PSI of score and tiers, and CSI of every indicator that the model or the baseline uses.

    Compared with are the mixes recorded of the training, where evidence has them, else the reference
    customers. Customers are taken as independent: where many share a group, it alarms more often.
    """
    reference, before = evidence.reference, evidence.reference_decisions
    if evidence.recorded is not None:
        yield from _with_mixes(evidence, evidence.recorded)
    elif reference is not None and before is not None:
        yield from _with_customers(evidence, reference, before)
    else:
        yield from (check.no_answer(words.NO_REFERENCE) for check in (PSI_SCORE, PSI_TIERS, CSI))


def _with_mixes(evidence: Evidence, mixes: RecordedMixes) -> Iterator[Result]:
    limits, alpha = evidence.limits, evidence.limits.alpha
    decisions = evidence.decisions

    def to(mix: Mix, values: Floats, levels: tuple[str, ...], alpha: float) -> Distance:
        return distance_to(
            mix,
            values,
            levels,
            expected=limits.expected_per_bin,
            material=limits.material_psi,
            alpha=alpha,
        )

    yield _answer(PSI_SCORE, evidence, to(mixes.score, decisions.score, (), alpha))
    yield _answer(PSI_TIERS, evidence, to(mixes.tiers, tier_codes(decisions), tuple(Tier), alpha))
    for id_, mix in mixes.indicators.items():
        indicator = evidence.catalog.by_id[id_].indicator
        values = evidence.data.portfolio.matrix([id_])[:, 0]
        found = to(mix, values, levels_of(indicator), alpha / len(mixes.indicators))
        yield _answer(CSI.about(id_, indicator.names), evidence, found)


def _with_customers(evidence: Evidence, reference: LabelledPortfolio, before: Decisions) -> Iterator[Result]:
    limits, alpha, now = evidence.limits, evidence.limits.alpha, evidence.decisions

    def between(old: Floats, new: Floats, ordered: bool, alpha: float) -> Distance:
        counts = binned(old, new, ordered=ordered, bins=limits.bins, expected=limits.expected_per_bin)
        return distance(*counts, material=limits.material_psi, alpha=alpha)

    yield _answer(PSI_SCORE, evidence, between(before.score, now.score, True, alpha))
    yield _answer(PSI_TIERS, evidence, between(tier_codes(before), tier_codes(now), False, alpha))
    used = used_indicators(evidence.catalog, evidence.model)
    for id_ in used:
        indicator = evidence.catalog.by_id[id_].indicator
        old, new = (of.portfolio.matrix([id_])[:, 0] for of in (reference, evidence.data))
        found = between(old, new, indicator.kind is Kind.NUMBER, alpha / len(used))
        yield _answer(CSI.about(id_, indicator.names), evidence, found)


def _answer(check: Check, evidence: Evidence, found: Distance) -> Result:
    return check.answer(found.value, evidence.n, passed=found.tolerated, threshold=Range(0.0, found.highest))
