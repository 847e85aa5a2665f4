"""The words of monitoring in three languages, beside the battery's: the names of its checks and alarms."""

from features.terms import Text
from training.battery.words import text
from training.monitoring.kinds import AlarmKind

SCORE = text("Drift of the score", "評分漂移", "评分漂移")
PROBABILITY = text("Drift of the probability", "機率漂移", "概率漂移")
INDICATOR = text("Drift of the indicator", "指標漂移", "指标漂移")
TIERS = text("Drift of the tiers' shares", "等級占比漂移", "等级占比漂移")
FALLS = text("Tiers that fell less tiers that rose", "等級下降減上升比例", "等级下降减上升比例")
TOLD = text("What the department tells", "部門資料完整性", "部门资料完整性")
AUC = text("AUC against training", "AUC 與訓練時相比", "AUC 与训练时相比")

FELL = text("share of tiers that fell", "等級下降比例", "等级下降比例")
ROSE = text("share of tiers that rose", "等級上升比例", "等级上升比例")
NOW = text("now", "目前", "目前")
IN_TRAINING = text("in training", "訓練時", "训练时")
SHARE_MISSING = text("share missing", "缺失比例", "缺失比例")

NONE_TWICE = text("too few customers were evaluated twice", "兩次評估的客戶過少", "两次评估的客户过少")
NOT_MATURE = text("too few outcomes have matured", "已成熟的結果過少", "已成熟的结果过少")
NOT_IN_REFERENCE = text("the training does not tell of it", "訓練資料未載明", "训练资料未载明")

MISSING = text("missing", "缺失", "缺失")


def between(above: float | None, up_to: float | None) -> Text:
    """Return the name of a range; a bound that is None is open."""
    if above is None and up_to is None:
        return text("any", "任意", "任意")
    if above is None:
        return text(f"up to {up_to:g}", f"{up_to:g} 以下（含）", f"{up_to:g} 以下（含）")
    if up_to is None:
        return text(f"above {above:g}", f"大於 {above:g}", f"大于 {above:g}")
    return text(
        f"above {above:g} up to {up_to:g}",
        f"大於 {above:g} 至 {up_to:g}（含）",
        f"大于 {above:g} 至 {up_to:g}（含）",
    )


ALARMS = {
    AlarmKind.INPUT_DRIFT: text("Customers differ from the training's", "客戶組成漂移", "客户组成漂移"),
    AlarmKind.SCORE_DRIFT: text("Scores differ from the training's", "評分漂移", "评分漂移"),
    AlarmKind.TIER_MIGRATION: text("Tiers move", "等級遷移", "等级迁移"),
    AlarmKind.COMPLETENESS: text("Departments tell less", "資料完整性下降", "资料完整性下降"),
    AlarmKind.CALIBRATION: text("Probabilities are wrong", "校準失準", "校准失准"),
    AlarmKind.DISCRIMINATION: text("The model ranks worse", "排序能力下降", "排序能力下降"),
}
