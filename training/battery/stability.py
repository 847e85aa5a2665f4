"""Stability: are the customers judged of the same mix as those the model learnt from?"""

from collections.abc import Iterator

import numpy as np

from features.catalog import Catalog, Kind
from features.portfolio import Floats
from features.terms import Tier
from models.artefact import Model
from training.battery import words
from training.battery.evidence import Evidence
from training.battery.result import Check, Range, Result
from training.battery.stability_statistics import binned, psi_by_chance, psi_of_counts

SOURCE = (
    "Siddiqi (2006), Credit Risk Scorecards, chapter 8; threshold the larger of what does not matter and of "
    "chance: Yurdakul and Naranjo (2020), Journal of Risk Model Validation 14; one customer "
    "added to every bin"
)
PSI_SCORE = Check("stability.psi.score", words.PSI_SCORE, SOURCE)
PSI_TIERS = Check("stability.psi.tiers", words.PSI_TIERS, SOURCE)
CSI = Check("stability.csi", words.CSI, f"{SOURCE}; all indicators together by Bonferroni")
_CODES = {tier: float(code) for code, tier in enumerate(Tier)}


def stability(evidence: Evidence) -> Iterator[Result]:
    """Yield PSI of score and tiers, and CSI of every indicator that the model or the baseline uses.

    Customers are taken as independent: where many share a group, it alarms more often.
    """
    reference, before = evidence.reference, evidence.reference_decisions
    if reference is None or before is None:
        yield from (check.no_answer(words.NO_REFERENCE) for check in (PSI_SCORE, PSI_TIERS, CSI))
        return
    now, alpha = evidence.decisions, evidence.limits.alpha
    yield _compared(PSI_SCORE, evidence, before.score, now.score, ordered=True, alpha=alpha)
    codes = [np.array([_CODES[tier] for tier in decisions.tiers]) for decisions in (before, now)]
    yield _compared(PSI_TIERS, evidence, codes[0], codes[1], ordered=False, alpha=alpha)
    used = used_indicators(evidence.catalog, evidence.model)
    for id_ in used:
        indicator = evidence.catalog.by_id[id_].indicator
        yield _compared(
            CSI.about(id_, indicator.names),
            evidence,
            reference.portfolio.matrix([id_])[:, 0],
            evidence.data.portfolio.matrix([id_])[:, 0],
            ordered=indicator.kind is Kind.NUMBER,
            alpha=alpha / len(used),
        )


def used_indicators(catalog: Catalog, model: Model) -> list[str]:
    """Return the indicators that a model or the baseline of its natures uses, in the catalog's order."""
    weighted = {id_ for nature in model.natures for id_ in catalog.weights(nature)}
    modelled = set(model.tables.features)
    return [placed.id for placed in catalog.placed if placed.id in weighted | modelled]


def _compared(
    check: Check, evidence: Evidence, before: Floats, now: Floats, *, ordered: bool, alpha: float
) -> Result:
    limits = evidence.limits
    reference, judged = binned(
        before, now, ordered=ordered, bins=limits.bins, expected=limits.expected_per_bin
    )
    if len(reference) < 2:
        # All customers in one bin, as of an indicator that nobody has: nothing can have moved.
        return check.answer(0.0, len(now), passed=True, threshold=Range(0.0, limits.material_psi))
    value = psi_of_counts(reference, judged)
    highest = max(limits.material_psi, psi_by_chance(len(reference), len(before), len(now), alpha))
    return check.answer(value, len(now), passed=value <= highest, threshold=Range(0.0, highest))
