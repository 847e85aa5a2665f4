"""What a model is trained on: customers with known outcomes, their cohorts, and folds of whole groups."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.model_selection import GroupKFold

from features.catalog import Catalog
from features.portfolio import Bools, Floats, Portfolio
from models.booster import MANY, Fold, Untrainable

Indices = NDArray[np.intp]

FOLDS = 5
# Of many customers a third is enough to judge by, and five folds would take long.
FOLDS_OF_MANY = 3
_FOLD_SEED = 20260101
# A cohort's bad rate is drawn towards the whole's by so many customers.
_COHORT_PRIOR = 30.0
# So many outcomes of either kind make a level.
_LEVEL_OUTCOMES = 50


class _History:
    """n customers' outcomes: `bad` and `groups` of shape (n,), whose members belong together (the loans of
    one borrower), and `days`, on which they were evaluated."""

    bad: Bools
    groups: NDArray[np.int64]
    days: NDArray[np.datetime64]

    def __len__(self) -> int:
        return len(self.bad)

    @cached_property
    def cohorts(self) -> NDArray[np.int64]:
        """The calendar year of evaluation, shape (n,): customers of one cohort met the same times."""
        return self.days.astype("datetime64[Y]").astype(np.int64) + 1970

    def cohort_log_odds(self) -> Floats:
        """Return each customer's cohort's log-odds of the bad outcome, shape (n,).

        As an offset it keeps a booster from taking an indicator that merely drifts with the times
        for a cause of the times.
        """
        whole = (np.sum(self.bad) + 0.5) / (len(self) + 1.0)
        labels, index = np.unique(self.cohorts, return_inverse=True)
        counts = np.bincount(index)
        bads = np.bincount(index, weights=self.bad, minlength=len(labels))
        result: Floats = logit((bads + _COHORT_PRIOR * whole) / (counts + _COHORT_PRIOR))[index]
        return result

    def newest(self, months: int = 12) -> Bools:
        """Return which customers were evaluated in the last `months` of the data, shape (n,).

        Where these hold fewer than 50 bad outcomes, or fewer good ones, it goes as far back as need be: a
        level is not taken from a handful.
        """
        days = self.days.astype("datetime64[M]")
        first = np.max(days) - np.timedelta64(months - 1, "M")
        for outcome in (self.bad, ~self.bad):
            latest = np.sort(days[outcome])[::-1]
            first = min(first, latest[min(_LEVEL_OUTCOMES, len(latest)) - 1]) if len(latest) else first
        result: Bools = days >= first
        return result

    def folds(self) -> Iterator[Fold]:
        """Yield (training, held-out) rows: forward in time where there are several days, else random groups.

        Of blocks of time with about as many bad outcomes each, every one but the first is held out once, and
        what is trained for it comes from before it, as it will when the model is used. No group stands on
        both sides, and what is trained for a fold has good and bad outcomes.

        Raises:
            Untrainable: there are not two such folds, in time or by groups.
        """
        yield from self._folds[0]

    @property
    def forward(self) -> bool:
        """Whether the folds go forward in time."""
        return self._folds[1]

    @cached_property
    def _folds(self) -> tuple[tuple[Fold, ...], bool]:
        folds = tuple(fold for fold in self._forward() if self._learnable(fold))
        if len(folds) >= 2:
            return folds, True
        count = min(FOLDS if len(self) < MANY else FOLDS_OF_MANY, len(np.unique(self.groups)))
        splits = GroupKFold(count, shuffle=True, random_state=_FOLD_SEED) if count > 1 else None
        by_group = splits.split(self.bad, groups=self.groups) if splits else ()
        folds = tuple(fold for fold in by_group if self._learnable(fold))
        if len(folds) < 2:
            raise Untrainable(
                "the bad or the good outcomes are of one group: nothing can be held out to test on"
            )
        return folds, False

    def _learnable(self, fold: Fold) -> bool:
        training = self.bad[fold[0]]
        return bool(np.any(training)) and not bool(np.all(training))

    def _forward(self) -> Iterator[Fold]:
        """Yield folds forward in time; none where there are few distinct days."""
        if len(np.unique(self.days)) <= FOLDS:
            return
        order = np.argsort(self.days, kind="stable")
        so_far = np.cumsum(self.bad[order]) / max(1, int(np.sum(self.bad)))
        edges = self.days[order][np.searchsorted(so_far, np.arange(1, FOLDS + 1) / (FOLDS + 1))]
        block = np.searchsorted(np.unique(edges), self.days, side="right")
        for held_out in np.unique(block)[1:]:
            inside = np.flatnonzero(block == held_out)
            before = np.flatnonzero((block < held_out) & ~np.isin(self.groups, self.groups[inside]))
            yield before, inside


@dataclass(frozen=True, eq=False)
class Outcomes(_History):
    """Outcomes alone, of customers whose indicators are a matrix; all of one day where no days are known."""

    bad: Bools
    groups: NDArray[np.int64]
    days: NDArray[np.datetime64]

    @classmethod
    def of(
        cls,
        bad: Bools,
        groups: NDArray[np.int64] | None = None,
        days: NDArray[np.datetime64] | None = None,
    ) -> "Outcomes":
        """Return outcomes of shape (n,), each customer a group of its own where no groups are given."""
        n = len(bad)
        return cls(
            bad,
            np.arange(n, dtype=np.int64) if groups is None else groups,
            np.zeros(n, dtype="datetime64[D]") if days is None else days,
        )


@dataclass(frozen=True)
class LabelledPortfolio(_History):
    """n customers with outcomes; `known_on`, shape (n,), are the days from which these were known, NaT where
    nobody says, and None where that is so of all. Without days of evaluation (`dated`) all are of the day on
    which they were read."""

    portfolio: Portfolio
    bad: Bools
    groups: NDArray[np.int64]
    known_on: NDArray[np.datetime64] | None = None
    dated: bool = True

    @cached_property
    def days(self) -> NDArray[np.datetime64]:  # type: ignore[override]
        """The days of evaluation, shape (n,)."""
        return np.array(self.portfolio.as_of, dtype="datetime64[D]")

    def take(self, rows: Indices) -> "LabelledPortfolio":
        """Return some of the customers."""
        known_on = None if self.known_on is None else self.known_on[rows]
        return LabelledPortfolio(
            self.portfolio.take(rows), self.bad[rows], self.groups[rows], known_on, self.dated
        )

    def with_catalog(self, catalog: Catalog) -> "LabelledPortfolio":
        """Return the same customers under a catalog with the same indicators but other weights or curves."""
        return replace(self, portfolio=replace(self.portfolio, catalog=catalog))
