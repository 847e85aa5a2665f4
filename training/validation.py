"""Validation of a catalog on held-out customers: baseline, model and logistic regression.

The newest are held out where there are several days and enough outcomes on either side, else whole customers
in turn. What was drafted from outcomes is read anew from each fold's training customers, so nothing that is
judged has seen what it is judged by.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.model_selection import StratifiedGroupKFold

from features.drafting.redrawing import redrawn
from features.portfolio import Floats
from models.booster import Fold, Untrainable
from models.decision import Scorer
from models.disclosure import MINIMUM_AGGREGATE
from models.policy import Policy
from training import sampling
from training.data_facts import DataFacts
from training.dataset import LabelledPortfolio
from training.intervals import Interval
from training.learner import SEED, THREADS
from training.metrics import measure
from training.parts import Parameters, Part, RunKind
from training.peers import BaselinePeer, LogisticPeer
from training.report import Grid
from training.selection import Progress
from training.train import train_model
from training.walkforward import BASELINE, LOGISTIC, MODEL, of_natures, slug

SCORERS = (BASELINE, MODEL, LOGISTIC)
FIGURES: Mapping[str, Callable[..., sampling.Influences]] = {
    "AUC": sampling.area,
    "log-loss": sampling.log_loss,
    "Brier": sampling.brier,
}
_METRICS = {"AUC": "auc", "log-loss": "log_loss", "Brier": "brier"}
# The newest customers with this share of the bad outcomes are held out.
HELD_OUT = 0.25
_FEWEST_HELD_OUT = 10
# (customers up to, folds, repeats): the fewer there are, the more a single split would hang on chance.
_BY_CUSTOMER = ((2_000, 5, 2), (20_000, 5, 1), (50_000, 3, 1))
_OF_MANY = 4


@dataclass(frozen=True, eq=False)
class Validation:
    """What held-out customers say.

    `scheme` says how they were held out. `figures` has each scorer's figures; `gains` how far the model is
    ahead of the others (AUC higher, log-loss and Brier lower are positive). `held_out` customers were judged,
    `bad` of them with the adverse outcome. `parts` are the folds one by one.
    """

    scheme: str
    held_out: int
    bad: int
    figures: Mapping[str, Mapping[str, Interval]]
    gains: Mapping[str, Mapping[str, Interval]]
    parts: tuple[Part, ...] = ()

    def grid(self) -> Grid:
        """Return the figures as a table: one line a scorer, and one for each gain of the model."""
        rows = [(scorer, *map(_shown, self.figures[scorer].values())) for scorer in SCORERS]
        rows += [(f"gain on {peer}", *map(_signed, self.gains[peer].values())) for peer in self.gains]
        title = f"{self.scheme}: {self.held_out:,} customers judged, {self.bad:,} bad; 95 % intervals"
        return Grid(title, ("", *FIGURES), tuple(rows))

    def metrics(self) -> dict[str, float]:
        """Return the figures as MLflow's metrics, such as `validation/model/auc` and `…/auc_95_low`; none of
        fewer than 20 customers."""
        if self.held_out < MINIMUM_AGGREGATE:
            return {}
        found: dict[str, float] = {}
        for scorer, figures in self.figures.items():
            of = f"{RunKind.VALIDATION.split_name}/{slug(scorer)}"
            found |= {f"{of}/n": self.held_out, f"{of}/bad": self.bad}
            for figure, interval in figures.items():
                name = f"{of}/{_METRICS[figure]}"
                found[name] = interval.mean
                found[f"{name}_95_low"], found[f"{name}_95_high"] = interval.low, interval.high
        return {name: float(value) for name, value in found.items() if np.isfinite(value)}


@dataclass(frozen=True, eq=False)
class _Judged:
    """One fold's held-out customers, what each scorer said of them, and who was trained on and how."""

    data: LabelledPortfolio
    probabilities: Mapping[str, Floats]
    training: DataFacts
    settings: Parameters

    def part(self, number: int, folds: int) -> Part:
        """Return the fold as MLflow keeps it."""
        return Part(
            kind=RunKind.VALIDATION,
            number=number,
            name=f"validation {number} of {folds}",
            training=self.training,
            evaluated=DataFacts.of(self.data),
            metrics={
                scorer: measure(self.data.bad, probability, self.data.groups)
                for scorer, probability in self.probabilities.items()
            },
            settings=self.settings,
        )


def validate(
    data: LabelledPortfolio,
    policy: Policy,
    *,
    whose: str = "customer",
    threads: int = THREADS,
    progress: Progress = lambda step: None,
) -> Validation:
    """Hold customers out, train on the others, and judge.

    Args:
        data: n customers; those of one group are held out together.
        policy: gives the natures that share a model; how few bad outcomes a model may rest on is not asked.
        whose: rows are of one group, for the scheme's words.

    Raises:
        Untrainable: nothing can be held out.
    """
    scheme, folds, repeats = held_out_folds(data, whose=whose)
    judged = []
    for number, (training, rows) in enumerate(folds, start=1):
        progress(f"validating, fold {number} of {len(folds)}")
        judged.append(_judge(data.take(training), data.take(rows), policy, threads))
    groups = [fold.data.groups for fold in judged]
    of_figures = {
        figure: {
            scorer: [estimate(fold.data.bad, fold.probabilities[scorer]) for fold in judged]
            for scorer in SCORERS
        }
        for figure, estimate in FIGURES.items()
    }

    def ahead(figure: str, peer: str) -> Interval:
        model, other = of_figures[figure][MODEL], of_figures[figure][peer]
        pairs = zip(model, other, strict=True) if figure == "AUC" else zip(other, model, strict=True)
        return sampling.interval([first.minus(second) for first, second in pairs], groups, repeats)

    return Validation(
        scheme=scheme,
        held_out=sum(len(fold.data) for fold in judged) // repeats,
        bad=int(sum(np.sum(fold.data.bad) for fold in judged)) // repeats,
        figures={
            scorer: {
                figure: sampling.interval(by_scorer[scorer], groups, repeats)
                for figure, by_scorer in of_figures.items()
            }
            for scorer in SCORERS
        },
        gains={peer: {figure: ahead(figure, peer) for figure in FIGURES} for peer in (BASELINE, LOGISTIC)},
        parts=tuple(fold.part(number, len(judged)) for number, fold in enumerate(judged, start=1)),
    )


def held_out_folds(data: LabelledPortfolio, *, whose: str = "customer") -> tuple[str, list[Fold], int]:
    """Return how customers are held out in words, the folds of (training, held-out) rows, and the repeats.

    Raises:
        Untrainable: nothing can be held out.
    """
    if len(np.unique(data.days)) > 1:
        fold = _newest(data)
        if fold is not None:
            first = np.min(data.days[fold[1]])
            unsure = " (outcomes may not have been known by then)" if data.known_on is None else ""
            return f"Out of time, from {first}{unsure}", [fold], 1
    n = len(data)
    few = next(((folds, repeats) for most, folds, repeats in _BY_CUSTOMER if n <= most), None)
    most_folds, repeats = few or (_OF_MANY, 1)
    # Each fold has to hold out outcomes of either kind.
    count = min(most_folds, int(np.sum(data.bad)), int(np.sum(~data.bad)))
    if count < 2:
        raise Untrainable("fewer than two bad or two good outcomes: nothing can be held out to test on")
    result: list[Fold] = []
    for repeat in range(repeats):
        splits = StratifiedGroupKFold(count, shuffle=True, random_state=SEED + repeat)
        result += list(splits.split(data.bad, data.bad, data.groups))
    result = [fold for fold in result if _tells(data, fold)]
    if not result:
        raise Untrainable("too few outcomes of either kind to hold any out")
    if few is None:
        return f"By {whose}, one of {count} parts held out", result[:1], 1
    again = f", {repeats} times" if repeats > 1 else ""
    return f"By {whose}, {count} folds{again}", result, repeats


def _newest(data: LabelledPortfolio) -> Fold | None:
    """Return the fold that holds out the newest customers; None where too few outcomes would tell.

    What is trained on was evaluated, and its outcome known, by the first day that is held out.
    """
    order = np.argsort(data.days, kind="stable")
    bads = np.cumsum(data.bad[order])
    edge = data.days[order][int(np.searchsorted(bads, (1 - HELD_OUT) * bads[-1]))]
    inside = np.flatnonzero(data.days >= edge)
    earlier = data.days < edge
    if data.known_on is not None:
        earlier &= data.known_on <= edge
    fold = np.flatnonzero(earlier & ~np.isin(data.groups, data.groups[inside])), inside
    if not _tells(data, fold) or np.sum(data.bad[inside]) < _FEWEST_HELD_OUT:
        return None
    return fold


def _tells(data: LabelledPortfolio, fold: Fold) -> bool:
    return all(len(rows) and 0 < int(np.sum(data.bad[rows])) < len(rows) for rows in fold)


def _judge(training: LabelledPortfolio, held_out: LabelledPortfolio, policy: Policy, threads: int) -> _Judged:
    catalog = redrawn(training.portfolio, training.bad)
    training = training.with_catalog(catalog)
    lenient = policy.model_copy(update={"minimum_bad_outcomes": 1})
    trained = train_model(training, lenient, threads=threads)
    natures = trained.model.natures
    training, held_out = of_natures(training, natures), of_natures(held_out.with_catalog(catalog), natures)
    decisions = Scorer(catalog, lenient, trained.model).decide(held_out.portfolio)
    return _Judged(
        held_out,
        {
            BASELINE: expit(BaselinePeer.fit(training, lenient).log_odds(held_out.portfolio)),
            MODEL: decisions.model.probability,
            LOGISTIC: expit(LogisticPeer.fit(training, natures).log_odds(held_out.portfolio)),
        },
        DataFacts.of(training),
        trained.model.training,
    )


def _shown(figure: Interval) -> str:
    return f"{figure.mean:.4f} ({figure.low:.4f}, {figure.high:.4f})"


def _signed(figure: Interval) -> str:
    return f"{figure.mean:+.4f} ({figure.low:+.4f}, {figure.high:+.4f})"
