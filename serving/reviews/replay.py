"""Replaying a decision: computed once more from what was kept, and compared byte for byte."""

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from features.catalog import Catalog
from features.customer import parse_customer
from features.portfolio import Portfolio
from models.answer import Answer
from models.artefact import Model
from models.decision import Scorer
from models.policy import Policy
from serving.reviews.justification import (
    Justification,
    canonical,
    digest_of,
    justify,
    open_justification,
    read_justification,
)
from serving.served import read_declared
from serving.store.customers import open_customer
from serving.store.database import StoreError
from serving.store.documents import load_document
from serving.store.store import Store
from serving.store.tables import decisions

_SCORERS = 4
_OPEN = ("score", "probability", "tier", "completeness", "as_of", "nature", "catalog_hash", "policy_hash")


class UnknownDecision(LookupError):
    """There is no such decision."""


@dataclass(frozen=True)
class Replayed:
    """A decision and what came of computing it again.

    `intact`: what is sealed is what the decision's digest says; `same`: the justification came out byte for
    byte as it was kept, its texts apart, which are those of the time; `columns`: what stands open beside it,
    such as score and tier, is the justification's. `differs` is the first place that is not: a column, or a
    JSON path in the justification; None where all of it holds.
    """

    decision: str
    justification: Justification
    intact: bool
    same: bool
    columns: bool
    differs: str | None

    @property
    def reproduced(self) -> bool:
        """Whether all of it holds."""
        return self.intact and self.same and self.columns


class Replayer:
    """Replays decisions of a store; what they were made by is loaded once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._scorers: OrderedDict[tuple[str, str, str | None], Scorer] = OrderedDict()

    def replay(self, decision: str) -> Replayed:
        """Compute a decision again.

        Raises:
            UnknownDecision: there is no decision of this id.
            UnknownCustomer: its customer was erased.
            SealError: what is sealed was changed.
            StoreError: a document that it was made by is not in the store.
        """
        with self._store.reading() as connection:
            row = connection.execute(select(decisions).where(decisions.c.id == decision)).one_or_none()
            if row is None:
                raise UnknownDecision("there is no decision of this id")
            customer = open_customer(connection, self._store.keyring, row.customer)
            scorer = self._scorer(connection, row.catalog_hash, row.policy_hash, row.artefact_hash)
        kept = open_justification(row.sealed, customer.data_key, row.id)
        justification = read_justification(kept)
        portfolio = Portfolio.from_customers(
            [parse_customer(justification["inputs"], scorer.catalog, 0)], scorer.catalog
        )
        again = justify(scorer.decide(portfolio), 0, row.model_version, justification["evidence"])
        again["reasons"] = justification["reasons"]
        intact, same = digest_of(row.sealed) == row.digest, canonical(again) == kept
        column = _other_column(row, justification["answer"])
        differs = None if intact else "digest"
        return Replayed(
            decision=decision,
            justification=justification,
            intact=intact,
            same=same,
            columns=column is None,
            differs=differs or column or (None if same else _first_difference(justification, again, "$")),
        )

    def _scorer(
        self, connection: Connection, catalog_hash: str, policy_hash: str, artefact_hash: str | None
    ) -> Scorer:
        key = (catalog_hash, policy_hash, artefact_hash)
        if key not in self._scorers:
            catalog = read_declared(Catalog, load_document(connection, catalog_hash), "the kept catalog")
            policy = read_declared(Policy, load_document(connection, policy_hash), "the kept policy")
            model = None
            if artefact_hash is not None:
                model = Model.from_bytes(load_document(connection, artefact_hash))
            found = (catalog.hash, policy.hash, None if model is None else model.content_hash)
            if found != key:
                raise StoreError("a document in the store is not the one that its hash names")
            self._scorers[key] = Scorer(catalog, policy, model)
            if len(self._scorers) > _SCORERS:
                self._scorers.popitem(last=False)
        return self._scorers[key]


def _other_column(row: Row[Any], answer: Answer) -> str | None:
    """Return the first column that is not what the answer says."""
    open_: dict[str, Any] = {**row._mapping, "as_of": row.as_of.isoformat()}
    said: dict[str, Any] = {**answer}
    return next((name for name in _OPEN if open_[name] != said[name]), None)


def _first_difference(kept: Any, again: Any, place: str) -> str:
    """Return the JSON path of the first place where two documents that are not the same differ."""
    if isinstance(kept, dict) and isinstance(again, dict):
        for name in sorted(kept.keys() | again.keys()):
            if name not in kept or name not in again or _written(kept[name]) != _written(again[name]):
                return _first_difference(kept.get(name), again.get(name), f"{place}.{name}")
    if isinstance(kept, list) and isinstance(again, list):
        for number, (one, other) in enumerate(zip(kept, again, strict=False)):
            if _written(one) != _written(other):
                return _first_difference(one, other, f"{place}[{number}]")
    return place


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
