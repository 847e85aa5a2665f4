"""The words of notices, in three languages."""

from collections.abc import Sequence

from features.terms import Text, Tier
from models.tiering import Rule


def same(text: str) -> Text:
    """Return what reads the same in every language, such as a day."""
    return Text.of(text, text, text)


def filled(template: Text, **parts: Text) -> Text:
    """Return a template with its places filled, each in its own language."""
    return Text.of(
        template.zh_hant.format(**{name: part.zh_hant for name, part in parts.items()}),
        template.zh_hans.format(**{name: part.zh_hans for name, part in parts.items()}),
        template.en.format(**{name: part.en for name, part in parts.items()}),
    )


def listed(names: Sequence[Text]) -> Text:
    """Return several names in a row, at least one."""
    return Text.of(
        "、".join(name.zh_hant for name in names),
        "、".join(name.zh_hans for name in names),
        ", ".join(name.en for name in names),
    )


TIERS = {
    Tier.PREMIUM: Text.of("優質客戶", "优质客户", "premium"),
    Tier.GOOD: Text.of("良好客戶", "良好客户", "good"),
    Tier.GENERAL: Text.of("一般客戶", "一般客户", "general"),
    Tier.RISK: Text.of("風險客戶", "风险客户", "risk"),
    Tier.UNRATED: Text.of("未評級", "未评级", "not rated"),
    None: Text.of("無等級", "无等级", "no tier"),
}

# Why

HOLD_ENDED = Text.of(
    "先前的臨時分類已結束。", "先前的临时分类已结束。", "The provisional classification has ended."
)
OVERRIDE_ENDED = Text.of(
    "先前有期限的分類已結束。", "先前有期限的分类已结束。", "The classification for a limited time has ended."
)
EVENT_HELD = Text.of(
    "接獲重大事項：{event}。在審核完成前，此分類為臨時分類。",
    "接获重大事项：{event}。在审核完成前，此分类为临时分类。",
    "A material event was reported: {event}. Until it has been reviewed the classification is provisional.",
)
FACTS_HELD = Text.of(
    "最新資料顯示風險上升。在審核完成前，此分類為臨時分類。",
    "最新资料显示风险上升。在审核完成前，此分类为临时分类。",
    "The newest facts show a higher risk. Until they have been reviewed the classification is provisional.",
)
OVERRIDDEN = Text.of(
    "由管理層決定，有效期至 {until}。",
    "由管理层决定，有效期至 {until}。",
    "By decision of the management, until {until}.",
)
NOTHING_APPLIES = Text.of(
    "目前沒有生效的等級。", "目前没有生效的等级。", "No classification is in force at present."
)
APPROVED = {
    "periodic": Text.of(
        "定期評估，基準日 {as_of}。", "定期评估，基准日 {as_of}。", "A periodic evaluation as of {as_of}."
    ),
    "event": Text.of(
        "重大事項後的評估，基準日 {as_of}。", "重大事项后的评估，基准日 {as_of}。",
        "An evaluation after a material event, as of {as_of}.",
    ),
    "deterioration": Text.of(
        "依最新資料的評估，基準日 {as_of}。", "依最新资料的评估，基准日 {as_of}。",
        "An evaluation of the newest facts, as of {as_of}.",
    ),
    "objection": Text.of(
        "異議後的複核，評估基準日 {as_of}。", "异议后的复核，评估基准日 {as_of}。",
        "A review after an objection, of the evaluation as of {as_of}.",
    ),
}  # fmt: skip
REVIEWED = Text.of(
    "審核，評估基準日 {as_of}。", "审核，评估基准日 {as_of}。", "A review of the evaluation as of {as_of}."
)
RULES = {
    Rule.VETO: Text.of(
        "存在以下事項：{subject}。", "存在以下事项：{subject}。", "This was found: {subject}."
    ),
    Rule.UNRATED: Text.of(
        "已知資料不足，無法評級。", "已知资料不足，无法评级。", "Too little is known for a classification."
    ),
    Rule.COMPLETENESS_FOR_PREMIUM: Text.of(
        "已知資料不足以列入最高等級。", "已知资料不足以列入最高等级。",
        "Too little is known for the highest tier.",
    ),
    Rule.PREMIUM_FLOOR: Text.of(
        "{subject}未達最高等級的要求。", "{subject}未达最高等级的要求。",
        "{subject}: less than the highest tier asks for.",
    ),
    Rule.DIMENSION_NOT_APPLICABLE: Text.of(
        "{subject}尚不適用，而最高等級對此有要求。", "{subject}尚不适用，而最高等级对此有要求。",
        "{subject}: does not apply yet, and the highest tier asks for it.",
    ),
}  # fmt: skip
IN_FAVOUR = Text.of("有利因素：{names}。", "有利因素：{names}。", "In favour: {names}.")
AGAINST = Text.of("不利因素：{names}。", "不利因素：{names}。", "Against: {names}.")
NOT_KNOWN = Text.of("尚缺資料：{names}。", "尚缺资料：{names}。", "Not known to us: {names}.")

# The notice

SUBJECT_CUSTOMER = Text.of("客戶分類通知", "客户分类通知", "Notice of your classification as a customer")
SUBJECT_DEPARTMENT = Text.of("客戶分類變更", "客户分类变更", "A customer's classification has changed")
GREETING = Text.of("{name}：", "{name}：", "Dear {name},")
NAMELESS = Text.of("尊敬的客戶", "尊敬的客户", "customer")
CHANGED_CUSTOMER = Text.of(
    "自 {day} 起，貴方的客戶等級由「{before}」變更為「{after}」。",
    "自 {day} 起，贵方的客户等级由“{before}”变更为“{after}”。",
    "From {day} your classification as our customer is “{after}”; before it was “{before}”.",
)
CHANGED_DEPARTMENT = Text.of(
    "自 {day} 起，客戶 {customer} 的等級由「{before}」變更為「{after}」。",
    "自 {day} 起，客户 {customer} 的等级由“{before}”变更为“{after}”。",
    "From {day} the classification of customer {customer} is “{after}”; before it was “{before}”.",
)
REASON = Text.of("原因", "原因", "Reason")
GAINED = Text.of("新增", "新增", "New")
LOST = Text.of("不再適用", "不再适用", "No longer")
NOTHING_ELSE = Text.of("服務內容不變。", "服务内容不变。", "Nothing else changes.")
ANSWER = Text.of(
    "如有異議，或願評價本通知，請於 {until} 前使用以下連結（僅供貴方使用，請勿轉發）：",
    "如有异议，或愿评价本通知，请于 {until} 前使用以下链接（仅供贵方使用，请勿转发）：",
    "To object, or to tell us how satisfied you are, use this link until {until}. It is for you alone; "
    "please do not pass it on.",
)
NUMBER = Text.of("通知編號：{notice}", "通知编号：{notice}", "Notice {notice}")
