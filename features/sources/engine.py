"""DuckDB as it is used here: within a memory limit, spilling to a folder, nothing from the network."""

import glob
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

MEMORY_LIMIT = "2GB"


@contextmanager
def engine(
    folder: Path, *, memory_limit: str = MEMORY_LIMIT, threads: int | None = None, on_disk: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that spills into `folder`, made if need be, which the caller removes.

    With `on_disk` its tables lie in the folder too, and rows come in no certain order unless one is asked
    for: both leave more of the memory to the work.
    """
    # DuckDB makes the last folder of a path alone, and only once it has to spill.
    folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(folder / "spilled"),
        "preserve_insertion_order": not on_disk,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(str(folder / "tables.duckdb") if on_disk else ":memory:", config=config)
    try:
        yield connection
    finally:
        connection.close()


def pattern_of(file: Path) -> str:
    """Return a path as DuckDB reads it: one file, whatever its name."""
    return glob.escape(str(file))


def quoted(name: str) -> str:
    """Return a name of a column or table as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def count_of(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Sequence[object] | Mapping[str, object] = (),
) -> int:
    """Return the one number that a query counts, or of how many rows a COPY was."""
    found = connection.execute(query, parameters).fetchone()
    if found is None:
        raise RuntimeError("a query that counts has returned nothing")
    return int(found[0])
