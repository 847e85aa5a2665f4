"""The routes that need a store: events, tiers in force, cases, decisions and strategies."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from features.declaration import known_names
from features.terms import Tier
from serving.access.gate import Gate
from serving.access.roles import Actor
from serving.body import read_body
from serving.confidential.keyring import KeyringError
from serving.event_request import EventRequest
from serving.notices.background import NoticeThread
from serving.notices.endpoints import take_particulars
from serving.notices.feedback import objections_in
from serving.notices.feedback_routes import FeedbackDesk
from serving.notices.outbox import Outbox
from serving.notices.requests import ParticularsRequest
from serving.procedure import Procedure
from serving.promotion.aliases import follow
from serving.promotion.gate import summary_of
from serving.refusal import Refusal
from serving.request_fields import Nothing, fields
from serving.reviews.adoptions import NotAdopted, require_procedure, require_served
from serving.reviews.alarms import AlarmDesk, alarm_of
from serving.reviews.case_origin import events_in, hold_of
from serving.reviews.cases import (
    OF_MODELS,
    Case,
    CaseError,
    CaseKind,
    CaseReason,
    CaseState,
    Judgement,
    NotAllowed,
    Override,
    UnknownCase,
    items_of,
    load_case,
    open_cases,
)
from serving.reviews.differences import differences
from serving.reviews.events import EventConflict, EventDesk, EventError, UnknownEventCustomer
from serving.reviews.governance import governed_by
from serving.reviews.office import Office
from serving.reviews.proposals import newest_decision
from serving.reviews.replay import Replayer, UnknownDecision
from serving.reviews.requests import (
    AnswerRequest,
    ApproveRequest,
    CustomerRequest,
    JudgementRequest,
    ProposeRequest,
    QuestionRequest,
    RejectRequest,
)
from serving.reviews.standings import standing_of
from serving.reviews.subjects import proposed_changes
from serving.route import NAMES, Route
from serving.served import Served
from serving.store.customers import UnknownCustomer, customer_of, id_of
from serving.store.database import StoreError, Unreachable
from serving.store.store import Store
from serving.strategies.endpoints import STRATEGY_ROUTES, StrategyEndpoints, in_languages
from serving.strategies.upkeep import Upkeep
from serving.strict_json import refuse_unkept
from serving.supervision.endpoints import SUPERVISION

logger = logging.getLogger("tierwise.serving")

Json = dict[str, Any]
# Of the open cases so many are shown at once.
MOST_CASES = 500


class Operations:
    """The endpoints; each runs in one thread of its own, for the store answers no sooner to more."""

    def __init__(
        self, store: Store, served: Served, procedure: Procedure, gate: Gate, *, notify: bool = False
    ) -> None:
        self._store, self._procedure, self._gate = store, procedure, gate
        self._served = served
        self._office = Office(store, procedure)
        self._desk = EventDesk(self._office, served)
        self._alarms = AlarmDesk(store, procedure)
        self._replayer = Replayer(store)
        self._strategies = StrategyEndpoints(store, procedure)
        self._upkeep = Upkeep(store, procedure)
        self._feedback = FeedbackDesk(self._office)
        self._notices = NoticeThread(Outbox(store, procedure)) if notify else None
        self._thread, self._door = ThreadPoolExecutor(1, "store"), ThreadPoolExecutor(2, "gate")
        self._registry = ThreadPoolExecutor(1, "registry")

    def start(self) -> None:
        """Begin to send notices, if this service is to."""
        if self._notices is not None:
            self._notices.start()

    @property
    def store(self) -> Store:
        """The store, for routes whose endpoints stand elsewhere."""
        return self._store

    @property
    def procedure(self) -> Procedure:
        """The procedure that is worked by."""
        return self._procedure

    def close(self) -> None:
        """Finish what was begun."""
        if self._notices is not None:
            self._notices.stop()
        self._thread.shutdown()
        self._door.shutdown()
        self._registry.shutdown()
        self._store.close()

    async def admit(self, request: Request, method: str, path: str) -> Actor | None:
        """Return who calls a route; see `Gate.admit`."""
        # Beside the store's thread, so that nobody waits for a writer to be let in.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._door, self._gate.admit, request, method, path)

    async def answer(self, request: Request, method: str, path: str) -> bytes:
        """Answer one request to one of ROUTES.

        Raises:
            Refusal: 401 or 403 for a caller who may not, else with the status that the reason has.
        """
        actor = await self.admit(request, method, path)
        if actor is None:
            raise Refusal(401, "this route is for known callers", "authorization")
        work = partial(ROUTES[method, path], self)
        parts: Json = dict(request.path_params)
        body: Json = dict(request.query_params)
        refuse_unkept(parts, "path")
        refuse_unkept(body, "body")
        if request.method == "POST":
            body = fields(await read_body(request))
        document = await self._in_thread(lambda: _refusing(lambda: work(actor, parts, body)))
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()

    async def not_ready(self) -> str | None:
        """Return why what is asked would not be done: what is adopted is another than this, or no store."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._door, self._outdated)

    def _outdated(self) -> str | None:
        at = self._store.clock()
        try:
            with self._store.reading() as connection:
                require_procedure(connection, self._procedure, at)
                require_served(connection, self._served, at)
        except NotAdopted:
            return (
                "another procedure, or another catalog, policy or model, was adopted than this service was "
                "started with; start it again"
            )
        except StoreError as error:
            return str(error)
        return None

    async def hear(self, request: Request) -> Response:
        """Answer the bearer of a customer's link; see `FeedbackDesk.hear`."""
        try:
            return await self._feedback.hear(request, self._in_thread)
        except (KeyringError, StoreError):
            raise Refusal(503, "this cannot be answered just now; try again later", "service") from None

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def keep_up(self) -> None:
        """Do what time brings about, at once and then every few minutes, until cancelled.

        It goes through the thread of the requests part by part, so that none waits for more than one.
        """
        while True:
            try:
                while await self._in_thread(self._upkeep.next_part) is not None:
                    pass
            except Exception as error:
                # What failed is tried again with the next round; its text might hold a customer's value.
                logger.error("upkeep: %s; tried again later", type(error).__name__)
            await asyncio.sleep(60 * self._procedure.strategies.upkeep_minutes)

    # The endpoints

    def _event(self, actor: Actor, parts: Json, told: EventRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            taken = self._desk.take(writing, actor, told.event())
        return {
            "event": taken.event, "repeated": taken.repeated, "tier": _name(taken.tier),
            "decision": taken.decision, "case": taken.case,
        }  # fmt: skip

    def _tier(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        at = self._store.clock()
        with self._store.reading() as connection:
            customer = self._customer(connection, parts["customer_id"])
            standing = standing_of(connection, customer, at)
            governed = governed_by(connection, standing)
        return {
            "customer_id": parts["customer_id"],
            "tier": _name(standing.tier),
            "tier_kind": "in_force",
            "layers": [
                {
                    "layer": str(of.layer), "tier": str(of.tier), "valid_from": _moment(of.valid_from),
                    "expires_at": _moment(of.expires_at), "reason": of.reason, "decision": of.decision,
                    "case": of.case,
                }
                for of in standing.layers.values()
            ],
            "as_of": governed and governed.as_of,
            "model_version": governed and governed.model_version,
            "policy_hash": governed and governed.policy_hash,
            "catalog_hash": governed and governed.catalog_hash,
            "approved_by": list(governed.approvers) if governed else [],
            "strategies": {
                of.id: in_languages(of.names) for of in self._procedure.strategies.of(standing.tier)
            },
            "model_approved_by": list(governed.model_approvers) if governed else [],
            "procedure_hash": governed and governed.procedure_hash,
            "procedure_approved_by": list(governed.procedure_approvers) if governed else [],
        }  # fmt: skip

    def _particulars(self, actor: Actor, parts: Json, told: ParticularsRequest) -> Json:
        return take_particulars(self._office, actor, parts["customer_id"], told)

    def _cases(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        with self._store.reading() as connection:
            waiting = open_cases(connection)
            shown = [self._shown(connection, case) for case in waiting[:MOST_CASES]]
        return {"open": len(waiting), "cases": shown}

    def _open(self, actor: Actor, parts: Json, given: CustomerRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            customer = self._customer(writing.connection, given.customer_id)
            decision = newest_decision(writing.connection, customer)
            case = self._office.open(
                writing, actor, customer, CaseReason.REQUEST, decision, because=given.because
            )
            if case.opened_at != writing.at:
                writing.record("case.found", case.id, {})
            return self._shown(writing.connection, case)

    def _case(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        at = self._store.clock()
        with self._store.reading() as connection:
            case = load_case(connection, parts["case"])
            shown = self._shown(connection, case)
            shown["proposed_because"] = self._office.justification(connection, case)
            if case.kind is CaseKind.LIST:
                shown["customers"] = [
                    {
                        "customer_id": id_of(connection, self._store.keyring, of.customer),
                        "decision": of.decision, "old_tier": _name(of.old_tier),
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
                        "received_at": _moment(of.received_at), "reported_by": of.reported_by,
                        "remark": of.remark,
                    }
                    for of in events_in(connection, self._store.keyring, self._procedure, case)
                ]  # fmt: skip
                shown["hold"] = hold and {
                    "tier": str(hold.tier),
                    "since": _moment(hold.valid_from),
                    "reason": hold.reason,
                }
                shown["objections"] = [
                    {"at": _moment(of.at), "outcome": str(of.outcome), "text": of.text}
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
                    "act": str(of.act), "by": of.actor, "at": _moment(of.at), "version": of.version,
                    "because": of.because, "findings": of.judgement.findings,
                    "conditions": of.judgement.conditions,
                }
                for of in self._office.judged(connection, case)
            ]  # fmt: skip
        return shown

    def _request(self, actor: Actor, parts: Json, given: QuestionRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            id_ = self._office.request(writing, actor, parts["case"], given.department, given.question)
        return {"request": id_}

    def _answer(self, actor: Actor, parts: Json, given: AnswerRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            self._office.answer(writing, actor, parts["request"], given.text, complete=given.complete)
        return {"request": parts["request"], "answered": True}

    def _propose(self, actor: Actor, parts: Json, given: ProposeRequest) -> Json:
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

    def _pull_out(self, actor: Actor, parts: Json, given: CustomerRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            customer = self._customer(writing.connection, given.customer_id)
            case = self._office.pull_out(writing, actor, parts["case"], customer, given.because)
            return self._shown(writing.connection, case)

    def _approve(self, actor: Actor, parts: Json, given: ApproveRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            case, changes = self._office.approve(
                writing, actor, parts["case"], given.version, _judgement(given)
            )
            shown = {**self._shown(writing.connection, case), "changes": len(changes)}
        if case.kind in OF_MODELS and case.state is CaseState.EFFECTIVE:
            # Beside the store's thread, for loading MLflow takes seconds.
            self._registry.submit(self._move_aliases, actor.name)
        return shown

    def _move_aliases(self, actor: str) -> None:
        try:
            follow(self._store, actor)
        except Exception as error:
            logger.error(
                "registry: aliases were not moved (%s); run `tierwise audit aliases --repair`",
                type(error).__name__,
            )

    def _reject(self, actor: Actor, parts: Json, given: RejectRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            case = self._office.reject(
                writing, actor, parts["case"], given.version, given.because, _judgement(given)
            )
            return self._shown(writing.connection, case)

    def _withdraw(self, actor: Actor, parts: Json, given: Nothing) -> Json:
        with self._store.writing(actor.name) as writing:
            return self._shown(writing.connection, self._office.withdraw(writing, actor, parts["case"]))

    def _decision(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        replayed = self._replayer.replay(parts["decision"])
        return {
            "decision": replayed.decision,
            "reproduced": replayed.reproduced,
            "justification": replayed.justification,
        }

    def _customer(self, connection: Connection, customer_id: str) -> str:
        return customer_of(connection, self._store.keyring, customer_id).id

    def _shown(self, connection: Connection, case: Case) -> Json:
        return {
            "case": case.id, "kind": str(case.kind), "reason": str(case.reason), "state": str(case.state),
            "version": case.version, "run": case.run, "decision": case.decision,
            "customer_id": case.customer and id_of(connection, self._store.keyring, case.customer),
            "old_tier": _name(case.old_tier), "proposed_tier": _name(case.proposed_tier),
            "override": case.override and {
                "reason": case.override.reason, "until": _moment(case.override.until),
            },
            "subject": case.subject, "approvals_needed": case.needed, "opened_at": _moment(case.opened_at),
            "due_at": _moment(case.due_at),
        }  # fmt: skip


def _of_strategies(route: Route) -> Route:
    endpoint = route.endpoint
    return replace(
        route,
        endpoint=lambda operations, actor, parts, asked: endpoint(
            operations._strategies, actor, parts, asked
        ),
    )


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
_STANDING: Mapping[str, Any] = {
    "customer_id": "text", "tier": "text?", "tier_kind": "text",
    "layers": [
        {"layer": "text", "tier": "text", "valid_from": "moment", "expires_at": "moment?", "reason": "text?",
         "decision": "text?", "case": "text?"}
    ],
    "as_of": "day?", "model_version": "text?", "policy_hash": "text?", "catalog_hash": "text?",
    "approved_by": ["text"], "strategies": "object", "model_approved_by": ["text"],
    "procedure_hash": "text?", "procedure_approved_by": ["text"],
}  # fmt: skip

ROUTES: Mapping[tuple[str, str], Route] = {
    ("POST", "/v1/events"): Route(
        Operations._event,
        "Take a material event: the customer is evaluated at once, and held at risk where it is adverse",
        {"event": "text", "repeated": "flag", "tier": "text?", "decision": "text?", "case": "text?"},
        EventRequest,
    ),
    ("GET", "/v1/customers/{customer_id}/tier"): Route(
        Operations._tier, "The tier in force, and what and who governs it", _STANDING
    ),
    ("POST", "/v1/customers/{customer_id}/particulars"): Route(
        Operations._particulars,
        "Say how a customer is written to",
        {"customer_id": "text", "set": ["text"]},
        ParticularsRequest,
    ),
    ("GET", "/v1/cases"): Route(
        Operations._cases, f"The open cases, up to {MOST_CASES}", {"open": "count", "cases": [_CASE]}
    ),
    ("POST", "/v1/cases"): Route(
        Operations._open, "Open a case on a customer, or find the one that is open", _CASE, CustomerRequest
    ),
    ("GET", "/v1/cases/{case}"): Route(
        Operations._case, "A case with all that is needed to judge it", _WHOLE_CASE
    ),
    ("POST", "/v1/cases/{case}/requests"): Route(
        Operations._request, "Ask a department for facts", {"request": "text"}, QuestionRequest
    ),
    ("POST", "/v1/requests/{request}/answer"): Route(
        Operations._answer,
        "Record a department's answer",
        {"request": "text", "answered": "flag"},
        AnswerRequest,
    ),
    ("POST", "/v1/cases/{case}/propose"): Route(
        Operations._propose,
        "Propose a tier on the newest decision, or what to do about an alarm",
        _CASE,
        ProposeRequest,
    ),
    ("POST", "/v1/cases/{case}/pull-out"): Route(
        Operations._pull_out,
        "Take one customer out of a list, with a case of its own, which is answered",
        _CASE,
        CustomerRequest,
    ),
    ("POST", "/v1/cases/{case}/approve"): Route(
        Operations._approve,
        "Approve a proposal; with the last approval that it needs it takes effect",
        {**_CASE, "changes": "count"},
        ApproveRequest,
    ),
    ("POST", "/v1/cases/{case}/reject"): Route(Operations._reject, "Reject a proposal", _CASE, RejectRequest),
    ("POST", "/v1/cases/{case}/withdraw"): Route(Operations._withdraw, "Withdraw one's own proposal", _CASE),
    ("GET", "/v1/decisions/{decision}"): Route(
        Operations._decision,
        "A decision as it was kept, computed again from its inputs",
        {"decision": "text", "reproduced": "flag", "justification": "object"},
    ),
    **{key: _of_strategies(route) for key, route in STRATEGY_ROUTES.items()},
    **SUPERVISION,
}
"""What answers each route: from the operations, the caller, the path's parts and the body or query."""


def _refusing(work: Callable[[], Json]) -> Json:
    """Turn the reasons for which something is not done into refusals."""
    try:
        return work()
    except NotAllowed as error:
        raise Refusal(403, str(error), "case") from None
    except UnknownCase as error:
        raise Refusal(404, str(error), "path") from None
    except CaseError as error:
        raise Refusal(409, str(error), "case") from None
    except EventConflict as error:
        raise Refusal(409, error.reason, error.field) from None
    except UnknownEventCustomer as error:
        raise Refusal(404, error.reason, error.field) from None
    except EventError as error:
        raise Refusal(422, error.reason, error.field) from None
    except (UnknownCustomer, UnknownDecision) as error:
        raise Refusal(404, str(error), "path") from None
    except KeyringError:
        raise Refusal(503, "the keyring was renewed; the service must be restarted", "service") from None
    except Unreachable as error:
        logger.error("%s", error)
        raise Refusal(503, "the store cannot be reached; try again later", "service") from None
    except StoreError as error:
        raise Refusal(503, str(error), "service") from None


def _judgement(given: JudgementRequest) -> Judgement:
    return Judgement(given.findings, given.conditions)


def _name(tier: Tier | None) -> str | None:
    return None if tier is None else str(tier)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
