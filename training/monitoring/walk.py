"""Alternatives walked forward: year by year what each would have done, and when monitoring would have told.

Nothing is used before it was known: a model of a year is made on the year's first day of what had matured by
then, a year's customers are known when it is over, and their outcomes when the last of them have matured.
Only how many tiers were wrong is told in hindsight.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.portfolio import Bools
from models.booster import Untrainable
from models.disclosure import MINIMUM_AGGREGATE
from training.battery.calibration_checks import IN_THE_LARGE
from training.dataset import LabelledPortfolio
from training.learner import THREADS
from training.metrics import Metrics, measure
from training.monitoring.alternatives import Alternative, Fitted, recalibrated, trained_as_of
from training.monitoring.hindsight import Hindsight, Wrong
from training.monitoring.kinds import AlarmKind
from training.monitoring.monitor import monitor
from training.monitoring.report import MonitoringReport
from training.monitoring.watched import Watched
from training.sample import Sample
from training.selection import Progress
from training.walkforward import of_natures

# Alarms that can be given when a period is over; the others wait for its outcomes.
AT_ONCE = (
    AlarmKind.INPUT_DRIFT, AlarmKind.SCORE_DRIFT, AlarmKind.TIER_MIGRATION, AlarmKind.COMPLETENESS
)  # fmt: skip
ON_OUTCOMES = (AlarmKind.CALIBRATION, AlarmKind.DISCRIMINATION)
_YEAR = 12


@dataclass(frozen=True)
class Outcome:
    """What an alternative came to in a year: figures, wrong tiers, and the ids of the checks that alarmed.

    `moved` is the CSI of the indicators that alarmed.
    """

    metrics: Metrics
    predicted: float
    wrong: Wrong
    alarms: Mapping[AlarmKind, tuple[str, ...]]
    moved: Mapping[str, float]


@dataclass(frozen=True)
class YearWalked:
    """A year: its customers, when it and its outcomes were known, and what each alternative came to.

    `outcomes` is empty where no model could be trained, and `trained_on_bad` then says by how many outcomes.
    """

    year: int
    customers: int
    bad: int
    known_on: np.datetime64
    matured_on: np.datetime64
    trained_on_bad: int
    outcomes: Mapping[Alternative, Outcome]

    @property
    def bad_rate(self) -> float:
        """The share of customers with the adverse outcome."""
        return self.bad / self.customers


@dataclass(frozen=True)
class Watch:
    """What monitoring a model says on one day, by kind: the ids of the checks that alarm.

    None where it says nothing, since too few have been evaluated or have matured. `level` is calibration in
    the large: positive where risk was underestimated, in log-odds.
    """

    day: np.datetime64
    alarms: Mapping[AlarmKind, tuple[str, ...] | None]
    level: float | None


def walk(
    sample: Sample,
    years: Sequence[int],
    left_alone_from: int,
    *,
    threads: int = THREADS,
    progress: Progress = lambda step: None,
) -> Iterator[tuple[YearWalked, Fitted | None]]:
    """Yield each year, and the model that is left as it is in it.

    Args:
        sample: customers with outcomes and when these were known.
        years: rising; the company begins in the first.
        left_alone_from: until this year a model is trained on every first of January. From it on, the last
            of them is left as it is, or calibrated anew on each first of January, or trained again.
        threads: of training.
        progress: told each year as it begins.
    """
    left: Fitted | None = None
    for year in years:
        day = np.datetime64(f"{year}-01-01")
        rows = np.flatnonzero(sample.data.cohorts == year)
        progress(f"{year}: {len(rows):,} customers")
        known = sample.matured_on <= day
        try:
            retrained = trained_as_of(sample, day, threads)
        except Untrainable:
            yield _year(sample, year, rows, int(np.sum(sample.data.bad[known])), {}), None
            continue
        if left is None or year <= left_alone_from:
            left = retrained
        fitted = {
            Alternative.AS_IT_IS: left,
            Alternative.RECALIBRATED: left,
            Alternative.RETRAINED: retrained,
        }
        if left is not retrained:
            fitted[Alternative.RECALIBRATED] = recalibrated(left, sample, day)
        yield _year(sample, year, rows, int(np.sum(retrained.training.bad)), fitted), left


def _year(
    sample: Sample,
    year: int,
    rows: np.ndarray,
    trained_on_bad: int,
    fitted: Mapping[Alternative, Fitted],
) -> YearWalked:
    data = sample.data.take(rows)
    known_on = np.max(data.days) + np.timedelta64(1, "D")
    matured_on = np.max(sample.matured_on[rows])
    outcomes = compared(data, fitted, matured_on) if fitted else {}
    return YearWalked(year, len(data), int(np.sum(data.bad)), known_on, matured_on, trained_on_bad, outcomes)


def compared(
    data: LabelledPortfolio, fitted: Mapping[Alternative, Fitted], on: np.datetime64
) -> dict[Alternative, Outcome]:
    """Return what each alternative comes to on the same customers, all of whom have matured by a day."""
    natures = next(iter(fitted.values())).model.natures
    data = of_natures(data, natures)
    # One that is the same model twice is judged once.
    distinct = {id(of): of for of in fitted.values()}
    views = {key: data.with_catalog(of.scorer.catalog) for key, of in distinct.items()}
    hindsight = Hindsight.of([of.log_odds(views[key]) for key, of in _rankings(distinct)], data.bad)
    found = {key: _outcome(of, views[key], hindsight, on) for key, of in distinct.items()}
    return {alternative: found[id(of)] for alternative, of in fitted.items()}


def _rankings(distinct: Mapping[int, Fitted]) -> list[tuple[int, Fitted]]:
    """Return the models that rank differently: calibrated anew, one says the same again."""
    by_tables = {id(of.model.prior): (key, of) for key, of in distinct.items()}
    return list(by_tables.values())


def _outcome(fitted: Fitted, data: LabelledPortfolio, hindsight: Hindsight, on: np.datetime64) -> Outcome:
    every = np.ones(len(data), dtype=np.bool_)
    watched = Watched.of(fitted.scorer, fitted.reference, data, every, on)
    report = monitor(watched)
    probability = watched.decisions.model.probability
    return Outcome(
        metrics=measure(data.bad, probability),
        predicted=float(np.mean(probability)),
        wrong=hindsight.wrong(fitted.scorer, watched.decisions),
        alarms={kind: tuple(of.id for of in results) for kind, results in report.alarms.items()},
        moved={
            of.id.rpartition(".")[2]: float(of.value)
            for of in report.alarms.get(AlarmKind.INPUT_DRIFT, ())
            if of.value is not None
        },
    )


def timeline(sample: Sample, fitted: Fitted, days: Sequence[np.datetime64]) -> Iterator[Watch]:
    """Yield what monitoring a model that is left as it is says on each day of a sequence.

    Of the customers evaluated since its training: those of the last twelve months before the day, and the
    outcomes of those whose window closed in them.
    """
    data = sample.data.with_catalog(fitted.scorer.catalog)
    served = data.days >= fitted.trained_on
    for day in days:
        before = _months_before(day)
        newest = served & (data.days >= before) & (data.days < day)
        matured = served & (sample.matured_on > before) & (sample.matured_on <= day)
        at_once = _report(fitted, data, newest, day, AT_ONCE)
        on_outcomes = _report(fitted, data, matured, day, ON_OUTCOMES)
        yield Watch(day, {**_said(at_once, AT_ONCE), **_said(on_outcomes, ON_OUTCOMES)}, _level(on_outcomes))


def _report(
    fitted: Fitted,
    data: LabelledPortfolio,
    rows: Bools,
    day: np.datetime64,
    kinds: Sequence[AlarmKind],
) -> MonitoringReport | None:
    if np.sum(rows) < MINIMUM_AGGREGATE:
        return None
    part = data.take(np.flatnonzero(rows))
    watched = Watched.of(fitted.scorer, fitted.reference, part, np.ones(len(part), dtype=np.bool_), day)
    return monitor(watched, kinds=kinds)


def _said(
    report: MonitoringReport | None, kinds: Sequence[AlarmKind]
) -> dict[AlarmKind, tuple[str, ...] | None]:
    if report is None:
        return dict.fromkeys(kinds)
    answered = {
        kind for kind, results in report.results.items() if any(of.value is not None for of in results)
    }
    return {
        kind: tuple(of.id for of in report.alarms.get(kind, ())) if kind in answered else None
        for kind in kinds
    }


def _level(report: MonitoringReport | None) -> float | None:
    results = () if report is None else report.results[AlarmKind.CALIBRATION]
    return next((of.value for of in results if of.id == IN_THE_LARGE.id), None)


def _months_before(day: np.datetime64) -> np.datetime64:
    before = pd.Timestamp(day) - pd.DateOffset(months=_YEAR)
    return np.datetime64(before.date(), "D")


def quarters(first: int, last: np.datetime64) -> list[np.datetime64]:
    """Return the first days of quarters from the second of a year to a last day."""
    begins = [
        np.datetime64(f"{year}-{month:02}-01")
        for year in range(first, int(str(last)[:4]) + 1)
        for month in (1, 4, 7, 10)
    ]
    return [day for day in begins[1:] if day <= last]
