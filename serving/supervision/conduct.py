"""How departments and persons carry the Measures out (M25): answers, cases and approvals in a period."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from serving.reviews.standings import Layer
from serving.store.case_tables import case_acts, case_requests, cases, standings
from serving.supervision.figures import Figure, Measured, share
from serving.supervision.period import Period

_APPROVED = "approved"


def conduct(connection: Connection, period: Period) -> Mapping[str, Measured]:
    """Return the figures of a period, by what the store knew when it ended."""
    requests = connection.execute(
        select(case_requests, cases.c.closed_at)
        .join(cases, cases.c.id == case_requests.c.case)
        .where(case_requests.c.asked_at < period.end)
    ).all()
    answered = [row for row in requests if period.holds(row.answered_at)]
    return {
        "conduct.answers_in_time": _by(
            (row.department, _in_time(row)) for row in requests if _fell_due(row, period)
        ),
        "conduct.answers_complete": _by((row.department, bool(row.complete)) for row in answered),
        "conduct.answerers": _by((row.answered_by, row.answered_at <= row.due_at) for row in answered),
        "conduct.cases_in_time": _cases_in_time(connection, period),
        "conduct.approvals": _approvals(connection, period),
        "conduct.override_approvals": _override_approvals(connection, period),
    }


def _fell_due(row: Row[Any], period: Period) -> bool:
    """Whether a request fell due in the period while its case was open, or was answered all the same."""
    if not period.holds(row.due_at):
        return False
    in_vain = row.closed_at is not None and row.closed_at <= row.due_at
    return row.answered_at is not None or not in_vain


def _in_time(row: Row[Any]) -> bool:
    # An answer after the period's end is later than what fell due inside.
    return row.answered_at is not None and row.answered_at <= row.due_at


def _cases_in_time(connection: Connection, period: Period) -> Measured:
    rows = connection.execute(
        select(cases.c.reason, cases.c.due_at, cases.c.closed_at).where(
            cases.c.due_at >= period.begin, cases.c.due_at < period.end, cases.c.opened_at < period.end
        )
    )
    return _by((row.reason, row.closed_at is not None and row.closed_at <= row.due_at) for row in rows)


def _approvals(connection: Connection, period: Period) -> Measured:
    rows = connection.execute(
        select(case_acts.c.actor).where(
            case_acts.c.act == _APPROVED, case_acts.c.at >= period.begin, case_acts.c.at < period.end
        )
    )
    return _counted(rows.scalars())


def _override_approvals(connection: Connection, period: Period) -> Measured:
    rows = connection.execute(
        select(case_acts.c.actor)
        .join(cases, cases.c.id == case_acts.c.case)
        .join(standings, standings.c.case == cases.c.id)
        .where(
            case_acts.c.act == _APPROVED,
            case_acts.c.version == cases.c.version,
            standings.c.layer == str(Layer.OVERRIDE),
            standings.c.valid_from >= period.begin,
            standings.c.valid_from < period.end,
        )
    )
    return _counted(rows.scalars())


def _by(pairs: Iterable[tuple[str, bool]]) -> Measured:
    """Return a share that was counted, with that of each name."""
    found: dict[str, list[bool]] = defaultdict(list)
    for name, holds in pairs:
        found[name].append(holds)
    parts = {name: share(sum(found[name]), len(found[name])) for name in sorted(found)}
    every = [holds for part in found.values() for holds in part]
    return Measured(share(sum(every), len(every)), parts)


def _counted(names: Iterable[str]) -> Measured:
    found = Counter(names)
    parts = {name: Figure(float(found[name]), found[name]) for name in sorted(found)}
    return Measured(Figure(float(found.total()), found.total()), parts)
