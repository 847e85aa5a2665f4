"""A card as one HTML file that refers to nothing outside itself, for screen, phone and print."""

from collections.abc import Mapping
from html import escape

from models.export_html import STYLE, heat_colour
from models.export_words import CONTENTS
from training.card.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Lines,
    Page,
    Paragraph,
    Plot,
    Row,
    Section,
    Span,
    Spans,
    Style,
    Table,
    Tone,
)
from training.card.figures import Figure
from training.card.notes import source_note

_STYLE = (
    STYLE
    + """
html:lang(zh-Hans) body {
  font-family: system-ui, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", sans-serif; }
h1 { margin-bottom: .1rem; }
.subtitle { color: var(--soft); font-size: 1.05rem; margin: 0 0 1rem; }
section { break-inside: auto; border-bottom: 0; padding: .4rem 0; }
h2 { margin-top: 1.2rem; }
section > h3 { margin: .4rem 0 .1rem; }
h4, .title { font-weight: 600; font-size: .95rem; margin: 1rem 0 .2rem; }
nav ol { columns: 16rem; margin: .5rem 0; padding-left: 1.4rem; font-size: .9rem; }
table { margin: .5rem 0 .2rem; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
tr { break-inside: avoid; }
td small, th small { display: block; color: var(--soft); font-size: .74rem; }
th small { font-family: ui-monospace, monospace; }
tr.part th { background: #f4f6f8; color: var(--soft); font-weight: 600; }
td.code, .code { font-family: ui-monospace, monospace; font-size: .78rem; word-break: break-all; }
td.good, td.bad, td.quiet { white-space: nowrap; }
td.good { color: #1d6b42; } td.bad { color: #9c2f1b; font-weight: 600; } td.quiet { color: var(--soft); }
td small { white-space: normal; max-width: 20rem; }
td.wide { min-width: 15rem; } th.wide { min-width: 10rem; }
thead th.number { white-space: normal; vertical-align: bottom; }
.source { color: var(--soft); font-size: .74rem; margin: 0 0 .8rem; }
.warning { border-left: 3px solid var(--correction); padding: .1rem .8rem; background: #fdf6ee; }
ul { margin: .3rem 0; padding-left: 1.2rem; max-width: 62rem; } li { margin: .15rem 0; }
.plot { max-width: 46rem; }
data[title] { text-decoration: underline dotted #b9c3cd; text-underline-offset: .2em; }
svg .mark.total { fill: var(--ink); } svg .mark.prior { fill: var(--prior); stroke: none; }
svg .mark { stroke: none; } svg .whisker { stroke-width: 1.6; }
table.lines td { min-width: 8rem; height: 2.4rem; border-bottom: 1px solid var(--ink); }
table.lines th { vertical-align: bottom; }
@page { size: A4; margin: 14mm; }
@media print {
  section.annex-start { break-before: page; }
  h2, h3, .title, caption { break-after: avoid; }
  data[title] { text-decoration: none; }
  .scroll { overflow: visible; }
  html { font-size: 10.5px; }
  .note { break-after: avoid; }
  table.heat td { min-width: 0; padding: 1px 2px; } table.heat td small { white-space: normal; }
  table.heat th:first-child { white-space: normal; width: 7rem; }
  td.wide { min-width: 0; } th.wide { min-width: 8rem; }
  .plot { break-inside: avoid; }
}
"""
)
# Columns of so much room do not become narrow on a phone; the table is pushed aside then.
_WIDE = 4
# A first column of so much room has names of several words.
_WRAPPED = 3
_CLASSES = {
    Style.TEXT: "", Style.NUMBER: "number", Style.CODE: "code", Style.GOOD: "good", Style.BAD: "bad",
    Style.QUIET: "quiet",
}  # fmt: skip


def to_html(page: Page) -> str:
    """Return the document."""
    return _Writer(page).document()


class _Writer:
    """Writes one card."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._numbers: Mapping[Figure, int] = page.figures()
        self._told = True

    def document(self) -> str:
        page, contents = self._page, CONTENTS.in_language(self._page.language)
        links = "\n".join(
            f'<li><a href="#{section.id}">{escape(section.title)}</a></li>'
            for section in page.sections
            if section.level == 2
        )
        body = [
            f"<header>\n<h1>{escape(page.title)}</h1>",
            f'<p class="subtitle">{escape(page.subtitle)}</p>\n</header>',
            f'<nav aria-label="{escape(contents)}">\n<h2>{escape(contents)}</h2>',
            f"<ol>\n{links}\n</ol>\n</nav>",
            *map(self._section, page.sections),
        ]
        content = "\n".join(body)
        return (
            f'<!DOCTYPE html>\n<html lang="{page.language}">\n<head>\n<meta charset="utf-8"/>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
            f"<title>{escape(page.title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
            f"<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
        )

    def _section(self, section: Section) -> str:
        # In an annex figures are told of by number alone: there are thousands.
        self._told = not section.annex
        starts = ' class="annex-start"' if section.annex and section.level == 2 else ""
        heading = f"h{section.level}"
        parts = [
            f'<section id="{section.id}"{starts}>',
            f"<{heading}>{escape(section.title)}</{heading}>",
            *map(self._block, section.blocks),
            "</section>",
        ]
        return "\n".join(parts)

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph(spans, tone):
                style = {Tone.NOTE: "note", Tone.TITLE: "title", Tone.WARNING: "warning"}.get(tone)
                opened = f'<p class="{style}">' if style else "<p>"
                return f"{opened}{self._spans(spans)}</p>"
            case Bullets(items):
                return "<ul>\n" + "\n".join(f"<li>{self._spans(item)}</li>" for item in items) + "\n</ul>"
            case Table():
                return self._table(block)
            case Plot(svg, _):
                return f'<div class="plot">{svg}</div>'
            case Lines():
                return self._lines(block)

    def _table(self, table: Table) -> str:
        head = "".join(
            f'<th scope="col"{_of_class(_CLASSES[column.style])}>{escape(column.head)}</th>'
            for column in table.columns
        )
        rows = "\n".join(self._row(row, table) for row in table.rows)
        caption = f"<caption>{escape(table.caption)}</caption>\n" if table.caption else ""
        style = _of_class("heat" if table.heat else "")
        note = source_note(table, self._numbers, self._page.language)
        told = f'\n<p class="source">{escape(note)}</p>' if note else ""
        return (
            f'<div class="scroll"><table{style}>\n{caption}<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{rows}\n</tbody></table></div>{told}"
        )

    def _row(self, row: Row, table: Table) -> str:
        first, *others = row.cells
        if row.heads:
            width = len(table.columns)
            return f'<tr class="part"><th scope="colgroup" colspan="{width}">{self._content(first)}</th></tr>'
        cells = "".join(
            self._cell(cell, column, table.heat)
            for cell, column in zip(others, table.columns[1:], strict=True)
        )
        wide = _of_class("wide" if table.columns[0].room >= _WRAPPED else "")
        return f'<tr><th scope="row"{wide}>{self._content(first)}</th>{cells}</tr>'

    def _cell(self, cell: Cell, column: Column, heat: bool) -> str:
        shade = "" if cell.shade is None else f' style="background:{heat_colour(cell.shade)}"'
        style = cell.style or column.style
        wide = column.room >= _WIDE and style is Style.TEXT
        of_class = "" if heat else _of_class("wide" if wide else _CLASSES[style])
        return f"<td{of_class}{shade}>{self._content(cell)}</td>"

    def _content(self, cell: Cell) -> str:
        below = f"<small>{self._spans(cell.below)}</small>" if cell.below else ""
        return self._spans(cell.spans) + below

    def _spans(self, spans: Spans) -> str:
        return "".join(map(self._span, spans))

    def _span(self, span: Span) -> str:
        figure = span.figure
        if figure is None:
            return escape(span.text)
        told = f' title="{escape(str(figure.source))}"' if self._told else ""
        said = f'value="{escape(str(figure.value))}" data-figure="{self._numbers[figure]}"{told}'
        return f"<data {said}>{escape(span.text)}</data>"

    def _lines(self, lines: Lines) -> str:
        head = "".join(f'<th scope="col">{escape(head)}</th>' for head in lines.heads)
        rows = "\n".join(
            f'<tr><th scope="row">{escape(role)}</th>{"<td></td>" * (len(lines.heads) - 1)}</tr>'
            for role in lines.roles
        )
        return (
            f'<div class="scroll"><table class="lines">\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{rows}\n</tbody></table></div>"
        )


def _of_class(name: str) -> str:
    return f' class="{name}"' if name else ""
