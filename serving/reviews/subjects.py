"""Proposing what governs: a procedure, or catalog, policy and model; approved as other cases (M22, M24)."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, select

from features.declaration import first_error
from serving.access.roles import Actor
from serving.procedure import Procedure
from serving.reviews.adoptions import (
    Adoption,
    ServedSet,
    adopted_set,
    adoption_at,
    adoptions_of,
    governance_approvals,
    hash_of,
    kept_procedure,
    kept_set,
    procedure_content,
    same_procedure,
)
from serving.reviews.case_book import CaseBook
from serving.reviews.cases import Act, Case, CaseError, CaseKind, CaseReason, CaseState
from serving.served import Served
from serving.store.case_tables import cases
from serving.store.documents import keep_document, keep_served, load_document
from serving.store.store import Writing

_PROCEDURE, _SERVED = "procedure", "served"


@dataclass(frozen=True, order=True)
class Proposed:
    """One place in what is to be adopted that differs from what is; None where it is absent on one side."""

    place: str
    before: str | None
    after: str | None


class GovernanceDesk(CaseBook):
    """Where what governs is proposed, by the procedure that governs now."""

    def propose_procedure(self, writing: Writing, actor: Actor, procedure: Procedure, because: str) -> Case:
        """Propose a procedure.

        Args:
            writing: the transaction.
            actor: who proposes; nobody of those behind may approve.
            procedure: which is to govern.
            because: the reason in the proposer's words, sealed.

        Raises:
            CaseError: it is adopted already, it could not be read back, or another procedure is proposed and
                not decided on.
            NotAdopted: the desk works by another procedure than the one adopted.
        """
        content = procedure_content(procedure)
        hash_ = hash_of(content)
        adoption = adoption_at(writing.connection, CaseKind.PROCEDURE, writing.at)
        if adoption is not None and same_procedure(
            kept_procedure(writing.connection, adoption.hash), procedure
        ):
            raise CaseError("the procedure is adopted already")
        try:
            Procedure.model_validate_json(content)
        except ValidationError as error:
            raise CaseError(f"the procedure could not be read back ({first_error(error)})") from None
        keep_document(writing, _PROCEDURE, hash_, content)
        return self.propose_document(writing, actor, CaseKind.PROCEDURE, hash_, because)

    def propose_served(self, writing: Writing, actor: Actor, served: Served, because: str) -> Case:
        """Propose catalog and policy without a model; see `propose_procedure`. A model is promoted with both.

        Raises:
            CaseError: there is a model, they are adopted already, or others are proposed and not decided on.
            NotAdopted: the desk works by another procedure than the one adopted.
        """
        if served.scorer.model is not None:
            raise CaseError(
                "a model is promoted, with its catalog and policy: `tierwise promote NAME --to champion`"
            )
        proposed = ServedSet.of(served)
        adopted = adopted_set(writing.connection, writing.at)
        if adopted is not None and adopted.hashes == proposed.hashes:
            raise CaseError("catalog, policy and model are adopted already")
        self.keep_set(writing, served, proposed)
        return self.propose_document(writing, actor, CaseKind.MODEL, proposed.hash, because)

    def keep_set(self, writing: Writing, served: Served, set_: ServedSet) -> None:
        """Keep a set and all that it names."""
        keep_served(writing, served.scorer, served.artefact)
        keep_document(writing, _SERVED, set_.hash, set_.content)

    def propose_document(
        self, writing: Writing, actor: Actor, kind: CaseKind, hash_: str, because: str
    ) -> Case:
        """Propose a document that is kept.

        Raises:
            CaseError: another one of the kind is proposed and not decided on.
            NotAdopted: the desk works by another procedure than the one adopted.
        """
        # The review of a rollback keeps nobody from proposing.
        waiting = writing.connection.execute(
            select(cases.c.id).where(
                cases.c.kind == str(kind),
                cases.c.reason != str(CaseReason.ROLLBACK),
                cases.c.closed_at.is_(None),
            )
        ).scalar_one_or_none()
        if waiting is not None:
            raise CaseError(f"case {waiting} of this kind is open; have it decided on or withdraw it first")
        case = Case(
            token_hex(16), kind, CaseReason.GOVERNANCE, CaseState.PROPOSED, None, None, 1, None, None, None,
            None, governance_approvals(writing.connection, self.procedure, writing.at), writing.at,
            writing.at + timedelta(days=self.procedure.case_days), hash_,
        )  # fmt: skip
        self._insert(writing, actor, case, because)
        self._act(writing, actor, case, Act.PROPOSED)
        return case


def proposed_changes(connection: Connection, case: Case) -> list[Proposed]:
    """Return what a case on what governs would change, place by place, beside what governs without it.

    While the case is open that is what governs now; of a closed one what governed until it was closed.
    Of a first procedure beside the defaults; of a first catalog or policy its hash alone; of a challenger
    beside what governs.

    Raises:
        StoreError: a document is not in the store, or was changed.
    """
    if case.subject is None:
        return []
    beside = CaseKind.MODEL if case.kind is CaseKind.CHALLENGER else case.kind
    adoption = _adoption_beside(connection, beside, case)
    if case.kind is CaseKind.PROCEDURE:
        before = Procedure() if adoption is None else kept_procedure(connection, adoption.hash)
        after = kept_procedure(connection, case.subject)
        return _between(before.model_dump(mode="json"), after.model_dump(mode="json"), "")
    new = kept_set(connection, case.subject)
    old: ServedSet | None = None if adoption is None else kept_set(connection, adoption.hash)
    found = []
    for name in ("catalog", "policy"):
        now: str = getattr(new, name)
        then: str | None = None if old is None else getattr(old, name)
        found += _between(then, now, name)
        if then is not None and then != now:
            documents = [json.loads(load_document(connection, hash_)) for hash_ in (then, now)]
            found += _between(documents[0], documents[1], f"{name}.")
    found += _between(old and old.artefact, new.artefact, "artefact")
    found += _between(_bytes_of(old), _bytes_of(new), "artefact_sha256")
    return found + _between(old and old.model_version, new.model_version, "model_version")


def _bytes_of(set_: ServedSet | None) -> str | None:
    """Return the SHA-256 of a promoted artefact's bytes, as MLflow has it; `artefact` is of its content."""
    return None if set_ is None or set_.promotion is None else set_.promotion.artefact_sha256


def _adoption_beside(connection: Connection, kind: CaseKind, case: Case) -> Adoption | None:
    """Return what is adopted of a kind without a case; of a rollback what it rolled back from."""
    # A rollback takes effect when its case is opened, anything else when it is closed.
    effect: datetime | None = case.opened_at
    if case.reason is not CaseReason.ROLLBACK:
        effect = connection.execute(select(cases.c.closed_at).where(cases.c.id == case.id)).scalar_one()
    if effect is not None:
        return adoption_at(connection, kind, effect - timedelta(microseconds=1))
    adopted = adoptions_of(connection, kind)
    return adopted[-1] if adopted else None


def _between(before: Any, after: Any, place: str) -> list[Proposed]:
    left, right = _flat(before, place), _flat(after, place)
    return sorted(
        Proposed(where, left.get(where), right.get(where))
        for where in left.keys() | right.keys()
        if left.get(where) != right.get(where)
    )


def _flat(value: Any, place: str) -> dict[str, str]:
    """Return the leaves of a JSON document by their places, such as approvals.governance or vetoes[0].id."""
    found: dict[str, str] = {}
    if isinstance(value, dict):
        for key, part in value.items():
            found |= _flat(part, f"{place.rstrip('.')}.{key}" if place else key)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            found |= _flat(part, f"{place.rstrip('.')}[{number}]")
    elif value is not None:
        found[place] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return found
