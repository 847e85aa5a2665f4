"""Figures as people read them, alike on the page and in the terminal, in one language."""

from collections.abc import Sequence

from features.terms import Language, Text
from serving.notices.wording import filled, same
from serving.supervision.figures import Figure, Kpi, Verdict
from serving.supervision.naming import Naming
from serving.supervision.report import Report
from serving.supervision.settings import Target
from serving.supervision.words import Parts, Unit

NOTHING = "–"
VERDICTS = {
    Verdict.MET: Text.of("達標", "达标", "met"),
    Verdict.MISSED: Text.of("未達標", "未达标", "missed"),
    Verdict.NOT_ENOUGH: Text.of("樣本不足", "样本不足", "not enough cases"),
    Verdict.NO_TARGET: Text.of("無目標", "无目标", "no target"),
}
FIGURE = Text.of("指標", "指标", "Figure")
VALUE = Text.of("數值", "数值", "Value")
INTERVAL = Text.of("95 % 信賴區間", "95 % 置信区间", "95 % interval")
EXPECTED = Text.of("對照", "对照", "Expected")
CASES = Text.of("樣本數", "样本数", "Cases")
TARGET = Text.of("目標", "目标", "Target")
VERDICT = Text.of("結果", "结果", "Verdict")
COLUMNS = (FIGURE, VALUE, INTERVAL, EXPECTED, CASES, TARGET, VERDICT)
TITLE = Text.of("監督與考核", "监督与考核", "Supervision and assessment")
ABOUT = Text.of(
    "{first} 至 {last} · 程序 {procedure}",
    "{first} 至 {last} · 程序 {procedure}",
    "{first} to {last} · procedure {procedure}",
)
_RANGE = Text.of("{low} 至 {high}", "{low} 至 {high}", "{low} to {high}")
_ON = Text.of("{target}（至少 {cases} 例）", "{target}（至少 {cases} 例）", "{target} on {cases}")
# Of these the parts are numbers, whatever the whole is.
_COUNTED = frozenset({"soundness.overrides", "satisfaction.score", "state.reviews_overdue"})


def value(number: float | None, unit: Unit) -> str:
    """Return a number in its unit; only nothing is 0% and only all is 100%."""
    if number is None:
        return NOTHING
    match unit:
        case Unit.COUNT:
            return f"{number:,.0f}"
        case Unit.NUMBER:
            return f"{number:.3f}"
        case Unit.SHARE:
            if number in (0.0, 1.0):
                return f"{number:.0%}"
            return f"{min(max(number, 0.001), 0.999):.1%}"


def about(report: Report) -> Text:
    """Return the period and the procedure of a report."""
    first, last = (same(day.isoformat()) for day in (report.period.first, report.period.last))
    return filled(ABOUT, first=first, last=last, procedure=same(report.procedure))


def interval(figure: Figure, unit: Unit, language: Language) -> str:
    """Return an interval; empty where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    low, high = (same(value(end, unit)) for end in (figure.low, figure.high))
    return filled(_RANGE, low=low, high=high).in_language(language)


def target(of: Target | None, unit: Unit, language: Language) -> str:
    """Return what a figure should be, and on how many cases; empty where there is no target."""
    if of is None:
        return ""
    way, number = ("≥", of.at_least) if of.at_least is not None else ("≤", of.at_most)
    shown = f"{way} {value(number, unit)}"
    if of.cases == 1:
        return shown
    return filled(_ON, target=same(shown), cases=same(f"{of.cases:,}")).in_language(language)


def part_unit(kpi: Kpi) -> Unit:
    """Return the unit of a figure's parts."""
    counted = kpi.id in _COUNTED or kpi.declared.parts is Parts.SEVERITY
    if kpi.id == "soundness.inversions" or kpi.id == "soundness.psi":
        return Unit.SHARE
    return Unit.COUNT if counted else kpi.declared.unit


def lines(report: Report, language: Language, naming: Naming) -> Sequence[Sequence[str]]:
    """Return the report as lines of texts under COLUMNS, each figure before its parts."""
    found = []
    for kpi in report.kpis:
        unit, whole = kpi.declared.unit, kpi.measured.whole
        found.append((
            f"{kpi.declared.names.in_language(language)} ({kpi.id})", value(whole.value, unit),
            interval(whole, unit, language),
            "" if whole.expected is None else value(whole.expected, unit), f"{whole.cases:,}",
            target(kpi.target, unit, language), VERDICTS[kpi.verdict].in_language(language),
        ))  # fmt: skip
        of_part = part_unit(kpi)
        for name, part in kpi.measured.parts.items():
            found.append((
                f"  {naming.part(kpi, name).in_language(language)}", value(part.value, of_part),
                interval(part, of_part, language),
                "" if part.expected is None else value(part.expected, of_part), f"{part.cases:,}", "", "",
            ))  # fmt: skip
    return found
