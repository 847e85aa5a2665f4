"""How wide the columns of a printed table are: none so narrow that its words run over or stand one a line.

Lengths are in em of the table's font, by the usual widths of letters in Noto Sans CJK.
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from training.card.blocks import Cell, Column, Style, Table, plain

PAGE = 176 / 25.4 * 72 / 7.8
"""How wide an A4 page is within its margins, in the font of a table."""
BELOW, CODE = 0.8, 0.78
"""The size of a cell's second line, and of code."""
BREAK = "\u200b"
"""Where a long word may be broken: it has no width."""

# What a column has beside its text.
_BESIDE = 2 * 3.2 / 7.8
# A column that asks for no room takes what it needs up to this; longer texts are wrapped.
_UNWRAPPED = 14.0
# Text is wrapped to no less.
_NARROWEST = 9.0
# Where the page is too narrow for whole words, those longer than this are broken.
_LONGEST_WORD = 15.0
# Widths of letters are usual ones: so much is added.
_SPARE = 1.05
_MONO = 0.602
_SLIM, _BROAD = frozenset("fijlrtI.,:;'|!()[]- \u00a0·/"), frozenset("mwMW@%—")
_BLANKS = re.compile(r"([ \t\n]+)")
# A line may end after a dash too, but not between a hyphen and a digit.
_DASHES = re.compile(r"(?<=[-–—])(?=\D)")
_JOINTS = re.compile(r"(?<=[_.\-/])|(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class _Need:
    """What a column needs: the width of its longest word, and of its longest text."""

    word: float
    text: float

    @property
    def least(self) -> float:
        """The least width at which it is read well."""
        return min(self.text, max(self.word, _NARROWEST))


def column_widths(table: Table) -> tuple[float | None, ...]:
    """Return the width of each column; None of one that takes what it needs."""
    columns = table.columns
    needs = [_need(column, cells) for column, cells in zip(columns, _by_column(table), strict=True)]
    shared = [place for place, column in enumerate(columns) if column.room or needs[place].text > _UNWRAPPED]
    if _taken(needs, shared) > PAGE:
        needs = [replace(need, word=min(need.word, _LONGEST_WORD)) for need in needs]
    # Where it is too narrow all the same, others are wrapped too: words before numbers, the longest first.
    others = sorted(
        (place for place in range(len(columns)) if place not in shared),
        key=lambda place: (columns[place].style is Style.NUMBER, -needs[place].text),
    )
    while others and _taken(needs, shared) > PAGE:
        shared.append(others.pop(0))
    if not shared:
        return (None,) * len(columns)
    asked = math.ceil(max(column.room for column in columns) / 2) or 1
    found = _spread(
        PAGE - len(columns) * _BESIDE - sum(needs[place].text for place in others),
        {place: columns[place].room or asked for place in shared},
        {place: needs[place].least for place in shared},
    )
    return tuple(found.get(place) for place in range(len(columns)))


def broken(text: str, width: float, style: Style = Style.TEXT) -> str:
    """Return a text with places where words wider than a column may be broken, at joints if they can."""
    return "".join(_broken(word, width, style) for word in _BLANKS.split(text))


def text_width(text: str, style: Style = Style.TEXT) -> float:
    """Return how wide a text is on one line."""
    if style is Style.CODE:
        return len(text) * _MONO * CODE
    return sum(map(_letter, text)) * _SPARE


@cache
def _letter(letter: str) -> float:
    if letter == BREAK:
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    if letter in _SLIM:
        return 0.36
    return 0.92 if letter in _BROAD else 0.67 if letter.isupper() else 0.56


def _taken(needs: Sequence[_Need], shared: Sequence[int]) -> float:
    """Return how wide a table is at least, where some of its columns share what the others leave."""
    widths = (need.least if place in shared else need.text for place, need in enumerate(needs))
    return sum(widths) + len(needs) * _BESIDE


def _spread(left: float, rooms: Mapping[int, int], least: Mapping[int, float]) -> dict[int, float]:
    """Spread a width by the rooms asked for, to each its least; too small a one by the least of each."""
    if left <= sum(least.values()):
        return {place: max(left, 0.0) * least[place] / sum(least.values()) for place in rooms}
    found: dict[int, float] = {}
    while True:
        others = [place for place in rooms if place not in found]
        share = (left - sum(found.values())) / sum(rooms[place] for place in others)
        narrow = [place for place in others if share * rooms[place] < least[place]]
        if not narrow:
            return found | {place: share * rooms[place] for place in others}
        found |= {place: least[place] for place in narrow}


def _by_column(table: Table) -> list[list[Cell]]:
    rows = [row.cells for row in table.rows if not row.heads]
    return [[cells[place] for cells in rows] for place in range(len(table.columns))]


def _need(column: Column, cells: Sequence[Cell]) -> _Need:
    texts = [(column.head, Style.TEXT, 1.0)]
    for cell in cells:
        texts.append((cell.text, cell.style or column.style, 1.0))
        texts.append((plain(cell.below), Style.TEXT, BELOW))
    return _Need(
        max(size * _longest_word(text, style) for text, style, size in texts),
        max(size * text_width(text, style) for text, style, size in texts),
    )


def _longest_word(text: str, style: Style) -> float:
    words = (word for piece in _BLANKS.split(text) for word in _DASHES.split(piece))
    return max(_unbroken(word, style) for word in words)


def _unbroken(word: str, style: Style) -> float:
    """Return the width of what stands on one line of a word: a line may end beside any Chinese character."""
    if style is Style.CODE or word.isascii():
        return text_width(word, style)
    runs = re.split(r"[\u2e80-\u9fff\uff00-\uffef]", word)
    # Punctuation clings to its character.
    return max(2.0 if len(runs) > 1 else 0.0, *(text_width(run) for run in runs))


def _broken(word: str, width: float, style: Style) -> str:
    if _unbroken(word, style) <= width:
        return word
    parts = [""]
    for joint in _JOINTS.split(word):
        if text_width(parts[-1] + joint, style) > width:
            parts.append("")
        for letter in joint:
            if text_width(parts[-1] + letter, style) > width:
                parts.append("")
            parts[-1] += letter
    return BREAK.join(part for part in parts if part)
