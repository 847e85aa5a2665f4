"""Who the customers of one block are: nature, industry, size, when they came, and how they are placed."""

from dataclasses import dataclass

import numpy as np

from features.catalog import Catalog
from features.simulation.economy import GOVERNMENT_INDUSTRY, INDUSTRIES
from features.simulation.history import NEVER, Bools, Floats, History, Integers
from features.terms import Nature

ENTERPRISE, GOVERNMENT, INSTITUTION, INDIVIDUAL = range(len(Nature))
NATURES = tuple(Nature)

_NATURE_SHARES = (0.45, 0.05, 0.09, 0.41)
_REGION_SHARES = (0.13, 0.07, 0.28, 0.11, 0.14, 0.08, 0.05, 0.02, 0.10, 0.02)
# The currency of accounts by region: CNY but in Hong Kong and overseas (USD) and in Taiwan (TWD).
_REGION_CURRENCIES = np.array([0, 0, 0, 0, 0, 0, 0, 2, 1, 2])

# Existing before the first day; come during the history; the others stay prospects.
_EXISTING, _COMING = 0.74, 0.17
_LAPSING = 0.12
# Groups of companies: so many neighbours may form one, and so large a part of them and of their quality.
_GROUP_SPAN, _GROUP_SHARE, _MEMBER_SHARE, _GROUP_WEIGHT = 8, 0.15, 0.7, 0.6

# By nature, of log amounts: total assets, annual budget, total assets, annual income; in CNY.
_SIZE_MEAN = np.log([2.0e7, 6.0e7, 4.0e7, 1.1e5])
_SIZE_SPREAD = np.array([1.5, 1.3, 1.3, 0.55])
# By nature: the median of orders a month and its spread, and the median of an order's amount in CNY.
_ORDER_RATE, _ORDER_SPREAD = np.array([0.13, 0.13, 0.11, 0.04]), 1.1
_TICKET = np.log([1.2e5, 2.5e5, 1.2e5, 1.6e3])
_FISCAL_MONTHS, _FISCAL_SHARES = np.array([11, 2, 5]), (0.86, 0.08, 0.06)


@dataclass(frozen=True, eq=False)
class Population:
    """n customers of one block, each array of shape (n,).

    `quality` is what health returns to, `leverage` what the burden returns to; `size` is a log amount.
    `contact` is the day of first contact, `since` the first of cooperation (NEVER of a lasting prospect),
    `lapse` from when they buy little more. `tenure_from` and `tenure_again` are the day of founding or of
    beginning in the present occupation, and that of the next change (NEVER where there is none).
    """

    numbers: Integers
    nature: Integers
    industry: Integers
    region: Integers
    currency: Integers
    group: Integers
    quality: Floats
    leverage: Floats
    size: Floats
    order_rate: Floats
    ticket: Floats
    contact: Integers
    since: Integers
    lapse: Integers
    tenure_from: Integers
    tenure_again: Integers
    fiscal_month: Integers

    def __len__(self) -> int:
        return len(self.numbers)

    def of(self, *natures: int) -> Bools:
        """Return who is of one of the natures."""
        return np.isin(self.nature, natures)

    def tenure_start(self, owner: Integers, days: Integers) -> Integers:
        """Return since when, on a day, each of some customers exists or has the present occupation."""
        again = self.tenure_again[owner]
        return np.where(again <= days, again, self.tenure_from[owner])


def draw_codes(rng: np.random.Generator, shares: tuple[float, ...], count: int) -> Integers:
    """Return so many places in a list of shares (which add up to 1), each as often as its share."""
    edges = np.cumsum(shares)[:-1]
    return np.searchsorted(edges, rng.random(count), side="right")


def draw_population(rng: np.random.Generator, history: History, start: int, count: int) -> Population:
    """Draw the customers with the numbers from `start` on."""
    nature = draw_codes(rng, _NATURE_SHARES, count)
    region = draw_codes(rng, _REGION_SHARES, count)
    contact, since = _relationship(rng, history, count)
    group = _groups(rng, nature, start)
    shared = rng.standard_normal(count)[np.arange(count) // _GROUP_SPAN * _GROUP_SPAN]
    weight = np.where(group >= 0, _GROUP_WEIGHT, 0.0)
    quality = weight * shared + np.sqrt(1 - weight**2) * rng.standard_normal(count)
    size = rng.standard_normal(count)
    frequency = 0.45 * size + np.sqrt(1 - 0.45**2) * rng.standard_normal(count)
    first = np.minimum(contact, history.first_day)
    age = np.where(nature == INDIVIDUAL, rng.gamma(1.3, 4.0, count), rng.gamma(1.6, 7.0, count))
    lapse = rng.integers(history.first_day, history.last_day, count)
    again = rng.integers(history.first_day, history.last_day, count)
    changes = (nature == INDIVIDUAL) & (rng.random(count) < 0.08 * history.years)
    return Population(
        numbers=np.arange(start, start + count, dtype=np.int64),
        nature=nature,
        industry=_industries(rng, nature),
        region=region,
        currency=_REGION_CURRENCIES[region],
        group=group,
        quality=0.7 * quality,
        leverage=0.9 * rng.standard_normal(count),
        size=_SIZE_MEAN[nature] + _SIZE_SPREAD[nature] * size,
        order_rate=_ORDER_RATE[nature] * np.exp(_ORDER_SPREAD * frequency),
        ticket=_TICKET[nature] + 0.5 * _SIZE_SPREAD[nature] * size + 0.5 * rng.standard_normal(count),
        contact=contact,
        since=since,
        lapse=np.where(rng.random(count) < _LAPSING, lapse, NEVER),
        tenure_from=first - 30 - (age * 365.25).astype(np.int64),
        tenure_again=np.where(changes, again, NEVER),
        fiscal_month=_FISCAL_MONTHS[draw_codes(rng, _FISCAL_SHARES, count)],
    )


def labels_of(catalog: Catalog, indicator: str) -> tuple[str, ...]:
    """Return the levels of a category of the catalog, in their order."""
    return tuple(catalog.by_id[indicator].indicator.levels or ())


def _relationship(rng: np.random.Generator, history: History, count: int) -> tuple[Integers, Integers]:
    kind = rng.random(count)
    before = history.first_day - 30 - np.minimum(rng.exponential(1500.0, count), 7000.0).astype(np.int64)
    during = rng.integers(history.first_day, history.last_day + 1, count)
    since = np.where(kind < _EXISTING, before, np.where(kind < _EXISTING + _COMING, during, NEVER))
    courtship = rng.integers(0, 300, count)
    prospect_from = rng.integers(history.first_day - 500, history.last_day - 60, count)
    return np.where(since == NEVER, prospect_from, since - courtship), since


def _groups(rng: np.random.Generator, nature: Integers, start: int) -> Integers:
    """Return each customer's group of companies, −1 of none; a group is of neighbours in a block."""
    count = len(nature)
    span = np.arange(count) // _GROUP_SPAN
    formed = rng.random(count)[span * _GROUP_SPAN] < _GROUP_SHARE
    member = formed & (nature == ENTERPRISE) & (rng.random(count) < _MEMBER_SHARE)
    return np.where(member, start // _GROUP_SPAN + span, -1)


def _industries(rng: np.random.Generator, nature: Integers) -> Integers:
    result = np.full(len(nature), GOVERNMENT_INDUSTRY, dtype=np.int64)
    for code, shares in (
        (ENTERPRISE, [industry.of_enterprises for industry in INDUSTRIES]),
        (INSTITUTION, [industry.of_institutions for industry in INDUSTRIES]),
        (INDIVIDUAL, [industry.of_individuals for industry in INDUSTRIES]),
    ):
        mine = nature == code
        drawn = draw_codes(rng, tuple(np.array(shares) / np.sum(shares)), len(nature))
        result[mine] = drawn[mine]
    return result
