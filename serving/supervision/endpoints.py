"""The routes of oversight: the report, samples for inspection, and what was adopted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from serving.access.roles import Actor, Role
from serving.procedure import Procedure
from serving.refusal import Refusal
from serving.request_fields import Nothing
from serving.reviews.adoptions import adopted_procedure, adoption_at, approvers_of, challenger_at
from serving.reviews.cases import CaseKind
from serving.route import NAMES, Route
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
from serving.supervision.requests import DrawRequest, FindingRequest, ItemsQuery, PeriodQuery

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from serving.operations import Operations

Json = dict[str, Any]

MOST_LISTED = 500
"""Of more items the first are answered, beside their number."""

_ADOPTABLE = (CaseKind.PROCEDURE, CaseKind.MODEL, CaseKind.CHALLENGER)

NAMING_PERSONS = frozenset({Role.SUPERVISOR})
"""Who is told the figures of single persons."""


def _report(operations: "Operations", actor: Actor, parts: Json, asked: PeriodQuery) -> Json:
    store = operations.store
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


def _drawn(operations: "Operations", actor: Actor, parts: Json, given: DrawRequest) -> Json:
    desk = _desk(operations)
    with _refusing(), operations.store.writing(actor.name) as writing:
        draw = Draw(_period(given, operations), given.size, given.seed, given.stratify is not None)
        drawn = desk.draw(writing, actor, draw)
    return {
        "inspection": drawn.inspection, "population": drawn.population, "drawn_before": drawn.again,
        **_listed(operations, drawn.inspection),
    }  # fmt: skip


def _items(operations: "Operations", actor: Actor, parts: Json, asked: ItemsQuery) -> Json:
    return _listed(operations, asked.inspection)


def _finding(operations: "Operations", actor: Actor, parts: Json, given: FindingRequest) -> Json:
    finding = None
    if given.finding is not None and given.severity is not None and given.remedy is not None:
        finding = Finding(given.finding, given.severity, given.remedy, given.days)
    with _refusing(), operations.store.writing(actor.name) as writing:
        _desk(operations).record(writing, actor, parts["item"], finding)
    return {"item": parts["item"], "result": "ok" if finding is None else "finding"}


def _remedied(operations: "Operations", actor: Actor, parts: Json, given: Nothing) -> Json:
    with _refusing(), operations.store.writing(actor.name) as writing:
        _desk(operations).remedied(writing, actor, parts["item"])
    return {"item": parts["item"], "remedied": True}


def _adopted(operations: "Operations", actor: Actor, parts: Json, asked: Nothing) -> Json:
    at = operations.store.clock()
    found: Json = {}
    with operations.store.reading() as connection:
        for kind in _ADOPTABLE:
            challenger = kind is CaseKind.CHALLENGER
            of = challenger_at(connection, at) if challenger else adoption_at(connection, kind, at)
            found[str(kind)] = of and {
                "hash": of.hash, "valid_from": of.valid_from.isoformat(), "case": of.case,
                "approved_by": list(approvers_of(connection, of.case)),
            }  # fmt: skip
    return found


_ITEM: Mapping[str, Any] = {
    "item": "text", "inspection": "text", "decision": "text", "customer_id": "text", "tier": "text",
    "result": "text?", "severity": "text?", "inspected_by": "text?", "finding": "text?", "remedy": "text?",
    "remedy_due_at": "moment?", "remedied_at": "moment?",
}  # fmt: skip
_ITEMS: Mapping[str, Any] = {"items": [_ITEM], "total": "count", "erased": "count"}

SUPERVISION: Mapping[tuple[str, str], Route] = {
    ("GET", "/v1/supervision"): Route(
        _report,
        "The report on a period; single persons are named to supervisors alone",
        {"from": "day", "to": "day", "procedure": "any", "groups": [{"group": "text", "names": NAMES,
         "kpis": ["object"]}], "remarks": ["any"], "until": "moment?"},
        PeriodQuery,
    ),
    ("GET", "/v1/inspections"): Route(
        _items, f"The items of a sample, or those to do, up to {MOST_LISTED}", _ITEMS, ItemsQuery
    ),
    ("POST", "/v1/inspections"): Route(
        _drawn,
        "Draw a random sample of decisions",
        {"inspection": "text", "population": "count", "drawn_before": "flag", **_ITEMS},
        DrawRequest,
    ),
    ("POST", "/v1/inspections/{item}/finding"): Route(
        _finding,
        "Record what the inspection of a decision came to",
        {"item": "text", "result": "text"},
        FindingRequest,
    ),
    ("POST", "/v1/inspections/{item}/remedied"): Route(
        _remedied, "Record that a finding's remedy is done", {"item": "text", "remedied": "flag"}
    ),
    ("GET", "/v1/adoptions"): Route(
        _adopted,
        "What is adopted to govern, by which case and whom",
        {str(kind): "object?" for kind in _ADOPTABLE},
    ),
}  # fmt: skip
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


def _period(asked: PeriodQuery | DrawRequest, operations: "Operations") -> Period:
    today = operations.store.clock().date()
    try:
        return period_of(asked.first, asked.last, today)
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
