"""What sales, marketing and service know: master data, registrations, visits, surveys, requests."""

import numpy as np

from features.simulation.block import Block
from features.simulation.dates import by_chance, sigmoid, yearly
from features.simulation.economy import INDUSTRIES
from features.simulation.history import LEAD, NEVER, NO_DAY, YEAR, Floats, Integers
from features.simulation.mistakes import Shares, with_mistakes
from features.simulation.population import ENTERPRISE, GOVERNMENT, INDIVIDUAL, INSTITUTION, draw_codes
from features.simulation.rows import (
    NO_CODE,
    Codes,
    Rows,
    blanked_days,
    blanked_flags,
    blanked_numbers,
    blanked_texts,
)

_BLANK = 0.03
_MISTAKES = Shares(late=0.02, wrong=0.004, repeated=0.002)

# By nature, in the order of the catalog: personal, purchasing department, management, budget, tender, group.
_DECISION_SHARES = (
    (0.05, 0.45, 0.38, 0.0, 0.02, 0.10),
    (0.0, 0.05, 0.05, 0.40, 0.50, 0.0),
    (0.0, 0.20, 0.15, 0.30, 0.35, 0.0),
    (1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
)
_OCCUPATION_SHARES = (0.08, 0.16, 0.09, 0.18, 0.14, 0.13, 0.05, 0.08, 0.0, 0.05, 0.02, 0.02)
_LEVEL_SHARES = (0.03, 0.12, 0.25, 0.40, 0.20)
_FUNDING_SHARES = (0.5, 0.35, 0.15)
_KIND_SHARES = (0.36, 0.16, 0.12, 0.16, 0.12, 0.05, 0.03)


def customers(rng: np.random.Generator, block: Block) -> Rows:
    """Master data: entered at first contact and when cooperation begins, and confirmed now and then."""
    population, history, count = block.population, block.history, len(block)
    everybody = np.arange(count)
    opening = np.maximum(population.contact, history.first_day - rng.integers(1, 400, count))
    begun = np.flatnonzero((population.since > opening) & (population.since < NEVER))
    owner, day = yearly(rng, history, count, 0.3)
    after = day > opening[owner]
    owner = np.concatenate([everybody, begun, owner[after]])
    day = np.concatenate([opening, population.since[begun], day[after]])
    rows = len(owner)
    since = population.since[owner]
    existing = since <= day
    personal = population.nature[owner] == INDIVIDUAL
    moved = rng.integers(history.first_day, history.last_day, count)
    resident = np.where(rng.random(count) < 0.12, moved, NEVER)[owner]
    lived = opening - (365.25 * rng.gamma(1.5, 6.0, count)).astype(np.int64)
    born = history.first_day - (365.25 * (22.0 + 50.0 * rng.beta(1.6, 2.2, count))).astype(np.int64)
    born = np.minimum(born, np.minimum(population.tenure_from, lived) - 16 * 365)
    decision = np.empty(count, np.int64)
    for nature, shares in enumerate(_DECISION_SHARES):
        mine = population.nature == nature
        decision[mine] = draw_codes(rng, shares, count)[mine]
    occupation = draw_codes(rng, _OCCUPATION_SHARES, count)

    def of_persons(days: Integers) -> Integers:
        return np.where(personal, days, NO_DAY)

    table = Rows(owner, {
        "updated_on": day,
        "entered_on": day + rng.integers(0, 6, rows),
        "nature": block.natures(owner),
        "relationship": Codes(np.where(existing, 0, 1), block.labels("relationship")),
        "industry": Codes(population.industry[owner], tuple(industry.code for industry in INDUSTRIES)),
        "decision_process": blanked_texts(
            rng, Codes(decision[owner], block.labels("decision_process")), _BLANK
        ),
        "cooperating_since": np.where(existing, since, NO_DAY),
        "born_on": blanked_days(rng, of_persons(born[owner]), _BLANK),
        "occupation": blanked_texts(
            rng, Codes(np.where(personal, occupation[owner], NO_CODE), block.labels("occupation")), _BLANK
        ),
        "employed_since": blanked_days(rng, of_persons(population.tenure_start(owner, day)), _BLANK),
        "residence_region": Codes(
            np.where(personal, population.region[owner], NO_CODE), block.labels("residence_region")
        ),
        "resident_since": blanked_days(
            rng, of_persons(np.where(resident <= day, resident, lived[owner])), _BLANK
        ),
    })  # fmt: skip
    # The first row says that the customer exists.
    return with_mistakes(rng, table, "entered_on", shares=_MISTAKES, pinned=np.arange(rows) < count)


def registrations(rng: np.random.Generator, block: Block) -> Rows:
    """The register's facts on companies and public bodies, from the first contact and now and then."""
    population, history, count = block.population, block.history, len(block)
    company = population.nature != INDIVIDUAL
    places = np.flatnonzero(company)
    first = np.maximum(population.contact, history.first_day - 500)[places]
    owner, day = yearly(rng, history, count, 0.25)
    later = company[owner] & (day > population.contact[owner])
    owner, day = np.concatenate([places, owner[later]]), np.concatenate([first, day[later]])
    nature = population.nature[owner]
    capital = np.exp(np.round(population.size - 1.6 + 0.7 * rng.standard_normal(count), 1))[owner]
    capital = np.maximum(np.round(capital, -4), 1e4)
    paid_from = rng.beta(1.6, 1.0, count)[owner]
    years = np.maximum(day - population.tenure_from[owner], 0) / 365.25
    paid = np.minimum(paid_from + 0.03 * years, 1.0)
    funded = np.isin(nature, (ENTERPRISE, INSTITUTION))
    scopes = block.labels("business_scope")
    scope = np.array([scopes.index(industry.scope) for industry in INDUSTRIES])[population.industry[owner]]
    level, funding = (
        draw_codes(rng, _LEVEL_SHARES, count)[owner],
        draw_codes(rng, _FUNDING_SHARES, count)[owner],
    )

    def only(place: int, codes: Integers, indicator: str) -> Codes:
        mine = np.where(nature == place, codes, NO_CODE)
        return blanked_texts(rng, Codes(mine, block.labels(indicator)), _BLANK)

    return Rows(owner, {
        "recorded_on": day,
        "region": Codes(population.region[owner], block.labels("registered_region")),
        "business_scope": only(ENTERPRISE, scope, "business_scope"),
        "currency": block.currencies(owner),
        "registered_capital": np.where(funded, block.local(owner, day, capital), np.nan),
        "paid_in_capital": blanked_numbers(
            rng, np.where(nature == ENTERPRISE, block.local(owner, day, capital * paid), np.nan), _BLANK
        ),
        "founded_on": np.where(funded, population.tenure_from[owner], NO_DAY),
        "administrative_level": only(GOVERNMENT, level, "administrative_level"),
        "funding_type": only(INSTITUTION, funding, "funding_type"),
    })  # fmt: skip


def customer_visits(rng: np.random.Generator, block: Block) -> Rows:
    """What account managers see of plans and expect of demand, about once a year."""
    population, history = block.population, block.history
    owner, day = yearly(rng, history, len(block), 0.5)
    personal = population.nature[owner] == INDIVIDUAL
    seen = (population.contact[owner] < day) & (~personal | (rng.random(len(owner)) < 0.5))
    owner, day, personal = owner[seen], day[seen], personal[seen]
    count = len(owner)
    health = block.health(owner, day)
    clarity = population.quality[owner] + 0.8 * rng.standard_normal(count)
    goals = rng.integers(3, 9, count)
    met = rng.binomial(goals, sigmoid(0.8 + 0.6 * health)).astype(np.float64)
    met[personal] = np.nan
    size = block.growth(owner, day)
    demand = (
        population.order_rate[owner]
        * YEAR
        * np.exp(population.ticket[owner] + 0.18 + 1.3 * size + 0.35 * rng.standard_normal(count))
    )
    growth: Floats = np.maximum(0.04 + 0.08 * health + 0.15 * rng.standard_normal(count), -0.95)
    plan = np.where(personal, NO_CODE, np.digitize(clarity, [1.0, 0.0, -0.9]))
    rows = Rows(owner, {
        "visited_on": day,
        "reported_on": day + rng.integers(0, 20, count),
        "plan": blanked_texts(rng, Codes(plan, block.labels("strategic_plan_clarity")), _BLANK),
        "goals_set": np.where(personal, np.nan, goals),
        "goals_met": blanked_numbers(rng, met, _BLANK),
        "currency": block.currencies(owner),
        "expected_demand": blanked_numbers(
            rng, np.where(personal, np.nan, block.local(owner, day, demand)), _BLANK
        ),
        "expected_growth": blanked_numbers(rng, np.round(growth, 3), _BLANK),
    })  # fmt: skip
    return with_mistakes(rng, rows, "reported_on", shares=Shares(wrong=0.0, repeated=0.0))


def market_research(rng: np.random.Generator, block: Block) -> Rows:
    """Surveys: our share of purchases, and what companies and institutions spend on R&D."""
    population = block.population
    owner, day = yearly(rng, block.history, len(block), 0.45)
    personal = population.nature[owner] == INDIVIDUAL
    seen = (population.contact[owner] < day) & (~personal | (rng.random(len(owner)) < 0.5))
    owner, day = owner[seen], day[seen]
    count = len(owner)
    typical = rng.beta(1.5, 3.0, len(block))[owner]
    share = np.clip(typical + 0.05 * rng.standard_normal(count), 0.0, 1.0)
    researching = np.isin(population.nature[owner], (ENTERPRISE, INSTITUTION))
    turnover = np.exp(population.size[owner] + block.growth(owner, day) + 0.2 * rng.standard_normal(count))
    intensity = 0.03 * np.exp(0.9 * rng.standard_normal(len(block)))[owner]
    rows = Rows(owner, {
        "surveyed_on": day,
        "reported_on": day + rng.integers(10, 60, count),
        "share_of_wallet": blanked_numbers(rng, np.round(share.astype(np.float64), 3), _BLANK),
        "research_spending": blanked_numbers(
            rng, np.where(researching, np.round(intensity * turnover, 2), np.nan), _BLANK
        ),
        "turnover": np.where(researching, np.round(turnover, 2), np.nan),
    })  # fmt: skip
    return with_mistakes(rng, rows, "reported_on", shares=Shares(wrong=0.0, repeated=0.0))


def service_requests(rng: np.random.Generator, block: Block) -> Rows:
    """Requests for service and enquiries, mostly of one kind for each customer, and some complaints."""
    population, history = block.population, block.history
    rate = np.where(population.of(INDIVIDUAL), 0.025, 0.05) * rng.gamma(1.2, 1 / 1.2, len(block))
    there = population.contact <= history.starts[LEAD:-1, None]
    owner, day = by_chance(rng, history, rate * np.exp(0.3 * block.course.size[LEAD:]) * there)
    usual = draw_codes(rng, _KIND_SHARES, len(block))
    kind = np.where(rng.random(len(owner)) < 0.7, usual[owner], draw_codes(rng, _KIND_SHARES, len(owner)))
    rows = Rows(owner, {
        "request_no": block.serials("SYN-S", len(owner)),
        "requested_on": day,
        "kind": blanked_texts(rng, Codes(kind, block.labels("demand_kind")), _BLANK),
        "complaint": blanked_flags(rng, rng.random(len(owner)) < 0.12, 0.01),
    })  # fmt: skip
    return with_mistakes(rng, rows, "requested_on", shares=Shares(late=0.0, wrong=0.0))
