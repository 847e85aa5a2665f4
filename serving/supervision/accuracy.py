"""Accuracy of evaluation (評估準確性): scores and probabilities against the outcomes that became known."""

from collections.abc import Mapping, Sequence

import numpy as np

from features.terms import RATED_TIERS, Tier
from serving.supervision.estimates import Floats, auc, ks, log_losses, mean, proportion, resampled
from serving.supervision.figures import Figure, Measured
from serving.supervision.outcomes import Followed


def accuracy(followed: Sequence[Followed]) -> Mapping[str, Measured]:
    """Return the figures of decisions whose outcome is known.

    Ranking is the score's, over rated customers; what is said of probabilities needs a model.
    """
    rated = [of for of in followed if of.tier != Tier.UNRATED]
    bad = np.array([of.bad for of in rated], dtype=np.bool_)
    risk = -np.array([of.score for of in rated], dtype=np.float64)
    found = {"accuracy.auc": Measured(auc(bad, risk)), "accuracy.ks": Measured(ks(bad, risk))}
    chances = [(of.bad, of.probability) for of in followed if of.probability is not None]
    outcome = np.array([was for was, _ in chances], dtype=np.bool_)
    probability = np.array([chance for _, chance in chances], dtype=np.float64)
    found["accuracy.log_loss"] = Measured(mean(log_losses(outcome, probability)))
    found["accuracy.brier"] = Measured(mean((probability - outcome) ** 2))
    found["accuracy.calibration"] = _calibration(followed)
    return found


def bad_rates(followed: Sequence[Followed]) -> Mapping[str, Figure]:
    """Return the observed bad rate of each rated tier that has customers, the best first."""
    found = {}
    for tier in RATED_TIERS:
        bad = [of.bad for of in followed if of.tier == tier]
        if bad:
            found[str(tier)] = proportion(sum(bad), len(bad))
    return found


def _calibration(followed: Sequence[Followed]) -> Measured:
    """Return how far mean predicted probability and observed bad rate lie apart, by tier."""
    told = [(of.tier, of.bad, of.probability) for of in followed if of.probability is not None]
    if not told:
        return Measured(Figure(None, 0))
    tiers = np.array([tier for tier, _, _ in told])
    bad = np.array([was for _, was, _ in told], dtype=np.bool_)
    probability = np.array([chance for _, _, chance in told], dtype=np.float64)
    groups = [tiers == str(tier) for tier in Tier if (tiers == str(tier)).any()]
    surplus = [np.where(group, probability - bad, 0.0) for group in groups]

    def apart(weights: Floats) -> float:
        return float(sum(abs(weights @ part) for part in surplus) / weights.sum())

    parts = {
        tiers[group][0].item(): proportion(
            int(bad[group].sum()), int(group.sum()), expected=float(probability[group].mean())
        )
        for group in groups
    }
    return Measured(resampled(apart, len(told)), parts)
