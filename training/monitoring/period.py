"""A period's customers from a table: all of them, those whose outcome it does not tell included."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog
from features.drafting.outcome import UnclearOutcome, adverse_words, told
from features.portfolio import Bools, Portfolio
from features.sources.customer_table import open_table
from features.sources.opening import TableError
from features.sources.outcomes import OUTCOME
from training.customers import Objects, read_rows
from training.dataset import LabelledPortfolio


@dataclass(frozen=True, eq=False)
class Period:
    """Customers evaluated in a period, n of them, and whose outcome is known, shape (n,).

    `read` rows were read and `rejected` of them cannot be evaluated, both before the period was chosen;
    `outcome` is the column of outcomes, None where there is none. Where the customers have no days
    (`data.dated`), outcomes are taken for as mature as they will be. `absent` are the indicators of which the
    table has no column.
    """

    data: LabelledPortfolio
    known: Bools
    read: int
    rejected: int
    outcome: str | None
    absent: tuple[str, ...] = ()

    @classmethod
    def decided(
        cls, portfolio: Portfolio, bad: Bools, known: Bools, known_on: NDArray[np.datetime64]
    ) -> "Period":
        """Return customers as a store has decided on them; each is of one group with itself.

        Args:
            portfolio: n of them.
            bad: who had the adverse outcome, of those whose outcome is known, shape (n,).
            known: whose outcome is known, shape (n,).
            known_on: from which day, shape (n,), NaT where it is not.
        """
        groups = np.unique(np.array(portfolio.customer_ids, dtype=object), return_inverse=True)[1]
        data = LabelledPortfolio(portfolio, bad, groups.astype(np.int64), known_on)
        return cls(data, known, read=len(portfolio), rejected=0, outcome="recorded")

    def between(self, first: np.datetime64 | None, last: np.datetime64 | None) -> "Period":
        """Return those evaluated from a first to a last day; None is open.

        Raises:
            TableError: there is nobody, or there are no days.
        """
        if first is None and last is None:
            return self
        if not self.data.dated:
            raise TableError("the table has no day of evaluation (as_of), by which a period could be told")
        days = self.data.days
        inside = np.ones(len(days), dtype=np.bool_)
        if first is not None:
            inside &= days >= first
        if last is not None:
            inside &= days <= last
        if not inside.any():
            raise TableError("nobody in the table was evaluated in the period; give other days")
        rows = np.flatnonzero(inside)
        return self if inside.all() else replace(self, data=self.data.take(rows), known=self.known[rows])


def read_period(
    path: Path,
    catalog: Catalog,
    label: str | None = None,
    bad: Sequence[str] = (),
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Period:
    """Read a table of customers, with outcomes if it has a column of them.

    Args:
        path: the table.
        catalog: by which it is read.
        label: the header of the outcome; by default the one that the catalog names, if the table has it.
        bad: the outcome's words that mean the adverse one; by default the catalog's, else found out.
        encoding: of a CSV, found out by default.
        delimiter: likewise.

    Raises:
        TableError: it cannot be read, or holds nobody.
        UnclearOutcome: the adverse outcome cannot be told.
    """
    flat = catalog.table
    named = None if flat is None else flat.outcome
    outcome = label
    with open_table(path, catalog, encoding=encoding, delimiter=delimiter) as table:
        if label is None:
            # A build writes the outcome beside the indicators, under its own name.
            usual = named if flat is not None else OUTCOME
            outcome = usual if usual in table.ignored else None
    if flat is not None and not bad and outcome == named:
        bad = flat.bad
    rows = read_rows(path, catalog, outcome, encoding=encoding, delimiter=delimiter)
    known = told(rows.words, bad)
    if outcome is not None and known.any() and not bad:
        bad = _adverse(rows.words[known], outcome)
    return Period(
        data=rows.labelled(np.arange(len(known)), bad),
        known=known,
        read=len(known) + len(rows.rejects),
        rejected=len(rows.rejects),
        outcome=outcome,
        absent=rows.absent,
    )


def _adverse(words: Objects, outcome: str) -> tuple[str, ...]:
    if len(set(words)) < 2:
        # In a period nobody may have had the adverse outcome, which no word then stands for.
        raise UnclearOutcome(f"column {outcome}: all have the same outcome; name the adverse one: --bad WORD")
    return adverse_words(words, outcome)[0]
