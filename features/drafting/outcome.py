"""Which cells of an outcome column mean the adverse outcome."""

import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Bools = NDArray[np.bool_]

_ADVERSE = (
    "bad", "default", "charged off", "charge off", "charge-off", "chargeoff", "chgoff", "written off",
    "write-off",
    "delinquent", "late", "overdue", "bankrupt", "insolvent", "failed", "failure", "fraud", "churn",
    "lost", "loss",
    "risk", "high risk", "rejected", "distress", "arrears", "違約", "违约", "逾期", "破產", "破产",
    "不良", "壞", "坏",
)  # fmt: skip
_NOT_ADVERSE = (
    "good", "no default", "non-default", "nondefault", "not default", "non default", "paid", "p i f",
    "pif", "current",
    "performing", "ok", "healthy", "active", "alive", "retained", "stayed", "low risk", "safe",
    "approved", "solvent",
    "not bankrupt", "non-bankrupt", "no risk", "正常", "未違約", "未违约", "良好", "好",
)  # fmt: skip
_YES = ("1", "yes", "y", "true", "t", "是", "有")
_NO = ("0", "no", "n", "false", "f", "否", "無", "无", "沒有", "没有")
# A column called like this says yes where things are well.
_GOOD_NAMES = (
    "good",
    "repaid",
    "paid",
    "approved",
    "performing",
    "survived",
    "healthy",
    "retained",
    "良好",
    "正常",
)


class UnclearOutcome(ValueError):
    """It cannot be told which cells mean the adverse outcome; one line that says what to do."""


def adverse_words(words: NDArray[np.object_], name: str) -> tuple[tuple[str, ...], str]:
    """Return which words mean the adverse outcome, and why in a few words.

    Raises:
        UnclearOutcome: fewer than two outcomes, or more than two and none of them sounds adverse.
    """
    known = pd.Series(words[words != np.array(None)], dtype=object)
    counts = known.value_counts()
    distinct = [str(word) for word in counts.index]
    if len(distinct) < 2:
        raise UnclearOutcome(
            f"column {name}: has {len(distinct)} outcome; it needs customers with and without the adverse one"
        )
    if len(distinct) > 20:
        raise UnclearOutcome(
            f"column {name}: has {len(distinct)} different outcomes; name the adverse ones: --bad WORD"
        )
    adverse = tuple(sorted(word for word in distinct if _sounds(word, _ADVERSE, _NOT_ADVERSE)))
    if adverse and len(adverse) < len(distinct):
        return adverse, "they sound adverse"
    benign = [word for word in distinct if _sounds(word, _NOT_ADVERSE, ())]
    if len(distinct) == 2:
        if len(benign) == 1:
            return tuple(word for word in distinct if word not in benign), "the other sounds good"
        yes = [word for word in distinct if word.casefold() in _YES]
        no = [word for word in distinct if word.casefold() in _NO]
        if yes and no:
            good_name = any(part in name.casefold() for part in _GOOD_NAMES)
            return (
                (tuple(no), "the column's name is good news") if good_name else (tuple(yes), "yes is adverse")
            )
        return (str(counts.index[-1]),), "it is the rarer one; check it"
    raise UnclearOutcome(
        f"column {name}: has {len(distinct)} outcomes and none sounds adverse; name them: --bad WORD"
    )


def check_adverse(words: NDArray[np.object_], adverse: Sequence[str], name: str) -> None:
    """Refuse adverse words that no customer has, or that all have.

    Raises:
        UnclearOutcome: with the column's name and what to do.
    """
    present = set(words[words != np.array(None)])
    if not present & set(adverse):
        raise UnclearOutcome(f"column {name}: no customer has the adverse outcome; name it: --bad WORD")
    if not present - set(adverse):
        raise UnclearOutcome(f"column {name}: every customer has the adverse outcome; name it: --bad WORD")


def _sounds(word: str, like: Sequence[str], unlike: Sequence[str]) -> bool:
    plain = unicodedata.normalize("NFKC", word).casefold().replace("_", " ").strip()
    if any(_within(part, plain) for part in unlike):
        return False
    return any(_within(part, plain) for part in like)


def _within(part: str, text: str) -> bool:
    if not part.isascii():
        return part in text
    return f" {part}" in f" {text}" if len(part) > 3 else part in text.split()
