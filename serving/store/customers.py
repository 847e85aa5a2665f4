"""Customers in the store: a pseudonym, a key of their own, and what that key seals.

An erasure destroys the key: what was decided stays, under a pseudonym that leads nowhere, without its values.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from secrets import token_hex

from sqlalchemy import Connection, delete, func, insert, select, update

from features.terms import Nature
from serving.audit.chain import Fact
from serving.confidential.keyring import Keyring
from serving.confidential.sealing import new_key, open_sealed, seal
from serving.store.case_tables import case_items, cases
from serving.store.store import Store, Writing
from serving.store.strategy_tables import list_entries, overdue_items, tasks
from serving.store.tables import customers

_LOOKED_UP = 500
_REWRAPPED = 500


class UnknownCustomer(LookupError):
    """There is no such customer, or it was erased."""


@dataclass(frozen=True, repr=False)
class KnownCustomer:
    """A customer's pseudonym and key."""

    id: str
    data_key: bytes


def find_customers(
    connection: Connection, keyring: Keyring, customer_ids: Iterable[str]
) -> dict[str, KnownCustomer]:
    """Return the customers that are registered, by the company's ids."""
    by_lookup = {keyring.blind_index(customer_id): customer_id for customer_id in customer_ids}
    lookups = sorted(by_lookup)
    found = {}
    for start in range(0, len(lookups), _LOOKED_UP):
        part = lookups[start : start + _LOOKED_UP]
        rows = connection.execute(
            select(
                customers.c.id, customers.c.lookup, customers.c.data_key, customers.c.master_version
            ).where(customers.c.lookup.in_(part))
        )
        for row in rows:
            data_key = keyring.unwrap(row.master_version, row.data_key, row.id)
            found[by_lookup[row.lookup]] = KnownCustomer(row.id, data_key)
    return found


def customer_of(connection: Connection, keyring: Keyring, customer_id: str) -> KnownCustomer:
    """Return a customer by the company's id.

    Raises:
        UnknownCustomer: it is not registered.
    """
    known = find_customers(connection, keyring, [customer_id]).get(customer_id)
    if known is None:
        raise UnknownCustomer("the customer is not registered")
    return known


def register_customers(
    writing: Writing, keyring: Keyring, natures: Mapping[str, Nature]
) -> dict[str, KnownCustomer]:
    """Register customers that are not there yet, and return them by the company's ids.

    Args:
        writing: the transaction.
        keyring: wraps their keys.
        natures: nature by the company's id.
    """
    made, rows = {}, []
    for customer_id, nature in natures.items():
        customer = KnownCustomer(token_hex(16), new_key())
        version, wrapped = keyring.wrap(customer.data_key, customer.id)
        rows.append({
            "id": customer.id, "lookup": keyring.blind_index(customer_id), "nature": str(nature),
            "data_key": wrapped, "master_version": version,
            "particulars": _sealed_particulars(customer, {"customer_id": customer_id}),
            "registered_at": writing.at,
        })  # fmt: skip
        made[customer_id] = customer
    if rows:
        writing.connection.execute(insert(customers), rows)
        writing.record("customers.registered", None, {"customers": len(rows)})
    return made


def open_customer(connection: Connection, keyring: Keyring, pseudonym: str) -> KnownCustomer:
    """Return a customer's key by the pseudonym.

    Raises:
        UnknownCustomer: there is none, or it was erased.
    """
    row = connection.execute(
        select(customers.c.data_key, customers.c.master_version).where(customers.c.id == pseudonym)
    ).one_or_none()
    if row is None:
        raise UnknownCustomer("there is no such customer")
    if row.data_key is None:
        raise UnknownCustomer("the customer was erased: its values can be read by nobody")
    return KnownCustomer(pseudonym, keyring.unwrap(row.master_version, row.data_key, pseudonym))


def open_customers(
    connection: Connection, keyring: Keyring, pseudonyms: Iterable[str]
) -> dict[str, KnownCustomer]:
    """Return the keys of customers by their pseudonyms, without those that were erased."""
    wanted = sorted(set(pseudonyms))
    found = {}
    for start in range(0, len(wanted), _LOOKED_UP):
        rows = connection.execute(
            select(customers.c.id, customers.c.data_key, customers.c.master_version).where(
                customers.c.id.in_(wanted[start : start + _LOOKED_UP]), customers.c.data_key.is_not(None)
            )
        )
        for row in rows:
            found[row.id] = KnownCustomer(row.id, keyring.unwrap(row.master_version, row.data_key, row.id))
    return found


def particulars_of(connection: Connection, customer: KnownCustomer) -> dict[str, str]:
    """Return what is known of a customer's person: the company's id, and name and contacts where given."""
    sealed = connection.execute(
        select(customers.c.particulars).where(customers.c.id == customer.id)
    ).scalar_one()
    document: dict[str, str] = json.loads(open_sealed(customer.data_key, sealed, _particulars(customer.id)))
    return document


def set_particulars(writing: Writing, customer: KnownCustomer, given: Mapping[str, str | None]) -> str:
    """Add to what is known of a customer's person; None takes away. The caller records it in the audit trail.

    Returns:
        The SHA-256 (hex) of what is sealed.
    """
    known: dict[str, str | None] = {**particulars_of(writing.connection, customer), **given}
    document = {name: value for name, value in known.items() if value is not None}
    sealed = _sealed_particulars(customer, document)
    writing.connection.execute(
        update(customers).where(customers.c.id == customer.id).values(particulars=sealed)
    )
    return hashlib.sha256(sealed).hexdigest()


def id_of(connection: Connection, keyring: Keyring, pseudonym: str) -> str:
    """Return the company's id of a customer; `erased` for one whose values nobody can read any more.

    Raises:
        KeyringError: the customer's key does not fit the keyring.
    """
    try:
        return particulars_of(connection, open_customer(connection, keyring, pseudonym))["customer_id"]
    except UnknownCustomer:
        return "erased"


def ids_of(connection: Connection, keyring: Keyring, pseudonyms: Iterable[str]) -> dict[str, str]:
    """Return the company's ids of many customers by their pseudonyms; `erased` as `id_of` does.

    Raises:
        KeyringError: a customer's key does not fit the keyring.
    """
    found = dict.fromkeys(pseudonyms, "erased")
    known = open_customers(connection, keyring, found)
    wanted = sorted(known)
    for start in range(0, len(wanted), _LOOKED_UP):
        rows = connection.execute(
            select(customers.c.id, customers.c.particulars).where(
                customers.c.id.in_(wanted[start : start + _LOOKED_UP])
            )
        )
        for row in rows:
            content = open_sealed(known[row.id].data_key, row.particulars, _particulars(row.id))
            found[row.id] = json.loads(content)["customer_id"]
    return found


def erase_customer(writing: Writing, pseudonym: str, because: str | None = None) -> None:
    """Destroy a customer's key, and with it every value of the customer in the store.

    Args:
        writing: the transaction.
        pseudonym: the customer.
        because: why, kept in the audit trail as it is written; it must name no value of the customer.

    Raises:
        UnknownCustomer: there is none, or it was erased before.
    """
    erased = writing.connection.execute(
        update(customers)
        .where(customers.c.id == pseudonym, customers.c.erased_at.is_(None))
        .values(lookup=None, data_key=None, master_version=None, particulars=None, erased_at=writing.at)
    )
    if erased.rowcount != 1:
        raise UnknownCustomer("there is no such customer, or it was erased before")
    closed = writing.connection.execute(
        update(cases)
        .where(cases.c.customer == pseudonym, cases.c.closed_at.is_(None))
        .values(state="withdrawn", closed_at=writing.at)
    )
    listed = select(cases.c.id).where(cases.c.closed_at.is_(None))
    writing.connection.execute(
        delete(case_items).where(
            case_items.c.customer == pseudonym,
            case_items.c.pulled_out.is_(None),
            case_items.c.case.in_(listed),
        )
    )
    _end_strategies(writing, pseudonym)
    facts: dict[str, Fact] = {"cases_withdrawn": closed.rowcount}
    if because is not None:
        facts["because"] = because
    writing.record("customer.erased", pseudonym, facts)


def _end_strategies(writing: Writing, pseudonym: str) -> None:
    """Close what is to be done for a customer, take it off every list, collect nothing any more.

    What of these rows is the customer's own and not sealed goes too.
    """
    of_customer = tasks.c.customer == pseudonym
    writing.connection.execute(
        update(tasks)
        .where(of_customer, tasks.c.state == "open")
        .values(state="withdrawn", closed_at=writing.at)
    )
    writing.connection.execute(
        update(tasks).where(of_customer).values(next_at=None, person=None, kpi_value=None)
    )
    writing.connection.execute(
        update(list_entries)
        .where(list_entries.c.customer == pseudonym, list_entries.c.until.is_(None))
        .values(until=writing.at)
    )
    writing.connection.execute(
        update(overdue_items)
        .where(overdue_items.c.customer == pseudonym)
        .values(due_on=None, settled_at=func.coalesce(overdue_items.c.settled_at, writing.at))
    )


def masters_in_use(connection: Connection) -> set[int]:
    """Return the versions of the master keys that wrap some customer's key."""
    rows = connection.execute(select(customers.c.master_version).distinct())
    return {row.master_version for row in rows if row.master_version is not None}


def rewrap_keys(store: Store, actor: str) -> Iterator[int]:
    """Wrap every customer's key by the newest master key; yields how many after each part.

    Stopped in between, it goes on where it was when it is called again.
    """
    newest = store.keyring.master_version
    while True:
        with store.writing(actor) as writing:
            rows = writing.connection.execute(
                select(customers.c.id, customers.c.data_key, customers.c.master_version)
                .where(customers.c.master_version < newest)
                .limit(_REWRAPPED)
            ).all()
            for row in rows:
                data_key = store.keyring.unwrap(row.master_version, row.data_key, row.id)
                version, wrapped = store.keyring.wrap(data_key, row.id)
                writing.connection.execute(
                    update(customers)
                    .where(customers.c.id == row.id)
                    .values(data_key=wrapped, master_version=version)
                )
            writing.record("keys.rewrapped", None, {"customers": len(rows), "version": newest})
        yield len(rows)
        if len(rows) < _REWRAPPED:
            return


def _particulars(pseudonym: str) -> str:
    return f"particulars of customer {pseudonym}"


def _sealed_particulars(customer: KnownCustomer, document: Mapping[str, str]) -> bytes:
    content = json.dumps(document, ensure_ascii=False).encode()
    return seal(customer.data_key, content, _particulars(customer.id))
