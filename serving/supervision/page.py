"""The report of oversight as one HTML page that refers to nothing outside, in one language.

Figures of which nothing is known are folded into a line at the end of their group.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from features.terms import Language, Text, Tier
from serving.notices.wording import filled, same
from serving.supervision.figures import Figure, Kpi, Verdict
from serving.supervision.naming import Naming
from serving.supervision.page_style import STYLE
from serving.supervision.report import Report
from serving.supervision.shown import (
    CASES,
    FIGURE,
    TARGET,
    TITLE,
    VALUE,
    VERDICTS,
    about,
    interval,
    part_unit,
    target,
    value,
)
from serving.supervision.words import GROUPS, Parts, Unit

_UNKNOWN = Text.of("尚無足夠資料：", "尚无足够资料：", "Not enough yet: ")
_SEPARATOR = Text.of("、", "、", ", ")
_WITHIN = Text.of("95 %：{interval}", "95 %：{interval}", "95 %: {interval}")
_BESIDE = Text.of("對照：{value}", "对照：{value}", "expected: {value}")
_PART_CASES = Text.of("{cases} 例", "{cases} 例", "{cases} cases")
_AND = Text.of("；", "；", "; ")
_MORE = Text.of("（{inside}）", "（{inside}）", " ({inside})")
_BY_PART = Text.of("{figure}：分項", "{figure}：分项", "{figure}: parts")
_MOVES = Text.of(
    "由期初等級（列）至期末等級（欄）",
    "由期初等级（行）至期末等级（列）",
    "From the tier at the begin (rows) to that at the end (columns)",
)


def to_html(report: Report, language: Language, naming: Naming) -> str:
    """Return the page.

    Args:
        report: what it shows.
        language: the language of everything on it but ids and persons' names.
        naming: what parts are called.
    """
    return _Page(language, naming).document(report)


class _Page:
    """Writes one page."""

    def __init__(self, language: Language, naming: Naming) -> None:
        self._language, self._naming = language, naming
        self._headed = False

    def _said(self, text: Text) -> str:
        return text.in_language(self._language)

    def _words(self, text: Text) -> str:
        return escape(self._said(text))

    def document(self, report: Report) -> str:
        content = "\n".join(
            [
                self._header(report),
                self._verdicts(report),
                *(self._section(report, group) for group in GROUPS),
            ]
        )
        title = f"{self._said(TITLE)} – {self._said(about(report))}"
        return (
            f'<!DOCTYPE html>\n<html lang="{self._language}">\n<head>\n<meta charset="utf-8"/>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "style-src 'unsafe-inline'\"/>\n"
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"{content}\n</main>\n</body>\n</html>\n"
        )

    def _header(self, report: Report) -> str:
        remarks = "".join(f"<li>{self._words(remark)}</li>" for remark in report.remarks)
        return (
            f'<header>\n<h1>{self._words(TITLE)}</h1>\n<p class="about">{self._words(about(report))}</p>\n'
            + (f'<ul class="remarks about">{remarks}</ul>\n' if remarks else "")
            + "</header>"
        )

    def _verdicts(self, report: Report) -> str:
        counted = Counter(kpi.verdict for kpi in report.kpis)
        items = "\n".join(
            f"<li><b>{counted[verdict]}</b> {self._words(VERDICTS[verdict])}</li>" for verdict in Verdict
        )
        return f'<ul class="verdicts">\n{items}\n</ul>'

    def _section(self, report: Report, group: str) -> str:
        kpis = [kpi for kpi in report.kpis if kpi.group == group]
        known = [kpi for kpi in kpis if kpi.measured.whole.value is not None or kpi.measured.parts]
        unknown = [kpi for kpi in kpis if kpi not in known]
        parts = [f"<h2>{self._words(GROUPS[group])}</h2>"]
        if known:
            parts.append(self._table(known))
        if unknown:
            parts.append(self._unknown(unknown))
        return "<section>\n{}\n</section>".format("\n".join(parts))

    def _table(self, kpis: Sequence[Kpi]) -> str:
        head = (
            f'<th scope="col">{self._words(FIGURE)}</th>'
            f'<th scope="col" class="number">{self._words(VALUE)}</th>'
            f'<th scope="col" class="number cases">{self._words(CASES)}</th>'
            f'<th scope="col" class="target">{self._words(TARGET)}</th>'
        )
        # Alike in all groups, the head is seen once; read aloud it goes with each table.
        again, self._headed = ' class="again"' if self._headed else "", True
        bodies = "\n".join(f"<tbody>\n{''.join(self._rows(kpi))}</tbody>" for kpi in kpis)
        return f'<table class="figures">\n<thead{again}><tr>{head}</tr></thead>\n{bodies}\n</table>'

    def _rows(self, kpi: Kpi) -> Iterator[str]:
        declared, whole = kpi.declared, kpi.measured.whole
        beside = "".join(f"<small>{escape(text)}</small>" for text in self._beside(whole, declared.unit))
        reached = ""
        if kpi.target is not None:
            reached = (
                f"{escape(target(kpi.target, declared.unit, self._language))} "
                f'<span class="verdict {kpi.verdict}">{self._words(VERDICTS[kpi.verdict])}</span>'
            )
        yield (
            f'<tr class="figure"><th scope="row">{self._words(declared.names)}'
            f"<small>{self._words(declared.definition)}</small></th>"
            f'<td class="number" data-label="{self._words(VALUE)}">{value(whole.value, declared.unit)}'
            f"{beside}</td>"
            f'<td class="number cases" data-label="{self._words(CASES)}">{whole.cases:,}</td>'
            f'<td class="target" data-label="{self._words(TARGET)}">{reached}</td></tr>\n'
        )
        if kpi.measured.parts:
            shown = self._matrix(kpi) if declared.parts is Parts.CHANGE else self._parts(kpi)
            yield f'<tr class="parts"><td colspan="4">{shown}</td></tr>\n'

    def _beside(self, figure: Figure, unit: Unit) -> Iterator[str]:
        """Yield what stands with a value: its interval, and what it is compared with."""
        within = interval(figure, unit, self._language)
        if within:
            yield self._said(filled(_WITHIN, interval=same(within)))
        if figure.expected is not None:
            expected = same(value(figure.expected, unit))
            yield self._said(filled(_BESIDE, value=expected))

    def _parts(self, kpi: Kpi) -> str:
        declared, unit = kpi.declared, part_unit(kpi)
        items = []
        for id_, part in kpi.measured.parts.items():
            more = list(self._beside(part, unit))
            # What is compared as a share of all, or is itself a number of cases, needs none beside it.
            if declared.parts is not Parts.SCORE and part.value != part.cases:
                more.append(self._said(filled(_PART_CASES, cases=same(f"{part.cases:,}"))))
            name = self._words(self._naming.part(kpi, id_))
            rest = ""
            if more:
                inside = same(self._said(_AND).join(more))
                rest = self._words(filled(_MORE, inside=inside))
            items.append(f"<li>{name} <b>{value(part.value, unit)}</b>{rest}</li>")
        label = self._words(filled(_BY_PART, figure=declared.names))
        return f'<ul class="parts" aria-label="{label}">{"".join(items)}</ul>'

    def _matrix(self, kpi: Kpi) -> str:
        """Return the moves between tiers as a table: from the row's tier to the column's."""
        parts = kpi.measured.parts
        tiers = [tier for tier in Tier if any(str(tier) in name.split(" → ") for name in parts)]
        names = {tier: self._words(self._naming.tier(tier)) for tier in tiers}
        head = "".join(f'<th scope="col">{names[tier]}</th>' for tier in tiers)
        lines = []
        for old in tiers:
            cells = []
            for new in tiers:
                part = parts.get(f"{old} → {new}")
                style = ' class="same"' if old is new else ""
                text = (
                    "" if part is None else f"{value(part.value, Unit.SHARE)} <small>({part.cases:,})</small>"
                )
                cells.append(f"<td{style}>{text}</td>")
            lines.append(f'<tr><th scope="row">{names[old]}</th>{"".join(cells)}</tr>')
        return (
            f'<div class="scrolls"><table class="matrix"><caption>{self._words(_MOVES)}</caption>'
            f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
        )

    def _unknown(self, kpis: Sequence[Kpi]) -> str:
        """Return figures of which nothing is known in one line; opened, it says what they are."""
        names = self._said(_SEPARATOR).join(self._said(kpi.declared.names) for kpi in kpis)
        lines = []
        for kpi in kpis:
            wanted = target(kpi.target, kpi.declared.unit, self._language)
            if wanted:
                wanted = f"<small>{self._words(TARGET)} {escape(wanted)}</small>"
            lines.append(
                f"<dt>{self._words(kpi.declared.names)}{wanted}</dt>"
                f"<dd>{self._words(kpi.declared.definition)}</dd>"
            )
        return (
            f'<details class="unknown"><summary>{self._words(_UNKNOWN)}{escape(names)}</summary>\n'
            f"<dl>{''.join(lines)}</dl></details>"
        )
