"""A comparison for the terminal."""

from collections.abc import Iterator

from models.disclosure import MINIMUM_AGGREGATE
from serving.promotion.shadow import TIERS, Shadow
from serving.supervision.figures import Figure

Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]


def tables(report: Shadow) -> Iterator[Table]:
    """Yield title, columns and rows of each table."""
    champion, challenger = (of.model_version or "the baseline" for of in (report.champion, report.challenger))
    yield (
        f"Tiers: {champion} down, {challenger} across",
        ("", *TIERS),
        [(before, *(_count(report.migration[before, after]) for after in TIERS)) for before in TIERS],
    )
    yield (
        "Score: challenger less champion, in points, quantiles rounded",
        ("mean", *(f"{share:.0%}" for share in report.quantiles)),
        [(f"{report.mean:+.3f}", *(_points(value) for value in report.quantiles.values()))],
    )
    if report.judged.measures:
        judged = report.judged
        yield (
            f"By {judged.decisions:,} outcomes of {judged.customers:,} customers, {judged.bad:,} bad",
            ("", "champion", "challenger", "difference"),
            [
                (name, _figure(of.champion), _figure(of.challenger), _figure(of.difference))
                for name, of in judged.measures.items()
            ],
        )


def remarks(report: Shadow) -> Iterator[str]:
    """Yield what is told beside the tables."""
    yield (
        f"{report.customers:,} customers by their newest decision, as of {report.first} to {report.last}. "
        f"Withheld is what is of fewer than {MINIMUM_AGGREGATE}, or would tell of so few."
    )
    differ = report.differ
    if differ.value is None:
        yield f"Tiers differ of fewer than {MINIMUM_AGGREGATE} customers, or of all but as few."
    else:
        yield f"Tiers differ of {differ.value:.1%} ({differ.low:.1%} to {differ.high:.1%})."
    made = f"Of {_few(report.made_by_champion)} decisions that the champion made"
    if report.reproduced is None:
        yield f"{made}, fewer than {MINIMUM_AGGREGATE} came out as they were kept, or all but as few."
    else:
        yield f"{made}, {report.reproduced:,} came out as they were kept."
    if report.judged.reason is not None:
        yield f"Outcomes say nothing: {report.judged.reason}."
    elif report.judged.after is not None:
        yield f"Outcomes are of days after {report.judged.after}, the last that a model was trained on."
    if (report.erased, report.left_out) != (0, 0):
        yield (
            f"Left out: {_few(report.erased)} customers who were erased, {_few(report.left_out)} decisions "
            "that one of both cannot take."
        )


def _count(count: int | None) -> str:
    return "withheld" if count is None else f"{count:,}" if count else ""


def _few(count: int | None) -> str:
    return f"fewer than {MINIMUM_AGGREGATE}" if count is None else f"{count:,}"


def _points(value: float | None) -> str:
    return "withheld" if value is None else f"{value:+.3f}"


def _figure(figure: Figure) -> str:
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"
