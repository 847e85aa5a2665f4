"""What names of columns tell of persons: protected attributes, age, telephones, numbers of records or clerks.

Protected are the prohibited bases of the Equal Credit Opportunity Act (Regulation B, 12 CFR 1002.2(z)): race,
colour, religion, national origin, sex, marital status, income from public assistance; of age see
`sounds_like_age`. Disability is none of them, and protected elsewhere. Guesses, to be edited.
"""

import re
from collections import Counter
from collections.abc import Sequence

from features.drafting.wording import any_of, plain

_PROTECTED = (
    # sex
    "sex", "gender", "male", "female", "orientation", "pregnan", "maternity", "childbear", "性別",
    "性别", "男女", "性取向", "性傾向", "性倾向", "孕", "生育",
    # race, colour, national origin
    "race", "racial", "ethnic", "skin", "caste", "tribe", "nationality", "national origin", "foreign",
    "citizen", "birthplace", "place of birth", "country of birth", "country of origin", "ancestry",
    "mother tongue", "native lang", "種族", "种族", "人種", "人种", "族裔", "族群", "民族", "原住民",
    "膚色", "肤色", "國籍", "国籍", "籍貫", "籍贯", "祖籍", "出生地", "外籍", "外國人", "外国人",
    # religion
    "religio", "creed", "church", "宗教", "信仰", "教派",
    # marital status
    "marital", "marriage", "married", "civil status", "spous", "husband", "wife", "divorc", "widow",
    "婚", "配偶", "喪偶", "丧偶",
    # income from public assistance
    "public assist", "social assist", "social benefit", "social welfare", "welfare", "food stamp",
    "tanf", "unemployment benefit", "unemployment comp", "social security income",
    "social security benefit", "低保戶", "低保户", "是否低保", "最低生活保障", "低收入戶", "低收入户",
    "社會救助", "社会救助", "救濟", "救济", "社會福利", "社会福利", "失業給付", "失业给付", "失業金",
    "失业金",
    # disability
    "disab", "殘疾", "残疾", "殘障", "残障", "身心障礙", "身心障碍",
)  # fmt: skip
_COLOUR = {"color", "colour"}
_AGE = ("年齡", "年龄", "年紀", "年纪", "周歲", "周岁", "出生年")
_AGE_IN_LATIN = re.compile(r"\b(age|aged|birth year|year of birth|years old)\b")
# What else has an age, in whole words: not the car of a cardholder. Persons win: 貸款人年齡.
_OF_PERSONS = re.compile(
    r"holder\b|owner\b|\b(applicant|borrower|debtor|guarantor|director|founder)s?\b|人|[車车房屋業业]主"
)
_OF_THINGS = re.compile(
    r"\b(account|loan|debt|credit|company|firm|business|enterprise|building|house|property|vehicle|car|oldest|"
    r"receivable)s?\b|企業|企业|公司|帳|账|車|车|房|貸|贷|設備|设备"
)

_TELEPHONE = (
    "phone", "telephone", "mobile", "cellphone", "cell phone", "fax", "contact", "電話", "电话", "手機",
    "手机", "行動", "傳真", "传真", "聯絡", "联络", "聯繫", "联系",
)  # fmt: skip
_TELEPHONE_NUMBER = re.compile(r"(?=(?:\D*\d){7,15}\D*$)\+?[(\d][\d ()\-./+]*")
# Amounts, wherever they stand in a name, or where what is named last is one: 手機貸款, but 貸款聯絡電話.
_AMOUNT = re.compile(r"額|额|\b(amount|amt|balance|cost)s?\b")
_AMOUNT_LAST = re.compile(r"費|费|款|\b(payment|fee|bill|expense)s?\b")
_ONLY_A_TELEPHONE = re.compile(
    "(?:(?:my|home|work|office|business|cell|mobile|contact|tele|phone|tel|fax|number|no|nr|customer|client|"
    "applicant|borrower|客戶|客户|申請人|申请人|借款人|貸款人|贷款人|聯絡人|联络人|本人|公司|住家|聯絡|联络|"
    "聯繫|联系|行動|電話|电话|手機|手机|傳真|传真|號碼|号码|號|号) ?)+"
)
# Nothing but digits, thousands apart or not; and a number with a fraction, which 13800001234.0 has not.
_WHOLE_NUMBER = re.compile(r"\d{1,3}([ .]\d{3})+|\d+(\.0*)?")
_DECIMAL_NUMBER = re.compile(r"(0|[1-9]\d*)\.\d*[1-9]\d*")

_HANDLERS = (
    "clerk", "officer", "handler", "agent", "salesperson", "salesman", "sales rep",
    "relationship manager", "account manager", "manager", "underwriter", "teller", "operator",
    "advisor", "adviser", "broker", "經辦", "经办", "承辦", "承办", "經手", "经手", "主辦", "主办",
    "業務員", "业务员", "業務代表", "业务代表", "專員", "专员", "經理", "经理", "理專", "櫃員", "柜员",
    "行員", "行员", "操作員", "操作员", "審批人", "审批人", "審核人", "审核人", "工號", "工号",
)  # fmt: skip
# A number's name; of the first kind it is nothing but that.
_IDS = {"id", "ids", "uuid", "guid", "identifier"}
_NUMBERS = {"no", "nr", "number", "code"}
_IDS_IN_CHINESE = (
    "編號", "编号", "代號", "代号", "代碼", "代码", "序號", "序号", "號碼", "号码", "工號", "工号",
    "帳號", "账号", "卡號", "卡号", "證號", "证号", "統編", "统编",
)  # fmt: skip
_HOW_MANY = re.compile(r"\b(number|no|nr|num|count) of\b|數量|数量|人數|人数")


def sounds_protected(name: str) -> bool:
    """Whether a name sounds like an attribute that must not decide."""
    text = plain(name)
    return any_of(_PROTECTED, text) or not _COLOUR.isdisjoint(text.split())


def sounds_like_age(name: str) -> bool:
    """Whether a name sounds like the age of a person.

    A prohibited basis too, which a statistically sound system may use where the age of the elderly, 62 or
    older, is no negative factor: 12 CFR 1002.6(b)(2)(ii), 1002.2(o).
    """
    text = plain(name)
    aged = any(word in text for word in _AGE) or _AGE_IN_LATIN.search(text) is not None
    return aged and (_OF_PERSONS.search(text) is not None or _OF_THINGS.search(text) is None)


def sounds_like_a_telephone(name: str) -> bool:
    """Whether a name sounds like a telephone, or a way to reach somebody."""
    text = plain(name)
    return any_of(_TELEPHONE, text) or "tel" in text.split()


def is_telephone_number(text: str) -> bool:
    """Whether a text is written like a telephone number: 7 to 15 digits (ITU-T E.164 has at most 15)."""
    return _TELEPHONE_NUMBER.fullmatch(text) is not None


def are_telephone_numbers(name: str, texts: Sequence[str], mostly: float) -> bool:
    """Whether a share of the texts under a name are telephone numbers, and no amounts: 手機貸款餘額.

    What is digits alone begins with 0 or 1 (a trunk prefix, a mobile number of mainland China) and has the
    commonest length, or one digit more or less. Under a name that says nothing but telephone it can begin
    otherwise, since spreadsheets drop a leading zero.
    """
    if not texts or not sounds_like_a_telephone(name) or _says_an_amount(plain(name)):
        return False
    if any(_DECIMAL_NUMBER.fullmatch(text) for text in texts):
        return False
    digits = {text for text in texts if _WHOLE_NUMBER.fullmatch(text)}
    lengths = Counter(len(text) for text in texts if text in digits)
    usual = lengths.most_common(1)[0][0] if lengths else 0
    any_start = _ONLY_A_TELEPHONE.fullmatch(plain(name)) is not None

    def is_one(text: str) -> bool:
        if not is_telephone_number(text):
            return False
        return text not in digits or (abs(len(text) - usual) <= 1 and (any_start or text[0] in "01"))

    return sum(map(is_one, texts)) >= mostly * len(texts)


def _says_an_amount(text: str) -> bool:
    words = (*_TELEPHONE, " tel")
    telephone_ends = max((text.rfind(word) + len(word) for word in words if word in text), default=0)
    return _AMOUNT.search(text) is not None or _AMOUNT_LAST.search(text, telephone_ends) is not None


def numbers_a_handler(name: str) -> bool:
    """Whether a name sounds like the number of whoever handles the customer: clerk_id, 經辦人編號."""
    text = plain(name)
    return any_of(_HANDLERS, text) and _names_a_number(text) and _HOW_MANY.search(text) is None


def numbers_records(name: str, *, equally_long: bool) -> bool:
    """Whether different numbers under a name are no amounts: Contract ID, 合約編號.

    Args:
        equally_long: whether nearly all have as many digits; else `number` and `no` may be amounts.
    """
    text = plain(name)
    if _HOW_MANY.search(text) is not None:
        return False
    return _is_an_id(text) or (equally_long and _names_a_number(text))


def _is_an_id(text: str) -> bool:
    return not _IDS.isdisjoint(text.split()) or any(word in text for word in _IDS_IN_CHINESE)


def _names_a_number(text: str) -> bool:
    return _is_an_id(text) or not _NUMBERS.isdisjoint(text.split())
