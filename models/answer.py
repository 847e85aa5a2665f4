"""The answer: one decision as the service, the command line and Python give it, alike to the last digit."""

from typing import NotRequired

import numpy as np
from typing_extensions import TypedDict

from features.catalog import Kind, Placed
from features.portfolio import Portfolio
from features.terms import Language, Tier
from models.decision import Decisions
from models.reasons import reasons


class BasisLine(TypedDict):
    """A rule that the tier rests on, the tier after it, and its facts."""

    rule: str
    tier: str
    subject: str | None
    observed: float | None
    required: float | None


class ScoreAndTier(TypedDict):
    """A score (0–100) and its tier by the cut-offs alone."""

    score: float
    tier: str


class DimensionPoints(TypedDict):
    """What one dimension contributes to the score, in points."""

    dimension: str
    points: float


class GroupPoints(TypedDict):
    """What one group contributes to the score, in points."""

    dimension: str
    group: str
    points: float


class Contribution(TypedDict):
    """What one indicator contributes to the score.

    `points` are points of the score served; `log_odds` is the model's SHAP value in calibrated log-odds of
    the adverse outcome (None without a model); `status` is known, unseen (a level that the catalog
    does not have), missing or not_applicable.
    """

    indicator: str
    dimension: str
    group: str
    status: str
    value: float | bool | str | None
    points: float
    log_odds: float | None


class Answer(TypedDict):
    """One customer's decision. base + the contributions' points = score, to 1e-9."""

    customer_id: str
    nature: str
    as_of: str
    score: float
    probability: float | None
    tier: str
    tier_kind: str
    tier_basis: list[BasisLine]
    baseline: ScoreAndTier
    model: ScoreAndTier | None
    completeness: float
    strategies: list[str]
    review: list[str]
    model_version: str | None
    policy_hash: str
    catalog_hash: str
    base: NotRequired[float]
    dimensions: NotRequired[list[DimensionPoints]]
    groups: NotRequired[list[GroupPoints]]
    contributions: NotRequired[list[Contribution]]
    reasons: NotRequired[list[str]]


def answer(
    decisions: Decisions,
    row: int,
    *,
    language: Language = Language.EN,
    explain: bool = True,
    model_version: str | None = None,
) -> Answer:
    """Return one customer's decision.

    Args:
        decisions: of a portfolio.
        row: the customer's place in it.
        language: of reasons and strategies.
        explain: with base, contributions by indicator, group and dimension, and reasons.
        model_version: as registered, e.g. `sba/3`.
    """
    portfolio, policy, model = decisions.portfolio, decisions.policy, decisions.model
    tier = decisions.tiers[row]
    strategies = () if tier is Tier.UNRATED else policy.tiers[tier].strategies
    applies = bool(model.applies[row])
    model_part: ScoreAndTier | None = None
    if applies:
        model_part = {"score": float(model.points[row]), "tier": str(decisions.model_tiers[row])}
    result: Answer = {
        "customer_id": portfolio.customer_ids[row],
        "nature": str(portfolio.natures[row]),
        "as_of": portfolio.as_of[row].isoformat(),
        "score": float(decisions.score[row]),
        "probability": float(model.probability[row]) if applies else None,
        "tier": str(tier),
        "tier_kind": "indicative",
        "tier_basis": [
            {
                "rule": str(entry.rule),
                "tier": str(entry.tier),
                "subject": entry.subject,
                "observed": entry.observed,
                "required": entry.required,
            }
            for entry in decisions.tier_basis[row]
        ],
        "baseline": {
            "score": float(decisions.baseline.score[row]),
            "tier": str(decisions.baseline_tiers[row]),
        },
        "model": model_part,
        "completeness": float(decisions.baseline.completeness[row]),
        "strategies": [strategy.in_language(language) for strategy in strategies],
        "review": _review(decisions, row),
        "model_version": model_version,
        "policy_hash": policy.hash,
        "catalog_hash": portfolio.catalog.hash,
    }
    if explain:
        result["base"] = float(decisions.base[row])
        result["dimensions"], result["groups"] = _sums(decisions, row)
        result["contributions"] = _contributions(decisions, row)
        result["reasons"] = reasons(decisions, row, language)
    return result


def _review(decisions: Decisions, row: int) -> list[str]:
    """Return what a person should look at."""
    flags = []
    if decisions.disagreement[row]:
        flags.append("baseline_and_model_disagree")
    portfolio = decisions.portfolio
    aside = [portfolio.catalog.placed[column].id for column in np.flatnonzero(portfolio.set_aside[row])]
    flags += [f"level_not_in_catalog: {id_}" for id_ in portfolio.unseen_levels(row)]
    return flags + [f"set_aside_as_not_applicable: {id_}" for id_ in aside]


def _sums(decisions: Decisions, row: int) -> tuple[list[DimensionPoints], list[GroupPoints]]:
    """Return the contributions added up by dimension and by group; the dimensions add up to the score."""
    catalog = decisions.portfolio.catalog
    contributions = decisions.contributions[row].tolist()
    dimensions: list[DimensionPoints] = []
    groups: list[GroupPoints] = []
    for dimension in catalog.dimensions:
        whole = 0.0
        for group in dimension.groups:
            points = 0.0
            for indicator in group.indicators:
                points += contributions[catalog.columns[indicator.id]]
            groups.append({"dimension": dimension.id, "group": group.id, "points": points})
            whole += points
        dimensions.append({"dimension": dimension.id, "points": whole})
    return dimensions, groups


def _contributions(decisions: Decisions, row: int) -> list[Contribution]:
    portfolio, model = decisions.portfolio, decisions.model
    nature = portfolio.natures[row]
    points = decisions.contributions[row].tolist()
    lines: list[Contribution] = []
    for column, placed in enumerate(portfolio.catalog.placed):
        scored = placed.indicator.weight_of(nature) > 0 or placed.indicator.in_model
        # A model that several natures share may have something to say of what another nature lacks.
        if not (scored and placed.applies_to(nature)) and not points[column]:
            continue
        lines.append(
            {
                "indicator": placed.id,
                "dimension": placed.dimension.id,
                "group": placed.group.id,
                "status": _status(portfolio, row, column),
                "value": shown(portfolio, row, column, placed),
                "points": points[column],
                "log_odds": float(model.shap_values[row, column]) if model.applies[row] else None,
            }
        )
    return lines


def _status(portfolio: Portfolio, row: int, column: int) -> str:
    if not portfolio.applicable[row, column]:
        return "not_applicable"
    value = portfolio.values[row, column]
    if np.isnan(value):
        return "missing"
    indicator = portfolio.catalog.placed[column].indicator
    unseen = indicator.kind is Kind.CATEGORY and value == len(indicator.level_codes)
    return "unseen" if unseen else "known"


def shown(portfolio: Portfolio, row: int, column: int, placed: Placed) -> float | bool | str | None:
    """Return the value that was evaluated as the caller gave it; None where missing or not applicable."""
    value = float(portfolio.values[row, column])
    if np.isnan(value):
        return None
    match placed.indicator.kind:
        case Kind.FLAG:
            return value > 0.5
        case Kind.CATEGORY:
            return str(portfolio.levels[placed.id][row])
        case Kind.NUMBER:
            return value
