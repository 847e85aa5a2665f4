"""The tables say what the results say: the same figures in the terminal, in Markdown and in JSON."""

import json

import numpy as np
import pytest

from features.terminal import evaluated
from features.terms import RATED_TIERS, Tier
from training.metrics import measure
from training.report import walk_forward_grids, walk_forward_summary
from training.walkforward import SCORERS, YearResult


def result_of(year: int, seed: int, tiers: tuple[Tier, ...]) -> YearResult:
    rng = np.random.default_rng(seed)
    bad = rng.random(len(tiers)) < 0.4
    bad[:2] = True, False
    probabilities = {scorer: rng.random(len(tiers)) for scorer in SCORERS}
    metrics = {scorer: measure(bad, p) for scorer, p in probabilities.items()}
    given = np.array(tiers, dtype=object)
    groups = np.arange(len(tiers))
    return YearResult(year, 12_345, 678, "assets", bad, probabilities, metrics, given, groups)


@pytest.fixture
def results() -> list[YearResult]:
    return [
        result_of(2004, 1, (Tier.PREMIUM, Tier.GOOD, Tier.GENERAL, Tier.RISK) * 5),
        result_of(2005, 2, (Tier.GOOD, Tier.RISK, Tier.UNRATED) * 4),
    ]


def test_every_year_and_the_mean_stand_in_the_tables(results: list[YearResult]) -> None:
    area, loss, tiers = walk_forward_grids(results)
    for grid, figure in ((area, "auc"), (loss, "log_loss")):
        assert [row[0] for row in grid.rows] == ["2004", "2005", "mean"]
        assert grid.columns[4:] == SCORERS
        for row, result in zip(grid.rows, results, strict=False):
            assert row[1:4] == (f"{len(result.bad)}", f"{np.mean(result.bad):.1%}", "12,345")
            assert row[4:] == tuple(f"{getattr(result.metrics[s], figure):.4f}" for s in SCORERS)
        for cell, scorer in zip(grid.rows[-1][4:], SCORERS, strict=True):
            mean = np.mean([getattr(result.metrics[scorer], figure) for result in results])
            assert cell == f"**{mean:.4f}**"
    assert [row[0] for row in tiers.rows] == ["2004", "2005", "all"]
    assert tiers.columns[1:] == tuple(map(str, RATED_TIERS))
    assert tiers.rows[1][1] == "— of 0 (0%)"
    risk = np.concatenate([r.bad[r.tiers == Tier.RISK] for r in results])
    assert tiers.rows[2][4] == f"{np.mean(risk):.1%} of 9 (28%)"


def test_markdown_has_as_many_cells_in_every_line(results: list[YearResult]) -> None:
    for grid in walk_forward_grids(results):
        lines = list(grid.markdown())
        assert len(lines) == len(grid.rows) + 2
        assert {line.count("|") for line in lines} == {len(grid.columns) + 1}
        assert lines[1] == "|" + " --- |" * len(grid.columns)
        assert all(len(row) == len(grid.columns) for row in grid.rows)


def test_the_summary_is_one_line_of_json_with_the_same_means(results: list[YearResult]) -> None:
    summary = walk_forward_summary(results)
    assert "\n" not in json.dumps(summary)
    assert summary["years"] == [2004, 2005]
    for scorer in SCORERS:
        name = f"auc_{scorer.replace(' ', '_').replace(chr(39), '')}"
        mean = np.mean([result.metrics[scorer].auc for result in results])
        assert summary[name] == pytest.approx(mean, abs=5e-5)
    assert summary["share_premium"] == pytest.approx(5 / 32, abs=5e-5)


def test_of_a_table_without_days_no_day_is_told() -> None:
    assert evaluated("2024-01-02", "2024-06-30") == "evaluated 2024-01-02 to 2024-06-30"
    assert evaluated(None, None) == "without days"
