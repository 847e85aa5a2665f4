"""What inspection has come to, as figures of oversight."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from serving.store.supervision_tables import inspection_items, inspections
from serving.supervision.estimates import proportion
from serving.supervision.figures import Figure, Measured, share
from serving.supervision.inspection import Result
from serving.supervision.period import Period
from serving.supervision.words import Severity


def inspected(connection: Connection, period: Period) -> Mapping[str, Measured]:
    """Return the figures of a period, by what the store knew when it ended."""
    items = connection.execute(
        select(inspection_items)
        .join(inspections, inspections.c.id == inspection_items.c.inspection)
        .where(inspections.c.drawn_at < period.end)
    ).all()
    done = [row for row in items if row.inspected_at is not None and row.inspected_at < period.end]
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


def _by_severity(rows: Sequence[Row[Any]]) -> dict[str, Figure]:
    found = Counter(row.severity for row in rows)
    return {str(of): Figure(float(found[of]), found[of]) for of in Severity if found[of]}
