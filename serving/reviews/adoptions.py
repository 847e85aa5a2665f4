"""What was adopted to govern the Measures: a procedure, and catalog, policy and model as one set (M24).

Only an approved case adopts. Once something of a kind is adopted, nothing is done by another one; a store in
which nothing is adopted yet works by whatever it is given.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import Connection, Table, func, insert, select

from features.declaration import first_error
from serving.procedure import Procedure
from serving.reviews.cases import GOVERNING, Case, CaseError, CaseKind
from serving.served import Served, served_of
from serving.store.case_tables import case_acts, cases
from serving.store.database import StoreError
from serving.store.documents import load_document
from serving.store.store import Writing
from serving.store.supervision_tables import adoptions

_AGAIN = "; a running service has to be started again"


class NotAdopted(StoreError):
    """What is to be done something by is not what was adopted; one line that says how to propose it."""


@dataclass(frozen=True)
class Adoption:
    """What is adopted: the hash of its document, since when, by which case."""

    kind: CaseKind
    hash: str
    valid_from: datetime
    case: str


@dataclass(frozen=True)
class ServedSet:
    """Catalog, policy and model by their hashes, without a model the first two; and the model's name."""

    catalog: str
    policy: str
    artefact: str | None
    model_version: str | None

    @classmethod
    def of(cls, served: Served) -> "ServedSet":
        """Return the set of what is served."""
        scorer = served.scorer
        artefact = None if scorer.model is None else scorer.model.content_hash
        return cls(scorer.catalog.hash, scorer.policy.hash, artefact, served.model_version)

    @property
    def content(self) -> bytes:
        """The document that is kept, and adopted by its hash."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    @property
    def hash(self) -> str:
        """SHA-256 of the content."""
        return hash_of(self.content)

    @property
    def hashes(self) -> tuple[str, str, str | None]:
        """What decides whether two sets are the same: a name may differ."""
        return self.catalog, self.policy, self.artefact


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
    return None if row is None else Adoption(CaseKind(row.kind), row.hash, row.valid_from, row.case)


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
    content = _kept(connection, hash_)
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
    return ServedSet(**json.loads(_kept(connection, hash_)))


def adopted_served(connection: Connection, at: datetime) -> Served | None:
    """Return what is to be served by what was adopted, from the store alone; None before the first.

    Raises:
        StoreError: a document is not in the store, or was changed.
        ArtefactError, SettingsError: the model is not signed by a key that is trusted here.
    """
    adopted = adopted_set(connection, at)
    if adopted is None:
        return None
    artefact = None if adopted.artefact is None else load_document(connection, adopted.artefact)
    served = served_of(
        load_document(connection, adopted.catalog),
        load_document(connection, adopted.policy),
        artefact,
        adopted.model_version,
    )
    if ServedSet.of(served).hashes != adopted.hashes:
        raise StoreError("a document in the store is not the one that its hash names")
    return served


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
        name = served.model_version and served.model_version.rpartition("/")[0]
        options = f"--model {name}" if name else "--catalog CATALOG --policy POLICY"
        raise NotAdopted(
            f"what would govern ({served.describe()}) is not what was adopted: leave --model, --catalog and "
            f"--policy out, or propose it with `tierwise adopt propose {options}`{_AGAIN}"
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
    last = writing.connection.execute(select(func.max(adoptions.c.number))).scalar_one()
    writing.connection.execute(
        insert(adoptions).values(
            number=(last or 0) + 1, kind=str(case.kind), hash=case.subject, valid_from=writing.at,
            case=case.id,
        )
    )  # fmt: skip
    writing.record("governance.adopted", case.id, {"kind": str(case.kind), "hash": case.subject})


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


def _kept(connection: Connection, hash_: str) -> bytes:
    content = load_document(connection, hash_)
    if hash_of(content) != hash_:
        raise StoreError(f"document {hash_[:12]}: is not the one that its hash names")
    return content
