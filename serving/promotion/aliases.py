"""MLflow's aliases follow what the store has adopted: the store is the truth.

What is adopted is in the audit trail before an alias moves, and nothing moves by what the trail does not
vouch for. So a crash in between leaves an alias behind, never one ahead, and an alias that anybody else moves
differs from the trail.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from models import registry
from models.registry import CHALLENGER, CHAMPION
from serving.promotion.trail import adoptions_against_trail, all_adoptions
from serving.reviews.adoptions import Adoption, ServedSet, adopted_set, adoptions_of, challenger_at, kept_set
from serving.reviews.cases import CaseKind
from serving.store.database import StoreError
from serving.store.store import Store

MOVED, LEFT = "alias.moved", "alias.left"


class NotVouchedFor(StoreError):
    """What the store lists as adopted is not what its audit trail says; one line that says where."""


@dataclass(frozen=True, order=True)
class Alias:
    """An alias of a registered model."""

    name: str
    alias: str

    def __str__(self) -> str:
        return f"{self.name}@{self.alias}"


@dataclass(frozen=True)
class Move:
    """An alias that points elsewhere than it should; None where it points nowhere."""

    alias: Alias
    found: str | None
    wanted: str | None

    def __str__(self) -> str:
        found, wanted = self.told(self.found), self.told(self.wanted)
        return f"{self.alias} points at {found}, and what was adopted is {wanted}"

    def told(self, version: str | None) -> str:
        """Return a version of the model in words."""
        return "no version" if version is None else registry.model_version(self.alias.name, version)


@dataclass(frozen=True)
class Governing:
    """The sets that are promoted now, by alias."""

    champion: ServedSet | None
    challenger: ServedSet | None

    @property
    def by_alias(self) -> dict[str, ServedSet]:
        """Those that there are and that are in the registry."""
        found = {CHAMPION: self.champion, CHALLENGER: self.challenger}
        return {alias: of for alias, of in found.items() if of is not None and of.registered is not None}


def governing_now(connection: Connection, store: Store) -> Governing:
    """Return what is promoted now.

    Raises:
        StoreError: a set is not in the store, or was changed.
    """
    at = store.clock()
    challenger = challenger_at(connection, at)
    return Governing(
        adopted_set(connection, at), None if challenger is None else kept_set(connection, challenger.hash)
    )


def wanted_aliases(connection: Connection, store: Store) -> dict[Alias, str | None]:
    """Return the version at which each alias should point of every model that was ever adopted here.

    Raises:
        StoreError: a set is not in the store, or was changed.
    """
    ever = (
        kept_set(connection, of.hash).registered
        for kind in (CaseKind.MODEL, CaseKind.CHALLENGER)
        for of in adoptions_of(connection, kind)
    )
    names = {registered[0] for registered in ever if registered is not None}
    wanted: dict[Alias, str | None] = {
        Alias(name, alias): None for name in names for alias in (CHAMPION, CHALLENGER)
    }
    for alias, of in governing_now(connection, store).by_alias.items():
        if of.registered is not None:
            name, version = of.registered
            wanted[Alias(name, alias)] = version
    return wanted


def misplaced(wanted: Mapping[Alias, str | None], found: Mapping[str, Mapping[str, str]]) -> list[Move]:
    """Return the aliases that are to move, in their order.

    Args:
        wanted: the version by alias.
        found: the version by alias, by the name of the model.
    """
    moves = (
        Move(alias, found.get(alias.name, {}).get(alias.alias), version) for alias, version in wanted.items()
    )
    return sorted((move for move in moves if move.found != move.wanted), key=lambda move: move.alias)


def follow(
    store: Store,
    actor: str,
    state: Path | None = None,
    outside: Collection[Alias] = (),
    names: Collection[str] = (),
) -> list[Move]:
    """Move the aliases that differ to what was adopted, and record each move; returns the moves.

    Each move has a transaction of its own: where one fails, those before it are recorded.

    Args:
        store: what was adopted.
        actor: who acts.
        state: the directory of MLflow's store.
        outside: aliases of models that were never adopted here, to be removed too.
        names: the models whose aliases may move; all that were adopted by default.

    Raises:
        NotVouchedFor: what is adopted is not what the audit trail says.
        RegistryError: MLflow's store is not there or cannot be written; what was moved before stays.
        StoreError, AuditError: what was adopted, or the exported heads, cannot be read.
    """

    def to_move(connection: Connection) -> list[Move]:
        adopted = wanted_aliases(connection, store).items()
        wanted = {alias: version for alias, version in adopted if not names or alias.name in names}
        wanted = {**dict.fromkeys(outside), **wanted}
        return misplaced(wanted, registry.registered(state)) if wanted else []

    with store.reading() as connection:
        # Which also loads MLflow, before anybody has to wait for it.
        vouched = _vouched_for(connection, store)
        planned = to_move(connection)
    moves = []
    for alias in (move.alias for move in planned):
        with store.writing(actor) as writing:
            # Asked again, alone among writers, so that the alias is that of the adoption made last.
            if all_adoptions(writing.connection) != vouched:
                vouched = _vouched_for(writing.connection, store)
            move = next((of for of in to_move(writing.connection) if of.alias == alias), None)
            if move is None:
                writing.record(LEFT, alias.name, {"alias": alias.alias})
                continue
            _move(move, state)
            facts = {"alias": alias.alias, "before": move.found, "after": move.wanted}
            writing.record(MOVED, alias.name, facts)
        moves.append(move)
    return moves


def _vouched_for(connection: Connection, store: Store) -> tuple[Adoption, ...]:
    """Return all that was adopted.

    Raises:
        NotVouchedFor: the audit trail does not say the same.
    """
    differs = next(adoptions_against_trail(connection, store), None)
    if differs is not None:
        raise NotVouchedFor(f"aliases only follow what the audit trail vouches for: {differs}")
    return all_adoptions(connection)


def _move(move: Move, state: Path | None) -> None:
    registry.require_store(state)
    if move.wanted is None:
        registry.remove_alias(move.alias.name, move.alias.alias, state)
    else:
        registry.set_alias(move.alias.name, move.wanted, move.alias.alias, state)
