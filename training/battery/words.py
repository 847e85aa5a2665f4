"""The words of the battery in three languages: the names of its checks, and why one is not answered."""

from features.terms import Text


def text(en: str, zh_hant: str, zh_hans: str) -> Text:
    """Return a text in three languages."""
    return Text(en=en, zh_hant=zh_hant, zh_hans=zh_hans)


def alike(word: str) -> Text:
    """Return what is the same in all languages, such as a year."""
    return text(word, word, word)


def about(name: Text, *subjects: Text) -> Text:
    """Return a name with what it is about, such as a tier or an indicator."""
    for subject in subjects:
        name = text(
            f"{name.en}: {subject.en}",
            f"{name.zh_hant}：{subject.zh_hant}",
            f"{name.zh_hans}：{subject.zh_hans}",
        )
    return name


def together(names: tuple[Text, ...]) -> Text:
    """Return the name of several things taken as one."""
    return text(
        " + ".join(name.en for name in names),
        "＋".join(name.zh_hant for name in names),
        "＋".join(name.zh_hans for name in names),
    )


# Checks

OUT_OF_TIME = text("Evaluated after the training data", "評估日晚於訓練資料", "评估日晚于训练数据")
OTHER_CUSTOMERS = text(
    "Another set of customers than the one trained on", "與訓練客戶並非同一組", "与训练客户并非同一组"
)
COLUMNS = text(
    "Indicators of the model that nobody in the table has",
    "表中無任何客戶具有的模型指標",
    "表中无任何客户具有的模型指标",
)
AUC = text("AUC", "AUC（曲線下面積）", "AUC（曲线下面积）")
ACCURACY_RATIO = text("Accuracy ratio (Gini)", "準確率比（吉尼係數）", "准确率比（基尼系数）")
KS = text("Kolmogorov–Smirnov distance", "KS 距離", "KS 距离")
IN_THE_LARGE = text("Calibration in the large", "整體校準", "整体校准")
SLOPE = text("Calibration slope", "校準斜率", "校准斜率")
ECE = text("Expected calibration error", "期望校準誤差", "期望校准误差")
BRIER = text("Brier score", "Brier 分數", "Brier 分数")
HOSMER_LEMESHOW = text("Hosmer–Lemeshow test", "Hosmer–Lemeshow 檢定", "Hosmer–Lemeshow 检验")
SPIEGELHALTER = text("Spiegelhalter's z", "Spiegelhalter z 檢定", "Spiegelhalter z 检验")
BINOMIAL = text("Binomial test of the tier", "等級二項檢定", "等级二项检验")
JEFFREYS = text("Jeffreys test of the tier", "等級 Jeffreys 檢定", "等级 Jeffreys 检验")
PSI_SCORE = text("Population stability of the score", "評分的群體穩定性", "评分的群体稳定性")
PSI_TIERS = text("Population stability of the tiers", "等級的群體穩定性", "等级的群体稳定性")
CSI = text("Characteristic stability", "指標穩定性", "指标稳定性")
TIERS_RISE = text("Bad rate rises from tier to tier", "不良率逐級上升", "不良率逐级上升")
BANDS_RISE = text("Bad rate rises from score band to band", "不良率逐分段上升", "不良率逐分段上升")
DIRECTIONS = text(
    "The model keeps to the declared directions", "模型遵守所宣告的方向", "模型遵守所声明的方向"
)
SENSITIVITY = text(
    "Tiers moved by two or more by an indicator's neighbouring range",
    "指標移至相鄰區間使等級變動兩級以上",
    "指标移至相邻区间使等级变动两级以上",
)
WITHOUT_DEPARTMENT = text("AUC without a department", "缺少部門資料時的 AUC", "缺少部门数据时的 AUC")
SILENCE_PAYS = text(
    "Tiers raised less tiers lowered by a department's silence",
    "部門缺報使等級上升減下降",
    "部门缺报使等级上升减下降",
)
UNTOLD_PAYS = text(
    "Tiers raised less tiers lowered where an indicator is untold",
    "指標未提供使等級上升減下降",
    "指标未提供使等级上升减下降",
)
SEGMENT_AUC = text("Lowest AUC of a segment", "各分群最低 AUC", "各分群最低 AUC")
SEGMENT_LEVEL = text("Calibration in the large by segment", "各分群整體校準", "各分群整体校准")
PARITY = text("Demographic parity ratio", "人口統計均等比", "人口统计均等比")
ODDS = text("Equalised odds difference", "均等化勝算差", "均等化几率差")
GAIN_AUC = text("AUC gained on", "AUC 優於", "AUC 优于")
GAIN_LOSS = text("Log-loss saved against", "對數損失低於", "对数损失低于")
PRICE = text("Price of transparency in AUC", "透明度的代價（AUC）", "透明度的代价（AUC）")

# What a figure is of

COMPOSITE = text("composite score", "綜合評估得分", "综合评估得分")
INTERCEPT = text("intercept", "截距", "截距")
RELIABILITY = text("reliability", "可靠性", "可靠性")
RESOLUTION = text("resolution", "解析度", "分辨度")
UNCERTAINTY = text("uncertainty", "不確定性", "不确定性")
WITHIN_VARIANCE = text("variance within bins", "組內變異", "组内方差")
WITHIN_COVARIANCE = text("covariance within bins", "組內共變異", "组内协方差")
PREDICTED = text("predicted", "預測", "预测")
BAD_RATE = text("bad rate", "不良率", "不良率")
UP = text("up", "上移", "上移")
DOWN = text("down", "下移", "下移")
OTHER_VALUE = text("the other value", "另一取值", "另一取值")
AUC_LOST = text("AUC lost", "AUC 損失", "AUC 损失")
TIER_CHANGED = text("share of tiers changed", "等級變動比例", "等级变动比例")
TIER_RAISED = text("share of tiers raised", "等級上升比例", "等级上升比例")
TIER_LOWERED = text("share of tiers lowered", "等級下降比例", "等级下降比例")
UNRATED = text("share unrated", "未評級比例", "未评级比例")
SELECTED = text("share with a favourable tier", "獲有利等級的比例", "获有利等级的比例")
SELECTED_OF_GOOD = text(
    "share with a favourable tier, of those without the outcome",
    "無不良者獲有利等級的比例",
    "无不良者获有利等级的比例",
)
SELECTED_OF_BAD = text(
    "share with a favourable tier, of those with the outcome",
    "不良者獲有利等級的比例",
    "不良者获有利等级的比例",
)
LOG_LOSS = text("log-loss", "對數損失", "对数损失")
NATURE = text("nature", "客戶性質", "客户性质")
SIZE = text("size", "規模", "规模")
YEAR = text("year", "年度", "年度")
OTHERS = text("others", "其他", "其他")
NOT_KNOWN = text("not known", "未知", "未知")
UNSEEN = text("a level outside the catalog", "目錄外的類別", "目录外的类别")
YES = text("yes", "是", "是")
NO = text("no", "否", "否")
MODEL = text("the model", "模型", "模型")
BASELINE = text("the weighted baseline", "加權基準", "加权基准")
LOGISTIC = text("logistic regression", "邏輯斯迴歸", "逻辑回归")
LIGHTGBM = text("unconstrained LightGBM", "無約束 LightGBM", "无约束 LightGBM")
NATURES = {
    "enterprise": text("enterprises", "企業", "企业"),
    "government": text("governments", "政府", "政府"),
    "public_institution": text("public institutions", "事業單位", "事业单位"),
    "individual": text("individuals", "個人", "个人"),
}


def band(number: int, of: int) -> Text:
    """Return the name of one of so many bands, the lowest first; its bounds are customers' values."""
    return text(f"band {number} of {of}", f"第 {number} 段（共 {of} 段）", f"第 {number} 段（共 {of} 段）")


# Why a check is not answered

TOO_FEW_CUSTOMERS = text("too few customers", "客戶過少", "客户过少")
TOO_FEW_OUTCOMES = text("too few good or bad outcomes", "良好或不良結果過少", "良好或不良结果过少")
NO_REFERENCE = text(
    "no reference customers: name them with --reference TABLE",
    "無參照客戶，請以 --reference TABLE 指定",
    "无参照客户，请以 --reference TABLE 指定",
)
ONE_GROUP = text(
    "fewer than two groups that are large enough", "足夠大的組別少於兩個", "足够大的组别少于两个"
)
NONE_PROTECTED = text(
    "the catalog declares no protected attribute", "目錄未宣告受保護屬性", "目录未声明受保护属性"
)
NO_DAYS = text("the table has no days", "表中無日期", "表中无日期")
NO_DAYS_OF_TRAINING = text(
    "the model was trained on a table without days", "訓練資料表無日期", "训练数据表无日期"
)
TRAINING_NOT_TOLD = text(
    "the model does not say which customers it learnt from",
    "模型未載明訓練所用的客戶",
    "模型未载明训练所用的客户",
)
NO_DIRECTIONS = text(
    "no indicator of the model has a declared direction", "模型指標均未宣告方向", "模型指标均未声明方向"
)
NOT_PROVEN = text(
    "too many combinations to go through, and a bound does not settle it",
    "組合過多，且界限不足以判定",
    "组合过多，且界限不足以判定",
)
DELIVERS_ALL = text("delivers every indicator of the model", "提供模型的全部指標", "提供模型的全部指标")
DELIVERS_NONE = text("delivers no indicator of the model", "未提供模型的任何指標", "未提供模型的任何指标")
NO_CHALLENGER = text(
    "there is no challenger: no reference customers with enough outcomes to fit one on",
    "無挑戰者：參照客戶的結果不足以擬合",
    "无挑战者：参照客户的结果不足以拟合",
)
NO_ROWS = text(
    "there are no challengers: --reference TABLE (the table trained on) gives them",
    "無挑戰者：請以 --reference TABLE 提供訓練用表",
    "无挑战者：请以 --reference TABLE 提供训练用表",
)
NOT_MEASURED = text(
    "was not measured in training: the order was given, or too few outcomes tell",
    "訓練時未量測：階數為給定，或結果過少",
    "训练时未测量：阶数为给定，或结果过少",
)
UNDEFINED = text("cannot be measured here", "此處無法量測", "此处无法测量")
