"""Everything that checked expressions need of the staged tables, gathered once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from features.expressions.checking import CheckedExpressions
from features.expressions.syntax import Aggregate, Column, Expression, Over, Shared, Summary, walk
from features.sources.record_table import CUSTOMERS, NATURE


@dataclass(frozen=True)
class Plan:
    """The aggregates by table, in the order in which the catalog declares the tables.

    Attributes:
        checked: what is to be computed.
        nature: the customer's nature.
        links: of each table with `key_of`, the customer's key in it.
        own: the aggregates of the customer's own records, by table.
        groups: the aggregates of everybody's records, by table and by what its records share.
    """

    checked: CheckedExpressions
    nature: Aggregate
    links: dict[str, Aggregate]
    own: dict[str, tuple[Aggregate, ...]]
    groups: dict[tuple[str, Over], tuple[Aggregate, ...]]

    @cached_property
    def tables(self) -> dict[str, int]:
        """The place of every table that is read."""
        used = {CUSTOMERS, *self.own, *(table for table, _ in self.groups)}
        return {
            name: i for i, name in enumerate(name for name in self.checked.catalog.tables if name in used)
        }

    def columns(self, table: str) -> set[str]:
        """Return the declared columns of a table that its aggregates read."""
        of_table = list(self.own.get(table, ()))
        shared: set[str] = set()
        for (name, over), aggregates in self.groups.items():
            if name == table:
                of_table += aggregates
                shared |= {pair.column.name for pair in over}
        return shared | {
            part.name for aggregate in of_table for part in walk(aggregate) if isinstance(part, Column)
        }


def plan(checked: CheckedExpressions) -> Plan:
    """Gather the aggregates of checked expressions, and those by which tables and groups are reached."""
    aggregates = list(dict.fromkeys(_aggregates(checked.expressions.values())))
    groups: dict[tuple[str, Over], list[Aggregate]] = defaultdict(list)
    for aggregate in aggregates:
        if aggregate.over is not None:
            groups[aggregate.table, aggregate.over].append(aggregate)
    aggregates += [own_of(pair) for _, over in groups for pair in over]
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
    return Plan(
        checked,
        nature,
        links,
        {name: tuple(of_one) for name, of_one in own.items()},
        {shared: tuple(of_group) for shared, of_group in groups.items()},
    )


def latest(table: str, column: str) -> Aggregate:
    """Return `latest(table.column)`."""
    return Aggregate(Summary.LATEST, table, Column(table, column))


def own_of(pair: Shared) -> Aggregate:
    """Return the customer's own value that an aggregate's records share."""
    return latest(pair.own.table, pair.own.name)


def _aggregates(expressions: Iterable[Expression]) -> Iterable[Aggregate]:
    for expression in expressions:
        yield from (part for part in walk(expression) if isinstance(part, Aggregate))
