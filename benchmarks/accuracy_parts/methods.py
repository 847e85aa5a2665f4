"""What every compared method offers, and the pieces they share: imports at need, tuning on inner splits."""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from benchmarks.accuracy_parts.folds import MOST_TUNED_ON, inner_splits
from benchmarks.accuracy_parts.tables import Bools, Floats, Rows

# A sure mistake costs 14 nats in every method alike; CompileML's probabilities are in parts per million.
LEAST_PROBABILITY = 1e-6

Setting = dict[str, Any]


class NotInstalled(ImportError):
    """A peer's package is not there; one line that says how to get it."""


@dataclass(frozen=True, eq=False)
class Predicted:
    """Of n customers: what they are ranked by, and the probability of the bad outcome; each shape (n,)."""

    score: Floats
    probability: Floats

    @classmethod
    def of(cls, probability: Floats, score: Floats | None = None) -> "Predicted":
        """Hold probabilities within their bounds; without a score they rank."""
        chances = np.clip(np.asarray(probability, dtype=np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
        ranked_by = probability if score is None else score
        return cls(np.asarray(ranked_by, dtype=np.float64), chances)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted method: predicts a matrix, explains one in its own way, and says what was chosen."""

    predict: Callable[[Floats], Predicted]
    explain: Callable[[Floats], object]
    chosen: Mapping[str, object] = field(default_factory=dict)


class Method(Protocol):
    """One compared method.

    Attributes:
        name: as the tables show it; `slug`, as `--methods` names it.
        package: the distribution that does the work, for the version in a result's key ("" for this project).
        glass_box: whether its reasons are the model itself.
        explained: how many rows are explained to time one.
    """

    name: str
    slug: str
    package: str
    glass_box: bool
    explained: int

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Tune on inner splits of the training rows, then fit on all of them."""
        ...


def peer_module(name: str) -> Any:
    """Return a peer's module, which only this benchmark needs.

    Raises:
        NotInstalled: it is not there.
    """
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        top = name.partition(".")[0]
        if problem.name and problem.name.partition(".")[0] != top:
            raise
        raise NotInstalled(
            f"{top} is not installed; ./run bench accuracy installs the extra `bench`"
        ) from problem


def settings(**choices: Iterable[object]) -> list[Setting]:
    """Return every combination of some choices."""
    combined: list[Setting] = [{}]
    for name, values in choices.items():
        options = list(values)
        combined = [{**before, name: value} for before in combined for value in options]
    return combined


def directed(rows: Rows) -> tuple[bool, ...]:
    """Return the choices for holding a peer to the declared directions of risk: none, or either."""
    return (False, True) if rows.directed else (False,)


def tuned(
    rows: Rows,
    grid: Sequence[Setting],
    trial: Callable[[Setting, Rows, Rows], tuple[float, int]],
    most_splits: int | None = None,
) -> tuple[Setting, int]:
    """Return the setting with the least held-out log-loss over the inner splits, and its rounds.

    Args:
        trial: fits a setting on some rows and returns its mean log-loss on others and the rounds it took
            (0 for a method without any). Of several splits the rounds' mean is taken.
        most_splits: how many of the inner splits are used, for a method that is dear; None uses all.
    """
    best: tuple[float, Setting, int] | None = None
    splits = [
        (rows.take(fitted), rows.take(held_out)) for fitted, held_out in inner_splits(rows)[:most_splits]
    ]
    for setting in grid:
        if len(grid) == 1 and not setting:
            return setting, 0
        trials = [trial(setting, fitted, held_out) for fitted, held_out in splits]
        loss = float(np.mean([loss for loss, _ in trials]))
        if best is None or loss < best[0]:
            best = (loss, setting, round(float(np.mean([rounds for _, rounds in trials]))))
    if best is None:
        raise ValueError("grid: holds no setting")
    _, setting, rounds = best
    if rounds and len(rows) > MOST_TUNED_ON:
        # More customers bear more rounds: they are found anew on a hold-out of all.
        fitted, held_out = inner_splits(rows, most=len(rows))[0]
        _, rounds = trial(setting, rows.take(fitted), rows.take(held_out))
    return setting, rounds


def mean_log_loss(bad: Bools, probability: Floats) -> float:
    """Return the mean log-loss in nats of probabilities within (0, 1) as `Predicted.of` bounds them."""
    chances = Predicted.of(probability).probability
    return float(-np.mean(np.where(bad, np.log(chances), np.log1p(-chances))))
