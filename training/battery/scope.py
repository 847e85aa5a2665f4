"""Scope: are the customers judged of a time after those the model learnt from?"""

from collections.abc import Iterator

import numpy as np

from training.battery import words
from training.battery.evidence import Evidence
from training.battery.result import Check, Range, Result

OUT_OF_TIME = Check(
    "scope.out_of_time",
    words.OUT_OF_TIME,
    "Sobehart, Keenan and Stein (2000), Benchmarking Quantitative Default Risk Models: out of time",
)


def trained_until(evidence: Evidence) -> np.datetime64 | None:
    """Return the last day on which a training customer was evaluated; None where the model does not say."""
    day = evidence.model.training.get("last_as_of")
    return np.datetime64(day, "D") if isinstance(day, str) else None


def scope(evidence: Evidence) -> Iterator[Result]:
    """Yield the share of customers evaluated after the last training customer; all of them must be."""
    last = trained_until(evidence)
    if not evidence.dated or last is None:
        yield OUT_OF_TIME.no_answer(words.NO_DAYS, evidence.n)
        return
    share = float(np.mean(evidence.data.days > last))
    yield OUT_OF_TIME.answer(share, evidence.n, passed=share == 1.0, threshold=Range(1.0, 1.0))
