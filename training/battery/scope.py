"""Scope: are the customers judged others than those the model learnt from, and of a time after them?"""

from collections.abc import Iterator

import numpy as np

from training.battery import words
from training.battery.evidence import Evidence
from training.battery.result import Check, Range, Result
from training.data_facts import customers_hash

OUT_OF_TIME = Check(
    "scope.out_of_time",
    words.OUT_OF_TIME,
    "Sobehart, Keenan and Stein (2000), Benchmarking Quantitative Default Risk Models: out of time",
)
OTHER_CUSTOMERS = Check(
    "scope.other_customers",
    words.OTHER_CUSTOMERS,
    "Sobehart, Keenan and Stein (2000), Benchmarking Quantitative Default Risk Models: out of sample",
)


def trained_until(evidence: Evidence) -> np.datetime64 | None:
    """Return the last day on which a training customer was evaluated; None where the model does not say."""
    day = evidence.model.training.get("last_as_of")
    return np.datetime64(day, "D") if isinstance(day, str) else None


def scope(evidence: Evidence) -> Iterator[Result]:
    """Yield the share of customers evaluated after the last training customer, and not in the future, which
    must be all of them; and whether they are the training customers (1 of the very same set, in any
    order and on whatever days, else 0), which they must not be."""
    yield _out_of_time(evidence)
    yield _other_customers(evidence)


def _out_of_time(evidence: Evidence) -> Result:
    if not evidence.dated:
        return OUT_OF_TIME.no_answer(words.NO_DAYS, evidence.n)
    last = trained_until(evidence)
    if last is None:
        return OUT_OF_TIME.no_answer(words.NO_DAYS_OF_TRAINING, evidence.n)
    days = evidence.data.days
    # Nobody has an outcome who is evaluated in the future.
    share = float(np.mean((days > last) & (days <= np.datetime64("today") + np.timedelta64(1, "D"))))
    return OUT_OF_TIME.answer(share, evidence.n, passed=share == 1.0, threshold=Range(1.0, 1.0))


def _other_customers(evidence: Evidence) -> Result:
    known = evidence.model.training.get("customers_sha256")
    if not isinstance(known, str):
        return OTHER_CUSTOMERS.no_answer(words.TRAINING_NOT_TOLD, evidence.n)
    same = customers_hash(evidence.data) == known
    return OTHER_CUSTOMERS.answer(float(same), evidence.n, passed=not same, threshold=Range(0.0, 0.0))
