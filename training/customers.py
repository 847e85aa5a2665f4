"""What an analyst brings: a flat table of customers with known outcomes, as a labelled portfolio."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalog import Catalog
from features.drafting.outcome import UnclearOutcome, adverse_words, check_adverse
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

    `rejects` are the rows kept apart, each with its number, field and reason. `ignored` are the columns that
    nobody asked for; `dated` and `identified` say whether days and ids of customers were given, `grouped`
    whether somebody belongs to a group of companies. Customers of one group are of one group of `data`.
    `synthetic` says that the table is marked as simulated.
    """

    data: LabelledPortfolio
    bad_words: tuple[str, ...]
    rejects: tuple[tuple[int, str, str], ...]
    ignored: tuple[str, ...]
    dated: bool
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
    parts: list[tuple[Portfolio, Objects, Objects, Days]] = []
    rejects: list[tuple[int, str, str]] = []
    with open_table(path, catalog, outcome=outcome, encoding=encoding, delimiter=delimiter) as table:
        for chunk in table.chunks:
            portfolio, wrong = Portfolio.from_frame(chunk.frame, catalog)
            rejects += [(line.row, line.field, line.reason) for line in chunk.rejected(wrong)]
            accepted = np.setdiff1d(np.arange(len(chunk.rows)), wrong["row"].to_numpy(dtype=np.intp))
            assert chunk.outcome is not None
            words = chunk.outcome[accepted]
            known = words != np.array(None)
            nothing = np.full(len(chunk.rows), None, dtype=object)
            groups = chunk.beside.get(GROUP_ID, nothing)[accepted]
            known_on, _ = dates(pd.Series(chunk.beside.get(OUTCOME_KNOWN_ON, nothing)[accepted]))
            statuses = chunk.beside.get(OUTCOME_STATUS, nothing)
            rejects += [
                (chunk.rows[int(place)], outcome, _unlabelled(statuses[place])) for place in accepted[~known]
            ]
            if known.any():
                kept = portfolio.take(np.flatnonzero(known))
                parts.append((kept, words[known], groups[known], known_on[known]))
    if not parts:
        raise TableError(f"{path}: holds no customer with a known outcome")
    words = np.concatenate([part for _, part, _, _ in parts])
    if not bad:
        bad, _ = adverse_words(words, outcome)
    check_adverse(words, bad, outcome)
    portfolio = Portfolio.joined([part for part, _, _, _ in parts])
    group_ids = np.concatenate([part for _, _, part, _ in parts])
    known_on = np.concatenate([part for _, _, _, part in parts])
    together = linked(np.array(portfolio.customer_ids, dtype=object), group_ids)
    return CustomerTable(
        data=LabelledPortfolio(
            portfolio,
            np.isin(words, list(bad)),
            together,
            known_on=None if np.isnat(known_on).all() else known_on,
        ),
        bad_words=tuple(bad),
        rejects=tuple(sorted(rejects)),
        ignored=table.ignored,
        dated=table.dated,
        identified=table.identified,
        grouped=bool(np.any(group_ids != np.array(None))),
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


def _unlabelled(status: str | None) -> str:
    """Return why a row without an outcome is kept apart, by what a build says of it."""
    if status == IMMATURE:
        return "the outcome is immature: its window is not over"
    return "the outcome is not known"


def _outcome(catalog: Catalog, outcome: str | None, bad: Sequence[str]) -> tuple[str, Sequence[str]]:
    flat = catalog.table
    named = flat.outcome if flat is not None else None
    if outcome is None and named is None:
        raise UnclearOutcome(f"catalog {catalog.catalog} names no outcome; name its column: --label COLUMN")
    if not bad and flat is not None and outcome in (None, named):
        bad = flat.bad
    return (outcome or named or ""), bad
