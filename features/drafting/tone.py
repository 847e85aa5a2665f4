"""Whether words are good or bad news of a customer: paid, 按時還款; overdue, 逾期, not paid, 未還清."""

import re
from collections.abc import Sequence
from enum import StrEnum

from features.drafting.wording import plain

# A word of more than four letters stands for all that begin with it.
_ADVERSE = (
    "bad", "default", "charged off", "charge off", "chargeoff", "chgoff", "written off", "write off",
    "writeoff", "delinq", "dlq", "late", "overdue", "past due", "bankrupt", "insolven", "fail", "failed",
    "failure", "fraud", "churn", "lost", "loss", "losses", "risk", "risky", "reject", "distress", "arrear",
    "delay", "missed", "breach", "nonpayment", "non payment",
    "違約", "违约", "逾期", "破產", "破产", "不良", "壞", "坏", "呆帳", "呆賬", "呆账", "欠", "延滯", "延滞",
    "遲", "迟", "核銷", "核销", "催收", "失聯", "失联", "倒閉", "倒闭", "詐", "诈", "流失", "失信", "損失",
    "损失", "風險", "风险", "退票", "拒", "逃避", "異常", "异常", "次級", "次级", "可疑",
)  # fmt: skip
_GOOD = (
    "good", "paid", "repaid", "p i f", "pif", "performing", "healthy", "active", "alive", "retained",
    "stayed", "renewed", "survived", "low risk", "safe", "approved", "solvent", "on time", "ontime",
    "timely", "punctual", "creditworth", "creditab",
    "良好", "優良", "优良", "好", "正常", "按時", "按时", "按期", "準時", "准时", "準期", "如期", "如約",
    "如约", "守約", "守约", "守信", "結清", "结清", "還清", "还清", "清償", "清偿", "付清", "繳清", "缴清",
    "已還", "已还", "已付", "已清", "兌付", "兑付", "合格", "達標", "达标", "通過", "通过", "核准", "批准",
    "活躍", "活跃", "存續", "存续", "留存", "續約", "续约", "低風險", "低风险",
)  # fmt: skip
# Good news where nothing else is said but what is neutral: 還款, 客戶還款; but neither 提前還款 nor 還款困難.
_GOOD_ALONE = re.compile("還款|还款|償還|偿还|履約|履约|履行")
_NEUTRAL = re.compile(
    "客戶|客户|借款人|借款|貸款人|贷款人|貸款|贷款|債務|债务|本期|當期|当期|本月|當月|当月|本息|義務|义务|"
    "全數|全数|全額|全额|全部|正常|已經|已经|已|有|會|会|能|可|標記|标记|標誌|标志|[ 0-9]"
)
# Denied by any of these before it, but for what these are part of: 無擔保貸款還款.
_DENIED = re.compile("[未沒没無无非不難难]|停止|暫停|暂停")
_DENIES_ELSE = re.compile("[無无](?:擔保|担保|抵押|息|卡)|不動產|不动产")
# With these it is no news: 還款狀態, 提前還款.
_NO_NEWS = re.compile(
    "狀態|状态|狀況|状况|情況|情况|方式|金額|金额|日期|次數|次数|提前|status|amount|date|type|method"
)
# A debt that is paid: 欠款已清.
_PAID_DEBT = re.compile("欠[款繳缴費费]?(?=已清|已還|已还|已付|結清|结清|還清|还清|付清|繳清|缴清|清償|清偿)")
# How many, and no denial: no_of_late_payments.
_NUMBER_OF = re.compile(r"(?<![a-z])(?:no|nr|num|number|count) of(?![a-z])")
# Of a cell, but not of a column: current_status says neither.
_GOOD_OF_CELLS = ("current", "ok")

_QUESTIONS = re.compile("是否|是不是|能否|可否|有無|有无|有沒有|有没有|有否|會不會|会不会")
_NOT = frozenset({"not", "no", "non", "never", "without", "cannot"})
# How many words may stand between a "not" and what it denies: not yet fully paid.
_REACH = 3
_NOT_CHINESE = (
    "(?P<not>從未|从未|未能|未|沒有|没有|沒|没|無法|无法|無力|无力|無|无|非|不能|不|難以|难以|停止|暫停|暂停)"
    "(?:曾|能力|能|有|會|会|被|意|願意|愿意|願|愿|肯|想|發生|发生|出現|出现|任何|重大|全數|全数|全額|全额|全部|完全|"
    "還款|还款|付款|貸款|贷款|信用){0,2}"
)


class Tone(StrEnum):
    """What a text is: bad news, good news, or neither of the two (or both)."""

    ADVERSE = "adverse"
    GOOD = "good"
    NEITHER = "neither"


def tone_of_cell(text: str) -> Tone:
    """Return what a cell of an outcome says of its customer."""
    return _tone(text, (*_GOOD, *_GOOD_OF_CELLS))


def tone_of_name(text: str) -> Tone:
    """Return what yes would say under a column's name."""
    return _tone(text, _GOOD)


def _tone(text: str, good: Sequence[str]) -> Tone:
    read = re.sub(r"[^\w]+", " ", plain(text).replace("n't", " not")).replace("_", " ")
    for silent in (_QUESTIONS, _PAID_DEBT, _NUMBER_OF):
        read = silent.sub(" ", read)
    said = _said(read, _ADVERSE, good)
    if not said and _NO_NEWS.search(read) is None:
        said = _said_alone(read)
    return said.pop() if len(said) == 1 else Tone.NEITHER


def _said(text: str, adverse: Sequence[str], good: Sequence[str]) -> set[Tone]:
    result = set()
    for found in _pattern((*adverse, *good)).finditer(text):
        word = found["latin"] or found["chinese"]
        denied = bool(found["not"] or found["un"])
        denied ^= not _NOT.isdisjoint(text[: found.start()].split()[-_REACH:])
        result.add(Tone.ADVERSE if (word in adverse) != denied else Tone.GOOD)
    return result


def _said_alone(text: str) -> set[Tone]:
    found = list(_GOOD_ALONE.finditer(text))
    if not found:
        return set()
    if _DENIED.search(_DENIES_ELSE.sub("", text[: found[-1].start()])):
        return {Tone.ADVERSE}
    beside = _NEUTRAL.sub("", _GOOD_ALONE.sub("", text))
    return set() if beside else {Tone.GOOD}


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    """Return what finds words, the longest first, with what denies them directly before."""
    longest = sorted(words, key=lambda word: -len(word))
    latin = "|".join(word if len(word) > 4 else f"{word}(?![a-z])" for word in longest if word.isascii())
    chinese = "|".join(word for word in longest if not word.isascii())
    of_latin = rf"(?<![a-z0-9])(?:is|has|was)?(?P<un>un|non|not|no|in)?(?P<latin>{latin or '(?!)'})"
    return re.compile(rf"{of_latin}|(?:{_NOT_CHINESE})?(?P<chinese>{chinese})")
