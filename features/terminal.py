"""What commands print: consoles, tables and bars of progress; and the error of a file that cannot be used."""

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from features.terms import Language
from features.terms import Text as Translated

# Ids of cases, decisions, notices ... as other commands ask for them.
_ID = re.compile(r"[0-9a-f]{32}(?:[0-9a-f]{32})?")
_WIDEST = 100_000
_MOST_NAMED = 20
_ABSENT = Translated(
    en="Not in the table{more}: {headers}.", zh_hant="表中沒有：{headers}。", zh_hans="表中没有：{headers}。"
)

_UNDATED = Translated(en="without days", zh_hant="無評估日", zh_hans="无评估日")
_EVALUATED = Translated(
    en="evaluated {first} to {last}", zh_hant="評估日 {first} 至 {last}", zh_hans="评估日 {first} 至 {last}"
)


class IdTable(Table):
    """A table with ids, which are printed whole: its lines are longer than the screen where they must be."""


class Whole(Console):
    """A console that cuts no ids: for a table with ids it is as wide as that needs."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `Console.print` does."""
        before = self.width
        needed = [self._needed(of) for of in objects if isinstance(of, IdTable)]
        if max(needed, default=0) <= before:
            super().print(*objects, **options)
            return
        self.width = max(needed)
        try:
            super().print(*objects, **options)
        finally:
            self.width = before

    def _needed(self, table: IdTable) -> int:
        """Return how wide a table must be; where nobody looks on, as wide as its lines are."""
        measured = Measurement.get(self, self.options.update(width=_WIDEST, max_width=_WIDEST), table)
        if not self.is_terminal or measured.maximum <= self.width:
            return measured.maximum
        return measured.minimum


# Where nobody looks on, tables are not squeezed into 80 columns.
out = Whole(width=None if sys.stdout.isatty() else 120)
err = Console(stderr=True)


KEPT_APART = 3
"""The exit code of a command that did its work, but for rows that it kept apart: so that cron can see it."""


class BadInput(ValueError):
    """What is given on the command line cannot be used; one line."""


def table_of(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table | Text:
    """Return a titled table of texts, to print; Markdown's marks of bold are taken out.

    Nothing in it is cut: ids stay in one line, other texts go on in the next. Without rows it is the title
    alone.
    """
    if not rows:
        return Text(f"{title}.", style="italic")
    with_ids = {place for row in rows for place, cell in enumerate(row) if _ID.fullmatch(cell)}
    table = IdTable() if with_ids else Table()
    table.title, table.title_justify = escape(title), "left"
    for place, column in enumerate(columns):
        table.add_column(
            column,
            justify="left" if place == 0 else "right",
            overflow="fold",
            no_wrap=place in with_ids,
            min_width=max(len(row[place]) for row in rows) if place in with_ids else None,
        )
    for row in rows:
        # Texts as they are: what stands in brackets is no markup.
        table.add_row(*(Text(cell.replace("**", "")) for cell in row))
    return table


def shown_of(shown: int, total: int) -> str:
    """Return what is said where fewer are shown than there are, such as `, 50 of 296 shown`; else nothing."""
    return f", {shown:,} of {total:,} shown" if shown < total else ""


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun, such as `1 case` and `2,000 cases`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def evaluated(first: str | None, last: str | None, language: Language = Language.EN) -> str:
    """Return when customers were evaluated, such as `evaluated 2024-01-02 to 2024-06-30`; None where no days
    were given."""
    if first is None or last is None:
        return _UNDATED.in_language(language)
    return _EVALUATED.in_language(language).format(first=first, last=last)


def tell_absent(headers: Sequence[str], language: Language = Language.EN) -> None:
    """Say of which indicators a table has no column, if there are such; of many, the first."""
    if headers:
        shown = headers[:_MOST_NAMED]
        more = shown_of(len(shown), len(headers)) if language is Language.EN else ""
        out.print(
            _ABSENT.in_language(language).format(more=more, headers=", ".join(shown))
            + (" …" if len(shown) < len(headers) else ""),
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip


def end_with(kept_apart: int) -> None:
    """End a command with the exit code KEPT_APART where rows were kept apart; what was done stays.

    Raises:
        typer.Exit: they were.
    """
    if kept_apart:
        raise typer.Exit(KEPT_APART)


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
