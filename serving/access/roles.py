"""The roles, and who acts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

PERSON = re.compile(r"[!-~\u00a1-\uffff]{1,200}")
"""What a person or system may be called: no blanks and nothing that does not show."""


class Role(StrEnum):
    """What somebody is there for."""

    SERVICE = "service"
    ANALYST = "analyst"
    APPROVER = "approver"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


MEANINGS: Mapping[Role, str] = {
    Role.SERVICE: "another system; scores, reports events and overdue items, says how customers are written "
    "to, and asks for tiers, lists and whether an order is within its limits",
    Role.ANALYST: "scores, reports events and overdue items, asks departments, proposes tiers, does tasks; "
    "reads cases and decisions",
    Role.APPROVER: "approves and rejects what others proposed; may also ask, propose and do tasks; reads "
    "cases, decisions and the report of oversight, without single persons",
    Role.SUPERVISOR: "draws samples, records findings and remedies; reads cases, decisions and the report of "
    "oversight, single persons included; changes no tier",
    Role.ADMIN: "reads the figures for Prometheus, the catalog and what is adopted, and no customer",
}
"""What each role is for, in words; the matrix says it exactly."""


@dataclass(frozen=True)
class Actor:
    """Who acts: the person or system that answers for it, with what roles, and by what way.

    `persons` are all who stand behind the act: the owner of a key, and with a delegation both who gave and
    who uses it. A proposal and its approval may have nobody in common.
    """

    name: str
    roles: frozenset[Role]
    way: str
    persons: frozenset[str]

    def may(self, allowed: frozenset[Role]) -> bool:
        """Whether one of the actor's roles is among those allowed."""
        return not self.roles.isdisjoint(allowed)
