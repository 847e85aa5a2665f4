"""Deterioration rules (M20): when an indicator of a new delivery is worse enough to be a material event."""

from typing import Self

from pydantic import Field, model_validator

from features.terms import Declared, Text
from serving.strategies.declared import Id

# What differs by less than this is rounding: 1.0 to 0.7 is no fall of more than 30 %.
_DECIMALS = 9


class Step(Declared):
    """How far an indicator must move, one of two.

    Attributes:
        share: of what it was; 0.3 is 30 %.
        amount: in its own unit.
    """

    share: float | None = Field(default=None, gt=0)
    amount: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.share is None) == (self.amount is None):
            raise ValueError("give a share or an amount")
        return self

    def of(self, before: float) -> float:
        """Return the amount, given what the indicator was; of 0 any share is 0."""
        return self.amount if self.amount is not None else (self.share or 0.0) * abs(before)


class DeteriorationRule(Declared):
    """What in a new delivery is an event.

    `below` and `above` ask that the indicator has crossed a value since it was known last, from a periodic
    evaluation or an event: where it was beyond it then, it has been judged. `falls_by` and `rises_by` ask for
    a move of more than a step since then.

    Attributes:
        id: by which events name it.
        names: what it is called.
        indicator: one that is a number or a flag (1 or 0); a rule on what a catalog lacks is left out.
        event: the type of the event, one of the procedure's.
        below: it has fallen below this value.
        above: it has risen above this value.
        falls_by: it has fallen by more than this.
        rises_by: it has risen by more than this.
    """

    id: Id
    names: Text
    indicator: str
    event: str
    below: float | None = None
    above: float | None = None
    falls_by: Step | None = None
    rises_by: Step | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [self.below, self.above, self.falls_by, self.rises_by]
        if sum(part is not None for part in given) != 1:
            raise ValueError(f"rule {self.id}: give one of below, above, falls_by, rises_by")
        return self

    def broken_by(self, before: float | None, now: float | None) -> bool:
        """Whether an indicator has worsened so far.

        Args:
            before: its value as it was known last; None where it was not.
            now: its value in the delivery; of one that is not known nothing follows.
        """
        if now is None:
            return False
        if self.below is not None:
            return now < self.below and (before is None or before >= self.below)
        if self.above is not None:
            return now > self.above and (before is None or before <= self.above)
        if before is None:
            return False
        if self.falls_by is not None:
            return round(before - now - self.falls_by.of(before), _DECIMALS) > 0
        if self.rises_by is not None:
            return round(now - before - self.rises_by.of(before), _DECIMALS) > 0
        return False


def _rule(
    id_: str,
    names: tuple[str, str, str],
    indicator: str,
    event: str,
    *,
    below: float | None = None,
    above: float | None = None,
    falls_by: Step | None = None,
    rises_by: Step | None = None,
) -> DeteriorationRule:
    zh_hant, zh_hans, en = names
    return DeteriorationRule(
        id=id_, names=Text(zh_hant=zh_hant, zh_hans=zh_hans, en=en), indicator=indicator, event=event,
        below=below, above=above, falls_by=falls_by, rises_by=rises_by,
    )  # fmt: skip


WORSENED = "finances_worsened"
"""The type of event by which ratios that fall are told."""

RULES = (
    _rule(
        "negative_net_assets",
        ("淨資產轉負", "净资产转负", "Net assets have turned negative"),
        "net_assets", "negative_equity", below=0.0,
    ),
    _rule(
        "negative_personal_net_assets",
        ("個人淨資產轉負", "个人净资产转负", "Personal net assets have turned negative"),
        "personal_net_assets", "negative_equity", below=0.0,
    ),
    _rule(
        "long_overdue",
        ("逾期超過90天", "逾期超过90天", "Overdue by more than 90 days"),
        "overdue_days_max_12m", "payment_default", above=90.0,
    ),
    _rule(
        "insolvency_found",
        ("申請破產", "申请破产", "Insolvency has been filed for"),
        "insolvency_filing", "insolvency_filing", above=0.0,
    ),
    _rule(
        "severe_breach_found",
        ("重大違約", "重大违约", "Severe breach of contract"),
        "severe_breach_24m", "severe_breach", above=0.0,
    ),
    _rule(
        "net_assets_fall",
        ("淨資產下降逾50%", "净资产下降逾50%", "Net assets have fallen by more than 50 %"),
        "net_assets", WORSENED, falls_by=Step(share=0.5),
    ),
    _rule(
        "revenue_falls",
        ("營業收入下降逾30%", "营业收入下降逾30%", "Revenue has fallen by more than 30 %"),
        "operating_revenue", WORSENED, falls_by=Step(share=0.3),
    ),
    _rule(
        "current_ratio_falls",
        ("流動比率下降逾40%", "流动比率下降逾40%", "Current ratio has fallen by more than 40 %"),
        "current_ratio", WORSENED, falls_by=Step(share=0.4),
    ),
    _rule(
        "quick_ratio_falls",
        ("速動比率下降逾40%", "速动比率下降逾40%", "Quick ratio has fallen by more than 40 %"),
        "quick_ratio", WORSENED, falls_by=Step(share=0.4),
    ),
    _rule(
        "margin_falls",
        ("淨利率下降逾10個百分點", "净利率下降逾10个百分点",
         "Profit margin has fallen by more than 10 points"),
        "net_profit_margin", WORSENED, falls_by=Step(amount=0.1),
    ),
    _rule(
        "debt_rises",
        ("資產負債率上升逾20個百分點", "资产负债率上升逾20个百分点",
         "Debt to assets has risen by more than 20 points"),
        "debt_to_asset_ratio", WORSENED, rises_by=Step(amount=0.2),
    ),
    _rule(
        "arrears_rise",
        ("拖欠供應商比率上升逾20個百分點", "拖欠供应商比率上升逾20个百分点",
         "Arrears have risen by more than 20 points"),
        "supplier_arrears_ratio", WORSENED, rises_by=Step(amount=0.2),
    ),
    _rule(
        "punctuality_falls",
        ("按時付款率下降逾20個百分點", "按时付款率下降逾20个百分点",
         "Punctuality has fallen by more than 20 points"),
        "on_time_payment_rate", WORSENED, falls_by=Step(amount=0.2),
    ),
)  # fmt: skip
"""Rules for the indicators of the catalog `customer`."""
