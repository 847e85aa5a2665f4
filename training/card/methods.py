"""Where the battery's methods are from, in the card's languages: works as cited, the rest in words."""

import re

from features.terms import Language, Text
from training.battery.words import text

_PARTS = re.compile(r"(; |: )")
_BETWEEN = {"; ": text("; ", "；", "；"), ": ": text(": ", "：", "：")}
# What a source says beside the works that it cites, part by part.
_PHRASES = {
    phrase.en: phrase
    for phrase in (
        text("out of time", "跨期", "跨期"),
        text("out of sample", "樣本外", "样本外"),
        text(
            "indicators whose points in the model differ, and which training customers so had",
            "模型中點數有差異、亦即訓練客戶曾具有的指標",
            "模型中点数有差异、亦即训练客户曾具有的指标",
        ),
        text("interval", "區間", "区间"),
        text("p-value", "p 值", "p 值"),
        text("customers of one group together", "同組客戶一併計算", "同组客户一并计算"),
        text("bins of equal count", "等客戶數分箱", "等客户数分箱"),
        text(
            "bins of equal count with two parts within",
            "等客戶數分箱，並計箱內兩項",
            "等客户数分箱，并计箱内两项",
        ),
        text("by chance", "隨機水準", "随机水平"),
        text("binomial test, one-sided", "單尾二項檢定", "单侧二项检验"),
        text("one-sided Jeffreys test", "單尾 Jeffreys 檢定", "单侧 Jeffreys 检验"),
        text("outcomes taken as independent", "結果視為彼此獨立", "结果视为彼此独立"),
        text(
            "threshold the larger of what does not matter and of chance",
            "門檻取無關緊要的水準與隨機水準之較大者",
            "阈值取无关紧要的水平与随机水平之较大者",
        ),
        text("one customer added to every bin", "每箱加計一位客戶", "每箱加计一位客户"),
        text(
            "all indicators together by Bonferroni",
            "全部指標以 Bonferroni 法合併判定",
            "全部指标以 Bonferroni 法合并判定",
        ),
        text(
            "exact test of neighbours, one-sided, all together by Bonferroni",
            "相鄰兩組的單尾精確檢定，以 Bonferroni 法合併判定",
            "相邻两组的单侧精确检验，以 Bonferroni 法合并判定",
        ),
        text(
            "every range of every table, with every combination of the other indicators' ranges",
            "每張表的每個範圍，配以其他指標範圍的所有組合",
            "每张表的每个范围，配以其他指标范围的所有组合",
        ),
        text(
            "one indicator at a time (Saltelli et al. 2008, Global Sensitivity Analysis, section 1.2), by "
            "the model's ranges",
            "每次變動一項指標（Saltelli et al. 2008, Global Sensitivity Analysis, section 1.2），"
            "依模型的範圍",
            "每次变动一项指标（Saltelli et al. 2008, Global Sensitivity Analysis, section 1.2），"
            "依模型的范围",
        ),
        text("the department's indicators set to missing", "該部門的指標設為缺失", "该部门的指标设为缺失"),
        text(
            "AUC and paired difference as of discrimination.auc",
            "AUC 與成對差異同 discrimination.auc",
            "AUC 与成对差异同 discrimination.auc",
        ),
        text(
            "the indicator set to missing for everybody",
            "將該指標對所有客戶設為缺失",
            "将该指标对所有客户设为缺失",
        ),
        text(
            "on balance silence must not pay",
            "整體而言，不提供資料不得有利",
            "整体而言，不提供数据不得有利",
        ),
        text(
            "the segments' intervals together by Bonferroni",
            "各分群區間以 Bonferroni 法合併",
            "各分群区间以 Bonferroni 法合并",
        ),
        text("four-fifths rule", "五分之四法則", "五分之四法则"),
        text(
            "29 CFR 1607.4(D), which asks for significance too (Fisher's exact test, pairs by Bonferroni)",
            "29 CFR 1607.4(D)，另須具顯著性（Fisher 精確檢定，各對以 Bonferroni 法）",
            "29 CFR 1607.4(D)，另须具显著性（Fisher 精确检验，各对以 Bonferroni 法）",
        ),
        text(
            "significance by Fisher's exact test, pairs by Bonferroni",
            "顯著性依 Fisher 精確檢定，各對以 Bonferroni 法",
            "显著性依 Fisher 精确检验，各对以 Bonferroni 法",
        ),
        text(
            "computed by fairlearn (Weerts et al. 2023, Journal of Machine Learning Research 24)",
            "以 fairlearn 計算（Weerts et al. 2023, Journal of Machine Learning Research 24）",
            "以 fairlearn 计算（Weerts et al. 2023, Journal of Machine Learning Research 24）",
        ),
        text(
            "paired bootstrap of whole groups of customers",
            "以整組客戶進行的成對拔靴法",
            "以整组客户进行的成对自助法",
        ),
        text(
            "paired test of DeLong et al. (1988), Biometrics 44",
            "成對檢定，DeLong et al. (1988), Biometrics 44",
            "成对检验，DeLong et al. (1988), Biometrics 44",
        ),
        text(
            "against LightGBM without constraints on the training's folds",
            "對照訓練各折上無約束的 LightGBM",
            "对照训练各折上无约束的 LightGBM",
        ),
    )
}


def method(source: str, language: Language) -> str:
    """Return what a check says that it is from; what is not known by its words, as it was recorded."""

    def shown(part: str) -> str:
        known: Text | None = _BETWEEN.get(part) or _PHRASES.get(part)
        return part if known is None else known.in_language(language)

    return "".join(map(shown, _PARTS.split(source)))
