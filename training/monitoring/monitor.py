"""Monitoring: every check on a period's customers, by the kind of alarm that it raises."""

from collections.abc import Callable, Collection, Iterator

from training.battery.result import Result
from training.monitoring.completeness import completeness
from training.monitoring.drift import input_drift, score_drift, tier_migration
from training.monitoring.kinds import AlarmKind
from training.monitoring.outcomes import calibration, discrimination
from training.monitoring.report import MonitoringReport, Subject
from training.monitoring.watched import Watched
from training.selection import Progress

CHECKS: dict[AlarmKind, Callable[[Watched], Iterator[Result]]] = {
    AlarmKind.INPUT_DRIFT: input_drift,
    AlarmKind.SCORE_DRIFT: score_drift,
    AlarmKind.TIER_MIGRATION: tier_migration,
    AlarmKind.COMPLETENESS: completeness,
    AlarmKind.CALIBRATION: calibration,
    AlarmKind.DISCRIMINATION: discrimination,
}


def monitor(
    watched: Watched,
    model_version: str | None = None,
    progress: Progress = lambda step: None,
    kinds: Collection[AlarmKind] = tuple(AlarmKind),
) -> MonitoringReport:
    """Answer the checks.

    Args:
        watched: a period's customers, under a model and its reference.
        model_version: the model's name in the report, such as `sba/3`.
        progress: told each kind as it begins.
        kinds: of alarms that are asked for; all by default.
    """
    results: dict[AlarmKind, tuple[Result, ...]] = {}
    for kind in (kind for kind in CHECKS if kind in kinds):
        progress(f"checking {kind.replace('_', ' ')}")
        results[kind] = tuple(CHECKS[kind](watched))
    return MonitoringReport(Subject.of(watched, model_version), results)
