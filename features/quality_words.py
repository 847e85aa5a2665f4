"""The words of the quality page, in English with the Chinese beside them."""

from features.quality_html import Word
from features.terms import Nature, Text

TITLE = Word("Quality of the records", "資料品質報告")
WORST_FIRST = Word("Indicators, worst first", "指標（由劣至優）")
BY_NATURE = Word("Completeness by nature", "各性質的完整率")
NATURES_TITLE = Word("Natures", "客戶性質")
DEPARTMENTS = Word("Departments", "部門")
TABLES = Word("Tables", "資料表")
WHY_REJECTED = Word("Why rows were rejected", "拒收原因")
MEANINGS_TITLE = Word("What the figures mean", "指標說明")
BELOW_HALF = Word("Below half", "全面性不足一半")
SEVERAL_NATURES = Word("Several natures", "性質不一")
INDICATOR = Word("Indicator", "指標")
NATURE = Word("Nature", "客戶性質")
DEPARTMENT = Word("Department", "部門")
TABLE = Word("Table", "資料表")
COLUMN = Word("Column", "欄位")
REASON = Word("Reason", "原因")
CUSTOMERS = Word("Customers", "客戶數")
INDICATORS = Word("Indicators", "指標數")
KNOWN = Word("What is known", "已知情況")
COMPLETE = Word("Complete", "完整率")
STALE = Word("Stale", "過期率")
AGE = Word("Median age, days", "天數中位數")
VALID = Word("Valid", "有效率")
CONFLICTS = Word("In conflict", "來源矛盾")
REPEATED = Word("Repeated", "重複")
WEIGHT = Word("Weight", "權重")
COMPREHENSIVE = Word("Comprehensiveness", "全面性")
RESTS = Word("Facts that rest on it", "所據事實")
RENEW = Word("To renew", "待更新")
READ = Word("Rows read", "讀入列數")
ROWS = Word("What came of them", "處理結果")
ACCEPTED = Word("Accepted", "接受")
REJECTED = Word("Rejected", "拒收")
UNMATCHED = Word("Unmatched", "未匹配")
FAILED = Word("Rows", "列數")

NATURES = {
    Nature.ENTERPRISE: Text(en="Enterprise", zh_hant="企業", zh_hans="企业"),
    Nature.GOVERNMENT: Text(en="Government", zh_hant="政府", zh_hans="政府"),
    Nature.PUBLIC_INSTITUTION: Text(en="Public institution", zh_hant="事業單位", zh_hans="事业单位"),
    Nature.INDIVIDUAL: Text(en="Individual", zh_hant="個人", zh_hans="个人"),
}
LEGEND = (
    ("fresh", Word("known and fresh", "已知且有效期內")),
    ("stale", Word("known but stale", "已知但過期")),
    ("undefined", Word("undefined", "無法計算")),
    ("none", Word("no record", "無記錄")),
)
LEGEND_OF_ROWS = (
    ("fresh", Word("accepted", "接受")),
    ("stale", Word("accepted, but of no known customer", "接受但未匹配客戶")),
    ("bad", Word("rejected", "拒收")),
)
ABOUT_COMPREHENSIVENESS = "Customers by the known share of the weight that applies to them."
ABOUT_BY_NATURE = (
    "The darker, the more is missing; below it the stale share. A dash: not for this nature, or for none of "
    "its customers."
)
ABOUT_NATURES = "Means of the indicators by weight, and below them the unweighted ones."
ABOUT_DEPARTMENTS = (
    "Means, by weight and below them unweighted, of the indicators for which a department answers; beside "
    "them, the known facts of all indicators whose oldest evidence is its record, and their stale share."
)

MEANINGS = (
    (
        Word("Customers", "客戶"),
        (
            "Customers on days: one that is evaluated as of three days counts three times. An indicator "
            "applies to those of its natures whose conditions are met; one on what is unknown counts as met."
        ),
    ),
    (
        COMPLETE,
        (
            "The known share of the customers to whom the indicator applies. The others have no record to "
            "compute it from, or it is undefined, as a ratio to a denominator of 0 is."
        ),
    ),
    (STALE, "Of the known values, the share whose evidence is older than the catalog allows the indicator."),
    (
        AGE,
        (
            "Of the known values, the median number of days from the evidence to the evaluation. Of a value "
            "with several sources the oldest counts."
        ),
    ),
    (
        VALID,
        (
            "Of the cells in the columns on which the indicator rests, the share that was accepted: of each "
            "column, the rows read less those in which it failed."
        ),
    ),
    (
        CONFLICTS,
        (
            "Records of which two sources, known since the same day, say different things. An empty cell "
            "contradicts nothing."
        ),
    ),
    (
        SEVERAL_NATURES,
        "Customers of whom rows of the table of customers name more than one nature, from whatever source.",
    ),
    (REPEATED, "Rows that equal an earlier row of their table in every column. They are kept."),
    (
        WEIGHT,
        (
            "The indicator's share of the baseline, the mean over the customers. Weighted means count "
            "indicators by it, unweighted ones count all alike."
        ),
    ),
    (
        COMPREHENSIVE,
        (
            "Of a customer, the known share of the weight that applies (clause M3 of the Measures): weights "
            "are taken anew among the indicators, groups and dimensions that apply."
        ),
    ),
    (
        Word("Worst first", "由劣至優"),
        "By (1 − complete) × weight + stale × weight: what matters most to the evaluation stands first.",
    ),
)
