"""Which cells of an outcome column mean the adverse outcome, and which that nobody knows it."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.drafting.tone import Tone, tone_of_cell, tone_of_name
from features.sources.cells import MISSING_BUT_IN_TEXT

Bools = NDArray[np.bool_]

_YES = ("1", "yes", "y", "true", "t", "是", "有")
_NO = ("0", "no", "n", "false", "f", "否", "無", "无", "沒有", "没有")
# What is written of an outcome that nobody knows (yet). None and 無 can mean that there was no such thing.
_UNKNOWN = (MISSING_BUT_IN_TEXT - {"none", "nil", "無", "无"}) | {
    "not known", "unclear", "undetermined", "indeterminate", "pending", "tbd", "tba", "to be determined",
    "not yet known", "not yet due", "immature", "not applicable", "no data", "no information",
    "不明", "不知", "不清楚", "未定", "待定", "未決", "未决", "待查", "待確認", "待确认", "未確認", "未确认",
    "待觀察", "待观察", "觀察中", "观察中", "未到期", "尚未到期", "未有結果", "未有结果", "無資料", "无资料",
    "無數據", "无数据", "不適用", "不适用", "空", "空白",
}  # fmt: skip
# A word that fewer customers have may be what somebody wrote of one of them, and is counted only.
_FEWEST_OF_WORD, _MOST_LISTED = 3, 20


class UnclearOutcome(ValueError):
    """It cannot be told which cells mean the adverse outcome; one line that says what to do."""


@dataclass(frozen=True)
class OutcomeWords:
    """What the cells of an outcome were taken for: adverse, not adverse, or not known of so many customers.

    Of those not adverse, words of fewer than three customers are not told: `rarer` is how many there are. The
    adverse ones are all told, as the catalog has to name them: `adverse_words` takes none of fewer than three
    customers for adverse by its sound where another one has more.
    """

    adverse: tuple[str, ...]
    not_adverse: tuple[str, ...]
    rarer: int
    unknown: tuple[str, ...]
    unknown_customers: int

    @classmethod
    def of(cls, words: NDArray[np.object_], adverse: Sequence[str]) -> "OutcomeWords":
        """Return what words, None where nothing is told, are taken for."""
        counts = pd.Series(words[words != np.array(None)], dtype=object).value_counts()
        unknown = {str(word): int(count) for word, count in counts.items() if _unknown(str(word), adverse)}
        others = [word for word in counts.index if word not in unknown and word not in adverse]
        listed = [word for word in others if counts[word] >= _FEWEST_OF_WORD][:_MOST_LISTED]
        return cls(
            tuple(adverse), tuple(listed), len(others) - len(listed), tuple(unknown), sum(unknown.values())
        )

    def line(self, why: str | None = None) -> str:
        """Return it as a line, with why the adverse ones are that."""
        rarer = [f"{self.rarer} rarer ones"] if self.rarer else []
        parts = [
            f"adverse: {', '.join(self.adverse)}" + (f" ({why})" if why else ""),
            f"not adverse: {', '.join([*self.not_adverse, *rarer])}",
        ]
        if self.unknown:
            parts.append(
                f"not known, and so kept apart: {', '.join(self.unknown)} ({self.unknown_customers:,} rows)"
            )
        return "; ".join(parts)


def told(words: NDArray[np.object_], adverse: Sequence[str] = ()) -> Bools:
    """Return which cells tell an outcome, shape (n,): not None, nor a word for what is not known.

    Args:
        words: shape (n,), None where nothing is told.
        adverse: words that somebody has named as adverse, and which so tell one.
    """
    codes, distinct = pd.factorize(pd.Series(words, dtype=object), use_na_sentinel=True)
    tells = np.array([not _unknown(word, adverse) for word in distinct] + [False], dtype=np.bool_)
    return tells[codes]


def _unknown(word: str, adverse: Sequence[str] = ()) -> bool:
    plain = unicodedata.normalize("NFKC", word).casefold().strip(" ()[]<>【】「」").replace("_", " ")
    return plain in _UNKNOWN and word not in adverse


def adverse_words(words: NDArray[np.object_], name: str) -> tuple[tuple[str, ...], str]:
    """Return which words mean the adverse outcome, and why in a few words.

    What is returned is written into catalogs. In a small table whose adverse words are all of fewer than
    three customers, or that has two words, a word of one customer can be among them.

    Raises:
        UnclearOutcome: fewer than two outcomes; or more than two and none of them sounds adverse; or one that
            sounds so has three customers or more, and another fewer, which may then be what somebody wrote of
            a single customer. Such words are counted and not told.
    """
    counts = pd.Series(words[told(words)], dtype=object).value_counts()
    distinct = [str(word) for word in counts.index]
    if len(distinct) < 2:
        besides = _besides(OutcomeWords.of(words, ()).unknown)
        raise UnclearOutcome(
            f"column {name}: has {len(distinct)} outcome{besides}; it needs customers with and without the "
            "adverse one"
        )
    if len(distinct) > 20:
        raise UnclearOutcome(
            f"column {name}: has {len(distinct)} different outcomes; name the adverse ones: --bad WORD"
        )
    adverse = tuple(sorted(word for word in distinct if tone_of_cell(word) is Tone.ADVERSE))
    rare = sum(int(counts[word]) < _FEWEST_OF_WORD for word in adverse)
    if 0 < rare < len(adverse):
        raise UnclearOutcome(
            f"column {name}: {rare} of the words that sound adverse have fewer than {_FEWEST_OF_WORD} "
            "customers; write them as another word, or name all adverse ones: --bad WORD"
        )
    if adverse and len(adverse) < len(distinct):
        return adverse, "they sound adverse"
    benign = [word for word in distinct if tone_of_cell(word) is Tone.GOOD]
    if len(distinct) == 2:
        if len(benign) == 1:
            return tuple(word for word in distinct if word not in benign), "the other sounds good"
        yes = [word for word in distinct if word.casefold() in _YES]
        no = [word for word in distinct if word.casefold() in _NO]
        if yes and no:
            if tone_of_name(name) is Tone.GOOD:
                return tuple(no), "the column's name is good news"
            return tuple(yes), "yes is adverse"
        return (str(counts.index[-1]),), "it is the rarer one; check it"
    raise UnclearOutcome(
        f"column {name}: has {len(distinct)} outcomes and none sounds adverse; name them: --bad WORD"
    )


def check_adverse(words: NDArray[np.object_], adverse: Sequence[str], name: str) -> None:
    """Refuse adverse words that no customer has, or that all have.

    Raises:
        UnclearOutcome: with the column's name and what to do.
    """
    present = set(words[told(words, adverse)])
    unknown = OutcomeWords.of(words, adverse).unknown
    if not present & set(adverse):
        raise UnclearOutcome(
            f"column {name}: no customer has the adverse outcome{_besides(unknown)}; name it: --bad WORD"
        )
    if not present - set(adverse):
        advice = "name it: --bad WORD"
        if unknown:
            advice = f"write another word than {' or '.join(unknown)} for those who had none"
        raise UnclearOutcome(
            f"column {name}: every customer has the adverse outcome{_besides(unknown)}; {advice}"
        )


def _besides(unknown: Sequence[str]) -> str:
    """Return in brackets which words were taken for not known."""
    return f" (not known: {', '.join(unknown)})" if unknown else ""
