"""A sign-off: what somebody decided of a model, as data that the store gives and the model card shows."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SignOff:
    """Who decided what, as what, and when.

    Attributes:
        role: `proposer`, `approver`, or a company's own word.
        name: of the person.
        at: when, in UTC.
        decision: `proposed`, `approved`, `rejected`, `withdrawn`, or a company's own word.
        findings: what they found, in their words.
        conditions: on which they approved, in their words.
        alias: what the model was to be, such as `champion` or `challenger`; empty where nobody said.
        case: that it was decided in, empty where there is none.
    """

    role: str
    name: str
    at: datetime
    decision: str
    findings: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    alias: str = ""
    case: str = ""
