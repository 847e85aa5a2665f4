"""The points tables as one HTML file that refers to nothing outside itself: plots, tables and heat maps."""

from collections.abc import Sequence
from html import escape

from features.catalog import Kind
from features.terms import Language
from models import export_words as words
from models.export_sheet import Grid, Shape, Sheet
from models.export_svg import Curve, level_svg, number_svg
from models.export_view import Listing, View
from models.export_words import shown_bounds, signed

STYLE = """
:root { --ink: #1c2733; --soft: #5b6875; --line: #d9dfe5; --prior: #2f6fb3; --correction: #d07a1f; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 76rem; color: var(--ink); background: #fff;
  font: 15px/1.5 system-ui, "Noto Sans", "Noto Sans CJK TC", "PingFang TC", sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem; padding-bottom: .25rem;
  border-bottom: 2px solid var(--line); }
h3 { font-size: 1.05rem; margin: 0; }
p { max-width: 62rem; margin: .5rem 0; }
.about, .note { color: var(--soft); font-size: .87rem; margin: .1rem 0 .6rem; }
nav ul { columns: 18rem; margin: .5rem 0; padding-left: 1.2rem; font-size: .9rem; }
a { color: #1f5a99; }
section { padding: 1rem 0; border-bottom: 1px solid var(--line); break-inside: avoid; }
.beside { display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-start; }
.beside > .plot { flex: 1 1 30rem; min-width: 18rem; }
.beside > .scroll { flex: 0 1 auto; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: .83rem; font-variant-numeric: tabular-nums; }
th, td { padding: .16rem .55rem; border-bottom: 1px solid var(--line);
  text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid var(--line); color: var(--soft); font-weight: 600; }
tbody th { font-weight: 400; }
td.number, th.number { text-align: right; white-space: nowrap; }
table.heat td { text-align: center; border: 1px solid #fff; min-width: 4.6rem; padding: .2rem .3rem; }
table.heat td small { display: block; color: #3a4550; font-size: .7rem; white-space: nowrap; }
table.heat thead th { vertical-align: bottom; text-align: center; font-weight: 400; }
table.heat th:first-child { white-space: nowrap; }
.hash { font-family: ui-monospace, monospace; font-size: .8rem; word-break: break-all; }
svg.shape { width: 100%; height: auto; display: block; }
svg .grid { stroke: #e3e8ed; fill: none; } svg .zero { stroke: #8a96a3; fill: none; }
svg .tick { font-size: 10.5px; fill: var(--soft); } svg .tip { fill: transparent; }
svg .prior { stroke: var(--prior); stroke-width: 1.6; stroke-dasharray: 5 3; fill: none; }
svg .correction { stroke: var(--correction); stroke-width: 1.6; stroke-dasharray: 2 2; fill: none; }
svg .total { stroke: var(--ink); stroke-width: 2.4; fill: none; }
@media print { body { max-width: none; padding: 0; font-size: 11px; } nav { display: none; } }
"""
# Lines for less and for more risk, at their fullest.
_COLD, _WARM = (66, 133, 190), (217, 119, 54)


def to_html(sheet: Sheet, language: Language) -> str:
    """Return the document."""
    return _Page(View(sheet, language)).document()


class _Page:
    """Writes one document."""

    def __init__(self, view: View) -> None:
        self._view, self._sheet = view, view.sheet

    def document(self) -> str:
        view, word = self._view, self._view.word
        body = [f"<h1>{escape(view.title)}</h1>", f"<h2>{escape(word(words.HOW_TO_READ))}</h2>"]
        body += [f"<p>{escape(paragraph)}</p>" for paragraph in view.introduction]
        body.append(f'<h2 id="facts">{escape(word(words.FACTS))}</h2>')
        body += [f"<p>{escape(line)}</p>" for line in view.facts]
        body += [_listing(view.scale), self._contents()]
        for dimension, group, shapes in self._sheet.by_place():
            body.append(f"<h2>{escape(word(dimension.names))} · {escape(word(group.names))}</h2>")
            body += map(self._indicator, shapes)
        if self._sheet.silent:
            body.append(f"<p>{escape(view.silent)}</p>")
        if self._sheet.grids:
            body.append(f"<h2>{escape(word(words.TOGETHER))}</h2>")
            body += [self._grid(number, grid) for number, grid in enumerate(self._sheet.grids)]
        body += [f"<h2>{escape(word(words.TRAINING))}</h2>", _listing(view.training)]
        body += [f"<h2>{escape(word(words.HASHES))}</h2>", _listing(view.hashes, style="hash")]
        content = "\n".join(body)
        return (
            f'<!DOCTYPE html>\n<html lang="{view.language}">\n<head>\n<meta charset="utf-8"/>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
            f"<title>{escape(view.title)}</title>\n<style>{STYLE}</style>\n</head>\n"
            f"<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
        )

    def _contents(self) -> str:
        links = [(f"#{shape.ranges.id}", self._view.name(shape.ranges)) for shape in self._sheet.shapes]
        links += [(f"#{_anchor(n)}", self._view.grid_name(grid)) for n, grid in enumerate(self._sheet.grids)]
        items = "\n".join(f'<li><a href="{target}">{escape(name)}</a></li>' for target, name in links)
        title = escape(self._view.word(words.CONTENTS))
        return f'<nav aria-label="{title}">\n<h2>{title}</h2>\n<ul>\n{items}\n</ul>\n</nav>' if links else ""

    def _indicator(self, shape: Shape) -> str:
        view, ranges = self._view, shape.ranges
        head = (words.RANGE, words.PRIOR, words.CORRECTION, words.TOTAL, words.POINTS)
        rows = [(row.label, *row.shown) for row in view.rows(shape)]
        links = ", ".join(
            f'<a href="#{_anchor(number)}">{escape(view.grid_name(self._sheet.grids[number]))}</a>'
            for number in self._sheet.grids_of(ranges.id)
        )
        also = escape(view.word(words.ALSO_IN)).format(grids=links) if links else ""
        return "\n".join(
            [
                f'<section class="indicator" id="{ranges.id}">',
                f"<h3>{escape(view.name(ranges))}</h3>",
                f'<p class="about">{escape(view.about(ranges))}</p>',
                '<div class="beside">',
                f'<div class="plot">{self._plot(shape)}</div>',
                f'<div class="scroll">{_table([view.word(text) for text in head], rows)}</div>',
                "</div>",
                f'<p class="note">{also}</p>' if also else "",
                "</section>",
            ]
        )

    def _plot(self, shape: Shape) -> str:
        svg = shape_plot(self._view, shape)
        if shape.ranges.placed.indicator.kind is not Kind.NUMBER:
            return svg
        return f'{svg}\n<p class="note">{escape(self._view.word(words.EQUAL_WIDTHS))}</p>'

    def _grid(self, number: int, grid: Grid) -> str:
        view = self._view
        names = ", ".join(view.name(ranges) for ranges in grid.ranges)
        # Of all grids, so that a colour means the same in each.
        largest = max(float(abs(each.total).max()) for each in self._sheet.grids) or 1.0
        corner = f"{view.name(grid.ranges[-2])} \\ {view.name(grid.ranges[-1])}"
        parts = [
            f'<section class="grid" id="{_anchor(number)}">',
            f"<h3>{escape(view.grid_name(grid))}</h3>",
            f'<p class="about">{escape(view.word(words.GRID_NOTE).format(names=names))}</p>',
        ]
        for each in view.slices(grid):
            head = "".join(f'<th scope="col">{escape(label)}</th>' for label in (corner, *each.columns))
            rows = []
            for label, cells in zip(each.rows, each.cells, strict=True):
                shown = "".join(
                    f'<td style="background:{heat_colour(cell.total / largest)}">{signed(cell.total, 3)}'
                    f"<small>{' · '.join(signed(part, 3) for part in cell.parts)}</small></td>"
                    for cell in cells
                )
                rows.append(f'<tr><th scope="row">{escape(label)}</th>{shown}</tr>')
            caption = f"<caption>{escape(each.where)}</caption>" if each.where else ""
            body = "\n".join(rows)
            parts.append(
                f'<div class="scroll"><table class="heat">{caption}\n<thead><tr>{head}</tr></thead>\n'
                f"<tbody>\n{body}\n</tbody></table></div>"
            )
        return "\n".join([*parts, "</section>"])


def shape_plot(view: View, shape: Shape) -> str:
    """Return an indicator's prior, correction and their sum by its ranges, as an SVG for `STYLE`."""
    word, ranges = view.word, shape.ranges
    curves = (
        Curve("prior", word(words.PRIOR)),
        Curve("correction", word(words.CORRECTION)),
        Curve("total", word(words.TOTAL)),
    )
    shown = [place for place in range(len(ranges)) if view.label(ranges, place, place)]
    labels = [view.label(ranges, place, place) for place in shown]
    series = tuple(values[shown].tolist() for values in (shape.prior, shape.correction, shape.total))
    title = word(words.SHAPE).format(name=view.name(ranges))
    if ranges.placed.indicator.kind is not Kind.NUMBER:
        return level_svg(series, labels, title, curves)
    unit = view.sheet.catalog.units.get(ranges.placed.indicator.unit or "")
    bounds = shown_bounds(ranges.bounds, unit)
    # The upper bound of every range but the last known one.
    return number_svg(series, labels, [bounds[place] for place in shown[:-2]], title, curves)


def _anchor(grid: int) -> str:
    # No indicator's id has a hyphen.
    return f"grid-{grid}"


def _listing(listing: Listing, style: str = "") -> str:
    return f'<div class="scroll">{_table(listing.head, listing.rows, numbers=False, style=style)}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: bool = True, style: str = "") -> str:
    """Return a table whose first column heads its rows."""
    of = ' class="number"' if numbers else f' class="{style}"' if style else ""
    first, *others = head
    line = f'<th scope="col">{escape(first)}</th>' + "".join(
        f'<th scope="col"{of if numbers else ""}>{escape(name)}</th>' for name in others
    )
    body = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td{of}>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f"<table>\n<thead><tr>{line}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def heat_colour(share: float) -> str:
    """Return a colour for −1 (least risk) to 1 (most), light enough for dark text."""
    full = _WARM if share > 0 else _COLD
    strength = min(1.0, abs(share)) * 0.75
    red, green, blue = (round(255 + (part - 255) * strength) for part in full)
    return f"rgb({red},{green},{blue})"
