"""Where the figures of satisfaction get what customers said from."""

from sqlalchemy import Connection

from serving.supervision.period import Period
from serving.supervision.satisfaction import Feedback


def feedback_of(connection: Connection, period: Period) -> Feedback | None:
    """Return what customers said in a period; None while the store keeps no notices yet."""
    return None
