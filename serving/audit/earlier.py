"""Rows of an earlier version, of which the trail does not speak: compared with what its entries say."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from serving.audit.rows import in_parts
from serving.confidential.keyring import Keyring, KeyringError
from serving.confidential.sealing import SealError
from serving.reviews.justification import digest_of, open_justification, read_justification
from serving.store.case_tables import standings
from serving.store.customers import open_customers
from serving.store.tables import audit_entries

_FINAL = ("effective", "rejected", "withdrawn")
_ADOPTED = ("governance.adopted", "governance.rolled_back")
_OPENED = 200
_EXPIRED = object()
_OF_TIERS = ("tier", "decision", "case", "reason")


class EarlierRows:
    """What entries of earlier versions say of tiers in force, cases and adoptions, and seals of decisions."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection, self._keyring = connection, keyring

    def differences(self, table: str, rows: Sequence[Row[Any]]) -> Iterator[tuple[str, str]]:
        """Yield the id of each row that the entries contradict, and what differs."""
        match table:
            case "standings":
                yield from self._standings(rows)
            case "cases":
                yield from self._cases(rows)
            case "adoptions":
                yield from self._adoptions(rows)
            case "decisions":
                yield from self._decisions(rows)

    def _entries(self, *actions: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        query = (
            select(audit_entries)
            .where(audit_entries.c.action.in_(actions))
            .order_by(audit_entries.c.sequence)
        )
        for entry in self._connection.execute(query):
            yield entry, json.loads(entry.facts)

    def _standings(self, rows: Sequence[Row[Any]]) -> Iterator[tuple[str, str]]:
        told = self._told_standings()
        query = select(standings.c.customer, standings.c.layer, standings.c.valid_from)
        there = set(map(tuple, self._connection.execute(query).all()))
        for customer, layer, valid_from in told.keys() - there:
            yield f"of {customer}", f"the {layer} tier of {valid_from.isoformat()} is gone"
        for row in rows:
            differing: list[str] = ["customer, layer, valid_from"]
            for facts, ended in told.get((row.customer, row.layer, row.valid_from), []):
                differing = [name for name in _OF_TIERS if facts[name] != getattr(row, name)]
                # One that expired ended at its own last moment.
                if row.valid_to != (row.expires_at if ended is _EXPIRED else ended):
                    differing.append("valid_to")
                if not differing:
                    break
            if differing:
                yield row.id, f"{', '.join(differing)}: not what its entries say"

    def _told_standings(self) -> dict[tuple[str, str, datetime], list[tuple[dict[str, Any], Any]]]:
        """Return by customer, layer and begin: the facts of each tier, and when it ended."""
        told: dict[tuple[str, str, datetime], list[tuple[dict[str, Any], Any]]] = {}
        running: dict[tuple[str, str], datetime] = {}
        for entry, facts in self._entries("tier.in_force", "tier.lifted", "tier.expired"):
            layer = (entry.subject, facts["layer"])
            if layer in running:
                of_moment = told[*layer, running.pop(layer)]
                of_moment[-1] = (of_moment[-1][0], _EXPIRED if entry.action == "tier.expired" else entry.at)
            if entry.action == "tier.in_force":
                told.setdefault((*layer, entry.at), []).append((facts, None))
                running[layer] = entry.at
        return told

    def _cases(self, rows: Sequence[Row[Any]]) -> Iterator[tuple[str, str]]:
        closed = {
            entry.subject: entry.action.removeprefix("case.")
            for entry, _ in self._entries(*(f"case.{state}" for state in _FINAL))
        }
        proposed = {entry.subject: facts for entry, facts in self._entries("case.proposed")}
        erased = {entry.subject for entry, _ in self._entries("customer.erased")}
        for row in rows:
            told = closed.get(row.id)
            if row.state != told and (told or row.state in _FINAL):
                if told is None and row.state == "withdrawn" and row.customer in erased:
                    continue
                yield row.id, "state: not what its entries say"
            facts = proposed.get(row.id)
            if facts is not None and (facts["version"], facts["tier"]) != (row.version, row.proposed_tier):
                yield row.id, "version, proposed_tier: not what its entries say"

    def _adoptions(self, rows: Sequence[Row[Any]]) -> Iterator[tuple[str, str]]:
        told = [(facts["kind"], facts["hash"], entry.subject) for entry, facts in self._entries(*_ADOPTED)]
        for row in rows:
            if not 0 < row.number <= len(told) or told[row.number - 1] != (row.kind, row.hash, row.case):
                yield str(row.number), "kind, hash, case: not what its entry says"

    def _decisions(self, rows: Sequence[Row[Any]]) -> Iterator[tuple[str, str]]:
        for part in in_parts(rows, _OPENED):
            known = open_customers(self._connection, self._keyring, [row.customer for row in part])
            for row in part:
                if digest_of(row.sealed) != row.digest:
                    yield row.id, "sealed: not what its digest says"
                elif row.customer in known:
                    yield from _unlike_sealed(row, known[row.customer].data_key)


def _unlike_sealed(row: Row[Any], data_key: bytes) -> Iterator[tuple[str, str]]:
    try:
        answer = read_justification(open_justification(row.sealed, data_key, row.id))["answer"]
    except (SealError, KeyringError):
        yield row.id, "sealed: was changed, or is another customer's"
        return
    said = {
        "as_of": row.as_of.isoformat(), "nature": row.nature, "score": row.score,
        "probability": row.probability, "tier": row.tier, "completeness": row.completeness,
        "catalog_hash": row.catalog_hash, "policy_hash": row.policy_hash,
        "model_version": row.model_version,
    }  # fmt: skip
    differing = [name for name, value in said.items() if dict(answer)[name] != value]
    if differing:
        yield row.id, f"{', '.join(differing)}: not what is sealed in it"
