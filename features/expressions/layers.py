"""Columns computed step by step over one relation, each from columns of the steps before, none twice."""

from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class Layers:
    """SELECTs within one another. A column's level is how many SELECTs stand between it and the relation."""

    prefix: str
    _levels: list[list[str]] = field(default_factory=list)
    _count: int = 0
    _known: dict[Hashable, str] = field(default_factory=dict)

    def add(self, sql: str, level: int) -> str:
        """Compute one more column from columns of lower levels; return its name."""
        if (level, sql) in self._known:
            return self._known[level, sql]
        while len(self._levels) < level:
            self._levels.append([])
        column = f"{self.prefix}{self._count}"
        self._count += 1
        self._levels[level - 1].append(f"{sql} AS {column}")
        self._known[level, sql] = column
        return column

    def over(self, relation: str) -> str:
        """Return the relation (a table's name or a query in brackets) with all the columns, in brackets."""
        for columns in self._levels:
            if columns:
                relation = f"(SELECT *, {', '.join(columns)} FROM {relation})"
        return relation
