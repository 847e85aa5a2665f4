"""Customers drawn from a table or from the bundled sample, as they would be sent to the service."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalog import Catalog
from features.portfolio import Portfolio
from features.sources.customer_table import open_table
from features.sources.opening import TableError
from training.frames import to_frame
from training.learner import SEED

IDENTITY = ("customer_id", "nature", "as_of")


@dataclass(frozen=True)
class Drawn:
    """Raw customers, of how many they were drawn, and how many rows of a table were kept apart."""

    customers: list[dict[str, Any]]
    of: int
    rejected: int


def raw_customers(portfolio: Portfolio) -> list[dict[str, Any]]:
    """Return customers as the service takes them; what is missing is left out."""
    frame = to_frame(portfolio)
    indicators = [name for name in frame.columns if name not in IDENTITY]
    return [
        {
            **{name: row[name] for name in IDENTITY},
            "indicators": {name: row[name] for name in indicators if not pd.isna(row[name])},
        }
        for row in frame.to_dict("records")
    ]


def drawn_from(portfolio: Portfolio, size: int) -> Drawn:
    """Draw so many customers of a portfolio at random, in its order; all of a smaller one."""
    rows = np.sort(np.random.default_rng(SEED).permutation(len(portfolio))[:size])
    return Drawn(raw_customers(portfolio.take(rows)), len(portfolio), 0)


def draw_customers(path: Path, catalog: Catalog, size: int) -> Drawn:
    """Draw so many customers of a table at random.

    It is read in chunks, each row with a random number; the smallest are kept.

    Raises:
        TableError: it cannot be read, or holds no customer of the catalog.
    """
    random = np.random.default_rng(SEED)
    kept: Portfolio | None = None
    keys: NDArray[np.float64] = np.empty(0)
    read = rejected = 0
    with open_table(path, catalog) as table:
        for chunk in table.chunks:
            portfolio, wrong = Portfolio.from_frame(chunk.frame, catalog)
            rejected += len(chunk.rejected(wrong))
            read += len(portfolio)
            keys = np.append(keys, random.random(len(portfolio)))
            whole = portfolio if kept is None else Portfolio.joined([kept, portfolio])
            rows = np.sort(np.argsort(keys, kind="stable")[:size])
            kept, keys = whole.take(rows), keys[rows]
    if kept is None or not len(kept):
        raise TableError(f"{path}: holds no customer that can be evaluated")
    return Drawn(raw_customers(kept), read, rejected)
