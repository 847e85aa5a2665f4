"""What an analyst brings: a flat table of customers with known outcomes, as a labelled portfolio."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalog import Catalog
from features.drafting.outcome import OutcomeWords, UnclearOutcome, adverse_words, check_adverse, told
from features.linked import linked
from features.portfolio import Portfolio
from features.sources.cells import Days, dates
from features.sources.customer_table import open_table
from features.sources.opening import TableError
from features.sources.outcomes import IMMATURE, OUTCOME_KNOWN_ON, OUTCOME_STATUS
from features.sources.related import GROUP_ID
from features.synthetic import is_marked
from training.dataset import LabelledPortfolio

Objects = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class CustomerTable:
    """A table read whole: read = customers + rejected.

    `outcomes` are the words of the outcome and what they were taken for; `rejects` the rows kept apart, each
    with its number, field and reason. `ignored` are the columns that nobody asked for, `absent` the
    indicators that have none; `identified` says whether ids of customers were given, as `data.dated` says of
    days, and `grouped` whether somebody belongs to a group of companies. Customers of one group are of one
    group of `data`. `synthetic` says that the table is marked as simulated.
    """

    data: LabelledPortfolio
    outcomes: OutcomeWords
    rejects: tuple[tuple[int, str, str], ...]
    ignored: tuple[str, ...]
    absent: tuple[str, ...]
    identified: bool
    grouped: bool = False
    synthetic: bool = False

    @property
    def whose(self) -> str:
        """Whose rows are kept together, in words."""
        if not self.identified:
            return "row"
        return "customer and group of companies" if self.grouped else "customer"

    @property
    def read(self) -> int:
        """How many rows were read."""
        return len(self.data) + len(self.rejects)


@dataclass(frozen=True, eq=False)
class Rows:
    """The n customers of a table with whatever outcome it tells of each.

    `words`, `statuses` and `groups`, shape (n,), are texts, None where nothing is told; `known_on`, shape
    (n,), are days, NaT where nothing is told. `numbers` are the rows' as a spreadsheet shows them.
    """

    portfolio: Portfolio
    numbers: NDArray[np.int64]
    words: Objects
    statuses: Objects
    groups: Objects
    known_on: Days
    rejects: tuple[tuple[int, str, str], ...]
    ignored: tuple[str, ...]
    absent: tuple[str, ...]
    dated: bool
    identified: bool

    def labelled(self, places: NDArray[np.intp], bad: Sequence[str]) -> LabelledPortfolio:
        """Return some of them with their outcomes; customers of one group of companies are of one group."""
        whole = len(places) == len(self.portfolio)
        portfolio = self.portfolio if whole else self.portfolio.take(places)
        known_on = self.known_on[places]
        return LabelledPortfolio(
            portfolio,
            np.isin(self.words[places], list(bad)),
            linked(np.array(portfolio.customer_ids, dtype=object), self.groups[places]),
            known_on=None if np.isnat(known_on).all() else known_on,
            dated=self.dated,
        )


def read_rows(
    path: Path,
    catalog: Catalog,
    outcome: str | None,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Rows:
    """Read a flat table of customers, and their outcomes if a column of them is named.

    Raises:
        TableError: the table cannot be read, or holds no customer.
    """
    parts: list[tuple[Portfolio, NDArray[np.int64], Objects, Objects, Objects, Days]] = []
    rejects: list[tuple[int, str, str]] = []
    with open_table(path, catalog, outcome=outcome, encoding=encoding, delimiter=delimiter) as table:
        for chunk in table.chunks:
            portfolio, wrong = Portfolio.from_frame(chunk.frame, catalog)
            rejects += [(line.row, line.field, line.reason) for line in chunk.rejected(wrong)]
            accepted = np.setdiff1d(np.arange(len(chunk.rows)), wrong["row"].to_numpy(dtype=np.intp))
            if not len(accepted):
                continue
            nothing = np.full(len(chunk.rows), None, dtype=object)
            known_on, _ = dates(pd.Series(chunk.beside.get(OUTCOME_KNOWN_ON, nothing)[accepted]))
            words = nothing if chunk.outcome is None else chunk.outcome
            beside = (chunk.beside.get(name, nothing)[accepted] for name in (OUTCOME_STATUS, GROUP_ID))
            numbers = np.array(chunk.rows, dtype=np.int64)[accepted]
            parts.append((portfolio, numbers, words[accepted], *beside, known_on))
    if not parts:
        raise TableError(f"{path}: holds no customer that can be evaluated")
    portfolios, *columns = zip(*parts, strict=True)
    numbers, words, statuses, groups, known_on = (np.concatenate(column) for column in columns)
    return Rows(
        Portfolio.joined(portfolios),
        numbers,
        words,
        statuses,
        groups,
        known_on,
        rejects=tuple(sorted(rejects)),
        ignored=table.ignored,
        absent=table.absent,
        dated=table.dated,
        identified=table.identified,
    )


def read_customers(
    path: Path,
    catalog: Catalog,
    outcome: str | None = None,
    bad: Sequence[str] = (),
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> CustomerTable:
    """Read a flat table of customers and their outcomes.

    Args:
        outcome: the header of the outcome; by default the one that the catalog names.
        bad: the outcome's words that mean the adverse one; by default the catalog's, else found out.

    Raises:
        TableError: the table cannot be read, or holds no customer.
        UnclearOutcome: no outcome is named, or the adverse one cannot be told.
    """
    outcome, bad = _outcome(catalog, outcome, bad)
    rows = read_rows(path, catalog, outcome, encoding=encoding, delimiter=delimiter)
    known = told(rows.words, bad)
    rejects = [
        (int(rows.numbers[place]), outcome, _unlabelled(rows.statuses[place], rows.words[place]))
        for place in np.flatnonzero(~known)
    ]
    places = np.flatnonzero(known)
    if not len(places):
        raise TableError(f"{path}: holds no customer with a known outcome")
    if not bad:
        bad, _ = adverse_words(rows.words, outcome)
    check_adverse(rows.words, bad, outcome)
    return CustomerTable(
        data=rows.labelled(places, bad),
        outcomes=OutcomeWords.of(rows.words, bad),
        rejects=tuple(sorted([*rows.rejects, *rejects])),
        ignored=rows.ignored,
        absent=rows.absent,
        identified=rows.identified,
        grouped=bool(np.any(rows.groups[places] != np.array(None))),
        synthetic=is_marked(path),
    )


def write_rejects(table: CustomerTable, path: Path) -> None:
    """Write the rows kept apart as CSV: row, field, reason.

    Raises:
        TableError: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("row", "field", "reason"))
            writer.writerows(table.rejects)
    except OSError as error:
        raise TableError(f"{path}: cannot be written ({error.strerror or type(error).__name__})") from None


def _unlabelled(status: str | None, word: str | None) -> str:
    """Return why a row without an outcome is kept apart, by what a build says of it."""
    if status == IMMATURE:
        return "the outcome is immature: its window is not over"
    if word is not None:
        return "the outcome is not known: its cell says so"
    return "the outcome is not known"


def _outcome(catalog: Catalog, outcome: str | None, bad: Sequence[str]) -> tuple[str, Sequence[str]]:
    flat = catalog.table
    named = flat.outcome if flat is not None else None
    if outcome is None and named is None:
        raise UnclearOutcome(f"catalog {catalog.catalog} names no outcome; name its column: --label COLUMN")
    if not bad and flat is not None and outcome in (None, named):
        bad = flat.bad
    return (outcome or named or ""), bad
