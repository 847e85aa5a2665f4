"""Rows of a database, streamed in chunks through SQLAlchemy."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy
from sqlalchemy.engine import URL, Connection, CursorResult, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from features.sources.delivery import Source
from features.sources.opening import CHUNK_ROWS, RawChunk, RawTable, TableError


@contextmanager
def open_database(
    source: Source, folder: Path, where: str, *, chunk_rows: int = CHUNK_ROWS
) -> Iterator[RawTable]:
    """Open a source with a URL and read its rows as they come; the number of the first is 2, as in a file.

    Nothing is written: the connection is rolled back. A database gives rows in no certain order; a query with
    ORDER BY makes that of rows known on one day certain.

    Raises:
        TableError: the database cannot be read, also while reading. The driver's message, which may contain
            values, is not shown.
    """
    url = _url_of(source, folder, where)
    try:
        engine = sqlalchemy.create_engine(url, poolclass=NullPool, hide_parameters=True)
    except (SQLAlchemyError, ImportError, TypeError, ValueError) as error:
        raise _unreadable(where, error, "install the database's driver, or correct the url") from None
    try:
        with engine.connect() as connection:
            result = _execute(connection, source, chunk_rows)
            header = tuple(str(name).strip() for name in result.keys())  # noqa: SIM118 - it is no dict
            yield RawTable(header, _chunks(result, where, chunk_rows))
    except SQLAlchemyError as error:
        raise _unreadable(where, error, "check the url, the query and the rights") from None
    finally:
        engine.dispose()


def _url_of(source: Source, folder: Path, where: str) -> URL:
    written = source.url or ""
    if written.startswith("env:"):
        variable = written.removeprefix("env:")
        written = os.environ.get(variable, "")
        if not written:
            raise TableError(f"{where}: url: the environment variable {variable} is not set")
    try:
        url = make_url(written)
    except ArgumentError:
        raise TableError(f"{where}: url: is no URL of SQLAlchemy; correct it") from None
    if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith((":", "file:")):
        file = folder / url.database
        if not file.is_file():  # SQLite would make an empty one
            raise TableError(f"{where}: url: there is no such file; correct it")
        return url.set(database=str(file))
    return url


def _execute(connection: Connection, source: Source, chunk_rows: int) -> CursorResult[tuple[object, ...]]:
    # no_parameters: a colon or a percent sign of the query is none of a parameter.
    streaming = connection.execution_options(
        stream_results=True, max_row_buffer=chunk_rows, no_parameters=True
    )
    if source.query is not None:
        return streaming.exec_driver_sql(source.query)
    schema, _, name = (source.table_name or "").rpartition(".")
    table = sqlalchemy.table(name, schema=schema or None)
    everything: sqlalchemy.ColumnClause[object] = sqlalchemy.literal_column("*")
    written = sqlalchemy.select(everything).select_from(table)
    return streaming.exec_driver_sql(str(written.compile(connection)))


def _chunks(result: CursorResult[tuple[object, ...]], where: str, chunk_rows: int) -> Iterator[RawChunk]:
    width, read = len(result.keys()), 0
    try:
        for part in result.partitions(chunk_rows):
            columns = list(zip(*part, strict=True))
            frame = pd.DataFrame({place: pd.Series(columns[place], dtype=object) for place in range(width)})
            rows = np.arange(read + 2, read + 2 + len(part), dtype=np.int64)
            read += len(part)
            # How many there are is not known before the end.
            yield RawChunk(frame, rows, (), 0.0)
    except (SQLAlchemyError, UnicodeError) as error:
        raise _unreadable(where, error, f"it broke off after row {read + 1}; read it again") from None


def _unreadable(where: str, error: Exception, what_to_do: str) -> TableError:
    return TableError(f"{where}: the database cannot be read ({type(error).__name__}): {what_to_do}")
