"""Comprehensiveness (M3): of each customer the known share of the weight that applies, and of all of them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.expressions import sql
from features.quality_figures import BINS, Comprehensiveness
from features.quality_frame import Frame
from features.terms import Nature

COMPREHENSIVENESS = "comprehensiveness.parquet"
_HALF = 0.5
_DECILES = [decile / 10 for decile in range(1, 10)]

# The parts of a nature's groups within its dimensions, each with its weight.
_Tree = defaultdict[tuple[str, float], defaultdict[tuple[str, float], list[tuple[float, "_Node"]]]]


def query(frame: Frame) -> str:
    """Return a row for each of the build: customer_id, nature, as_of, comprehensiveness (0–1)."""
    cases = "".join(
        f" WHEN {sql.text(nature)} THEN {_of_nature(frame, nature)}" for nature in frame.catalog.natures
    )
    return (
        f"SELECT customer_id, nature, as_of, coalesce(CASE nature{cases} END, 0)::DOUBLE AS comprehensiveness"
        f" FROM {frame.indicators}"
    )


def summarise(
    connection: duckdb.DuckDBPyConnection, frame: Frame
) -> tuple[Comprehensiveness, dict[Nature, float]]:
    """Return the portfolio's comprehensiveness, and the mean of each nature that has customers."""
    run = connection.execute
    run(f"CREATE TEMP TABLE shares AS SELECT nature, comprehensiveness AS c FROM ({query(frame)})")
    # Added up exactly, so that the mean is the same in whatever order the customers come.
    whole, fraction = (f"sum({part('c')})" for part in (sql.whole_part, sql.fraction_part))
    mean = f"({sql.total(whole, fraction)}) / count(*)"
    bins = ", ".join(
        f"count(*) FILTER (least(floor(c * {BINS}), {BINS - 1}) = {place})" for place in range(BINS)
    )
    found, deciles, below, *counted = run(
        f"SELECT {mean}, quantile_cont(c, {_DECILES}), count(*) FILTER (c < {_HALF}) / count(*), {bins}"
        " FROM shares"
    ).fetchall()[0]
    by_nature = run(f"SELECT nature, {mean} FROM shares GROUP BY nature").fetchall()
    run("DROP TABLE shares")
    if found is None:
        return Comprehensiveness(None, (), None, (0,) * BINS), {}
    means = {str(nature): float(value) for nature, value in by_nature}
    return (
        Comprehensiveness(float(found), tuple(deciles), float(below), tuple(counted)),
        {nature: means[nature] for nature in frame.catalog.natures if nature in means},
    )


def write_comprehensiveness(connection: duckdb.DuckDBPyConnection, frame: Frame, file: Path) -> None:
    """Write customer_id, as_of and comprehensiveness of every row, in the order of the build."""
    connection.execute(
        f"COPY (SELECT customer_id, as_of, comprehensiveness FROM ({query(frame)}))"
        f" TO {sql.text(str(file))} (FORMAT parquet, COMPRESSION zstd)"
    )


@dataclass(frozen=True)
class _Node:
    """An indicator, a group or a dimension in SQL: whether anything in it applies, and how much is known.

    `known` is the known share of what applies (0–1), a number where anything applies.
    """

    applies: str
    known: str


def _of_nature(frame: Frame, nature: Nature) -> str:
    """Return the comprehensiveness of a customer of one nature; NULL where nothing applies."""
    tree: _Tree = defaultdict(lambda: defaultdict(list))
    for id_, (of_dimension, of_group, own) in frame.catalog.weights(nature).items():
        placed = frame.catalog.by_id[id_]
        known = f"({frame.value(placed)} IS NOT NULL)::DOUBLE"
        branch = tree[placed.dimension.id, of_dimension][placed.group.id, of_group]
        branch.append((own, _Node(frame.applies(placed), known)))
    return _combined(
        [
            (weight, _combined([(of_group, _combined(leaves)) for (_, of_group), leaves in groups.items()]))
            for (_, weight), groups in tree.items()
        ]
    ).known


def _combined(parts: Sequence[tuple[float, _Node]]) -> _Node:
    """Return the node of parts with their weights, of which those that do not apply leave the weights.

    Both sums run in one order, so that the share of what is known entirely is exactly 1.
    """
    conditions = dict.fromkeys(node.applies for _, node in parts)
    applies = "TRUE" if "TRUE" in conditions else f"({' OR '.join(conditions)})"
    known = " + ".join(_where(node.applies, f"{_number(weight)} * {node.known}") for weight, node in parts)
    whole = " + ".join(_where(node.applies, _number(weight)) for weight, node in parts)
    return _Node(applies, f"(({known}) / nullif({whole}, 0))")


def _where(condition: str, number: str) -> str:
    return number if condition == "TRUE" else f"CASE WHEN {condition} THEN {number} ELSE 0::DOUBLE END"


def _number(value: float) -> str:
    return f"{sql.text(repr(value))}::DOUBLE"
