"""What is bought and how it is paid: orders, invoices as they were seen to be paid, contracts that end."""

from dataclasses import dataclass

import numpy as np

from features.simulation.block import Block
from features.simulation.dates import by_chance, sigmoid
from features.simulation.history import LEAD, NO_DAY, YEAR, Bools, Floats, Integers
from features.simulation.mistakes import with_mistakes
from features.simulation.outcomes import CROSSING, MOST_ARREARS, OVERDUE_LIMIT
from features.simulation.population import GOVERNMENT, INDIVIDUAL
from features.simulation.rows import Codes, Rows, Serials, joined

PRODUCT_LINES = tuple(f"SYN-L{number}" for number in range(1, 9))
_CANCELLED = 0.015
# Public bodies spend their budget before the year is over, individuals in November and before New Year.
_BUDGET_SEASON = np.array([0.3, 0.4, 0.7, 0.8, 0.9, 1.0, 0.9, 0.9, 1.1, 1.2, 1.7, 2.1])
_SHOPPING_SEASON = np.array([1.2, 0.7, 0.8, 0.9, 1.0, 1.1, 0.8, 0.8, 0.9, 0.9, 1.7, 1.2])
_LAPSED = 0.1

# Terms of payment in days by nature, the share that pays late in good health, and the days then.
_TERMS = np.array([45, 60, 45, 15])
_LATE_LOG_ODDS = np.array([-1.5, -1.0, -1.3, -1.9])
_LATE_DAYS, _MOST_LATE_DAYS = 9.0, 88
_REMINDERS = (31, 61, CROSSING, 181)
_DAYS_TO_SETTLE = 40.0


@dataclass(frozen=True, eq=False)
class Trade:
    """Orders as delivered, and those that are invoiced: each once, without the cancelled ones."""

    orders: Rows
    invoiced: Rows


def draw_orders(rng: np.random.Generator, block: Block) -> Trade:
    """Orders with seasons and trends; a cancelled one is delivered again, cancelled."""
    owner, day = by_chance(rng, block.history, _order_rates(block))
    there = block.cooperating(owner, day)
    owner, day = owner[there], day[there]
    count = len(owner)
    log_amount = (
        block.population.ticket[owner] + 0.8 * block.growth(owner, day) + 0.6 * rng.standard_normal(count)
    )
    favourite = rng.integers(0, len(PRODUCT_LINES), len(block))
    line = (favourite[owner] + rng.geometric(0.55, count) - 1) % len(PRODUCT_LINES)
    orders = Rows(owner, {
        "order_no": block.serials("SYN-O", count),
        "ordered_on": day,
        "entered_on": day + np.minimum(rng.geometric(0.6, count) - 1, 10),
        "product_line": Codes(line, PRODUCT_LINES),
        "currency": block.currencies(owner),
        "amount": block.local(owner, day, np.exp(log_amount)),
        "cancelled": np.zeros(count, np.int64),
    })  # fmt: skip
    cancelled = rng.random(count) < _CANCELLED
    withdrawn = orders.take(cancelled)
    # After anything that a late entry could bring.
    withdrawn = withdrawn.given(
        entered_on=withdrawn.days("entered_on") + rng.integers(5, 30, len(withdrawn)),
        cancelled=np.ones(len(withdrawn), np.int64),
    )
    delivered = joined([with_mistakes(rng, orders, "entered_on", ("amount",), pinned=cancelled), withdrawn])
    return Trade(delivered, orders.take(~cancelled))


def payments(rng: np.random.Generator, block: Block, invoiced: Rows) -> Rows:
    """What was seen of invoices: reminders at 31, 61, 91 and 181 days overdue, and the settlement.

    Orders are paid at most 88 days late. The invoices of the outcomes are of no order: those that are open on
    a day of evaluation, of which some go bad, and those that go bad later. What is more than 90 days overdue
    is settled or written off by the next day of evaluation, and posted by then.
    """
    invoices = _Invoices.joined([_of_orders(rng, block, invoiced), _of_outcomes(rng, block)])
    invoices = invoices.until(block.identity.ended)
    number = block.serials("SYN-I", len(invoices.owner))
    parts = [_seen(invoices, np.ones(len(invoices.owner), np.bool_), invoices.overdue, settled=True)]
    for level in _REMINDERS:
        reminded = invoices.overdue > level
        parts.append(_seen(invoices, reminded, np.full(len(invoices.owner), level), settled=False))
    place = np.concatenate([part[0] for part in parts])
    observed = invoices.due[place] + np.concatenate([part[1] for part in parts])
    settled = np.concatenate([part[2] for part in parts])
    overdue = np.maximum(observed - invoices.due[place], 0)
    bad = overdue > OVERDUE_LIMIT
    posted = observed + np.minimum(rng.geometric(0.5, len(place)) - 1, 10)
    posted = np.where(bad, np.minimum(posted, block.history.evaluation_after(observed)), posted)
    owner = invoices.owner[place]
    rows = Rows(owner, {
        "invoice_no": Serials(number.prefix, number.values[place]),
        "observed_on": observed,
        "posted_on": posted,
        "due_on": invoices.due[place],
        "currency": block.currencies(owner),
        "amount": invoices.amount[place],
        "overdue_days": overdue.astype(np.float64),
        "settled": settled,
    })  # fmt: skip
    return with_mistakes(rng, rows, "posted_on", ("amount",), pinned=bad)


def contracts(rng: np.random.Generator, block: Block, invoiced: Rows) -> Rows:
    """Contracts that ended and whether they were renewed; of individuals, orders and whether one followed."""
    population, history = block.population, block.history
    term = np.where(rng.random(len(block)) < 0.6, YEAR, 2 * YEAR)
    under_contract = (population.nature != INDIVIDUAL) & (rng.random(len(block)) < 0.5)
    first = rng.integers(0, term)
    month = np.arange(history.months)
    ends = under_contract[:, None] & ((month - first[:, None]) % term[:, None] == 0) & (month >= LEAD // 2)
    owner, when = np.nonzero(ends)
    day = history.ends[when]
    began = population.since[owner] <= day - 30 * term[owner]
    owner, day = owner[began], day[began]
    renewed = rng.random(len(owner)) < sigmoid(1.3 + 0.8 * block.health(owner, day))
    decided = day + rng.integers(0, 45, len(owner))
    person, ordered, followed = _repeated_orders(block, invoiced)
    count = len(owner) + len(person)
    rows = Rows(np.concatenate([owner, person]), {
        "contract_no": block.serials("SYN-K", count),
        "ended_on": np.concatenate([day, ordered + 365]),
        "decided_on": np.concatenate([decided, ordered + 366]),
        "renewed": np.concatenate([renewed, followed]).astype(np.int64),
    })  # fmt: skip
    return with_mistakes(rng, rows, "decided_on")


@dataclass(frozen=True, eq=False)
class _Invoices:
    """m invoices: due day, days overdue when settled (negative if paid early), amount in local currency."""

    owner: Integers
    due: Integers
    overdue: Integers
    amount: Floats

    @classmethod
    def joined(cls, parts: list["_Invoices"]) -> "_Invoices":
        return cls(
            np.concatenate([part.owner for part in parts]),
            np.concatenate([part.due for part in parts]),
            np.concatenate([part.overdue for part in parts]),
            np.concatenate([part.amount for part in parts]),
        )

    def until(self, ended: Integers) -> "_Invoices":
        """Return the invoices as they are when what is open is settled on the day of a merger."""
        open_ = self.due < ended[self.owner]
        last = ended[self.owner] - self.due
        return _Invoices(
            self.owner[open_], self.due[open_], np.minimum(self.overdue, last)[open_], self.amount[open_]
        )


def _order_rates(block: Block) -> Floats:
    """Return the orders expected in each month from the first day on, shape (months, n)."""
    population, history = block.population, block.history
    months = history.calendar_months[LEAD:]
    seasons = block.economy.seasons[months][:, population.industry]
    seasons = np.where(population.of(GOVERNMENT), _BUDGET_SEASON[months][:, None], seasons)
    seasons = np.where(population.of(INDIVIDUAL), _SHOPPING_SEASON[months][:, None], seasons)
    begins, ends = history.starts[LEAD:-1, None], history.ends[LEAD:, None]
    rates: Floats = (
        population.order_rate
        * seasons
        * np.exp(0.12 * block.course.health[LEAD:] + 0.5 * block.course.size[LEAD:])
    )
    return rates * np.where(begins >= population.lapse, _LAPSED, 1.0) * (population.since <= ends)


def _of_orders(rng: np.random.Generator, block: Block, invoiced: Rows) -> _Invoices:
    owner, ordered = invoiced.owner, invoiced.days("ordered_on")
    due = ordered + _TERMS[block.population.nature[owner]]
    health, count = block.health(owner, due), len(owner)
    late = rng.random(count) < sigmoid(_LATE_LOG_ODDS[block.population.nature[owner]] - 0.9 * health)
    days = 1 + rng.exponential(_LATE_DAYS * np.exp(-0.4 * health)).astype(np.int64)
    early = np.minimum(rng.integers(0, 12, count), due - ordered)
    overdue = np.where(late, np.minimum(days, _MOST_LATE_DAYS), -early)
    return _Invoices(owner, due, overdue, np.asarray(invoiced.columns["amount"]))


def _of_outcomes(rng: np.random.Generator, block: Block) -> _Invoices:
    parts = []
    for evaluation in block.course.evaluations:
        arrears = evaluation.arrears
        open_ = arrears > 0
        good = arrears + 1 + (rng.random(len(block)) * (MOST_ARREARS + 3 - arrears)).astype(np.int64)
        settled = CROSSING + rng.exponential(_DAYS_TO_SETTLE, len(block)).astype(np.int64)
        if evaluation.year is None:
            # What follows after the last day is not delivered.
            parts.append(_drawn(rng, block, open_, evaluation.day - arrears, settled))
            continue
        year = evaluation.year
        last = block.history.evaluation_after(
            np.where(year.due == NO_DAY, evaluation.day, year.due) + CROSSING
        )
        bad = np.minimum(settled, last - year.due)
        parts.append(_drawn(rng, block, open_ & ~year.arrear_goes_bad, evaluation.day - arrears, good))
        parts.append(_drawn(rng, block, year.due != NO_DAY, year.due, bad))
    return _Invoices.joined(parts)


def _drawn(
    rng: np.random.Generator, block: Block, whose: Bools, due: Integers, overdue: Integers
) -> _Invoices:
    owner = np.flatnonzero(whose)
    amount = np.exp(block.population.ticket[owner] + 0.4 * rng.standard_normal(len(owner)))
    return _Invoices(owner, due[owner], overdue[owner], block.local(owner, due[owner], amount))


def _seen(
    invoices: _Invoices, which: Bools, overdue: Integers, *, settled: bool
) -> tuple[Integers, Integers, Integers]:
    """Return the places of some invoices, the days overdue at which they are seen, and whether settled."""
    place = np.flatnonzero(which)
    return place, overdue[place], np.full(len(place), int(settled))


def _repeated_orders(block: Block, invoiced: Rows) -> tuple[Integers, Integers, Bools]:
    """Return owners and days of the orders of individuals, and whether another followed within a year."""
    personal = invoiced.take(block.population.nature[invoiced.owner] == INDIVIDUAL)
    order = np.lexsort((personal.days("ordered_on"), personal.owner))
    owner, day = personal.owner[order], personal.days("ordered_on")[order]
    followed = np.zeros(len(owner), np.bool_)
    followed[:-1] = (owner[1:] == owner[:-1]) & (day[1:] - day[:-1] <= 365)
    return owner, day, followed
