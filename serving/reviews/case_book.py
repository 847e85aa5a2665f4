"""The book of cases: how cases and acts are kept, who stands behind them, and how what is written is sealed.

Whatever kind a case is of, nobody approves or rejects what they had a part in proposing.
"""

from dataclasses import replace
from secrets import token_hex

from sqlalchemy import Connection, insert, select, update

from serving.access.roles import Actor
from serving.audit.chain import Fact
from serving.confidential.sealing import open_sealed, seal
from serving.procedure import Procedure
from serving.reviews.adoptions import require_procedure
from serving.reviews.cases import (
    Act,
    Case,
    CaseError,
    CaseKind,
    CaseState,
    Judged,
    Judgement,
    NotAllowed,
    Opened,
    load_case,
)
from serving.reviews.justification import digest_of
from serving.store.case_tables import case_acts, cases
from serving.store.customers import UnknownCustomer, open_customer
from serving.store.store import Store, Writing

_LONGEST_TEXT = 4000


class CaseBook:
    """Cases and acts of a store, kept by a procedure, which must be the one adopted."""

    def __init__(self, store: Store, procedure: Procedure) -> None:
        self.store, self.procedure = store, procedure

    def _check(self, writing: Writing, actor: Actor, case: Case, version: int) -> None:
        # First, for what another procedure forbids or needs is beside the point.
        require_procedure(writing.connection, self.procedure, writing.at)
        if case.version != version:
            raise CaseError(f"the proposal is version {case.version} by now; read it again")
        if actor.shares_a_person(self._persons_behind(writing, case, Act.PROPOSED)):
            raise NotAllowed("nobody approves or rejects what they had a part in proposing")
        if actor.shares_a_person(self._persons_behind(writing, case, Act.APPROVED, of_version=True)):
            raise NotAllowed("each approval needs other persons")

    def _persons(self, writing: Writing, case: Case, act: Act, *, of_version: bool) -> list[frozenset[str]]:
        query = select(case_acts.c.persons).where(case_acts.c.case == case.id, case_acts.c.act == str(act))
        if of_version:
            query = query.where(case_acts.c.version == case.version)
        return [frozenset(text.split("\n")) for text in writing.connection.execute(query).scalars()]

    def _persons_behind(
        self, writing: Writing, case: Case, act: Act, *, of_version: bool = False
    ) -> frozenset[str]:
        found = self._persons(writing, case, act, of_version=of_version)
        return frozenset(person for persons in found for person in persons)

    def _expect(
        self, writing: Writing, case_id: str, *states: CaseState, kind: CaseKind | None = None
    ) -> Case:
        case = load_case(writing.connection, case_id)
        if kind is not None and case.kind is not kind:
            raise CaseError(f"the case is a {case.kind} case; this is for {kind} cases")
        if case.state not in states:
            raise CaseError(f"the case is {case.state}; this is for cases that are {' or '.join(states)}")
        return case

    def _insert(
        self,
        writing: Writing,
        actor: Actor,
        case: Case,
        justification: str | None = None,
        because: str | None = None,
    ) -> None:
        writing.connection.execute(
            insert(cases).values(
                id=case.id, kind=str(case.kind), reason=str(case.reason), state=str(case.state),
                customer=case.customer, run=case.run, opened_at=case.opened_at, opened_by=actor.name,
                due_at=case.due_at, version=case.version, decision=case.decision, old_tier=case.old_tier,
                proposed_tier=case.proposed_tier, needed=case.needed, subject=case.subject,
                justification=None if justification is None
                else self._sealed(writing.connection, case, justification),
            )
        )  # fmt: skip
        self._act(writing, actor, case, Act.OPENED, because)

    def _close(self, writing: Writing, case: Case, state: CaseState) -> Case:
        writing.connection.execute(
            update(cases).where(cases.c.id == case.id).values(state=str(state), closed_at=writing.at)
        )
        writing.record(f"case.{state}", case.id, {"version": case.version})
        return replace(case, state=state)

    def _act(
        self,
        writing: Writing,
        actor: Actor,
        case: Case,
        act: Act,
        remark: str | None = None,
        judgement: Judgement | None = None,
    ) -> None:
        require_procedure(writing.connection, self.procedure, writing.at)
        said = judgement or Judgement()
        findings, conditions, sealed = (
            None if text is None else self._sealed(writing.connection, case, text)
            for text in (said.findings, said.conditions, remark)
        )
        writing.connection.execute(
            insert(case_acts).values(
                id=token_hex(16), case=case.id, version=case.version, act=str(act), at=writing.at,
                actor=actor.name, persons="\n".join(sorted(actor.persons)),
                remark=sealed, findings=findings, conditions=conditions,
            )
        )  # fmt: skip
        facts: dict[str, Fact] = {
            "version": case.version, "customer": case.customer, "way": actor.way,
            "persons": sorted(actor.persons), "tier": case.proposed_tier and str(case.proposed_tier),
        }  # fmt: skip
        if case.subject is not None:
            facts["subject"] = case.subject
        # So that neither can be exchanged for another text of the case.
        facts |= {
            name: digest_of(text)
            for name, text in (("findings", findings), ("conditions", conditions))
            if text is not None
        }
        writing.record(f"case.{act}", case.id, facts)

    def _sealed(self, connection: Connection, case: Case, text: str) -> bytes:
        """Seal what somebody wrote with the customer's key; of any other case, with the keyring's."""
        if not text.strip() or len(text) > _LONGEST_TEXT:
            raise CaseError(f"give a text of 1 to {_LONGEST_TEXT} characters, not all of them blank")
        return seal(self._key(connection, case), text.encode(), _purpose(case.id))

    def _key(self, connection: Connection, case: Case) -> bytes:
        if case.customer is None:
            return self.store.keyring.links
        return open_customer(connection, self.store.keyring, case.customer).data_key

    def read_text(self, connection: Connection, case: Case, sealed: bytes) -> str:
        """Return what somebody wrote in a case.

        Raises:
            UnknownCustomer: the customer was erased.
            SealError: it was changed.
        """
        return open_sealed(self._key(connection, case), sealed, _purpose(case.id)).decode()

    def judged(self, connection: Connection, case: Case) -> list[Judged]:
        """Return the approvals and rejections of a case, in their order.

        Raises:
            SealError: a text was changed.
        """
        rows = connection.execute(
            select(case_acts)
            .where(case_acts.c.case == case.id, case_acts.c.act.in_([str(Act.APPROVED), str(Act.REJECTED)]))
            .order_by(case_acts.c.at, case_acts.c.id)
        )

        def text(sealed: bytes | None) -> str | None:
            return self._readable(connection, case, sealed)

        return [
            Judged(
                Act(row.act), row.actor, row.at, row.version, text(row.remark),
                Judgement(text(row.findings), text(row.conditions)),
            )
            for row in rows
        ]  # fmt: skip

    def opened(self, connection: Connection, case: Case) -> Opened:
        """Return who opened a case, when and why.

        Raises:
            SealError: the text was changed.
        """
        row = connection.execute(
            select(case_acts).where(case_acts.c.case == case.id, case_acts.c.act == str(Act.OPENED))
        ).one()
        return Opened(row.actor, row.at, self._readable(connection, case, row.remark))

    def justification(self, connection: Connection, case: Case) -> str | None:
        """Return why what is proposed was proposed, of an alarm the remedy; None before a first proposal.

        None too where it cannot be read any more, of a customer who was erased.

        Raises:
            SealError: the text was changed.
        """
        sealed = connection.execute(select(cases.c.justification).where(cases.c.id == case.id)).scalar_one()
        return self._readable(connection, case, sealed)

    def _readable(self, connection: Connection, case: Case, sealed: bytes | None) -> str | None:
        try:
            return None if sealed is None else self.read_text(connection, case, sealed)
        except UnknownCustomer:
            return None


def _purpose(case: str) -> str:
    return f"text in case {case}"
