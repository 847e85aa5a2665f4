"""A sign-off: what somebody decided of a model, as data that the store gives and the model card shows."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """What became of the case that something was decided in; only an effective one changed what governs."""

    OPEN = "open"
    EFFECTIVE = "effective"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


# Decisions for what a case is about; a rollback itself counts whatever becomes of its case.
_FOR = frozenset({"proposed", "approved", "rollback_confirmed"})


@dataclass(frozen=True)
class SignOff:
    """Who decided what, as what, and when.

    Attributes:
        role: `proposer`, `approver`, `rollback` of who rolled back, or a company's own word.
        name: of the person.
        at: when, in UTC.
        decision: `proposed`, `approved`, `rejected`, `withdrawn`; of a rollback, which counts at once,
            `governs_again` or `rolled_back`, and of those who looked at it afterwards `rollback_confirmed` or
            `rollback_rejected`; or a company's own word.
        findings: what they found, in their words.
        conditions: on which they approved, in their words.
        alias: what the model was to be, such as `champion` or `challenger`; empty where nobody said.
        case: that it was decided in, empty where there is none.
        outcome: what became of that case; of a rollback's, effective is confirmed. None where nobody said.
        other: of a rollback, the version on its other side; empty where that had no model.
    """

    role: str
    name: str
    at: datetime
    decision: str
    findings: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    alias: str = ""
    case: str = ""
    outcome: Outcome | None = None
    other: str = ""

    @property
    def void(self) -> bool:
        """Whether it was for something of which nothing came, as the case was rejected or withdrawn."""
        return self.decision in _FOR and self.outcome in (Outcome.REJECTED, Outcome.WITHDRAWN)

    @property
    def undecided(self) -> bool:
        """Whether it was for something that is not decided yet."""
        return self.decision in _FOR and self.outcome is Outcome.OPEN
