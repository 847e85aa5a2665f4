"""Everything that checked expressions need of the staged tables, gathered once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from features.expressions.checking import CheckedExpressions
from features.expressions.syntax import Aggregate, Column, Expression, Summary, walk
from features.sources.record_table import CUSTOMERS, NATURE


@dataclass(frozen=True)
class Plan:
    """The aggregates by table, in the order in which the catalog declares the tables.

    Attributes:
        checked: what is to be computed.
        nature: the customer's nature.
        links: of each table with `key_of`, the customer's key in it.
        own: the aggregates of the customer's own records, by table.
        groups: the aggregates of everybody's records.
    """

    checked: CheckedExpressions
    nature: Aggregate
    links: dict[str, Aggregate]
    own: dict[str, tuple[Aggregate, ...]]
    groups: tuple[Aggregate, ...]

    @cached_property
    def tables(self) -> dict[str, int]:
        """The place of every table that is read."""
        used = {CUSTOMERS, *self.own, *(group.table for group in self.groups)}
        return {
            name: i for i, name in enumerate(name for name in self.checked.catalog.tables if name in used)
        }

    def columns(self, table: str) -> set[str]:
        """Return the declared columns of a table that its aggregates read."""
        of_table = [*self.own.get(table, ()), *(group for group in self.groups if group.table == table)]
        return {
            part.name for aggregate in of_table for part in walk(aggregate) if isinstance(part, Column)
        } | {aggregate.over.name for aggregate in of_table if isinstance(aggregate.over, Column)}


def plan(checked: CheckedExpressions) -> Plan:
    """Gather the aggregates of checked expressions, and those by which tables and groups are reached."""
    aggregates = list(dict.fromkeys(_aggregates(checked.expressions.values())))
    groups = [aggregate for aggregate in aggregates if aggregate.over is not None]
    aggregates += [group_of(aggregate) for aggregate in groups if isinstance(aggregate.over, Column)]
    nature = latest(CUSTOMERS, NATURE)
    links = {}
    for name in {aggregate.table for aggregate in aggregates}:
        key_of = checked.catalog.tables[name].key_of
        if key_of is not None:
            links[name] = latest(*key_of.split("."))
    own: dict[str, dict[Aggregate, None]] = defaultdict(dict)
    for aggregate in (nature, *links.values(), *aggregates):
        if aggregate.over is None:
            own[aggregate.table][aggregate] = None
    return Plan(checked, nature, links, {name: tuple(of_one) for name, of_one in own.items()}, tuple(groups))


def latest(table: str, column: str) -> Aggregate:
    """Return `latest(table.column)`."""
    return Aggregate(Summary.LATEST, table, Column(table, column))


def group_of(aggregate: Aggregate) -> Aggregate:
    """Return the customer's own value by which an aggregate over everybody groups."""
    assert isinstance(aggregate.over, Column)
    return latest(aggregate.over.table, aggregate.over.name)


def _aggregates(expressions: Iterable[Expression]) -> Iterable[Aggregate]:
    for expression in expressions:
        yield from (part for part in walk(expression) if isinstance(part, Aggregate))
