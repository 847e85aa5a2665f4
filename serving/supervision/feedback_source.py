"""Where the figures of satisfaction get what customers said from."""

from sqlalchemy import Connection, or_, select

from serving.notices.feedback import Outcome, counted, outcome_of
from serving.notices.outbox import NoticeState
from serving.notices.rendering import CUSTOMER
from serving.store.case_tables import cases
from serving.store.notice_tables import feedback, notices
from serving.supervision.period import Period
from serving.supervision.satisfaction import Feedback, Objection


def feedback_of(connection: Connection, period: Period) -> Feedback | None:
    """Return what customers said to the notices that they were sent in a period; None where none was sent.

    Of what they said counts what was said by the period's end, and of an objection what was decided by then.
    """
    sent = (
        select(notices.c.id)
        .where(
            notices.c.recipient == CUSTOMER,
            notices.c.state == str(NoticeState.SENT),
            notices.c.sent_at >= period.begin,
            notices.c.sent_at < period.end,
        )
        .order_by(notices.c.id)
    )
    told = list(connection.execute(sent).scalars())
    if not told:
        return None
    rows = connection.execute(
        select(feedback.c.notice, feedback.c.satisfaction)
        .where(
            feedback.c.notice.in_(sent.order_by(None).scalar_subquery()),
            feedback.c.satisfaction.is_not(None),
            feedback.c.at < period.end,
        )
        .order_by(feedback.c.notice, feedback.c.number)
    )
    answers = {row.notice: int(row.satisfaction) for row in rows}
    return Feedback(
        len(told), [answers[notice] for notice in sorted(answers)], _objections(connection, period)
    )


def _objections(connection: Connection, period: Period) -> list[Objection]:
    """Return the objections decided on in a period, and those open at its end."""
    rows = connection.execute(
        select(cases.c.closed_at, cases.c.state, cases.c.proposed_tier, counted().label("counted"))
        .select_from(feedback)
        .join(cases, cases.c.id == feedback.c.case)
        .where(
            feedback.c.objection.is_not(None),
            feedback.c.at < period.end,
            or_(cases.c.closed_at.is_(None), cases.c.closed_at >= period.begin),
        )
        .order_by(feedback.c.id)
    )
    return [
        Objection(
            outcome_of(row.state, row.proposed_tier, row.counted) is Outcome.UPHELD
            if period.holds(row.closed_at)
            else None
        )
        for row in rows
    ]
