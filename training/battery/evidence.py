"""What a candidate is judged on: labelled customers, what the candidate says of them, and a reference."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.catalog import Catalog
from features.portfolio import Bools, Floats
from models.artefact import Model
from models.decision import Decisions, Scorer
from models.disclosure import MINIMUM_AGGREGATE
from training.battery.limits import Limits
from training.dataset import LabelledPortfolio
from training.mixes.comparison import RecordedMixes
from training.walkforward import of_natures


class NotJudgeable(ValueError):
    """A candidate cannot be judged on this data; one line that says why."""


def model_of(scorer: Scorer) -> Model:
    """Return the model of a scorer.

    Raises:
        NotJudgeable: there is none.
    """
    if scorer.model is None:
        raise NotJudgeable("there is no model to judge: name one that is registered, or its artefact")
    return scorer.model


@dataclass(frozen=True, eq=False)
class Evidence:
    """A candidate's scorer and n labelled customers of natures that have a model.

    Attributes:
        scorer: the candidate, with its model.
        data: who is judged: customers of a time after the training, with outcomes.
        reference: the customers that the candidate was trained on, or others to compare the mix with.
        recorded: the mixes of those that it was trained on, where the mix is compared with these instead.
        challengers: each one's probabilities of the n customers, by name.
        limits: what is tolerated.
    """

    scorer: Scorer
    data: LabelledPortfolio
    reference: LabelledPortfolio | None = None
    recorded: RecordedMixes | None = None
    challengers: Mapping[str, Floats] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Refuse what cannot be judged.

        Raises:
            NotJudgeable: there is no model, too few customers whom it applies to, or somebody whom it does
                not, or a challenger speaks of other customers.
        """
        natures = self.model.natures
        if len(self.data) < MINIMUM_AGGREGATE:
            raise NotJudgeable(
                f"{len(self.data)} customers of natures with a model ({', '.join(natures)}) are too few to "
                f"judge on: give {MINIMUM_AGGREGATE} or more"
            )
        for data in (self.data, self.reference):
            if data is not None and not np.all(np.isin(data.portfolio.natures, list(natures))):
                raise NotJudgeable(f"leave out customers of natures without a model (not {list(natures)})")
        for name, probability in self.challengers.items():
            if probability.shape != (len(self.data),):
                raise NotJudgeable(f"challenger {name}: gives probabilities of other customers")

    @classmethod
    def of(
        cls,
        scorer: Scorer,
        data: LabelledPortfolio,
        reference: LabelledPortfolio | None = None,
        *,
        recorded: RecordedMixes | None = None,
        limits: Limits | None = None,
    ) -> "Evidence":
        """Keep the customers whom the candidate's model applies to.

        Raises:
            NotJudgeable: there is no model, or none of them.
        """
        natures = model_of(scorer).natures
        kept = None if reference is None else of_natures(reference, natures)
        return cls(
            scorer,
            of_natures(data, natures),
            kept if kept is not None and len(kept) >= MINIMUM_AGGREGATE else None,
            recorded,
            limits=limits or Limits(),
        )

    @property
    def model(self) -> Model:
        """The candidate's model."""
        return model_of(self.scorer)

    @property
    def catalog(self) -> Catalog:
        """The candidate's catalog."""
        return self.scorer.catalog

    @property
    def n(self) -> int:
        """How many customers are judged."""
        return len(self.data)

    @property
    def dated(self) -> bool:
        """Whether their days of evaluation were given."""
        return self.data.dated

    @property
    def bad(self) -> Bools:
        """Who had the adverse outcome, shape (n,)."""
        return self.data.bad

    @cached_property
    def decisions(self) -> Decisions:
        """What the candidate decides of the n customers."""
        return self.scorer.decide(self.data.portfolio)

    @cached_property
    def reference_decisions(self) -> Decisions | None:
        """What it decides of the reference customers."""
        return None if self.reference is None else self.scorer.decide(self.reference.portfolio)

    @property
    def probability(self) -> Floats:
        """The model's probability of the adverse outcome, shape (n,)."""
        return self.decisions.model.probability

    @property
    def log_odds(self) -> Floats:
        """The model's log-odds of it, shape (n,)."""
        return self.decisions.model.log_odds

    @property
    def tiers(self) -> NDArray[np.object_]:
        """The tiers, shape (n,)."""
        return self.decisions.tiers

    def tells(self, rows: Bools | None = None) -> bool:
        """Whether there are enough outcomes of either kind, of all or of some customers."""
        bad = self.bad if rows is None else self.bad[rows]
        return min(int(np.sum(bad)), int(np.sum(~bad))) >= self.limits.minimum_outcomes
