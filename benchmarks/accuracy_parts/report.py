"""The comparison as Markdown tables and as one JSON document."""

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.accuracy_parts.comparison import MARGIN, Comparison, Figures
from benchmarks.accuracy_parts.statistics import mean_ranks
from training.intervals import Interval


def markdown(comparisons: Sequence[Comparison], own: str, glass_boxes: Sequence[str]) -> list[str]:
    """Return the lines of all tables: the headline, the ranks, then each data set."""
    lines = [*_headline(comparisons, own), *_ranks(comparisons, own, glass_boxes)]
    for comparison in comparisons:
        lines += _of_set(comparison, own)
    return lines


def document(comparisons: Sequence[Comparison], own: str, glass_boxes: Sequence[str]) -> dict[str, object]:
    """Return everything that the tables say, and each fold's AUC."""
    return {
        "sets": {comparison.table: comparison.document() for comparison in comparisons},
        "deficits": {
            comparison.table: comparison.differences[comparison.best_peer].deficit
            for comparison in comparisons
            if comparison.best_peer in comparison.differences and comparison.best_peer is not None
        },
        "mean_ranks": ranks(comparisons, own, glass_boxes),
    }


def ranks(
    comparisons: Sequence[Comparison], own: str, glass_boxes: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return mean ranks over the sets: log-loss and Brier among the glass boxes, miscalibration among all."""
    inside = {own, *glass_boxes}
    return {
        "log_loss": mean_ranks(_losses(comparisons, "log_loss", inside)),
        "brier": mean_ranks(_losses(comparisons, "brier", inside)),
        "miscalibration": mean_ranks(_losses(comparisons, "miscalibration", None)),
    }


def _losses(
    comparisons: Sequence[Comparison], figure: str, methods: set[str] | None
) -> dict[str, dict[str, float]]:
    return {
        comparison.table: {
            name: getattr(figures, figure)
            for name, figures in comparison.figures.items()
            if methods is None or name in methods
        }
        for comparison in comparisons
    }


def _headline(comparisons: Sequence[Comparison], own: str) -> list[str]:
    rows = []
    for comparison in comparisons:
        if own not in comparison.figures or comparison.best_peer is None:
            continue
        peer = comparison.best_peer
        difference = comparison.differences[peer]
        rows.append(
            [
                comparison.table,
                f"{comparison.figures[own].auc:.4f}",
                f"{peer} {comparison.figures[peer].auc:.4f}",
                _interval(difference.over_folds),
                _interval(difference.over_customers),
                "**yes**" if difference.deficit else "no",
            ]
        )
    if not rows:
        return []
    header = [
        "data set",
        f"AUC of {own}",
        "best peer",
        "difference (95 % over folds)",
        "difference (95 % over customers)",
        f"surely worse by {MARGIN}",
    ]
    return ["", f"**{own} and the best peer**", "", *_table(header, rows)]


def _ranks(comparisons: Sequence[Comparison], own: str, glass_boxes: Sequence[str]) -> list[str]:
    if not comparisons:
        return []
    by_figure = ranks(comparisons, own, glass_boxes)
    names = list(dict.fromkeys(name for of_figure in by_figure.values() for name in of_figure))
    rows = [[name, *(_number(of_figure.get(name), 2) for of_figure in by_figure.values())] for name in names]
    header = ["method", "log-loss, glass boxes", "Brier, glass boxes", "miscalibration, all"]
    title = f"**Mean rank over {len(comparisons)} data sets (1 is best)**"
    return ["", title, "", *_table(header, rows)]


def _of_set(comparison: Comparison, own: str) -> list[str]:
    folds = f"{len(comparison.folds)} {'years' if comparison.dated else 'folds'}"
    title = (
        f"**{comparison.table}**: {comparison.customers:,} customers, {comparison.indicators} indicators, "
        f"{comparison.bad_rate:.1%} bad, {folds}"
    )
    columns = {
        "AUC": ("auc", 4),
        "KS": ("ks", 4),
        "H": ("h", 4),
        "log-loss": ("log_loss", 4),
        **({"log-loss, levelled": ("levelled_log_loss", 4)} if comparison.dated else {}),
        "Brier": ("brier", 4),
        "ECE": ("ece", 4),
        "miscalibration": ("miscalibration", 5),
        "discrimination": ("discrimination", 4),
        "uncertainty": ("uncertainty", 4),
        "fit s": ("fit_seconds", 1),
    }
    header = ["method", *columns, "explain µs/row", "AUC difference (95 % over folds)", "(over customers)"]
    ordered = sorted(comparison.figures.items(), key=lambda item: -item[1].auc)
    rows = [_figures_row(comparison, name, figures, columns.values()) for name, figures in ordered]
    lines = ["", title, "", *_table(header, rows)]
    if comparison.dated:
        lines += ["", *_by_fold(comparison)]
    return lines


def _figures_row(
    comparison: Comparison, name: str, figures: Figures, columns: Iterable[tuple[str, int]]
) -> list[str]:
    difference = comparison.differences.get(name)
    return [
        name,
        *(_number(getattr(figures, figure), digits) for figure, digits in columns),
        _number(1e6 * figures.explain_seconds, 1),
        _interval(difference.over_folds) if difference else "",
        _interval(difference.over_customers) if difference else "",
    ]


def _by_fold(comparison: Comparison) -> list[str]:
    rows = [
        [label, *(f"{areas[i]:.4f}" for areas in comparison.aucs.values())]
        for i, label in enumerate(comparison.folds)
    ]
    return _table(["AUC in", *comparison.aucs], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]


def _interval(interval: Interval) -> str:
    return f"{interval.mean:+.4f} ({interval.low:+.4f} to {interval.high:+.4f})"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.{digits}f}"
