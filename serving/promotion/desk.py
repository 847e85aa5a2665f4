"""Promoting a registered version to challenger or champion, and rolling back to what governed before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import token_hex

from serving.access.roles import Actor
from serving.promotion.gate import require_promotable
from serving.promotion.reviewed import Reviewed
from serving.reviews.adoptions import (
    ANOTHER_PORTFOLIO,
    AcceptedFailure,
    Promotion,
    ServedSet,
    adopted_set,
    adoptions_of,
    challenger_at,
    governance_approvals,
    hash_of,
    insert_adoption,
    kept_set,
)
from serving.reviews.cases import Act, Case, CaseError, CaseKind, CaseReason, CaseState
from serving.reviews.subjects import GovernanceDesk
from serving.store.documents import keep_document
from serving.store.store import Writing
from serving.store.tables import ROLLED_BACK

_REVIEW = "review"


@dataclass(frozen=True)
class RolledBack:
    """What governed, what governs again, and the case in which others look at it afterwards."""

    before: ServedSet
    after: ServedSet
    case: Case


class PromotionDesk(GovernanceDesk):
    """Where models are promoted, by the procedure that governs now."""

    def promote(
        self,
        writing: Writing,
        actor: Actor,
        reviewed: Reviewed,
        kind: CaseKind,
        because: str,
        accepted: Sequence[AcceptedFailure] = (),
    ) -> Case:
        """Propose a reviewed version with its catalog and policy.

        Args:
            writing: the transaction.
            actor: who proposes; nobody of those behind may approve.
            reviewed: the version.
            kind: `MODEL` for the champion, `CHALLENGER` for the challenger.
            because: the reason in the proposer's words, sealed.
            accepted: the battery's failures that are to be lived with, where the procedure allows.

        Raises:
            NotPromotable: reviewers found it wanting; see `require_promotable`.
            CaseError: it is what it is to become already, or another one is proposed and not decided on.
            NotAdopted: the desk works by another procedure than the one adopted.
        """
        promotion = Promotion(
            reviewed.artefact_sha256,
            hash_of(reviewed.battery),
            hash_of(reviewed.reasons),
            tuple(accepted),
            tuple(map(hash_of, reviewed.earlier)),
        )
        proposed = replace(ServedSet.of(reviewed.served), promotion=promotion)
        self._refuse_adopted(writing, kind, proposed)
        for content in (reviewed.battery, reviewed.reasons, *reviewed.earlier):
            keep_document(writing, _REVIEW, hash_of(content), content)
        self.keep_set(writing, reviewed.served, proposed)
        require_promotable(writing.connection, kind, proposed, self.procedure.promotion, writing.at)
        return self.propose_document(writing, actor, kind, proposed.hash, because)

    def _refuse_adopted(self, writing: Writing, kind: CaseKind, proposed: ServedSet) -> None:
        adopted = adopted_set(writing.connection, writing.at)
        if adopted is not None and adopted.hashes == proposed.hashes:
            raise CaseError(f"{adopted.model_version} is the champion already, with this catalog and policy")
        found = challenger_at(writing.connection, writing.at)
        if kind is not CaseKind.CHALLENGER or found is None:
            return
        challenger = kept_set(writing.connection, found.hash)
        if challenger.hashes == proposed.hashes:
            raise CaseError(f"{challenger.model_version} is the challenger already")

    def roll_back(self, writing: Writing, actor: Actor, name: str, because: str) -> RolledBack:
        """Let the set govern again that governed before the present one was first adopted, at once.

        It was approved then, and is adopted by that case. Others look at the rollback afterwards, in a case
        that is opened here: approved, it is confirmed; rejected, that is on record, and what was rolled back
        from can be promoted again.

        Args:
            writing: the transaction.
            actor: who rolls back; nobody of those behind may confirm it.
            name: of the model that governs now, so that nobody rolls back another one unawares.
            because: the reason in the actor's words, sealed.

        Raises:
            CaseError: it is not this model that governs, or nothing was adopted before it.
            NotAdopted: the desk works by another procedure than the one adopted.
        """
        connection = writing.connection
        adopted = adoptions_of(connection, CaseKind.MODEL)
        now = kept_set(connection, adopted[-1].hash) if adopted else None
        if now is None or now.registered is None or now.registered[0] != name:
            raise CaseError(
                f"what governs is {(now and now.model_version) or 'no model'}, no version of {name}; "
                f"{ANOTHER_PORTFOLIO}"
            )
        # One that governs again counts from when it did first, so that a second rollback goes further back.
        first = next(of.number for of in adopted if of.case == adopted[-1].case)
        before = [of for of in adopted if of.number < first]
        if not before:
            raise CaseError("nothing was adopted before it; there is nothing to roll back to")
        target = before[-1]
        again = kept_set(connection, target.hash)
        case = Case(
            token_hex(16), CaseKind.MODEL, CaseReason.ROLLBACK, CaseState.PROPOSED, None, None, 1, None,
            None, None, None, governance_approvals(connection, self.procedure, writing.at), writing.at,
            writing.at + timedelta(days=self.procedure.case_days), target.hash,
        )  # fmt: skip
        self._insert(writing, actor, case, because)
        self._act(writing, actor, case, Act.PROPOSED)
        insert_adoption(writing, CaseKind.MODEL, target.hash, target.case)
        writing.record(ROLLED_BACK, target.case, {
            "kind": str(CaseKind.MODEL), "hash": target.hash, "from": adopted[-1].hash, "review": case.id,
        })  # fmt: skip
        return RolledBack(now, again, case)
