"""Who and what governed a customer's tier at a moment: decision, documents, case and approvers (M24)."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from features.terms import Tier
from serving.reviews.standings import InForce, Standing
from serving.store.case_tables import case_acts, cases
from serving.store.tables import decisions


@dataclass(frozen=True)
class Governed:
    """What governed a tier: hashes are None where the tier rests on no decision, such as a first hold."""

    tier: Tier
    in_force: InForce
    as_of: str | None
    catalog_hash: str | None
    policy_hash: str | None
    artefact_hash: str | None
    model_version: str | None
    approvers: tuple[str, ...]


def governed_by(connection: Connection, standing: Standing) -> Governed | None:
    """Return what governs the tier of a standing; None where no tier is in force."""
    in_force = standing.counts
    if in_force is None:
        return None
    made = connection.execute(select(decisions).where(decisions.c.id == in_force.decision)).one_or_none()
    approvers = connection.execute(
        select(case_acts.c.actor)
        .join(cases, cases.c.id == case_acts.c.case)
        .where(
            case_acts.c.case == in_force.case,
            case_acts.c.act == "approved",
            case_acts.c.version == cases.c.version,
        )
        .order_by(case_acts.c.at)
    ).scalars()
    return Governed(
        tier=in_force.tier,
        in_force=in_force,
        as_of=None if made is None else made.as_of.isoformat(),
        catalog_hash=None if made is None else made.catalog_hash,
        policy_hash=None if made is None else made.policy_hash,
        artefact_hash=None if made is None else made.artefact_hash,
        model_version=None if made is None else made.model_version,
        approvers=tuple(approvers),
    )
