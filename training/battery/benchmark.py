"""Benchmark: is the candidate at least as good as the baseline and the challengers, on the same customers?"""

from collections.abc import Iterator, Mapping

import numpy as np

from features.portfolio import Floats
from features.terms import Text
from models.resampling import areas_of, drawings, mean_of, percentiles
from training import sampling
from training.battery import words
from training.battery.discrimination import areas, p_value
from training.battery.evidence import Evidence
from training.battery.result import Check, Part, Range, Result
from training.walkforward import BASELINE, LIGHTGBM, LOGISTIC, slug

_SOURCE = (
    "paired bootstrap of whole groups of customers: Efron and Tibshirani (1993), An Introduction to the "
    "Bootstrap"
)
GAIN_AUC = Check(
    "benchmark.auc", words.GAIN_AUC, f"{_SOURCE}; p-value: paired test of DeLong et al. (1988), Biometrics 44"
)
GAIN_LOSS = Check("benchmark.log_loss", words.GAIN_LOSS, _SOURCE)
PRICE = Check(
    "benchmark.price",
    words.PRICE,
    "against LightGBM without constraints on the training's folds; interval: Nadeau and Bengio (2003), "
    "Machine Learning 52",
)
_NAMES: Mapping[str, Text] = {
    BASELINE: words.BASELINE, LOGISTIC: words.LOGISTIC, LIGHTGBM: words.LIGHTGBM
}  # fmt: skip


def benchmark(evidence: Evidence) -> Iterator[Result]:
    """Yield the gains on baseline and challengers, and the price of transparency that training measured.

    A gain fails where its whole interval lies below what may be lost. The baseline's score ranks without
    being calibrated, so its AUC is compared in any case.
    """
    if evidence.tells():
        yield from _gains(evidence)
    else:
        yield from (check.no_answer(words.TOO_FEW_OUTCOMES, evidence.n) for check in (GAIN_AUC, GAIN_LOSS))
    yield price(evidence)


def _gains(evidence: Evidence) -> Iterator[Result]:
    scores = {BASELINE: -evidence.decisions.baseline.score, **evidence.challengers}
    limits, bad, groups = evidence.limits, evidence.bad, evidence.data.groups
    loss = _losses(evidence, evidence.probability)
    of_challengers = {name: _losses(evidence, p) for name, p in evidence.challengers.items()}
    areas_drawn: dict[str, list[Floats]] = {name: [] for name in scores}
    losses_drawn: dict[str, list[Floats]] = {name: [] for name in of_challengers}
    for times in drawings(groups, limits.resamples, limits.seed):
        own = areas_of(bad, evidence.probability, times)
        for name, score in scores.items():
            areas_drawn[name].append(own - areas_of(bad, score, times))
        for name, other in of_challengers.items():
            losses_drawn[name].append(mean_of(other - loss, times))
    for name, score in scores.items():
        found = areas(bad, [evidence.probability, score], groups)
        gain, error = found.difference()
        interval = Range(*percentiles(np.concatenate(areas_drawn[name]), limits.level))
        tolerated = Range(low=-limits.tolerated_loss)
        yield GAIN_AUC.about(slug(name), _name(name)).answer(
            gain,
            evidence.n,
            passed=tolerated.meets(interval),
            threshold=tolerated,
            interval=interval,
            p_value=p_value(gain, error),
            parts=[
                Part(words.MODEL, float(found.areas[0]), evidence.n),
                Part(_name(name), float(found.areas[1]), evidence.n),
            ],
        )
    if not of_challengers:
        why = words.NO_ROWS if evidence.reference is None else words.NO_CHALLENGER
        yield GAIN_LOSS.no_answer(why, evidence.n)
    for name, other in of_challengers.items():
        interval = Range(*percentiles(np.concatenate(losses_drawn[name]), limits.level))
        tolerated = Range(low=-limits.tolerated_log_loss)
        yield GAIN_LOSS.about(slug(name), _name(name)).answer(
            float(np.mean(other - loss)),
            evidence.n,
            passed=tolerated.meets(interval),
            threshold=tolerated,
            interval=interval,
            parts=[
                Part(words.MODEL, float(np.mean(loss)), evidence.n),
                Part(_name(name), float(np.mean(other)), evidence.n),
            ],
        )


def price(evidence: Evidence) -> Result:
    """Return what being printable cost, as training measured it on its own folds."""
    facts = evidence.model.training
    value, low, high = (facts.get(f"price_of_transparency/auc{end}") for end in ("", "/95_low", "/95_high"))
    customers = facts.get("customers")
    if not all(isinstance(figure, int | float) for figure in (value, low, high)):
        return PRICE.no_answer(words.NOT_MEASURED)
    interval = Range(float(low or 0.0), float(high or 0.0))
    tolerated = Range(high=evidence.limits.tolerated_price)
    return PRICE.answer(
        float(value or 0.0),
        customers if isinstance(customers, int) else None,
        passed=tolerated.meets(interval),
        threshold=tolerated,
        interval=interval,
    )


def _losses(evidence: Evidence, probability: Floats) -> Floats:
    """Return each customer's log-loss in nats, shape (n,)."""
    influences = sampling.log_loss(evidence.bad, probability)
    losses: Floats = influences.of_customers * evidence.n + influences.figure
    return losses


def _name(challenger: str) -> Text:
    return _NAMES.get(challenger) or words.alike(challenger)
