"""The procedure: how the Measures are carried out between and beside the scores (M19 to M25).

It is kept apart from the policy because a model is trained for a policy and must be trained again when that
changes; how often customers are reviewed, or who approves what, changes no score.
"""

from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

import pandas as pd
from pydantic import Field, model_validator

from features.declaration import content_hash, load_declared
from features.terms import Declared, Text, Tier
from serving.notices.rules import NoticeRules
from serving.promotion.rules import PromotionRules
from serving.strategies.plan import StrategyPlan
from serving.strategies.rules import RULES, WORSENED, DeteriorationRule
from serving.supervision.settings import Supervision


class Severity(StrEnum):
    """What an event of a type brings about (M20).

    Each has the customer evaluated again at once. An adverse one also puts a provisional hold on and opens a
    case; a notable one opens a case where the tier is to change; an informative one does no more.
    """

    ADVERSE = "adverse"
    NOTABLE = "notable"
    INFORMATIVE = "informative"


class EventType(Declared):
    """A type of material event.

    Attributes:
        names: what it is called.
        severity: adverse (evaluated at once, a hold, a case), notable (a case where the tier is to change) or
            informative (evaluated, no more).
    """

    names: Text
    severity: Severity


class Approvals(Declared):
    """How many persons must approve what (M22), 1 to 5.

    Attributes:
        ordinary: an ordinary change of tier.
        to_premium: a rise to premium, and a list in which there is one.
        governance: what governs all tiers: a procedure, or catalog, policy and model.
    """

    ordinary: int = Field(default=1, ge=1, le=5)
    to_premium: int = Field(default=2, ge=1, le=5)
    governance: int = Field(default=2, ge=1, le=5)


def _event(severity: Severity, zh_hant: str, zh_hans: str, en: str) -> EventType:
    return EventType(names=Text(zh_hant=zh_hant, zh_hans=zh_hans, en=en), severity=severity)


_EVENTS = {
    "payment_default": _event(Severity.ADVERSE, "付款違約", "付款违约", "Default on payment"),
    "insolvency_filing": _event(Severity.ADVERSE, "申請破產", "申请破产", "Insolvency filed for"),
    "severe_breach": _event(Severity.ADVERSE, "重大違約", "重大违约", "Severe breach of contract"),
    "bank_downgrade": _event(Severity.ADVERSE, "銀行下調信用等級", "银行下调信用等级", "Downgrade by a bank"),
    "negative_equity": _event(Severity.ADVERSE, "資不抵債", "资不抵债", "Statement with negative equity"),
    "large_order_cancelled": _event(
        Severity.NOTABLE, "大額訂單取消", "大额订单取消", "Large order cancelled"
    ),
    WORSENED: _event(Severity.NOTABLE, "財務狀況惡化", "财务状况恶化", "Finances have worsened"),
    "facts_corrected": _event(Severity.NOTABLE, "資料更正", "资料更正", "Facts corrected"),
    "recovery": _event(Severity.NOTABLE, "經營改善", "经营改善", "Recovery"),
    "large_order": _event(Severity.INFORMATIVE, "大額訂單", "大额订单", "Large order"),
}
_OVERRIDE_REASONS = ("facts_not_in_indicators", "pending_correction", "group_support", "strategic", "other")
_MONTHS = {Tier.PREMIUM: 12, Tier.GOOD: 12, Tier.GENERAL: 6, Tier.RISK: 3, Tier.UNRATED: 3}


class Procedure(Declared):
    """A versioned procedure. What a company does not set has the defaults here.

    Attributes:
        procedure: its name, in small letters, digits and _.
        version: counted up by whoever changes it.
        review_months: months between two periodic reviews, by tier.
        margin: points beyond a cut-off from which a tier changes at once.
        probation_months: for so long nothing may put a customer at risk who is to rise out of it.
        events: the material events, by type.
        approvals: how many persons must approve.
        override_reasons: for which a person may give another tier than the decision's.
        override_days: after which an override ends at the latest.
        case_days: within which a case should be closed.
        request_days: within which a department should answer.
        strategies: what tiers in force bring about: tasks, limits of orders, stages of collection.
        deterioration: what in new deliveries is an event, though nobody has reported one.
        notices: how customers and departments are told of changes (M23).
        supervision: what the figures of oversight should reach, and how long a remedy may take.
        promotion: what a model must have behind it to govern.
    """

    procedure: str = Field(default="default", pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(default=1, ge=1)
    review_months: dict[Tier, int] = _MONTHS
    margin: float = Field(default=3.0, ge=0, le=50)
    probation_months: int = Field(default=12, ge=0, le=120)
    events: dict[str, EventType] = Field(default=_EVENTS, min_length=1)
    approvals: Approvals = Approvals()
    override_reasons: tuple[str, ...] = Field(default=_OVERRIDE_REASONS, min_length=1)
    override_days: int = Field(default=180, ge=1, le=366)
    case_days: int = Field(default=14, ge=1)
    request_days: int = Field(default=5, ge=1)
    strategies: StrategyPlan = StrategyPlan()
    deterioration: tuple[DeteriorationRule, ...] = RULES
    notices: NoticeRules = NoticeRules()
    supervision: Supervision = Supervision()
    promotion: PromotionRules = PromotionRules()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if set(self.review_months) != set(Tier) or min(self.review_months.values()) < 1:
            raise ValueError(f"review_months: give 1 or more for each of {', '.join(Tier)}")
        rules = [rule.id for rule in self.deterioration]
        if len(set(rules)) != len(rules):
            raise ValueError("deterioration: an id is given twice")
        unknown = [rule.id for rule in self.deterioration if rule.event not in self.events]
        # Of the default rules those fall away whose events a company does without.
        if unknown and "deterioration" in self.model_fields_set:
            raise ValueError(f"deterioration: the event of rule {unknown[0]} is none of the events")
        return self

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content, independent of the file's layout."""
        return content_hash(self)

    def approvals_for(self, old: Tier | None, new: Tier) -> int:
        """Return how many persons must approve a change of tier."""
        rises = new is Tier.PREMIUM and old is not new
        return self.approvals.to_premium if rises else self.approvals.ordinary

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
    later: pd.Timestamp = pd.Timestamp(day) + pd.DateOffset(months=months)
    return later.date()
