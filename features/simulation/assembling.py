"""From a block's rows to Arrow tables as declared, with departments' keys and nothing from later."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.catalog import Catalog
from features.simulation import credit, finance, relations, trade
from features.simulation.block import Block
from features.simulation.course import Evaluation, draw_course
from features.simulation.economy import Economy
from features.simulation.history import NO_DAY, Bools, History, Integers
from features.simulation.identity import (
    as_dates,
    crosswalk_of,
    draw_identity,
    groups_of,
    serials,
    successions_of,
)
from features.simulation.outcomes import TERMS
from features.simulation.population import draw_population
from features.simulation.rows import Cells, Codes, Rows, Serials
from features.sources.record_table import ColumnType, RecordTable

CROSSWALK, SUCCESSIONS, GROUPS, PROBABILITIES = "crosswalk", "successions", "groups", "probabilities"
BLOCK = 4000
# Tables in which a few rows come twice, the second time under a key that nobody has.
_TYPED_BY_HAND, _MISTYPED = ("orders", "payments"), 0.0005

_DRAWN: dict[str, Callable[[np.random.Generator, Block], Rows]] = {
    "customers": relations.customers,
    "registrations": relations.registrations,
    "identity_checks": credit.identity_checks,
    "public_records": credit.public_records,
    "lawsuits": credit.lawsuits,
    "breaches": credit.breaches,
    "financial_statements": finance.financial_statements,
    "fiscal_reports": finance.fiscal_reports,
    "personal_finances": finance.personal_finances,
    "credit_reports": credit.credit_reports,
    "tax_grades": credit.tax_grades,
    "trade_references": credit.trade_references,
    "customer_visits": relations.customer_visits,
    "service_requests": relations.service_requests,
    "market_research": relations.market_research,
}
_ARROW = {
    ColumnType.KEY: pa.string(),
    ColumnType.TEXT: pa.string(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.FLAG: pa.bool_(),
    ColumnType.DATE: pa.date32(),
}


@dataclass(frozen=True, eq=False)
class Company:
    """What every block of a company shares: the catalog that declares its tables, its history and economy."""

    catalog: Catalog
    history: History
    economy: Economy
    seed: int
    customers: int


def draw_block(company: Company, number: int) -> dict[str, pa.Table]:
    """Draw the customers of one block, with all tables by name.

    A whole block is drawn and what is beyond the number of customers cut off, each table by a generator of
    its own: a customer's records depend on the seed and the customer's number, not on how many there are.
    """
    start = number * BLOCK
    generators = (
        np.random.default_rng(np.random.SeedSequence(company.seed, spawn_key=(1, number, stream)))
        for stream in range(len(_DRAWN) + 7)
    )
    population = draw_population(next(generators), company.history, start, BLOCK)
    identity = draw_identity(next(generators), population, company.history)
    course = draw_course(next(generators), population, company.economy, company.history)
    block = Block(company.catalog, company.history, company.economy, population, course, identity)
    bought = trade.draw_orders(next(generators), block)
    rows = {
        "orders": bought.orders,
        "payments": trade.payments(next(generators), block, bought.invoiced),
        "contracts": trade.contracts(next(generators), block, bought.invoiced),
    }
    for name, draw in _DRAWN.items():
        rows[name] = draw(next(generators), block)
    kept = population.numbers < company.customers
    tables = {
        name: _assembled(block, company.catalog.tables[name], mine, kept) for name, mine in rows.items()
    }
    typing = next(generators)
    for name in _TYPED_BY_HAND:
        tables[name] = _with_mistyped_keys(typing, tables[name], company.catalog.tables[name].key)
    tables[CROSSWALK] = crosswalk_of(identity, population, kept)
    tables[SUCCESSIONS] = successions_of(identity, kept)
    tables[GROUPS] = groups_of(identity, population, kept)
    tables[PROBABILITIES] = pa.concat_tables(
        [_truth(block, evaluation, kept) for evaluation in course.evaluations[1:]]
    )
    return tables


def schema_of(table: RecordTable) -> pa.Schema:
    """Return the Arrow columns of a declared table."""
    return pa.schema([(name, _ARROW[column.type]) for name, column in table.columns.items()])


def _assembled(block: Block, table: RecordTable, rows: Rows, kept: Bools) -> pa.Table:
    """Return the rows of those kept, as far as they are known by the last day and from contact on."""
    effective = rows.days(table.effective or "")
    known = rows.days(table.known_at or table.effective or "")
    owner = rows.owner
    delivered = kept[owner] & (known <= block.history.last_day) & (effective <= block.history.last_day)
    delivered &= (known >= block.population.contact[owner]) & (effective <= block.identity.ended[owner])
    rows, effective = rows.take(delivered), effective[delivered]
    arrays = []
    for name, column in table.columns.items():
        if name == table.key:
            arrays.append(block.identity.keys(table.system, rows.owner, effective))
        else:
            arrays.append(_array(rows.columns[name], column.type))
    return pa.Table.from_arrays(arrays, schema=schema_of(table))


def _with_mistyped_keys(rng: np.random.Generator, table: pa.Table, key: str) -> pa.Table:
    """Return a table with some rows delivered once more, under a key with the letter O for a zero."""
    again = table.filter(pa.array(rng.random(table.num_rows) < _MISTYPED))
    place = table.schema.get_field_index(key)
    mistyped = pc.replace_substring(again[key], "0", "O", max_replacements=1)
    return pa.concat_tables([table, again.set_column(place, key, mistyped)])


def _array(cells: Cells, type_: ColumnType) -> pa.Array:
    if isinstance(cells, Codes):
        codes = pa.array(cells.values.astype(np.int32), mask=cells.values < 0)
        return pa.array(cells.labels, type=pa.string()).take(codes)
    if isinstance(cells, Serials):
        return serials(cells.prefix, cells.values)
    match type_:
        case ColumnType.DATE:
            return as_dates(np.asarray(cells))
        case ColumnType.FLAG:
            return pa.array(cells == 1, mask=cells < 0)
        case _:
            return pa.array(cells, mask=np.isnan(cells))


def _truth(block: Block, evaluation: Evaluation, kept: Bools) -> pa.Table:
    """Return the true probabilities of one day of evaluation, for customers whose year no merger breaks."""
    following = block.history.evaluation_after(np.array([evaluation.day + 1]))
    end = evaluation.day if evaluation.year is None else int(following[0])
    ended = block.identity.ended
    successor = np.full(len(block), -1)
    successor[block.identity.merged - 1] = block.identity.merged
    absorbing = np.where(successor >= 0, ended[successor], -1)
    whole = (ended > end) & ~((absorbing > evaluation.day) & (absorbing <= end))
    places = np.flatnonzero(kept & evaluation.there & whole)
    rows = pa.array(places)
    terms = {f"term_{name}": pa.array(evaluation.terms[name][places]) for name in TERMS}
    return pa.table({
        "customer_id": block.identity.customer_ids.take(rows),
        "nature": _array(block.natures(places), ColumnType.TEXT),
        "as_of": as_dates(np.full(len(places), evaluation.day)),
        "probability": pa.array(evaluation.probability[places]),
        "outcome": _outcome(evaluation, places),
        "event_on": as_dates(_event(evaluation, places)),
        **terms,
    })  # fmt: skip


def _outcome(evaluation: Evaluation, places: Integers) -> pa.Array:
    if evaluation.year is None:
        return pa.nulls(len(places), pa.bool_())
    return pa.array(evaluation.year.adverse[places])


def _event(evaluation: Evaluation, places: Integers) -> Integers:
    if evaluation.year is None:
        return np.full(len(places), NO_DAY)
    return evaluation.year.event[places]
