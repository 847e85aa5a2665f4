"""Handling cases (M21, M22): facts are collected, somebody proposes, others approve, and only then it counts.

Nobody approves what they had a part in proposing, by whatever way: every act keeps all persons who stand
behind it, and an approver may share none of them with the proposal, nor with another approval. Writers take
turns, so that two acts at once are two acts one after the other.
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from secrets import token_hex

from sqlalchemy import insert, select, update

from features.terms import RATED_TIERS, Tier
from serving.access.roles import Actor
from serving.promotion.gate import require_promotable
from serving.reviews.adoptions import adopt, governance_approvals, kept_set, require_decided_by_adopted
from serving.reviews.case_book import CaseBook
from serving.reviews.cases import (
    GOVERNING,
    OF_MODELS,
    Act,
    Case,
    CaseError,
    CaseKind,
    CaseReason,
    CaseState,
    Item,
    Judgement,
    NoFindings,
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
from serving.store.case_tables import case_items, case_requests, cases
from serving.store.notice_tables import feedback
from serving.store.store import Writing
from serving.store.tables import decisions, runs


class Office(CaseBook):
    """Where cases are handled by a procedure."""

    def open(
        self,
        writing: Writing,
        actor: Actor,
        customer: str,
        reason: CaseReason,
        decision: str | None,
        *,
        days: int | None = None,
        because: str | None = None,
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
            because: why, in the opener's words; sealed with the customer's key.

        Raises:
            CaseError: the words are empty or too many.
        """
        found = open_case_of(writing.connection, customer)
        if found is not None:
            return found if days is None else self._sooner(writing, found, days)
        case = self._open_single(writing, actor, customer, reason, decision, days, because)
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
            CaseError: the run has its list already, or was not made by the catalog, policy and model adopted.
        """
        if list_of_run(writing.connection, run) is not None:
            raise CaseError("the run has its list already")
        require_decided_by_adopted(writing.connection, runs, run, writing.at)
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
            (Item(of.customer, of.decision, of.old, of.steady, None), of.score)
            for of in proposals
            if of.old is not of.steady and of.customer not in busy
        ]

    def pull_out(
        self, writing: Writing, actor: Actor, case_id: str, customer: str, because: str | None = None
    ) -> Case:
        """Take a customer out of a list into a case of its own.

        Whoever does so proposes nothing, and may approve what is left; approvals given stay.

        Args:
            writing: the transaction.
            actor: who does it.
            case_id: the list.
            customer: the pseudonym.
            because: why, in their words; kept with the new case, sealed with the customer's key.

        Raises:
            CaseError: there is no such list that is proposed, the customer is not in it, or the words are
                empty or too many.
        """
        case = self._expect(writing, case_id, CaseState.PROPOSED, kind=CaseKind.LIST)
        inside = {item.customer for item in items_of(writing.connection, case.id) if item.pulled_out is None}
        if customer not in inside:
            raise CaseError("the customer is not in the list, or was pulled out before")
        return self._single_from(writing, actor, case, customer, because)

    def _single_from(
        self, writing: Writing, actor: Actor, case: Case, customer: str, because: str | None = None
    ) -> Case:
        """Give a customer of a list a case of its own, which rests on the newest decision."""
        decision = newest_decision(writing.connection, customer)
        single = self._open_single(writing, actor, customer, case.reason, decision, because=because)
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
        because: str | None = None,
    ) -> Case:
        standing = standing_of(writing.connection, customer, writing.at)
        case = Case(
            token_hex(16), CaseKind.SINGLE, reason, CaseState.COLLECTING, customer, None, 0, decision,
            standing.tier, None, None, 1, writing.at,
            writing.at + timedelta(days=days or self.procedure.case_days),
        )  # fmt: skip
        self._insert(writing, actor, case, because=because)
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
            CaseError: the case is closed, the decision is not the newest or not by what was adopted, the tier
                is not the one to propose and no override, or the override's reason or end is not one of the
                procedure's.
        """
        case = self._expect(writing, case_id, CaseState.COLLECTING, CaseState.PROPOSED, kind=CaseKind.SINGLE)
        self._check_newest(writing, case, decision)
        require_decided_by_adopted(writing.connection, decisions, decision, writing.at)
        (after,) = proposals_after(writing.connection, self.procedure, [decision], writing.at)
        self._check_override(writing, after.steady, tier, override)
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
        self,
        writing: Writing,
        actor: Actor,
        case_id: str,
        version: int,
        judgement: Judgement | None = None,
    ) -> tuple[Case, list[Change]]:
        """Approve a proposal; with the last approval that it needs it takes effect.

        Args:
            writing: the transaction.
            actor: who approves.
            case_id: the case.
            version: of the proposal that the approver has read.
            judgement: what the approver found and on what conditions, sealed; of a model findings are needed.

        Raises:
            NotAllowed: somebody behind the approver had a part in the proposal, or has approved it already.
            NoFindings: it is about a model, and nothing is said of what was found.
            CaseError: the case is not proposed, has another version by now, or rests on a decision that is
                the newest no more, or on one or a run that was not made by what is adopted by now.
            NotPromotable: its model has not, or by now no more, what it needs.
        """
        case = self._expect(writing, case_id, CaseState.PROPOSED)
        self._check(writing, actor, case, version)
        _require_findings(case, judgement)
        if case.decision is not None:
            self._check_newest(writing, case, case.decision)
            require_decided_by_adopted(writing.connection, decisions, case.decision, writing.at)
        if case.run is not None:
            # All of a list was decided in one run, hence by one set: no part of it may stand.
            require_decided_by_adopted(writing.connection, runs, case.run, writing.at)
        if case.kind in OF_MODELS and case.reason is not CaseReason.ROLLBACK and case.subject is not None:
            set_ = kept_set(writing.connection, case.subject)
            require_promotable(writing.connection, case.kind, set_, self.procedure.promotion, writing.at)
        self._act(writing, actor, case, Act.APPROVED, judgement=judgement)
        needed = case.needed
        if case.proposed_tier is not None:
            # What was in force when it was proposed may have ended since.
            needed = max(needed, self._needed(writing, case, case.proposed_tier))
        if case.kind in GOVERNING:
            needed = max(needed, governance_approvals(writing.connection, self.procedure, writing.at))
        if len(self._persons(writing, case, Act.APPROVED, of_version=True)) < needed:
            return replace(case, needed=needed), []
        changes = self._take_effect(writing, actor, case)
        return self._close(writing, case, CaseState.EFFECTIVE), changes

    def reject(
        self,
        writing: Writing,
        actor: Actor,
        case_id: str,
        version: int,
        why: str,
        judgement: Judgement | None = None,
    ) -> Case:
        """Reject a proposal, with the reason; a hold that is on stays until it is lifted by a case.

        Raises:
            NotAllowed: somebody behind the act had a part in the proposal.
            NoFindings: it is about a model, and nothing is said of what was found.
            CaseError: the case is not proposed, or has another version by now.
        """
        case = self._expect(writing, case_id, CaseState.PROPOSED)
        self._check(writing, actor, case, version)
        _require_findings(case, judgement)
        self._act(writing, actor, case, Act.REJECTED, why, judgement)
        return self._close(writing, case, CaseState.REJECTED)

    def withdraw(self, writing: Writing, actor: Actor, case_id: str) -> Case:
        """Withdraw a case that is not closed; only by those who opened it or proposed in it.

        One that carries a customer's objection is decided on, by a proposal and another person; so is one
        that looks at a rollback.

        Raises:
            NotAllowed: nobody behind the act did, or the case carries an objection or is of a rollback.
            CaseError: it is closed.
        """
        case = self._expect(writing, case_id, CaseState.COLLECTING, CaseState.PROPOSED)
        theirs = self._persons_behind(writing, case, Act.OPENED) | self._persons_behind(
            writing, case, Act.PROPOSED
        )
        if not actor.shares_a_person(theirs):
            raise NotAllowed("a case is withdrawn by those who opened it or proposed in it")
        if case.reason is CaseReason.ROLLBACK:
            raise NotAllowed("a rollback is looked at by others: have them confirm or reject it")
        if case.kind is CaseKind.MONITORING:
            raise NotAllowed("an alarm is not withdrawn: propose a remedy, and have another decide")
        objected = select(feedback.c.id).where(feedback.c.case == case.id).limit(1)
        if writing.connection.execute(objected).first() is not None:
            raise NotAllowed("a case with an objection is not withdrawn: propose, and have another decide")
        self._act(writing, actor, case, Act.WITHDRAWN)
        return self._close(writing, case, CaseState.WITHDRAWN)

    # What the acts have in common

    def _take_effect(self, writing: Writing, actor: Actor, case: Case) -> list[Change]:
        if case.kind in GOVERNING:
            # What a rollback adopted took effect at once, and is confirmed here.
            if case.reason is not CaseReason.ROLLBACK:
                adopt(writing, case)
            return []
        if case.kind is CaseKind.MONITORING:
            # What was decided to do about an alarm is done elsewhere.
            return []
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
                changes.append(put(Layer.APPROVED, after.steady, reason=str(case.reason)))
            changes.append(
                put(
                    Layer.OVERRIDE, case.proposed_tier,
                    reason=case.override.reason, expires_at=case.override.until,
                )
            )  # fmt: skip
        ended = (Layer.HOLD,) if case.override is not None else (Layer.OVERRIDE, Layer.HOLD)
        changes += [lift(writing, case.customer, layer, case=case.id) for layer in ended if layer in layers]
        return changes

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


def _require_findings(case: Case, judgement: Judgement | None) -> None:
    found = None if judgement is None else judgement.findings
    if case.kind in OF_MODELS and not (found or "").strip():
        raise NoFindings("say what you found: --findings; no model is approved or rejected without")
