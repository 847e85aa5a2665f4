"""The words of the model card in three languages."""

from features.catalog import Confidentiality, Kind, Method
from features.curve import Better
from features.terms import Text
from models.registry import CANDIDATE, CHALLENGER, CHAMPION
from training.battery import table_words
from training.battery import words as of_battery
from training.battery.words import text

TITLE = text("Model card: {model}", "模型卡：{model}", "模型卡：{model}")
AT_A_GLANCE = text("At a glance", "概要", "概要")
FACT = text("fact", "項目", "项目")
VALUE = text("value", "值", "值")
RANGE = table_words.RANGE
AT_LEAST = text("at least {low}", "不低於 {low}", "不低于 {low}")
AT_MOST = text("at most {high}", "不高於 {high}", "不高于 {high}")
ABOVE = text("above {low}", "高於 {low}", "高于 {low}")
COMMA = text(", ", "、", "、")
COLON = text(": ", "：", "：")
SEMICOLON = text("; ", "；", "；")
NONE = text("none", "無", "无")
YES = text("yes", "是", "是")
NO = text("no", "否", "否")
BAD_OF = text("{bad} ({rate})", "{bad}（{rate}）", "{bad}（{rate}）")
WITH_INTERVAL = text("{value} ({low} to {high})", "{value}（{low} 至 {high}）", "{value}（{low} 至 {high}）")

# At a glance

OUTCOME = text("outcome", "不良結果", "不良结果")
WINDOW = text("window", "觀察期", "观察期")
MONTHS = text("{n} months", "{n} 個月", "{n} 个月")
NO_WINDOW = text(
    "not declared: the table's outcome column has a window of its own",
    "未宣告：依資料表結果欄位自身的觀察期",
    "未声明：依数据表结果字段自身的观察期",
)
DAYS = text("days", "日期", "日期")
NO_DAYS = text(
    "none in the table: nothing was judged out of time",
    "資料表無日期，未作跨期檢驗",
    "数据表无日期，未作跨期检验",
)
STATUS = text("status", "狀態", "状态")
REGISTERED = text("registered", "登錄時間", "登记时间")
RUN = text("training run", "訓練執行（run）", "训练运行（run）")
TRAINED_ON = text("trained on", "訓練客戶", "训练客户")
TRAINED = text(
    "{n} customers, {bad} of them with the outcome",
    "{n} 位客戶，其中不良 {bad}",
    "{n} 位客户，其中不良 {bad}",
)
AUC_FORWARD = text(
    "AUC, each year by what was known before it", "AUC（逐年前推，各年合併）", "AUC（逐年前推，各年合并）"
)
AUC_APART = text("AUC, held out before training", "AUC（訓練前留出）", "AUC（训练前留出）")
AUC_HELD_OUT = text("AUC in cross-validation", "AUC（交叉驗證）", "AUC（交叉验证）")
BATTERY = text("validation battery", "驗證檢核", "验证检核")
BATTERY_COUNTS = text(
    "{verdict}: {passed} checks passed, {failed} failed, {unsure} not enough data",
    "{verdict}：{passed} 項通過，{failed} 項未通過，{unsure} 項資料不足",
    "{verdict}：{passed} 项通过，{failed} 项未通过，{unsure} 项数据不足",
)
REASONS = text("review of reasons", "理由審查", "理由审查")
NOT_RECORDED = text("not recorded", "未記錄", "未记录")
NO_ALIAS = text("registered, no alias", "已登錄，無別名", "已登记，无别名")
STATES = {
    CHAMPION: text("champion (in use)", "現行模型（champion）", "现行模型（champion）"),
    CHALLENGER: text("challenger", "挑戰模型（challenger）", "挑战模型（challenger）"),
    CANDIDATE: text("candidate", "候選模型（candidate）", "候选模型（candidate）"),
}
VERDICTS = {
    **table_words.VERDICTS,
    "recorded": text("recorded", "已記錄", "已记录"),
}

# Purpose

PURPOSE = text("Purpose", "用途", "用途")
ESTIMATES = text(
    "The model estimates for each customer of the portfolio “{portfolio}” the probability of one outcome: "
    "“{outcome}”.",
    "本模型估計「{portfolio}」中每位客戶發生下列結果的機率：「{outcome}」。",
    "本模型估计“{portfolio}”中每位客户发生下列结果的概率：“{outcome}”。",
)
WITHIN = text(
    "Whether it happens is looked at over {months} months.",
    "結果的觀察期為 {months} 個月。",
    "结果的观察期为 {months} 个月。",
)
WITHIN_UNDECLARED = text(
    "Within what time it happens nobody has declared: the table's outcome column has a window of its own.",
    "結果的觀察期未經宣告，依資料表結果欄位自身的觀察期。",
    "结果的观察期未经声明，依数据表结果字段自身的观察期。",
)
SERVES = text(
    "It was trained for customers of these natures: {natures}.",
    "訓練所涵蓋的客戶性質：{natures}。",
    "训练所涵盖的客户性质：{natures}。",
)
BLENDS = text(
    "Of the composite score of {nature} the model's points are {model} and the weighted baseline's the "
    "rest. The "
    "score puts a customer in one of four tiers by the policy “{policy}”, version {version}; floors, vetoes "
    "and completeness may lower a tier, and then are its first reason.",
    "{nature}的綜合評估得分中，模型分數佔 {model}，其餘為加權基準分數。得分依「{policy}」第 {version} "
    "版劃分為四個等級；"
    "下限、否決條件與資料完整度可能降低等級，此時列為首要理由。",
    "{nature}的综合评估得分中，模型分数占 {model}，其余为加权基准分数。得分依“{policy}”第 {version} "
    "版划分为四个等级；"
    "下限、否决条件与数据完整度可能降低等级，此时列为首要理由。",
)
TIERS = text("What the tiers are for", "各等級的用途", "各等级的用途")
TIER = text("tier", "等級", "等级")
CUT_OFF = text("points at least", "最低分數", "最低分数")
PROBABILITY_THERE = text("probability there", "該處機率", "该处概率")
STRATEGIES = text("what customers of the tier get", "該等級客戶的管理策略", "该等级客户的管理策略")
NOT_FOR = text("What it is not for", "不適用的情形", "不适用的情形")
NOT_FOR_ITEMS = (
    text(
        "Deciding by itself: what it gives is indicative; a tier counts once management has approved it.",
        "自動決策：模型結果僅供參考，等級經管理層核准後才生效。",
        "自动决策：模型结果仅供参考，等级经管理层批准后才生效。",
    ),
    text(
        "Another outcome or window, or how much would be lost: only whether this outcome happens is "
        "estimated.",
        "其他結果、其他觀察期或損失金額：僅估計上述結果是否發生。",
        "其他结果、其他观察期或损失金额：仅估计上述结果是否发生。",
    ),
    text(
        "Customers unlike those that it learnt from: another portfolio, product, market or time.",
        "與訓練客戶不同的客戶：其他組合、產品、市場或時期。",
        "与训练客户不同的客户：其他组合、产品、市场或时期。",
    ),
    text(
        "Saying what would change an outcome: reasons say what moved the score, not what causes what.",
        "推斷因果：理由說明得分的來源，並不表示改變指標即可改變結果。",
        "推断因果：理由说明得分的来源，并不表示改变指标即可改变结果。",
    ),
)
NOT_FOR_NATURES = text(
    "Customers of other natures ({natures}): they have no model, and their score is the weighted baseline's.",
    "其他性質的客戶（{natures}）：無模型，得分僅為加權基準。",
    "其他性质的客户（{natures}）：无模型，得分仅为加权基准。",
)

# Data

DATA = text("Data", "資料", "数据")
CUSTOMERS = text("customers", "客戶數", "客户数")
WITH_OUTCOME = text("of them with the outcome", "其中發生不良結果", "其中发生不良结果")
FIRST_DAY = text("first day of evaluation", "最早評估日", "最早评估日")
LAST_DAY = text("last day of evaluation", "最晚評估日", "最晚评估日")
TRAINING_DATE = text(
    "trained as of (outcomes known by then)", "訓練基準日（屆時已知的結果）", "训练基准日（届时已知的结果）"
)
TRAINING_DAY = text("day of training", "訓練日", "训练日")
ROOM_FOR_DRIFT = text(
    "The level is that of the newest customers, of whom {rate} had the outcome, with room to drift until "
    "the model is used (standard deviation {room} in log-odds, from the changes between years): an "
    "uncertain level makes a rare outcome likelier, so probabilities lie above that rate on average.",
    "機率水準取自最新客戶（{rate} 發生該結果），並為啟用前的水準漂移預留空間"
    "（由歷年變動估計，對數勝算標準差 {room}）：水準不確定時罕見結果更可能發生，故平均而言機率高於該比例。",
    "概率水平取自最新客户（{rate} 发生该结果），并为启用前的水平漂移预留空间"
    "（由历年变动估计，对数几率标准差 {room}）：水平不确定时罕见结果更可能发生，故平均而言概率高于该比例。",
)
CALIBRATED_ON_ALL = text("customers, calibrated on", "校準所用的客戶", "校准所用的客户")
CALIBRATED_ON = text("newest customers, calibrated on", "校準所用的最新客戶", "校准所用的最新客户")
NATURES = text("natures", "客戶性質", "客户性质")
DATA_HASH = text("training data, SHA-256", "訓練資料 SHA-256", "训练数据 SHA-256")
CATALOG_HASH = text(
    "catalog {name} v{version}, hash",
    "指標目錄 {name} v{version} 雜湊值",
    "指标目录 {name} v{version} 哈希值",
)
POLICY_HASH = text(
    "policy {name} v{version}, hash", "評估辦法 {name} v{version} 雜湊值", "评估办法 {name} v{version} 哈希值"
)
CONTENT_HASH = text("content of the model, SHA-256", "模型內容 SHA-256", "模型内容 SHA-256")
DATA_NOTE = text(
    "Only customers whose outcome was known on the training date were learnt from. What a customer's "
    "indicators say is what was known on the day of evaluation.",
    "僅採用訓練基準日時結果已知的客戶。指標值為評估日當時已知的內容。",
    "仅采用训练基准日时结果已知的客户。指标值为评估日当时已知的内容。",
)
DATA_NOTE_UNDATED = text(
    "The table has no days: it does not say when customers were evaluated, when their outcomes became known, "
    "or whether what the indicators say was known before the outcome.",
    "資料表無日期：未載明客戶的評估時間、結果得知的時間，亦未載明指標內容是否早於結果。",
    "数据表无日期：未载明客户的评估时间、结果得知的时间，亦未载明指标内容是否早于结果。",
)
GROUPS_TOGETHER = text(
    "Customers that belong together are held out together.",
    "相互關聯的客戶一併留出。",
    "相互关联的客户一并留出。",
)
GROUPS_COUNTED = text(
    "Customers that belong together are held out together; by what the table says they are {n} groups.",
    "相互關聯的客戶一併留出；依資料表所載，共 {n} 組。",
    "相互关联的客户一并留出；依数据表所载，共 {n} 组。",
)
NO_GROUPS = text(
    "The table says of no two rows that they belong together: each was taken for a customer of its own.",
    "資料表未載明任何兩列相互關聯，故各列視為不同客戶。",
    "数据表未载明任何两行相互关联，故各行视为不同客户。",
)

# Indicators

INDICATORS = text("Indicators", "指標", "指标")
INDICATORS_NOTE = text(
    "{n} indicators are declared. Weights are shares of the weighted baseline of each nature ({method}); the "
    "model learns from every indicator that it may use. Where a direction of risk is declared, the model "
    "keeps to it.",
    "共宣告 {n} 項指標。權重為各客戶性質加權基準中的比重（{method}）；模型可由所有允許的指標學習。"
    "已宣告風險方向者，模型必須遵守。",
    "共声明 {n} 项指标。权重为各客户性质加权基准中的比重（{method}）；模型可由所有允许的指标学习。"
    "已声明风险方向者，模型必须遵守。",
)
INDICATOR = text("indicator", "指標", "指标")
VALUED = text("better", "偏好", "偏好")
RISK = text("risk", "風險方向", "风险方向")
WEIGHT = text("weight: {nature}", "權重：{nature}", "权重：{nature}")
DELIVERED_BY = text("delivered by", "提供部門", "提供部门")
IN_MODEL = text("in the model", "模型使用", "模型使用")
KINDS = {
    Kind.NUMBER: text("number", "數值", "数值"),
    Kind.FLAG: text("yes/no", "是/否", "是/否"),
    Kind.CATEGORY: text("category", "類別", "类别"),
}
BETTERS = {
    Better.HIGHER: text("higher", "越高越好", "越高越好"),
    Better.LOWER: text("lower", "越低越好", "越低越好"),
    Better.MIDDLE: text("in between", "適中為佳", "适中为佳"),
    Better.LEVELS: text("by level", "依類別", "依类别"),
}
DIRECTIONS = {
    1: text("rises with it", "隨之上升", "随之上升"),
    -1: text("falls with it", "隨之下降", "随之下降"),
    0: text("not fixed", "未限定", "未限定"),
}
CONFIDENTIALITIES = {
    Confidentiality.PUBLIC: text("public", "公開", "公开"),
    Confidentiality.INTERNAL: text("internal", "內部", "内部"),
    Confidentiality.CONFIDENTIAL: text("confidential", "機密", "机密"),
    Confidentiality.PERSONAL: text("personal", "個人資料", "个人信息"),
}
METHODS = {
    Method.JUDGEMENT: text("set by judgement", "專家判斷", "专家判断"),
    Method.AHP: text("analytic hierarchy process", "層級分析法", "层次分析法"),
    Method.ENTROPY: text("entropy method", "熵值法", "熵值法"),
    Method.CRITIC: text("CRITIC method", "CRITIC 法", "CRITIC 法"),
    Method.OUTCOMES: text("read off outcomes", "依結果推得", "依结果推得"),
}
USED = text("yes", "使用", "使用")
WITHOUT_TABLE = text("no influence", "不起作用", "不起作用")
NOT_MODELLED = text("not modelled", "不納入", "不纳入")
PROTECTED = text("protected: never scored", "受保護：不評分", "受保护：不评分")

# How it was chosen

CHOICE = text("How it was chosen", "模型的選擇", "模型的选择")
CHOICE_NOTE = text(
    "The structure was chosen by held-out log-loss: the lowest order of interaction within one standard "
    "error of "
    "the best. Alternatives are compared with each other only; each cohort's level was known in hindsight.",
    "結構依留出客戶的對數損失選定：取與最佳者相差一個標準誤以內的最低交互階數。各方案僅供相互比較；"
    "各期的整體水準為事後已知。",
    "结构依留出客户的对数损失选定：取与最佳者相差一个标准误以内的最低交互阶数。各方案仅供相互比较；"
    "各期的整体水平为事后已知。",
)
ORDER = text("order of interaction", "交互階數", "交互阶数")
SPLITS = text("splits", "分割方式", "分割方式")
PRIOR = text("starts from the prior", "以先驗為起點", "以先验为起点")
STYLES = {
    "best splits": text("best splits", "最佳分割", "最佳分割"),
    "random splits": text("random splits", "隨機分割", "随机分割"),
    "shallow": text("shallow trees", "淺樹", "浅树"),
    "no prior": text("no prior", "無先驗", "无先验"),
}
OF_ORDER = text("order {order}", "{order} 階", "{order} 阶")
ROUNDS = text("rounds of boosting", "提升輪數", "提升轮数")
BAGS = text("bags averaged", "平均的模型數", "平均的模型数")
PAIRS = text("tables of pairs", "雙指標表", "双指标表")
TRIPLES = text("tables of triples", "三指標表", "三指标表")
FOLDS = text("folds", "折數", "折数")
FORWARD = text("folds forward in time", "依時間前推的折", "按时间前推的折")
ALTERNATIVE = text("alternative", "方案", "方案")
HELD_OUT_LOSS = text("held-out log-loss", "留出對數損失", "留出对数损失")
PRICE = text(
    "The price of transparency, against LightGBM without constraints on the same folds (positive costs): "
    "AUC {auc}; "
    "log-loss {log_loss}.",
    "透明度的代價（與相同折上無約束的 LightGBM 相比，正數為代價）：AUC {auc}；對數損失 {log_loss}。",
    "透明度的代价（与相同折上无约束的 LightGBM 相比，正数为代价）：AUC {auc}；对数损失 {log_loss}。",
)
NO_PRICE = text(
    "The price of transparency was not measured: the order was given, or too few outcomes tell.",
    "未量測透明度的代價：階數為給定，或結果過少。",
    "未测量透明度的代价：阶数为给定，或结果过少。",
)

# Performance

PERFORMANCE = text("Performance by year", "各年表現", "各年表现")
FORWARD_NOTE = text(
    "Each year's customers were judged by a model trained on what was known before that year began. "
    "Intervals are "
    "of 95\u00a0%: what drawing other customers would give, those that belong together taken together.",
    "各年客戶由僅以該年年初之前已知資料訓練的模型評判。區間為 95%，反映抽取其他客戶時的變動，"
    "相互關聯的客戶一併抽取。",
    "各年客户由仅以该年年初之前已知数据训练的模型评判。区间为 95%，反映抽取其他客户时的变动，"
    "相互关联的客户一并抽取。",
)
NO_FORWARD = text(
    "No walk through the years was made in this run; what is known are customers held out in "
    "cross-validation, and "
    "what the battery found.",
    "本次訓練未逐年前推；以下為留出客戶的結果與驗證檢核的結果。",
    "本次训练未逐年前推；以下为留出客户的结果与验证检核的结果。",
)
YEAR = text("year", "年度", "年度")
ALL_YEARS = text("all years", "各年合併", "各年合并")
APART = text("held out before training", "訓練前留出", "训练前留出")
HELD_OUT = text("held out in cross-validation", "交叉驗證留出", "交叉验证留出")
BAD = text("bad", "不良", "不良")
BAD_RATE = text("bad rate", "不良率", "不良率")
AUC = text("AUC", "AUC", "AUC")
INTERVAL = text("95\u00a0% interval", "95% 區間", "95% 区间")
KS = text("KS", "KS", "KS")
LOG_LOSS = text("log-loss", "對數損失", "对数损失")
BRIER = text("Brier", "Brier", "Brier")
ECE = text("ECE", "ECE", "ECE")
PREDICTED = text("predicted", "預測", "预测")
AUC_BY_YEAR = text("AUC by year, with 95\u00a0% intervals", "各年 AUC 與 95% 區間", "各年 AUC 与 95% 区间")
BESIDE_OTHERS = text("AUC beside others, by year", "與其他方法的 AUC 比較", "与其他方法的 AUC 比较")
SCORERS = {
    "model": text("this model", "本模型", "本模型"),
    "baseline": of_battery.BASELINE,
    "logistic_regression": of_battery.LOGISTIC,
    "best_single_indicator": text("best single indicator", "最佳單一指標", "最佳单一指标"),
    "unconstrained_LightGBM": of_battery.LIGHTGBM,
    "baseline_of_todays_catalog": text(
        "baseline of today's catalog", "現行目錄的加權基準", "现行目录的加权基准"
    ),
}
OF_BATTERY = text("What the validation battery found", "驗證檢核結果", "验证检核结果")
BY_YEAR_OF_BATTERY = text(
    "AUC by year, on the customers judged by the battery", "檢核客戶各年 AUC", "检核客户各年 AUC"
)

# Calibration

CALIBRATION = text("Calibration", "校準", "校准")
CALIBRATION_BY_YEAR = text(
    "Predicted and observed bad rate by year", "各年預測與實際不良率", "各年预测与实际不良率"
)
OBSERVED = text("observed, with 95\u00a0% interval", "實際（95% 區間）", "实际（95% 区间）")
TIERS_OBSERVED = text(
    "Tiers over all years of the walk forward", "逐年前推各年合併的等級", "逐年前推各年合并的等级"
)
SHARE = text("share", "比例", "比例")
UNRATED = text("unrated", "未評級", "未评级")

# What the battery found

STABILITY = text("Stability and robustness", "穩定性與穩健性", "稳定性与稳健性")
FAIRNESS = text("Fairness", "公平性", "公平性")
CHECK = table_words.CHECK
TOLERATED = table_words.TOLERATED
VERDICT = table_words.VERDICT
OF_FAMILY = text(
    "{name}: {passed} of {count} passed",
    "{name}：{count} 項中 {passed} 項通過",
    "{name}：{count} 项中 {passed} 项通过",
)
JUDGED = text(
    "The battery judged on {n} customers, {bad} with the outcome, evaluated from {first} to {last}; "
    "compared with "
    "{reference} customers before.",
    "驗證檢核的客戶共 {n} 位，其中 {bad} 位發生不良結果，評估日自 {first} 至 {last}；對照客戶 {reference} "
    "位。",
    "验证检核的客户共 {n} 位，其中 {bad} 位发生不良结果，评估日自 {first} 至 {last}；对照客户 {reference} "
    "位。",
)
JUDGED_UNDATED = text(
    "The battery judged on {n} customers, {bad} with the outcome, of a table without days; compared with "
    "{reference} others.",
    "驗證檢核的客戶共 {n} 位，其中 {bad} 位發生不良結果，資料表無日期；對照客戶 {reference} 位。",
    "验证检核的客户共 {n} 位，其中 {bad} 位发生不良结果，数据表无日期；对照客户 {reference} 位。",
)
JUDGED_ON_TRAINING = text(
    "The battery judged on the very customers that the model learnt from: its figures say nothing of others.",
    "驗證檢核所用的客戶即為訓練客戶，其數值不能說明對其他客戶的表現。",
    "验证检核所用的客户即为训练客户，其数值不能说明对其他客户的表现。",
)
BESIDE_TOLERATED = text(
    "{value} (tolerated: {tolerated})", "{value}（容許：{tolerated}）", "{value}（容许：{tolerated}）"
)
NO_BATTERY = text(
    "No validation battery is recorded for this version.",
    "本版本未記錄驗證檢核。",
    "本版本未记录验证检核。",
)
OTHER_MODEL = text(
    "The battery judged another model ({version}), not this version: its figures say what this way of "
    "training does.",
    "驗證檢核所評判的是另一個模型（{version}），並非本版本；其結果說明的是此訓練方法的表現。",
    "验证检核所评判的是另一个模型（{version}），并非本版本；其结果说明的是此训练方法的表现。",
)
NONE_PROTECTED = text(
    "The catalog declares no protected attribute, so nothing can be said of fairness between groups.",
    "指標目錄未宣告受保護屬性，因此無法評估群體間的公平性。",
    "指标目录未声明受保护属性，因此无法评估群体间的公平性。",
)
PROTECTED_ARE = text(
    "Protected attributes, recorded and never scored: {names}. Favourable tiers: {tiers}. That they are "
    "not scored "
    "does not keep other indicators from standing in for them.",
    "受保護屬性（僅記錄，不評分）：{names}。有利等級：{tiers}。不評分並不能避免其他指標間接代表這些屬性。",
    "受保护属性（仅记录，不评分）：{names}。有利等级：{tiers}。不评分并不能避免其他指标间接代表这些属性。",
)
GROUP = text("group", "群體", "群体")
FIGURE = text("figure", "數值", "数值")

# Explanations

EXPLANATIONS = text("Explanations", "解釋", "解释")
EXPLAINED = text(
    "Every score is the sum of the reasons shown. Before registration the explanations of {rows} customers "
    "were "
    "recomputed by shap from the boosters; they differ by at most {difference}.",
    "每個得分等於所示各項理由之和。登錄前由 shap 依提升模型重新計算 {rows} 位客戶的解釋，差異最大為 "
    "{difference}。",
    "每个得分等于所示各项理由之和。登记前由 shap 依提升模型重新计算 {rows} 位客户的解释，差异最大为 "
    "{difference}。",
)
REASONS_FOUND = text(
    "Review of reasons: {verdict}. Served answers on {customers} customers and {variants} variants of them "
    "were "
    "recomputed by code of its own.",
    "理由審查：{verdict}。由獨立程式重新計算 {customers} 位客戶及其 {variants} 個變體的答覆。",
    "理由审查：{verdict}。由独立程序重新计算 {customers} 位客户及其 {variants} 个变体的答复。",
)
DIFFERING = text(
    "Review of reasons: {name} differ in {n} answers",
    "理由審查：{name}有 {n} 份答覆不符",
    "理由审查：{name}有 {n} 份答复不符",
)
NO_REASONS = text(
    "No review of reasons is recorded for this version.",
    "本版本未記錄理由審查。",
    "本版本未记录理由审查。",
)

QUANTITY = text("what was recomputed", "重新計算的項目", "重新计算的项目")
ROWS = text("answers", "答覆數", "答复数")
VALUES = text("values", "數值數", "数值数")
LARGEST_DIFFERENCE = text("largest difference", "最大差異", "最大差异")

# Limits

LIMITS = text("Limits", "限制", "局限")
FAILED = text("Checks that failed", "未通過的檢核", "未通过的检核")
UNSURE = text("Checks without enough data", "資料不足的檢核", "数据不足的检核")
NOT_JUDGED = text("What is not judged", "未評估的事項", "未评估的事项")
NO_FAILED = text("No check of the battery failed.", "驗證檢核無未通過項目。", "验证检核无未通过项目。")
LIMIT_ITEMS = (
    text(
        "Intervals say what drawing other customers would change, not what a changed world would.",
        "區間僅反映抽樣變動，不反映環境變化。",
        "区间仅反映抽样变动，不反映环境变化。",
    ),
    text(
        "Only customers with whom the company dealt have outcomes: those turned away are not in the data.",
        "僅有往來客戶才有結果；遭拒的客戶不在資料之中。",
        "仅有往来客户才有结果；被拒的客户不在数据之中。",
    ),
    text(
        "Weights, floors and thresholds of the policy are the company's judgement; no figure here proves "
        "them.",
        "評估辦法的權重、下限與門檻為公司判斷，本卡數值並不加以證明。",
        "评估办法的权重、下限与阈值为公司判断，本卡数值并不加以证明。",
    ),
)
LIMIT_OTHER_MODEL = text(
    "This very version: the battery judged another model.",
    "本版本自身：驗證檢核所評判的是另一個模型。",
    "本版本自身：验证检核所评判的是另一个模型。",
)
LIMIT_NATURES = text(
    "No model for: {natures}. Nothing here is said of them.",
    "無模型的客戶性質：{natures}。本卡不涉及這些客戶。",
    "无模型的客户性质：{natures}。本卡不涉及这些客户。",
)
LIMIT_UNKNOWN_BY_YEAR = text(
    "Performance by year: this run made no walk through the years.",
    "各年表現：本次訓練未逐年前推。",
    "各年表现：本次训练未逐年前推。",
)

LIMIT_NO_DAYS = text(
    "The table has no days: nothing was judged out of time.",
    "資料表無日期：未作跨期檢驗。",
    "数据表无日期：未作跨期检验。",
)
LIMIT_NO_WINDOW = text(
    "Within what time the outcome happens: nobody has declared it.",
    "結果的觀察期：未經宣告。",
    "结果的观察期：未经声明。",
)

# Monitoring

MONITORING = text("Monitoring plan", "監測計畫", "监测计划")
MONITORING_NOTE = text(
    "tierwise monitor compares the customers evaluated in a period with the reference that was recorded at "
    "training, and outcomes, once their window has closed, with what was predicted. Beyond a threshold the "
    "model's "
    "owner is told, and says whether to recalibrate, train again or go on.",
    "tierwise monitor 將各期評估的客戶與訓練時記錄的參照相比較；觀察期結束後，再將結果與預測相比較。"
    "超過門檻時通知模型負責人，"
    "由其決定重新校準、重新訓練或繼續使用。",
    "tierwise monitor 将各期评估的客户与训练时记录的参照相比较；观察期结束后，再将结果与预测相比较。"
    "超过阈值时通知模型负责人，"
    "由其决定重新校准、重新训练或继续使用。",
)
MONITORING_NO_WINDOW = text(
    "As no window is declared, outcomes count as they are told.",
    "因未宣告觀察期，結果一經得知即予計入。",
    "因未声明观察期，结果一经得知即予计入。",
)
WATCHED = text("what is watched", "監測項目", "监测项目")
MEASURED_BY = text("measured by", "量測方式", "测量方式")
THRESHOLD = text("threshold", "門檻", "阈值")
WHEN = text("when", "時間", "时间")
EACH_PERIOD = text("each period", "每期", "每期")
ONCE_MATURED = text("once outcomes have matured", "結果成熟後", "结果成熟后")
PLAN = {
    "input": (
        text("drift of the indicators", "指標漂移", "指标漂移"),
        text(
            "stability index of each indicator (CSI), what is missing included, against the training "
            "reference",
            "各指標（含缺失）相對訓練參照的穩定性指數（CSI）",
            "各指标（含缺失）相对训练参照的稳定性指数（CSI）",
        ),
    ),
    "score": (
        text("drift of the score", "得分漂移", "得分漂移"),
        text(
            "population stability index (PSI) of score and probability",
            "得分與機率的群體穩定性指數（PSI）",
            "得分与概率的群体稳定性指数（PSI）",
        ),
    ),
    "tiers": (
        text("migration between tiers", "等級遷移", "等级迁移"),
        text("PSI of the tiers", "等級的 PSI", "等级的 PSI"),
    ),
    "falls": (
        text("falling tiers", "等級下降", "等级下降"),
        text(
            "share of customers whose tier fell within the period less the share of those whose tier rose",
            "期內等級下降的客戶比例減上升的比例",
            "期内等级下降的客户比例减上升的比例",
        ),
    ),
    "silence": (
        text("completeness by department", "各部門資料完整度", "各部门数据完整度"),
        text(
            "how much less of what it delivers is known than in training",
            "所提供資料的已知比例較訓練時的降幅",
            "所提供数据的已知比例较训练时的降幅",
        ),
    ),
    "level": (
        text("level of calibration", "整體校準", "整体校准"),
        text(
            "calibration in the large: how far the level of risk is off, in log-odds",
            "整體校準：風險水準的偏差（對數勝算）",
            "整体校准：风险水平的偏差（对数几率）",
        ),
    ),
    "slope": (
        text("slope of calibration", "校準斜率", "校准斜率"),
        text("slope of the logistic recalibration", "邏輯斯重新校準的斜率", "逻辑回归重新校准的斜率"),
    ),
    "ece": (
        text("calibration error", "校準誤差", "校准误差"),
        text(
            "expected calibration error (ECE), or what chance gives if that is more",
            "期望校準誤差（ECE），或取隨機水準（若較高）",
            "期望校准误差（ECE），或取随机水平（若较高）",
        ),
    ),
    "auc": (
        text("discrimination", "區分能力", "区分能力"),
        text(
            "how far the AUC lies below that of the training's held-out customers",
            "AUC 較訓練留出客戶的降幅",
            "AUC 较训练留出客户的降幅",
        ),
    ),
}
REFERENCE_RECORDED = text(
    "The reference of {n} training customers, evaluated from {first} to {last}, is recorded with this "
    "version "
    "(SHA-256 {sha256}…).",
    "訓練參照（{n} 位訓練客戶，評估日自 {first} 至 {last}）已隨本版本記錄（SHA-256 {sha256}…）。",
    "训练参照（{n} 位训练客户，评估日自 {first} 至 {last}）已随本版本记录（SHA-256 {sha256}…）。",
)
REFERENCE_UNDATED = text(
    "The reference of {n} training customers, of a table without days, is recorded with this version "
    "(SHA-256 {sha256}…).",
    "訓練參照（{n} 位訓練客戶，資料表無日期）已隨本版本記錄（SHA-256 {sha256}…）。",
    "训练参照（{n} 位训练客户，数据表无日期）已随本版本记录（SHA-256 {sha256}…）。",
)
NO_REFERENCE = text(
    "No training reference is recorded for this version yet: drift cannot be measured without one.",
    "本版本尚未記錄訓練參照，因此無法量測漂移。",
    "本版本尚未记录训练参照，因此无法测量漂移。",
)

# Sign-offs

SIGN_OFFS = text("Sign-offs", "簽核", "签核")
ROLE = text("role", "角色", "角色")
NAME = text("name", "姓名", "姓名")
DATE = text("date", "日期", "日期")
DECISION = text("decision", "決定", "决定")
FINDINGS = text("findings", "發現事項", "发现事项")
CONDITIONS = text("conditions", "附帶條件", "附带条件")
TEXTS_LEFT_OUT = text(
    "Findings, conditions and reasons are left out of this copy: they stand sealed in the company's store.",
    "本副本不載發現事項、附帶條件與理由；其內容加密保存於本公司資料庫。",
    "本副本不载发现事项、附带条件与理由；其内容加密保存于本公司数据库。",
)
SIGNATURE = text("signature", "簽名", "签名")
ROLES = {
    "proposer": text("proposed by", "提案人", "提案人"),
    "approver": text("approval", "核准人", "批准人"),
    "rollback": text("rolled back by", "回復人", "回退人"),
}
DECISIONS = {
    "proposed": text("proposed", "提案", "提案"),
    "approved": text("approved", "核准", "批准"),
    "rejected": text("rejected", "駁回", "驳回"),
    "withdrawn": text("withdrawn", "撤回", "撤回"),
    "governs_again": text("governs again", "回復適用", "恢复适用"),
    "rolled_back": text("rolled back", "停用（回復前版）", "停用（回退前版）"),
    "rollback_confirmed": text("confirmed the rollback", "確認回復", "确认回退"),
    "rollback_rejected": text("rejected the rollback", "不同意回復", "不同意回退"),
}
TO_BE = {
    CHAMPION: text("as champion", "現行模型（champion）", "现行模型（champion）"),
    CHALLENGER: text("as challenger", "挑戰模型（challenger）", "挑战模型（challenger）"),
}
CASE_ENDED = {
    "rejected": text("{decision}; the case was rejected", "{decision}；本案遭駁回", "{decision}；本案被驳回"),
    "withdrawn": text(
        "{decision}; the case was withdrawn", "{decision}；本案已撤回", "{decision}；本案已撤回"
    ),
}
VOID = text("does not count", "不計入", "不计入")
UNDECIDED = text("not decided yet", "尚未決定", "尚未决定")
ROLLBACK_STANDS = {
    "open": text("not confirmed yet", "尚未確認", "尚未确认"),
    "effective": text("confirmed", "已確認", "已确认"),
    "rejected": text("not confirmed: rejected", "未獲確認：不同意", "未获确认：不同意"),
}
ROLLBACKS = {
    "governs_again": text("from {other}", "自 {other} 回復", "自 {other} 回退"),
    "rolled_back": text("to {other}", "回復至 {other}", "回退至 {other}"),
}
NO_MODEL = text("what governed without a model", "無模型的辦法", "无模型的办法")
TO_SIGN = (
    text("model development", "模型開發", "模型开发"),
    text("independent validation", "獨立驗證", "独立验证"),
    text("management", "管理層", "管理层"),
)
UNSIGNED = text(
    "Nothing is signed electronically in what this card was made from: sign here, or have the version "
    "approved in "
    "the store and make the card again with it.",
    "製作本卡時無電子簽核；請於此簽名，或於資料庫中完成核准後，連同資料庫重新製作本卡。",
    "制作本卡时无电子签核；请于此签名，或于数据库中完成批准后，连同数据库重新制作本卡。",
)
NONE_COUNTS = text(
    "None of this counts as a sign-off: sign here, or have the version approved in the store and make the "
    "card again with it.",
    "以上均不構成簽核；請於此簽名，或於資料庫中完成核准後，連同資料庫重新製作本卡。",
    "以上均不构成签核；请于此签名，或于数据库中完成批准后，连同数据库重新制作本卡。",
)

# Annexes

POINTS = text("Annex A: points tables", "附錄甲：計分表", "附录甲：计分表")
EVERY_CHECK = text("Annex B: every check of the battery", "附錄乙：全部檢核項目", "附录乙：全部检核项目")
GRIDS = text("Pairs and triples in brief", "交互作用摘要", "交互作用摘要")
GRIDS_NOTE = text(
    "Between which log-odds each lies. Of {n}, {printed} are printed in full below: those that differ most "
    "within, for {most} cells are printed at most. All of them: `tierwise export FILE.html --model NAME`.",
    "各組合在對數勝算上的範圍。共 {n} 組，其中差異最大的 {printed} 組於下文全數列印（至多 {most} 格）。"
    "全部表格：`tierwise export FILE.html --model NAME`。",
    "各组合在对数几率上的范围。共 {n} 组，其中差异最大的 {printed} 组于下文全部打印（至多 {most} 格）。"
    "全部表格：`tierwise export FILE.html --model NAME`。",
)
PAIR = text("pair or triple", "組合", "组合")
LOWEST = text("lowest", "最低", "最低")
HIGHEST = text("highest", "最高", "最高")
PRINTED = text("printed", "列印", "打印")
IN_FULL = text("in full", "全部", "全部")
BY_EXPORT = text("by export", "見匯出檔", "见导出文件")
SOURCES = text(
    "Annex C: documents, and how to read a figure back", "附錄丙：文件與數值查證", "附录丙：文件与数值查证"
)
SOURCES_NOTE = text(
    "Every figure of this card was read from the training run and the documents below, nothing was typed in. "
    "{file} lists each one with its value and its source: a metric or parameter of the run, or a "
    "document of the "
    "run with its SHA-256 and the place in it (a JSON pointer); what follows from several by a rule names "
    "all.",
    "本卡所有數值均取自訓練執行（run）與下列文件，並無人工填寫。{file} 逐一列出數值及其來源：run "
    "的度量或參數，"
    "或 run 的文件及其 SHA-256 與所在位置（JSON Pointer）；由多項依規則得出者列出全部來源。",
    "本卡所有数值均取自训练运行（run）与下列文件，并无人工填写。{file} 逐一列出数值及其来源：run "
    "的度量或参数，"
    "或 run 的文件及其 SHA-256 与所在位置（JSON Pointer）；由多项依规则得出者列出全部来源。",
)
DOCUMENT = text("document of the run", "run 的文件", "run 的文件")
SOURCE = text("Source", "來源", "来源")
METRICS = text("metrics {names}", "度量 {names}", "度量 {names}")
PARAMETERS = text("parameters {names}", "參數 {names}", "参数 {names}")
DEFAULTS = text("defaults of the program", "程式預設值", "程序默认值")
FIGURES = text("figures {numbers} of card.json", "card.json 數值 {numbers}", "card.json 数值 {numbers}")
REFERENCES = text("Methods", "方法出處", "方法出处")


def listed(names: tuple[Text, ...]) -> Text:
    """Return names as a list."""
    if not names:
        return NONE
    return text(
        COMMA.en.join(name.en for name in names),
        COMMA.zh_hant.join(name.zh_hant for name in names),
        COMMA.zh_hans.join(name.zh_hans for name in names),
    )
