"""What may be told of a set of customers without showing one: its SHA-256, counts and days."""

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np

from training.dataset import LabelledPortfolio


def data_hash(data: LabelledPortfolio) -> str:
    """Return the SHA-256 of a set of customers, in its order: their days where these were given, natures,
    groups, outcomes and encoded indicators, with the indicators' names."""
    digest = hashlib.sha256()
    digest.update("\n".join(data.portfolio.catalog.columns).encode())
    digest.update("\n".join(data.portfolio.natures).encode())
    # Otherwise the days are that of reading, and the same table had another hash tomorrow.
    days = (data.days.astype(np.int64),) if data.dated else ()
    for part in (*days, data.groups, data.portfolio.given, data.bad):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def customers_hash(data: LabelledPortfolio) -> str:
    """Return the SHA-256 of a set of customers in any order and on whatever days: their natures, outcomes and
    encoded indicators, with the indicators' names."""
    natures, codes = np.unique(data.portfolio.natures.astype(str), return_inverse=True)
    rows = np.column_stack([codes, data.bad, data.portfolio.given])
    # A row as its bytes, by which rows are sorted.
    whole = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize)))[:, 0]
    digest = hashlib.sha256()
    digest.update("\n".join(data.portfolio.catalog.columns).encode())
    digest.update("\n".join(natures).encode())
    digest.update(np.sort(whole).tobytes())
    return digest.hexdigest()


def days_of(data: LabelledPortfolio) -> tuple[str | None, str | None]:
    """Return the first and last day of evaluation (ISO), None where no days were given."""
    return (str(np.min(data.days)), str(np.max(data.days))) if data.dated else (None, None)


@dataclass(frozen=True)
class DataFacts:
    """A set of customers: its SHA-256 (hex), how many they are, how many of them bad, and the first and last
    day of evaluation (ISO), None where no days were given."""

    sha256: str
    customers: int
    bad: int
    first_as_of: str | None
    last_as_of: str | None

    @property
    def dated(self) -> bool:
        """Whether days were given."""
        return self.first_as_of is not None

    @classmethod
    def of(cls, data: LabelledPortfolio) -> Self:
        """Describe customers, of whom there is at least one."""
        return cls(data_hash(data), len(data), int(np.sum(data.bad)), *days_of(data))
