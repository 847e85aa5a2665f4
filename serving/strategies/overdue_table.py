"""Overdue items from a table: customer_id, item_id, amount, currency, due_on and, where paid, paid_on."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from features.sources import cells
from features.sources.opening import RawChunk, TableError, open_raw, places_of
from serving.access.roles import Actor
from serving.store.customers import find_customers
from serving.store.store import Store
from serving.strategies.collection import ItemError, OverdueItem, Reported, check_paid, report_items
from serving.strategies.requests import ItemRequest

# Taken down in one transaction.
CHUNK_ROWS = 500

_NEEDED = ("customer_id", "item_id", "amount", "currency", "due_on")
_PAID_ON = "paid_on"
# What a column must hold, by the field of `ItemRequest` that refuses it.
_REASONS = {
    "item_id": "must be a text of 1 to 200 characters",
    "amount": "must be a number such as 1250.00",
    "currency": "must be a code such as CNY",
    "due_on": "must be a day such as 2026-01-31, from 1900 to 9000",
    "paid_on": "must be a day such as 2026-01-31, from 1900 to 9000, or empty",
}


@dataclass
class TakenDown:
    """What came of a table: how many rows became what, and of the others the number and why."""

    became: Counter[Reported] = field(default_factory=Counter)
    rejected: list[tuple[int, str]] = field(default_factory=list)


def take_down(store: Store, actor: Actor, table: Path) -> TakenDown:
    """Take down the overdue items of a table, each part of it whole or not at all.

    Raises:
        TableError: the table cannot be read as a whole, or a column is absent or stands there
            twice.
        StoreError: the store cannot be reached; what was taken down stays.
    """
    taken = TakenDown()
    with open_raw(table, chunk_rows=CHUNK_ROWS) as raw:
        places = places_of(raw.header, (*_NEEDED, _PAID_ON), table)
        absent = [name for name in _NEEDED if name not in places]
        if absent:
            raise TableError(f"{table}: column {absent[0]} is absent; give {', '.join(_NEEDED)}")
        for chunk in raw.chunks:
            taken.rejected += chunk.misshapen
            _take_chunk(store, actor, chunk, places, taken)
    return taken


def _take_chunk(
    store: Store, actor: Actor, chunk: RawChunk, places: dict[str, int], taken: TakenDown
) -> None:
    of_customer: dict[str, list[tuple[int, OverdueItem]]] = {}
    for number, customer_id, item in _items(chunk, places, taken):
        of_customer.setdefault(customer_id, []).append((number, item))
    if not of_customer:
        return
    with store.writing(actor.name) as writing:
        known = find_customers(writing.connection, store.keyring, of_customer)
        for customer_id, found in of_customer.items():
            if customer_id in known:
                items = list(_paid_by(writing.at.date(), found, taken))
                taken.became += report_items(writing, actor, known[customer_id], items)
            else:
                taken.rejected += [(number, "the customer is not registered") for number, _ in found]
        writing.record("overdue.table_part", None, {"customers": len(known)})


def _paid_by(today: date, found: list[tuple[int, OverdueItem]], taken: TakenDown) -> Iterator[OverdueItem]:
    """Yield the items that are not paid in the future; note the others."""
    for number, item in found:
        try:
            check_paid(item, today)
        except ItemError as error:
            taken.rejected.append((number, str(error)))
        else:
            yield item


def _items(
    chunk: RawChunk, places: dict[str, int], taken: TakenDown
) -> Iterator[tuple[int, str, OverdueItem]]:
    """Yield number, customer and item of each row that is right; note the others."""
    texts = {name: cells.texts(chunk.frame[places[name]]) for name in _NEEDED[:4]}
    lost = cells.lost_digits(chunk.frame[places["amount"]])
    due, wrong_due = cells.dates(chunk.frame[places["due_on"]])
    paid = np.full(len(chunk.rows), np.datetime64("NaT", "D"), dtype="datetime64[D]")
    wrong_paid = np.zeros(len(chunk.rows), dtype=np.bool_)
    if _PAID_ON in places:
        paid, wrong_paid = cells.dates(chunk.frame[places[_PAID_ON]])
    for row, number in enumerate(int(of) for of in chunk.rows):
        customer_id, item_id, amount, currency = (texts[name][row] for name in _NEEDED[:4])
        if customer_id is None:
            taken.rejected.append((number, "customer_id: is absent"))
            continue
        if wrong_paid[row]:
            taken.rejected.append((number, f"paid_on: {_REASONS['paid_on']}"))
            continue
        try:
            item = ItemRequest.model_validate({
                "item_id": item_id, "amount": None if lost[row] else amount, "currency": currency,
                "due_on": None if wrong_due[row] else _day(due[row]), "paid_on": _day(paid[row]),
            }).item()  # fmt: skip
        except ValidationError as error:
            (field, *_) = error.errors(include_input=False, include_url=False)[0]["loc"]
            taken.rejected.append((number, f"{field}: {_REASONS[str(field)]}"))
        else:
            yield number, customer_id, item


def _day(moment: np.datetime64) -> Any:
    """Return a day; None for none, and for one beyond those of Python a number, which no request takes."""
    return moment.astype("datetime64[D]").item()
