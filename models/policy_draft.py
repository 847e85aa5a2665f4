"""A first policy for a catalog that has none: tiers around the bad rate, to be edited."""

import yaml

from features.catalog import Catalog
from features.terms import RATED_TIERS, Text, Tier
from models.policy import Policy, load_policy

# The tiers' odds of the adverse outcome against the average's. They are those at which a drafted
# curve's points (60 at the average, 15 more for half the odds) reach the cut-offs 80, 65 and 50.
_ODDS = {Tier.PREMIUM: 2 ** (-20 / 15), Tier.GOOD: 2 ** (-5 / 15), Tier.GENERAL: 2 ** (10 / 15)}
_OUTCOME_MONTHS = 12


def drafted_policy(catalog: Catalog, bad_rate: float, outcome: str) -> Policy:
    """Return a policy whose tiers stand at probabilities around a bad rate.

    Names, strategies and cut-offs are the bundled policy's (`models/policies/customer.yaml`); there are no
    vetoes and no floors, which rest on indicators that only a person can name.

    Args:
        bad_rate: the share of customers with the adverse outcome, in (0, 1).
        outcome: what the outcome is called.
    """
    model = load_policy("customer")
    odds = bad_rate / (1.0 - bad_rate)
    probabilities = {tier: factor * odds / (1.0 + factor * odds) for tier, factor in _ODDS.items()}
    tiers = {
        tier: rule.model_copy(
            update={"probability": float(f"{probabilities[tier]:.4g}")} if tier in _ODDS else {}
        )
        for tier, rule in model.tiers.items()
    }
    text = outcome.strip() or "?"
    named = Text(**{"zh-Hant": text, "zh-Hans": text, "en": text})
    document = model.model_copy(
        update={
            "policy": catalog.catalog,
            "names": catalog.names,
            "outcome": named,
            "outcome_months": _OUTCOME_MONTHS,
            "reference_points": 60.0,
            "missing_points": 50.0,
            "tiers": {tier: tiers[tier] for tier in RATED_TIERS},
            "completeness": model.completeness.model_copy(update={"premium": 0.6, "rated": 0.3}),
            "premium_floors": model.premium_floors.model_copy(update={"floors": {}, "substitutes": {}}),
            "vetoes": (),
        }
    )
    # Copies are not checked as they are made.
    return Policy.model_validate_json(document.model_dump_json(by_alias=True))


def to_yaml(policy: Policy) -> str:
    """Return a policy as a file to edit."""
    document = policy.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=110, default_flow_style=None)
    return f"# A draft: edit it. Floors and vetoes are yours to add; see the bundled customer policy.\n{text}"
