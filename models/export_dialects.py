"""What DuckDB, SQLite and PostgreSQL write differently: literals, names, casts, look-ups, steps of a query.

Exactness rests on this module. A number's literal is read back as the very same double; a value is turned
into a double before it is compared; NaN, which DuckDB and PostgreSQL take for larger than every number, and
which SQLite stores as NULL, counts as missing; texts are compared byte by byte, whatever the collation.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

# Parsers of decimals that do not round correctly err by less than this, relatively (as SQLite's does).
_PARSER_ERROR = Fraction(1, 2**58)
_NAME_PART = re.compile(r'"(?:[^"]|"")+"|[^".]+')


class DialectName(StrEnum):
    """The databases that are written for."""

    DUCKDB = "duckdb"
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class NotExportable(ValueError):
    """The model cannot be written for this database as it is; one line with the reason."""


@dataclass(frozen=True)
class Step:
    """One step of a query: columns computed from the steps before, by names that no other step has."""

    name: str
    columns: dict[str, str] = field(default_factory=dict)


class Dialect(ABC):
    """One database's SQL. `arrays`: whether the cells of pairs and triples are looked up in arrays."""

    name: DialectName
    title: str
    arrays: bool
    most_columns: int | None

    @abstractmethod
    def number(self, value: float) -> str:
        """Return a literal of type double that is read back exactly."""

    @abstractmethod
    def numeric(self, column: str) -> str:
        """Return a number's column as a double, NULL where it is missing or NaN."""

    @abstractmethod
    def flag(self, column: str) -> str:
        """Return a flag's column, boolean or 0 and 1, as a double, NULL where it is missing or NaN."""

    @abstractmethod
    def text(self, column: str) -> str:
        """Return a category's column as a text that is compared byte by byte."""

    @abstractmethod
    def larger(self, one: str, other: str) -> str:
        """Return the larger of two numbers."""

    @abstractmethod
    def array(self, values: Sequence[float]) -> str:
        """Return an array of doubles, which is subscripted from 1."""

    @abstractmethod
    def column(self, step: str, name: str) -> str:
        """Return a column that an earlier step computed."""

    @abstractmethod
    def query(self, table: str, keys: dict[str, str], steps: Sequence[Step], result: dict[str, str]) -> str:
        """Return the query: every step is computed once a row, then the result is selected.

        `keys` (internal name to source's column) can be used in the result by their internal names.
        """

    def usable(self, columns: Sequence[str]) -> str | None:
        """Return a test that these columns hold numbers at all; None where their declared types see to it."""
        return None

    def threshold(self, value: float) -> str:
        """Return a literal that is compared with a double."""
        return self.number(value)

    def literal(self, text: str) -> str:
        """Return a text's literal.

        Raises:
            NotExportable: no database holds such a text.
        """
        if not text.isprintable():  # as no customer's level may be
            raise NotExportable("a level of the catalog holds an unprintable character; rename it")
        quoted = text.replace("'", "''")
        return f"'{quoted}'"

    def identifier(self, name: str) -> str:
        """Return a quoted name.

        Raises:
            NotExportable: the database would refuse or shorten it.
        """
        if not name or not name.isprintable():
            raise NotExportable(f"a name of a table or column must be printable text, which {name!r} is not")
        quoted = name.replace('"', '""')
        return f'"{quoted}"'

    def table(self, name: str) -> str:
        """Return the quoted name of a table, `schema.table` being two names unless it is quoted itself."""
        parts = _NAME_PART.findall(name)
        if not parts or ".".join(parts) != name:
            raise NotExportable(f"{name!r} is no name of a table: give table or schema.table")
        return ".".join(
            self.identifier(part[1:-1].replace('""', '"') if part.startswith('"') else part) for part in parts
        )

    def check_width(self, columns: int) -> None:
        """Refuse a query of more columns than the database takes.

        Raises:
            NotExportable: with what to leave out.
        """
        if self.most_columns is not None and columns > self.most_columns:
            raise NotExportable(
                f"{self.title} takes at most {self.most_columns} columns, this query has {columns}: "
                "leave the explanations out (--no-explanations)"
            )


class _Chained(Dialect):
    """Steps as common table expressions, each with all columns of the one before."""

    materialized = ""

    def column(self, step: str, name: str) -> str:
        return self.identifier(name)

    def query(self, table: str, keys: dict[str, str], steps: Sequence[Step], result: dict[str, str]) -> str:
        if table.strip('"').casefold() in {f"tierwise_{step.name}" for step in steps}:
            raise NotExportable(f"{table} is the name of a step of the query: give schema.table")
        written, before = [], ""
        for step in steps:
            columns = {**({} if before else keys), **step.columns}
            carried = [f"{before}.*"] if before else []
            body = _select([*carried, *_aliased(self, columns)], before or f"{self.table(table)} AS source")
            name = f"tierwise_{step.name}"
            written.append(f"{name} AS {self.materialized}(\n{indented(body)}\n)")
            before = name
        return "WITH\n" + ",\n".join(written) + "\n" + _select(_aliased(self, result), before)


class DuckDb(_Chained):
    """DuckDB: a literal with an exponent is a double (without, a decimal)."""

    name, title, arrays, most_columns = DialectName.DUCKDB, "DuckDB", True, None

    def number(self, value: float) -> str:
        text = _shortest(value)
        return text if "e" in text else f"{text}e0"

    def numeric(self, column: str) -> str:
        return f"NULLIF(CAST({column} AS DOUBLE), CAST('NaN' AS DOUBLE))"

    def flag(self, column: str) -> str:
        return self.numeric(column)

    def text(self, column: str) -> str:
        return f"CAST({column} AS VARCHAR) COLLATE C"

    def larger(self, one: str, other: str) -> str:
        return f"GREATEST({one}, {other})"

    def array(self, values: Sequence[float]) -> str:
        return f"[{', '.join(map(self.number, values))}]"


class Sqlite(_Chained):
    """SQLite: any value in any column; a text where a number belongs leaves its row without a score."""

    name, title, arrays, most_columns = DialectName.SQLITE, "SQLite", False, 2000
    materialized = "MATERIALIZED "

    def number(self, value: float) -> str:
        for text in (_shortest(value), f"{value:.16e}"):
            if _safely_parsed(text, value):
                return text
        raise NotExportable("a number of the model has no literal that SQLite reads exactly")

    def numeric(self, column: str) -> str:
        return f"CASE WHEN typeof({column}) IN ('integer', 'real') THEN CAST({column} AS REAL) END"

    def flag(self, column: str) -> str:
        return self.numeric(column)

    def text(self, column: str) -> str:
        return f"{column} COLLATE BINARY"

    def larger(self, one: str, other: str) -> str:
        return f"max({one}, {other})"

    def array(self, values: Sequence[float]) -> str:
        raise NotImplementedError("SQLite has no arrays")

    def usable(self, columns: Sequence[str]) -> str | None:
        tests = [f"typeof({column}) NOT IN ('text', 'blob')" for column in columns]
        return "\nAND ".join(tests) or None


class PostgreSql(Dialect):
    """PostgreSQL: steps are lateral, so that a condition on the key reads only the rows it needs.

    OFFSET 0 keeps the planner from writing a step's expressions out wherever they are used.
    """

    name, title, arrays, most_columns = DialectName.POSTGRESQL, "PostgreSQL", True, 1600

    def number(self, value: float) -> str:
        text = f"{_shortest(abs(value))}::float8"
        return text if math.copysign(1.0, value) > 0 else f"(-{text})"

    def threshold(self, value: float) -> str:
        # Beside a double the planner reads the decimal as a double, once.
        return _shortest(value)

    def numeric(self, column: str) -> str:
        return f"NULLIF({column}::float8, 'NaN'::float8)"

    def flag(self, column: str) -> str:
        # A boolean cannot be cast to a double, a number not to a boolean: both can to a text.
        words = f"CASE {column}::text WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE {column}::text END"
        return f"NULLIF(({words})::float8, 'NaN'::float8)"

    def text(self, column: str) -> str:
        return f'{column}::text COLLATE "C"'

    def literal(self, text: str) -> str:
        quoted = super().literal(text)
        # An escape string means the same whatever standard_conforming_strings is.
        escaped = quoted.replace("\\", "\\\\")
        return f"E{escaped}" if "\\" in text else quoted

    def larger(self, one: str, other: str) -> str:
        return f"GREATEST({one}, {other})"

    def array(self, values: Sequence[float]) -> str:
        return f"('{{{','.join(map(_shortest, values))}}}'::float8[])"

    def column(self, step: str, name: str) -> str:
        # The table's own columns can be seen too, and may have the same names.
        return f"{step}.{self.identifier(name)}"

    def identifier(self, name: str) -> str:
        if len(name.encode("utf-8", "replace")) > 63:
            raise NotExportable(f"PostgreSQL cuts names at 63 bytes, which this one exceeds: {name}")
        return super().identifier(name)

    def query(self, table: str, keys: dict[str, str], steps: Sequence[Step], result: dict[str, str]) -> str:
        lines = []
        for step in steps:
            columns = {**(keys if step is steps[0] else {}), **step.columns}
            body = "SELECT\n" + indented(",\n".join(_aliased(self, columns))) + "\nOFFSET 0"
            lines.append(f"CROSS JOIN LATERAL (\n{indented(body)}\n) AS {step.name}")
        return _select(_aliased(self, result), f"{self.table(table)} AS source") + "\n" + "\n".join(lines)


DIALECTS: dict[DialectName, Dialect] = {
    dialect.name: dialect for dialect in (DuckDb(), Sqlite(), PostgreSql())
}


def _aliased(dialect: Dialect, columns: dict[str, str]) -> list[str]:
    return [f"{expression} AS {dialect.identifier(alias)}" for alias, expression in columns.items()]


def _select(columns: list[str], source: str) -> str:
    return "SELECT\n" + indented(",\n".join(columns)) + f"\nFROM {source}"


def indented(text: str) -> str:
    """Return a text moved to the right; quoted names and texts are of one line, so that none is changed."""
    return "\n".join(f"  {line}" for line in text.split("\n"))


def _shortest(value: float) -> str:
    """Return the shortest decimal that is nearest to no other double."""
    return repr(float(value))


def _safely_parsed(text: str, value: float) -> bool:
    """Whether a decimal lies so far within what rounds to the value that a parser's error does not matter."""
    if value == 0 or not math.isfinite(value):
        return value == 0
    exact, size = Fraction(value), abs(Fraction(text))
    nearest = min(
        abs(Fraction(text) - (exact + Fraction(neighbour)) / 2)
        for side in (-math.inf, math.inf)
        if math.isfinite(neighbour := math.nextafter(value, side))
    )
    return Fraction(float(text)) == exact and nearest > size * _PARSER_ERROR
