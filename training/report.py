"""What a training job found, as tables for a terminal and as Markdown for the README: the same figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from features.terms import RATED_TIERS
from training.walkforward import SCORERS, YearResult, mean_figure, slug, tier_figures


@dataclass(frozen=True)
class Grid:
    """A titled table of texts; every row is as long as `columns`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def _repr_html_(self) -> str:
        """Return an HTML table, which a notebook shows."""
        head = "".join(f"<th>{escape(cell)}</th>" for cell in self.columns)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows)
        caption = f"<caption>{escape(self.title)}</caption>"
        return f'<table class="grid">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'

    def markdown(self) -> Iterator[str]:
        """Yield the lines of a Markdown table."""
        yield "| " + " | ".join(self.columns) + " |"
        yield "|" + " --- |" * len(self.columns)
        for row in self.rows:
            yield "| " + " | ".join(row) + " |"


def walk_forward_grids(results: Sequence[YearResult]) -> tuple[Grid, ...]:
    """Return AUC and log-loss by year and scorer, and tiers by year."""
    return (_figures(results, "auc", "AUC"), _figures(results, "log_loss", "Log-loss"), _tiers(results))


def walk_forward_summary(results: Sequence[YearResult]) -> dict[str, object]:
    """Return the means and the pooled tiers, for one line of JSON."""
    pooled = tier_figures(results)["all"]
    return {
        "years": [result.year for result in results],
        **{
            f"{figure}_{slug(scorer)}": round(mean_figure(results, scorer, figure), 4)
            for figure in ("auc", "log_loss")
            for scorer in SCORERS
        },
        **{
            f"{figure}_{slug(scorer)}_by_year": [
                round(getattr(result.metrics[scorer], figure), 4) for result in results
            ]
            for figure in ("auc", "log_loss")
            for scorer in SCORERS
        },
        **{f"bad_rate_{tier}": round(pooled[tier].bad_rate, 4) for tier in RATED_TIERS},
        **{f"share_{tier}": round(pooled[tier].share, 4) for tier in RATED_TIERS},
    }


def _figures(results: Sequence[YearResult], figure: str, title: str) -> Grid:
    rows = [
        (
            str(result.year),
            f"{len(result.bad):,}",
            f"{result.metrics[SCORERS[0]].bad_rate:.1%}",
            f"{result.trained_on:,}",
            *(f"{getattr(result.metrics[scorer], figure):.4f}" for scorer in SCORERS),
        )
        for result in results
    ]
    means = (f"**{mean_figure(results, scorer, figure):.4f}**" for scorer in SCORERS)
    rows.append(("mean", "", "", "", *means))
    return Grid(
        f"{title} by year of disbursement",
        ("year", "customers", "bad", "trained on", *SCORERS),
        tuple(rows),
    )


def _tiers(results: Sequence[YearResult]) -> Grid:
    rows = []
    for year, figures in tier_figures(results).items():
        cells = [year]
        for tier in RATED_TIERS:
            of_tier = figures[tier]
            rate = f"{of_tier.bad_rate:.1%}" if of_tier.customers else "—"
            cells.append(f"{rate} of {of_tier.customers:,} ({of_tier.share:.0%})")
        rows.append(tuple(cells))
    return Grid("Bad rate of each tier, by year", ("year", *map(str, RATED_TIERS)), tuple(rows))
