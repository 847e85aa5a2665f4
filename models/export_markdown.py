"""The points tables as one Markdown document: a table for each indicator, and one for each pair."""

import re
from collections.abc import Sequence
from html import escape

from features.terms import Language
from models import export_words as words
from models.export_sheet import Grid, Shape, Sheet
from models.export_view import Listing, View
from models.export_words import signed

# The longest bar on either side of 0.
_BAR = 10


def to_markdown(sheet: Sheet, language: Language) -> str:
    """Return the document."""
    view = View(sheet, language)
    lines = [f"# {_safe(view.title)}", "", f"## {view.word(words.HOW_TO_READ)}", ""]
    for paragraph in view.introduction:
        lines += [_safe(paragraph), ""]
    lines += [f"## {view.word(words.FACTS)}", "", *(f"- {_safe(line)}" for line in view.facts), ""]
    lines += _listing(view.scale)
    largest = max((float(abs(shape.total).max()) for shape in sheet.shapes), default=0.0)
    for dimension, group, shapes in sheet.by_place():
        lines += [f"## {_safe(view.word(dimension.names))} · {_safe(view.word(group.names))}", ""]
        for shape in shapes:
            lines += _shape(view, shape, largest)
    if sheet.silent:
        lines += [_safe(view.silent), ""]
    if sheet.grids:
        lines += [f"## {view.word(words.TOGETHER)}", ""]
        for grid in sheet.grids:
            lines += _grid(view, grid)
    lines += [f"## {view.word(words.TRAINING)}", "", *_listing(view.training)]
    lines += [f"## {view.word(words.HASHES)}", "", *_listing(view.hashes)]
    return "\n".join(lines)


def _shape(view: View, shape: Shape, largest: float) -> list[str]:
    head = [
        view.word(w)
        for w in (words.RANGE, words.PRIOR, words.CORRECTION, words.TOTAL, words.POINTS, words.BAR)
    ]
    rows = [(row.label, *row.shown, _bar(row.total, largest)) for row in view.rows(shape)]
    lines = [f"### {_safe(view.name(shape.ranges))}", "", _safe(view.about(shape.ranges)), ""]
    lines += _table(head, rows, numbers=4)
    others = [view.grid_name(view.sheet.grids[number]) for number in view.sheet.grids_of(shape.ranges.id)]
    if others:
        lines += [_safe(view.word(words.ALSO_IN).format(grids="; ".join(others))), ""]
    return lines


def _grid(view: View, grid: Grid) -> list[str]:
    names = ", ".join(view.name(ranges) for ranges in grid.ranges)
    lines = [
        f"### {_safe(view.grid_name(grid))}",
        "",
        _safe(view.word(words.GRID_NOTE).format(names=names)),
        "",
    ]
    corner = f"{view.name(grid.ranges[-2])} \\ {view.name(grid.ranges[-1])}"
    for part in view.slices(grid):
        if part.where:
            lines += [f"#### {_safe(part.where)}", ""]
        rows = []
        for label, cells in zip(part.rows, part.cells, strict=True):
            shown = [f"{signed(c.total, 3)} ({', '.join(signed(p, 3) for p in c.parts)})" for c in cells]
            rows.append((label, *shown))
        lines += _table([corner, *part.columns], rows, numbers=len(part.columns))
    return lines


def _listing(listing: Listing) -> list[str]:
    return _table(listing.head, listing.rows, numbers=0)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int) -> list[str]:
    """Return a table whose columns behind the first, as many as told, are set to the right."""
    rule = ["---:" if 0 < place <= numbers else "---" for place in range(len(head))]
    lines = [map(_safe, head), rule, *(map(_safe, row) for row in rows)]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def _bar(value: float, largest: float) -> str:
    """Return a bar to the left or right of 0, as long as the contribution is large beside all others."""
    length = round(abs(value) / largest * _BAR) if largest else 0
    return f"{'█' * length}│" if value < 0 else f"│{'█' * length}"


def _safe(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]#|~])", r"\\\1", escape(" ".join(text.split()), quote=False))
