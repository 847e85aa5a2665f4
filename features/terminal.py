"""What commands print: consoles, tables and bars of progress; and the error of a file that cannot be used."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

# Where nobody looks on, tables are not squeezed into 80 columns.
out = Console(width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True)


class BadInput(ValueError):
    """What is given on the command line cannot be used; one line."""


def table_of(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a titled table of texts, to print; Markdown's marks of bold are taken out."""
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*(cell.replace("**", "") for cell in row))
    return table


def write_text(output: Path, text: str) -> None:
    """Write a file.

    Raises:
        BadInput: it cannot be written.
    """
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{output}: cannot be written ({error.strerror})") from None


@contextlib.contextmanager
def steps(expected: int) -> Iterator[Callable[[str], None]]:
    """Show a bar that moves by one with each step told; `expected` is about how many there are."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("starting", total=expected)

        def step(name: str) -> None:
            progress.update(task, description=name, advance=1)
            if not err.is_terminal:
                err.print(name, markup=False)

        yield step


@contextlib.contextmanager
def bar(name: str) -> Iterator[Callable[[float], None]]:
    """Show a bar that is told the share done, from 0 to 1."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(name, total=1.0)
        yield lambda share: progress.update(task, completed=share)


@contextlib.contextmanager
def working(name: str) -> Iterator[None]:
    """Show that something is going on whose length is not known."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        progress.add_task(name, total=None)
        yield
