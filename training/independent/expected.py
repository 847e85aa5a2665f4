"""The answer that the scorer must give of a customer, worked out from the registered documents alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

from training.independent.customers import Customer
from training.independent.declared import TIERS, Catalog, Indicator, Json, Policy
from training.independent.model_part import ModelPart
from training.independent.point_map import PointMap
from training.independent.sentences import Effect, sentences
from training.independent.tier_rules import UNRATED, tier_basis, tier_of
from training.independent.weighted import weighted_baseline


@dataclass(frozen=True)
class Rules:
    """What answers follow from, beside the customer and the model."""

    catalog: Catalog
    policy: Policy
    model_version: str | None
    catalog_hash: str
    policy_hash: str


@dataclass(frozen=True)
class Expected:
    """What must be answered; `answer` lacks the reasons, whose numbers are settled with those served."""

    customer: Customer
    answer: Json
    rules: Rules
    language: str

    def reasons(self, served: Mapping[str, object], tolerance: float) -> list[str]:
        """Return the sentences and their order.

        A number that was served within the tolerance counts as served, so that what stands half-way between
        two roundings, or level with another, is decided once.
        """
        catalog = self.rules.catalog
        points = _figures(served.get("contributions"), "indicator", "points")
        observed = _figures(served.get("tier_basis"), None, "observed")
        effects = [
            Effect(
                catalog.by_id[line["indicator"]],
                line["status"],
                line["value"],
                _settled(line["points"], points.get(line["indicator"]), tolerance),
            )
            for line in self.answer["contributions"]
        ]
        basis = [
            {
                **line,
                "observed": None
                if line["observed"] is None
                else _settled(line["observed"], observed.get(place), tolerance),
            }
            for place, line in enumerate(self.answer["tier_basis"])
        ]
        return sentences(effects, basis, catalog, self.rules.policy, self.language)


def expected_answer(customer: Customer, model: ModelPart | None, rules: Rules, language: str) -> Expected:
    """Work out one customer's answer; `model` is None where the customer's nature has none."""
    catalog, policy = rules.catalog, rules.policy
    baseline = weighted_baseline(customer, catalog, policy)
    share = policy.model_share(customer.nature) if model is not None else 0.0
    points = PointMap.through(policy.probabilities, policy.cut_offs)
    base, score = baseline.reference, baseline.score
    contributions = {i.id: baseline.contributions.get(i.id, 0.0) for i in catalog.indicators}
    of_model: Json | None = None
    if model is not None:
        of_model = {"score": points.at(model.log_odds), "tier": tier_of(points.at(model.log_odds), policy)}
    if model is not None and share > 0:
        worth = points.mean_slope(model.base, model.log_odds)
        base = (1.0 - share) * base + share * points.at(model.base)
        score = (1.0 - share) * score + share * points.at(model.log_odds)
        for id_ in contributions:
            contributions[id_] = (1.0 - share) * contributions[id_] + share * worth * model.shap_value(id_)
    basis = tier_basis(score, baseline, customer, catalog, policy)
    tier = basis[-1]["tier"]
    strategies = [] if tier == UNRATED else policy.document["tiers"][tier]["strategies"]
    by_baseline = tier_of(baseline.score, policy)
    answer: Json = {
        "customer_id": customer.customer_id,
        "nature": customer.nature,
        "as_of": customer.as_of,
        "score": score,
        "probability": None if model is None else _probability(model.log_odds),
        "tier": tier,
        "tier_kind": "indicative",
        "tier_basis": basis,
        "baseline": {"score": baseline.score, "tier": by_baseline},
        "model": of_model,
        "completeness": baseline.complete,
        "strategies": [strategy[language] for strategy in strategies],
        "review": _review(customer, catalog, policy, by_baseline, of_model),
        "model_version": rules.model_version,
        "policy_hash": rules.policy_hash,
        "catalog_hash": rules.catalog_hash,
        "base": base,
        "contributions": [
            _line(indicator, customer, contributions[indicator.id], model)
            for indicator in catalog.indicators
            if _has_line(indicator, customer.nature) or contributions[indicator.id]
        ],
    }
    answer["groups"] = [
        {
            "dimension": dimension["id"],
            "group": group["id"],
            "points": sum(contributions[document["id"]] for document in group["indicators"]),
        }
        for dimension in catalog.dimensions
        for group in dimension["groups"]
    ]
    answer["dimensions"] = [
        {
            "dimension": dimension["id"],
            "points": sum(g["points"] for g in answer["groups"] if g["dimension"] == dimension["id"]),
        }
        for dimension in catalog.dimensions
    ]
    return Expected(customer, answer, rules, language)


def _figures(entries: object, key: str | None, figure: str) -> dict[object, object]:
    """Return a figure of each of a served answer's entries, by a key or by place."""
    found = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return {(entry.get(key) if key else place): entry.get(figure) for place, entry in enumerate(found)}


def _settled(own: float, served: object, tolerance: float) -> float:
    if isinstance(served, int | float) and abs(own - served) <= tolerance:
        return float(served)
    return own


def _probability(log_odds: float) -> float:
    if log_odds >= 0:
        return 1.0 / (1.0 + exp(-log_odds))
    return exp(log_odds) / (1.0 + exp(log_odds))


def _has_line(indicator: Indicator, nature: str) -> bool:
    """Whether an indicator is told of even where it does nothing."""
    return indicator.declared_for(nature) and (indicator.own_weight(nature) > 0 or indicator.in_model)


def _line(indicator: Indicator, customer: Customer, points: float, model: ModelPart | None) -> Json:
    return {
        "indicator": indicator.id,
        "dimension": indicator.dimension["id"],
        "group": indicator.group["id"],
        "status": customer.status(indicator),
        "value": customer.shown(indicator),
        "points": points,
        "log_odds": None if model is None else model.shap_value(indicator.id),
    }


def _review(
    customer: Customer, catalog: Catalog, policy: Policy, by_baseline: str, of_model: Json | None
) -> list[str]:
    """Return what a person should look at."""
    flags = []
    limit = int(policy.document.get("disagreement_tiers", 2))
    if of_model is not None and abs(TIERS.index(by_baseline) - TIERS.index(of_model["tier"])) >= limit:
        flags.append("baseline_and_model_disagree")
    flags += [f"level_not_in_catalog: {i.id}" for i in catalog.indicators if customer.is_unseen(i)]
    return flags + [
        f"set_aside_as_not_applicable: {i.id}"
        for i in catalog.indicators
        if i.id in customer.given and i.id not in customer.applicable
    ]
