"""The gate: what a model must have behind it to be proposed, and again to be adopted."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from models.artefact import unsigned_sha256
from models.registry import BATTERY, REASONS
from serving.promotion.rules import PromotionRules
from serving.promotion.told import NotPromotable, Told, battery_in_short, read_battery
from serving.reviews.adoptions import (
    ANOTHER_PORTFOLIO,
    ServedSet,
    adopted_set,
    challenger_at,
    kept_document,
    kept_set,
)
from serving.reviews.cases import CaseKind
from serving.store.documents import load_document


def require_promotable(
    connection: Connection, kind: CaseKind, set_: ServedSet, rules: PromotionRules, at: datetime
) -> None:
    """Refuse a set whose model has not what it needs; one without a model needs nothing.

    Everything is read from the store, where it cannot be changed: so it is the same that approvers read.

    Args:
        connection: the transaction.
        kind: `MODEL` for what is to govern, `CHALLENGER` for what is to be tried beside it.
        set_: what is proposed.
        rules: the procedure's.
        at: the moment.

    Raises:
        NotPromotable: it was not reviewed, or was found wanting, or was no challenger though it has to.
        StoreError: a document is not in the store, or was changed.
    """
    if set_.artefact is None:
        return
    if set_.promotion is None:
        raise NotPromotable("a model governs by its promotion: tierwise promote NAME --to champion")
    if kind is CaseKind.MODEL and rules.challenger_first:
        _require_challenger(connection, set_, at)
    told = told_of(connection, set_)
    told.require_about(
        {
            "model_sha256": unsigned_sha256(load_document(connection, set_.artefact)),
            "artefact_sha256": set_.promotion.artefact_sha256,
            "catalog_hash": set_.catalog,
            "policy_hash": set_.policy,
        }
    )
    told.require_passed(set_.promotion.accepted, rules)


def told_of(connection: Connection, set_: ServedSet) -> Told:
    """Return what reviewers were told of a set's model, as it is kept.

    Raises:
        NotPromotable: the set says nothing of it.
        StoreError: a document is not in the store, or was changed.
    """
    if set_.promotion is None:
        raise NotPromotable("nothing is kept of what reviewers were told of this model")
    documents = (set_.promotion.battery, set_.promotion.reasons)
    return Told.read(*(kept_document(connection, of) for of in documents))


def earlier_of(connection: Connection, set_: ServedSet) -> list[dict[str, Any]]:
    """Return what the batteries found that were recorded of a set's model before, oldest first.

    Of one that cannot be read, that it cannot be.

    Raises:
        StoreError: a document is not in the store, or was changed.
    """
    found = []
    for hash_ in () if set_.promotion is None else set_.promotion.earlier:
        content = kept_document(connection, hash_)
        try:
            found.append(battery_in_short(read_battery(content)))
        except NotPromotable:
            found.append(battery_in_short({"verdict": "unreadable", "counts": {}, "subject": {}}))
    return found


def documents_of(connection: Connection, hash_: str) -> dict[str, bytes]:
    """Return the documents of a set's reviews as they are kept, by kind; none without a promoted model."""
    promotion = kept_set(connection, hash_).promotion
    if promotion is None:
        return {}
    kinds = {BATTERY: promotion.battery, REASONS: promotion.reasons}
    kinds |= {f"{BATTERY}-earlier-{number}": of for number, of in enumerate(promotion.earlier, start=1)}
    return {kind: kept_document(connection, of) for kind, of in kinds.items()}


def summary_of(connection: Connection, hash_: str) -> dict[str, Any] | None:
    """Return what approvers of a set have to know of its reviews; None where it has no promoted model."""
    set_ = kept_set(connection, hash_)
    if set_.promotion is None:
        return None
    told = told_of(connection, set_).summary(set_.promotion.accepted)
    return {**told, "earlier_batteries": earlier_of(connection, set_)}


def _require_challenger(connection: Connection, set_: ServedSet, at: datetime) -> None:
    """Refuse a successor of a champion that was not tried beside it."""
    adopted = adopted_set(connection, at)
    if adopted is None or adopted.artefact is None:
        return
    challenger = challenger_at(connection, at)
    if challenger is None or kept_set(connection, challenger.hash).hashes != set_.hashes:
        named = {None if of.registered is None else of.registered[0] for of in (adopted, set_)}
        beside = f"; {adopted.model_version} governs here, and {ANOTHER_PORTFOLIO}" if len(named) > 1 else ""
        raise NotPromotable(
            f"{set_.model_version} is not the challenger: promote it --to challenger first (or let the "
            f"procedure do without: promotion.challenger_first){beside}"
        )
