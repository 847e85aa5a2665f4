"""What a company can do with a model as time goes by: leave it alone, calibrate it anew, train again."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from features.portfolio import Floats
from models.artefact import Model
from models.calibration import Calibration, calibrate
from models.decision import Scorer
from training.battery.evidence import model_of
from training.dataset import LabelledPortfolio
from training.learner import THREADS
from training.monitoring.reference import Reference
from training.sample import Sample
from training.train import train_model, years_ahead
from training.walkforward import drawn_at_training_date


class Alternative(StrEnum):
    """What is done with a model on the first day of every year."""

    AS_IT_IS = "as it is"
    RECALIBRATED = "recalibrated"
    RETRAINED = "retrained"


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model in use: its scorer, on whom it was trained and when, and the reference of that training.

    `held_out` is the log-odds of each training customer by what was trained without them, NaN where nothing
    was.
    """

    scorer: Scorer
    training: LabelledPortfolio
    trained_on: np.datetime64
    held_out: Floats
    reference: Reference

    @property
    def model(self) -> Model:
        """The model."""
        return model_of(self.scorer)

    def log_odds(self, data: LabelledPortfolio) -> Floats:
        """Return the model's log-odds of customers, shape (n,)."""
        return self.model.engine.score(self.model.matrix(data.portfolio))


def trained_as_of(sample: Sample, day: np.datetime64, threads: int = THREADS) -> Fitted:
    """Train on what had matured by a day, the baseline's curves and weights drawn from the same customers.

    Raises:
        Untrainable: too few bad outcomes had matured.
    """
    training = sample.data.take(np.flatnonzero(sample.matured_on <= day))
    catalog = drawn_at_training_date(training.portfolio, sample.policy)
    training = training.with_catalog(catalog)
    trained = train_model(training, sample.policy, threads=threads)
    scorer = Scorer(catalog, sample.policy, trained.model)
    reference = Reference.of(scorer, training, trained.held_out)
    return Fitted(scorer, training, day, trained.held_out, reference)


def recalibrated(fitted: Fitted, sample: Sample, day: np.datetime64) -> Fitted:
    """Fit a model's calibration anew to what has matured by a later day; tables and baseline stay.

    It is done as in training (`models.calibration.calibrate`): the slope from customers that the model was
    not trained on, never above 1, the level from the newest that have matured, with room for it to drift.
    Where nobody has matured since the training the model is returned as it is.
    """
    new = (sample.matured_on <= day) & (sample.matured_on > fitted.trained_on)
    if not new.any():
        return fitted
    known = np.flatnonzero(sample.matured_on <= day)
    data, unseen = sample.data.take(known).with_catalog(fitted.scorer.catalog), new[known]
    before = fitted.model.calibration
    margin = (fitted.log_odds(data) - before.intercept) / before.slope
    calibration = calibrate(
        np.where(unseen, margin, np.nan),
        margin,
        data.bad,
        data.cohorts,
        data.newest(),
        years_ahead(sample.policy),
        largest_slope=1.0,
    )
    return _with_calibration(fitted, calibration)


def _with_calibration(fitted: Fitted, calibration: Calibration) -> Fitted:
    scorer = fitted.scorer
    model = replace(fitted.model, calibration=calibration)
    again = Scorer(scorer.catalog, scorer.policy, model)
    reference = Reference.of(again, fitted.training, fitted.held_out)
    return replace(fitted, scorer=again, reference=reference)
