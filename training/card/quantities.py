"""What the review of reasons compares, named in the card's languages."""

from features.terms import Text
from training.battery.words import alike, text
from training.independent.names import NAMES

# Traditional and Simplified Chinese, by the quantity's id.
_CHINESE = {
    "bags": ("提升模型數目與訓練時相同", "提升模型数目与训练时相同"),
    "with_prior": ("先驗的有無與訓練時相同", "先验的有无与训练时相同"),
    "prior_directions": ("先驗各項效果符合所宣告的方向", "先验各项效果符合所声明的方向"),
    "scale": ("模型文件的分數換算，通過評估辦法所定的各點", "模型文件的分数换算，通过评估办法所定的各点"),
    "margin": ("提升模型的對數勝算：逐樹走訪與 LightGBM", "提升模型的对数几率：逐树遍历与 LightGBM"),
    "shap_sum": ("提升模型的 SHAP 值與起點之和等於上項", "提升模型的 SHAP 值与起点之和等于上项"),
    "brute_force": (
        "提升模型的 SHAP 值：窮舉子集與 shap.TreeExplainer",
        "提升模型的 SHAP 值：穷举子集与 shap.TreeExplainer",
    ),
    "shapiq": (
        "提升模型的 SHAP 值：shapiq 與 shap.TreeExplainer",
        "提升模型的 SHAP 值：shapiq 与 shap.TreeExplainer",
    ),
    "tables": (
        "模型文件的表格：查表所得與提升模型的 SHAP 值",
        "模型文件的表格：查表所得与提升模型的 SHAP 值",
    ),
    "identity": ("客戶、日期、版本與雜湊值", "客户、日期、版本与哈希值"),
    "shap_values": ("SHAP 值（校準後對數勝算）", "SHAP 值（校准后对数几率）"),
    "prior": ("SHAP 值中先驗的部分", "SHAP 值中先验的部分"),
    "log_odds": ("校準後對數勝算（由機率，並由合計）", "校准后对数几率（由概率，并由合计）"),
    "probability": ("校準後機率", "校准后概率"),
    "model_points": ("模型分數", "模型分数"),
    "baseline": ("加權基準", "加权基准"),
    "completeness": ("完整度", "完整度"),
    "reference": ("貢獻的起點", "贡献的起点"),
    "contributions": ("各指標貢獻（分數）", "各指标贡献（分数）"),
    "facts_missing": ("其中缺失事實", "其中缺失事实"),
    "score": ("綜合評估得分（合成）", "综合评估得分（合成）"),
    "dimensions": ("各維度合計", "各维度合计"),
    "groups": ("各組合計", "各组合计"),
    "sum": ("起點 + 各指標貢獻 = 得分 = 起點 + 各維度", "起点 + 各指标贡献 = 得分 = 起点 + 各维度"),
    "lines": ("所列指標及其狀態與數值", "所列指标及其状态与数值"),
    "tiers": ("得分、基準與模型的等級", "得分、基准与模型的等级"),
    "tier_basis": ("等級依據的規則及其次序", "等级依据的规则及其次序"),
    "tier_facts": ("規則所依據的事實", "规则所依据的事实"),
    "review": ("需人工審視的事項", "需人工审视的事项"),
    "strategies": ("等級的管理策略", "等级的管理策略"),
    "reasons": ("理由：語句及其次序", "理由：语句及其次序"),
    "refusals": (
        "應拒絕的客戶資料（無限值、超出界限、型別不符）",
        "应拒绝的客户数据（无限值、超出界限、类型不符）",
    ),
}
# One without its Chinese stops here rather than stand in English on a Chinese card.
QUANTITIES = {id_: text(name, *_CHINESE[id_]) for id_, name in NAMES.items()}


def quantity(id_: str, recorded: str) -> Text:
    """Return what a quantity is called; one that this version does not know, as it was `recorded`."""
    return QUANTITIES.get(id_) or alike(recorded)
