"""What is monitored: a period's customers under a model, and what is known to have become of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.portfolio import Bools
from models.decision import Decisions, Scorer
from models.disclosure import MINIMUM_AGGREGATE
from training.battery.evidence import Evidence, NotJudgeable
from training.battery.limits import Limits
from training.dataset import LabelledPortfolio
from training.monitoring.limits import SHARED, MonitoringLimits
from training.monitoring.reference import Reference

Days = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Watched:
    """n customers evaluated in a period, of natures that have a model.

    Attributes:
        scorer: what decides on them, with its model.
        reference: of the model's training.
        data: the customers; what `bad` says of one whose outcome has not matured is not read.
        mature: whose outcome counts, shape (n,).
        on: the day by which what is known counts.
        limits: what is tolerated.
    """

    scorer: Scorer
    reference: Reference
    data: LabelledPortfolio
    mature: Bools
    on: np.datetime64
    limits: MonitoringLimits

    @classmethod
    def of(
        cls,
        scorer: Scorer,
        reference: Reference,
        data: LabelledPortfolio,
        known: Bools,
        on: np.datetime64,
        limits: MonitoringLimits | None = None,
    ) -> "Watched":
        """Keep whom the model applies to and who was evaluated by the day, with what had matured by then.

        Where no days were given everybody counts, and so does every outcome that is known.

        Args:
            scorer: with its model.
            reference: of the model's training.
            data: the customers of a period.
            known: whose outcome is known, shape (n,).
            on: the day.
            limits: what is tolerated.

        Raises:
            NotJudgeable: the reference is of another model, or there are too few customers.
        """
        reference.check_against(scorer)
        inside = np.isin(data.portfolio.natures, list(reference.natures))
        if data.dated:
            inside &= data.days <= on
        rows = np.flatnonzero(inside)
        if len(rows) < MINIMUM_AGGREGATE:
            raise NotJudgeable(
                f"{len(rows)} customers of natures with a model ({', '.join(reference.natures)}), evaluated "
                f"by {on}, are too few to monitor: {MINIMUM_AGGREGATE} are needed"
            )
        data = data.take(rows)
        mature = known[rows]
        if data.dated:
            mature = mature & matured(data, scorer.policy.outcome_months, on)
        return cls(scorer, reference, data, mature, on, limits or MonitoringLimits())

    def __len__(self) -> int:
        return len(self.data)

    @cached_property
    def decisions(self) -> Decisions:
        """What is decided of the customers."""
        return self.scorer.decide(self.data.portfolio)

    @cached_property
    def evidence(self) -> Evidence | None:
        """The customers whose outcome has matured, for the battery's checks; None where they are too few."""
        rows = np.flatnonzero(self.mature)
        if len(rows) < MINIMUM_AGGREGATE:
            return None
        limits = Limits(**{name: getattr(self.limits, name) for name in SHARED})
        return Evidence(self.scorer, self.data.take(rows), limits=limits)


def matured(data: LabelledPortfolio, months: int | None, on: np.datetime64) -> Bools:
    """Return whose outcome's window is over on a day, shape (n,), and known by then where it is said when.

    Adverse outcomes are often known before their window ends, the others never: who counted them early would
    see too many. Of a window that nobody has declared (None) there is no end to wait for.
    """
    over: Bools = np.ones(len(data), dtype=np.bool_)
    if months is not None:
        ends = pd.DatetimeIndex(data.days) + pd.DateOffset(months=months)
        over = ends.to_numpy().astype("datetime64[D]") <= on
    if data.known_on is None:
        return over
    # NaT compares false.
    late: Bools = data.known_on > on
    return over & ~late
