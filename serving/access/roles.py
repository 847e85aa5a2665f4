"""The roles, and who acts."""

import re
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
