"""Pieces of the quality page: shares and days as people read them, bars, tables that fold on a phone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from features.quality_figures import BINS, Counts
from features.terms import Text

NOTHING = "–"
# Shades for a share of 0 to 1 that is missing, at its fullest.
_WARM = (222, 150, 74)
_HIGH, _STEP = 120, 30

STYLE = """
:root { --ink: #1c2733; --soft: #5b6875; --line: #dfe5ea; --fresh: #3f7cac; --stale: #e3aa5d;
  --undefined: #9aa6b1; --none: #e9edf1; --bad: #b4532a; }
* { box-sizing: border-box; }
html { font-size: 15px; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 74rem; color: var(--ink); background: #fff;
  font: 1rem/1.5 system-ui, "Noto Sans", "Noto Sans CJK TC", "PingFang TC", sans-serif;
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: .1rem 0 .3rem; font-weight: 650; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .3rem; font-weight: 650; break-after: avoid; }
h2 [lang], h1 [lang] { display: inline-block; font-weight: 400; color: var(--soft); margin-left: .35em; }
p { max-width: 46rem; margin: .3rem 0 .8rem; }
.about { color: var(--soft); font-size: .9rem; max-width: none; }
.cards { display: grid; grid-template-columns: repeat(4, 1fr); gap: .8rem;
  margin: 1.4rem 0 0; padding: 0; list-style: none; }
.cards li { border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem; break-inside: avoid; }
.cards b { display: block; font-size: 1.6rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.cards span { display: block; font-size: .87rem; } .cards small { color: var(--soft); font-size: .78rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .2rem 0 .6rem; padding: 0;
  list-style: none; font-size: .83rem; color: var(--soft); }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; border-radius: .15rem;
  vertical-align: -.08rem; }
.bar { display: flex; width: 100%; min-width: 7rem; height: .75rem; border-radius: .2rem; overflow: hidden;
  background: var(--none); margin: .32rem 0 .2rem; }
.bar i { min-width: 2px; }
.fresh { background: var(--fresh); } .stale { background: var(--stale); }
.undefined { background: var(--undefined); } .none { background: var(--none); }
.bad { background: var(--bad); }
table { border-collapse: collapse; width: 100%; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { padding: .42rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; }
thead th { color: var(--soft); font-weight: 600; font-size: .8rem; line-height: 1.3; vertical-align: bottom;
  border-bottom: 2px solid var(--line); }
thead th [lang] { display: block; font-weight: 400; }
tbody th { font-weight: 500; min-width: 15rem; }
tbody th small, td small { display: block; color: var(--soft); font-weight: 400; font-size: .78rem; }
.beside { color: var(--soft); font-weight: 400; font-size: .92em; }
tbody tr:not(.part) th .beside { display: block; }
tr { break-inside: avoid; }
td.number, th.number { text-align: right; }
td.number { white-space: nowrap; }
td.wide { width: 24%; min-width: 9rem; }
td.heat { text-align: right; width: 14%; border-left: 3px solid #fff; border-right: 3px solid #fff; }
tr.part th { padding-top: 1.1rem; color: var(--soft); font-weight: 600; }
.warning { color: var(--bad); }
svg { width: 100%; max-width: 46rem; height: auto; display: block; margin: .6rem 0 .2rem; }
svg text { font-size: 11px; fill: var(--soft); } svg .axis { stroke: #b9c3cc; }
svg .low { fill: var(--stale); } svg .high { fill: var(--fresh); }
dl { display: grid; grid-template-columns: minmax(9rem, 13rem) 1fr; gap: .5rem 1.4rem; max-width: 62rem;
  font-size: .88rem; }
dt { font-weight: 600; } dt [lang] { display: block; font-weight: 400; color: var(--soft); }
dd { margin: 0; }
@media screen and (max-width: 46rem) {
  body { padding: 1.2rem 1rem 3rem; }
  .cards { grid-template-columns: 1fr 1fr; }
  table.folds thead { display: none; }
  table.folds tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: .25rem .8rem; padding: .7rem 0;
    border-bottom: 1px solid var(--line); }
  table.folds th, table.folds td { border: 0; padding: 0; text-align: left; min-width: 0; width: auto; }
  table.folds tbody th, table.folds td.wide { grid-column: 1 / -1; }
  table.folds td.heat { padding: .15rem .35rem; border-radius: .2rem; }
  table.folds td:not(.wide)::before { content: attr(data-label); display: block; color: var(--soft);
    font-size: .74rem; }
  dl { grid-template-columns: 1fr; gap: .1rem; } dd { margin-bottom: .7rem; }
}
@media print {
  html { font-size: 9.5px; }
  body { max-width: none; padding: 0; }
  h2 { margin-top: 1.4rem; }
  tbody th { min-width: 9rem; } td.wide { min-width: 6rem; } .bar { min-width: 5rem; }
  thead { display: table-header-group; }
}
"""


@dataclass(frozen=True)
class Word:
    """A word of the page in English, with the Chinese beside it."""

    en: str
    zh: str

    @property
    def html(self) -> str:
        return f'{escape(self.en)} <span lang="zh-Hant">{escape(self.zh)}</span>'


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its HTML, and how it is laid out."""

    html: str
    style: str = "number"
    shade: str | None = None


@dataclass(frozen=True)
class Row:
    """A row of a table: the HTML of its head, and its cells; without cells it heads the rows that follow."""

    head: str
    cells: tuple[Cell, ...] = ()


def named(names: Text) -> str:
    """Return a name in English with the Chinese ones beside it, the simplified where it differs."""
    chinese = [("zh-Hant", names.zh_hant)]
    if names.zh_hans != names.zh_hant:
        chinese.append(("zh-Hans", names.zh_hans))
    beside = " · ".join(f'<span lang="{language}">{escape(text)}</span>' for language, text in chinese)
    return f'{escape(names.en)} <span class="beside">{beside}</span>'


def brief(names: Text) -> str:
    """Return a name in English with the traditional Chinese one beside it."""
    return Word(names.en, names.zh_hant).html


def percent(share: float | None) -> str:
    """Return a share as a percentage; only nothing is 0% and only all is 100%."""
    if share is None:
        return NOTHING
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    return f"{min(max(share, 0.001), 0.999):.1%}"


def days(age: float | None) -> str:
    """Return a number of days, whole or a half."""
    return NOTHING if age is None else f"{age:,.1f}".removesuffix(".0")


def count(number: int | None) -> str:
    """Return a number with its thousands set apart."""
    return NOTHING if number is None else f"{number:,}"


def bar(parts: Sequence[tuple[str, int]], label: str) -> str:
    """Return parts of a whole as a bar, each in the style of its class; empty where there is nothing."""
    whole = sum(part for _, part in parts)
    if not whole:
        return NOTHING
    pieces = "".join(
        f'<i class="{style}" style="width:{part / whole:.3%}"></i>' for style, part in parts if part
    )
    return f'<span class="bar" role="img" aria-label="{escape(label)}">{pieces}</span>'


def known_bar(counts: Counts) -> str:
    """Return what is known of an indicator as a bar."""
    parts = [
        ("fresh", counts.known - counts.stale),
        ("stale", counts.stale),
        ("undefined", counts.undefined),
        ("none", counts.no_record),
    ]
    label = (
        f"of {counts.applying:,}: {counts.known:,} known, {counts.stale:,} of them stale; "
        f"{counts.undefined:,} undefined, {counts.no_record:,} without a record"
    )
    return bar(parts, label)


def shade(missing: float | None) -> str | None:
    """Return a background for a share that is missing, light enough for dark text."""
    if missing is None:
        return None
    return f"rgb({','.join(str(round(255 + (part - 255) * missing * 0.8)) for part in _WARM)})"


def table(head: Sequence[Word], rows: Iterable[Row], left: Sequence[int] = ()) -> str:
    """Return a table that folds into cards on a phone; `left` are the places of columns without numbers."""
    numbers = ["" if place == 0 or place in left else ' class="number"' for place in range(len(head))]
    line = "".join(
        f'<th scope="col"{style}>{word.html}</th>' for word, style in zip(head, numbers, strict=True)
    )
    body = []
    for row in rows:
        if not row.cells:
            body.append(f'<tr class="part"><th colspan="{len(head)}" scope="colgroup">{row.head}</th></tr>')
            continue
        cells = "".join(
            f'<td class="{cell.style}" data-label="{escape(word.en)}"'
            + (f' style="background:{cell.shade}">' if cell.shade else ">")
            + f"{cell.html}</td>"
            for word, cell in zip(head[1:], row.cells, strict=True)
        )
        body.append(f'<tr><th scope="row">{row.head}</th>{cells}</tr>')
    lines = "\n".join(body)
    return f'<table class="folds">\n<thead><tr>{line}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>'


def histogram(bins: Sequence[int], label: str) -> str:
    """Return customers by comprehensiveness as a plot: BINS columns from 0 to 1."""
    most, width = max(bins) or 1, BINS * _STEP
    columns = "".join(
        f'<rect class="{"low" if 2 * place < BINS else "high"}" x="{place * _STEP + 2}" width="{_STEP - 4}"'
        f' y="{_HIGH - number / most * _HIGH + 14:.2f}" height="{number / most * _HIGH:.2f}" rx="2">'
        f"<title>{place / BINS:.0%} – {(place + 1) / BINS:.0%}: {number:,}</title></rect>"
        for place, number in enumerate(bins)
    )
    ticks = "".join(
        f'<text x="{quarter * width / 4:g}" y="{_HIGH + 30}" text-anchor="{anchor}">{quarter / 4:.0%}</text>'
        for quarter, anchor in enumerate(("start", "middle", "middle", "middle", "end"))
    )
    return (
        f'<svg viewBox="0 0 {width} {_HIGH + 36}" role="img" aria-label="{escape(label)}">{columns}'
        f'<line class="axis" x1="0" x2="{width}" y1="{_HIGH + 14}" y2="{_HIGH + 14}"/>{ticks}</svg>'
    )
