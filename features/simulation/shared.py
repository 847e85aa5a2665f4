"""Tables that are of no customer: statistics of the industries, and exchange rates."""

import numpy as np
import pyarrow as pa

from features.catalog import Catalog
from features.simulation.economy import CURRENCIES, INDUSTRIES, Economy, rate_days
from features.simulation.history import DECEMBER, YEAR, History
from features.simulation.identity import as_dates
from features.simulation.population import labels_of

_GROWTH_OF_CYCLE = 0.05


def industry_statistics(
    rng: np.random.Generator, catalog: Catalog, history: History, economy: Economy
) -> pa.Table:
    """Return growth, size and competition of every industry for each calendar year, published in spring."""
    ends = np.flatnonzero(history.calendar_months == DECEMBER)
    levels = labels_of(catalog, "competition_intensity")
    lines = []
    for place, industry in enumerate(INDUSTRIES):
        market = industry.market
        for end in ends:
            cycle = float(economy.cycles[max(end - YEAR + 1, 0) : end + 1, place].mean())
            growth = round(industry.growth + _GROWTH_OF_CYCLE * cycle, 4)
            market *= 1 + growth
            published = int(history.ends[end] + rng.integers(45, 100))
            competition = levels[min(max(industry.competition + (cycle < -1.0), 0), len(levels) - 1)]
            lines.append(
                (industry.code, int(history.ends[end]), published, growth, round(market), competition)
            )
    known = [line for line in lines if line[2] <= history.last_day]
    codes, year_ends, published_on, growths, markets, competitions = zip(*known, strict=True)
    return pa.table({
        "industry": pa.array(codes, pa.string()),
        "year_end": as_dates(np.array(year_ends)),
        "published_on": as_dates(np.array(published_on)),
        "growth": pa.array(growths, pa.float64()),
        "market_size": pa.array(markets, pa.float64()),
        "competition": pa.array(competitions, pa.string()),
    })  # fmt: skip


def exchange_rates(history: History, economy: Economy) -> pa.Table:
    """Return what one unit of each other currency is worth in the first, by the first day of a month."""
    days = rate_days(history)
    count = len(CURRENCIES) - 1
    return pa.table({
        "currency": pa.array(np.repeat(CURRENCIES[1:], len(days)), pa.string()),
        "effective": as_dates(np.tile(days, count)),
        "rate": pa.array(economy.rates[:, 1:].T.ravel()),
    })  # fmt: skip
