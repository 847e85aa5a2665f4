"""The endpoints of the routes for tasks, lists, limits and overdue items."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from features.terms import Text
from serving.access.roles import Actor
from serving.days import end_of
from serving.procedure import Procedure
from serving.refusal import Refusal
from serving.request_fields import Nothing
from serving.route import Route
from serving.store.customers import KnownCustomer, UnknownCustomer, customer_of, id_of, ids_of
from serving.store.store import Store
from serving.strategies.collection import ItemError, Reported, owed_items, report_items
from serving.strategies.exposure import EXPLANATIONS, Verdict, check_order, checks_of
from serving.strategies.following import UnknownList, count_on_list, list_entry, on_list, require_list
from serving.strategies.requests import (
    DoneRequest,
    ListQuery,
    OrderRequest,
    OverdueRequest,
    PageQuery,
    TasksQuery,
)
from serving.strategies.tasks import (
    Task,
    TaskError,
    UnknownTask,
    complete,
    count_open,
    evidence_of,
    load_task,
    open_tasks,
    tasks_for,
)

Json = dict[str, Any]
# Of tasks, list entries and checks so many are shown at once; of the first two the rest by `after`.
MOST_SHOWN = 500


class StrategyEndpoints:
    """The endpoints, from the caller, the path's parts and body or query to the answer."""

    def __init__(self, store: Store, procedure: Procedure) -> None:
        self._store, self._procedure, self._plan = store, procedure, procedure.strategies

    def tasks(self, actor: Actor, parts: Json, asked: TasksQuery) -> Json:
        at = self._store.clock()
        only = at if asked.overdue == "true" else None
        with self._store.reading() as connection:
            after = _page_after(connection, asked.after)
            found = open_tasks(
                connection, owner=asked.owner, overdue_at=only, after=after, most=MOST_SHOWN + 1
            )
            return {
                "open": count_open(connection, owner=asked.owner),
                "overdue": count_open(connection, owner=asked.owner, overdue_at=at),
                **self._page(connection, found, at),
            }

    def task(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        at = self._store.clock()
        with self._store.reading() as connection:
            task = _refusing(lambda: load_task(connection, parts["task"]))
            try:
                evidence = evidence_of(connection, self._store.keyring, task)
            except UnknownCustomer:
                evidence = None
            return {**self._shown_one(connection, task, at), "evidence": evidence}

    def done(self, actor: Actor, parts: Json, told: DoneRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            task = _refusing(
                lambda: complete(
                    writing, actor, self._store.keyring, self._procedure, parts["task"],
                    evidence=told.evidence, kpi_value=told.kpi, person=told.person,
                )
            )  # fmt: skip
            return self._shown_one(writing.connection, task, writing.at)

    def of_customer(self, actor: Actor, parts: Json, asked: PageQuery) -> Json:
        at = self._store.clock()
        with self._store.reading() as connection:
            known = self._customer(connection, parts)
            after = _page_after(connection, asked.after)
            found = tasks_for(connection, known.id, MOST_SHOWN + 1, after=after)
            return self._page(connection, found, at)

    def listed(self, actor: Actor, parts: Json, asked: ListQuery) -> Json:
        name, at = parts["list"], self._store.clock()
        if asked.on is not None:
            at = end_of(asked.on)
        with self._store.reading() as connection:
            try:
                require_list(connection, self._plan, name)
            except UnknownList as error:
                raise Refusal(404, str(error), "path") from None
            after = None
            if asked.after is not None and (after := list_entry(connection, name, asked.after)) is None:
                raise _no_place()
            found = on_list(connection, name, at, after=after, most=MOST_SHOWN + 1)
            shown = found[:MOST_SHOWN]
            ids = ids_of(connection, self._store.keyring, (of.customer for of in shown))
            return {
                "list": name,
                "at": at.isoformat(),
                "listed": count_on_list(connection, name, at),
                "customers": [
                    {"customer_id": ids[of.customer], "since": of.since.isoformat()} for of in shown
                ],
                "next": shown[-1].change if len(found) > MOST_SHOWN else None,
            }

    def limit_check(self, actor: Actor, parts: Json, asked: OrderRequest) -> Json:
        order = asked.order()
        with self._store.writing(actor.name) as writing:
            known = self._customer(writing.connection, parts)
            return _shown_verdict(check_order(writing, actor, self._procedure, known, order))

    def limit_checks(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        with self._store.reading() as connection:
            known = self._customer(connection, parts)
            return {"checks": [_shown_verdict(of) for of in checks_of(connection, known, MOST_SHOWN)]}

    def report_overdue(self, actor: Actor, parts: Json, told: OverdueRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            known = self._customer(writing.connection, parts)
            try:
                became = report_items(writing, actor, known, [item.item() for item in told.items])
            except ItemError as error:
                raise Refusal(422, error.reason, f"items.{error.field}") from None
            return {"items": len(told.items), **{str(what): became[what] for what in Reported}}

    def overdue(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        today = self._store.clock().date()
        with self._store.reading() as connection:
            found = owed_items(connection, self._customer(connection, parts))
        return {
            "items": [
                {
                    "item_id": of.item_id, "amount": str(of.amount), "currency": of.currency,
                    "due_on": of.due_on.isoformat(), "days_overdue": max((today - of.due_on).days, 0),
                }
                for of in found
            ]
        }  # fmt: skip

    def _customer(self, connection: Connection, parts: Json) -> KnownCustomer:
        return customer_of(connection, self._store.keyring, parts["customer_id"])

    def _page(self, connection: Connection, found: Sequence[Task], at: datetime) -> Json:
        """Return tasks as they are shown, and after which the next page begins if there is one."""
        shown = found[:MOST_SHOWN]
        ids = ids_of(connection, self._store.keyring, (task.customer for task in shown))
        return {
            "tasks": [self._shown(task, ids[task.customer], at) for task in shown],
            "next": shown[-1].id if len(found) > MOST_SHOWN else None,
        }

    def _shown_one(self, connection: Connection, task: Task, at: datetime) -> Json:
        return self._shown(task, id_of(connection, self._store.keyring, task.customer), at)

    def _shown(self, task: Task, customer_id: str, at: datetime) -> Json:
        return {
            "task": task.id, "strategy": task.strategy, "names": self._names(task),
            "customer_id": customer_id,
            "tier": task.tier and str(task.tier), "occurrence": task.occurrence,
            "department": task.department, "person": task.person, "kpi": task.kpi,
            "kpi_value": task.kpi_value, "opened_at": task.opened_at.isoformat(),
            "due_at": task.due_at.isoformat(), "overdue": task.overdue(at), "state": str(task.state),
            "closed_at": None if task.closed_at is None else task.closed_at.isoformat(),
            "closed_by": task.closed_by,
        }  # fmt: skip

    def _names(self, task: Task) -> Json | None:
        """Return what a task is called, by language; None of one that the procedure has no more."""
        if task.tier is None:
            found = [stage.names for stage in self._plan.collection if stage.id == task.strategy]
            return in_languages(found[0]) if found else None
        strategy = self._plan.strategy(task.tier, task.strategy)
        return None if strategy is None else in_languages(strategy.names)


_TASK: Mapping[str, Any] = {
    "task": "text", "strategy": "text", "names": "object?", "customer_id": "text", "tier": "text?",
    "occurrence": "count", "department": "text", "person": "text?", "kpi": "text", "kpi_value": "number?",
    "opened_at": "moment", "due_at": "moment", "overdue": "flag", "state": "text", "closed_at": "moment?",
    "closed_by": "text?",
}  # fmt: skip
_CHECK: Mapping[str, Any] = {
    "check": "text", "at": "moment", "allowed": "flag", "reason": "text?", "explanation": "text?",
    "tier": "text?", "layer": "text?",
    "order": {"amount": "text", "currency": "text", "form": "text", "credit_days": "count?",
              "outstanding": "text", "exposure": "text"},
    "limit": {"cap": "text?", "currency": "text", "forms": ["text"], "credit_days": "count?"},
}  # fmt: skip
_PAGE: Mapping[str, Any] = {"tasks": [_TASK], "next": "text?"}

STRATEGY_ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/v1/tasks"): Route(
        StrategyEndpoints.tasks,
        f"What is to be done, the most urgent first, {MOST_SHOWN} at once",
        {"open": "count", "overdue": "count", **_PAGE},
        TasksQuery,
    ),
    ("GET", "/v1/tasks/{task}"): Route(
        StrategyEndpoints.task, "A task with its evidence", {**_TASK, "evidence": "text?"}
    ),
    ("POST", "/v1/tasks/{task}/done"): Route(
        StrategyEndpoints.done, "Say that a task is done, and by what that is seen", _TASK, DoneRequest
    ),
    ("GET", "/v1/lists/{list}"): Route(
        StrategyEndpoints.listed,
        f"Who stands on a list, {MOST_SHOWN} at once; nobody on one that there is not",
        {"list": "text", "at": "moment", "listed": "count",
         "customers": [{"customer_id": "text", "since": "moment"}], "next": "text?"},
        ListQuery,
    ),
    ("GET", "/v1/customers/{customer_id}/tasks"): Route(
        StrategyEndpoints.of_customer, "A customer's tasks", _PAGE, PageQuery
    ),
    ("POST", "/v1/customers/{customer_id}/limit-check"): Route(
        StrategyEndpoints.limit_check,
        "Whether an order is within the limits of the tier that counts",
        _CHECK,
        OrderRequest,
    ),
    ("GET", "/v1/customers/{customer_id}/limit-checks"): Route(
        StrategyEndpoints.limit_checks, "What was answered to a customer's orders", {"checks": [_CHECK]}
    ),
    ("POST", "/v1/customers/{customer_id}/overdue"): Route(
        StrategyEndpoints.report_overdue,
        "Report overdue items and their payment; how many became what",
        {"items": "count", **{str(what): "count" for what in Reported}},
        OverdueRequest,
    ),
    ("GET", "/v1/customers/{customer_id}/overdue"): Route(
        StrategyEndpoints.overdue,
        "What a customer owes",
        {"items": [{"item_id": "text", "amount": "text", "currency": "text", "due_on": "day",
                    "days_overdue": "count"}]},
    ),
}  # fmt: skip
"""The routes, by method and path."""


def in_languages(text: Text) -> Json:
    """Return a text by language."""
    return text.model_dump(mode="json", by_alias=True)


def _shown_verdict(verdict: Verdict) -> Json:
    order, limit = verdict.order, verdict.limit
    return {
        "check": verdict.check, "at": verdict.at.isoformat(), "allowed": verdict.allowed,
        "reason": verdict.reason and str(verdict.reason),
        "explanation": verdict.reason and EXPLANATIONS[verdict.reason],
        "tier": verdict.tier and str(verdict.tier), "layer": verdict.layer and str(verdict.layer),
        "order": {
            "amount": str(order.amount), "currency": order.currency, "form": str(order.form),
            "credit_days": order.credit_days, "outstanding": str(order.outstanding),
            "exposure": str(order.exposure),
        },
        "limit": {
            "cap": None if limit.cap is None else str(limit.cap), "currency": limit.currency,
            "forms": [str(form) for form in limit.forms], "credit_days": limit.credit_days,
        },
    }  # fmt: skip


def _page_after(connection: Connection, task_id: str | None) -> Task | None:
    """Return the task after which a page begins; None for the first page."""
    try:
        return None if task_id is None else load_task(connection, task_id)
    except UnknownTask:
        raise _no_place() from None


def _no_place() -> Refusal:
    return Refusal(422, "give what an answer before has as next", "after")


def _refusing(work: Callable[[], Task]) -> Task:
    """Turn the reasons for which a task is not done into refusals."""
    try:
        return work()
    except UnknownTask as error:
        raise Refusal(404, str(error), "path") from None
    except TaskError as error:
        raise Refusal(409, str(error), "task") from None
