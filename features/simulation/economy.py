"""What all customers share: industries and their cycles, seasons, and exchange rates."""

from dataclasses import dataclass

import numpy as np

from features.simulation.history import LEAD, YEAR, Floats, History

CURRENCIES = ("CNY", "TWD", "USD")
# The rates at the outset, and the months before the history from which on they are known.
_RATES = (1.0, 0.22, 7.0)
RATE_LEAD = 36
_RATE_STEP = 0.006

_PERSISTENCE = 0.95
_COMMON, _OWN = 0.6, 0.8


@dataclass(frozen=True)
class Industry:
    """An industry: section letter of GB/T 4754, scope, growth a year, sales a year (CNY), competition.

    `peak` is the month of its season (January is 0), `swing` the amplitude; the shares are those of each
    nature that belong to it.
    """

    code: str
    scope: str
    growth: float
    market: float
    competition: int
    peak: int
    swing: float
    of_enterprises: float
    of_institutions: float
    of_individuals: float


INDUSTRIES = (
    Industry("A", "agriculture", 0.02, 9e11, 1, 8, 0.40, 0.03, 0.02, 0.06),
    Industry("B", "mining", -0.01, 4e11, 1, 6, 0.10, 0.01, 0.00, 0.01),
    Industry("C", "manufacturing", 0.05, 4e12, 2, 10, 0.20, 0.27, 0.00, 0.22),
    Industry("D", "utilities", 0.03, 8e11, 0, 6, 0.15, 0.02, 0.02, 0.02),
    Industry("E", "construction", -0.02, 2e12, 3, 9, 0.30, 0.10, 0.00, 0.08),
    Industry("F", "trade", 0.04, 3e12, 3, 10, 0.30, 0.23, 0.00, 0.16),
    Industry("G", "transport", 0.05, 1e12, 2, 10, 0.15, 0.06, 0.00, 0.06),
    Industry("H", "hospitality", 0.03, 5e11, 3, 6, 0.35, 0.05, 0.00, 0.06),
    Industry("I", "information_technology", 0.12, 1.2e12, 2, 11, 0.15, 0.08, 0.00, 0.06),
    Industry("J", "finance", 0.04, 1.5e12, 1, 11, 0.05, 0.02, 0.00, 0.04),
    Industry("K", "real_estate", -0.06, 1.3e12, 3, 9, 0.25, 0.03, 0.00, 0.03),
    Industry("L", "business_services", 0.07, 9e11, 2, 11, 0.10, 0.07, 0.02, 0.05),
    Industry("M", "other", 0.09, 3e11, 1, 11, 0.20, 0.03, 0.14, 0.03),
    Industry("P", "other", 0.03, 5e11, 1, 8, 0.35, 0.00, 0.40, 0.06),
    Industry("Q", "other", 0.08, 8e11, 1, 11, 0.10, 0.00, 0.30, 0.04),
    Industry("S", "other", 0.02, 6e11, 0, 11, 0.40, 0.00, 0.10, 0.02),
)
GOVERNMENT_INDUSTRY = len(INDUSTRIES) - 1


@dataclass(frozen=True, eq=False)
class Economy:
    """The course of the economy over a history.

    `cycles`, shape (months, industries), has mean 0 and standard deviation 1; below 0 is a downturn. `rates`,
    shape (RATE_LEAD + months, currencies), is what one unit is worth in CNY. `seasons`, shape
    (12, industries), averages 1 over a year.
    """

    cycles: Floats
    rates: Floats
    seasons: Floats


def draw_economy(rng: np.random.Generator, history: History) -> Economy:
    """Draw the cycles and rates of a history."""
    count = len(INDUSTRIES)
    own = _wander(rng, history.months, count)
    common = _wander(rng, history.months, 1)
    steps = rng.normal(0.0, _RATE_STEP, (RATE_LEAD + history.months, len(CURRENCIES)))
    steps[:, 0] = 0.0
    rates = np.array(_RATES) * np.exp(np.cumsum(steps, axis=0))
    peaks = np.array([industry.peak for industry in INDUSTRIES])
    swings = np.array([industry.swing for industry in INDUSTRIES])
    angles = (np.arange(YEAR)[:, None] - peaks) * (2 * np.pi / YEAR)
    return Economy(
        cycles=_COMMON * common + _OWN * own,
        rates=np.round(rates, 6),
        seasons=1.0 + swings * np.cos(angles),
    )


def _wander(rng: np.random.Generator, months: int, count: int) -> Floats:
    """Return paths of unit variance that return slowly to 0, shape (months, count)."""
    noise = rng.standard_normal((months, count))
    path = np.empty((months, count))
    path[0] = noise[0]
    for month in range(1, months):
        path[month] = _PERSISTENCE * path[month - 1] + np.sqrt(1 - _PERSISTENCE**2) * noise[month]
    return path


def rate_days(history: History) -> np.ndarray:
    """Return the first day of each month of `Economy.rates`, days since 1970-01-01."""
    start = np.datetime64(history.first, "M") - np.timedelta64(LEAD + RATE_LEAD, "M")
    months = start + np.arange(RATE_LEAD + history.months).astype("timedelta64[M]")
    return months.astype("datetime64[D]").astype(np.int64)
