"""A comparison for the terminal."""

from collections.abc import Iterator

from serving.promotion.shadow import FEWEST, TIERS, Shadow
from serving.supervision.figures import Figure

Table = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
_FEW = f"<{FEWEST}"


def tables(report: Shadow) -> Iterator[Table]:
    """Yield title, columns and rows of each table."""
    champion, challenger = (of.model_version or "the baseline" for of in (report.champion, report.challenger))
    whom = f"{report.customers:,} customers, {report.first} to {report.last}, by tier"
    yield (
        f"{whom}: {champion} down, {challenger} across (withheld: small, or small ones follow from it)",
        ("", *TIERS),
        [(before, *(_count(report.migration[before, after]) for after in TIERS)) for before in TIERS],
    )
    yield (
        "Score of the challenger less the champion's, in points",
        ("mean", *(f"{share:.0%}" for share in report.quantiles)),
        [(f"{report.mean:+.3f}", *(_points(value) for value in report.quantiles.values()))],
    )
    if report.judged.measures:
        judged = report.judged
        of_whom = f"{judged.decisions:,} outcomes of {judged.customers:,} customers, {judged.bad:,} bad"
        yield (
            of_whom if judged.after is None else f"{of_whom}, as of days after {judged.after}",
            ("", "champion", "challenger", "difference"),
            [
                (name, _figure(of.champion), _figure(of.challenger), _figure(of.difference))
                for name, of in judged.measures.items()
            ],
        )


def remarks(report: Shadow) -> Iterator[str]:
    """Yield what is told beside the tables."""
    differ = report.differ
    if differ.value is None:
        yield f"Tiers differ of fewer than {FEWEST} customers, or of all but as few."
    else:
        yield f"Tiers differ of {differ.value:.1%} ({differ.low:.1%} to {differ.high:.1%})."
    yield (
        f"Of {report.made_by_champion:,} decisions that the champion made, {report.reproduced:,} came out as "
        "they were kept."
    )
    if report.judged.reason is not None:
        yield f"Outcomes say nothing: {report.judged.reason}."
    if report.erased or report.left_out:
        yield (
            f"Left out: {report.erased:,} customers who were erased, {report.left_out:,} decisions that one "
            "of both cannot take."
        )


def _count(count: int | None) -> str:
    return "withheld" if count is None else f"{count:,}" if count else ""


def _points(value: float | None) -> str:
    return "withheld" if value is None else f"{value:+.3f}"


def _figure(figure: Figure) -> str:
    return f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})"
