"""Handling cases (M21, M22): facts are collected, somebody proposes, others approve, and only then it counts.

Nobody approves what they had a part in proposing, by whatever way: every act keeps all persons who stand
behind it, and an approver may share none of them with the proposal, nor with another approval. Writers take
turns, so that two acts at once are two acts one after the other.
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from secrets import token_hex

from sqlalchemy import Connection, insert, select, update

from features.terms import RATED_TIERS, Tier
from serving.access.roles import Actor
from serving.confidential.sealing import open_sealed, seal
from serving.procedure import Procedure
from serving.reviews.cases import (
    Act,
    Case,
    CaseError,
    CaseKind,
    CaseReason,
    CaseState,
    Item,
    NotAllowed,
    Override,
    items_of,
    list_of_run,
    load_case,
    open_case_of,
    outdated_items,
)
from serving.reviews.proposals import newer_decision, newest_decision, proposals_after
from serving.reviews.standings import Change, Layer, end_expired, lift, put_in_force, standing_of
from serving.store.case_tables import case_acts, case_items, case_requests, cases
from serving.store.customers import open_customer
from serving.store.store import Store, Writing
from serving.store.tables import decisions

_LONGEST_TEXT = 4000


class Office:
    """Where cases are handled by a procedure."""

    def __init__(self, store: Store, procedure: Procedure) -> None:
        self.store, self.procedure = store, procedure

    def open(
        self,
        writing: Writing,
        actor: Actor,
        customer: str,
        reason: CaseReason,
        decision: str | None,
        *,
        days: int | None = None,
    ) -> Case:
        """Open a case for one customer; where one is open already, that is returned.

        A customer in a list that is not approved yet is pulled out of it.

        Args:
            writing: the transaction.
            actor: who opens it.
            customer: the pseudonym.
            reason: why.
            decision: the newest decision on the customer, if that is the cause.
            days: within which it should be closed, also where it is open already; by default the procedure's.
        """
        found = open_case_of(writing.connection, customer)
        if found is not None:
            return found if days is None else self._sooner(writing, found, days)
        case = self._open_single(writing, actor, customer, reason, decision, days)
        listed = writing.connection.execute(
            select(case_items.c.case)
            .join(cases, cases.c.id == case_items.c.case)
            .where(
                case_items.c.customer == customer,
                case_items.c.pulled_out.is_(None),
                cases.c.state == str(CaseState.PROPOSED),
            )
        ).scalars()
        for list_id in list(listed):
            self._take_out(writing, actor, load_case(writing.connection, list_id), customer, case.id)
        return case

    def open_list(self, writing: Writing, actor: Actor, run: str) -> Case | None:
        """Open and propose the list of a run: all whose tier is to be another than the approved one.

        Customers whose case is open keep that instead. Returns None where nobody's tier changes.

        Raises:
            CaseError: the run has its list already.
        """
        if list_of_run(writing.connection, run) is not None:
            raise CaseError("the run has its list already")
        end_expired(writing)
        items = self._items(writing, run)
        if not items:
            return None
        needed = max(self.procedure.approvals_for(item.old_tier, item.proposed_tier) for item, _ in items)
        case = Case(
            token_hex(16), CaseKind.LIST, CaseReason.PERIODIC, CaseState.PROPOSED, None, run, 1, None,
            None, None, None, needed, writing.at, writing.at + timedelta(days=self.procedure.case_days),
        )  # fmt: skip
        self._insert(writing, actor, case)
        writing.connection.execute(
            insert(case_items),
            [
                {"case": case.id, "customer": item.customer, "decision": item.decision,
                 "old_tier": item.old_tier, "proposed_tier": str(item.proposed_tier), "score": score}
                for item, score in items
            ],
        )  # fmt: skip
        self._act(writing, actor, case, Act.PROPOSED)
        return case

    def list_of(self, actor: Actor, run: str) -> Case | None:
        """Return the list of a run, proposed unless it was before; None where nobody's tier changes."""
        with self.store.reading() as connection:
            found = list_of_run(connection, run)
        if found is not None:
            return found
        with self.store.writing(actor.name) as writing:
            opened = self.open_list(writing, actor, run)
            if opened is None:
                writing.record("list.empty", run, {})
        return opened

    def _items(self, writing: Writing, run: str) -> list[tuple[Item, float]]:
        ids = writing.connection.execute(
            select(decisions.c.id)
            .where(decisions.c.run == run, ~newer_decision(decisions))
            .order_by(decisions.c.id)
        ).scalars()
        proposals = proposals_after(writing.connection, self.procedure, list(ids), writing.at)
        busy = set(
            writing.connection.execute(
                select(cases.c.customer).where(cases.c.closed_at.is_(None), cases.c.customer.is_not(None))
            ).scalars()
        )
        return [
            (Item(of.customer, of.decision, of.old, of.steady.tier, None), of.score)
            for of in proposals
            if of.old is not of.steady.tier and of.customer not in busy
        ]

    def pull_out(self, writing: Writing, actor: Actor, case_id: str, customer: str) -> Case:
        """Take a customer out of a list into a case of its own.

        Whoever does so proposes nothing, and may approve what is left; approvals given stay.

        Raises:
            CaseError: there is no such list that is proposed, or the customer is not in it.
        """
        case = self._expect(writing, case_id, CaseState.PROPOSED, kind=CaseKind.LIST)
        inside = {item.customer for item in items_of(writing.connection, case.id) if item.pulled_out is None}
        if customer not in inside:
            raise CaseError("the customer is not in the list, or was pulled out before")
        return self._single_from(writing, actor, case, customer)

    def _single_from(self, writing: Writing, actor: Actor, case: Case, customer: str) -> Case:
        """Give a customer of a list a case of its own, which rests on the newest decision."""
        decision = newest_decision(writing.connection, customer)
        single = self._open_single(writing, actor, customer, case.reason, decision)
        self._take_out(writing, actor, case, customer, single.id)
        return single

    def _open_single(
        self,
        writing: Writing,
        actor: Actor,
        customer: str,
        reason: CaseReason,
        decision: str | None,
        days: int | None = None,
    ) -> Case:
        standing = standing_of(writing.connection, customer, writing.at)
        case = Case(
            token_hex(16), CaseKind.SINGLE, reason, CaseState.COLLECTING, customer, None, 0, decision,
            standing.tier, None, None, 1, writing.at,
            writing.at + timedelta(days=days or self.procedure.case_days),
        )  # fmt: skip
        self._insert(writing, actor, case)
        return case

    def _sooner(self, writing: Writing, case: Case, days: int) -> Case:
        """Bring a case's day forward, where it lies later."""
        due_at = writing.at + timedelta(days=days)
        if case.due_at is not None and case.due_at <= due_at:
            return case
        writing.connection.execute(update(cases).where(cases.c.id == case.id).values(due_at=due_at))
        writing.record("case.due", case.id, {"due_at": due_at.isoformat()})
        return replace(case, due_at=due_at)

    def _take_out(self, writing: Writing, actor: Actor, case: Case, customer: str, single: str) -> None:
        """Take a customer out of a list. Whoever has approved the list has approved what is left of it."""
        writing.connection.execute(
            update(case_items)
            .where(case_items.c.case == case.id, case_items.c.customer == customer)
            .values(pulled_out=single)
        )
        self._act(writing, actor, case, Act.PULLED_OUT)

    def request(self, writing: Writing, actor: Actor, case_id: str, department: str, question: str) -> str:
        """Ask a department for facts, with a day by which; returns the request's id (M21).

        Raises:
            CaseError: the case is not collecting, or the question is empty or too long.
        """
        case = self._expect(writing, case_id, CaseState.COLLECTING)
        id_ = token_hex(16)
        writing.connection.execute(
            insert(case_requests).values(
                id=id_, case=case.id, department=department, asked_at=writing.at, asked_by=actor.name,
                due_at=writing.at + timedelta(days=self.procedure.request_days),
            )
        )  # fmt: skip
        self._act(writing, actor, case, Act.REQUESTED, question)
        return id_

    def answer(self, writing: Writing, actor: Actor, request_id: str, text: str, *, complete: bool) -> None:
        """Record a department's answer.

        Raises:
            CaseError: there is no such request, it is answered, or its case is closed.
        """
        row = writing.connection.execute(
            select(case_requests).where(case_requests.c.id == request_id)
        ).one_or_none()
        if row is None or row.answered_at is not None:
            raise CaseError("there is no such request, or it is answered already")
        case = self._expect(writing, row.case, CaseState.COLLECTING, CaseState.PROPOSED)
        writing.connection.execute(
            update(case_requests)
            .where(case_requests.c.id == request_id)
            .values(
                answered_at=writing.at, answered_by=actor.name, complete=complete,
                answer=self._sealed(writing.connection, case, text),
            )
        )  # fmt: skip
        self._act(writing, actor, case, Act.ANSWERED)

    def propose(
        self,
        writing: Writing,
        actor: Actor,
        case_id: str,
        tier: Tier,
        justification: str,
        *,
        decision: str,
        override: Override | None = None,
    ) -> Case:
        """Propose a tier; a new proposal takes the place of the one before and of its approvals.

        Args:
            writing: the transaction.
            actor: who proposes.
            case_id: the case of one customer.
            tier: what is to be proposed after the decision (see `proposals_after`); another as an override.
            justification: in the proposer's words; sealed with the customer's key.
            decision: the decision that it rests on, which must be the newest on the customer.
            override: why another tier, and until when.

        Raises:
            CaseError: the case is closed, the decision is not the newest, the tier is not the one to propose
                and no override, or the override's reason or end is not one of the procedure's.
        """
        case = self._expect(writing, case_id, CaseState.COLLECTING, CaseState.PROPOSED, kind=CaseKind.SINGLE)
        self._check_newest(writing, case, decision)
        (after,) = proposals_after(writing.connection, self.procedure, [decision], writing.at)
        self._check_override(writing, after.steady.tier, tier, override)
        needed = self._needed(writing, case, tier)
        proposed = replace(
            case, state=CaseState.PROPOSED, version=case.version + 1, decision=decision, proposed_tier=tier,
            override=override, needed=needed,
        )  # fmt: skip
        writing.connection.execute(
            update(cases)
            .where(cases.c.id == case.id)
            .values(
                state=str(proposed.state), version=proposed.version, decision=decision,
                proposed_tier=str(tier), needed=needed,
                override_reason=None if override is None else override.reason,
                override_until=None if override is None else override.until,
                justification=self._sealed(writing.connection, proposed, justification),
            )
        )  # fmt: skip
        self._act(writing, actor, proposed, Act.PROPOSED)
        return proposed

    def approve(
        self, writing: Writing, actor: Actor, case_id: str, version: int
    ) -> tuple[Case, list[Change]]:
        """Approve a proposal; with the last approval that it needs it takes effect.

        Args:
            writing: the transaction.
            actor: who approves.
            case_id: the case.
            version: of the proposal that the approver has read.

        Raises:
            NotAllowed: somebody behind the approver had a part in the proposal, or has approved it already.
            CaseError: the case is not proposed, has another version by now, or rests on a decision that is
                the newest no more.
        """
        case = self._expect(writing, case_id, CaseState.PROPOSED)
        self._check(writing, actor, case, version)
        if case.decision is not None:
            self._check_newest(writing, case, case.decision)
        self._act(writing, actor, case, Act.APPROVED)
        needed = case.needed
        if case.proposed_tier is not None:
            # What was in force when it was proposed may have ended since.
            needed = max(needed, self._needed(writing, case, case.proposed_tier))
        if len(self._persons(writing, case, Act.APPROVED, of_version=True)) < needed:
            return replace(case, needed=needed), []
        changes = self._take_effect(writing, actor, case)
        return self._close(writing, case, CaseState.EFFECTIVE), changes

    def reject(self, writing: Writing, actor: Actor, case_id: str, version: int, why: str) -> Case:
        """Reject a proposal, with the reason; a hold that is on stays until it is lifted by a case.

        Raises:
            NotAllowed: somebody behind the act had a part in the proposal.
            CaseError: the case is not proposed, or has another version by now.
        """
        case = self._expect(writing, case_id, CaseState.PROPOSED)
        self._check(writing, actor, case, version)
        self._act(writing, actor, case, Act.REJECTED, why)
        return self._close(writing, case, CaseState.REJECTED)

    def withdraw(self, writing: Writing, actor: Actor, case_id: str) -> Case:
        """Withdraw a case that is not closed; only by those who opened it or proposed in it.

        Raises:
            NotAllowed: nobody behind the act did.
            CaseError: it is closed.
        """
        case = self._expect(writing, case_id, CaseState.COLLECTING, CaseState.PROPOSED)
        theirs = self._persons_behind(writing, case, Act.OPENED) | self._persons_behind(
            writing, case, Act.PROPOSED
        )
        if theirs.isdisjoint(actor.persons):
            raise NotAllowed("a case is withdrawn by those who opened it or proposed in it")
        self._act(writing, actor, case, Act.WITHDRAWN)
        return self._close(writing, case, CaseState.WITHDRAWN)

    # What the acts have in common

    def _take_effect(self, writing: Writing, actor: Actor, case: Case) -> list[Change]:
        if case.kind is CaseKind.LIST:
            changes = self._list_takes_effect(writing, actor, case)
        else:
            changes = self._single_takes_effect(writing, case)
        return [change for change in changes if change is not None]

    def _list_takes_effect(self, writing: Writing, actor: Actor, case: Case) -> list[Change | None]:
        for customer in outdated_items(writing.connection, case.id):
            self._single_from(writing, actor, case, customer)
        return [
            put_in_force(
                writing, item.customer, Layer.APPROVED, item.proposed_tier, decision=item.decision,
                case=case.id, reason=str(case.reason),
            )
            for item in items_of(writing.connection, case.id)
            if item.pulled_out is None
        ]  # fmt: skip

    def _single_takes_effect(self, writing: Writing, case: Case) -> list[Change | None]:
        if case.customer is None or case.proposed_tier is None or case.decision is None:
            raise RuntimeError(f"case {case.id} is proposed without customer, tier or decision")
        layers = standing_of(writing.connection, case.customer, writing.at).layers
        put = partial(put_in_force, writing, case.customer, decision=case.decision, case=case.id)
        changes = []
        if case.override is None:
            changes.append(put(Layer.APPROVED, case.proposed_tier, reason=str(case.reason)))
        else:
            if Layer.HOLD in layers:
                # Beneath the override lies what the newest facts say, not what was approved before them.
                (after,) = proposals_after(writing.connection, self.procedure, [case.decision], writing.at)
                changes.append(put(Layer.APPROVED, after.steady.tier, reason=str(case.reason)))
            changes.append(
                put(
                    Layer.OVERRIDE, case.proposed_tier,
                    reason=case.override.reason, expires_at=case.override.until,
                )
            )  # fmt: skip
        ended = (Layer.HOLD,) if case.override is not None else (Layer.OVERRIDE, Layer.HOLD)
        changes += [lift(writing, case.customer, layer, case=case.id) for layer in ended if layer in layers]
        return changes

    def _check(self, writing: Writing, actor: Actor, case: Case, version: int) -> None:
        if case.version != version:
            raise CaseError(f"the proposal is version {case.version} by now; read it again")
        if not self._persons_behind(writing, case, Act.PROPOSED).isdisjoint(actor.persons):
            raise NotAllowed("nobody approves or rejects what they had a part in proposing")
        if not self._persons_behind(writing, case, Act.APPROVED, of_version=True).isdisjoint(actor.persons):
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

    def _needed(self, writing: Writing, case: Case, tier: Tier) -> int:
        """Return how many must approve a tier, by what is approved and what counts now."""
        if case.customer is None:
            return case.needed
        standing = standing_of(writing.connection, case.customer, writing.at)
        approved = standing.layers.get(Layer.APPROVED)
        before = {None if approved is None else approved.tier, standing.tier}
        return max(self.procedure.approvals_for(old, tier) for old in before)

    def _check_newest(self, writing: Writing, case: Case, decision: str) -> None:
        if case.customer is None or newest_decision(writing.connection, case.customer) != decision:
            raise CaseError("a proposal rests on the newest decision on the customer; name that one")

    def _check_override(self, writing: Writing, decided: Tier, tier: Tier, override: Override | None) -> None:
        if override is None:
            if tier is not decided:
                raise CaseError("another tier than the decision's is an override: give its reason and end")
            return
        if tier not in RATED_TIERS:
            raise CaseError(f"an override gives one of {', '.join(RATED_TIERS)}")
        if override.reason not in self.procedure.override_reasons:
            raise CaseError(
                f"override: the reason must be one of {', '.join(self.procedure.override_reasons)}"
            )
        latest = writing.at + timedelta(days=self.procedure.override_days)
        if not writing.at < override.until <= latest:
            raise CaseError(f"override: must end within {self.procedure.override_days} days")

    def _expect(
        self, writing: Writing, case_id: str, *states: CaseState, kind: CaseKind | None = None
    ) -> Case:
        case = load_case(writing.connection, case_id)
        if kind is not None and case.kind is not kind:
            raise CaseError(f"the case is a {case.kind} case; this is for {kind} cases")
        if case.state not in states:
            raise CaseError(f"the case is {case.state}; this is for cases that are {' or '.join(states)}")
        return case

    def _insert(self, writing: Writing, actor: Actor, case: Case) -> None:
        writing.connection.execute(
            insert(cases).values(
                id=case.id, kind=str(case.kind), reason=str(case.reason), state=str(case.state),
                customer=case.customer, run=case.run, opened_at=case.opened_at, opened_by=actor.name,
                due_at=case.due_at, version=case.version, decision=case.decision, old_tier=case.old_tier,
                proposed_tier=case.proposed_tier, needed=case.needed,
            )
        )  # fmt: skip
        self._act(writing, actor, case, Act.OPENED)

    def _close(self, writing: Writing, case: Case, state: CaseState) -> Case:
        writing.connection.execute(
            update(cases).where(cases.c.id == case.id).values(state=str(state), closed_at=writing.at)
        )
        writing.record(f"case.{state}", case.id, {"version": case.version})
        return replace(case, state=state)

    def _act(self, writing: Writing, actor: Actor, case: Case, act: Act, remark: str | None = None) -> None:
        writing.connection.execute(
            insert(case_acts).values(
                id=token_hex(16), case=case.id, version=case.version, act=str(act), at=writing.at,
                actor=actor.name, persons="\n".join(sorted(actor.persons)),
                remark=None if remark is None else self._sealed(writing.connection, case, remark),
            )
        )  # fmt: skip
        facts = {
            "version": case.version, "customer": case.customer, "way": actor.way,
            "persons": sorted(actor.persons), "tier": case.proposed_tier and str(case.proposed_tier),
        }  # fmt: skip
        writing.record(f"case.{act}", case.id, facts)

    def _sealed(self, connection: Connection, case: Case, text: str) -> bytes:
        """Seal what somebody wrote with the customer's key; of a list, with the keyring's."""
        if not 0 < len(text) <= _LONGEST_TEXT:
            raise CaseError(f"give a text of 1 to {_LONGEST_TEXT} characters")
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


def _purpose(case: str) -> str:
    return f"text in case {case}"
