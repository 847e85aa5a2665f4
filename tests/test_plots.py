"""No plot shows fewer than `MINIMUM_AGGREGATE` customers, and what it shows is what the data says."""

import io
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from features.terms import RATED_TIERS, Tier
from models.disclosure import MINIMUM_AGGREGATE
from training.plots import (
    TooFewCustomers,
    calibration_plot,
    calibration_table,
    dependence_plot,
    dependence_table,
    importance_plot,
    tier_plot,
    tier_table,
)

SEEDS = st.integers(0, 10_000)
SIZES = st.integers(0, 300)


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer)
    return buffer.getvalue()


def test_an_aggregate_is_at_least_twenty_customers() -> None:
    assert MINIMUM_AGGREGATE == 20


@given(SEEDS, SIZES, st.integers(1, 60))
def test_every_calibration_bin_holds_the_minimum_and_all_customers_are_in_one(
    seed: int, size: int, bins: int
) -> None:
    draw = np.random.default_rng(seed)
    probability = draw.choice(draw.random(12), size) if seed % 2 else draw.random(size)
    bad = draw.random(size) < probability
    if size < MINIMUM_AGGREGATE:
        with pytest.raises(TooFewCustomers):
            calibration_table(bad, probability, bins)
        return
    table = calibration_table(bad, probability, bins)
    assert min(row.n for row in table) >= MINIMUM_AGGREGATE
    assert sum(row.n for row in table) == size
    assert sum(row.n * row.observed for row in table) == pytest.approx(bad.sum())
    assert all(row.low - 1e-12 <= row.observed <= row.high + 1e-12 for row in table)


@given(SEEDS, SIZES, st.booleans(), st.integers(1, 60))
def test_every_dependence_bin_holds_the_minimum(seed: int, size: int, categorical: bool, bins: int) -> None:
    draw = np.random.default_rng(seed)
    values = np.floor(draw.exponential(3, size)).clip(0, 19) if categorical else draw.normal(size=size)
    values[draw.random(size) < 0.1] = np.nan
    shap_values = draw.normal(size=size)
    categories = [f"sector {code}" for code in range(20)] if categorical else None
    try:
        table = dependence_table(values, shap_values, categories, bins)
    except TooFewCustomers:
        assert np.isfinite(values).sum() < MINIMUM_AGGREGATE
        assert np.isnan(values).sum() < MINIMUM_AGGREGATE
        return
    assert min(row.n for row in table) >= MINIMUM_AGGREGATE
    left_out = size - sum(row.n for row in table)
    assert left_out < MINIMUM_AGGREGATE or np.isfinite(values).sum() < MINIMUM_AGGREGATE
    if left_out == 0:
        assert sum(row.n * row.mean_shap for row in table) == pytest.approx(shap_values.sum())


@given(SEEDS, SIZES)
def test_no_shown_position_is_one_customers_value(seed: int, size: int) -> None:
    values = np.random.default_rng(seed).normal(size=size + MINIMUM_AGGREGATE)
    shown = [row.value for row in dependence_table(values, values)]
    assert not set(shown) & set(values.tolist())


def test_rare_categories_are_shown_together_and_draw_in_the_next_rarest_while_too_few() -> None:
    codes = np.repeat([0, 1, 2, 3], [100, 30, 5, 4]).astype(float)
    table = dependence_table(codes, np.ones(len(codes)), ["a", "b", "c", "d"])
    assert {(row.label, row.n) for row in table} == {("a", 100), ("other: 3 categories", 39)}


def test_too_few_missing_values_are_left_out() -> None:
    values = np.arange(100.0)
    values[:19] = np.nan
    assert "missing" not in {row.label for row in dependence_table(values, np.zeros(100))}
    values[:20] = np.nan
    assert "missing" in {row.label for row in dependence_table(values, np.zeros(100))}


def test_a_category_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="one name per code"):
        dependence_table(np.full(30, 7.0), np.zeros(30), ["a", "b"])


@given(SEEDS, SIZES)
def test_every_tier_cell_holds_the_minimum(seed: int, size: int) -> None:
    draw = np.random.default_rng(seed)
    tiers = [Tier(tier) for tier in draw.choice([str(tier) for tier in Tier], size)]
    years, bad = draw.integers(2004, 2007, size), draw.random(size) < 0.2
    cells = tier_table(tiers, years, bad)
    assert all(cell.n >= MINIMUM_AGGREGATE and cell.tier in RATED_TIERS for cell in cells)
    for cell in cells:
        here = [tier is cell.tier and year == cell.year for tier, year in zip(tiers, years, strict=True)]
        assert cell.n == sum(here)
        assert cell.observed == pytest.approx(bad[here].mean())


@settings(max_examples=6, deadline=None)
@given(SEEDS, st.integers(20, 200), st.sampled_from([0.0, 0.5, 1.0]))
def test_every_plot_renders_whatever_the_data(seed: int, size: int, share: float) -> None:
    draw = np.random.default_rng(seed)
    bad, probability = draw.random(size) < share, draw.choice([0.0, 0.3, 1.0], size)
    values = draw.normal(size=size) * np.exp(draw.normal(size=size) * 4)
    tiers = [Tier.RISK] * size
    for figure in (
        calibration_plot(bad, probability, "calibration"),
        importance_plot(draw.normal(size=(size, 30)), [str(i) for i in range(30)], "importance"),
        dependence_plot(values, values, "amount"),
        dependence_plot(np.full(size, np.nan), values, "never known"),
        dependence_plot(np.zeros(size), values, "sector", ["retail"]),
        tier_plot(tiers, np.full(size, 2004), bad, "tiers"),
    ):
        assert png(figure).startswith(b"\x89PNG")


def test_too_few_customers_give_no_plot() -> None:
    few = MINIMUM_AGGREGATE - 1
    draws: list[Callable[[], Figure]] = [
        lambda: calibration_plot(np.zeros(few, dtype=bool), np.zeros(few), "calibration"),
        lambda: importance_plot(np.zeros((few, 2)), ["a", "b"], "importance"),
        lambda: dependence_plot(np.zeros(few), np.zeros(few), "amount"),
        lambda: tier_plot([Tier.RISK] * few, np.full(few, 2004), np.zeros(few, dtype=bool), "tiers"),
    ]
    for draw in draws:
        with pytest.raises(TooFewCustomers, match="20"):
            draw()


def test_the_largest_indicators_are_on_top_and_the_rest_is_summed() -> None:
    rows = np.tile([1.0, -3.0, 2.0, -0.5], (20, 1))
    axes = importance_plot(rows, ["a", "b", "c", "d"], "importance", shown=2).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "c", "2 others, summed"]
    assert [bar.get_width() for bar in axes.patches] == [3.0, 2.0, 1.5]  # type: ignore[attr-defined]


def test_plotting_leaves_pyplot_alone() -> None:
    program = "import sys, training.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
