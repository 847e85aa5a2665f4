"""What the parts of an answer are called where people read them, in a terminal or a workbook."""

from features.terms import Language, Nature, Text
from models.tiering import Rule

NATURES = {
    Nature.ENTERPRISE: Text.of("企業", "企业", "Enterprise"),
    Nature.GOVERNMENT: Text.of("政府", "政府", "Government"),
    Nature.PUBLIC_INSTITUTION: Text.of("事業單位", "事业单位", "Public institution"),
    Nature.INDIVIDUAL: Text.of("個人", "个人", "Individual"),
}
STATUSES = {
    "known": Text.of("已知", "已知", "known"),
    "unseen": Text.of("目錄中沒有", "目录中没有", "not in the catalog"),
    "missing": Text.of("未知", "未知", "missing"),
    "not_applicable": Text.of("不適用", "不适用", "not applicable"),
}
RULES = {
    Rule.SCORE: Text.of("綜合評分", "综合评分", "score"),
    Rule.COMPLETENESS_FOR_PREMIUM: Text.of(
        "優質所需的完整度", "优质所需的完整度", "completeness for premium"
    ),
    Rule.PREMIUM_FLOOR: Text.of("優質的最低要求", "优质的最低要求", "premium floor"),
    Rule.DIMENSION_NOT_APPLICABLE: Text.of("維度不適用", "维度不适用", "dimension not applicable"),
    Rule.UNRATED: Text.of("評級所需的完整度", "评级所需的完整度", "completeness for rating"),
    Rule.VETO: Text.of("否決事項", "否决事项", "veto"),
}
_REVIEWS = {
    "baseline_and_model_disagree": Text.of(
        "基準與模型的等級不一致", "基准与模型的等级不一致", "baseline and model disagree"
    ),
    "level_not_in_catalog": Text.of("目錄中沒有的類別", "目录中没有的类别", "level not in the catalog"),
    "set_aside_as_not_applicable": Text.of("不適用而未採用", "不适用而未采用", "set aside as not applicable"),
}

CUSTOMER = Text.of("客戶", "客户", "customer")
CUSTOMER_TOLD = Text.of(
    "{id}（{nature}，評估日 {as_of}）", "{id}（{nature}，评估日 {as_of}）", "{id} ({nature}, as of {as_of})"
)
TIER = Text.of("等級", "等级", "tier")
TIER_TOLD = Text.of("{tier}（建議）", "{tier}（建议）", "{tier} (indicative)")
SCORE = Text.of("綜合評分", "综合评分", "score")
BASELINE = Text.of("基準", "基准", "baseline")
MODEL = Text.of("模型", "模型", "model")
PROBABILITY = Text.of("機率", "概率", "probability")
PROBABILITY_TOLD = Text.of("{value}：{outcome}", "{value}：{outcome}", "{value} of: {outcome}")
COMPLETENESS = Text.of("資料完整度", "资料完整度", "completeness")
BASIS = Text.of("依據", "依据", "basis")
REVIEW = Text.of("待複核", "待复核", "for review")

INDICATOR = Text.of("指標", "指标", "indicator")
DIMENSION = Text.of("維度", "维度", "dimension")
VALUE = Text.of("值", "值", "value")
POINTS = Text.of("分數", "分数", "points")
REFERENCE = Text.of("參照分", "参照分", "reference")
SMALLER = Text.of("其餘較小的 {n} 項", "其余较小的 {n} 项", "{n} smaller ones")

ACTION = Text.of("行動", "行动", "action")
FROM = Text.of("原為", "原为", "from")
TO = Text.of("改為", "改为", "to")
OTHERS = Text.of("其他指標", "其他指标", "other indicators")
ACTIONS = {
    "change": Text.of("改變", "改变", "change"),
    "supply": Text.of("提供資料", "提供资料", "supply"),
}


def review_told(flag: str, language: Language) -> str:
    """Return what a person should look at, as an answer flags it, in words."""
    kind, separator, id_ = flag.partition(": ")
    names = _REVIEWS.get(kind)
    return flag if names is None else f"{names.in_language(language)}{separator}{id_}"
