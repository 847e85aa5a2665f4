"""The plots of a training run: calibration, what SHAP values say of each indicator, tiers by year.

Every mark stands for at least `MINIMUM_AGGREGATE` customers: positions are means over a bin, never one
customer's value, so a plot may leave the room that its data may not. Each plot is drawn from a table that
is also public here, and no plot touches pyplot's global state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike, NDArray

from features.terms import RATED_TIERS, Tier
from models.disclosure import MINIMUM_AGGREGATE
from training.intervals import share_interval
from training.metrics import equal_count_bins

# Okabe and Ito's colours, which colour-blind readers tell apart.
_BLUE, _GREEN, _ORANGE, _RED, _GREY = "#0072B2", "#009E73", "#E69F00", "#D55E00", "#666666"
_TIER_STYLES = {
    Tier.PREMIUM: (_GREEN, "o"),
    Tier.GOOD: (_BLUE, "s"),
    Tier.GENERAL: (_ORANGE, "^"),
    Tier.RISK: (_RED, "D"),
}
_TICKS = (0.0002, 0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)


class TooFewCustomers(ValueError):
    """A plot would show fewer than `MINIMUM_AGGREGATE` customers."""


@dataclass(frozen=True)
class CalibrationBin:
    """Customers of like probability: count, mean prediction, bad rate and its 95 % Wilson interval."""

    n: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True)
class DependenceBin:
    """Customers of like value of one indicator, and their mean SHAP value in log-odds.

    `value` is their mean value; None for the customers whose value is missing and for categories, which
    `label` names.
    """

    n: int
    value: float | None
    label: str
    mean_shap: float


@dataclass(frozen=True)
class TierCell:
    """The customers of one tier evaluated in one year: count, bad rate and its 95 % Wilson interval."""

    year: int
    tier: Tier
    n: int
    observed: float
    low: float
    high: float


def calibration_table(bad: ArrayLike, probability: ArrayLike, bins: int = 20) -> tuple[CalibrationBin, ...]:
    """Compare prediction and outcome over bins of about equal count, each of at least `MINIMUM_AGGREGATE`.

    Args:
        bad: shape (n,), boolean.
        probability: shape (n,), in [0, 1].

    Raises:
        TooFewCustomers: fewer than `MINIMUM_AGGREGATE` customers.
    """
    outcomes, chances = np.asarray(bad, dtype=np.bool_), np.asarray(probability, dtype=np.float64)
    _require(len(outcomes), "calibration")
    number = equal_count_bins(chances, bins, MINIMUM_AGGREGATE)
    table = []
    for each in range(int(number.max()) + 1):
        here = number == each
        observed, low, high = _rate(outcomes[here])
        table.append(CalibrationBin(int(here.sum()), float(chances[here].mean()), observed, low, high))
    return tuple(table)


def calibration_plot(bad: ArrayLike, probability: ArrayLike, title: str, bins: int = 20) -> Figure:
    """Draw `calibration_table` on log-odds axes, where rare outcomes keep their room.

    Raises:
        TooFewCustomers: fewer than `MINIMUM_AGGREGATE` customers.
    """
    table = calibration_table(bad, probability, bins)
    predicted = np.array([row.predicted for row in table])
    observed = np.array([row.observed for row in table])
    low, high = np.array([row.low for row in table]), np.array([row.high for row in table])
    positive = np.concatenate([predicted[predicted > 0], high, low[low > 0]])
    floor, ceiling = max(positive.min() / 2, 1e-4), min(max(positive.max() * 1.5, 0.02), 0.9999)
    figure, axes = _figure(title, 6.0, 5.6)
    axes.plot([floor, ceiling], [floor, ceiling], color=_GREY, linewidth=1, linestyle="--", label="exact")
    axes.errorbar(
        predicted.clip(floor, ceiling),
        observed.clip(floor, ceiling),
        yerr=_whiskers(observed.clip(floor, ceiling), low.clip(floor, ceiling), high.clip(floor, ceiling)),
        fmt="o",
        color=_BLUE,
        capsize=2,
        label="bad rate and 95 % Wilson interval",
    )
    axes.set(xscale="logit", yscale="logit", xlim=(floor, ceiling), ylim=(floor, ceiling))
    ticks = [tick for tick in _TICKS if floor <= tick <= ceiling]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, labels=[f"{tick:.3g}" for tick in ticks])
        axis.set_ticks([], minor=True)
    axes.set_xlabel("mean predicted probability")
    axes.set_ylabel("observed bad rate")
    axes.legend(loc="upper left", frameon=False)
    sizes = [row.n for row in table]
    _note(figure, f"{sum(sizes):,} customers in {len(table)} bins of {min(sizes):,} to {max(sizes):,}")
    return figure


def importance_plot(shap_values: ArrayLike, names: Sequence[str], title: str, shown: int = 25) -> Figure:
    """Draw the mean |SHAP| of the indicators in log-odds, largest on top.

    Drawn here and not by `shap.plots.bar`, which is given every customer's row and draws through pyplot.

    Args:
        shap_values: shape (n, k), log-odds.
        names: k indicators.
        shown: how many bars at most; the rest is summed in one.

    Raises:
        TooFewCustomers: fewer than `MINIMUM_AGGREGATE` customers.
        ValueError: names and columns do not match.
    """
    values = np.asarray(shap_values, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(names):
        raise ValueError("importance: shap_values needs one column per name")
    _require(len(values), "importance")
    mean = np.abs(values).mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    bars = [(names[i], float(mean[i])) for i in order[:shown]]
    if len(order) > shown:
        bars.append((f"{len(order) - shown} others, summed", float(mean[order[shown:]].sum())))
    figure, axes = _figure(title, 7.0, 1.4 + 0.27 * len(bars))
    axes.barh(range(len(bars)), [size for _, size in bars], color=_BLUE)
    axes.set_yticks(range(len(bars)), labels=[name for name, _ in bars])
    axes.invert_yaxis()
    axes.bar_label(axes.containers[0], fmt="%.3f", padding=3, fontsize=8, color=_GREY)  # type: ignore[arg-type]
    axes.margins(x=0.12, y=0.01)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("mean |SHAP value| (log-odds)")
    _note(figure, f"means over {len(values):,} customers")
    return figure


def dependence_table(
    values: ArrayLike, shap_values: ArrayLike, categories: Sequence[str] | None = None, bins: int = 20
) -> tuple[DependenceBin, ...]:
    """Average one indicator's SHAP values over bins of at least `MINIMUM_AGGREGATE` customers.

    Numbers fall in bins of about equal count. Categories stand alone, the rare ones together as "other",
    with the next rarest while those are too few. Missing values stand alone; where they are too few they
    are left out, having no neighbour to merge with (and so are the others, where those are too few).

    Args:
        values: shape (n,), NaN where missing; category codes if `categories` is given.
        shap_values: shape (n,), log-odds.
        categories: the names of codes 0, 1, …, or None for a number.

    Raises:
        TooFewCustomers: nothing is left to show.
        ValueError: the two columns differ in length.
    """
    column, shap = np.asarray(values, dtype=np.float64), np.asarray(shap_values, dtype=np.float64)
    if column.ndim != 1 or column.shape != shap.shape:
        raise ValueError("dependence: values and shap_values must be two vectors of one length")
    if not np.isfinite(shap).all():
        raise ValueError("dependence: shap_values holds NaN or infinity; every customer has a SHAP value")
    missing = np.isnan(column)
    table: list[DependenceBin] = []
    if (~missing).sum() >= MINIMUM_AGGREGATE:
        known, known_shap = column[~missing], shap[~missing]
        if categories is None:
            table += _number_bins(known, known_shap, bins)
        else:
            table += _category_bins(known, known_shap, categories)
    if missing.sum() >= MINIMUM_AGGREGATE:
        table.append(DependenceBin(int(missing.sum()), None, "missing", float(shap[missing].mean())))
    if not table:
        raise TooFewCustomers(f"dependence: fewer than {MINIMUM_AGGREGATE} customers, nothing may be shown")
    return tuple(table)


def dependence_plot(
    values: ArrayLike,
    shap_values: ArrayLike,
    name: str,
    categories: Sequence[str] | None = None,
    bins: int = 20,
) -> Figure:
    """Draw `dependence_table`: how one indicator moves the log-odds of the adverse outcome.

    Raises:
        TooFewCustomers: nothing is left to show.
        ValueError: the two columns differ in length.
    """
    table = dependence_table(values, shap_values, categories, bins)
    points = [(row.value, row.mean_shap) for row in table if row.value is not None]
    figure, axes = _figure(name, 6.4, 4.2 if categories is None else 1.6 + 0.25 * len(table))
    if categories is None:
        axes.axhline(0, color=_GREY, linewidth=1)
        if points:
            axes.plot(*zip(*points, strict=True), color=_BLUE, marker="o", markersize=4, label="known")
            _spread(axes, [value for value, _ in points])
        for row in table:
            if row.label == "missing":
                axes.axhline(row.mean_shap, color=_ORANGE, linestyle="--", label=f"missing ({row.n:,})")
        axes.legend(frameon=False)
        axes.set_xlabel(f"{name} (mean of bin)")
        axes.set_ylabel("mean SHAP value (log-odds)")
    else:
        axes.axvline(0, color=_GREY, linewidth=1)
        axes.plot([row.mean_shap for row in table], range(len(table)), "o", color=_BLUE)
        axes.set_yticks(range(len(table)), labels=[f"{row.label} ({row.n:,})" for row in table])
        axes.invert_yaxis()
        axes.margins(y=0.06)
        axes.set_xlabel("mean SHAP value (log-odds)")
    sizes = [row.n for row in table]
    risk = "up" if categories is None else "right"
    _note(figure, f"{sum(sizes):,} customers; each mark at least {min(sizes):,}; further {risk} is more risk")
    return figure


def tier_table(tiers: Sequence[Tier], years: ArrayLike, bad: ArrayLike) -> tuple[TierCell, ...]:
    """Return the bad rate by year and rated tier; cells of fewer than `MINIMUM_AGGREGATE` are left out.

    Args:
        tiers: n tiers; `unrated` is passed over.
        years: shape (n,), integers.
        bad: shape (n,), boolean.

    Raises:
        ValueError: the three differ in length.
    """
    each_tier, each_year = np.array([str(tier) for tier in tiers]), np.asarray(years)
    outcomes = np.asarray(bad, dtype=np.bool_)
    if not len(each_tier) == len(each_year) == len(outcomes):
        raise ValueError("tiers: tiers, years and bad must be of one length")
    cells = []
    for year in np.unique(each_year):
        for tier in RATED_TIERS:
            here = (each_year == year) & (each_tier == str(tier))
            if here.sum() >= MINIMUM_AGGREGATE:
                cells.append(TierCell(int(year), tier, int(here.sum()), *_rate(outcomes[here])))
    return tuple(cells)


def tier_plot(tiers: Sequence[Tier], years: ArrayLike, bad: ArrayLike, title: str) -> Figure:
    """Draw `tier_table`: the tiers' bad rates should lie above one another in every year.

    Raises:
        TooFewCustomers: nothing is left to show.
        ValueError: the three differ in length.
    """
    cells = tier_table(tiers, years, bad)
    if not cells:
        raise TooFewCustomers(f"tiers: no tier has {MINIMUM_AGGREGATE} customers in a year")
    figure, axes = _figure(title, 7.2, 4.6)
    for place, tier in enumerate(RATED_TIERS):
        rows = [cell for cell in cells if cell.tier is tier]
        colour, marker = _TIER_STYLES[tier]
        observed = np.array([row.observed for row in rows])
        low, high = np.array([row.low for row in rows]), np.array([row.high for row in rows])
        axes.errorbar(
            # Beside one another, so that intervals of one year can be told apart.
            [row.year + 0.06 * (place - 1.5) for row in rows],
            observed,
            yerr=_whiskers(observed, low, high),
            color=colour,
            marker=marker,
            markersize=5,
            capsize=2,
            linewidth=1.2,
            label=f"{tier} ({sum(row.n for row in rows):,})",
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("year evaluated")
    axes.set_ylabel("observed bad rate")
    axes.legend(frameon=False)
    _note(
        figure, f"95 % Wilson intervals; left out: tiers with under {MINIMUM_AGGREGATE} customers in a year"
    )
    return figure


def _number_bins(values: NDArray[np.float64], shap: NDArray[np.float64], bins: int) -> list[DependenceBin]:
    number = equal_count_bins(values, bins, MINIMUM_AGGREGATE)
    rows = []
    for each in range(int(number.max()) + 1):
        here = number == each
        mean = float(values[here].mean())
        rows.append(DependenceBin(int(here.sum()), mean, f"{mean:.4g}", float(shap[here].mean())))
    return rows


def _category_bins(
    codes: NDArray[np.float64], shap: NDArray[np.float64], categories: Sequence[str]
) -> list[DependenceBin]:
    unknown = [code for code in np.unique(codes) if not (code == int(code) and 0 <= code < len(categories))]
    if unknown:
        raise ValueError(f"dependence: {len(unknown)} category codes have no name; give one name per code")
    seen, sizes = np.unique(codes, return_counts=True)
    counts = {int(code): int(size) for code, size in zip(seen, sizes, strict=True)}
    rarest_first = sorted(counts, key=lambda code: (counts[code], code))
    together: list[int] = []
    while rarest_first and (
        counts[rarest_first[0]] < MINIMUM_AGGREGATE
        or (together and sum(counts[code] for code in together) < MINIMUM_AGGREGATE)
    ):
        together.append(rarest_first.pop(0))
    groups = [([code], categories[code]) for code in rarest_first]
    if together:
        groups.append((together, f"other: {len(together)} categories"))
    rows = []
    for members, label in groups:
        here = np.isin(codes, members)
        rows.append(DependenceBin(int(here.sum()), None, label, float(shap[here].mean())))
    return sorted(rows, key=lambda row: -row.mean_shap)


def _rate(bad: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Return a bad rate and its 95 % interval."""
    found = share_interval(int(bad.sum()), len(bad))
    return found.mean, found.low, found.high


def _whiskers(
    middle: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return lengths down and up, shape (2, n); rounding may leave a hair below zero, which is cut."""
    return np.stack([middle - low, high - middle]).clip(min=0)


def _spread(axes: Axes, values: Sequence[float]) -> None:
    """Use a logarithmic axis where the bins' means span more than two orders of magnitude.

    Where zero or negative values are among them the axis is linear around zero.
    """
    sizes = np.abs(np.array(values))
    sizes = np.sort(sizes[sizes > 0])
    if len(sizes) < 3 or sizes[-1] < 100 * sizes[0]:
        return
    if min(values) > 0:
        axes.set_xscale("log")
    else:
        axes.set_xscale("symlog", linthresh=float(10 ** ceil(np.log10(sizes[0]))))


def _require(customers: int, plot: str) -> None:
    if customers < MINIMUM_AGGREGATE:
        raise TooFewCustomers(f"{plot}: needs at least {MINIMUM_AGGREGATE} customers, got {customers}")


def _figure(title: str, width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _note(figure: Figure, text: str) -> None:
    figure.supxlabel(text, fontsize=8, color=_GREY, x=0.01, ha="left")
