"""What changed since last time (M22): the newest decision beside the one in force, indicator by indicator."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from serving.confidential.keyring import Keyring
from serving.reviews.justification import Justification, open_justification, read_justification
from serving.reviews.proposals import newest_decision
from serving.reviews.standings import Layer, standing_of
from serving.store.customers import open_customer
from serving.store.tables import decisions

THE_REST = "reference"


@dataclass(frozen=True)
class Difference:
    """What an indicator contributes to the score, before and now, in points; `reference` is the base's line.

    The changes of all lines, those that are 0 included, add up to the change of the score.
    """

    indicator: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """The difference in points."""
        return self.after - self.before


def differences(connection: Connection, keyring: Keyring, customer: str, at: datetime) -> list[Difference]:
    """Return what changed for a customer since the decision in force at a moment; all where there is none.

    Returns:
        A line for each indicator whose points have changed, the largest change first.

    Raises:
        UnknownCustomer: the customer was erased, or there is none.
        SealError: a justification was changed.
    """
    known = open_customer(connection, keyring, customer)
    newest = newest_decision(connection, customer)
    approved = standing_of(connection, customer, at).layers.get(Layer.APPROVED)
    before = None if approved is None else approved.decision

    def points_of(decision: str | None) -> dict[str, float]:
        if decision is None:
            return {}
        sealed = connection.execute(select(decisions.c.sealed).where(decisions.c.id == decision)).scalar_one()
        return points(read_justification(open_justification(sealed, known.data_key, decision)))

    return compared(points_of(before), points_of(newest))


def points(justification: Justification) -> dict[str, float]:
    """Return the points of each indicator and of the reference they count from; they sum to the score."""
    answer = justification["answer"]
    found = {THE_REST: answer["base"]}
    return found | {line["indicator"]: line["points"] for line in answer["contributions"]}


def compared(before: dict[str, float], after: dict[str, float]) -> list[Difference]:
    """Return the lines that differ, the largest change first."""
    lines = [Difference(id_, before.get(id_, 0.0), after.get(id_, 0.0)) for id_ in before | after]
    return sorted((of for of in lines if of.change), key=lambda of: (-abs(of.change), of.indicator))
