"""The strategies of a procedure, with defaults that follow the Measures (M15 to M18)."""

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from features.terms import Declared, Text, Tier
from serving.strategies.declared import Form, Kpi, Limit, Stage, Strategy


def _kpi(id_: str, zh_hant: str, zh_hans: str, en: str) -> Kpi:
    return Kpi(id=id_, names=Text.of(zh_hant, zh_hans, en))


_PREMIUM = (
    Strategy(
        id="account_manager",
        names=Text.of("指派專屬客戶經理", "指派专属客户经理", "Name an account manager"),
        department="sales", days=7, names_manager=True, on_list="account_managed",
        kpi=_kpi("days_to_manager", "指派所需天數", "指派所需天数", "Days until a manager is named"),
    ),
    Strategy(
        id="one_to_one_service",
        names=Text.of("一對一服務回顧", "一对一服务回顾", "Review of the one-to-one service"),
        department="sales", days=30, recurring=True, by_manager=True,
        kpi=_kpi("satisfaction", "客戶滿意度（0–100）", "客户满意度（0–100）", "Satisfaction, 0 to 100"),
    ),
    Strategy(
        id="priority",
        names=Text.of(
            "設定供貨、服務和技術支持的優先標記", "设定供货、服务和技术支持的优先标记",
            "Priority flag in supply, service and technical support",
        ),
        department="customer_service", days=3, on_list="priority",
        kpi=_kpi("on_time_share", "準時交付率", "准时交付率", "Share delivered on time"),
    ),
    Strategy(
        id="joint_development",
        names=Text.of("共同開發新業務", "共同开发新业务", "Joint development of new business"),
        department="marketing", days=90, recurring=True, by_manager=True, on_list="joint_development",
        kpi=_kpi("joint_projects", "共同開發項目數", "共同开发项目数", "Joint projects"),
    ),
    Strategy(
        id="loyalty_incentives",
        names=Text.of("提供忠誠客戶獎勵", "提供忠诚客户奖励", "Loyalty incentives"),
        department="marketing", days=180, recurring=True,
        kpi=_kpi("incentives_granted", "已提供的獎勵數", "已提供的奖励数", "Incentives granted"),
    ),
)  # fmt: skip
_GOOD = (
    Strategy(
        id="regular_contact",
        names=Text.of("定期溝通", "定期沟通", "Regular contact"),
        department="sales", days=60, recurring=True,
        kpi=_kpi("contacts", "溝通次數", "沟通次数", "Contacts"),
    ),
    Strategy(
        id="upgrade_offer",
        names=Text.of("提供服務升級方案", "提供服务升级方案", "Offer a service upgrade"),
        department="customer_service", days=90, recurring=True,
        kpi=_kpi("upgrades_accepted", "接受的升級數", "接受的升级数", "Upgrades accepted"),
    ),
    Strategy(
        id="guidance",
        names=Text.of(
            "引導使用新產品，擴大合作範圍", "引导使用新产品，扩大合作范围",
            "Guidance to new products and wider cooperation",
        ),
        department="marketing", days=120, recurring=True,
        kpi=_kpi("product_lines_added", "新增產品線數", "新增产品线数", "Product lines added"),
    ),
)  # fmt: skip
_GENERAL = (
    Strategy(
        id="follow_up_visit",
        names=Text.of("定期回訪", "定期回访", "Follow-up visit"),
        department="sales", days=90, recurring=True, on_list="visits",
        kpi=_kpi("visits", "回訪次數", "回访次数", "Visits"),
    ),
    Strategy(
        id="latent_demand",
        names=Text.of(
            "挖掘潛在需求，促進客戶等級提升", "挖掘潜在需求，促进客户等级提升",
            "Discovery of latent demand so that the tier can rise",
        ),
        department="marketing", days=120, recurring=True, on_list="upward_watch",
        kpi=_kpi("opportunities", "發現的商機數", "发现的商机数", "Opportunities found"),
    ),
)  # fmt: skip
_RISK = (
    Strategy(
        id="early_warning",
        names=Text.of("風險預警，密切關注", "风险预警，密切关注", "Early warning, close watch"),
        department="finance", days=30, recurring=True, on_list="early_warning",
        kpi=_kpi("warnings", "新增預警數", "新增预警数", "New warnings"),
    ),
    Strategy(
        id="exposure_limit",
        names=Text.of(
            "設定信用額度上限，通知銷售和供貨", "设定信用额度上限，通知销售和供货",
            "Set the exposure limit, tell sales and supply",
        ),
        department="finance", days=3, on_list="limited",
        kpi=_kpi("days_to_limit", "設限所需天數", "设限所需天数", "Days until the limit acts"),
    ),
    Strategy(
        id="collection",
        names=Text.of("核對並催收逾期款項", "核对并催收逾期款项", "Reconcile and collect overdue amounts"),
        department="finance", days=30, recurring=True,
        kpi=_kpi("share_collected", "逾期款項收回率", "逾期款项收回率", "Share of what is overdue collected"),
    ),
)  # fmt: skip
_TIERS = {Tier.PREMIUM: _PREMIUM, Tier.GOOD: _GOOD, Tier.GENERAL: _GENERAL, Tier.RISK: _RISK}
_RESTRICTED = Limit(cap=Decimal(100_000), forms=(Form.PREPAYMENT,))
_CAUTIOUS = Limit(cap=Decimal(300_000), forms=(Form.PREPAYMENT, Form.ON_DELIVERY, Form.LETTER_OF_CREDIT))
_LIMITS = {Tier.RISK: _RESTRICTED, Tier.UNRATED: _CAUTIOUS}
_COLLECTED = _kpi("days_to_payment", "收款所需天數", "收款所需天数", "Days until it is paid")
_STAGES = (
    Stage(
        id="reminder", names=Text.of("提醒付款", "提醒付款", "Reminder"),
        after_days=1, department="sales", days=5, kpi=_COLLECTED,
    ),
    Stage(
        id="formal_notice", names=Text.of("正式催告", "正式催告", "Formal notice"),
        after_days=30, department="finance", days=5, kpi=_COLLECTED,
    ),
    Stage(
        id="credit_suspension", names=Text.of("暫停賒銷", "暂停赊销", "Suspension of credit"),
        after_days=60, department="finance", days=3, kpi=_COLLECTED, suspends_credit=True,
    ),
    Stage(
        id="legal_action", names=Text.of("法律追收", "法律追收", "Legal action"),
        after_days=90, department="legal", days=10, kpi=_COLLECTED, suspends_credit=True,
    ),
)  # fmt: skip


class StrategyPlan(Declared):
    """What tiers in force bring about.

    Attributes:
        tiers: the strategies of each tier; a tier that is not given has none.
        limits: what limits a tier's orders; a tier that is not given is not limited.
        unclassified: what limits a customer for whom no tier is in force.
        collection: the stages of collecting an overdue item, the earliest first; of whatever tier.
        upkeep_minutes: after which a service with a store looks again whether something is due.
    """

    tiers: dict[Tier, tuple[Strategy, ...]] = _TIERS
    limits: dict[Tier, Limit] = _LIMITS
    unclassified: Limit = _CAUTIOUS
    collection: tuple[Stage, ...] = _STAGES
    upkeep_minutes: int = Field(default=5, ge=1, le=1440)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        stages = [stage.id for stage in self.collection]
        if len(set(stages)) != len(stages):
            raise ValueError("collection: an id is given twice")
        after = [stage.after_days for stage in self.collection]
        if after != sorted(after):
            raise ValueError("collection: give the stages in the order of their days")
        for tier, strategies in self.tiers.items():
            ids = [of.id for of in strategies]
            if len(set(ids)) != len(ids):
                raise ValueError(f"tiers.{tier}: an id is given twice")
            lists = [of.on_list for of in strategies if of.on_list is not None]
            if len(set(lists)) != len(lists):
                raise ValueError(f"tiers.{tier}: two strategies put on the same list; one is enough")
            naming = [of for of in strategies if of.names_manager]
            if len(naming) > 1 or (not naming and any(of.by_manager for of in strategies)):
                raise ValueError(f"tiers.{tier}: exactly one strategy must name the account manager")
        return self

    def of(self, tier: Tier | None) -> tuple[Strategy, ...]:
        """Return what a tier asks for."""
        return () if tier is None else self.tiers.get(tier, ())

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of the lists on which its tiers put customers, sorted."""
        named = (of.on_list for strategies in self.tiers.values() for of in strategies)
        return tuple(sorted({name for name in named if name is not None}))

    def strategy(self, tier: Tier | None, id_: str) -> Strategy | None:
        """Return a strategy of a tier; None where the tier has no such strategy."""
        return next((strategy for strategy in self.of(tier) if strategy.id == id_), None)

    def limit_for(self, tier: Tier | None) -> Limit:
        """Return what limits the orders of a tier; None stands for a customer without one in force."""
        return self.unclassified if tier is None else self.limits.get(tier, Limit())
