"""The policy: tiers, cut-offs, gates and strategies, as a company decides them (M14–M18)."""

from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from features.catalog import Catalog, bundled_or_path
from features.condition import Condition
from features.declaration import DeclarationError, content_hash, load_declared
from features.terms import RATED_TIERS, Declared, Nature, Text, Tier

PointsByDimension = dict[str, Annotated[float, Field(ge=0, le=100)]]

POLICIES = Path(__file__).parent / "policies"


class TierRule(Declared):
    """One tier: the lowest score that reaches it, the probability that stands for that score, strategies."""

    names: Text
    cut_off: float | None = Field(default=None, gt=0, lt=100)
    probability: float | None = Field(default=None, gt=0, lt=1)
    strategies: tuple[Text, ...] = Field(min_length=1)


class Veto(Declared):
    """A fact that forces the risk tier whatever the score (M14, M18)."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    names: Text
    when: Condition


class PremiumFloors(Declared):
    """What a premium customer must reach, dimension by dimension, in baseline points (M14).

    `substitutes` says what is asked instead, by nature, where a dimension does not apply;
    without a substitute the customer can be at most `good`.
    """

    floors: PointsByDimension
    substitutes: dict[Nature, dict[str, PointsByDimension]] = {}


class Completeness(Declared):
    """The shares of the applicable weight that must be known: for premium, and to be rated at all (M3)."""

    premium: float = Field(ge=0, le=1)
    rated: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.rated > self.premium:
            raise ValueError("rated must not ask for more than premium")
        return self


class Interactions(StrEnum):
    """Which indicators may act together in a model: any; those of one dimension, so that dimensions share no
    terms; or none."""

    ANY = "any"
    WITHIN_DIMENSION = "within_dimension"
    NONE = "none"


class Policy(Declared):
    """A versioned policy. Its hash goes into every decision.

    `outcome_months` is the window within which the outcome happens; without it nobody has declared one, and a
    table's outcomes are of a window of their own.
    """

    policy: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(ge=1)
    names: Text
    outcome: Text
    outcome_months: int | None = Field(default=None, gt=0)
    time_zone: str
    model_weight: float | dict[Nature, float] = 0.0
    minimum_bad_outcomes: int = Field(default=50, ge=1)
    interactions: Interactions = Interactions.ANY
    reference_points: float | dict[Nature, float]
    missing_points: float = Field(ge=0, le=100)
    tiers: dict[Tier, TierRule]
    completeness: Completeness
    premium_floors: PremiumFloors
    vetoes: tuple[Veto, ...] = ()
    disagreement_tiers: int = Field(default=2, ge=1, le=3)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, OSError, ValueError):
            raise ValueError("time_zone: is no zone of the IANA database, such as Asia/Taipei") from None
        if tuple(self.tiers) != RATED_TIERS:
            raise ValueError(f"tiers: give {', '.join(RATED_TIERS)}, in this order")
        *upper, risk = (self.tiers[tier] for tier in RATED_TIERS)
        if risk.cut_off is not None or risk.probability is not None:
            raise ValueError("tiers.risk: has no cut_off and no probability; it takes what is left")
        if any(rule.cut_off is None or rule.probability is None for rule in upper):
            raise ValueError("tiers: premium, good and general each need a cut_off and a probability")
        cut_offs, probabilities = self.cut_offs, self.tier_probabilities
        if not cut_offs[0] > cut_offs[1] > cut_offs[2]:
            raise ValueError("tiers: the cut-offs must fall from premium to general")
        if not probabilities[0] < probabilities[1] < probabilities[2]:
            raise ValueError("tiers: the probabilities must rise from premium to general")
        weights = self.model_weight
        for weight in weights.values() if isinstance(weights, dict) else [weights]:
            if not 0 <= weight <= 1:
                raise ValueError("model_weight: must lie between 0 and 1")
        ids = [veto.id for veto in self.vetoes]
        if len(set(ids)) != len(ids):
            raise ValueError("vetoes: an id is given twice")
        for nature in Nature:
            if not self.missing_points <= self.reference_for(nature) <= 100:
                raise ValueError("missing_points must not lie above reference_points: missing never pays")
        return self

    @property
    def cut_offs(self) -> tuple[float, ...]:
        """The cut-offs of premium, good and general, falling."""
        return tuple(rule.cut_off for rule in self.tiers.values() if rule.cut_off is not None)

    @property
    def tier_probabilities(self) -> tuple[float, ...]:
        """The probabilities of the adverse outcome at those cut-offs, rising."""
        return tuple(rule.probability for rule in self.tiers.values() if rule.probability is not None)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content, independent of the file's layout."""
        return content_hash(self)

    def model_weight_for(self, nature: Nature) -> float:
        """Return the model's share in the composite score of one nature (0–1)."""
        return (
            self.model_weight.get(nature, 0.0) if isinstance(self.model_weight, dict) else self.model_weight
        )

    def reference_for(self, nature: Nature) -> float:
        """Return the reference points from which one nature's baseline contributions start."""
        if isinstance(self.reference_points, dict):
            return self.reference_points.get(nature, self.missing_points)
        return self.reference_points

    def check_against(self, catalog: Catalog) -> None:
        """Refuse a policy that names dimensions or indicators which the catalog does not have.

        Raises:
            DeclarationError: names the place and the reason.
        """
        if isinstance(self.reference_points, dict) and set(catalog.natures) - set(self.reference_points):
            nature = min(set(catalog.natures) - set(self.reference_points))
            raise DeclarationError(f"policy {self.policy}: reference_points: nothing is given for {nature}")
        dimensions = {dimension.id for dimension in catalog.dimensions}
        asked = set(self.premium_floors.floors)
        for substitutes in self.premium_floors.substitutes.values():
            asked |= set(substitutes).union(*substitutes.values())
        if asked - dimensions:
            unknown = min(asked - dimensions)
            raise DeclarationError(f"policy {self.policy}: premium_floors: no dimension {unknown} in catalog")
        for veto in self.vetoes:
            try:
                catalog.check_condition(veto.when, f"policy {self.policy}: veto {veto.id}")
            except ValueError as error:
                raise DeclarationError(str(error)) from None


def load_policy(path: str | Path) -> Policy:
    """Load a policy from a YAML file, or one of the bundled ones by its name (`customer`, `sba`).

    Raises:
        DeclarationError: names the file, the place and the reason.
    """
    return load_declared(Policy, bundled_or_path(path, POLICIES))
