"""What was adopted to govern the Measures: a procedure, and catalog, policy and model as one set (M24).

Only an approved case adopts. Once something of a kind is adopted, nothing is done by another one; a store in
which nothing is adopted yet works by whatever it is given.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, Table, func, insert, select

from features.declaration import first_error
from models.registry import name_and_version
from serving.procedure import Procedure
from serving.reviews.cases import GOVERNING, Case, CaseError, CaseKind
from serving.served import Served, served_of
from serving.store.case_tables import case_acts, cases
from serving.store.database import StoreError
from serving.store.documents import find_document, load_document
from serving.store.store import Writing
from serving.store.supervision_tables import adoptions
from serving.store.tables import ADOPTED

_AGAIN = "; a running service has to be started again"
ANOTHER_PORTFOLIO = "a store governs one portfolio: give another one its own (--store, --keys)"
"""What to do where another portfolio's model governs."""


class NotAdopted(StoreError):
    """What is to be done something by is not what was adopted; one line that says how to propose it."""


@dataclass(frozen=True)
class Adoption:
    """What is adopted: the hash of its document, since when, by which case; the how-manieth of all."""

    kind: CaseKind
    hash: str
    valid_from: datetime
    case: str
    number: int


@dataclass(frozen=True)
class AcceptedFailure:
    """A check of the battery that failed and is to be lived with, and the proposer's reason."""

    check: str
    reason: str


@dataclass(frozen=True)
class Promotion:
    """What a registered version is promoted on: its artefact's bytes, and what its reviewers were told.

    All but the failures are SHA-256 (hex); `battery` and `reasons` name documents that are kept, and so does
    `earlier` the batteries that were recorded before, oldest first.
    """

    artefact_sha256: str
    battery: str
    reasons: str
    accepted: tuple[AcceptedFailure, ...] = ()
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServedSet:
    """Catalog, policy and model by their hashes, without a model the first two; and the model's name.

    `promotion` is None without a model, and in sets adopted before there were promotions.
    """

    catalog: str
    policy: str
    artefact: str | None
    model_version: str | None
    promotion: Promotion | None = None

    @classmethod
    def of(cls, served: Served) -> "ServedSet":
        """Return the set of what is served."""
        scorer = served.scorer
        artefact = None if scorer.model is None else scorer.model.content_hash
        return cls(scorer.catalog.hash, scorer.policy.hash, artefact, served.model_version)

    @property
    def content(self) -> bytes:
        """The document that is kept, and adopted by its hash."""
        document = asdict(self)
        if self.promotion is None:
            del document["promotion"]
        elif not self.promotion.earlier:
            # As sets were written before there was such a list.
            del document["promotion"]["earlier"]
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def read(cls, content: bytes) -> "ServedSet":
        """Return the set of a document that was kept."""
        document = json.loads(content)
        promotion = document.pop("promotion", None)
        if promotion is not None:
            accepted = tuple(AcceptedFailure(**failure) for failure in promotion.pop("accepted"))
            earlier = tuple(promotion.pop("earlier", ()))
            promotion = Promotion(**promotion, accepted=accepted, earlier=earlier)
        return cls(**document, promotion=promotion)

    @property
    def hash(self) -> str:
        """SHA-256 of the content."""
        return hash_of(self.content)

    @property
    def hashes(self) -> tuple[str, str, str | None]:
        """What decides whether two sets are the same: a name may differ."""
        return self.catalog, self.policy, self.artefact

    @property
    def registered(self) -> tuple[str, str] | None:
        """Name and version of the model in MLflow's registry; None where it has none there."""
        return None if self.artefact is None else name_and_version(self.model_version)


def adoption_at(connection: Connection, kind: CaseKind, at: datetime) -> Adoption | None:
    """Return what was adopted of a kind at a moment; None before the first.

    What was adopted last counts, also where the clock had been set back in between.
    """
    row = connection.execute(
        select(adoptions)
        .where(adoptions.c.kind == str(kind), adoptions.c.valid_from <= at)
        .order_by(adoptions.c.number.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _adoption(row)


def adoptions_of(connection: Connection, kind: CaseKind) -> list[Adoption]:
    """Return all that was adopted of a kind, in its order."""
    rows = connection.execute(
        select(adoptions).where(adoptions.c.kind == str(kind)).order_by(adoptions.c.number)
    )
    return [_adoption(row) for row in rows]


def _adoption(row: Row[Any]) -> Adoption:
    return Adoption(CaseKind(row.kind), row.hash, row.valid_from, row.case, row.number)


def adopted_procedure(connection: Connection, at: datetime) -> Procedure | None:
    """Return the procedure adopted at a moment; None before the first.

    Raises:
        StoreError: its document was changed, or cannot be read by this version of Tierwise.
    """
    adoption = adoption_at(connection, CaseKind.PROCEDURE, at)
    return None if adoption is None else kept_procedure(connection, adoption.hash)


def kept_procedure(connection: Connection, hash_: str) -> Procedure:
    """Return a procedure that is kept, by its hash.

    Raises:
        StoreError: it is not there, was changed, or cannot be read by this version of Tierwise.
    """
    content = kept_document(connection, hash_)
    try:
        return Procedure.model_validate_json(content)
    except ValidationError as error:
        raise StoreError(
            f"procedure {hash_[:12]}: is of another version of Tierwise ({first_error(error)})"
        ) from None


def procedure_content(procedure: Procedure) -> bytes:
    """Return a procedure as it is kept: what has its default too, for a later version may have another.

    Default rules whose events the company does without are not kept: nothing is done by them, and where they
    are written out they would be refused.
    """
    rules = tuple(rule for rule in procedure.deterioration if rule.event in procedure.events)
    kept = procedure.model_copy(update={"deterioration": rules})
    return kept.model_dump_json(by_alias=True).encode()


def same_procedure(one: Procedure, other: Procedure) -> bool:
    """Whether the same is done by two procedures."""
    return procedure_content(one) == procedure_content(other)


def hash_of(content: bytes) -> str:
    """Return the SHA-256 (hex) by which a document is kept and adopted."""
    return hashlib.sha256(content).hexdigest()


def adopted_set(connection: Connection, at: datetime) -> ServedSet | None:
    """Return catalog, policy and model adopted at a moment; None before the first."""
    adoption = adoption_at(connection, CaseKind.MODEL, at)
    return None if adoption is None else kept_set(connection, adoption.hash)


def kept_set(connection: Connection, hash_: str) -> ServedSet:
    """Return a set that is kept, by its hash.

    Raises:
        StoreError: it is not there, or was changed.
    """
    return ServedSet.read(kept_document(connection, hash_))


def challenger_at(connection: Connection, at: datetime) -> Adoption | None:
    """Return which set was the challenger at a moment; None before a first, or once it governed itself.

    Raises:
        StoreError: a set is not there, or was changed.
    """
    found = adoption_at(connection, CaseKind.CHALLENGER, at)
    if found is None:
        return None
    hashes = kept_set(connection, found.hash).hashes
    later = (
        of
        for of in adoptions_of(connection, CaseKind.MODEL)
        if of.number > found.number and of.valid_from <= at
    )
    return None if any(kept_set(connection, of.hash).hashes == hashes for of in later) else found


def adopted_served(connection: Connection, at: datetime) -> Served | None:
    """Return what is to be served by what was adopted, from the store alone; None before the first.

    Raises:
        StoreError: a document is not in the store, or was changed.
        ArtefactError, SettingsError: the model is not signed by a key that is trusted here.
    """
    adopted = adopted_set(connection, at)
    return None if adopted is None else served_by(connection, adopted)


def served_by(connection: Connection, set_: ServedSet) -> Served:
    """Return what a set that is kept serves, from the store alone.

    Raises:
        StoreError, ArtefactError, SettingsError: see `adopted_served`.
    """
    served = served_of(
        load_document(connection, set_.catalog),
        load_document(connection, set_.policy),
        None if set_.artefact is None else _artefact(connection, set_.artefact, set_.promotion),
        set_.model_version,
    )
    if ServedSet.of(served).hashes != set_.hashes:
        raise StoreError("a document in the store is not the one that its hash names")
    return served


def _artefact(connection: Connection, content_hash: str, promotion: Promotion | None) -> bytes:
    """Return the bytes that were promoted, with their signature; without promotion those kept first."""
    promoted = None if promotion is None else find_document(connection, promotion.artefact_sha256)
    return load_document(connection, content_hash) if promoted is None else promoted


def require_procedure(connection: Connection, procedure: Procedure, at: datetime) -> None:
    """Refuse another procedure than the one adopted.

    Raises:
        NotAdopted: says how to propose it.
    """
    adoption = adoption_at(connection, CaseKind.PROCEDURE, at)
    if adoption is None or adoption.hash == hash_of(procedure_content(procedure)):
        return
    # Another version of Tierwise may have written the same with fewer fields.
    if not same_procedure(kept_procedure(connection, adoption.hash), procedure):
        raise NotAdopted(
            f"procedure {procedure.procedure} v{procedure.version} is not the one adopted "
            f"({adoption.hash[:12]}): leave --procedure out, or propose it with "
            f"`tierwise adopt propose FILE`{_AGAIN}"
        )


def require_served(connection: Connection, served: Served, at: datetime) -> None:
    """Refuse another catalog, policy or model than those adopted.

    Raises:
        NotAdopted: says how to propose them.
    """
    adopted = adopted_set(connection, at)
    if adopted is not None and adopted.hashes != ServedSet.of(served).hashes:
        registered = name_and_version(served.model_version)
        command = "adopt propose --catalog CATALOG --policy POLICY"
        if registered is not None:
            command = f"promote {registered[0]} --to champion"
        raise NotAdopted(
            f"what would govern ({served.describe()}) is not what was adopted: leave --model, --catalog and "
            f"--policy out, or propose it with `tierwise {command}`{_AGAIN}"
        )


def require_decided_by_adopted(connection: Connection, of: Table, id_: str, at: datetime) -> None:
    """Refuse a decision, or a run and so its decisions, that was not made by the set adopted.

    Args:
        connection: the transaction.
        of: the table of decisions or of runs.
        id_: which of them.
        at: the moment.

    Raises:
        CaseError: it was made by another catalog, policy or model.
    """
    adopted = adopted_set(connection, at)
    if adopted is None:
        return
    made_by = select(of.c.catalog_hash, of.c.policy_hash, of.c.artefact_hash).where(of.c.id == id_)
    if tuple(connection.execute(made_by).one()) != adopted.hashes:
        raise CaseError(
            "this rests on a decision by another catalog, policy or model than those adopted; evaluate again"
        )


def governance_approvals(connection: Connection, procedure: Procedure, at: datetime) -> int:
    """Return how many must approve what governs; before a first procedure is adopted, at least the default.

    For otherwise the first to come would bring a procedure by which one approval is enough.
    """
    needed = procedure.approvals.governance
    if adoption_at(connection, CaseKind.PROCEDURE, at) is None:
        needed = max(needed, Procedure().approvals.governance)
    return needed


def adopt(writing: Writing, case: Case) -> None:
    """Adopt what an approved case is about, from the transaction's moment.

    Raises:
        StoreError: its document is not in the store, or was changed.
    """
    if case.kind not in GOVERNING or case.subject is None:
        raise RuntimeError(f"case {case.id} is about nothing that can be adopted")
    if case.kind is CaseKind.PROCEDURE:
        kept_procedure(writing.connection, case.subject)
    else:
        kept_set(writing.connection, case.subject)
    insert_adoption(writing, case.kind, case.subject, case.id)
    writing.record(ADOPTED, case.id, {"kind": str(case.kind), "hash": case.subject})


def insert_adoption(writing: Writing, kind: CaseKind, hash_: str, case: str) -> None:
    """Let a document govern from the transaction's moment; the caller records it in the audit trail."""
    last = writing.connection.execute(select(func.max(adoptions.c.number))).scalar_one()
    writing.connection.execute(
        insert(adoptions).values(
            number=(last or 0) + 1, kind=str(kind), hash=hash_, valid_from=writing.at, case=case
        )
    )


def approvers_of(connection: Connection, case_id: str | None) -> tuple[str, ...]:
    """Return who approved a case's proposal as it stands, in their order."""
    rows = connection.execute(
        select(case_acts.c.actor)
        .join(cases, cases.c.id == case_acts.c.case)
        .where(
            case_acts.c.case == case_id,
            case_acts.c.act == "approved",
            case_acts.c.version == cases.c.version,
        )
        .order_by(case_acts.c.at)
    )
    return tuple(rows.scalars())


def kept_document(connection: Connection, hash_: str) -> bytes:
    """Return a document that is kept by the SHA-256 of its bytes.

    Raises:
        StoreError: it is not there, or was changed.
    """
    content = load_document(connection, hash_)
    if hash_of(content) != hash_:
        raise StoreError(f"document {hash_[:12]}: is not the one that its hash names")
    return content
