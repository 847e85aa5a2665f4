"""What names of columns tell: dimension, nature, ids, days. Guesses, to be edited."""

import re
import unicodedata
from collections.abc import Iterable

from anyascii import anyascii

from features.terms import Nature, Text

DIMENSIONS = {
    "basic": Text(**{"zh-Hant": "基本信息", "zh-Hans": "基本信息", "en": "Basic information"}),
    "financial": Text(**{"zh-Hant": "財務狀況", "zh-Hans": "财务状况", "en": "Financial standing"}),
    "credit": Text(**{"zh-Hant": "信用記錄", "zh-Hans": "信用记录", "en": "Credit record"}),
    "cooperation": Text(**{"zh-Hant": "業務合作", "zh-Hans": "业务合作", "en": "Business cooperation"}),
    "potential": Text(**{"zh-Hant": "發展潛力", "zh-Hans": "发展潜力", "en": "Development potential"}),
}

# Asked for in this order: the first dimension with a word in a name has it.
_WORDS = {
    "credit": (
        "delinq", "past due", "pastdue", "late", "overdue", "default", "arrear", "bankrupt", "inquir",
        "enquir",
        "score", "rating", "grade", "history", "charge off", "chargeoff", "derog", "credit", "guarant", "pay",
        "repay", "collateral", "loan", "dpd", "逾期", "信用", "違約", "违约", "評級", "评级", "貸款",
        "贷款", "擔保", "担保",
    ),
    "potential": (
        "growth", "trend", "outlook", "industry", "sector", "market", "plan", "strategy", "innovation",
        "naics",
        "forecast", "patent", "增長", "增长", "趨勢", "趋势", "行業", "行业", "戰略", "战略", "潛力", "潜力",
    ),
    "cooperation": (
        "tenure", "order", "purchas", "transaction", "frequency", "visit", "product", "relation", "contract",
        "subscription", "usage", "service", "complaint", "recency", "sales", "合作", "訂單", "订单",
        "採購", "采购",
        "購買", "购买", "交易",
    ),
    "financial": (
        "income", "salary", "revenue", "asset", "debt", "liabilit", "equity", "profit", "margin",
        "ratio", "balance",
        "bill", "amount", "amt", "limit", "capital", "cash", "turnover", "saving", "checking", "installment",
        "working", "ebit", "cost", "expense", "utiliz", "utilis", "attr", "收入", "資產", "资产",
        "負債", "负债", "利潤",
        "利润", "金額", "金额", "額度", "额度", "資本", "资本",
    ),
}  # fmt: skip
_INDIVIDUAL = (
    "age", "sex", "gender", "marital", "marriage", "occupation", "job", "dependents", "housing", "education",
    "年齡", "年龄", "性別", "性别", "職業", "职业",
)  # fmt: skip
_ENTERPRISE = (
    "employees", "naics", "sic", "revenue", "ebit", "assets", "equity", "company", "enterprise",
    "firm", "borrower",
    "industry", "sector", "企業", "企业", "公司", "資產", "资产", "註冊", "注册",
)  # fmt: skip
_CUSTOMER_IDS = (
    "customer", "client", "cust", "borrower", "member", "enterprise", "company", "firm", "applicant",
    "account",
    "user", "person", "企業", "企业", "客戶", "客户",
)  # fmt: skip
_ID_WORDS = {"id", "ids", "no", "nr", "number", "key", "uuid", "guid", "code", "index", "identifier", "row"}
_ID_CHINESE = ("編號", "编号", "代號", "代号", "代碼", "代码", "序號", "序号")
_DAY_WORDS = (
    "date",
    "day",
    "time",
    "dt",
    "month",
    "period",
    "year",
    "vintage",
    "日期",
    "日",
    "年",
    "月",
    "時間",
    "时间",
)
_DAYS_OF_EVALUATION = (
    "as of", "asof", "snapshot", "observation", "evaluation", "application", "apply", "issue",
    "originat", "approv",
    "disburs", "fund", "start", "open", "report", "評估", "评估", "申請", "申请", "放款", "審批", "审批",
)  # fmt: skip
_DAYS_OF_OTHER_THINGS = (
    "birth", "found", "establish", "incorporat", "end", "clos", "matur", "last", "default", "charge",
    "chgoff", "paid",
    "payoff", "next", "exit", "due", "出生", "成立", "註冊", "注册", "到期", "結清", "结清",
    "最後", "最后",
)  # fmt: skip
_CODES = (
    "code", "type", "class", "category", "zip", "postal", "region", "district", "purpose", "naics", "channel",
    "branch", "郵遞", "邮递", "郵編", "邮编", "邮政", "代碼", "代码", "類別", "类别", "類型", "类型",
)  # fmt: skip


def plain(name: str) -> str:
    """Return a name as it is compared: lower case, words apart (also of camelCase)."""
    text = unicodedata.normalize("NFKC", name)
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return re.sub(r"[\s_.\-/()#:]+", " ", text).strip().casefold()


def any_of(words: Iterable[str], text: str) -> bool:
    """Whether one of the words begins a word of a text (or, in Chinese, stands in it)."""
    spaced = f" {text}"
    return any((f" {word}" in spaced) if word.isascii() else word in text for word in words)


def identifier(name: str, place: int, taken: Iterable[str]) -> str:
    """Return an id for a column: its name in Latin letters, digits and underscores, or its place."""
    slug = re.sub(r"[^a-z0-9]+", "_", plain(anyascii(name))).strip("_")
    if not slug:
        slug = f"column_{place + 1}"
    if not slug[0].isalpha():
        slug = f"x_{slug}"
    used, result, number = set(taken), slug, 2
    while result in used:
        result, number = f"{slug}_{number}", number + 1
    return result


def dimension_of(name: str) -> str | None:
    """Return the dimension that a name sounds like, or None."""
    text = plain(name)
    return next((dimension for dimension, words in _WORDS.items() if any_of(words, text)), None)


def sounds_like_a_code(name: str) -> bool:
    """Whether whole numbers under a name are more likely codes than amounts."""
    return any_of(_CODES, plain(name))


def id_rank(name: str) -> int:
    """Return how much a name sounds like a customer's id: 0 not at all, 1 an id, 2 a customer's."""
    text = plain(name)
    is_id = bool(_ID_WORDS & set(text.split())) or any(word in text for word in _ID_CHINESE)
    if text in ("customer", "client", "borrower", "cust", "客戶", "客户"):
        return 2
    return (2 if any_of(_CUSTOMER_IDS, text) else 1) if is_id else 0


def day_rank(name: str) -> int:
    """Return how much a name sounds like the day of an evaluation: −1 something else, 0 to 2."""
    text = plain(name)
    if any(word in text for word in _DAYS_OF_OTHER_THINGS):
        return -1
    if any(word in text for word in _DAYS_OF_EVALUATION):
        return 2
    return 1 if any(word in text for word in _DAY_WORDS) else 0


def sounds_like_a_day(name: str) -> bool:
    """Whether a name speaks of days, months or years."""
    return any(word in plain(name) for word in (*_DAY_WORDS, *_DAYS_OF_EVALUATION))


def nature_of(names: Iterable[str]) -> Nature:
    """Return the nature of the customers of whom there are such columns."""
    texts = [plain(name) for name in names]
    individual = sum(any_of(_INDIVIDUAL, text) for text in texts)
    enterprise = sum(any_of(_ENTERPRISE, text) for text in texts)
    return Nature.INDIVIDUAL if individual > enterprise else Nature.ENTERPRISE
