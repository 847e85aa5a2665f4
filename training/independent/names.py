"""What each quantity that is compared is called, by its id: all that a report can hold."""

NAMES = {
    # The documents among each other.
    "bags": "boosters as many as the document was trained with",
    "with_prior": "a prior where the document was trained with one",
    "prior_directions": "the prior's effects in their declared directions",
    "scale": "the document's map to points, through the policy's pairs",
    # The boosters, and the document's tables.
    "margin": "boosters' log-odds: trees walked, LightGBM",
    "shap_sum": "boosters' SHAP values and base add up to that",
    "brute_force": "boosters' SHAP values: all subsets, shap.TreeExplainer",
    "shapiq": "boosters' SHAP values: shapiq, shap.TreeExplainer",
    "tables": "the document's tables: looked up, the boosters' SHAP values",
    # Answers, in the order in which they come about.
    "identity": "customer, day, versions, hashes",
    "shap_values": "SHAP values in calibrated log-odds",
    "prior": "the prior's share of the SHAP values",
    "log_odds": "calibrated log-odds (of the probability, and of the sum)",
    "probability": "calibrated probability",
    "model_points": "model points",
    "baseline": "weighted baseline",
    "completeness": "completeness",
    "reference": "reference that contributions start from",
    "contributions": "contributions in points",
    "facts_missing": "of these, lines of missing facts",
    "score": "composite score (blend)",
    "dimensions": "sums by dimension",
    "groups": "sums by group",
    "sum": "reference + contributions = score = reference + dimensions",
    "lines": "indicators listed, with status and value",
    "tiers": "tiers of score, baseline and model",
    "tier_basis": "rules that the tier rests on, in order",
    "tier_facts": "facts of these rules",
    "review": "what a person should look at",
    "strategies": "strategies of the tier",
    "reasons": "reasons: sentences and their order",
    "refusals": "customers that must be refused (infinite, out of bounds, of a wrong type)",
}
"""Whoever shows findings in other languages names all of these."""
