"""Decisions that were kept, decided again by champion and challenger from the very inputs they rest on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from features.catalog import Catalog
from features.customer import Customer, InvalidCustomer, parse_customer
from features.portfolio import Bools, Floats, Portfolio
from models.decision import Scorer
from serving.reviews.adoptions import ServedSet
from serving.reviews.justification import open_justification, read_justification
from serving.served import Served
from serving.store.customers import KnownCustomer, open_customers
from serving.store.store import Store
from serving.store.tables import decisions
from serving.supervision.outcomes import known_outcomes
from serving.supervision.period import Period

_AT_ONCE = 500
_FIRST_DAY = date(1900, 1, 1)


class ShadowError(ValueError):
    """Champion and challenger cannot be compared; one line that says why."""


@dataclass(frozen=True, eq=False)
class Side:
    """What one of both says of n decisions' customers, shape (n,) each; NaN where no model applies."""

    score: Floats
    probability: Floats
    tiers: NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Recomputed:
    """n decisions, decided again by both.

    Attributes:
        customers: pseudonyms, shape (n,).
        as_of: their days, shape (n,).
        newest: which is its customer's newest of those asked for, shape (n,).
        bad: what became of the customer, where `known`, shape (n,).
        known: where an outcome is known that was not known yet when the decision was made, shape (n,).
        made_by_champion: whether catalog, policy and model were the champion's, shape (n,).
        reproduced: of these, whether score and tier came out as they were kept, shape (n,).
        erased: customers that nobody can read any more, and that are left out.
        left_out: decisions whose inputs are impossible by one of the two catalogs.
    """

    customers: NDArray[np.str_]
    as_of: NDArray[np.datetime64]
    newest: Bools
    bad: Bools
    known: Bools
    made_by_champion: Bools
    reproduced: Bools
    champion: Side
    challenger: Side
    erased: int
    left_out: int


@dataclass(frozen=True)
class _Chosen:
    """A decision to look at: whether it is its customer's newest, and the outcome that followed it."""

    id: str
    customer: str
    as_of: date
    newest: bool
    bad: bool | None


@dataclass(frozen=True)
class _Row:
    """A chosen decision with both answers, as score, probability and tier."""

    chosen: _Chosen
    by_champion: bool
    same: bool
    answers: tuple[tuple[float, float, str], tuple[float, float, str]]


def recompute(
    store: Store,
    champion: Served,
    challenger: Served,
    first: date | None,
    last: date | None,
    progress: Callable[[float], None] = lambda share: None,
) -> Recomputed:
    """Decide again on each customer's newest decision as of some days, and on all whose outcome is known.

    Of several decisions on a customer as of one day it is the one that the outcome followed, else the one
    made last.

    Args:
        store: where the decisions are, with their inputs.
        champion: what governs.
        challenger: what is tried beside it.
        first: the first day, from the beginning by default.
        last: the last day, to the newest by default.
        progress: told the share that is done.

    Raises:
        ShadowError: there is no decision as of these days.
        SealError, KeyringError: the store was tampered with.
        UnexplainedScore: a score is not the sum of its contributions.
    """
    rows: list[_Row] = []
    erased: set[str] = set()
    left_out = 0
    with store.reading() as connection:
        chosen = _choose(connection, store, first, last)
        if not chosen and first is None and last is None:
            raise ShadowError(
                "nothing is decided yet: `tierwise evaluate TABLE --as-of DAY` makes the decisions to compare"
            )
        if not chosen:
            raise ShadowError("there are no decisions as of these days; give others with --from and --to")
        for start in range(0, len(chosen), _AT_ONCE):
            part = chosen[start : start + _AT_ONCE]
            keys = open_customers(connection, store.keyring, {of.customer for of in part})
            erased |= {of.customer for of in part if of.customer not in keys}
            readable = [of for of in part if of.customer in keys]
            found = list(_decided(connection, readable, keys, champion, challenger)) if readable else []
            left_out += len(readable) - len(found)
            rows += found
            progress(min(start + _AT_ONCE, len(chosen)) / len(chosen))
    sides = [_side([row.answers[place] for row in rows]) for place in (0, 1)]
    return Recomputed(
        customers=np.array([row.chosen.customer for row in rows], dtype=np.str_),
        as_of=np.array([row.chosen.as_of for row in rows], dtype="datetime64[D]"),
        newest=np.array([row.chosen.newest for row in rows], dtype=np.bool_),
        bad=np.array([bool(row.chosen.bad) for row in rows], dtype=np.bool_),
        known=np.array([row.chosen.bad is not None for row in rows], dtype=np.bool_),
        made_by_champion=np.array([row.by_champion for row in rows], dtype=np.bool_),
        reproduced=np.array([row.same for row in rows], dtype=np.bool_),
        champion=sides[0],
        challenger=sides[1],
        erased=len(erased),
        left_out=left_out,
    )


def _choose(connection: Connection, store: Store, first: date | None, last: date | None) -> list[_Chosen]:
    outcomes = known_outcomes(connection, store.keyring, Period(_FIRST_DAY, store.clock().date()))
    followed = {(of.customer, of.as_of): of for of in outcomes.followed}
    query = select(decisions.c.id, decisions.c.customer, decisions.c.as_of).order_by(
        decisions.c.customer, decisions.c.as_of, decisions.c.decided_at, decisions.c.id.desc()
    )
    if first is not None:
        query = query.where(decisions.c.as_of >= first)
    if last is not None:
        query = query.where(decisions.c.as_of <= last)
    made_last = {(row.customer, row.as_of): row.id for row in connection.execute(query)}
    # They come in the order of their days.
    newest = dict(made_last.keys())
    found = []
    for (customer, as_of), id_ in made_last.items():
        outcome = followed.get((customer, as_of))
        is_newest = newest[customer] == as_of
        if outcome is not None:
            found.append(_Chosen(outcome.decision, customer, as_of, is_newest, outcome.bad))
        elif is_newest:
            found.append(_Chosen(id_, customer, as_of, is_newest, None))
    return found


def _decided(
    connection: Connection,
    chosen: Sequence[_Chosen],
    keys: dict[str, KnownCustomer],
    champion: Served,
    challenger: Served,
) -> Iterator[_Row]:
    """Yield the decisions that both can take, decided again."""
    kept = {
        row.id: row
        for row in connection.execute(select(decisions).where(decisions.c.id.in_([of.id for of in chosen])))
    }
    scorers = (champion.scorer, challenger.scorer)
    taken: list[_Chosen] = []
    customers: list[list[Customer]] = []
    for of in chosen:
        sealed = kept[of.id].sealed
        justification = read_justification(open_justification(sealed, keys[of.customer].data_key, of.id))
        try:
            customers.append([_parsed(justification["inputs"], scorer.catalog) for scorer in scorers])
        except InvalidCustomer:
            continue
        taken.append(of)
    first, second = (
        _answers(scorer, [both[place] for both in customers]) for place, scorer in enumerate(scorers)
    )
    hashes = ServedSet.of(champion).hashes
    for of, one, other in zip(taken, first, second, strict=True):
        row = kept[of.id]
        by_champion = (row.catalog_hash, row.policy_hash, row.artefact_hash) == hashes
        yield _Row(of, by_champion, by_champion and (row.score, row.tier) == (one[0], one[2]), (one, other))


def _parsed(inputs: dict[str, Any], catalog: Catalog) -> Customer:
    """Return a customer as a catalog has it: what it does not know is left out.

    Raises:
        InvalidCustomer: it cannot be evaluated by the catalog, or was by another one: of what was told of it
            the catalog's weights and models know nothing.
    """
    told = inputs["indicators"]
    known = {id_: value for id_, value in told.items() if id_ in catalog.columns}
    if told and not known:
        raise InvalidCustomer(0, "indicators", "are of another catalog")
    return parse_customer({**inputs, "indicators": known}, catalog)


def _answers(scorer: Scorer, customers: Sequence[Customer]) -> list[tuple[float, float, str]]:
    decided = scorer.decide(Portfolio.from_customers(customers, scorer.catalog))
    return list(
        zip(
            decided.score.tolist(),
            decided.model.probability.tolist(),
            (str(tier) for tier in decided.tiers),
            strict=True,
        )
    )


def _side(answers: Sequence[tuple[float, float, str]]) -> Side:
    return Side(
        np.array([of[0] for of in answers], dtype=np.float64),
        np.array([of[1] for of in answers], dtype=np.float64),
        np.array([of[2] for of in answers], dtype=np.str_),
    )
