"""What inspection has come to, as figures of oversight."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from serving.store.supervision_tables import inspection_items, inspections
from serving.store.tables import customers, decisions
from serving.supervision.estimates import proportion
from serving.supervision.figures import Figure, Measured, share
from serving.supervision.inspection import Result
from serving.supervision.period import Period
from serving.supervision.words import Severity


def inspected(connection: Connection, period: Period) -> Mapping[str, Measured]:
    """Return the figures of a period, by what the store knew when it ended."""
    items = [row for row in _drawn(connection, period) if not _never(row, period)]
    done = [row for row in items if _done(row, period)]
    inside = [row for row in done if period.holds(row.inspected_at)]
    findings = [row for row in done if row.result == Result.FINDING]
    open_ = [row for row in findings if row.remedied_at is None or row.remedied_at >= period.end]
    overdue = sum(row.remedy_due_at < period.end for row in open_)
    wrong = [row for row in inside if row.result == Result.FINDING]
    return {
        "inspection.inspected": Measured(share(len(done), len(items))),
        "inspection.finding_rate": Measured(proportion(len(wrong), len(inside)), _by_severity(wrong)),
        "inspection.findings_open": Measured(Figure(float(len(open_)), len(findings)), _by_severity(open_)),
        "inspection.remedies_overdue": Measured(Figure(float(overdue), len(findings))),
    }


def never_inspected(connection: Connection, period: Period) -> int:
    """Return how many decisions were drawn whose customers were erased before they were inspected."""
    return sum(_never(row, period) for row in _drawn(connection, period))


def _drawn(connection: Connection, period: Period) -> Sequence[Row[Any]]:
    return connection.execute(
        select(inspection_items, customers.c.erased_at)
        .join(inspections, inspections.c.id == inspection_items.c.inspection)
        .join(decisions, decisions.c.id == inspection_items.c.decision)
        .join(customers, customers.c.id == decisions.c.customer)
        .where(inspections.c.drawn_at < period.end)
    ).all()


def _done(row: Row[Any], period: Period) -> bool:
    return row.inspected_at is not None and row.inspected_at < period.end


def _never(row: Row[Any], period: Period) -> bool:
    erased = row.erased_at is not None and row.erased_at < period.end
    return erased and not _done(row, period)


def _by_severity(rows: Sequence[Row[Any]]) -> dict[str, Figure]:
    found = Counter(row.severity for row in rows)
    return {str(of): Figure(float(found[of]), found[of]) for of in Severity if found[of]}
