"""One block of customers: what is hidden of them, and how their tables read it."""

from dataclasses import dataclass

import numpy as np

from features.catalog import Catalog
from features.simulation.course import Course
from features.simulation.economy import CURRENCIES, Economy, rate_days
from features.simulation.history import Bools, Floats, History, Integers
from features.simulation.identity import Identity
from features.simulation.population import NATURES, Population, labels_of
from features.simulation.rows import Codes, Serials

# Serial numbers of a block's records: so many for each customer.
_RECORDS_A_CUSTOMER = 1000


@dataclass(frozen=True, eq=False)
class Block:
    """n customers, hidden state and all."""

    catalog: Catalog
    history: History
    economy: Economy
    population: Population
    course: Course
    identity: Identity

    def __len__(self) -> int:
        return len(self.population)

    def health(self, owner: Integers, days: Integers) -> Floats:
        """Return the health of each owner in the month of a day."""
        return self.course.health[self.history.month_of(days), owner]

    def burden(self, owner: Integers, days: Integers) -> Floats:
        """Return the burden of debt of each owner in the month of a day."""
        return self.course.burden[self.history.month_of(days), owner]

    def growth(self, owner: Integers, days: Integers) -> Floats:
        """Return the log of the size relative to that at the first day."""
        return self.course.size[self.history.month_of(days), owner]

    def cycle(self, owner: Integers, days: Integers) -> Floats:
        """Return the cycle of each owner's industry."""
        return self.economy.cycles[self.history.month_of(days), self.population.industry[owner]]

    def local(self, owner: Integers, days: Integers, amounts: Floats) -> Floats:
        """Return amounts in CNY in the currency of each owner's accounts, to two decimals."""
        starts = rate_days(self.history)
        month = np.clip(np.searchsorted(starts, days, side="right") - 1, 0, len(starts) - 1)
        return np.round(amounts / self.economy.rates[month, self.population.currency[owner]], 2)

    def currencies(self, owner: Integers) -> Codes:
        """Return the currency of each owner's accounts."""
        return Codes(self.population.currency[owner], CURRENCIES)

    def natures(self, owner: Integers) -> Codes:
        """Return the nature of each owner."""
        return Codes(self.population.nature[owner], tuple(str(nature) for nature in NATURES))

    def labels(self, indicator: str) -> tuple[str, ...]:
        """Return the levels of a category of the catalog."""
        return labels_of(self.catalog, indicator)

    def serials(self, prefix: str, count: int, further: int = 0) -> Serials:
        """Return unique numbers for so many records; `further` were given out before under the prefix."""
        first = int(self.population.numbers[0]) * _RECORDS_A_CUSTOMER + further
        return Serials(prefix, first + np.arange(count))

    def cooperating(self, owner: Integers, days: Integers) -> Bools:
        """Return whose cooperation had begun by a day and had not been merged away."""
        return (self.population.since[owner] <= days) & (days <= self.identity.ended[owner])
