"""Compiled tables are the booster: its margin and its SHAP values on every input, or a refusal."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.portfolio import Floats
from models.compilation import NotCompilable, compile_boosters
from models.points import Axis, PointsTables, sum_in_order

EXACT = 1e-9
NUMBERS, CATEGORIES = 4, 2
K = NUMBERS + CATEGORIES
FEATURES = [f"f{i}" for i in range(K)]
LEVELS = {4: 9, 5: 3}
CODES = {f"f{i}": levels for i, levels in LEVELS.items()}
QUIET: dict[str, Any] = {
    "objective": "binary", "verbose": -1, "num_threads": 1, "deterministic": True, "force_col_wise": True,
}  # fmt: skip


def training_data(rng: np.random.Generator, n: int, missing: float) -> tuple[Floats, NDArray[np.int64]]:
    """Return features, some coarse and some with many ties at 0, and an outcome that they interact on."""
    x = rng.normal(size=(n, K))
    x[:, 1] = np.round(x[:, 1], 1)
    x[:, 2] = np.where(rng.random(n) < 0.5, 0.0, x[:, 2] * 1e-30)
    x[:, 3] = np.exp(x[:, 3] * 20)
    for feature, levels in LEVELS.items():
        x[:, feature] = rng.integers(0, levels, n)
    z = (
        x[:, 0] * np.sign(x[:, 1])
        + (x[:, 4] % 3 == 1) * (1 + x[:, 0])
        - (x[:, 5] == 0)
        + np.log(x[:, 3]) / 20
    )
    y = rng.random(n) < 1 / (1 + np.exp(-z))
    x[rng.random(x.shape) < missing] = np.nan
    return x, y.astype(np.int64)


@st.composite
def settings_of_boosters(draw: st.DrawFn) -> dict[str, Any]:
    """Draw LightGBM parameters under which at most two features meet on a path."""
    every_pair = [(a, b) for a in range(K) for b in range(a)]
    pairs = draw(st.just(set()) | st.sets(st.sampled_from(every_pair), min_size=2, max_size=6))
    parameters = QUIET | {
        "interaction_constraints": [[i] for i in range(K)] + [list(pair) for pair in sorted(pairs)],
        "num_leaves": draw(st.integers(2, 8)),
        "learning_rate": draw(st.sampled_from([0.05, 0.3, 1.0])),
        "min_data_in_leaf": draw(st.sampled_from([1, 5, 40])),
        "min_sum_hessian_in_leaf": draw(st.sampled_from([1e-3, 1.0])),
        "max_bin": draw(st.sampled_from([3, 15, 255])),
        "min_data_in_bin": draw(st.sampled_from([1, 3])),
        "use_missing": draw(st.booleans()),
        "max_cat_to_onehot": draw(st.sampled_from([1, 4, 32])),
        "min_data_per_group": 1,
        "cat_smooth": draw(st.sampled_from([0.0, 1.0, 10.0])),
        "bagging_fraction": draw(st.sampled_from([0.5, 1.0])),
        "bagging_freq": 1,
        "feature_fraction": draw(st.sampled_from([0.5, 1.0])),
        "boost_from_average": draw(st.booleans()),
        "extra_trees": draw(st.booleans()),
        "path_smooth": draw(st.sampled_from([0.0, 1.0])),
        "boosting": draw(st.sampled_from(["gbdt", "gbdt", "dart"])),
    }
    if draw(st.booleans()):
        parameters["monotone_constraints"] = [draw(st.integers(-1, 1)) for _ in range(NUMBERS)] + [
            0
        ] * CATEGORIES
        parameters["monotone_constraints_method"] = draw(st.sampled_from(["basic", "intermediate"]))
    if draw(st.booleans()):
        parameters["scale_pos_weight"] = 3.0
    return parameters


def trained(
    parameters: dict[str, Any],
    x: Floats,
    y: NDArray[Any],
    rounds: int = 10,
    categories: tuple[int, ...] = (4, 5),
) -> lgb.Booster:
    data = lgb.Dataset(x, y, categorical_feature=list(categories), params={"verbose": -1})
    return lgb.train(parameters, data, rounds)


def thresholds_of(tables: PointsTables) -> list[float]:
    return sorted({threshold for axis in tables.axes for threshold in axis.thresholds})


def awkward_inputs(rng: np.random.Generator, tables: PointsTables, n: int) -> Floats:
    """Return rows on the thresholds and an ulp off them, missing, infinite, denormal, of unseen codes."""
    on = np.array([*thresholds_of(tables), 0.0])
    edges = np.concatenate([on, np.nextafter(on, np.inf), np.nextafter(on, -np.inf)])
    rare = np.array(
        [np.inf, -np.inf, 5e-324, -5e-324, -0.0, 1e-35, -1e-35, 1.0000001e-35, 1e300, 1e308, -1e308]
    )
    z = rng.normal(size=(n, K)) * 3
    z[: n // 2] = rng.choice(edges, size=(n // 2, K))
    z = np.where(rng.random(z.shape) < 0.1, rng.choice(rare, z.shape), z)
    for feature, levels in LEVELS.items():
        z[:, feature] = rng.integers(0, levels + 4, n)
    z[rng.random(z.shape) < 0.1] = np.nan
    z[: len(edges), 0] = edges[:n]
    return z


def assert_exact(boosters: list[lgb.Booster], tables: PointsTables, z: Floats) -> None:
    contributions = tables.contributions(z)
    expected = np.mean([booster.predict(z, pred_contrib=True) for booster in boosters], axis=0)
    margin = np.mean([booster.predict(z, raw_score=True) for booster in boosters], axis=0)
    assert np.abs(contributions - expected[:, :-1]).max() <= EXACT
    assert np.abs(tables.base - expected[:, -1]).max() <= EXACT
    assert np.abs(tables.margin(contributions) - margin).max() <= EXACT


@given(parameters=settings_of_boosters(), seed=st.integers(0, 10**6), missing=st.sampled_from([0.0, 0.15]))
@settings(max_examples=150)
def test_tables_equal_the_mean_of_the_boosters_on_every_input(
    parameters: dict[str, Any], seed: int, missing: float
) -> None:
    rng = np.random.default_rng(seed)
    x, y = training_data(rng, int(rng.integers(30, 400)), missing)
    boosters = [trained(parameters | {"seed": seed + bag}, x, y) for bag in range(1 + seed % 2)]
    tables = compile_boosters(boosters, FEATURES, CODES)
    assert_exact(boosters, tables, np.concatenate([x, awkward_inputs(rng, tables, 400)]))


@given(seed=st.integers(0, 10**6))
@settings(max_examples=10)
def test_one_row_and_many_are_equal_to_the_last_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = training_data(rng, 300, 0.1)
    tables = compile_boosters([trained(ADDITIVE, x, y)], FEATURES, CODES)
    whole = tables.contributions(x)
    for row in range(0, len(x), 7):
        one = tables.contributions(x[row : row + 1])
        assert np.array_equal(one[0], whole[row])
        assert tables.margin(one)[0] == tables.margin(whole)[row]


# Without constraints that would meet on a path: every feature for itself.
ADDITIVE = QUIET | {
    "interaction_constraints": [[i] for i in range(K)], "num_leaves": 6,
    "min_data_in_leaf": 5, "min_data_per_group": 1, "cat_smooth": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("outcome", ["mixed", "all good", "all bad"])
def test_a_booster_that_stops_without_a_split_is_its_base_alone(outcome: str) -> None:
    rng = np.random.default_rng(3)
    x, y = training_data(rng, 50, 0.1)
    y = {"mixed": y, "all good": y * 0, "all bad": y * 0 + 1}[outcome]
    booster = trained(ADDITIVE | {"min_data_in_leaf": 1000}, x, y)
    tables = compile_boosters([booster], FEATURES, CODES)
    assert not tables.axes
    assert_exact([booster], tables, x)


def test_an_early_stopped_booster_is_compiled_as_it_predicts() -> None:
    rng = np.random.default_rng(5)
    x, y = training_data(rng, 300, 0.0)
    data = lgb.Dataset(x, y, categorical_feature=[4, 5], params={"verbose": -1})
    booster = lgb.train(
        ADDITIVE | {"learning_rate": 1.0}, data, 50,
        valid_sets=[lgb.Dataset(*training_data(rng, 300, 0.0), reference=data)],
        callbacks=[lgb.early_stopping(3, verbose=False)],
    )  # fmt: skip
    assert 0 < booster.best_iteration < 47
    assert_exact([booster], compile_boosters([booster], FEATURES, CODES), x)


# Refusals


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"interaction_constraints": None, "num_leaves": 31}, "at most two"),
        ({"zero_as_missing": True}, "zero as missing"),
        ({"linear_tree": True}, "linear leaves"),
        ({"objective": "regression"}, "objective"),
        ({"objective": "cross_entropy"}, "objective"),
        ({"objective": "multiclass", "num_class": 3}, "objective"),
        ({"objective": "none"}, "objective"),
        ({"sigmoid": 0.5}, "sigmoid"),
        ({"sigmoid": 1.5}, "sigmoid"),
        ({"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1}, "averaged output"),
    ],
)
def test_what_cannot_be_compiled_exactly_is_refused_with_the_reason(
    parameters: dict[str, Any], reason: str
) -> None:
    rng = np.random.default_rng(2)
    x, y = training_data(rng, 400, 0.1)
    changed = {name: value for name, value in (ADDITIVE | parameters).items() if value is not None}
    if changed["objective"] == "none":
        changed["objective"] = lambda predicted, data: (predicted - data.get_label(), np.ones_like(predicted))
    data = lgb.Dataset(x, y, categorical_feature=[4, 5], params={"verbose": -1} | parameters_of_data(changed))
    booster = lgb.train(changed, data, 5)
    with pytest.raises(NotCompilable, match=reason):
        compile_boosters([booster], FEATURES, CODES)


def parameters_of_data(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in ("linear_tree", "zero_as_missing") if name in parameters}


def test_a_booster_over_other_features_or_kinds_is_refused() -> None:
    rng = np.random.default_rng(4)
    x, y = training_data(rng, 400, 0.0)
    booster = trained(ADDITIVE, x, y, rounds=40)
    with pytest.raises(NotCompilable, match="6 features, 5 are named"):
        compile_boosters([booster], FEATURES[:5], CODES)
    with pytest.raises(NotCompilable, match="another kind"):
        compile_boosters([booster], FEATURES, {"f5": 3})
    with pytest.raises(NotCompilable, match="another kind"):
        compile_boosters([booster], FEATURES, CODES | {"f0": 3})
    with pytest.raises(NotCompilable, match="beyond those declared"):
        compile_boosters([booster], FEATURES, CODES | {"f4": 1})
    with pytest.raises(NotCompilable, match="no booster"):
        compile_boosters([], FEATURES, CODES)


# Axes


@given(
    thresholds=st.lists(st.floats(allow_nan=False, allow_infinity=False), unique=True, max_size=6),
    value=st.floats(allow_nan=True),
)
def test_a_number_falls_into_the_cell_behind_the_thresholds_below_it(
    thresholds: list[float], value: float
) -> None:
    axis = Axis(0, thresholds=tuple(sorted(thresholds)))
    cell = axis.cell(np.array([value]))[0]
    counted = 0.0 if abs(value) <= 1e-35 else value
    expected = axis.cells - 1 if np.isnan(value) else sum(threshold < counted for threshold in thresholds)
    assert cell == expected


def test_categories_unseen_and_missing_have_cells_of_their_own() -> None:
    axis = Axis(0, codes=3)
    values = np.array([0.0, 1.0, 2.0, 3.0, 99.0, -1.0, np.inf, np.nan])
    assert axis.cell(values).tolist() == [0, 1, 2, 3, 3, 3, 3, 4]
    assert axis.cells == 5


def test_sums_go_from_left_to_right() -> None:
    row = np.array([[1e16, 1.0, -1e16, 1.0]])
    assert sum_in_order(np.zeros(1), row)[0] == ((0.0 + 1e16) + 1.0 - 1e16) + 1.0
    assert sum_in_order(np.zeros(2), np.tile(row, (2, 1))).tolist() == [1.0, 1.0]
