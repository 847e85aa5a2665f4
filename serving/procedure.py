"""The procedure: how the Measures are carried out between and beside the scores (M19 to M25).

It is kept apart from the policy because a model is trained for a policy and must be trained again when that
changes; how often customers are reviewed, or who approves what, changes no score.
"""

import calendar
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from features.declaration import content_hash, load_declared
from features.terms import Declared, Tier


class Approvals(Declared):
    """How many persons must approve what (M22): ordinarily, and a rise to premium."""

    ordinary: int = Field(default=1, ge=1, le=5)
    to_premium: int = Field(default=2, ge=1, le=5)


_OVERRIDE_REASONS = ("facts_not_in_indicators", "pending_correction", "group_support", "strategic", "other")
_MONTHS = {Tier.PREMIUM: 12, Tier.GOOD: 12, Tier.GENERAL: 6, Tier.RISK: 3, Tier.UNRATED: 3}


class Procedure(Declared):
    """A versioned procedure. What a company does not set has the defaults here."""

    procedure: str = Field(default="default", pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(default=1, ge=1)
    review_months: dict[Tier, int] = Field(default=_MONTHS, description="months between two reviews, by tier")

    approvals: Approvals = Approvals()
    override_reasons: tuple[str, ...] = Field(default=_OVERRIDE_REASONS, min_length=1)
    override_days: int = Field(
        default=180, ge=1, le=366, description="after which an override ends at the latest"
    )
    case_days: int = Field(default=14, ge=1, description="within which a case should be proposed")
    request_days: int = Field(default=5, ge=1, description="within which a department should answer")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if set(self.review_months) != set(Tier) or min(self.review_months.values()) < 1:
            raise ValueError(f"review_months: give 1 or more for each of {', '.join(Tier)}")
        return self

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content, independent of the file's layout."""
        return content_hash(self)

    def approvals_for(self, old: Tier | None, new: Tier) -> int:
        """Return how many persons must approve a change of tier."""
        return (
            self.approvals.to_premium if new is Tier.PREMIUM and old is not new else self.approvals.ordinary
        )

    def due_on(self, tier: Tier, reviewed: date) -> date:
        """Return the day from which a customer of a tier is due again after a review."""
        return months_after(reviewed, self.review_months[tier])


def load_procedure(path: Path | None) -> Procedure:
    """Load a procedure from a YAML file; the defaults without one.

    Raises:
        DeclarationError: names the file, the place and the reason.
    """
    return Procedure() if path is None else load_declared(Procedure, path)


def months_after(day: date, months: int) -> date:
    """Return the day so many months later, the last of a month where that has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
