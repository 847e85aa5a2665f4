"""Who is who: customers' ids, the keys under which each department knows them, mergers and groups."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.simulation.history import NEVER, Bools, History, Integers
from features.simulation.population import ENTERPRISE, Population

SALES, LEDGER, LEGAL = "sales", "ledger", "legal"
SYSTEMS = (SALES, LEDGER, LEGAL)
_PREFIXES = {SALES: "C-", LEDGER: "00", LEGAL: "RK"}
_WIDTH = 8
# Departments number customers in an order of their own: multipliers modulo a prime above any number of them.
_PRIME = 50_000_017
_MULTIPLIERS = {SALES: 1, LEDGER: 7_919_033, LEGAL: 31_415_927}
MOST_CUSTOMERS = 40_000_000

# Of pairs of neighbours: whose key changes hands (by system), and which merge.
_HANDOVERS = {SALES: 0.004, LEDGER: 0.006, LEGAL: 0.0}
_MERGERS = 0.03
_QUIET_DAYS = 100


@dataclass(frozen=True, eq=False)
class Identity:
    """Ids and keys of n customers of a block.

    `changed`, by system, is the day from which a customer has its `later` key instead of its `first` (NEVER
    for most); `ended` the day on which a customer was merged into the one before it (NEVER for most).
    """

    customer_ids: pa.Array
    first: dict[str, pa.Array]
    later: dict[str, pa.Array]
    changed: dict[str, Integers]
    ended: Integers

    def __len__(self) -> int:
        return len(self.ended)

    def keys(self, system: str, owner: Integers, days: Integers) -> pa.Array:
        """Return the key that each owner carried on a day in one system's tables."""
        both = pa.concat_arrays([self.first[system], self.later[system]])
        return both.take(pa.array(owner + len(self) * (days >= self.changed[system][owner])))

    @property
    def merged(self) -> Integers:
        """The places of the customers who were merged into the one before."""
        return np.flatnonzero(self.ended < NEVER)


def draw_identity(rng: np.random.Generator, population: Population, history: History) -> Identity:
    """Draw keys, and which neighbours hand a key on or merge; of an even number of customers.

    A key that changes hands goes from the first of a pair to the second, and the first gets a new one.
    """
    pairs = len(population) // 2
    company = population.of(ENTERPRISE)
    first, later, changed = {}, {}, {}
    for system in SYSTEMS:
        days = rng.integers(history.first_day + _QUIET_DAYS, history.last_day - _QUIET_DAYS, pairs)
        chosen = rng.random(pairs) < _HANDOVERS[system]
        numbers = population.numbers * _MULTIPLIERS[system] % _PRIME
        after = numbers.copy()
        after[0::2] += _PRIME
        after[1::2] = numbers[0::2]
        first[system], later[system] = (_written(_PREFIXES[system], n, _WIDTH) for n in (numbers, after))
        changed[system] = np.repeat(np.where(chosen, days, NEVER), 2)
    days = rng.integers(history.first_day + _QUIET_DAYS, history.last_day - _QUIET_DAYS, pairs)
    settled = np.maximum(population.since[0::2], population.since[1::2]) < days - _QUIET_DAYS
    merging = settled & company[0::2] & company[1::2] & (rng.random(pairs) < _MERGERS)
    ended = np.full(len(population), NEVER)
    ended[1::2] = np.where(merging, days, NEVER)
    return Identity(_written("SYN", population.numbers, _WIDTH), first, later, changed, ended)


def crosswalk_of(identity: Identity, population: Population, kept: Bools) -> pa.Table:
    """Return whose key was whose from when to when (open where it never began or ended)."""
    parts = []
    for system in SYSTEMS:
        changed = identity.changed[system]
        parts.append(_assignments(identity, system, identity.first[system], kept, population.contact,
                                  to=np.where(changed < NEVER, changed, NEVER)))  # fmt: skip
        handed = kept & (changed < NEVER)
        parts.append(_assignments(identity, system, identity.later[system], handed, changed, begin=changed))
    return pa.concat_tables(parts)


def successions_of(identity: Identity, kept: Bools) -> pa.Table:
    """Return the mergers of a block, known five days after."""
    gone = identity.merged
    gone = gone[kept[gone]]
    on = identity.ended[gone]
    return pa.table({
        "from_customer": identity.customer_ids.take(pa.array(gone)),
        "to_customer": identity.customer_ids.take(pa.array(gone - 1)),
        "on": as_dates(on),
        "known_at": as_dates(on + 5),
    })  # fmt: skip


def groups_of(identity: Identity, population: Population, kept: Bools) -> pa.Table:
    """Return which companies belong to which group, from their first contact on."""
    members = np.flatnonzero(kept & (population.group >= 0))
    return pa.table({
        "customer_id": identity.customer_ids.take(pa.array(members)),
        "group_id": _written("SYNG", population.group[members], _WIDTH),
        "valid_from": as_dates(population.contact[members]),
        "valid_to": pa.nulls(len(members), pa.date32()),
    })  # fmt: skip


def as_dates(days: Integers) -> pa.Array:
    """Return days since 1970-01-01 as Arrow dates, null where there is no day or it never comes."""
    return pa.array(days.astype(np.int32), type=pa.int32(), mask=(days < -NEVER) | (days >= NEVER)).cast(
        pa.date32()
    )


def serials(prefix: str, numbers: Integers) -> pa.Array:
    """Return keys made of a prefix and a number."""
    digits = pc.cast(pa.array(numbers), pa.string())
    return pc.binary_join_element_wise(pa.scalar(prefix), digits, pa.scalar(""))


def _written(prefix: str, numbers: Integers, width: int) -> pa.Array:
    padded = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, padding="0")
    return pc.binary_join_element_wise(pa.scalar(prefix), padded, pa.scalar(""))


def _assignments(
    identity: Identity,
    system: str,
    keys: pa.Array,
    whose: Bools,
    known: Integers,
    *,
    begin: Integers | None = None,
    to: Integers | None = None,
) -> pa.Table:
    places = np.flatnonzero(whose)
    never = np.full(len(whose), NEVER)
    return pa.table({
        "customer_id": identity.customer_ids.take(pa.array(places)),
        "key_system": pa.repeat(pa.scalar(system), len(places)),
        "key": keys.take(pa.array(places)),
        "valid_from": as_dates((never if begin is None else begin)[places]),
        "valid_to": as_dates((never if to is None else to)[places]),
        "known_at": as_dates(known[places]),
    })  # fmt: skip
