"""The store's own decisions of a period, as the customers that they were made on, and what became of them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from features.catalog import Catalog
from features.customer import Customer, parse_customer
from features.portfolio import Bools, Portfolio
from serving.confidential.keyring import Keyring
from serving.reviews.justification import open_justification, read_justification
from serving.store.tables import customers, decisions
from serving.supervision.outcomes import known_outcomes
from serving.supervision.period import Period

_FIRST_DAY = date(1900, 1, 1)


@dataclass(frozen=True, eq=False)
class Decided:
    """n customers as they were decided on, each on its day, by one catalog, policy and model.

    `bad`, `known` and `known_on`, shape (n,), are what became of them as far as it was recorded: of one whose
    outcome is not known `bad` is false and `known_on` NaT. `others` decisions of the period were made by
    another set; of `erased` ones the customer was erased.
    """

    portfolio: Portfolio
    bad: Bools
    known: Bools
    known_on: NDArray[np.datetime64]
    others: int
    erased: int


def decided_in(
    connection: Connection,
    keyring: Keyring,
    catalog: Catalog,
    hashes: tuple[str, str, str | None],
    period: Period,
    on: date,
) -> Decided:
    """Return the decisions as of days of a period, as they were made and told of by a day.

    Of several on a customer as of one day the last counts. An outcome counts for the decision that it follows
    (`serving.supervision.outcomes.known_outcomes`).

    Args:
        connection: to the store.
        keyring: of the store.
        catalog: by which they were made.
        hashes: of that catalog, the policy and the model.
        period: the days as of which they were made.
        on: the day.

    Raises:
        KeyringError, SealError: the store was tampered with.
    """
    end = datetime.combine(on + timedelta(days=1), time.min, UTC)
    rows = connection.execute(
        select(
            decisions.c.id, decisions.c.customer, decisions.c.as_of, decisions.c.catalog_hash,
            decisions.c.policy_hash, decisions.c.artefact_hash, decisions.c.sealed, customers.c.data_key,
            customers.c.master_version,
        )
        .join(customers, customers.c.id == decisions.c.customer)
        .where(
            decisions.c.as_of >= period.first, decisions.c.as_of <= period.last, decisions.c.decided_at < end
        )
        .order_by(decisions.c.decided_at, decisions.c.id)
    )  # fmt: skip
    found: dict[tuple[str, date], tuple[str, Customer]] = {}
    keys: dict[str, bytes] = {}
    others = erased = 0
    for row in rows:
        if (row.catalog_hash, row.policy_hash, row.artefact_hash) != hashes:
            others += 1
            continue
        if row.data_key is None:
            erased += 1
            continue
        if row.customer not in keys:
            keys[row.customer] = keyring.unwrap(row.master_version, row.data_key, row.customer)
        kept = read_justification(open_justification(row.sealed, keys[row.customer], row.id))
        found[row.customer, row.as_of] = row.id, parse_customer(kept["inputs"], catalog, 0)
    followed = {
        of.decision: of for of in known_outcomes(connection, keyring, Period(_FIRST_DAY, on)).followed
    }
    outcomes = [followed.get(decision) for decision, _ in found.values()]
    return Decided(
        portfolio=Portfolio.from_customers([customer for _, customer in found.values()], catalog),
        bad=np.array([of is not None and of.bad for of in outcomes], dtype=np.bool_),
        known=np.array([of is not None for of in outcomes], dtype=np.bool_),
        known_on=np.array(
            [np.datetime64("NaT", "D") if of is None else np.datetime64(of.known_on) for of in outcomes],
            dtype="datetime64[D]",
        ),
        others=others,
        erased=erased,
    )
