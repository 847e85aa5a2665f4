"""The figures of oversight: what each is called, what it says, and in what it is counted."""

from dataclasses import dataclass
from enum import StrEnum

from features.terms import Text


class Unit(StrEnum):
    """In what a figure is counted: a share of 1, a whole number, or a number that has no unit."""

    SHARE = "share"
    COUNT = "count"
    NUMBER = "number"


class Parts(StrEnum):
    """By what a figure is taken apart."""

    NONE = "none"
    TIER = "tier"
    CHANGE = "change"
    DIRECTION = "direction"
    REASON = "reason"
    DEPARTMENT = "department"
    PERSON = "person"
    SEVERITY = "severity"
    SCORE = "score"


class Severity(StrEnum):
    """How much what an inspection finds matters."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Declaration:
    """A figure's name, definition and unit, and by what it is taken apart."""

    names: Text
    definition: Text
    unit: Unit
    parts: Parts = Parts.NONE


NEVER_REVIEWED = "never reviewed"
"""The part of overdue reviews whose customers have no tier that was decided last."""

GROUPS = {
    "accuracy": Text.of("評估準確性", "评估准确性", "Accuracy of evaluation"),
    "soundness": Text.of("分類合理性", "分类合理性", "Soundness of classification"),
    "satisfaction": Text.of("客戶滿意度", "客户满意度", "Customer satisfaction"),
    "conduct": Text.of("部門與人員", "部门与人员", "Departments and persons"),
    "state": Text.of("現況", "现况", "What is in force"),
    "inspection": Text.of("監督抽查", "监督抽查", "Inspection"),
}

KPIS = {
    "accuracy.auc": Declaration(
        Text.of("AUC（ROC 曲線下面積）", "AUC（ROC 曲线下面积）", "AUC"),
        Text.of(
            "隨機一名違約客戶的評分低於隨機一名未違約客戶的機率；"
            "限於結果在期間內首次匯入、且在得知結果之前所作的評級。"
            "同一客戶不同日期的評級視為彼此獨立；違約或未違約不足 20 例時不作判定。",
            "随机一名违约客户的评分低于随机一名未违约客户的概率；"
            "限于结果在期间内首次导入、且在得知结果之前所作的评级。"
            "同一客户不同日期的评级视为彼此独立；违约或未违约不足 20 例时不作判定。",
            "The chance that a customer who turned out bad had a lower score than one who did not, over "
            "rated decisions made before their outcome was known, which was first imported in the period. "
            "Days of one customer are taken as independent; on fewer than 20 bad or 20 good there is no "
            "verdict.",
        ),
        Unit.NUMBER,
    ),
    "accuracy.ks": Declaration(
        Text.of("KS 統計量", "KS 统计量", "KS"),
        Text.of(
            "違約與未違約客戶評分分布之間的最大差距；範圍、獨立假定與最少例數同 AUC。",
            "违约与未违约客户评分分布之间的最大差距；范围、独立假定与最少例数同 AUC。",
            "The largest distance between the scores' distributions of bad and good customers; over what, "
            "what is taken as independent and how many it takes are as for AUC.",
        ),
        Unit.NUMBER,
    ),
    "accuracy.log_loss": Declaration(
        Text.of("對數損失", "对数损失", "Log-loss"),
        Text.of(
            "模型所給機率對實際結果的平均負對數似然（自然對數）。",
            "模型所给概率对实际结果的平均负对数似然（自然对数）。",
            "The mean negative log-likelihood, in nats, of the outcomes under the model's probabilities.",
        ),
        Unit.NUMBER,
    ),
    "accuracy.brier": Declaration(
        Text.of("Brier 分數", "Brier 分数", "Brier score"),
        Text.of(
            "模型所給機率與實際結果之差的平方的平均。",
            "模型所给概率与实际结果之差的平方的平均。",
            "The mean squared difference of the model's probability and the outcome.",
        ),
        Unit.NUMBER,
    ),
    "accuracy.calibration": Declaration(
        Text.of("分級校準誤差", "分级校准误差", "Calibration by tier"),
        Text.of(
            "各等級平均預測機率與實際違約率之差的絕對值，按客戶數加權平均；分項為各等級的實際違約率。",
            "各等级平均预测概率与实际违约率之差的绝对值，按客户数加权平均；分项为各等级的实际违约率。",
            "The difference of mean predicted probability and observed bad rate by tier, its size averaged "
            "by customers; the parts are the observed bad rates beside the predicted ones.",
        ),
        Unit.SHARE,
        Parts.TIER,
    ),
    "soundness.inversions": Declaration(
        Text.of("違約率倒置數", "违约率倒置数", "Tiers out of order"),
        Text.of(
            "較差等級的實際違約率反而較低的相鄰等級對數；分項為各等級的實際違約率。",
            "较差等级的实际违约率反而较低的相邻等级对数；分项为各等级的实际违约率。",
            "Pairs of neighbouring tiers of which the worse one had the lower observed bad rate; the parts "
            "are the observed bad rates.",
        ),
        Unit.COUNT,
        Parts.TIER,
    ),
    "soundness.unchanged": Declaration(
        Text.of("等級不變比例", "等级不变比例", "Share unchanged"),
        Text.of(
            "期初與期末都有生效等級的客戶中等級相同的比例；分項為遷徙矩陣。",
            "期初与期末都有生效等级的客户中等级相同的比例；分项为迁徙矩阵。",
            "Of the customers with a tier in force both when the period begins and when it ends, the share "
            "whose tier is the same; the parts are the migration matrix, as shares of the tier before.",
        ),
        Unit.SHARE,
        Parts.CHANGE,
    ),
    "soundness.psi": Declaration(
        Text.of("評分穩定性指數 PSI", "评分稳定性指数 PSI", "Population stability index"),
        Text.of(
            "期初與期末最新評分分布的群體穩定性指數，以期初十分位分組，每組計數加 0.5。",
            "期初与期末最新评分分布的群体稳定性指数，以期初十分位分组，每组计数加 0.5。",
            "The population stability index of each customer's newest score when the period ends against "
            "when it begins, over tenths of the latter, half a customer added to each.",
        ),
        Unit.NUMBER,
        Parts.SCORE,
    ),
    "soundness.overrides": Declaration(
        Text.of("人工調整比例", "人工调整比例", "Override rate"),
        Text.of(
            "期末有生效等級的客戶中以人工調整為準的比例；分項為原因。",
            "期末有生效等级的客户中以人工调整为准的比例；分项为原因。",
            "Of the customers with a tier in force when the period ends, the share whose tier is a person's "
            "override; the parts are its reasons.",
        ),
        Unit.SHARE,
        Parts.REASON,
    ),
    "soundness.overridden_bad_rate": Declaration(
        Text.of("人工調整後的違約率", "人工调整后的违约率", "How overrides turned out"),
        Text.of(
            "以人工調整取代其等級的評級的實際違約率，與未調整的同等級評級的違約率並列；分項為調高與調低。",
            "以人工调整取代其等级的评级的实际违约率，与未调整的同等级评级的违约率并列；分项为调高与调低。",
            "The observed bad rate of decisions whose tier was overridden, beside that of the decisions of "
            "the same tiers that were not; apart for overrides to a better and to a worse tier.",
        ),
        Unit.SHARE,
        Parts.DIRECTION,
    ),
    "soundness.disagreement": Declaration(
        Text.of("基準與模型不一致比例", "基准与模型不一致比例", "Baseline and model disagree"),
        Text.of(
            "期間內由模型參與的評級中，基準與模型的等級相差達政策所定級數的比例；數量多時取隨機樣本。",
            "期间内由模型参与的评级中，基准与模型的等级相差达政策所定级数的比例；数量多时取随机样本。",
            "Of the decisions made in the period with a model, the share in which baseline and model differ "
            "by as many tiers as the policy wants reviewed; of many decisions a random sample is read.",
        ),
        Unit.SHARE,
    ),
    "satisfaction.answered": Declaration(
        Text.of("通知回覆率", "通知回复率", "Notices answered"),
        Text.of(
            "期間內寄出給客戶的通知中，期末前客戶已回覆滿意度的比例。",
            "期间内寄出给客户的通知中，期末前客户已回复满意度的比例。",
            "Of the notices sent to customers in the period, the share to which they said by its end how "
            "satisfied they are.",
        ),
        Unit.SHARE,
    ),
    "satisfaction.score": Declaration(
        Text.of("滿意度平均分", "满意度平均分", "Mean satisfaction"),
        Text.of(
            "期間內客戶回覆的滿意度（1 至 5）的平均，不論通知何時寄出，"
            "每則通知取期間內最後一次；分項為各分數的回覆數。",
            "期间内客户回复的满意度（1 至 5）的平均，不论通知何时寄出，"
            "每则通知取期间内最后一次；分项为各分数的回复数。",
            "The mean of the answers given in the period, from 1 to 5, whenever their notice was sent, to "
            "each notice the last; the parts are the answers of each score.",
        ),
        Unit.NUMBER,
        Parts.SCORE,
    ),
    "satisfaction.upheld": Declaration(
        Text.of("異議成立比例", "异议成立比例", "Objections upheld"),
        Text.of(
            "期間內已決定的異議中成立的比例；案件撤回者不計。",
            "期间内已决定的异议中成立的比例；案件撤回者不计。",
            "Of the objections decided on in the period, the share that was upheld; without those whose case "
            "was withdrawn.",
        ),
        Unit.SHARE,
    ),
    "conduct.answers_in_time": Declaration(
        Text.of("回覆及時率", "回复及时率", "Answers in time"),
        Text.of(
            "期限在期間內的資料請求中按期回覆的比例；案件先行結束者不計。",
            "期限在期间内的资料请求中按期回复的比例；案件先行结束者不计。",
            "Of the requests to departments that fell due in the period, the share answered by then; without "
            "those whose case was closed before.",
        ),
        Unit.SHARE,
        Parts.DEPARTMENT,
    ),
    "conduct.answers_complete": Declaration(
        Text.of("回覆完整率", "回复完整率", "Answers complete"),
        Text.of(
            "期間內的回覆中完整的比例。",
            "期间内的回复中完整的比例。",
            "Of the answers given in the period, the share that was complete.",
        ),
        Unit.SHARE,
        Parts.DEPARTMENT,
    ),
    "conduct.answerers": Declaration(
        Text.of("各人回覆及時率", "各人回复及时率", "Answers in time by person"),
        Text.of(
            "期間內的回覆中按期者的比例，按回覆人。",
            "期间内的回复中按期者的比例，按回复人。",
            "Of the answers given in the period, the share that was in time, by who answered.",
        ),
        Unit.SHARE,
        Parts.PERSON,
    ),
    "conduct.cases_in_time": Declaration(
        Text.of("案件按期結案率", "案件按期结案率", "Cases closed in time"),
        Text.of(
            "期限在期間內的案件中按期結案的比例；分項為案由。",
            "期限在期间内的案件中按期结案的比例；分项为案由。",
            "Of the cases that fell due in the period, the share closed by then, also by reason.",
        ),
        Unit.SHARE,
        Parts.REASON,
    ),
    "conduct.approvals": Declaration(
        Text.of("核准次數", "核准次数", "Approvals"),
        Text.of(
            "期間內的核准次數，按核准人。",
            "期间内的核准次数，按核准人。",
            "Approvals given in the period, by who gave them.",
        ),
        Unit.COUNT,
        Parts.PERSON,
    ),
    "conduct.override_approvals": Declaration(
        Text.of("人工調整的核准次數", "人工调整的核准次数", "Approvals of overrides"),
        Text.of(
            "使人工調整在期間內生效的核准次數，按核准人。",
            "使人工调整在期间内生效的核准次数，按核准人。",
            "Approvals by which overrides took effect in the period, by who gave them.",
        ),
        Unit.COUNT,
        Parts.PERSON,
    ),
    "state.tiers": Declaration(
        Text.of("生效等級", "生效等级", "Tiers in force"),
        Text.of(
            "期末有生效等級的客戶數，按等級。",
            "期末有生效等级的客户数，按等级。",
            "Customers with a tier in force when the period ends, by tier.",
        ),
        Unit.COUNT,
        Parts.TIER,
    ),
    "state.reviews_overdue": Declaration(
        Text.of("逾期複評比例", "逾期复评比例", "Reviews overdue"),
        Text.of(
            "期末逾期未作定期評估的客戶比例；分項為按上次等級的逾期數。",
            "期末逾期未作定期评估的客户比例；分项为按上次等级的逾期数。",
            "Of the customers when the period ends, the share whose periodic review is overdue; the parts "
            "are how many, by the tier that was decided last.",
        ),
        Unit.SHARE,
        Parts.TIER,
    ),
    "inspection.inspected": Declaration(
        Text.of("抽查完成率", "抽查完成率", "Drawn and inspected"),
        Text.of(
            "期末前抽出的評級中已檢查的比例；未檢查而客戶資料已抹除者不計。",
            "期末前抽出的评级中已检查的比例；未检查而客户资料已抹除者不计。",
            "Of the decisions drawn by the end of the period, the share that was inspected; without those "
            "whose customers were erased before.",
        ),
        Unit.SHARE,
    ),
    "inspection.finding_rate": Declaration(
        Text.of("抽查問題率", "抽查问题率", "Finding rate"),
        Text.of(
            "期間內檢查的評級中有問題的比例；分項為嚴重程度。",
            "期间内检查的评级中有问题的比例；分项为严重程度。",
            "Of the decisions inspected in the period, the share with a finding; the parts are how severe.",
        ),
        Unit.SHARE,
        Parts.SEVERITY,
    ),
    "inspection.findings_open": Declaration(
        Text.of("未整改問題數", "未整改问题数", "Findings open"),
        Text.of(
            "期末尚未整改完成的問題數；分項為嚴重程度。",
            "期末尚未整改完成的问题数；分项为严重程度。",
            "Findings whose remedy is not done when the period ends; the parts are how severe.",
        ),
        Unit.COUNT,
        Parts.SEVERITY,
    ),
    "inspection.remedies_overdue": Declaration(
        Text.of("逾期整改數", "逾期整改数", "Remedies overdue"),
        Text.of(
            "期末已逾期而尚未完成的整改數。",
            "期末已逾期而尚未完成的整改数。",
            "Remedies that are past their day and not done when the period ends.",
        ),
        Unit.COUNT,
    ),
}
