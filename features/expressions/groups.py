"""SQL of the summaries of everybody's records (`over=`), by what they share with the customer and by day."""

from collections.abc import Iterator, Sequence

from features.expressions.spans import Counted, Picked, is_picked
from features.expressions.staged import StagedTable
from features.expressions.summaries import Ground
from features.expressions.syntax import Aggregate, Column, Over, walk


class GroupSummaries:
    """All aggregates over those of everybody's records of a table that share the same with the customer.

    `statements` create their tables; `lookups` create, for the days asked for, the table `name` of their
    pieces beside the values shared; `cells` says what each aggregate is over a relation joined to it. `ends`:
    whether a record may end, replaced, withdrawn or gone over to a successor.
    """

    def __init__(
        self, place: int, staged: StagedTable, over: Over, aggregates: Sequence[Aggregate], ground: Ground,
        ends: bool,
    ) -> None:  # fmt: skip
        self.name = f"g{place}"
        self._staged, self._over = staged, over
        self._live, self._ids = f"{self.name}_live", f"{self.name}_ids"
        self._keys = [f"{self.name}_key_{pair}" for pair in range(len(over))]
        self._summaries = [
            (Picked if is_picked(aggregate) else Counted)(f"{self.name}_{i}", staged, aggregate, ground, ends)
            for i, aggregate in enumerate(aggregates)
        ]
        self.cells = {
            aggregate: summary.cell for aggregate, summary in zip(aggregates, self._summaries, strict=True)
        }

    def statements(self) -> Iterator[str]:
        """Yield the SQL that creates, from the records of the table, what the days are looked up in."""
        cells = self._staged.cells
        columns = {
            cells[part.name]
            for summary in self._summaries
            for part in walk(summary.aggregate)
            if isinstance(part, Column)
        }
        kept = ", ".join(f"l.{column}" for column in ["effective", "from_", "until_", *sorted(columns)])
        # Numbers in the place of what is shared, for which there may be several columns of any type.
        shared = [cells[pair.column.name] for pair in self._over]
        keys = ", ".join(f"{cell} AS {key}" for cell, key in zip(shared, self._keys, strict=True))
        there = " AND ".join(f"{cell} IS NOT NULL" for cell in shared) or "TRUE"
        distinct = f"SELECT DISTINCT {keys} FROM {self._staged.live} WHERE {there}" if keys else "SELECT 0"
        yield f"CREATE TEMP TABLE {self._ids} AS SELECT *, row_number() OVER () AS group_ FROM ({distinct})"
        same = " AND ".join(f"l.{cell} = i.{key}" for cell, key in zip(shared, self._keys, strict=True))
        yield (
            f"CREATE TEMP TABLE {self._live} AS SELECT i.group_, {kept}"
            f" FROM {self._staged.live} l JOIN {self._ids} i ON {same or 'TRUE'}"
        )
        for summary in self._summaries:
            yield from summary.statements(self._live)

    def lookups(self, base: str, own: Sequence[str]) -> Iterator[str]:
        """Yield the SQL that creates the table of pieces for all that `base` asks for.

        `base` has the columns `as_of` and, of each pair shared, the customer's `own` value.
        """
        values = [f"{value} AS {self._own(pair)}" for pair, value in enumerate(own)]
        there = " AND ".join(f"{value} IS NOT NULL" for value in own) or "TRUE"
        asked = f"SELECT DISTINCT {', '.join([*values, 'as_of'])} FROM {base} WHERE {there}"
        same = " AND ".join(f"i.{key} = a.{self._own(pair)}" for pair, key in enumerate(self._keys))
        relation = f"{self.name}_asked"
        yield (
            f"CREATE OR REPLACE TEMP TABLE {relation} AS SELECT a.*, i.group_ FROM ({asked}) a"
            f" LEFT JOIN {self._ids} i ON {same or 'TRUE'}"
        )
        for summary in self._summaries:
            relation = summary.joined(relation, f"{self.name}_asked")
        yield f"CREATE OR REPLACE TEMP TABLE {self.name} AS SELECT * EXCLUDE (group_) FROM {relation}"

    def hung(self, base: str, own: Sequence[str]) -> str:
        """Return how the table hangs on `base`."""
        same = [f"{self.name}.as_of = {base}.as_of"]
        same += [f"{self.name}.{self._own(pair)} = {base}.{value}" for pair, value in enumerate(own)]
        return f"LEFT JOIN {self.name} ON {' AND '.join(same)}"

    @property
    def columns(self) -> str:
        """The columns of pieces in the table."""
        return f"{self.name}.* EXCLUDE ({', '.join(['as_of', *map(self._own, range(len(self._over)))])})"

    def _own(self, pair: int) -> str:
        return f"{self.name}_own_{pair}"
