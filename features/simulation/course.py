"""The hidden course of customers: health, burden and size month by month, outcomes year by year."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.simulation.economy import Economy
from features.simulation.history import LEAD, YEAR, Bools, Floats, History, Integers
from features.simulation.outcomes import (
    State,
    Year,
    draw_arrears,
    draw_year,
    log_odds_terms,
    probability_of,
)
from features.simulation.population import ENTERPRISE, INDIVIDUAL, Population

# Monthly: health returns to a customer's quality, pushed by news, the cycle, episodes and adverse events.
HEALTH_KEPT, _HEALTH_NEWS, _HEALTH_CYCLE = 0.93, 0.25, 0.03
_EPISODE_SHARE, _EPISODE_DEPTH, _SCAR = 0.006, 1.0, 0.8
_BURDEN_KEPT, _BURDEN_NEWS, _BURDEN_OF_HEALTH = 0.97, 0.05, 0.4
# Yearly growth of size.
_GROWTH, _GROWTH_OF_HEALTH, _GROWTH_OF_CYCLE, _GROWTH_NEWS = 0.04, 0.05, 0.03, 0.16
# Nobody is evaluated before the first month, or has an arrear before the first invoices were due.
FIRST_MONTH, _DAYS_OF_COOPERATION = 30, 100
DAYS_A_YEAR = 365.25


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One day of evaluation of n customers: who was there, the arrears, the true probability and its terms.

    `year` is what followed, None of the last day, after which nothing is known.
    """

    day: int
    there: Bools
    arrears: Integers
    probability: Floats
    terms: dict[str, Floats]
    year: Year | None


@dataclass(frozen=True, eq=False)
class Course:
    """Latent paths of shape (months, n), and the evaluations: the one before the first day, then one a year.

    `size` is the log of the size relative to that at the first day.
    """

    health: Floats
    burden: Floats
    size: Floats
    evaluations: Sequence[Evaluation]

    @property
    def events(self) -> Integers:
        """The first adverse day of each year, shape (years, n), NO_DAY where there is none."""
        return np.array([e.year.event for e in self.evaluations if e.year is not None])


def draw_course(
    rng: np.random.Generator, population: Population, economy: Economy, history: History
) -> Course:
    """Draw the course of a block; an adverse event weighs on the health of the months after it."""
    shape = history.months, len(population)
    cycle = economy.cycles[:, population.industry]
    sensitivity = np.where(population.of(ENTERPRISE, INDIVIDUAL), 1.0, 0.4)
    news = _HEALTH_NEWS * rng.standard_normal(shape) + _HEALTH_CYCLE * sensitivity * cycle
    episodes = rng.random(shape) < _EPISODE_SHARE
    news -= np.where(episodes, rng.exponential(_EPISODE_DEPTH, shape), 0.0)
    burden_news = _BURDEN_NEWS * rng.standard_normal(shape)
    growth = _GROWTH + _GROWTH_OF_CYCLE * cycle + _yearly(rng, shape)
    health, burden, size = np.empty(shape), np.empty(shape), np.empty(shape)
    now = population.quality + 0.65 * rng.standard_normal(len(population))
    debt, log_size = population.leverage, np.zeros(len(population))
    evaluations = []
    for month in range(history.months):
        now = population.quality + HEALTH_KEPT * (now - population.quality) + news[month]
        target = population.leverage - _BURDEN_OF_HEALTH * (now - population.quality)
        debt = _BURDEN_KEPT * debt + (1 - _BURDEN_KEPT) * target + burden_news[month]
        log_size = log_size + (growth[month] + _GROWTH_OF_HEALTH * now) / YEAR
        health[month], burden[month], size[month] = now, debt, log_size
        if month >= LEAD - 1 and (month - LEAD + 1) % YEAR == 0:
            grown = log_size - size[month - YEAR]
            evaluation = _evaluate(rng, population, history, month, now, debt, cycle[month], grown)
            evaluations.append(evaluation)
            if evaluation.year is not None:
                hit = np.flatnonzero(evaluation.year.adverse)
                news[history.month_of(evaluation.year.event[hit]), hit] -= _SCAR
    return Course(health, burden, size - size[LEAD - 1], evaluations)


def _evaluate(
    rng: np.random.Generator,
    population: Population,
    history: History,
    month: int,
    health: Floats,
    burden: Floats,
    cycle: Floats,
    growth: Floats,
) -> Evaluation:
    day = int(history.ends[month])
    there = population.since <= day - FIRST_MONTH
    everybody = np.arange(len(population))
    began = population.tenure_start(everybody, np.full(len(population), day))
    arrears = draw_arrears(rng, health, population.since <= day - _DAYS_OF_COOPERATION)
    years = np.maximum(day - began, 0) / DAYS_A_YEAR
    terms = log_odds_terms(State(population.nature, health, burden, cycle, growth, years, arrears))
    probability = probability_of(terms)
    year = None
    if day < history.last_day:
        end = int(history.ends[month + YEAR])
        year = draw_year(rng, probability, there, arrears, day, end)
    return Evaluation(day, there, arrears.astype(np.int64), probability, terms, year)


def _yearly(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Return the news of growth, the same for twelve months; shape (months, n)."""
    months, count = shape
    drawn = rng.normal(0.0, _GROWTH_NEWS, (-(-months // YEAR), count))
    return np.repeat(drawn, YEAR, axis=0)[:months]
