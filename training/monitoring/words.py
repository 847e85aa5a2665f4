"""The words of monitoring in three languages, beside the battery's: the names of its checks and alarms."""

from features.terms import Text
from training.battery import table_words
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


# Of a period, what a check says that passed or failed.
VERDICTS = {
    "ok": text("ok", "正常", "正常"),
    "alarm": text("alarm", "警報", "警报"),
    "not_enough_data": table_words.VERDICTS["not_enough_data"],
}
TITLE = text(
    "{model} on {customers} customers, {when}; {outcomes} by {on}",
    "{model}：{customers} 位客戶，{when}；截至 {on}，{outcomes}",
    "{model}：{customers} 位客户，{when}；截至 {on}，{outcomes}",
)
THE_MODEL = text("the model", "本模型", "本模型")
NONE_COUNT = text("no outcomes that count", "無可計入的結果", "无可计入的结果")
TOLD_OF = text("{n} outcomes told", "已提供的結果 {n} 項", "已提供的结果 {n} 项")
NO_WINDOW = text(" (the policy declares no window)", "（辦法未宣告觀察期）", "（办法未声明观察期）")
MATURED = text("{n} outcomes matured", "已成熟的結果 {n} 項", "已成熟的结果 {n} 项")
READ = text(
    "{file}: {read} rows read, {rejected} kept apart; {customers} customers in the period, {outcomes}.",
    "{file}：讀取 {read} 列，另置 {rejected} 列；期內客戶 {customers} 位，{outcomes}。",
    "{file}：读取 {read} 行，另置 {rejected} 行；期内客户 {customers} 位，{outcomes}。",
)
OF_STORE = text(
    "The store: {decisions} decisions of {first} to {last}, {outcomes} outcomes; left out {others} made by "
    "another catalog, policy or model and {erased} on customers that were erased.",
    "資料庫：{first} 至 {last} 的決策 {decisions} 項，結果 {outcomes} 項；"
    "未計入：以其他目錄、辦法或模型作出者 {others} 項，客戶已刪除者 {erased} 項。",
    "数据库：{first} 至 {last} 的决策 {decisions} 项，结果 {outcomes} 项；"
    "未计入：以其他目录、办法或模型作出者 {others} 项，客户已删除者 {erased} 项。",
)
OUTCOMES = text("{n} outcomes", "結果 {n} 項", "结果 {n} 项")
NO_OUTCOMES = text("no outcomes", "無結果", "无结果")
ALARM = text(
    "Alarm ({kind}): {name}: {alarms} of {count}.",
    "警報（{kind}）：{name}：{count} 項中 {alarms} 項。",
    "警报（{kind}）：{name}：{count} 项中 {alarms} 项。",
)
ALARMS = {
    AlarmKind.INPUT_DRIFT: text("Customers differ from the training's", "客戶組成漂移", "客户组成漂移"),
    AlarmKind.SCORE_DRIFT: text("Scores differ from the training's", "評分漂移", "评分漂移"),
    AlarmKind.TIER_MIGRATION: text("Tiers move", "等級遷移", "等级迁移"),
    AlarmKind.COMPLETENESS: text("Departments tell less", "資料完整性下降", "资料完整性下降"),
    AlarmKind.CALIBRATION: text("Probabilities are wrong", "校準失準", "校准失准"),
    AlarmKind.DISCRIMINATION: text("The model ranks worse", "排序能力下降", "排序能力下降"),
}
