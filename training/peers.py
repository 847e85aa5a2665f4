"""What the model is measured against: baseline, logistic regression, one indicator, LightGBM as it comes."""

from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from features.catalog import Kind
from features.portfolio import Floats, Portfolio
from features.terms import Nature
from models.artefact import catalog_features, category_codes
from models.baseline import Baseline
from models.booster import UNCONSTRAINED, Design, Plan, Sample, Untrainable, cross_validate, train_bags
from models.calibration import Calibration, calibrate, fit_intercept
from models.policy import Policy
from training.dataset import LabelledPortfolio
from training.learner import SEED, THREADS
from training.metrics import auc
from training.train import years_ahead

# Inverse strength of the ridge penalty on standardised inputs.
RIDGE = 0.01
# Standardised inputs are held within ± this, so that one extreme value does not rule a linear model.
_LARGEST = 4.0


def calibrated(margin: Floats, data: LabelledPortfolio, policy: Policy) -> Calibration:
    """Return the map for a score of the training customers, fitted as the model's is, but of any slope: a
    score has no scale of its own."""
    return calibrate(margin, margin, data.bad, data.cohorts, data.newest(), years_ahead(policy))


def at_newest_level(margin: Floats, data: LabelledPortfolio) -> Calibration:
    """Return the shift that gives log-odds of the training customers, shape (n,), the newest ones' level."""
    newest = data.newest()
    return Calibration(fit_intercept(margin[newest], data.bad[newest], float(np.mean(data.bad))), 1.0)


@dataclass(frozen=True, eq=False)
class BaselinePeer:
    """The weighted baseline, its score turned into a probability by the training customers' outcomes."""

    policy: Policy
    calibration: Calibration

    @classmethod
    def fit(cls, data: LabelledPortfolio, policy: Policy) -> "BaselinePeer":
        """Calibrate the baseline."""
        return cls(policy, calibrated(cls._margin(data.portfolio, policy), data, policy))

    def log_odds(self, portfolio: Portfolio) -> Floats:
        """Return log-odds of the bad outcome, shape (n,)."""
        return self.calibration.log_odds(self._margin(portfolio, self.policy))

    @staticmethod
    def _margin(portfolio: Portfolio, policy: Policy) -> Floats:
        score = Baseline(portfolio.catalog, policy).evaluate(portfolio).score
        margin: Floats = logit(np.clip(1.0 - score / 100.0, 1e-6, 1.0 - 1e-6))
        return margin


@dataclass(frozen=True, eq=False)
class LogisticPeer:
    """Ridge logistic regression on the model's indicators.

    Numbers are taken as sign(x)·log(1 + |x|), standardised, the median where missing with a column that
    says so; categories one-hot.
    """

    features: tuple[str, ...]
    medians: Floats
    regression: Pipeline
    calibration: Calibration

    @classmethod
    def fit(cls, data: LabelledPortfolio, natures: tuple[Nature, ...]) -> "LogisticPeer":
        """Fit the regression, and take its level from the newest training customers.

        Its own slope stays; room for drift, which made it worse on the years up to 2003, is not added.
        """
        features = catalog_features(data.portfolio.catalog, natures)
        raw = _transformed(data.portfolio, features)
        known = ~np.isnan(raw)
        medians = np.array([np.median(x[k]) if k.any() else 0.0 for x, k in zip(raw.T, known.T, strict=True)])
        regression = make_pipeline(StandardScaler(), _Bounded(), LogisticRegression(C=RIDGE, max_iter=500))
        columns = _design(data.portfolio, features, medians)
        regression.fit(columns, data.bad)
        margin = regression.decision_function(columns)
        return cls(features, medians, regression, at_newest_level(margin, data))

    def log_odds(self, portfolio: Portfolio) -> Floats:
        """Return log-odds of the bad outcome, shape (n,)."""
        columns = _design(portfolio, self.features, self.medians)
        return self.calibration.log_odds(self.regression.decision_function(columns))


@dataclass(frozen=True, eq=False)
class LightgbmPeer:
    """LightGBM without constraints, directions or prior, as it comes: rounds stop on the newest quarter."""

    features: tuple[str, ...]
    booster: lgb.Booster
    calibration: Calibration

    @classmethod
    def fit(
        cls, data: LabelledPortfolio, natures: tuple[Nature, ...], threads: int = THREADS
    ) -> "LightgbmPeer":
        """Fit it, and take its level from the newest training customers, as the regression's is."""
        catalog = data.portfolio.catalog
        features = catalog_features(catalog, natures)
        design = Design.from_catalog(catalog, features, category_codes(catalog, features))
        design = replace(design, directions=(0,) * len(features))
        level = float(logit((np.sum(data.bad) + 0.5) / (len(data) + 1.0)))
        matrix = data.portfolio.matrix(features)
        sample = Sample(matrix, data.bad, np.full(len(data), level))
        order = np.argsort(data.days, kind="stable")
        fold = order[: len(order) * 3 // 4], order[len(order) * 3 // 4 :]
        plan = Plan(UNCONSTRAINED, None)
        rounds = max(1, cross_validate(sample, design, plan, [fold], threads, SEED).best_rounds())
        (booster,) = train_bags(sample, design, plan, rounds, threads, SEED, bags=1)
        return cls(features, booster, at_newest_level(cls._margin(booster, matrix), data))

    def log_odds(self, portfolio: Portfolio) -> Floats:
        """Return log-odds of the bad outcome, shape (n,)."""
        return self.calibration.log_odds(self._margin(self.booster, portfolio.matrix(self.features)))

    @staticmethod
    def _margin(booster: lgb.Booster, matrix: Floats) -> Floats:
        return np.asarray(booster.predict(matrix, raw_score=True), dtype=np.float64)


class _Bounded:
    """A step of a pipeline that holds standardised inputs within bounds."""

    def fit(self, matrix: Floats, bad: object = None) -> "_Bounded":
        return self

    def transform(self, matrix: Floats) -> Floats:
        return np.clip(matrix, -_LARGEST, _LARGEST)


@dataclass(frozen=True, eq=False)
class SingleIndicatorPeer:
    """The one indicator that ranked the training customers best, in the direction it had there."""

    feature: str
    sign: float
    median: float
    calibration: Calibration

    @classmethod
    def fit(
        cls, data: LabelledPortfolio, policy: Policy, natures: tuple[Nature, ...]
    ) -> "SingleIndicatorPeer":
        """Choose the indicator by AUC on the training customers.

        Raises:
            Untrainable: there is none but categories.
        """
        features = catalog_features(data.portfolio.catalog, natures)
        best = (-1.0, "", 1.0, 0.0)
        for feature, column in zip(features, _transformed(data.portfolio, features).T, strict=True):
            known = ~np.isnan(column)
            if data.portfolio.catalog.by_id[feature].indicator.kind is Kind.CATEGORY or not known.any():
                continue
            median = float(np.median(column[known]))
            area = auc(data.bad, np.where(known, column, median))
            if abs(area - 0.5) > best[0]:
                best = (abs(area - 0.5), feature, 1.0 if area >= 0.5 else -1.0, median)
        _, feature, sign, median = best
        if not feature:
            raise Untrainable(
                "no number or flag is known of any customer: there is no single indicator to compare"
            )
        margin = sign * _one(data.portfolio, feature, median)
        return cls(feature, sign, median, calibrated(margin, data, policy))

    def log_odds(self, portfolio: Portfolio) -> Floats:
        """Return log-odds of the bad outcome, shape (n,)."""
        return self.calibration.log_odds(self.sign * _one(portfolio, self.feature, self.median))


def _one(portfolio: Portfolio, feature: str, median: float) -> Floats:
    column = _transformed(portfolio, (feature,))[:, 0]
    return np.where(np.isnan(column), median, column)


def _transformed(portfolio: Portfolio, features: tuple[str, ...]) -> Floats:
    values = portfolio.matrix(features)
    return np.sign(values) * np.log1p(np.abs(values))


def _design(portfolio: Portfolio, features: tuple[str, ...], medians: Floats) -> Floats:
    indicators = [portfolio.catalog.by_id[feature].indicator for feature in features]
    number = np.array([indicator.kind is not Kind.CATEGORY for indicator in indicators])
    raw = _transformed(portfolio, features)
    missing = np.isnan(raw)
    columns = [np.where(missing, medians, raw)[:, number], missing.astype(np.float64)]
    for feature, indicator in zip(features, indicators, strict=True):
        if indicator.kind is Kind.CATEGORY:
            codes = portfolio.values[:, portfolio.catalog.columns[feature]]
            one_hot = [codes == code for code in indicator.level_codes.values()]
            columns.append(np.column_stack(one_hot).astype(np.float64))
    return np.column_stack(columns)
