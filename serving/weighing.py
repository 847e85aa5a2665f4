"""Reading what weights are drawn from: a whole table of customers, or a matrix of pairwise judgements."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from features.catalog import Catalog
from features.portfolio import Floats, Portfolio
from features.sources.customer_table import open_table
from features.sources.opening import TableError


def read_portfolio(path: Path, catalog: Catalog) -> Portfolio:
    """Read a table of customers whole.

    Raises:
        TableError: it cannot be read, holds no customer, or a row is wrong: weights that silently rest on a
            part of the customers would be weights of other customers.
    """
    parts = []
    with open_table(path, catalog) as table:
        for chunk in table.chunks:
            portfolio, wrong = Portfolio.from_frame(chunk.frame, catalog)
            for line in chunk.rejected(wrong):
                what = line.reason if line.customer_id is None else f"{line.field}: {line.reason}"
                raise TableError(f"{path}: row {line.row}: {what}; correct or remove it")
            parts.append(portfolio)
    if not any(len(part) for part in parts):
        raise TableError(f"{path}: holds no customers")
    return Portfolio.joined(parts)


def read_matrix(path: Path) -> Floats:
    """Read a square matrix from a CSV without a header; an entry is a number or a fraction such as 1/3.

    Raises:
        TableError: it cannot be read, or an entry is neither.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise TableError(f"{path}: cannot be read ({error.strerror or type(error).__name__})") from None
    except UnicodeDecodeError:
        raise TableError(f"{path}: is not UTF-8; save the file as CSV UTF-8") from None
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append([float(Fraction(cell.strip())) for cell in line.split(",")])
        except (ValueError, ZeroDivisionError, OverflowError):
            raise TableError(f"{path}: line {number}: give numbers and fractions such as 1/3") from None
    if any(len(row) != len(rows) for row in rows) or not rows:
        raise TableError(f"{path}: give as many lines as columns, without a header")
    return np.array(rows)
