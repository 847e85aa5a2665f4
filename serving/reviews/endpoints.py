"""The endpoints of the routes for cases: what waits, what is proposed, who judges it."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from features.declaration import known_names
from serving.access.roles import Actor
from serving.json_values import moment_of, name_of
from serving.notices.feedback import objections_in
from serving.promotion.gate import summary_of
from serving.refusal import Refusal
from serving.request_fields import Nothing
from serving.reviews.alarms import AlarmDesk, alarm_of
from serving.reviews.case_origin import events_in, hold_of
from serving.reviews.cases import (
    OF_MODELS,
    Case,
    CaseKind,
    CaseReason,
    CaseState,
    Judgement,
    Override,
    items_of,
    load_case,
    open_cases,
)
from serving.reviews.differences import differences
from serving.reviews.office import Office
from serving.reviews.proposals import newest_decision
from serving.reviews.requests import (
    AnswerRequest,
    ApproveRequest,
    CustomerRequest,
    JudgementRequest,
    ProposeRequest,
    QuestionRequest,
    RejectRequest,
)
from serving.reviews.subjects import proposed_changes
from serving.route import NAMES, Route
from serving.store.customers import customer_of, id_of
from serving.strategies.endpoints import in_languages

Json = dict[str, Any]
# Of the open cases so many are shown at once.
MOST_CASES = 500


class CaseEndpoints:
    """The endpoints, from the caller, the path's parts and body or query to the answer."""

    def __init__(self, office: Office, adopted: Callable[[str], None]) -> None:
        """Take the office, and what is to be called with an actor's name when a model was adopted."""
        self._store, self._procedure, self._office = office.store, office.procedure, office
        self._alarms, self._adopted = AlarmDesk(office.store, office.procedure), adopted

    def cases(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        with self._store.reading() as connection:
            waiting = open_cases(connection)
            shown = [self._shown(connection, case) for case in waiting[:MOST_CASES]]
        return {"open": len(waiting), "cases": shown}

    def open(self, actor: Actor, parts: Json, given: CustomerRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            customer = self._customer(writing.connection, given.customer_id)
            decision = newest_decision(writing.connection, customer)
            case = self._office.open(
                writing, actor, customer, CaseReason.REQUEST, decision, because=given.because
            )
            if case.opened_at != writing.at:
                writing.record("case.found", case.id, {})
            return self._shown(writing.connection, case)

    def case(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        at = self._store.clock()
        with self._store.reading() as connection:
            case = load_case(connection, parts["case"])
            shown = self._shown(connection, case)
            shown["proposed_because"] = self._office.justification(connection, case)
            if case.kind is CaseKind.LIST:
                shown["customers"] = [
                    {
                        "customer_id": id_of(connection, self._store.keyring, of.customer),
                        "decision": of.decision, "old_tier": name_of(of.old_tier),
                        "proposed_tier": str(of.proposed_tier), "pulled_out": of.pulled_out,
                    }
                    for of in items_of(connection, case.id)
                ]  # fmt: skip
            elif case.kind is CaseKind.MONITORING:
                alarm = alarm_of(connection, case)
                shown["alarm"] = {
                    "names": alarm.names, "subject": alarm.subject, "results": alarm.results,
                    "remedy": shown["proposed_because"],
                }  # fmt: skip
            elif case.subject is not None:
                shown["proposes"] = [
                    {"place": of.place, "before": of.before, "after": of.after}
                    for of in proposed_changes(connection, case)
                ]
                if case.kind in OF_MODELS:
                    shown["reviews"] = summary_of(connection, case.subject)
            elif case.customer is not None:
                hold = hold_of(connection, case, at)
                shown["events"] = [
                    {
                        "event": of.id, "type": of.type, "names": of.names and in_languages(of.names),
                        "severity": of.severity, "occurred_on": of.occurred_on.isoformat(),
                        "received_at": moment_of(of.received_at), "reported_by": of.reported_by,
                        "remark": of.remark,
                    }
                    for of in events_in(connection, self._store.keyring, self._procedure, case)
                ]  # fmt: skip
                shown["hold"] = hold and {
                    "tier": str(hold.tier),
                    "since": moment_of(hold.valid_from),
                    "reason": hold.reason,
                }
                shown["objections"] = [
                    {"at": moment_of(of.at), "outcome": str(of.outcome), "text": of.text}
                    for of in objections_in(connection, self._store.keyring, case.id)
                ]
                shown["newest_decision"] = newest_decision(connection, case.customer)
                shown["changed"] = [
                    {"indicator": of.indicator, "before": of.before, "now": of.after, "change": of.change}
                    for of in differences(connection, self._store.keyring, case.customer, at)
                ]
            opened = self._office.opened(connection, case)
            shown["opened_by"], shown["opened_because"] = opened.actor, opened.because
            shown["judged"] = [
                {
                    "act": str(of.act), "by": of.actor, "at": moment_of(of.at), "version": of.version,
                    "because": of.because, "findings": of.judgement.findings,
                    "conditions": of.judgement.conditions,
                }
                for of in self._office.judged(connection, case)
            ]  # fmt: skip
        return shown

    def request(self, actor: Actor, parts: Json, given: QuestionRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            id_ = self._office.request(writing, actor, parts["case"], given.department, given.question)
        return {"request": id_}

    def answer(self, actor: Actor, parts: Json, given: AnswerRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            self._office.answer(writing, actor, parts["request"], given.text, complete=given.complete)
        return {"request": parts["request"], "answered": True}

    def propose(self, actor: Actor, parts: Json, given: ProposeRequest) -> Json:
        if given.tier is None or given.decision is None:
            return self._propose_remedy(actor, parts["case"], given)
        with self._store.writing(actor.name) as writing:
            override = None
            if given.override is not None:
                days = self._procedure.override_days if given.days is None else given.days
                if not 1 <= days <= self._procedure.override_days:
                    raise Refusal(422, f"must be 1 to {self._procedure.override_days}", "days")
                override = Override(given.override, writing.at + timedelta(days=days))
            case = self._office.propose(
                writing, actor, parts["case"], given.tier, given.because,
                decision=given.decision, override=override,
            )  # fmt: skip
            return self._shown(writing.connection, case)

    def _propose_remedy(self, actor: Actor, case: str, given: ProposeRequest) -> Json:
        """Propose what to do about an alarm, which is about no tier."""
        with self._store.writing(actor.name) as writing:
            about_alarm = load_case(writing.connection, case).kind is CaseKind.MONITORING
            if not about_alarm or given.tier is not None or given.decision is not None:
                field = "tier" if given.tier is None else "decision"
                raise Refusal(422, f"is absent; wanted: {', '.join(known_names(ProposeRequest))}", field)
            proposed = self._alarms.propose(writing, actor, case, given.because)
            return self._shown(writing.connection, proposed)

    def pull_out(self, actor: Actor, parts: Json, given: CustomerRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            customer = self._customer(writing.connection, given.customer_id)
            case = self._office.pull_out(writing, actor, parts["case"], customer, given.because)
            return self._shown(writing.connection, case)

    def approve(self, actor: Actor, parts: Json, given: ApproveRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            case, changes = self._office.approve(
                writing, actor, parts["case"], given.version, _judgement(given)
            )
            shown = {**self._shown(writing.connection, case), "changes": len(changes)}
        if case.kind in OF_MODELS and case.state is CaseState.EFFECTIVE:
            self._adopted(actor.name)
        return shown

    def reject(self, actor: Actor, parts: Json, given: RejectRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            case = self._office.reject(
                writing, actor, parts["case"], given.version, given.because, _judgement(given)
            )
            return self._shown(writing.connection, case)

    def withdraw(self, actor: Actor, parts: Json, given: Nothing) -> Json:
        with self._store.writing(actor.name) as writing:
            return self._shown(writing.connection, self._office.withdraw(writing, actor, parts["case"]))

    def _customer(self, connection: Connection, customer_id: str) -> str:
        return customer_of(connection, self._store.keyring, customer_id).id

    def _shown(self, connection: Connection, case: Case) -> Json:
        return {
            "case": case.id, "kind": str(case.kind), "reason": str(case.reason), "state": str(case.state),
            "version": case.version, "run": case.run, "decision": case.decision,
            "customer_id": case.customer and id_of(connection, self._store.keyring, case.customer),
            "old_tier": name_of(case.old_tier), "proposed_tier": name_of(case.proposed_tier),
            "override": case.override and {
                "reason": case.override.reason, "until": moment_of(case.override.until),
            },
            "subject": case.subject, "approvals_needed": case.needed, "opened_at": moment_of(case.opened_at),
            "due_at": moment_of(case.due_at),
        }  # fmt: skip


def _judgement(given: JudgementRequest) -> Judgement:
    return Judgement(given.findings, given.conditions)


_CASE: Mapping[str, Any] = {
    "case": "text", "kind": "text", "reason": "text", "state": "text", "version": "count", "run": "text?",
    "decision": "text?", "customer_id": "text?", "old_tier": "text?", "proposed_tier": "text?",
    "override": "object?", "subject": "text?", "approvals_needed": "count", "opened_at": "moment",
    "due_at": "moment",
}  # fmt: skip
_JUDGED = {
    "act": "text", "by": "text", "at": "moment", "version": "count", "because": "text?", "findings": "text?",
    "conditions": "text?",
}  # fmt: skip
_WHOLE_CASE: Mapping[str, Any] = {
    **_CASE,
    "opened_by": "text", "opened_because": "text?", "proposed_because": "text?",
    "judged": [_JUDGED],
    # Of a list, of an alarm, of what governs, and of one customer.
    "customers?": [
        {"customer_id": "text", "decision": "text", "old_tier": "text?", "proposed_tier": "text",
         "pulled_out": "flag"}
    ],
    "alarm?": {"names": NAMES, "subject": "object", "results": ["object"], "remedy": "text?"},
    "proposes?": [{"place": "text", "before": "any", "after": "any"}],
    "reviews?": "any",
    "events?": [
        {"event": "text", "type": "text", "names": "object?", "severity": "text", "occurred_on": "day",
         "received_at": "moment", "reported_by": "text", "remark": "text?"}
    ],
    "hold?": "object?",
    "objections?": [{"at": "moment", "outcome": "text", "text": "text?"}],
    "newest_decision?": "text?",
    "changed?": [{"indicator": "text", "before": "number", "now": "number", "change": "number"}],
}  # fmt: skip

CASE_ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/v1/cases"): Route(
        CaseEndpoints.cases, f"The open cases, up to {MOST_CASES}", {"open": "count", "cases": [_CASE]}
    ),
    ("POST", "/v1/cases"): Route(
        CaseEndpoints.open, "Open a case on a customer, or find the one that is open", _CASE, CustomerRequest
    ),
    ("GET", "/v1/cases/{case}"): Route(
        CaseEndpoints.case, "A case with all that is needed to judge it", _WHOLE_CASE
    ),
    ("POST", "/v1/cases/{case}/requests"): Route(
        CaseEndpoints.request, "Ask a department for facts", {"request": "text"}, QuestionRequest
    ),
    ("POST", "/v1/requests/{request}/answer"): Route(
        CaseEndpoints.answer,
        "Record a department's answer",
        {"request": "text", "answered": "flag"},
        AnswerRequest,
    ),
    ("POST", "/v1/cases/{case}/propose"): Route(
        CaseEndpoints.propose,
        "Propose a tier on the newest decision, or what to do about an alarm",
        _CASE,
        ProposeRequest,
    ),
    ("POST", "/v1/cases/{case}/pull-out"): Route(
        CaseEndpoints.pull_out,
        "Take one customer out of a list, with a case of its own, which is answered",
        _CASE,
        CustomerRequest,
    ),
    ("POST", "/v1/cases/{case}/approve"): Route(
        CaseEndpoints.approve,
        "Approve a proposal; with the last approval that it needs it takes effect",
        {**_CASE, "changes": "count"},
        ApproveRequest,
    ),
    ("POST", "/v1/cases/{case}/reject"): Route(
        CaseEndpoints.reject, "Reject a proposal", _CASE, RejectRequest
    ),
    ("POST", "/v1/cases/{case}/withdraw"): Route(
        CaseEndpoints.withdraw, "Withdraw one's own proposal", _CASE
    ),
}
"""What answers each route: from the endpoints, the caller, the path's parts and the body or query."""
