"""The parts of a training that MLflow keeps as runs of their own: its folds and years, each judged apart."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np
from scipy.special import expit

from models.disclosure import MINIMUM_AGGREGATE
from training.data_facts import DataFacts
from training.dataset import LabelledPortfolio
from training.metrics import Metrics, measure
from training.train import Trained
from training.walkforward import MODEL, YearResult

Parameters = Mapping[str, str | int | float | bool | None]

# How a fold's booster is grown; what each chose from its own customers is not among it.
_PLAN = ("order", "splits", "with_prior", "rounds", "folds", "folds_forward_in_time")


class RunKind(StrEnum):
    """What a run is: a training, or a fold of its cross-validation, a year of its walk-forward, or a part
    held out to validate a table before it was trained on whole."""

    TRAINING = "training"
    FOLD = "fold"
    YEAR = "year"
    VALIDATION = "validation"

    @property
    def split_name(self) -> str:
        """The name under which its metrics stand, in its own run and, of all parts together, in the
        training's."""
        return _SPLITS[self]


# The split whose scorers are tiers: the model's figures on the customers of each, over all years.
WALK_FORWARD_TIERS = "walk_forward_tiers"
_SPLITS = {
    RunKind.TRAINING: "training",
    RunKind.FOLD: "cross_validation",
    RunKind.YEAR: "walk_forward",
    RunKind.VALIDATION: "validation",
}


@dataclass(frozen=True)
class Part:
    """One fold or year: what was trained on, who was evaluated, and each scorer's metrics.

    `number` is the calendar year, or counts from 1; `name` is for people; `settings` are how it was trained,
    by the names that the training's own parameters have.
    """

    kind: RunKind
    number: int
    name: str
    training: DataFacts
    evaluated: DataFacts
    metrics: Mapping[str, Metrics]
    settings: Parameters

    def parameters(self) -> dict[str, str | int | float | bool | None]:
        """Return what MLflow shows as parameters; those of the training set are named as the training's."""
        facts = {name: value for name, value in asdict(self.training).items() if name != "sha256"}
        evaluated = {f"evaluated_{name}": value for name, value in asdict(self.evaluated).items()}
        found = {
            **self.settings,
            **facts,
            "data_hash": self.training.sha256,
            **{name.replace("sha256", "data_hash"): value for name, value in evaluated.items()},
            str(self.kind): self.number,
        }
        # Of a table without days there is no first and no last.
        return {name: value for name, value in found.items() if value is not None or "as_of" not in name}


def told(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Return the parts of one kind that may be told of, in their order.

    Each has at least 20 customers, trained on and evaluated. As all of them together are told of too, those
    left out are as many together: else the few would follow by subtraction.
    """
    sizes = [(min(p.training.customers, p.evaluated.customers), p.evaluated.customers) for p in parts]
    return tuple(part for part, tells in zip(parts, may_be_told(sizes), strict=True) if tells)


def may_be_told(sizes: Sequence[tuple[int, int]]) -> list[bool]:
    """Return which parts of a whole may be told of, as `told` says.

    Args:
        sizes: of each part the customers that it must have enough of, and those that it adds to the whole.
    """
    left_out, hidden = set(), 0
    for place in sorted(range(len(sizes)), key=lambda place: sizes[place][0]):
        if sizes[place][0] >= MINIMUM_AGGREGATE and not 0 < hidden < MINIMUM_AGGREGATE:
            break
        left_out.add(place)
        hidden += sizes[place][1]
    return [place not in left_out for place in range(len(sizes))]


def fold_parts(data: LabelledPortfolio, trained: Trained) -> tuple[Part, ...]:
    """Return the folds of the cross-validation by which a model's structure was chosen.

    Args:
        data: the n customers that were trained on.
        trained: what came of it.
    """
    # The folds' rows count the customers of the natures that the model is for.
    modelled = np.flatnonzero(np.isin(data.portfolio.natures, trained.model.natures))
    of_model, log_odds = data.take(modelled), trained.held_out[modelled]
    facts = trained.model.training
    folds = trained.selection.validation.folds
    return tuple(
        Part(
            kind=RunKind.FOLD,
            number=number,
            name=f"fold {number} of {len(folds)}",
            training=DataFacts.of(of_model.take(training)),
            evaluated=DataFacts.of(of_model.take(held_out)),
            metrics={
                MODEL: measure(of_model.bad[held_out], expit(log_odds[held_out]), of_model.groups[held_out])
            },
            settings={name: facts[name] for name in _PLAN},
        )
        for number, (training, held_out) in enumerate(folds, start=1)
    )


def year_parts(results: Sequence[YearResult]) -> tuple[Part, ...]:
    """Return the years of a walk-forward."""
    return tuple(
        Part(
            kind=RunKind.YEAR,
            number=result.year,
            name=f"year {result.year}",
            training=result.training,
            evaluated=result.evaluated,
            metrics=result.metrics,
            settings=result.settings,
        )
        for result in results
        if result.training is not None and result.evaluated is not None
    )
