"""Figures as people read them, alike on the page and in the terminal."""

from collections.abc import Sequence

from serving.supervision.figures import Figure, Kpi, Verdict
from serving.supervision.report import Report
from serving.supervision.settings import Target
from serving.supervision.words import Parts, Unit

NOTHING = "–"
VERDICTS = {
    Verdict.MET: "met",
    Verdict.MISSED: "missed",
    Verdict.NOT_ENOUGH: "not enough cases",
    Verdict.NO_TARGET: "no target",
}
COLUMNS = ("figure", "value", "95 % interval", "expected", "cases", "target", "")
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


def interval(figure: Figure, unit: Unit) -> str:
    """Return an interval; empty where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{value(figure.low, unit)} to {value(figure.high, unit)}"


def target(of: Target | None, unit: Unit) -> str:
    """Return what a figure should be, and on how many cases; empty where there is no target."""
    if of is None:
        return ""
    way, number = ("≥", of.at_least) if of.at_least is not None else ("≤", of.at_most)
    on = f" on {of.cases:,}" if of.cases > 1 else ""
    return f"{way} {value(number, unit)}{on}"


def part_unit(kpi: Kpi) -> Unit:
    """Return the unit of a figure's parts."""
    counted = kpi.id in _COUNTED or kpi.declared.parts is Parts.SEVERITY
    if kpi.id == "soundness.inversions" or kpi.id == "soundness.psi":
        return Unit.SHARE
    return Unit.COUNT if counted else kpi.declared.unit


def lines(report: Report) -> Sequence[Sequence[str]]:
    """Return the report as lines of texts under COLUMNS, each figure before its parts."""
    found = []
    for kpi in report.kpis:
        unit, whole = kpi.declared.unit, kpi.measured.whole
        found.append((
            f"{kpi.declared.names.en} ({kpi.id})", value(whole.value, unit), interval(whole, unit),
            "" if whole.expected is None else value(whole.expected, unit), f"{whole.cases:,}",
            target(kpi.target, unit), VERDICTS[kpi.verdict],
        ))  # fmt: skip
        of_part = part_unit(kpi)
        for name, part in kpi.measured.parts.items():
            found.append((
                f"  {name}", value(part.value, of_part), interval(part, of_part),
                "" if part.expected is None else value(part.expected, of_part), f"{part.cases:,}", "", "",
            ))  # fmt: skip
    return found
