"""The routes of oversight: the report, samples for inspection, and what was adopted."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from serving.access.roles import Actor, Role
from serving.procedure import Procedure
from serving.refusal import Refusal
from serving.request_fields import day, only
from serving.reviews.adoptions import adopted_procedure, adoption_at, approvers_of, challenger_at
from serving.reviews.cases import CaseKind
from serving.store.customers import ids_of
from serving.supervision.inspection import (
    Draw,
    Finding,
    InspectionDesk,
    InspectionError,
    Item,
    NotIndependent,
)
from serving.supervision.period import Period, PeriodError, period_of, so_far
from serving.supervision.report import supervise
from serving.supervision.words import Severity

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from serving.operations import Operations

Json = dict[str, Any]

MOST_LISTED = 500
"""Of more items the first are answered, beside their number."""

NAMING_PERSONS = frozenset({Role.SUPERVISOR})
"""Who is told the figures of single persons."""


def _report(operations: "Operations", actor: Actor, parts: Json, body: Json) -> Json:
    store = operations.store
    asked = only(body, {}, {"from": str, "to": str})
    period = so_far(_period(asked, operations), store.clock())
    with store.reading() as connection:
        procedure = _procedure_of(operations, connection, period.last_moment)
        report = supervise(connection, store.keyring, procedure, period)
    return (report if actor.may(NAMING_PERSONS) else report.without_persons()).document()


def _procedure_of(operations: "Operations", connection: "Connection", moment: datetime) -> Procedure:
    """Return the procedure of a moment as the command does: what was adopted by then, before it the defaults.

    Where nothing is adopted yet it is what the service was given, as the command takes the file it is given.
    """
    adopted = adopted_procedure(connection, moment)
    if adopted is not None:
        return adopted
    anything = adoption_at(connection, CaseKind.PROCEDURE, operations.store.clock())
    return operations.procedure if anything is None else Procedure()


def _drawn(operations: "Operations", actor: Actor, parts: Json, body: Json) -> Json:
    given = only(body, {"size": int, "seed": int, "from": str, "to": str}, {"stratify": str})
    if given.get("stratify", "tier") != "tier":
        raise Refusal(422, "must be tier", "stratify")
    desk = _desk(operations)
    with _refusing(), operations.store.writing(actor.name) as writing:
        draw = Draw(_period(given, operations), given["size"], given["seed"], "stratify" in given)
        drawn = desk.draw(writing, actor, draw)
    return {
        "inspection": drawn.inspection, "population": drawn.population, "drawn_before": drawn.again,
        **_listed(operations, drawn.inspection),
    }  # fmt: skip


def _items(operations: "Operations", actor: Actor, parts: Json, body: Json) -> Json:
    asked = only(body, {}, {"inspection": str})
    return _listed(operations, asked.get("inspection"))


def _finding(operations: "Operations", actor: Actor, parts: Json, body: Json) -> Json:
    given = only(body, {"ok": bool}, {"finding": str, "severity": str, "remedy": str, "days": int})
    finding = None
    if given["ok"] and len(given) > 1:
        raise Refusal(422, "is true, and yet there is a finding", "ok")
    if not given["ok"]:
        for field in ("finding", "severity", "remedy"):
            if field not in given:
                raise Refusal(422, "is absent", field)
        if given["severity"] not in tuple(Severity):
            raise Refusal(422, f"must be one of {', '.join(Severity)}", "severity")
        finding = Finding(given["finding"], Severity(given["severity"]), given["remedy"], given.get("days"))
    with _refusing(), operations.store.writing(actor.name) as writing:
        _desk(operations).record(writing, actor, parts["item"], finding)
    return {"item": parts["item"], "result": "ok" if finding is None else "finding"}


def _remedied(operations: "Operations", actor: Actor, parts: Json, body: Json) -> Json:
    only(body, {})
    with _refusing(), operations.store.writing(actor.name) as writing:
        _desk(operations).remedied(writing, actor, parts["item"])
    return {"item": parts["item"], "remedied": True}


def _adopted(operations: "Operations", actor: Actor, parts: Json, body: Json) -> Json:
    only(body, {})
    at = operations.store.clock()
    found: Json = {}
    with operations.store.reading() as connection:
        for kind in (CaseKind.PROCEDURE, CaseKind.MODEL, CaseKind.CHALLENGER):
            challenger = kind is CaseKind.CHALLENGER
            of = challenger_at(connection, at) if challenger else adoption_at(connection, kind, at)
            found[str(kind)] = of and {
                "hash": of.hash, "valid_from": of.valid_from.isoformat(), "case": of.case,
                "approved_by": list(approvers_of(connection, of.case)),
            }  # fmt: skip
    return found


SUPERVISION: Mapping[tuple[str, str], Callable[["Operations", Actor, Json, Json], Json]] = {
    ("GET", "/v1/supervision"): _report,
    ("GET", "/v1/inspections"): _items,
    ("POST", "/v1/inspections"): _drawn,
    ("POST", "/v1/inspections/{item}/finding"): _finding,
    ("POST", "/v1/inspections/{item}/remedied"): _remedied,
    ("GET", "/v1/adoptions"): _adopted,
}
"""What answers each route: from the operations, the caller, the path's parts and the body or query."""


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what inspection refuses into refusals."""
    try:
        yield
    except NotIndependent as error:
        raise Refusal(403, str(error), "item") from None
    except InspectionError as error:
        raise Refusal(409, str(error), "inspection") from None


def _desk(operations: "Operations") -> InspectionDesk:
    return InspectionDesk(operations.store, operations.procedure)


def _period(asked: Json, operations: "Operations") -> Period:
    today = operations.store.clock().date()
    try:
        return period_of(day(asked, "from"), day(asked, "to"), today)
    except PeriodError as error:
        raise Refusal(422, str(error), error.field) from None


def _listed(operations: "Operations", inspection: str | None) -> Json:
    """Return the first items of a sample, or those to do, with the number of all."""
    store = operations.store
    with store.reading() as connection:
        listed = _desk(operations).items(connection, inspection, MOST_LISTED)
        ids = ids_of(connection, store.keyring, {item.customer for item in listed.items})
    return {
        "items": [_item(item, ids[item.customer]) for item in listed.items],
        "total": listed.total, "erased": listed.erased,
    }  # fmt: skip


def _item(item: Item, customer_id: str) -> Json:
    return {
        "item": item.id, "inspection": item.inspection, "decision": item.decision,
        "customer_id": customer_id, "tier": item.tier,
        "result": item.result and str(item.result), "severity": item.severity and str(item.severity),
        "inspected_by": item.inspected_by, "finding": item.finding, "remedy": item.remedy,
        "remedy_due_at": item.remedy_due_at and item.remedy_due_at.isoformat(),
        "remedied_at": item.remedied_at and item.remedied_at.isoformat(),
    }  # fmt: skip
