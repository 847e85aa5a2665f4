"""Answers as lines of a flat table: one customer a line, one column for every part of the decision."""

from collections.abc import Iterable
from typing import Any

from features.catalog import Catalog
from models.answer import Answer
from serving.scoring import scored_indicators

# Between several texts in one cell.
SEPARATOR = " | "

_TEXTS = ("customer_id", "nature", "as_of")
_DECISION = {
    "score": float,
    "probability": float,
    "tier": str,
    "tier_kind": str,
    "tier_basis": str,
    "baseline_score": float,
    "baseline_tier": str,
    "model_score": float,
    "model_tier": str,
    "completeness": float,
    "review": str,
    "base": float,
}
_LAST = ("reasons", "strategies", "model_version", "policy_hash", "catalog_hash")


def flat_columns(catalog: Catalog) -> dict[str, type]:
    """Return the columns and their types (str, float), in order.

    base + all `points_<indicator>` = score; `dimension_points_<dimension>` are their sums by dimension.
    Every column but the first seven may be empty.
    """
    return {
        **dict.fromkeys(_TEXTS, str),
        **_DECISION,
        **{f"dimension_points_{dimension.id}": float for dimension in catalog.dimensions},
        **{f"points_{id_}": float for id_ in scored_indicators(catalog)},
        **dict.fromkeys(_LAST, str),
    }


def flat_line(answer: Answer) -> dict[str, Any]:
    """Return an explained answer by column; what does not apply to the customer is left out."""
    baseline, model = answer["baseline"], answer["model"]
    return {
        "customer_id": answer["customer_id"],
        "nature": answer["nature"],
        "as_of": answer["as_of"],
        "score": answer["score"],
        "probability": answer["probability"],
        "tier": answer["tier"],
        "tier_kind": answer["tier_kind"],
        "tier_basis": _joined(
            f"{line['rule']}: {line['subject']}" if line["subject"] else line["rule"]
            for line in answer["tier_basis"]
        ),
        "baseline_score": baseline["score"],
        "baseline_tier": baseline["tier"],
        "model_score": model["score"] if model else None,
        "model_tier": model["tier"] if model else None,
        "completeness": answer["completeness"],
        "review": _joined(answer["review"]),
        "base": answer["base"],
        **{f"dimension_points_{line['dimension']}": line["points"] for line in answer["dimensions"]},
        **{f"points_{line['indicator']}": line["points"] for line in answer["contributions"]},
        "reasons": _joined(answer["reasons"]),
        "strategies": _joined(answer["strategies"]),
        "model_version": answer["model_version"],
        "policy_hash": answer["policy_hash"],
        "catalog_hash": answer["catalog_hash"],
    }


def _joined(texts: Iterable[str]) -> str | None:
    return SEPARATOR.join(texts) or None
