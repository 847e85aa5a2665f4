"""Completeness: does every department still tell as much of the customers as it did in training (M11)?"""

from collections.abc import Iterator

import numpy as np

from training.battery.figures import normal_interval
from training.battery.result import Check, Part, Range, Result
from training.monitoring import words
from training.monitoring.reference import delivered_by, told_shares
from training.monitoring.watched import Watched

TOLD = Check(
    "completeness.told",
    words.TOLD,
    "the mean known share of the applicable indicators, against training; normal interval of the "
    "difference of two means, all departments together by Bonferroni",
)


def completeness(watched: Watched) -> Iterator[Result]:
    """Yield for every department how much its indicators tell less (negative) or more than in training.

    Only less is a fault.
    """
    catalog, limits = watched.scorer.catalog, watched.limits
    delivered = delivered_by(catalog, list(watched.reference.indicators))
    level = 1 - limits.alpha / max(1, len(delivered))
    for department, ids in delivered.items():
        check = TOLD.about(department, catalog.departments[department])
        before = watched.reference.departments.get(department)
        shares = told_shares(watched.data.portfolio, ids)
        shares = shares[~np.isnan(shares)]
        if before is None or not len(shares):
            yield check.no_answer(words.NOT_IN_REFERENCE, len(shares))
            continue
        now, deviation = float(np.mean(shares)), float(np.std(shares))
        error = float(
            np.hypot(deviation / np.sqrt(len(shares)), before.deviation / np.sqrt(before.customers))
        )
        tolerated = Range(-limits.tolerated_silence, 1.0)
        interval = normal_interval(now - before.share, error, level, -1.0, 1.0)
        yield check.answer(
            now - before.share,
            len(shares),
            passed=tolerated.meets(interval),
            threshold=tolerated,
            interval=interval,
            parts=[
                Part(words.NOW, now, len(shares)),
                Part(words.IN_TRAINING, before.share, before.customers),
            ],
        )
