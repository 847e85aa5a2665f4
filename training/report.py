"""What a training job found, as tables for a terminal and as Markdown for the README: the same figures."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from training.walkforward import SCORERS, YearResult, mean_figure, tier_figures

_TIERS = ("premium", "good", "general", "risk")


@dataclass(frozen=True)
class Grid:
    """A titled table of texts; every row is as long as `columns`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

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
    pooled = tier_figures(results).query("year == 'all'").set_index("tier")
    return {
        "years": [result.year for result in results],
        **{
            f"{figure}_{scorer.replace(chr(39), '').replace(' ', '_')}": round(
                mean_figure(results, scorer, figure), 4
            )
            for figure in ("auc", "log_loss")
            for scorer in SCORERS
        },
        **{f"bad_rate_{tier}": round(float(pooled.loc[tier, "bad_rate"]), 4) for tier in _TIERS},
        **{f"share_{tier}": round(float(pooled.loc[tier, "share"]), 4) for tier in _TIERS},
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
    figures = tier_figures(results).set_index(["year", "tier"])
    rows = []
    for year in [str(result.year) for result in results] + ["all"]:
        cells = [year]
        for tier in _TIERS:
            line = figures.loc[(year, tier)]
            rate = "—" if math.isnan(line["bad_rate"]) else f"{line['bad_rate']:.1%}"
            cells.append(f"{rate} of {int(line['customers']):,} ({line['share']:.0%})")
        rows.append(tuple(cells))
    return Grid("Bad rate of each tier, by year", ("year", *_TIERS), tuple(rows))
