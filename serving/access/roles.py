"""The roles, who acts, and whether two names are one person's."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

PERSON = re.compile(r"[!-~\u00a1-\uffff]{1,200}")
"""What a person or system may be called: no blanks and nothing that does not show."""


# What is not seen in a name: blanks and characters for control and format. Variation selectors are marks.
_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})
_SELECTORS = range(0xFE00, 0xFE10)
_ROUNDS = 8


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

    def shares_a_person(self, persons: Iterable[str]) -> bool:
        """Whether somebody behind the act is among persons, however their names were typed."""
        theirs = {person_key(name) for name in persons}
        return any(person_key(name) in theirs for name in self.persons)

    def may(self, allowed: frozenset[Role]) -> bool:
        """Whether one of the actor's roles is among those allowed."""
        return not self.roles.isdisjoint(allowed)


def person_key(name: str) -> str:
    """Return the form in which names are compared: `Root`, `ROOT` and `root ` are one person.

    It is Unicode's compatibility caseless match (The Unicode Standard, 3.13, D146), and what does not show in
    a name counts for nothing. Only for comparing: what is kept and shown is what was typed.
    """
    # Folding can bring about what is folded in turn; the standard's own form takes two rounds.
    for _ in range(_ROUNDS):
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
        folded = "".join(
            character
            for character in folded
            if unicodedata.category(character) not in _UNSEEN and ord(character) not in _SELECTORS
        )
        if folded == name:
            break
        name = folded
    return name
