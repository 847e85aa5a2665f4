"""What became of the period's customers, once their outcomes have matured: calibration, and ranking."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from training.battery import calibration_checks as calibration_of
from training.battery.discrimination import areas
from training.battery.evidence import Evidence
from training.battery.figures import jeffreys_interval, normal_interval
from training.battery.result import Check, Part, Range, Result
from training.battery.words import BAD_RATE, PREDICTED, TOO_FEW_OUTCOMES, about
from training.monitoring import words
from training.monitoring.reference import all_by_tier
from training.monitoring.watched import Watched

AUC = Check(
    "discrimination.auc_against_training",
    words.AUC,
    "difference to the AUC within years of the training's held-out customers; DeLong, DeLong and "
    "Clarke-Pearson (1988), Biometrics 44; customers of one group together: Obuchowski (1997), Biometrics 53",
)
_CALIBRATION = (
    (calibration_of.IN_THE_LARGE, calibration_of.in_the_large),
    (calibration_of.SLOPE, calibration_of.slope),
    (calibration_of.ECE, calibration_of.calibration_error),
)


def calibration(watched: Watched) -> Iterator[Result]:
    """Yield calibration in the large (with each tier's rates), slope, and expected calibration error."""
    evidence = watched.evidence
    for check, answer in _CALIBRATION:
        if evidence is None:
            yield check.no_answer(words.NOT_MATURE)
        elif not evidence.tells():
            yield check.no_answer(TOO_FEW_OUTCOMES, evidence.n)
        else:
            result = answer(evidence)
            if check is calibration_of.IN_THE_LARGE:
                result = replace(result, parts=(*result.parts, *_tiers(evidence)))
            yield result


def discrimination(watched: Watched) -> Iterator[Result]:
    """Yield how far the AUC lies below (negative) or above that of the training's held-out customers."""
    evidence, held_out, limits = watched.evidence, watched.reference.held_out, watched.limits
    if evidence is None:
        yield AUC.no_answer(words.NOT_MATURE)
        return
    if not evidence.tells():
        yield AUC.no_answer(TOO_FEW_OUTCOMES, evidence.n)
        return
    if held_out is None:
        yield AUC.no_answer(words.NOT_IN_REFERENCE, evidence.n)
        return
    found = areas(evidence.bad, [evidence.probability], evidence.data.groups)
    area, error = float(found.areas[0]), float(np.sqrt(found.covariance[0, 0]))
    interval = normal_interval(
        area - held_out.auc, float(np.hypot(error, held_out.error)), limits.level, -1, 1
    )
    tolerated = Range(-limits.tolerated_auc_lost, 1.0)
    yield AUC.answer(
        area - held_out.auc,
        evidence.n,
        passed=tolerated.meets(interval),
        threshold=tolerated,
        interval=interval,
        parts=[
            Part(words.NOW, area, evidence.n, normal_interval(area, error, limits.level, 0, 1)),
            Part(
                words.IN_TRAINING,
                held_out.auc,
                held_out.customers,
                normal_interval(held_out.auc, held_out.error, limits.level, 0, 1),
            ),
        ],
    )


def _tiers(evidence: Evidence) -> Iterator[Part]:
    """Yield what each tier's probabilities said and what its bad rate was."""
    for group in all_by_tier(evidence.tiers, evidence.scorer.policy):
        n, bad = int(np.sum(group.rows)), int(np.sum(evidence.bad[group.rows]))
        yield Part(about(group.name, PREDICTED), float(np.mean(evidence.probability[group.rows])), n)
        yield Part(about(group.name, BAD_RATE), bad / n, n, jeffreys_interval(bad, n, evidence.limits.level))
