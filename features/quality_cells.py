"""Counting the cells of a build by indicator, nature and department in one pass over its evidence."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import duckdb

from features.expressions import sql
from features.quality_figures import Counts
from features.quality_frame import Frame
from features.terms import Nature

# The last three are places in the list of a customer's flags.
_ASKED = """
CREATE TEMP TABLE asked (indicator VARCHAR, place INTEGER,
                         applies INTEGER, nothing INTEGER, impossible INTEGER)
"""

# Cells that are alike are counted together. An age is told only of what is known, so there are few kinds.
_CELLS = """
CREATE TEMP TABLE cells AS
SELECT place, nature, department, status, stale AND status = 'known' AS stale,
       impossible AND status = 'known' AS impossible, CASE WHEN status = 'known' THEN age END AS age,
       count(*) AS n
FROM (SELECT a.place, f.nature, e.department, e.stale, e.as_of - e.evidence AS age,
             coalesce(f.flags[a.impossible], FALSE) AS impossible,
             CASE WHEN coalesce(f.flags[a.nothing], FALSE) THEN 'no_record' ELSE e.status END AS status
      FROM {evidence} e
      JOIN (SELECT customer_id, as_of, nature, [{flags}] AS flags FROM {indicators}) f
        ON f.customer_id = e.customer_id AND f.as_of = e.as_of
      JOIN asked a ON a.indicator = e.indicator
      WHERE f.flags[a.applies])
GROUP BY ALL
"""

# An indicator without an expression has no column: of whom it applies to nothing is known.
_WITHOUT = """
INSERT INTO cells
SELECT $1, nature, $2, 'no_record', FALSE, FALSE, NULL, count(*)
FROM {indicators} WHERE {applies} GROUP BY nature
"""

_COUNTS = """
SELECT {group}, sum(n), coalesce(sum(n) FILTER (status = 'known'), 0),
       coalesce(sum(n) FILTER (status = 'no_record'), 0), coalesce(sum(n) FILTER (status = 'undefined'), 0),
       coalesce(sum(n) FILTER (stale), 0), coalesce(sum(n) FILTER (impossible), 0)
FROM cells GROUP BY {group}
"""

# The mean of the two middle ones; of an odd number these are the same.
_MEDIANS = """
SELECT {group}, (min(age) FILTER (2 * upto >= whole) + min(age) FILTER (2 * upto > whole)) / 2
FROM (SELECT {group}, age, sum(n) OVER (PARTITION BY {group} ORDER BY age) AS upto,
             sum(n) OVER (PARTITION BY {group}) AS whole
      FROM (SELECT {group}, age, sum(n) AS n FROM cells WHERE age IS NOT NULL GROUP BY {group}, age))
GROUP BY {group}
"""

_EVIDENCE = """
SELECT department, sum(n), coalesce(sum(n) FILTER (stale), 0)
FROM cells WHERE age IS NOT NULL GROUP BY department
"""


@dataclass(frozen=True)
class CellCounts:
    """What is counted over the cells of a build.

    Attributes:
        first, last: the first and last as-of day; None of a build without rows.
        rows: customers on days.
        customers: those of every nature of the catalog.
        by_nature: by indicator and nature for which it is declared.
        by_indicator: over all natures.
        evidence: known cells, and stale ones among them, by department of their oldest evidence.
    """

    first: date | None
    last: date | None
    rows: int
    customers: dict[Nature, int]
    by_nature: dict[tuple[str, Nature], Counts]
    by_indicator: dict[str, Counts]
    evidence: dict[str, tuple[int, int]]


def count_cells(connection: duckdb.DuckDBPyConnection, frame: Frame) -> CellCounts:
    """Count the cells of a build that was checked."""
    catalog, run = frame.catalog, connection.execute
    _load(connection, frame)
    first, last = run(f"SELECT min(as_of), max(as_of) FROM {frame.indicators}").fetchall()[0]
    natures = dict(run(f"SELECT nature, count(*) FROM {frame.indicators} GROUP BY nature").fetchall())
    of_nature, of_all = _counts(connection, "place, nature"), _counts(connection, "place")
    return CellCounts(
        first=first,
        last=last,
        rows=sum(natures.values()),
        customers={nature: natures.get(str(nature), 0) for nature in catalog.natures},
        by_nature={
            (placed.id, nature): of_nature.get((place, str(nature)), Counts())
            for place, placed in enumerate(catalog.placed)
            for nature in catalog.natures
            if placed.applies_to(nature)
        },
        by_indicator={
            placed.id: of_all.get((place,), Counts()) for place, placed in enumerate(catalog.placed)
        },
        evidence={department: (known, stale) for department, known, stale in run(_EVIDENCE).fetchall()},
    )


def _load(connection: duckdb.DuckDBPyConnection, frame: Frame) -> None:
    """Create the table `cells`."""
    asked: list[tuple[object, ...]] = []
    without: list[tuple[str, list[object]]] = []
    flags = _Flags()
    for place, placed in enumerate(frame.catalog.placed):
        natures = [sql.text(nature) for nature in frame.catalog.natures if placed.applies_to(nature)]
        applies = f"nature IN ({', '.join(natures)}) AND {frame.applies(placed)}" if natures else "FALSE"
        if placed.indicator.value is None:
            without.append((applies, [place, placed.indicator.source.department]))
            continue
        conditions = (applies, frame.stands_for_nothing(placed), frame.impossible(placed))
        asked.append((placed.id, place, *map(flags.place, conditions)))
    connection.execute(_ASKED)
    if asked:
        connection.executemany("INSERT INTO asked VALUES (?, ?, ?, ?, ?)", asked)
    relations = {"evidence": frame.evidence, "indicators": frame.indicators}
    connection.execute(_CELLS.format(flags=", ".join(flags), **relations))
    for applies, given in without:
        connection.execute(_WITHOUT.format(applies=applies, indicators=frame.indicators), given)


class _Flags:
    """Conditions on a customer, each once, as a list whose places count from 1."""

    def __init__(self) -> None:
        self._places = {"TRUE": 1}

    def place(self, condition: str | None) -> int | None:
        return None if condition is None else self._places.setdefault(condition, len(self._places) + 1)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)


def _counts(connection: duckdb.DuckDBPyConnection, group: str) -> dict[tuple[object, ...], Counts]:
    """Return the counts by the values of the columns of `group`."""
    keys = group.count(",") + 1
    rows = connection.execute(_MEDIANS.format(group=group)).fetchall()
    medians = {row[:keys]: row[keys] for row in rows}
    found = {}
    for row in connection.execute(_COUNTS.format(group=group)).fetchall():
        applying, known, no_record, undefined, stale, impossible = map(int, row[keys:])
        found[row[:keys]] = Counts(
            applying, known, no_record, undefined, stale, impossible, medians.get(row[:keys])
        )
    return found
