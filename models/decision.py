"""The decision: from indicators to score, tier and exact justification; the one scorer everywhere.

`Scorer.decide` is pure, and what it returns is indicative: the tier in force is what management approved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from features.catalog import Catalog
from features.portfolio import Bools, Floats, Portfolio
from features.terms import RATED_TIERS, Nature
from models.artefact import Model
from models.baseline import Baseline, BaselineResult
from models.points import sum_in_order
from models.policy import Policy
from models.scale import Scale
from models.tiering import BasisEntry, assign_tiers, tiers_by_score

# The largest difference between a score and the sum of its contributions that is served.
EXACT = 1e-9


class UnexplainedScore(RuntimeError):
    """A score does not equal the sum of its contributions; it is not served."""


@dataclass(frozen=True)
class ModelResult:
    """The model's part, for n customers and k indicators; NaN where a nature has no model.

    `log_odds` = `base_log_odds` + `shap_values` summed (all in calibrated log-odds of the adverse outcome);
    `points` = `base` + `contributions` summed (all in points).
    """

    applies: Bools
    log_odds: Floats
    base_log_odds: Floats
    shap_values: Floats
    probability: Floats
    points: Floats
    base: Floats
    contributions: Floats


@dataclass(frozen=True)
class Decisions:
    """The decisions on a portfolio of n customers. score = base + contributions summed, to 1e-9."""

    portfolio: Portfolio
    policy: Policy
    baseline: BaselineResult
    model: ModelResult
    base: Floats
    score: Floats
    contributions: Floats
    tiers: NDArray[np.object_]
    tier_basis: Sequence[tuple[BasisEntry, ...]]
    baseline_tiers: NDArray[np.object_]
    model_tiers: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.score)

    @cached_property
    def disagreement(self) -> Bools:
        """Where baseline and model differ by as many tiers as the policy wants reviewed, shape (n,)."""
        rank = {tier: place for place, tier in enumerate(RATED_TIERS)}
        pairs = zip(self.baseline_tiers, self.model_tiers, strict=True)
        limit = self.policy.disagreement_tiers
        return np.array(
            [model is not None and abs(rank[baseline] - rank[model]) >= limit for baseline, model in pairs],
            dtype=np.bool_,
        )


class Scorer:
    """Catalog, policy and, where there is one, model: everything that a decision rests on."""

    def __init__(self, catalog: Catalog, policy: Policy, model: Model | None = None) -> None:
        """Join the three.

        Raises:
            DeclarationError: the policy does not fit the catalog.
            ArtefactError: the model was trained with another catalog.
        """
        policy.check_against(catalog)
        if model is not None:
            model.check_against(catalog)
        self.catalog = catalog
        self.policy = policy
        self.model = model
        self.scale = Scale.from_policy(policy)
        self.baseline = Baseline(catalog, policy)

    def model_weight(self, nature: Nature) -> float:
        """Return the model's share in the composite score of one nature: 0 where it has no model."""
        if self.model is None or nature not in self.model.natures:
            return 0.0
        return self.policy.model_weight_for(nature)

    def decide(self, portfolio: Portfolio) -> Decisions:
        """Decide on every customer of a portfolio.

        Raises:
            ValueError: the portfolio is encoded by another catalog.
            UnexplainedScore: a score is not the sum of its contributions; nothing is answered then.
        """
        if portfolio.catalog.hash != self.catalog.hash:
            raise ValueError(f"the portfolio is encoded by another catalog than {self.catalog.catalog}")
        baseline = self.baseline.evaluate(portfolio)
        model = self._evaluate_model(portfolio)
        share = np.array([self.model_weight(nature) for nature in portfolio.natures], dtype=np.float64)
        base = _blend(share, baseline.base, model.base)
        score = _blend(share, baseline.score, model.points)
        contributions = _blend(share[:, None], baseline.contributions, model.contributions)
        self._check_sums(baseline, model, base, score, contributions)
        tiers, basis = assign_tiers(score, baseline, portfolio, self.policy)
        model_tiers = tiers_by_score(np.where(model.applies, model.points, 0.0), self.policy)
        model_tiers[~model.applies] = None
        return Decisions(
            portfolio=portfolio,
            policy=self.policy,
            baseline=baseline,
            model=model,
            base=base,
            score=score,
            contributions=contributions,
            tiers=tiers,
            tier_basis=basis,
            baseline_tiers=tiers_by_score(baseline.score, self.policy),
            model_tiers=model_tiers,
        )

    def _evaluate_model(self, portfolio: Portfolio) -> ModelResult:
        shape = portfolio.given.shape
        nothing = np.full(shape[0], np.nan)
        if self.model is None:
            applies = np.zeros(shape[0], dtype=np.bool_)
            empty = np.broadcast_to(np.nan, shape)
            return ModelResult(applies, nothing, nothing, empty, nothing, nothing, nothing, empty)
        applies = np.isin(portfolio.natures, list(self.model.natures))
        shap_values = self.model.contributions(portfolio)
        base_log_odds = np.full(shape[0], self.model.base_log_odds)
        log_odds = sum_in_order(base_log_odds, shap_values)
        factor = self.scale.rescaling(log_odds, base_log_odds)
        where = applies[:, None]
        return ModelResult(
            applies=applies,
            log_odds=np.where(applies, log_odds, np.nan),
            base_log_odds=np.where(applies, base_log_odds, np.nan),
            shap_values=np.where(where, shap_values, np.nan),
            probability=np.where(applies, expit(log_odds), np.nan),
            points=np.where(applies, self.scale.to_points(log_odds), np.nan),
            base=np.where(applies, self.scale.to_points(base_log_odds), np.nan),
            contributions=np.where(where, shap_values * factor[:, None], np.nan),
        )

    @staticmethod
    def _check_sums(
        baseline: BaselineResult, model: ModelResult, base: Floats, score: Floats, contributions: Floats
    ) -> None:
        for what, total, parts_base, parts, rows in (
            ("baseline", baseline.score, baseline.base, baseline.contributions, slice(None)),
            ("model", model.points, model.base, model.contributions, model.applies),
            ("composite", score, base, contributions, slice(None)),
        ):
            difference = np.abs(sum_in_order(parts_base[rows], parts[rows]) - total[rows])
            if not np.all(difference <= EXACT):  # also where it is NaN
                unexplained = int(np.sum(~(difference <= EXACT)))
                raise UnexplainedScore(
                    f"{unexplained} {what} score(s) are not the sum of their contributions"
                )


def _blend(share: Floats, baseline: Floats, model: Floats) -> Floats:
    """Return (1 − share) × baseline + share × model, the baseline alone where the share is 0."""
    if not share.any():
        return baseline
    return np.where(share > 0, (1.0 - share) * baseline + share * model, baseline)
