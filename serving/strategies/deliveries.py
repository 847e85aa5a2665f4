"""Deterioration on delivery (M20): new indicators beside what is known of a customer, and what follows.

Worsening finances act although nobody has reported an event: a rule that is broken becomes an event of the
rule's type, by an id that is the same whenever the same facts are delivered.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from features.catalog import Catalog, Kind
from features.portfolio import Portfolio
from features.sources.customer_table import Chunk, open_table
from serving.access.roles import Actor
from serving.procedure import Procedure
from serving.reviews.cases import CaseReason
from serving.reviews.events import (
    Event,
    EventDesk,
    EventError,
    ground_of,
    laid_over,
    told_events,
    was_taken,
)
from serving.reviews.evidence import Evidence, evidence_file, read_evidence
from serving.reviews.justification import EvidenceLine, Justification
from serving.reviews.office import Office
from serving.served import Served
from serving.store.customers import KnownCustomer, find_customers
from serving.strategies.rules import DeteriorationRule

CHUNK_ROWS = 500

_EVENT = "deterioration"

# Told after every chunk: rows done so far, and the share of the file read (0–1).
Progress = Callable[[int, float], None]


@dataclass
class Checked:
    """What came of a delivery.

    Rows read are compared + rejected + not registered + never evaluated + not newer than the evaluation.

    Attributes:
        broken: how often each rule was broken, by its id, whether told before or not.
        taken: events that were taken; `repeated` had been before.
        refused: rule by rule, events that could not be taken: the row's number and why.
        ignored: rules that were left out: the id and why.
    """

    read: int = 0
    compared: int = 0
    rejected: int = 0
    not_registered: int = 0
    never_evaluated: int = 0
    not_newer: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    taken: int = 0
    repeated: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Broken:
    """A rule that a customer has broken, by what value, and the day of that fact."""

    rule: DeteriorationRule
    day: date
    value: float | bool

    def event_id(self, known: KnownCustomer) -> str:
        """Return the id of the event by which it is told: the same for the same fact."""
        return f"{_EVENT} {self.rule.id} {known.id} {self.day}"

    def event(self, known: KnownCustomer, customer_id: str) -> Event:
        """Return that event."""
        return Event(
            self.event_id(known), self.rule.event, customer_id, self.day,
            {self.rule.indicator: self.value},
        )  # fmt: skip


def usable_rules(procedure: Procedure, catalog: Catalog) -> tuple[list[DeteriorationRule], dict[str, str]]:
    """Return the rules that a catalog has an indicator for, and of the others why they are left out."""
    usable, ignored = [], {}
    for rule in procedure.deterioration:
        placed = catalog.by_id.get(rule.indicator)
        if placed is None:
            ignored[rule.id] = f"the catalog has no indicator {rule.indicator}"
        elif placed.indicator.kind is Kind.CATEGORY:
            ignored[rule.id] = f"{rule.indicator} is neither a number nor a flag"
        elif rule.event not in procedure.events:
            ignored[rule.id] = f"the procedure has no event {rule.event}"
        else:
            usable.append(rule)
    return usable, ignored


def broken_rules(
    rules: list[DeteriorationRule],
    ground: Justification,
    now: Mapping[str, float | bool],
    lines: Mapping[str, EvidenceLine] | None,
    as_of: date,
    told: list[tuple[date, str, str]] | None = None,
) -> list[Broken]:
    """Return the rules that new indicators break, beside the newest that is known.

    Only what rests on a newer fact than the evaluation, and on none older than the events', counts.

    Args:
        rules: on indicators that are numbers or flags.
        ground: the last periodic evaluation.
        now: the new indicators that are known.
        lines: their evidence; None where the delivery has none, whose facts are then of its own day.
        as_of: the delivery's day.
        told: day, id and content of each event of the customer; they are laid over the evaluation.
    """
    found = []
    for rule in rules:
        id_ = rule.indicator
        if id_ not in now:
            continue
        day = as_of.isoformat() if lines is None else _day_of(lines.get(id_), None)
        judged_on = _day_of(ground["evidence"].get(id_), ground["inputs"]["as_of"])
        if day is None or (judged_on is not None and day <= judged_on):
            continue
        inputs, evidence = laid_over(ground, _without_deliveries_of(day, told or []))
        told_on = _day_of(evidence.get(id_), None)
        if told_on is not None and day < told_on:
            continue
        before = inputs["indicators"].get(id_)
        # Another catalog may have had texts here.
        known_before = isinstance(before, float | int)
        if rule.broken_by(float(before) if known_before else None, float(now[id_])):
            found.append(Broken(rule, date.fromisoformat(day), now[id_]))
    return found


class DeliveryDesk:
    """Takes deliveries of indicators, by what is served."""

    def __init__(self, office: Office, served: Served) -> None:
        self._store, self._served = office.store, served
        self._desk = EventDesk(office, served)
        self._rules, self._ignored = usable_rules(office.procedure, served.scorer.catalog)

    def check(self, actor: Actor, table: Path, as_of: date, *, progress: Progress | None = None) -> Checked:
        """Compare every customer of a table with what is known, and take what follows.

        Args:
            actor: who delivers.
            table: as for `serving.reviews.periodic.evaluate_periodically`.
            as_of: the day; rows of another day are rejected, those of a table without days are of this one.
            progress: told after every chunk.

        Raises:
            TableError: the table cannot be read as a whole.
            StoreError: the store cannot be reached; events that were taken stay.
        """
        checked = Checked(ignored=dict(self._ignored))
        beside = evidence_file(table)
        with open_table(table, self._served.scorer.catalog, chunk_rows=CHUNK_ROWS, as_of=as_of) as opened:
            for chunk in opened.chunks:
                self._check_chunk(actor, chunk, as_of, beside, checked)
                checked.read += len(chunk.rows) + len(chunk.misshapen)
                if progress is not None:
                    progress(checked.read, chunk.share)
        return checked

    def _check_chunk(
        self, actor: Actor, chunk: Chunk, as_of: date, beside: Path | None, checked: Checked
    ) -> None:
        portfolio, wrong = Portfolio.from_frame(chunk.frame, self._served.scorer.catalog)
        checked.rejected += len(chunk.rejected(wrong))
        apart = set(wrong["row"])
        numbers = [number for place, number in enumerate(chunk.rows) if place not in apart]
        evidence = read_evidence(beside, portfolio.customer_ids)
        found: list[tuple[int, KnownCustomer, str, Broken]] = []
        with self._store.reading() as connection:
            known = find_customers(connection, self._store.keyring, portfolio.customer_ids)
            for row, customer_id in enumerate(portfolio.customer_ids):
                if portfolio.as_of[row] != as_of:
                    checked.rejected += 1
                    continue
                if customer_id not in known:
                    checked.not_registered += 1
                    continue
                ground = ground_of(connection, known[customer_id])
                if ground is None:
                    checked.never_evaluated += 1
                    continue
                if as_of.isoformat() < ground["inputs"]["as_of"]:
                    checked.not_newer += 1
                    continue
                checked.compared += 1
                lines = _lines_of(beside, evidence, customer_id)
                now = self._values(portfolio, row)
                told = told_events(connection, known[customer_id])
                for broken in broken_rules(self._rules, ground, now, lines, as_of, told):
                    checked.broken[broken.rule.id] += 1
                    if was_taken(connection, known[customer_id], broken.event_id(known[customer_id])):
                        checked.repeated += 1
                    else:
                        found.append((numbers[row], known[customer_id], customer_id, broken))
        for number, customer, customer_id, broken in found:
            self._take(actor, number, broken.event(customer, customer_id), checked)

    def _take(self, actor: Actor, number: int, event: Event, checked: Checked) -> None:
        try:
            with self._store.writing(actor.name) as writing:
                taken = self._desk.take(writing, actor, event, CaseReason.DETERIORATION)
        except EventError as error:
            checked.refused.append((number, str(error)))
            return
        if taken.repeated:
            checked.repeated += 1
        else:
            checked.taken += 1

    def _values(self, portfolio: Portfolio, row: int) -> dict[str, float | bool]:
        """Return the known indicators of one row that rules ask about."""
        found: dict[str, float | bool] = {}
        for id_ in {rule.indicator for rule in self._rules}:
            value = portfolio.values[row, portfolio.column(id_)]
            if not np.isnan(value):
                flag = portfolio.catalog.by_id[id_].indicator.kind is Kind.FLAG
                found[id_] = bool(value) if flag else float(value)
        return found


def _without_deliveries_of(day: str, told: list[tuple[date, str, str]]) -> list[tuple[date, str, str]]:
    """Return events without those that deliveries of a fact of a day made: beside itself nothing is worse."""
    return [
        (occurred_on, id_, content)
        for occurred_on, id_, content in told
        if occurred_on.isoformat() != day or not json.loads(content)["event_id"].startswith(f"{_EVENT} ")
    ]


def _day_of(line: EvidenceLine | None, otherwise: str | None) -> str | None:
    """Return the day of an indicator's newest fact; of one without a line, another."""
    return otherwise if line is None else line["evidence"]


def _lines_of(beside: Path | None, evidence: Evidence, customer_id: str) -> Mapping[str, EvidenceLine] | None:
    return None if beside is None else evidence.get(customer_id, {})
