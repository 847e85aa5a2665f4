"""The reference: how a model's training customers spread, and what was expected of them; aggregates only.

It is made when a model is trained, since later nobody may hold the training customers any more, and kept with
the registered version. No count is of fewer than `MINIMUM_AGGREGATE` customers, and bounds are no customer's
value but by chance (`training.mixes.mix`).
"""

import hashlib
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from features.catalog import Catalog, Indicator, Kind
from features.declaration import first_error
from features.portfolio import Bools, Floats, Portfolio
from features.terms import Declared, Nature, Tier
from models.decision import Decisions, Scorer
from models.disclosure import MINIMUM_AGGREGATE
from models.policy import Policy
from models.reasons import UNRATED_NAME
from training import sampling
from training.battery.evidence import NotJudgeable, model_of
from training.battery.limits import Limits
from training.battery.tier_tests import TierGroup, tier_groups
from training.battery.words import together
from training.data_facts import days_of
from training.dataset import LabelledPortfolio
from training.mixes.coding import levels_of, tier_codes, used_indicators
from training.mixes.comparison import RecordedMixes
from training.mixes.mix import Mix


class TierRate(Declared):
    """What a tier's probabilities said and what became of it; a small tier stands with its neighbour."""

    tiers: str
    customers: int = Field(ge=MINIMUM_AGGREGATE)
    predicted: float
    bad_rate: float


class Told(Declared):
    """How much a department's indicators tell: the mean known share and its deviation over customers.

    Counted are the indicators that apply, and the customers to whom any does.
    """

    customers: int = Field(ge=MINIMUM_AGGREGATE)
    share: float
    deviation: float


class HeldOut(Declared):
    """The AUC by what was trained without the customers, and its standard error.

    Only customers of one year are compared with each other: that a whole year is riskier is no ranking.
    """

    customers: int = Field(ge=MINIMUM_AGGREGATE)
    auc: float
    error: float


class Reference(Declared):
    """A model's training customers of the natures that it applies to.

    `predicted` is the mean probability by the model itself, which takes its level from the newest of them;
    the first and last day of evaluation are None where no days were given.
    """

    format: Literal["tierwise-reference"] = "tierwise-reference"
    format_version: Literal[1] = 1
    catalog_hash: str
    policy_hash: str
    model_sha256: str
    natures: tuple[Nature, ...]
    customers: int = Field(ge=MINIMUM_AGGREGATE)
    first_as_of: str | None
    last_as_of: str | None
    bad_rate: float
    predicted: float
    tier_rates: tuple[TierRate, ...]
    held_out: HeldOut | None
    departments: dict[str, Told]
    score: Mix
    probability: Mix
    tiers: Mix
    indicators: dict[str, Mix]

    @classmethod
    def of(
        cls,
        scorer: Scorer,
        data: LabelledPortfolio,
        held_out: Floats | None = None,
        bins: int = Limits().bins,
    ) -> "Reference":
        """Describe the customers that a scorer's model was trained on.

        Args:
            scorer: with the model.
            data: n training customers with their outcomes.
            held_out: log-odds of each by what was trained without them, shape (n,), NaN where nothing was.
            bins: ranges of a number, at most.

        Raises:
            NotJudgeable: there is no model, or there are too few customers.
        """
        model = model_of(scorer)
        inside = np.flatnonzero(np.isin(data.portfolio.natures, list(model.natures)))
        data = data.take(inside)
        if len(data) < MINIMUM_AGGREGATE:
            raise NotJudgeable(
                f"{len(data)} training customers are too few to refer to: give {MINIMUM_AGGREGATE} or more"
            )
        catalog, decisions = scorer.catalog, scorer.decide(data.portfolio)
        first, last = days_of(data)
        return cls(
            catalog_hash=catalog.hash,
            policy_hash=scorer.policy.hash,
            model_sha256=model.content_hash,
            natures=model.natures,
            customers=len(data),
            first_as_of=first,
            last_as_of=last,
            bad_rate=float(np.mean(data.bad)),
            predicted=float(np.mean(decisions.model.probability)),
            tier_rates=tuple(_tier_rates(scorer, decisions, data.bad)),
            held_out=None if held_out is None else _held_out(data, held_out[inside]),
            departments=_departments(scorer, data.portfolio),
            score=Mix.of_numbers(decisions.score, bins),
            probability=Mix.of_numbers(decisions.model.probability, bins),
            tiers=Mix.of_levels(tier_codes(decisions), tuple(Tier)),
            indicators={
                id_: _mix_of(catalog.by_id[id_].indicator, data.portfolio.matrix([id_])[:, 0], bins)
                for id_ in used_indicators(catalog, model)
            },
        )

    @cached_property
    def document(self) -> bytes:
        """The JSON document."""
        return f"{self.model_dump_json(indent=1)}\n".encode()

    @property
    def sha256(self) -> str:
        """Of the document (hex)."""
        return hashlib.sha256(self.document).hexdigest()

    @property
    def mixes(self) -> RecordedMixes:
        """How the customers spread, by what the battery compares later ones with too."""
        return RecordedMixes(self.sha256, self.customers, self.score, self.tiers, self.indicators)

    @classmethod
    def read(cls, document: bytes, what: str) -> "Reference":
        """Return a reference that was written.

        Raises:
            NotJudgeable: it is none, or of another version of Tierwise.
        """
        try:
            return cls.model_validate_json(document)
        except ValidationError as error:
            raise NotJudgeable(f"{what}: is no reference that can be read ({first_error(error)})") from None

    def check_against(self, scorer: Scorer) -> None:
        """Refuse another catalog, policy or model than the one whose training it describes.

        Raises:
            NotJudgeable: names what differs.
        """
        for what, own, given in (
            ("catalog", self.catalog_hash, scorer.catalog.hash),
            ("policy", self.policy_hash, scorer.policy.hash),
            ("model", self.model_sha256, model_of(scorer).content_hash),
        ):
            if own != given:
                raise NotJudgeable(f"the reference is of another {what} ({own[:12]}, not {given[:12]})")


def all_by_tier(tiers: NDArray[np.object_], policy: Policy) -> list[TierGroup]:
    """Return the groups of `tier_groups` with whoever is in none, so that nobody is told by subtraction.

    The unrated stand alone where they are enough, else with the riskiest; none at all where no tier is.
    """
    groups = tier_groups(tiers, policy)
    if not groups:
        return []
    rest = ~np.any([group.rows for group in groups], axis=0)
    if not rest.any():
        return groups
    if np.sum(rest) >= MINIMUM_AGGREGATE:
        return [*groups, TierGroup(Tier.UNRATED, UNRATED_NAME, rest)]
    last = groups[-1]
    name = together((last.name, UNRATED_NAME))
    return [*groups[:-1], TierGroup(f"{last.id}+{Tier.UNRATED}", name, last.rows | rest)]


def told_shares(portfolio: Portfolio, ids: list[str]) -> Floats:
    """Return the known share of those of some indicators that apply, shape (n,); NaN where none does."""
    columns = [portfolio.column(id_) for id_ in ids]
    applicable = portfolio.applicable[:, columns]
    known = ~np.isnan(portfolio.values[:, columns])
    count = np.sum(applicable, axis=1)
    shares: Floats = np.where(count, np.sum(known, axis=1) / np.maximum(count, 1), np.nan)
    return shares


def delivered_by(catalog: Catalog, used: list[str]) -> dict[str, list[str]]:
    """Return the indicators in use by the department that delivers them, of those that deliver any."""
    found = {
        department: [id_ for id_ in used if catalog.by_id[id_].indicator.source.department == department]
        for department in catalog.departments
    }
    return {department: ids for department, ids in found.items() if ids}


def _mix_of(indicator: Indicator, values: Floats, bins: int) -> Mix:
    if indicator.kind is Kind.NUMBER:
        return Mix.of_numbers(values, bins)
    return Mix.of_levels(values, levels_of(indicator))


def _tier_rates(scorer: Scorer, decisions: Decisions, bad: Bools) -> list[TierRate]:
    return [
        TierRate(
            tiers=group.id,
            customers=int(np.sum(group.rows)),
            predicted=float(np.mean(decisions.model.probability[group.rows])),
            bad_rate=float(np.mean(bad[group.rows])),
        )
        for group in all_by_tier(decisions.tiers, scorer.policy)
    ]


def _departments(scorer: Scorer, portfolio: Portfolio) -> dict[str, Told]:
    found = {}
    used = used_indicators(scorer.catalog, model_of(scorer))
    for department, ids in delivered_by(scorer.catalog, used).items():
        shares = told_shares(portfolio, ids)
        shares = shares[~np.isnan(shares)]
        if len(shares) >= MINIMUM_AGGREGATE:
            found[department] = Told(
                customers=len(shares), share=float(np.mean(shares)), deviation=float(np.std(shares))
            )
    return found


def _held_out(data: LabelledPortfolio, log_odds: Floats) -> HeldOut | None:
    """Return the AUC within years, each weighted by its pairs of outcomes; None where too few tell."""
    known = ~np.isnan(log_odds)
    customers, bads, pairs, figures, variances = 0, 0, [], [], []
    for cohort in np.unique(data.cohorts[known]):
        rows = np.flatnonzero(known & (data.cohorts == cohort))
        bad = data.bad[rows]
        of_bad, of_good = int(np.sum(bad)), int(np.sum(~bad))
        if min(of_bad, of_good) < 2:
            continue
        found = sampling.area(bad, log_odds[rows])
        customers, bads = customers + len(rows), bads + of_bad
        pairs.append(of_bad * of_good)
        figures.append(found.figure)
        variances.append(found.variance(data.groups[rows]))
    if min(bads, customers - bads) < Limits().minimum_outcomes:
        return None
    shares = np.array(pairs) / np.sum(pairs)
    return HeldOut(
        customers=customers,
        auc=float(shares @ figures),
        error=float(np.sqrt(shares**2 @ variances)),
    )
