"""A first policy for a catalog that has none: tiers around the bad rate, to be edited."""

from features.catalog import Catalog
from features.document import yaml_of
from features.drafting.curves import POINTS_PER_DOUBLING, REFERENCE
from features.terms import Text
from models.policy import Policy, TierRule, load_policy


def drafted_policy(catalog: Catalog, bad_rate: float, outcome: str, months: int | None = None) -> Policy:
    """Return a policy whose tiers stand at probabilities around a bad rate.

    Names, strategies and cut-offs are the bundled policy's (`models/policies/customer.yaml`); there are no
    vetoes and no floors, which rest on indicators that only a person can name.

    Args:
        bad_rate: the share of customers with the adverse outcome, in (0, 1).
        outcome: what the outcome is called.
        months: within how many it happens; None where nobody declares it, as a table of outcomes does not.
    """
    model = load_policy("customer")
    tiers = {tier: _around(rule, bad_rate / (1.0 - bad_rate)) for tier, rule in model.tiers.items()}
    text = outcome.strip() or "?"
    named = Text(**{"zh-Hant": text, "zh-Hans": text, "en": text})
    document = model.model_copy(
        update={
            "policy": catalog.catalog,
            "names": catalog.names,
            "outcome": named,
            "outcome_months": months,
            "reference_points": REFERENCE,
            "missing_points": 50.0,
            "tiers": tiers,
            "completeness": model.completeness.model_copy(update={"premium": 0.6, "rated": 0.3}),
            "premium_floors": model.premium_floors.model_copy(update={"floors": {}, "substitutes": {}}),
            "vetoes": (),
        }
    )
    # Copies are not checked as they are made.
    return Policy.model_validate_json(document.model_dump_json(by_alias=True))


def _around(rule: TierRule, odds: float) -> TierRule:
    """Return a tier's rule with the probability at which a drafted curve's points reach its cut-off.

    `odds` of the adverse outcome are the average customer's, to whom a drafted curve gives the reference's.
    """
    if rule.cut_off is None:
        return rule
    there = odds * 2 ** ((REFERENCE - rule.cut_off) / POINTS_PER_DOUBLING)
    return rule.model_copy(update={"probability": float(f"{there / (1.0 + there):.4g}")})


def to_yaml(policy: Policy) -> str:
    """Return a policy as a file to edit."""
    head = "# A draft: edit it. Floors and vetoes are yours to add; see the bundled customer policy.\n"
    if policy.outcome_months is None:
        head += "# Nobody has declared within how many months the outcome happens: outcome_months.\n"
    return f"{head}{yaml_of(policy)}"
