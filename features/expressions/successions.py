"""Merged customers: whose records are whose on which day."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from features.expressions.staged import BuildError


@dataclass(frozen=True)
class Succession:
    """A customer's records go over to another's; seen from the day it has happened and is known."""

    from_customer: str
    to_customer: str
    on: date
    known_at: date

    @property
    def seen(self) -> date:
        return max(self.on, self.known_at)


@dataclass(frozen=True)
class Ownership:
    """From `since` (None: always) until the customer's next ownership, its records are the owner's."""

    customer: str
    owner: str
    since: date | None
    until: date | None


def ownerships(successions: Iterable[Succession], last: date) -> list[Ownership]:
    """Follow successions seen by the `last` day through chains; of several of one customer the newest counts.

    Customers that nobody succeeds are left out: they own their records always.

    Raises:
        BuildError: a customer succeeds itself, through others or not.
    """
    moves: dict[str, list[Succession]] = defaultdict(list)
    for succession in successions:
        if succession.seen <= last:
            moves[succession.from_customer].append(succession)
    for of_one in moves.values():
        of_one.sort(key=lambda move: (move.seen, move.known_at, move.on, move.to_customer))
    result = []
    for customer in sorted(moves):
        days = sorted(
            {move.seen for reached in _reachable(customer, moves) for move in moves.get(reached, ())}
        )
        since: date | None = None
        owner = customer
        for day in days:
            new = _owner(customer, day, moves)
            if new != owner:
                result.append(Ownership(customer, owner, since, day))
                owner, since = new, day
        result.append(Ownership(customer, owner, since, None))
    return result


def _reachable(customer: str, moves: dict[str, list[Succession]]) -> set[str]:
    found, todo = set[str](), [customer]
    while todo:
        current = todo.pop()
        if current not in found:
            found.add(current)
            todo.extend(move.to_customer for move in moves.get(current, ()))
    return found


def _owner(customer: str, day: date, moves: dict[str, list[Succession]]) -> str:
    passed = {customer}
    while True:
        seen = [move for move in moves.get(customer, ()) if move.seen <= day]
        if not seen:
            return customer
        customer = seen[-1].to_customer
        if customer in passed:
            raise BuildError(
                f"successions: a customer succeeds itself by {day}; take out a step of the circle"
            )
        passed.add(customer)
