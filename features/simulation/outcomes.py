"""The mechanism: the true log-odds of the adverse outcome as a sum of terms, and what is drawn from it.

The adverse outcome is the policy's: within 12 months after the evaluation a payment becomes more than 90 days
overdue, or a contract is severely breached.
"""

from dataclasses import dataclass

import numpy as np

from features.simulation.history import NO_DAY, Bools, Floats, Integers

OVERDUE_LIMIT = 90
CROSSING = OVERDUE_LIMIT + 1

# By nature, in the order of the declaration: enterprise, government, public institution, individual.
BASE = (-4.05, -4.9, -4.6, -4.15)
HEALTH, DISTRESS, DISTRESS_FROM = 0.85, 0.9, 1.0
BURDEN, DOWNTURN = 0.45, 0.6
YOUTH, YOUTH_YEARS = 0.7, 4.0
ARREARS, ARREARS_DAYS = 0.9, 15.0
OVERTRADING, OVERTRADING_FROM = 3.0, 0.3

# What each term is, with its figures; the README of a simulation prints it.
TERMS = {
    "base": "by nature: " + ", ".join(f"{value:g}" for value in BASE),
    "health": f"−{HEALTH:g} · health",
    "distress": f"{DISTRESS:g} · max(−health − {DISTRESS_FROM:g}, 0)",
    "burden": f"{BURDEN:g} · burden",
    "downturn": f"{DOWNTURN:g} · max(burden, 0) · max(−cycle, 0)",
    "youth": f"{YOUTH:g} · exp(−years / {YOUTH_YEARS:g})",
    "arrears": f"{ARREARS:g} · ln(1 + arrears days / {ARREARS_DAYS:g})",
    "overtrading": f"{OVERTRADING:g} · max(growth − {OVERTRADING_FROM:g}, 0)",
}

# Of the adverse outcomes: overdue only, severe breach only, both.
_OVERDUE_ONLY, _BREACH_ONLY = 0.72, 0.18
# An open arrear is more often than not what goes bad.
_ARREAR_GOES_BAD = 0.75
FEWEST_ARREARS, MOST_ARREARS = 5, 85


@dataclass(frozen=True, eq=False)
class State:
    """The true state of n customers on a day of evaluation, each of shape (n,).

    Attributes:
        nature: place in the order of the natures.
        health, burden: latent, about mean 0 and standard deviation 1.
        cycle: of the customer's industry.
        growth: of the business in the last twelve months, a difference of logarithms.
        years: since founding, or in the present occupation.
        arrears: days for which an invoice stands open on that day, 0 where none does.
    """

    nature: Integers
    health: Floats
    burden: Floats
    cycle: Floats
    growth: Floats
    years: Floats
    arrears: Floats


def log_odds_terms(state: State) -> dict[str, Floats]:
    """Return the terms of the log-odds, by name as in TERMS; each of shape (n,)."""
    return {
        "base": np.array(BASE)[state.nature],
        "health": -HEALTH * state.health,
        "distress": DISTRESS * np.maximum(-state.health - DISTRESS_FROM, 0.0),
        "burden": BURDEN * state.burden,
        "downturn": DOWNTURN * np.maximum(state.burden, 0.0) * np.maximum(-state.cycle, 0.0),
        "youth": YOUTH * np.exp(-state.years / YOUTH_YEARS),
        "arrears": ARREARS * np.log1p(state.arrears / ARREARS_DAYS),
        "overtrading": OVERTRADING * np.maximum(state.growth - OVERTRADING_FROM, 0.0),
    }


def probability_of(terms: dict[str, Floats]) -> Floats:
    """Return the probability of the adverse outcome, shape (n,)."""
    log_odds = sum(terms.values(), start=np.zeros(1))
    result: Floats = 1.0 / (1.0 + np.exp(-log_odds))
    return result


def draw_arrears(rng: np.random.Generator, health: Floats, allowed: Bools) -> Floats:
    """Return for how many days an invoice stands open on the day of evaluation, 0 for most; shape (n,)."""
    share = 1.0 / (1.0 + np.exp(3.2 + 0.9 * health))
    days = rng.integers(FEWEST_ARREARS, MOST_ARREARS + 1, len(health))
    return np.where(allowed & (rng.random(len(health)) < share), days, 0).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Year:
    """What happens to n customers in the year after a day of evaluation, each of shape (n,).

    `adverse` is the outcome drawn (nobody's who was not there yet). Of what goes bad, `due` is the due day of
    the invoice that becomes more than 90 days overdue and `breach` the day of the severe breach,
    NO_DAY where there is none. `arrear_goes_bad` says that the invoice is the one open on the day of
    evaluation. `event` is the first day on which the outcome is adverse.
    """

    adverse: Bools
    due: Integers
    arrear_goes_bad: Bools
    breach: Integers
    event: Integers


def draw_year(
    rng: np.random.Generator, probability: Floats, there: Bools, arrears: Floats, begin: int, end: int
) -> Year:
    """Draw the outcomes of the year from `begin` (the day of evaluation) to `end`, and when they happen.

    Nothing that is seen until `begin` depends on the outcome: an invoice that goes bad is either the one open
    on that day or one due later.
    """
    count = len(probability)
    adverse = there & (rng.random(count) < probability)
    kind = rng.random(count)
    overdue = adverse & ((kind < _OVERDUE_ONLY) | (kind >= _OVERDUE_ONLY + _BREACH_ONLY))
    breached = adverse & (kind >= _OVERDUE_ONLY)
    old = overdue & (arrears > 0) & (rng.random(count) < _ARREAR_GOES_BAD)
    later = rng.integers(begin + 1, end - CROSSING + 1, count)
    due = np.where(old, begin - arrears.astype(np.int64), later)
    day = rng.integers(begin + 1, end + 1, count)
    crossing = np.where(overdue, due + CROSSING, np.iinfo(np.int64).max)
    event = np.minimum(crossing, np.where(breached, day, np.iinfo(np.int64).max))
    return Year(
        adverse=adverse,
        due=np.where(overdue, due, NO_DAY),
        arrear_goes_bad=old,
        breach=np.where(breached, day, NO_DAY),
        event=np.where(adverse, event, NO_DAY),
    )
