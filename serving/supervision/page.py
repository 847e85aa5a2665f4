"""The report of oversight as one HTML page that refers to nothing outside, for screen, phone and print."""

from collections import Counter
from collections.abc import Iterator
from html import escape

from features.quality_html import STYLE, Cell, Row, Word, brief, named, table
from features.terms import Tier
from serving.supervision.figures import Figure, Kpi, Verdict
from serving.supervision.report import Report
from serving.supervision.shown import NOTHING, VERDICTS, interval, part_unit, target, value
from serving.supervision.words import GROUPS, Parts, Unit

_TITLE = Word("Supervision and assessment", "監督與考核")
_HEAD = (
    Word("Figure", "指標"),
    Word("Value", "數值"),
    Word("95 % interval", "信賴區間"),
    Word("Expected", "對照"),
    Word("Cases", "樣本數"),
    Word("Target", "目標"),
    Word("Verdict", "結果"),
)
_WORDS = {
    Verdict.MET: Word("met", "達標"),
    Verdict.MISSED: Word("missed", "未達標"),
    Verdict.NOT_ENOUGH: Word("not enough cases", "樣本不足"),
    Verdict.NO_TARGET: Word("no target", "無目標"),
}
_STYLE = """
.verdict { display: inline-block; padding: .05rem .5rem; border-radius: 1rem; font-size: .78rem;
  white-space: nowrap; border: 1px solid var(--line); }
.verdict.met { background: #e3f1e8; border-color: #a9d2b7; }
.verdict.missed { background: #fbe5dc; border-color: #e3a589; }
.verdict.not_enough { background: #f4f1e4; border-color: #d9cfa3; }
tbody th .part { padding-left: 1.1rem; color: var(--soft); font-weight: 400; display: block; }
td.text { white-space: normal; }
ul.remarks { padding-left: 1.2rem; }
table.matrix { width: auto; margin: .6rem 0 1.2rem; } table.matrix th { min-width: 6rem; }
table.matrix td { text-align: right; min-width: 5.5rem; } table.matrix td.same { background: #eef4f8; }
.scrolls { overflow-x: auto; }
@media screen and (max-width: 46rem) { table.folds td:empty { display: none; } }
table.matrix caption { text-align: left; color: var(--soft); font-size: .83rem; padding-bottom: .3rem; }
"""


def to_html(report: Report) -> str:
    """Return the page."""
    sections = [_header(report), _cards(report)]
    sections += [_section(report, group) for group in GROUPS]
    content = "\n".join(sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\"/>\n"
        f"<title>{escape(_TITLE.en)}</title>\n<style>{STYLE}{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{content}\n</main>\n</body>\n</html>\n"
    )


def _header(report: Report) -> str:
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in report.remarks)
    return (
        f"<header>\n<h1>{_TITLE.html}</h1>\n"
        f'<p class="about">{report.period} · procedure '
        f"{escape(report.procedure)}</p>\n"
        + (f'<ul class="remarks about">{remarks}</ul>\n' if remarks else "")
        + "</header>"
    )


def _cards(report: Report) -> str:
    counted = Counter(kpi.verdict for kpi in report.kpis)
    items = "\n".join(
        f"<li><b>{counted[verdict]}</b><span>{_WORDS[verdict].html}</span></li>" for verdict in Verdict
    )
    return f'<ul class="cards">\n{items}\n</ul>'


def _section(report: Report, group: str) -> str:
    kpis = [kpi for kpi in report.kpis if kpi.group == group]
    rows = (row for kpi in kpis for row in _rows(kpi))
    matrices = "\n".join(
        _matrix(kpi) for kpi in kpis if kpi.declared.parts is Parts.CHANGE and kpi.measured.parts
    )
    return (
        f"<section>\n<h2>{brief(GROUPS[group])}</h2>\n{table(_HEAD, rows, left=(6,))}\n{matrices}</section>"
    )


def _rows(kpi: Kpi) -> Iterator[Row]:
    declared, whole = kpi.declared, kpi.measured.whole
    verdict = f'<span class="verdict {kpi.verdict}">{escape(VERDICTS[kpi.verdict])}</span>'
    yield Row(
        f"{named(declared.names)}<small>{escape(declared.definition.en)}</small>"
        f'<small lang="zh-Hant">{escape(declared.definition.zh_hant)}</small>',
        (
            *_cells(whole, declared.unit),
            Cell(escape(target(kpi.target, declared.unit)) or NOTHING),
            Cell(verdict, "text"),
        ),
    )
    if declared.parts is Parts.CHANGE:
        return
    for name, part in kpi.measured.parts.items():
        yield Row(
            f'<span class="part">{escape(name)}</span>',
            (*_cells(part, part_unit(kpi)), Cell(""), Cell("", "text")),
        )


def _cells(figure: Figure, unit: Unit) -> tuple[Cell, ...]:
    return (
        Cell(value(figure.value, unit)),
        Cell(interval(figure, unit) or NOTHING),
        Cell(NOTHING if figure.expected is None else value(figure.expected, unit)),
        Cell(f"{figure.cases:,}"),
    )


def _matrix(kpi: Kpi) -> str:
    """Return the moves between tiers as a table: from the row's tier to the column's."""
    parts = kpi.measured.parts
    tiers = [tier for tier in Tier if any(str(tier) in name.split(" → ") for name in parts)]
    head = "".join(f'<th scope="col">{tier}</th>' for tier in tiers)
    lines = []
    for old in tiers:
        cells = []
        for new in tiers:
            part = parts.get(f"{old} → {new}")
            text = "" if part is None else f"{value(part.value, Unit.SHARE)}<small>{part.cases:,}</small>"
            cells.append(f'<td class="{"same" if old is new else ""}">{text}</td>')
        lines.append(f'<tr><th scope="row">{old}</th>{"".join(cells)}</tr>')
    return (
        '<div class="scrolls"><table class="matrix">'
        "<caption>From the tier at the begin (rows) to that at the end</caption>"
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )
