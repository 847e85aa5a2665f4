"""What may be told of a set of customers without showing one: its SHA-256, counts and days."""

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np

from training.dataset import LabelledPortfolio


def data_hash(data: LabelledPortfolio) -> str:
    """Return the SHA-256 of a set of customers, in its order: their days, natures, groups, outcomes and
    encoded indicators, with the indicators' names."""
    digest = hashlib.sha256()
    digest.update("\n".join(data.portfolio.catalog.columns).encode())
    digest.update("\n".join(data.portfolio.natures).encode())
    for part in (data.days.astype(np.int64), data.groups, data.portfolio.given, data.bad):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class DataFacts:
    """A set of customers: its SHA-256 (hex), how many they are, how many of them bad, and the first and last
    day of evaluation (ISO)."""

    sha256: str
    customers: int
    bad: int
    first_as_of: str
    last_as_of: str

    @classmethod
    def of(cls, data: LabelledPortfolio) -> Self:
        """Describe customers, of whom there is at least one."""
        return cls(
            data_hash(data), len(data), int(np.sum(data.bad)), str(np.min(data.days)), str(np.max(data.days))
        )
