"""Directions are gone through without a gap, and bad rates that fall where they should rise are found."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.portfolio import Floats
from models.booster import RANDOM_SPLITS, Design, Plan, Sample, train_bags
from models.compilation import compile_boosters
from models.packing import axes_by_feature, merged_bounds
from models.points import Axis, PointsTables, Table
from tests.judged import drawn, evidence, with_model
from training.battery import directions
from training.battery.directions import least_step
from training.battery.monotonicity import monotonicity
from training.battery.result import Result, Verdict

FEATURES = ("a", "b", "c", "d")


def random_tables(seed: int, orders: tuple[int, ...]) -> PointsTables:
    """Tables over four features, the last a category, of different thresholds each."""
    rng = np.random.default_rng(seed)

    def axis(feature: int) -> Axis:
        if feature == 3:
            return Axis(feature, codes=2)
        return Axis(feature, tuple(np.unique(rng.integers(-3, 4, rng.integers(1, 4))).astype(float)))

    tables = []
    for order in orders:
        axes = tuple(axis(f) for f in np.sort(rng.choice(4, order, replace=False)).tolist())
        tables.append(Table(axes, rng.normal(size=(order, *(of.cells for of in axes)))))
    return PointsTables(FEATURES, 0.5, tuple(tables))


def by_going_through(tables: PointsTables, feature: int, direction: int) -> float:
    """The least step over every combination of values, by the tables' own look-ups."""
    axes = axes_by_feature(tables.axes)
    values = {
        f: np.concatenate([[-np.inf], merged_bounds(axes[f]), [np.nan]]) if f in axes else np.zeros(1)
        for f in range(len(tables.features))
    }
    others = [values[f] for f in range(len(tables.features)) if f != feature]
    least = np.inf
    for combination in product(*others):
        rows = np.empty((len(values[feature]) - 1, len(tables.features)))
        rows[:, feature] = values[feature][:-1]
        rest = [f for f in range(len(tables.features)) if f != feature]
        rows[:, rest] = combination
        margin = tables.margin(tables.contributions(rows))
        if len(margin) > 1:
            least = min(least, float(np.min(direction * np.diff(margin))))
    return least


ORDERS = st.lists(st.integers(1, 3), min_size=1, max_size=5).map(tuple)


@settings(max_examples=50)
@given(st.integers(0, 10_000), ORDERS, st.integers(0, 2), st.sampled_from([-1, 1]))
def test_the_least_step_is_that_of_all_combinations(
    seed: int, orders: tuple[int, ...], feature: int, direction: int
) -> None:
    tables = random_tables(seed, orders)
    found = least_step(tables, feature, direction)
    if feature not in {axis.feature for axis in tables.axes}:
        assert (found.steps, found.least) == (0, 0.0)
        return
    expected = by_going_through(tables, feature, direction)
    assert found.exact
    assert found.least == pytest.approx(min(expected, np.inf), abs=1e-12)


def test_beyond_what_can_be_held_there_is_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(30):
        tables = random_tables(seed, (2, 3, 3))
        exact = least_step(tables, 1, 1)
        with monkeypatch.context() as patched:
            patched.setattr(directions, "MOST_NUMBERS", 1)
            bound = least_step(tables, 1, 1)
        assert bound.least <= exact.least + 1e-12
        if bound.exact:
            assert bound.least == pytest.approx(exact.least, abs=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_boosters_that_are_held_to_directions_keep_to_them_and_a_flaw_is_found(order: int) -> None:
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(1500, 4))
    truth = matrix[:, 0] - matrix[:, 1] * (matrix[:, 2] > 0)
    bad = drawn(1 / (1 + np.exp(-truth)))
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    design = Design(FEATURES, (1, -1, 0, 0), ())
    sample = Sample(matrix, bad, np.zeros(1500))
    tables = compile_boosters(train_bags(sample, design, Plan(RANDOM_SPLITS, order), 30, 1, 3), FEATURES, {})
    for feature, direction in ((0, 1), (1, -1)):
        step = least_step(tables, feature, direction)
        assert step.exact and step.steps > 5
        assert step.least >= -1e-9
        assert least_step(tables, feature, -direction).least < -1e-3
    # One cell of one table, in the middle of the first feature's ranges.
    place, table = next((i, t) for i, t in enumerate(tables.tables) if t.features[0] == 0)
    contributions: Floats = table.contributions.copy()
    contributions[0][(contributions.shape[1] // 2,) + (0,) * (contributions.ndim - 2)] -= 3.0
    flawed = list(tables.tables)
    flawed[place] = replace(table, contributions=contributions)
    assert least_step(replace(tables, tables=tuple(flawed)), 0, 1).least < -1e-3


# Checks


def of_id(results: list[Result], id_: str) -> Result:
    (found,) = [result for result in results if result.id == id_]
    return found


def test_a_candidate_in_order_passes() -> None:
    results = list(monotonicity(evidence()))
    assert [result.verdict for result in results] == [Verdict.PASSED] * 3
    kept = of_id(results, "monotonicity.directions")
    assert kept.n is None and {part.name.en for part in kept.parts} == {
        "assets",
        "margin",
        "leverage",
        "late",
    }


def test_outcomes_that_fall_from_tier_to_tier_fail() -> None:
    whole = evidence()
    turned = replace(whole, data=replace(whole.data, bad=drawn(1 - whole.probability)))
    results = list(monotonicity(turned))
    assert of_id(results, "monotonicity.tiers").verdict is Verdict.FAILED
    assert of_id(results, "monotonicity.bands").verdict is Verdict.FAILED


def test_a_model_against_a_declared_direction_fails() -> None:
    whole = evidence()
    model = whole.model
    tables = tuple(replace(table, contributions=-table.contributions) for table in model.correction.tables)
    turned = replace(model, correction=replace(model.correction, tables=tables))
    result = of_id(list(monotonicity(with_model(whole, turned))), "monotonicity.directions")
    assert result.verdict is Verdict.FAILED
    assert result.value is not None and result.value < -0.01


def test_what_cannot_be_gone_through_is_not_called_either(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = evidence()
    patched = directions.Step(-1.0, 10, exact=False)
    monkeypatch.setattr("training.battery.monotonicity.least_step", lambda *of: patched)
    result = of_id(list(monotonicity(whole)), "monotonicity.directions")
    assert result.verdict is Verdict.NOT_ENOUGH_DATA
