"""The columns of a printed card: notes wrap, and no name is squeezed to a word a line or runs over."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from features.terms import Language
from training.card.blocks import Cell, Column, Page, Row, Section, Span, Style, Table
from training.card.pdf import to_pdf
from training.card.widths import BREAK, PAGE, broken, column_widths, text_width

NOTE = {
    Language.EN: "there is no challenger: no reference customers with enough outcomes to fit one on",
    Language.ZH_HANT: "無挑戰模型：對照客戶之中已知結果的人數不足以訓練一個，因此無從比較",
}
NAME = {
    Language.EN: "Kolmogorov–Smirnov distance of the older customers",
    Language.ZH_HANT: "科摩哥洛夫與史密諾夫距離（往來較久的客戶）",
}


def cell(text: str, below: str = "") -> Cell:
    return Cell((Span(text),), below=(Span(below),) if below else ())


def judged(language: Language, name: str = "") -> Table:
    """Return a table as of the battery's checks, of which one could not be judged."""
    columns = (
        Column("check", room=3),
        *(Column(head, Style.NUMBER) for head in ("value", "95 % interval", "tolerated", "customers")),
        Column("verdict"),
    )
    numbers = ("0.3074", "−2.1504 to −0.3636", "at least −0.0100", "16,529")
    rows = ((name or NAME[language], ""), ("Log-loss saved against", NOTE[language]))
    return Table(
        columns, tuple(Row((cell(n), *map(cell, numbers), cell("passed", below))) for n, below in rows)
    )


@pytest.mark.parametrize("language", list(NOTE))
def test_a_long_note_wraps_and_leaves_the_names_their_room(language: Language) -> None:
    name, *numbers, verdict = column_widths(judged(language))
    assert numbers == [None] * 4
    assert name is not None and verdict is not None
    assert name > verdict > 9
    assert name > text_width("Kolmogorov–Smirnov distance")


def test_without_a_note_all_take_what_they_need_and_the_name_what_is_left() -> None:
    table = judged(Language.EN)
    name, *others = column_widths(Table(table.columns, table.rows[:1]))
    assert others == [None] * 5 and name is not None and name > 25


def test_a_long_word_is_broken_before_it_costs_the_others_their_room() -> None:
    account = "ann.with.a.long.name@of.a.company.with.a.long.name.example"
    heads = {"role": 0, "name": 0, "date": 0, "decision": 0, "findings": 4, "conditions": 4}
    signed = "proposer", account, "2026-11-26 09:00", "proposed", "ready " * 9, "watch " * 9
    table = Table(
        tuple(Column(head, room=room) for head, room in heads.items()), (Row(tuple(map(cell, signed))),)
    )
    role, name, date, decision, findings, conditions = column_widths(table)
    assert (role, date, decision) == (None, None, None)
    assert name is not None and name < text_width(account) / 2
    assert findings is not None and findings == conditions and findings > 9


def test_what_heads_rows_has_the_whole_width() -> None:
    table = judged(Language.EN)
    headed = Table(table.columns, (Row((cell("a title of many words " * 9),)), *table.rows))
    assert column_widths(headed) == column_widths(table)


words = st.text("abcXYZ_-. 0123位客", min_size=1, max_size=60)


@given(
    columns=st.lists(st.tuples(st.sampled_from((0, 0, 1, 3)), words, words), min_size=2, max_size=8),
    numbers=st.sets(st.integers(1, 7)),
)
def test_no_column_is_without_width_and_all_are_on_the_page(
    columns: list[tuple[int, str, str]], numbers: set[int]
) -> None:
    table = Table(
        tuple(
            Column("head", Style.NUMBER if place in numbers else Style.TEXT, room)
            for place, (room, _, _) in enumerate(columns)
        ),
        (Row(tuple(cell(text, below) for _, text, below in columns)),),
    )
    widths = column_widths(table)
    natural = [max(text_width(text), text_width("head"), 0.8 * text_width(b)) for _, text, b in columns]
    assert sum(n if w is None else w for n, w in zip(natural, widths, strict=True)) <= PAGE
    wrapped = [(n, w) for n, w in zip(natural, widths, strict=True) if w is not None]
    assert all(w > 4 or w > 0.99 * n for n, w in wrapped)
    assert all(n <= 14 for n, w in zip(natural, widths, strict=True) if w is None)


@given(text=words, width=st.floats(3, 30))
def test_a_word_is_broken_only_where_it_is_wider_than_its_column(text: str, width: float) -> None:
    found = broken(text, width)
    assert found.replace(BREAK, "") == text
    for word, whole in zip(found.split(" "), text.split(" "), strict=True):
        if text_width(whole) <= width:
            assert word == whole
        elif whole.isascii():
            assert all(text_width(part) <= width for part in word.split(BREAK))


def test_words_are_broken_at_their_joints() -> None:
    assert broken("number_of_times_past_due", 7).split(BREAK) == ["number_of_", "times_past_", "due"]
    assert broken("NumberOfTimesPastDue", 6).split(BREAK) == ["NumberOf", "TimesPast", "Due"]


def test_names_are_printed_whole_and_long_ones_on_several_lines() -> None:
    long = "NumberOfTimesBetweenThirtyAndEightyNineDaysPastDueButNotWorseSinceTheAccountWasOpened"
    blocks = (judged(Language.EN), judged(Language.EN, long))
    page = Page(Language.EN, "card", "of nobody", (Section("one", "Checks", blocks),))
    content = to_pdf(page, "", ("card.json", b"{}"), datetime(2026, 1, 2, tzinfo=UTC))
    (printed,) = PdfReader(io.BytesIO(content)).pages
    lines = [line.strip().replace(BREAK, "") for line in printed.extract_text().split("\n")]
    assert any(line.startswith("Kolmogorov–Smirnov distance of") for line in lines)
    assert NOTE[Language.EN] not in lines
    assert long not in lines
    assert long in "".join(lines).replace(" ", "")
