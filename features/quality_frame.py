"""SQL over the files of a build: an indicator's value as an evaluation takes it, and to whom it applies."""

from dataclasses import dataclass
from functools import cached_property
from string import whitespace

import duckdb

from features.building import EVIDENCE, INDICATORS, Built
from features.catalog import Catalog, Kind, Placed
from features.condition import Condition
from features.expressions import sql
from features.expressions.staged import BuildError, check_columns
from features.sources.engine import count_of, pattern_of, quoted

_TYPES = {Kind.NUMBER: "DOUBLE", Kind.FLAG: "BOOLEAN", Kind.CATEGORY: "VARCHAR"}
_IDENTITY = {"customer_id": "VARCHAR", "nature": "VARCHAR", "as_of": "DATE"}
_CELLS = {
    "customer_id": "VARCHAR",
    "as_of": "DATE",
    "indicator": "VARCHAR",
    "department": "VARCHAR",
    "evidence": "DATE",
    "status": "VARCHAR",
    "stale": "BOOLEAN",
}
_BLANKS = whitespace + "\u00a0\u3000"


@dataclass(frozen=True)
class Frame:
    """The two files of a build of one catalog, as relations, and expressions over a row of `indicators`."""

    catalog: Catalog
    built: Built

    @property
    def indicators(self) -> str:
        """A row for each customer on a day."""
        return f"read_parquet({sql.text(pattern_of(self.built.indicators))})"

    @property
    def evidence(self) -> str:
        """A row for each cell of the former."""
        return f"read_parquet({sql.text(pattern_of(self.built.evidence))})"

    @cached_property
    def computed(self) -> tuple[Placed, ...]:
        """The indicators that have a column, since they have an expression."""
        return tuple(placed for placed in self.catalog.placed if placed.indicator.value is not None)

    def check(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Check that the files are there, are of this catalog and belong together.

        Raises:
            BuildError: names the file and, if it is one, the column.
        """
        values = {placed.id: _TYPES[placed.indicator.kind] for placed in self.computed}
        check_columns(connection, self.indicators, _IDENTITY | values, INDICATORS)
        check_columns(connection, self.evidence, _CELLS, EVIDENCE)
        rows, cells = (
            count_of(connection, f"SELECT count(*) FROM {relation}")
            for relation in (self.indicators, self.evidence)
        )
        if cells != rows * len(self.computed):
            raise BuildError(
                f"{EVIDENCE}: {cells} rows are not those of {rows} customers on days and "
                f"{len(self.computed)} indicators; build both files anew"
            )

    def value(self, placed: Placed) -> str:
        """Return an indicator's value, NULL where it is missing or a code for none."""
        if placed.indicator.value is None:
            return "NULL"
        nothing = self.stands_for_nothing(placed)
        column = quoted(placed.id)
        return column if nothing is None else f"CASE WHEN NOT {nothing} THEN {column} END"

    def stands_for_nothing(self, placed: Placed) -> str | None:
        """Return whether a value is a code for none; None of an indicator without such codes."""
        indicator, column = placed.indicator, quoted(placed.id)
        if indicator.kind is Kind.NUMBER:
            codes = [_number(code) for code in indicator.missing if not isinstance(code, str)]
        elif indicator.kind is Kind.CATEGORY:
            codes = [sql.text(code) for code in indicator.missing if isinstance(code, str)]
            column = f"trim({column}, {sql.text(_BLANKS)})"
        else:
            codes = []
        return f"({column} IN ({', '.join(codes)}))" if codes and indicator.value is not None else None

    def impossible(self, placed: Placed) -> str | None:
        """Return whether a value lies outside the indicator's bounds; None of one without bounds."""
        indicator, value = placed.indicator, self.value(placed)
        bounds = (("<", indicator.minimum), (">", indicator.maximum))
        outside = [f"{value} {sign} {_number(bound)}" for sign, bound in bounds if bound is not None]
        return f"({' OR '.join(outside)})" if outside and indicator.value is not None else None

    def applies(self, placed: Placed) -> str:
        """Return whether an indicator applies to a customer of a nature for which it is declared.

        A condition on what is not known counts as met.
        """
        return " AND ".join(self._met_or_unknown(condition) for condition in placed.conditions) or "TRUE"

    def _met_or_unknown(self, condition: Condition) -> str:
        placed = self.catalog.by_id[condition.indicator]
        value = self.value(placed)
        if value == "NULL":
            return "TRUE"
        bounds = (
            (">=", condition.at_least),
            ("<=", condition.at_most),
            (">", condition.above),
            ("<", condition.below),
        )
        for sign, bound in bounds:
            if bound is not None:
                return f"coalesce({value} {sign} {_number(bound)}, TRUE)"
        if isinstance(condition.is_, bool):
            return f"coalesce({value} = {condition.is_}, TRUE)"
        # Of a level that the catalog does not have nothing is known.
        others = [
            sql.text(level) for level in placed.indicator.levels or {} if level not in (condition.is_ or ())
        ]
        return f"coalesce({value} NOT IN ({', '.join(others)}), TRUE)" if others else "TRUE"


def _number(value: float) -> str:
    return f"{sql.text(repr(float(value)))}::DOUBLE"
