"""Outcomes by their words: adverse, not adverse, or known to nobody."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.drafting.columns import profile
from features.drafting.draft import Draft, draft_catalog
from features.drafting.outcome import OutcomeWords, UnclearOutcome, adverse_words, check_adverse, told
from features.drafting.rendering import to_yaml
from features.drafting.tone import Tone, tone_of_cell, tone_of_name
from training.customers import read_customers
from training.monitoring.period import read_period

N = 240


def written(folder: Path, label: str, words: list[str], n: int = N) -> Path:
    path = folder / "t.csv"
    frame = pd.DataFrame({"客戶編號": [f"K{row}" for row in range(n)], "income": np.arange(n) % 37})
    frame[label] = [words[row % len(words)] for row in range(n)]
    frame.to_csv(path, index=False)
    return path


def drafted(path: Path, label: str, bad: tuple[str, ...] = ()) -> Draft:
    return draft_catalog(profile(path, label), label, path, bad=bad)


@pytest.mark.parametrize(
    "word", ["未知", "不詳", "不详", "Unknown", " n/a ", "-", "pending", "（未知）", "待定", "INDETERMINATE"]
)
def test_an_outcome_that_nobody_knows_is_none(word: str) -> None:
    words = np.array(["逾期", "正常", word, None], dtype=object)
    assert told(words).tolist() == [True, True, False, False]
    assert adverse_words(words, "結果")[0] == ("逾期",)
    # Somebody who names it as adverse means it.
    assert told(words, [word]).tolist() == [True, True, True, False]


def test_where_only_one_outcome_is_known_the_words_for_unknown_are_named() -> None:
    words = np.array(["逾期", "-", "未知"], dtype=object)
    with pytest.raises(UnclearOutcome, match=r"has 1 outcome \(not known: -, 未知\); it needs"):
        adverse_words(words, "結果")
    # Who has named it already is not told to name it.
    advice = r"\(not known: -, 未知\); write another word than - or 未知 for those who had none$"
    with pytest.raises(UnclearOutcome, match=f"every customer has the adverse outcome {advice}"):
        check_adverse(words, ["逾期"], "結果")


def test_draft_training_and_monitoring_keep_unknown_outcomes_apart(tmp_path: Path) -> None:
    path = written(tmp_path, "結果", ["正常", "逾期", "展期", "未知", "正常", "正常"])
    draft = drafted(path, "結果")
    others = "not adverse: 正常, 展期; not known, and so kept apart: 未知 (40 rows)"
    assert draft.about == (
        "40 of 200 customers had the adverse outcome",
        f"結果: adverse: 逾期 (they sound adverse); {others}",
    )
    assert f"; {others}\n" in to_yaml(draft)
    assert draft.catalog.weighting.customers == 200
    table = read_customers(path, draft.catalog)
    assert (len(table.data), int(table.data.bad.sum()), len(table.rejects)) == (200, 40, 40)
    assert {line[1:] for line in table.rejects} == {("結果", "the outcome is not known: its cell says so")}
    assert table.outcomes.line() == f"adverse: 逾期; {others}"
    period = read_period(path, draft.catalog)
    assert (int(period.known.sum()), int(period.data.bad.sum())) == (200, 40)


def test_a_word_of_one_customer_is_counted_and_not_told() -> None:
    words = np.array(["bad"] * 4 + ["good"] * 9 + ["Mr Wang pays in May"], dtype=object)
    assert OutcomeWords.of(words, ["bad"]).line() == "adverse: bad; not adverse: good, 1 rarer ones"


def test_an_adverse_word_of_one_customer_stands_in_no_file(tmp_path: Path) -> None:
    of_one = "王小明欠款待查"
    words = ["正常"] * 36 + ["逾期"] * 3 + [of_one]
    path = written(tmp_path, "結果", words, len(words))
    with pytest.raises(
        UnclearOutcome, match=r"1 of the words that sound adverse .*; write them as"
    ) as told_so:
        drafted(path, "結果")
    assert of_one not in str(told_so.value)
    draft = drafted(path, "結果", ("逾期",))
    assert of_one not in to_yaml(draft)


def test_a_small_table_may_have_only_rare_adverse_words() -> None:
    words = np.array(["正常"] * 4 + ["逾期", "違約"], dtype=object)
    assert adverse_words(words, "結果")[0] == ("逾期", "違約")


@pytest.mark.parametrize(
    ("name", "tone"),
    [
        ("按時還款", Tone.GOOD),
        ("是否按时还款", Tone.GOOD),
        ("準時", Tone.GOOD),
        ("如期付款", Tone.GOOD),
        ("正常還款", Tone.GOOD),
        ("結清", Tone.GOOD),
        ("还清标志", Tone.GOOD),
        ("履約", Tone.GOOD),
        ("還款", Tone.GOOD),
        ("paidOnTime", Tone.GOOD),
        ("creditability", Tone.GOOD),
        ("未按時還款", Tone.ADVERSE),
        ("是否未还清", Tone.ADVERSE),
        ("不正常", Tone.ADVERSE),
        ("逾期還款", Tone.ADVERSE),
        ("有無逾期", Tone.ADVERSE),
        ("not.fully.paid", Tone.ADVERSE),
        ("nonperforming", Tone.ADVERSE),
        ("unpaid", Tone.ADVERSE),
        ("default payment next month", Tone.ADVERSE),
        ("no_of_late_payments", Tone.ADVERSE),
        ("No. of defaults", Tone.ADVERSE),
        ("no_late_payments", Tone.GOOD),
        ("還款狀態", Tone.NEITHER),
        ("提前还款", Tone.NEITHER),
        ("paid_late", Tone.NEITHER),
        ("current_status", Tone.NEITHER),
        ("結果", Tone.NEITHER),
    ],
)
def test_a_columns_name_says_whether_yes_is_good_news(name: str, tone: Tone) -> None:
    assert tone_of_name(name) is tone


@pytest.mark.parametrize(
    ("word", "tone"),
    [
        ("從未逾期", Tone.GOOD),
        ("沒有發生違約", Tone.GOOD),
        ("无不良", Tone.GOOD),
        ("已結清", Tone.GOOD),
        ("never late", Tone.GOOD),
        ("no default", Tone.GOOD),
        ("Current", Tone.GOOD),
        ("low risk", Tone.GOOD),
        ("可疑", Tone.ADVERSE),
        ("不良", Tone.ADVERSE),
        ("未還清", Tone.ADVERSE),
        ("didn't pay on time", Tone.ADVERSE),
        ("Late (31-120 days)", Tone.ADVERSE),
        ("無法還款", Tone.ADVERSE),
        ("无力偿还", Tone.ADVERSE),
        ("停止還款", Tone.ADVERSE),
        ("拒絕還款", Tone.ADVERSE),
        ("欠款已清", Tone.GOOD),
        ("欠款", Tone.ADVERSE),
        ("關注", Tone.NEITHER),
        ("無意還款", Tone.ADVERSE),
        ("不願還款", Tone.ADVERSE),
        ("难以偿还", Tone.ADVERSE),
        ("無能力償還", Tone.ADVERSE),
        ("未全數還款", Tone.ADVERSE),
        ("未全額付清", Tone.ADVERSE),
        ("不願按時還款", Tone.ADVERSE),
        ("逃避還款", Tone.ADVERSE),
        ("還款義務未履行", Tone.ADVERSE),
        ("還款困難", Tone.NEITHER),
        ("部分還款", Tone.NEITHER),
        ("無擔保貸款還款", Tone.NEITHER),
        ("客戶本期已全數償還貸款", Tone.GOOD),
        ("non-payment", Tone.ADVERSE),
        ("Nonpayment", Tone.ADVERSE),
    ],
)
def test_what_is_denied_is_the_opposite(word: str, tone: Tone) -> None:
    assert tone_of_cell(word) is tone


def test_a_majority_taken_for_adverse_is_warned_of_in_one_line(tmp_path: Path) -> None:
    path = written(tmp_path, "標記", ["是", "是", "是", "否"])
    (warning,) = [line for line in drafted(path, "標記").warnings if "most customers" in line]
    assert warning == (
        "標記: most customers (75.0%) would have the adverse outcome, taken to be 是 since yes is adverse; "
        "if that is the good news, name the other: --bad WORD"
    )
    assert not any("most customers" in line for line in drafted(path, "標記", ("是",)).warnings)
    good = written(tmp_path, "按時還款", ["是", "是", "是", "否"])
    flat = drafted(good, "按時還款").catalog.table
    assert flat is not None and flat.bad == ("否",)
