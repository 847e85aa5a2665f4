"""Where the figures of satisfaction get what customers said from."""

from sqlalchemy import Connection, func, or_, select

from serving.notices.feedback import Outcome, counted, outcome_of
from serving.notices.outbox import NoticeState
from serving.notices.rendering import CUSTOMER
from serving.store.case_tables import cases
from serving.store.notice_tables import feedback, notices
from serving.supervision.period import Period
from serving.supervision.satisfaction import Feedback, Objection

_UPHELD = {Outcome.UPHELD: True, Outcome.NOT_UPHELD: False}


def feedback_of(connection: Connection, period: Period) -> Feedback:
    """Return what customers said in a period, and how many notices sent in it were answered by its end.

    An answer counts in the period in which it was given, whenever its notice was sent; of several to one
    notice in a period the newest. An objection counts in the period in which it was decided on.
    """
    sent = (
        select(notices.c.id)
        .where(
            notices.c.recipient == CUSTOMER,
            notices.c.state == str(NoticeState.SENT),
            notices.c.sent_at >= period.begin,
            notices.c.sent_at < period.end,
        )
        .subquery()
    )
    told = connection.execute(select(func.count()).select_from(sent)).scalar_one()
    answered = connection.execute(
        select(func.count(feedback.c.notice.distinct()))
        .join(sent, sent.c.id == feedback.c.notice)
        .where(feedback.c.satisfaction.is_not(None), feedback.c.at < period.end)
    ).scalar_one()
    rows = connection.execute(
        select(feedback.c.notice, feedback.c.satisfaction)
        .where(
            feedback.c.satisfaction.is_not(None),
            feedback.c.at >= period.begin,
            feedback.c.at < period.end,
        )
        .order_by(feedback.c.notice, feedback.c.number)
    )
    answers = {row.notice: int(row.satisfaction) for row in rows}
    return Feedback(
        told, answered, [answers[notice] for notice in sorted(answers)], _objections(connection, period)
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
            _UPHELD.get(outcome_of(row.state, row.proposed_tier, row.counted))
            if period.holds(row.closed_at)
            else None
        )
        for row in rows
    ]
