"""What the finance department collects: statements, budgets and personal finances, late and restated."""

import numpy as np

from features.simulation.block import Block
from features.simulation.dates import sigmoid
from features.simulation.economy import INDUSTRIES
from features.simulation.history import DECEMBER, YEAR, Bools, Floats, Integers
from features.simulation.mistakes import Shares, with_mistakes
from features.simulation.population import ENTERPRISE, GOVERNMENT, INDIVIDUAL, INSTITUTION
from features.simulation.rows import Rows, blanked_flags, blanked_numbers, joined

_MISTAKES = Shares(late=0.04, wrong=0.012, repeated=0.004)
_BLANK = 0.03
_RESTATED = 0.04

# Revenue ÷ total assets in a usual year, by industry.
_TURNOVER = np.array([0.9 + 0.25 * (place % 4) for place in range(len(INDUSTRIES))])


def financial_statements(rng: np.random.Generator, block: Block) -> Rows:
    """Yearly statements of enterprises and public institutions, filed two to five months after the period."""
    asked = block.population.of(ENTERPRISE, INSTITUTION) & (rng.random(len(block)) < 0.94)
    owner, end = _periods(rng, block, asked, block.population.fiscal_month, share=0.97)
    health, burden = block.health(owner, end), block.burden(owner, end)
    count = len(owner)
    assets = np.exp(
        block.population.size[owner] + block.growth(owner, end) + 0.05 * rng.standard_normal(count)
    )
    leverage = sigmoid(0.8 * burden - 0.15 * health + 0.12 * rng.standard_normal(count))
    liabilities = assets * (leverage + 0.15 * np.maximum(-health - 1.5, 0.0))
    current_liabilities = liabilities * rng.uniform(0.5, 0.8, count)
    current_ratio = np.exp(0.45 + 0.22 * health - 0.15 * burden + 0.2 * rng.standard_normal(count))
    current_assets = np.minimum(current_ratio * current_liabilities, 0.95 * assets)
    inventories = current_assets * rng.beta(2.0, 4.0, count)
    industry = block.population.industry[owner]
    revenue = assets * _TURNOVER[industry] * np.exp(0.25 * rng.standard_normal(count))
    margin = 0.045 + 0.045 * health + 0.012 * block.cycle(owner, end) + 0.03 * rng.standard_normal(count)
    local = _Local(block, owner, end)
    rows = Rows(owner, {
        "period_end": end,
        "filed_on": _filed(rng, block, owner, end, 60, 150),
        "currency": block.currencies(owner),
        "total_assets": local(assets),
        "net_assets": local(assets - liabilities),
        "current_assets": blanked_numbers(rng, local(current_assets), _BLANK),
        "inventories": blanked_numbers(rng, local(inventories), _BLANK),
        "total_liabilities": local(liabilities),
        "current_liabilities": blanked_numbers(rng, local(current_liabilities), _BLANK),
        "revenue": local(revenue),
        "net_profit": blanked_numbers(rng, local(margin * revenue), _BLANK),
        "audited": blanked_flags(rng, rng.random(count) < 0.6, _BLANK),
    })  # fmt: skip
    amounts = ("total_assets", "net_assets", "total_liabilities", "revenue", "net_profit")
    rows = with_mistakes(rng, rows, "filed_on", amounts, shares=_MISTAKES)
    return joined([rows, _restated(rng, rows)])


def fiscal_reports(rng: np.random.Generator, block: Block) -> Rows:
    """Yearly accounts of public bodies and of the level of government that funds them."""
    asked = block.population.of(GOVERNMENT, INSTITUTION) & (rng.random(len(block)) < 0.96)
    december = np.full(len(block), DECEMBER)
    owner, end = _periods(rng, block, asked, december, share=0.97)
    health, burden = block.health(owner, end), block.burden(owner, end)
    count = len(owner)

    def noise(spread: float) -> Floats:
        return spread * rng.standard_normal(count)

    budget = np.exp(block.population.size[owner] + block.growth(owner, end) + noise(0.05))
    expenditure = budget * np.clip(0.97 + 0.04 * burden + noise(0.05), 0.4, 1.6)
    revenue = expenditure * np.clip(1.01 + 0.04 * health + noise(0.04), 0.6, 1.6)
    # The level that funds it, thirty times as large, grows more evenly.
    grown = 0.4 * block.growth(owner, end) + 0.02 * block.cycle(owner, end)
    level = 30.0 * np.exp(block.population.size[owner] + grown + noise(0.02))
    procurement = expenditure * rng.beta(3.0, 7.0, count)
    local = _Local(block, owner, end)
    rows = Rows(owner, {
        "period_end": end,
        "published_on": _filed(rng, block, owner, end, 70, 150),
        "currency": block.currencies(owner),
        "annual_budget": local(budget),
        "revenue": blanked_numbers(rng, local(revenue), _BLANK),
        "expenditure": blanked_numbers(rng, local(expenditure), _BLANK),
        "fiscal_revenue": blanked_numbers(rng, local(0.6 * level), _BLANK),
        "fiscal_resources": local(level),
        "debt_outstanding": blanked_numbers(
            rng, local(level * np.exp(-0.3 + 0.4 * burden + noise(0.1))), _BLANK
        ),
        "overdue_payables": blanked_numbers(
            rng, local(procurement * np.minimum(np.exp(-3.6 - 0.8 * health + noise(0.5)), 1.5)), _BLANK
        ),
        "annual_procurement": local(procurement),
        "debt_overdue_24m": blanked_flags(
            rng, rng.random(count) < sigmoid(-4.5 - 1.1 * health + 0.6 * burden), _BLANK
        ),
    })  # fmt: skip
    return with_mistakes(rng, rows, "published_on", ("annual_budget", "expenditure"), shares=_MISTAKES)


def personal_finances(rng: np.random.Generator, block: Block) -> Rows:
    """Yearly declarations of individuals."""
    asked = block.population.of(INDIVIDUAL) & (rng.random(len(block)) < 0.85)
    december = np.full(len(block), DECEMBER)
    owner, end = _periods(rng, block, asked, december, share=0.93)
    health, burden = block.health(owner, end), block.burden(owner, end)
    count = len(owner)

    def noise(spread: float) -> Floats:
        return spread * rng.standard_normal(count)

    income = np.exp(block.population.size[owner] + block.growth(owner, end) + noise(0.04))
    expenses = income * np.clip(0.74 - 0.08 * health + 0.05 * burden + noise(0.07), 0.2, 1.7)
    service = income * np.clip(0.22 + 0.12 * burden + noise(0.05), 0.0, 1.4)
    local = _Local(block, owner, end)
    rows = Rows(owner, {
        "period_end": end,
        "received_on": _filed(rng, block, owner, end, 20, 130),
        "currency": block.currencies(owner),
        "annual_income": local(income),
        "annual_expenses": blanked_numbers(rng, local(expenses), _BLANK),
        "annual_debt_service": blanked_numbers(rng, local(service), _BLANK),
        "liquid_assets": blanked_numbers(
            rng, local(expenses / YEAR * np.exp(1.0 + 0.5 * health + noise(0.5))), _BLANK
        ),
        "net_assets": blanked_numbers(
            rng, local(income * (2.0 + 1.5 * health - burden + noise(1.5))), _BLANK
        ),
    })  # fmt: skip
    return with_mistakes(rng, rows, "received_on", ("annual_income", "annual_expenses"), shares=_MISTAKES)


class _Local:
    """Amounts of some rows in the currency of their owners."""

    def __init__(self, block: Block, owner: Integers, days: Integers) -> None:
        self._block, self._owner, self._days = block, owner, days

    def __call__(self, amounts: Floats) -> Floats:
        return self._block.local(self._owner, self._days, amounts)


def _periods(
    rng: np.random.Generator, block: Block, asked: Bools, fiscal_month: Integers, *, share: float
) -> tuple[Integers, Integers]:
    """Return owners and ends of the fiscal years of those asked; a share of the periods is delivered."""
    months = block.history.calendar_months
    delivered = (
        asked[:, None] & (months == fiscal_month[:, None]) & (rng.random((len(block), len(months))) < share)
    )
    owner, month = np.nonzero(delivered)
    return owner, block.history.ends[month]


def _filed(
    rng: np.random.Generator, block: Block, owner: Integers, end: Integers, soonest: int, latest: int
) -> Integers:
    """Return days of filing; what a customer brings along is filed within a month of the first contact."""
    filed = end + rng.integers(soonest, latest + 1, len(end))
    brought = block.population.contact[owner] + rng.integers(0, 31, len(end))
    result: Integers = np.maximum(filed, brought)
    return result


def _restated(rng: np.random.Generator, rows: Rows) -> Rows:
    """Return the statements that are filed again, four to ten months later, with less profit and equity."""
    again = rows.take(rng.random(len(rows)) < _RESTATED)
    loss = np.asarray(again.columns["total_assets"]) * rng.uniform(0.01, 0.06, len(again))
    return again.given(
        filed_on=again.days("filed_on") + rng.integers(120, 301, len(again)),
        net_assets=np.round(np.asarray(again.columns["net_assets"]) - loss, 2),
        net_profit=np.round(np.asarray(again.columns["net_profit"]) - loss, 2),
        total_assets=np.round(np.asarray(again.columns["total_assets"]) - loss, 2),
    )
