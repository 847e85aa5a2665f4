"""Decisions as rows of the store: their kinds, which of them is the newest, and how one is kept."""

from datetime import date, datetime
from typing import Any

from serving.reviews.justification import Justification, canonical, digest_of, seal_justification
from serving.store.customers import KnownCustomer
from serving.store.tables import decisions

PERIODIC, EVENT = "periodic", "event"

NEWEST_FIRST = (decisions.c.as_of.desc(), decisions.c.decided_at.desc(), decisions.c.id)
"""The order of decisions on a customer: the latest day first, of several the one made last."""


def decision_row(
    id_: str,
    kind: str,
    customer: KnownCustomer,
    justification: Justification,
    *,
    decided_at: datetime,
    artefact_hash: str | None,
    model_version: str | None,
    run: str | None = None,
) -> dict[str, Any]:
    """Return a decision's row, with its justification sealed with the customer's key."""
    answer = justification["answer"]
    sealed = seal_justification(canonical(justification), customer.data_key, id_)
    return {
        "id": id_, "run": run, "customer": customer.id, "kind": kind,
        "as_of": date.fromisoformat(answer["as_of"]), "decided_at": decided_at,
        "nature": answer["nature"], "score": answer["score"], "probability": answer["probability"],
        "tier": answer["tier"], "completeness": answer["completeness"],
        "catalog_hash": answer["catalog_hash"], "policy_hash": answer["policy_hash"],
        "artefact_hash": artefact_hash, "model_version": model_version,
        "sealed": sealed, "digest": digest_of(sealed),
    }  # fmt: skip
