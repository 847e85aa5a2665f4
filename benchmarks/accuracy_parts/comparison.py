"""What the kept results of a data set say: each method's figures, and Tierwise's difference to each peer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.accuracy_parts.folds import Split
from benchmarks.accuracy_parts.statistics import (
    at_the_right_level,
    auc_difference,
    decompose,
    h_measure,
    sampling_interval,
)
from benchmarks.accuracy_parts.store import Result
from benchmarks.accuracy_parts.tables import Table
from training.intervals import Interval, corrected_interval
from training.metrics import auc, brier, ece, ks, log_loss

# A deficit in AUC that matters.
MARGIN = 0.002


@dataclass(frozen=True)
class Figures:
    """One method on one data set.

    AUC, KS, H, log-loss, Brier and times (seconds) are means over the folds; ECE and the parts of the
    log-loss are of all held-out predictions of a repeat together, averaged over repeats. `levelled_log_loss`
    has each fold's probabilities at its bad rate, in hindsight.
    """

    auc: float
    ks: float
    h: float
    log_loss: float
    levelled_log_loss: float
    brier: float
    ece: float
    miscalibration: float
    discrimination: float
    uncertainty: float
    fit_seconds: float
    explain_seconds: float


@dataclass(frozen=True)
class Difference:
    """AUC of Tierwise minus a peer's: over the folds, and over the test customers (models as fitted)."""

    over_folds: Interval
    over_customers: Interval

    @property
    def deficit(self) -> bool:
        """Whether Tierwise is surely worse by more than 0.002: the whole interval over folds lies below."""
        return bool(self.over_folds.high < -MARGIN)


@dataclass(frozen=True)
class Comparison:
    """One data set: figures by method's name, and differences by peer's name (none without Tierwise)."""

    table: str
    customers: int
    indicators: int
    bad_rate: float
    dated: bool
    folds: tuple[str, ...]
    figures: Mapping[str, Figures]
    aucs: Mapping[str, tuple[float, ...]]
    differences: Mapping[str, Difference]
    best_peer: str | None

    def document(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        return asdict(self)


def compare(
    table: Table, splits: Sequence[Split], results: Mapping[str, Sequence[Result]], own: str
) -> Comparison:
    """Compare the methods that have a result on every fold.

    Args:
        results: by method's name, one for each split.
        own: the name that the peers are compared with.
    """
    aucs = {
        name: tuple(auc(table.bad[s.test], r.score) for s, r in zip(splits, of_method, strict=True))
        for name, of_method in results.items()
    }
    peers = [name for name in results if name != own]
    differences = {}
    if own in results:
        differences = {peer: _difference(table, splits, results[own], results[peer]) for peer in peers}
    return Comparison(
        table=table.name,
        customers=len(table),
        indicators=len(table.features),
        bad_rate=float(np.mean(table.bad)),
        dated=table.days is not None,
        folds=tuple(split.label for split in splits),
        figures={name: _figures(table, splits, of_method) for name, of_method in results.items()},
        aucs=aucs,
        differences=differences,
        best_peer=max(peers, key=lambda name: float(np.mean(aucs[name]))) if peers else None,
    )


def _figures(table: Table, splits: Sequence[Split], results: Sequence[Result]) -> Figures:
    pairs = [(table.bad[split.test], result) for split, result in zip(splits, results, strict=True)]
    parts, errors = [], []
    for repeat in sorted({split.repeat for split in splits}):
        of_repeat = [pair for pair, split in zip(pairs, splits, strict=True) if split.repeat == repeat]
        bad = np.concatenate([outcomes for outcomes, _ in of_repeat])
        probability = np.concatenate([result.probability for _, result in of_repeat])
        parts.append(decompose(bad, probability))
        errors.append(ece(bad, probability))
    return Figures(
        auc=_mean(auc(bad, result.score) for bad, result in pairs),
        ks=_mean(ks(bad, result.score) for bad, result in pairs),
        h=_mean(h_measure(bad, result.score) for bad, result in pairs),
        log_loss=_mean(log_loss(bad, result.probability) for bad, result in pairs),
        levelled_log_loss=_mean(
            log_loss(bad, at_the_right_level(bad, result.probability)) for bad, result in pairs
        ),
        brier=_mean(brier(bad, result.probability) for bad, result in pairs),
        ece=_mean(errors),
        miscalibration=_mean(part.miscalibration for part in parts),
        discrimination=_mean(part.discrimination for part in parts),
        uncertainty=_mean(part.uncertainty for part in parts),
        fit_seconds=_mean(result.fit_seconds for result in results),
        explain_seconds=_mean(result.explain_seconds for result in results),
    )


def _difference(
    table: Table, splits: Sequence[Split], own: Sequence[Result], peer: Sequence[Result]
) -> Difference:
    measured = [
        auc_difference(table.bad[split.test], first.score, second.score)
        for split, first, second in zip(splits, own, peer, strict=True)
    ]
    # Years share training rows too, but are no draw of folds: their interval is the ordinary paired one.
    shares = [len(split.test) / len(split.training) for split in splits]
    test_share = 0.0 if table.days is not None else float(np.mean(shares))
    repeats = sorted({split.repeat for split in splits})
    of_repeats = [
        sampling_interval([m for m, s in zip(measured, splits, strict=True) if s.repeat == repeat])
        for repeat in repeats
    ]
    return Difference(
        over_folds=corrected_interval([difference for difference, _ in measured], test_share),
        # The repeats judge the same customers again: their intervals are averaged, not narrowed.
        over_customers=Interval(
            mean=_mean(interval.mean for interval in of_repeats),
            low=_mean(interval.low for interval in of_repeats),
            high=_mean(interval.high for interval in of_repeats),
        ),
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
