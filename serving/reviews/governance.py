"""Who and what governed a customer's tier at a moment: decision, documents, case and approvers (M24)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from features.terms import Tier
from serving.reviews.adoptions import adoption_at, approvers_of, kept_set
from serving.reviews.cases import CaseKind
from serving.reviews.standings import InForce, Standing
from serving.store.tables import decisions


@dataclass(frozen=True)
class Governed:
    """What governed a tier: hashes are None where the tier rests on no decision, such as a first hold.

    `model_approvers` adopted the catalog, policy and model that the decision was made by; the procedure is
    that by which the tier was put in force. Nothing of both where nothing was adopted by then.
    """

    tier: Tier
    in_force: InForce
    as_of: str | None
    catalog_hash: str | None
    policy_hash: str | None
    artefact_hash: str | None
    model_version: str | None
    approvers: tuple[str, ...]
    model_approvers: tuple[str, ...] = ()
    procedure_hash: str | None = None
    procedure_approvers: tuple[str, ...] = ()


def governed_by(connection: Connection, standing: Standing) -> Governed | None:
    """Return what governs the tier of a standing; None where no tier is in force."""
    in_force = standing.counts
    if in_force is None:
        return None
    made = connection.execute(select(decisions).where(decisions.c.id == in_force.decision)).one_or_none()
    procedure = adoption_at(connection, CaseKind.PROCEDURE, in_force.valid_from)
    model_approvers: tuple[str, ...] = ()
    if made is not None:
        hashes = (made.catalog_hash, made.policy_hash, made.artefact_hash)
        model_approvers = _model_approvers(connection, hashes, made.decided_at)
    return Governed(
        tier=in_force.tier,
        in_force=in_force,
        as_of=None if made is None else made.as_of.isoformat(),
        catalog_hash=None if made is None else made.catalog_hash,
        policy_hash=None if made is None else made.policy_hash,
        artefact_hash=None if made is None else made.artefact_hash,
        model_version=None if made is None else made.model_version,
        approvers=approvers_of(connection, in_force.case),
        model_approvers=model_approvers,
        procedure_hash=None if procedure is None else procedure.hash,
        procedure_approvers=() if procedure is None else approvers_of(connection, procedure.case),
    )


def _model_approvers(
    connection: Connection, hashes: tuple[str, str, str | None], at: datetime
) -> tuple[str, ...]:
    adoption = adoption_at(connection, CaseKind.MODEL, at)
    if adoption is None or kept_set(connection, adoption.hash).hashes != hashes:
        return ()
    return approvers_of(connection, adoption.case)
