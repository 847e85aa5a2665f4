"""Compiled tables are the booster: its margin and its SHAP values on every input, or a refusal."""

import itertools
import json
import math
import re
from pathlib import Path
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
# The sets of one, two and three features that may meet on a path.
PATHS = {order: list(itertools.combinations(range(K), order)) for order in (1, 2, 3)}
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
    """Draw LightGBM parameters under which at most three features meet on a path."""
    pairs = draw(st.just(set()) | st.sets(st.sampled_from(PATHS[2]), min_size=2, max_size=6))
    triples = draw(st.just(set()) | st.sets(st.sampled_from(PATHS[3]), min_size=1, max_size=5))
    parameters = QUIET | {
        "interaction_constraints": [list(path) for path in (*PATHS[1], *sorted(pairs), *sorted(triples))],
        "num_leaves": draw(st.integers(2, 16)),
        "learning_rate": draw(st.sampled_from([0.05, 0.3, 1.0])),
        "min_data_in_leaf": draw(st.sampled_from([1, 5, 40])),
        "min_sum_hessian_in_leaf": draw(st.sampled_from([1e-3, 1.0])),
        "max_bin": draw(st.sampled_from([3, 15, 33] if triples else [3, 15, 255])),
        "min_data_in_bin": draw(st.sampled_from([1, 3])),
        "use_missing": draw(st.booleans()),
        "max_cat_to_onehot": draw(st.sampled_from([1, 4, 32])),
        "min_data_per_group": 1,
        "cat_smooth": draw(st.sampled_from([0.0, 1.0, 10.0])),
        "cat_l2": draw(st.sampled_from([0.0, 10.0])),
        "max_cat_threshold": draw(st.sampled_from([1, 32])),
        "feature_fraction": draw(st.sampled_from([0.5, 1.0])),
        "boost_from_average": draw(st.booleans()),
        "extra_trees": draw(st.booleans()),
        "path_smooth": draw(st.sampled_from([0.0, 1.0])),
        "boosting": draw(st.sampled_from(["gbdt", "gbdt", "dart"])),
        "use_quantized_grad": draw(st.sampled_from([False, False, True])),
        **draw(
            st.sampled_from(
                [{"data_sample_strategy": "goss"}, {"bagging_fraction": 0.5, "bagging_freq": 1}, {}]
            )
        ),
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
    return lgb.train(parameters, dataset(x, y, parameters, categories), rounds)


def dataset(
    x: Floats, y: NDArray[Any], parameters: dict[str, Any], categories: tuple[int, ...] = (4, 5), **more: Any
) -> lgb.Dataset:
    """Return a dataset that is binned as the parameters say."""
    names = ("linear_tree", "zero_as_missing", "use_missing", "max_bin", "min_data_in_bin")
    binning = {"verbose": -1} | {name: parameters[name] for name in names if name in parameters}
    return lgb.Dataset(x, y, categorical_feature=list(categories), params=binning, **more)


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


def assert_exact(boosters: list[lgb.Booster], tables: PointsTables, z: NDArray[np.floating[Any]]) -> None:
    contributions = tables.contributions(z.astype(np.float64))
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
    inputs = np.concatenate([x, awkward_inputs(rng, tables, 400)])
    assert_exact(boosters, tables, inputs)
    with np.errstate(over="ignore"):
        assert_exact(boosters, tables, inputs.astype(np.float32))


def test_boosters_of_three_features_a_path_split_in_every_way_that_lightgbm_knows() -> None:
    """What the property above draws holds every case that a test can be of."""
    kinds: set[tuple[str, str, bool]] = set()
    orders: set[int] = set()
    for seed, parameters in enumerate(
        [THREES, THREES | {"max_cat_to_onehot": 32}, {**THREES, "use_missing": False}]
    ):
        rng = np.random.default_rng(seed)
        x, y = training_data(rng, 400, 0.15)
        booster = trained(parameters, x, y, rounds=40)
        tables = compile_boosters([booster], FEATURES, CODES)
        orders |= {len(table.axes) for table in tables.tables}
        for node in splits(booster):
            kind = "set" if "||" in str(node["threshold"]) else node["decision_type"]
            kinds.add((kind, node["missing_type"], node["default_left"]))
        assert_exact([booster], tables, np.concatenate([x, awkward_inputs(rng, tables, 4000)]))
    numeric = {("<=", missing, left) for missing, left in (("NaN", True), ("NaN", False), ("None", True))}
    assert numeric <= kinds
    assert {kind for kind, _, _ in kinds} == {"<=", "==", "set"}
    assert orders == {1, 2, 3}


def splits(booster: lgb.Booster) -> list[dict[str, Any]]:
    """Return all split nodes of a booster's dump."""
    nodes = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    found = []
    while nodes:
        node = nodes.pop()
        if "split_feature" in node:
            found.append(node)
            nodes += [node["left_child"], node["right_child"]]
    return found


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


# Every game that a tree plays


@given(parameters=settings_of_boosters(), seed=st.integers(0, 10**6))
@settings(max_examples=25)
def test_tables_are_the_shapley_values_over_all_subsets_of_the_features(
    parameters: dict[str, Any], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y = training_data(rng, 150, 0.15)
    booster = trained(parameters, x, y, rounds=3)
    tables = compile_boosters([booster], FEATURES, CODES)
    rows = np.concatenate([x[:6], awkward_inputs(rng, tables, 30)[:6]])
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    for row, contributions in zip(rows, tables.contributions(rows), strict=True):
        games = {
            known: sum(expectation(tree, row, known) for tree in trees)
            for size in range(K + 1)
            for known in map(frozenset, itertools.combinations(range(K), size))
        }
        assert abs(games[frozenset()] - tables.base) <= 1e-12
        for feature in range(K):
            value = sum(
                math.factorial(len(known)) * math.factorial(K - len(known) - 1) / math.factorial(K)
                * (games[known | {feature}] - games[known])
                for known in games if feature not in known
            )  # fmt: skip
            assert abs(value - contributions[feature]) <= 1e-12


def expectation(node: dict[str, Any], row: Floats, known: frozenset[int]) -> float:
    """Return a tree's value where only some features are known: the others' branches weighted by cover."""
    if "split_feature" not in node:
        return float(node["leaf_value"])
    left, right = (expectation(node[child], row, known) for child in CHILDREN)
    if node["split_feature"] in known:
        return left if goes_left(node, float(row[node["split_feature"]])) else right
    covers = [node[child].get("internal_count", node[child].get("leaf_count")) for child in CHILDREN]
    return float((covers[0] * left + covers[1] * right) / sum(covers))


CHILDREN = ("left_child", "right_child")


def goes_left(node: dict[str, Any], value: float) -> bool:
    """Decide a split as LightGBM's documentation says."""
    if node["decision_type"] == "==":
        return not math.isnan(value) and str(int(value)) in node["threshold"].split("||")
    if math.isnan(value) and node["missing_type"] == "NaN":
        return bool(node["default_left"])
    number = 0.0 if math.isnan(value) or abs(value) <= float(np.float32(1e-35)) else value
    threshold = math.inf if node["threshold"] == 1e300 else node["threshold"]
    return bool(number <= threshold)


# Settings of their own

ADDITIVE = QUIET | {
    "interaction_constraints": [[i] for i in range(K)], "num_leaves": 6,
    "min_data_in_leaf": 5, "min_data_per_group": 1, "cat_smooth": 1.0,
}  # fmt: skip
THREES = ADDITIVE | {
    "interaction_constraints": [*map(list, PATHS[1]), [0, 1], [0, 1, 4], [2, 3, 5]],
    "num_leaves": 12,
    "max_bin": 33,
    "max_cat_to_onehot": 1,
}


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
    data = dataset(x, y, ADDITIVE)
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
        ({"interaction_constraints": None, "num_leaves": 31}, "at most 3 can be compiled: train with inter"),
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
    booster = trained(changed, x, y, rounds=5)
    with pytest.raises(NotCompilable, match=reason):
        compile_boosters([booster], FEATURES, CODES)


def test_a_path_of_four_features_is_refused_by_their_indices() -> None:
    x, y = training_data(np.random.default_rng(9), 400, 0.1)
    parameters = THREES | {"interaction_constraints": [[0, 1, 3, 4]], "num_leaves": 31}
    with pytest.raises(NotCompilable, match=re.escape("tests 4 features (0, 1, 3 and 4)")):
        compile_boosters([trained(parameters, x, y, rounds=20)], FEATURES, CODES)


@pytest.mark.parametrize("bins", [33, 40])
def test_a_table_of_three_features_has_at_most_34_cells_a_side(bins: int) -> None:
    rng = np.random.default_rng(10)
    x, y = training_data(rng, 3000, 0.0)
    parameters = THREES | {"interaction_constraints": [[0, 1, 3]], "max_bin": bins, "extra_trees": True}
    booster = trained(parameters, x, y, rounds=300)
    if bins > 33:
        with pytest.raises(NotCompilable, match=r"table of features 0, 1 and 3 has \d+ x \d+ x \d+ cells"):
            compile_boosters([booster], FEATURES, CODES)
    else:
        tables = compile_boosters([booster], FEATURES, CODES)
        assert max(axis.cells for table in tables.of_order(3) for axis in table.axes) in (33, 34)
        assert_exact([booster], tables, awkward_inputs(rng, tables, 1000))


@pytest.mark.parametrize("value", [1e305, -1e305, 1e300, -1e300, np.inf, -np.inf])
def test_splits_among_values_that_the_dump_rounds_are_exact_or_refused(value: float) -> None:
    """LightGBM dumps 1e305 as 1e300; a compiled model would part other customers than the booster does."""
    rng = np.random.default_rng(11)
    x, y = training_data(rng, 400, 0.1)
    x[:200, 3] = value
    x[:100, 3] *= 0.5
    y[:200], y[200:] = np.arange(200) < 90, rng.random(200) < 0.9
    booster = trained(ADDITIVE, x, y)
    try:
        tables = compile_boosters([booster], FEATURES, CODES)
    except NotCompilable as refusal:
        reason = r"feature 3 is split among values beyond ±1e\+300.*remove or rescale them"
        assert re.search(reason, str(refusal))
        assert value in (1e305, -1e305)
    else:
        z = np.repeat(x, 5, axis=0)
        z[:, 3] = rng.choice([-1, 1], len(z)) * 10.0 ** rng.uniform(290, 308, len(z))
        assert_exact([booster], tables, np.concatenate([x, z]))


@pytest.mark.parametrize(
    ("part", "written", "reason"),
    [
        ("leaf_value", "nan", "no finite number"),
        ("leaf_value", "inf", "no finite number"),
        ("internal_count", "0", "without cover"),
        ("leaf_count", "0", "without cover"),
    ],
)
def test_a_text_model_that_holds_no_sensible_numbers_is_refused(part: str, written: str, reason: str) -> None:
    x, y = training_data(np.random.default_rng(12), 400, 0.1)
    text = trained(THREES, x, y).model_to_string()
    changed = re.sub(rf"(?m)^{part}=\S+", f"{part}={written}", text, count=1)
    booster = lgb.Booster(model_str=re.sub(r"tree_sizes=.*\n", "", changed))
    with pytest.raises(NotCompilable, match=reason):
        compile_boosters([booster], FEATURES, CODES)


# Boosters with a past


@pytest.mark.parametrize("past", ["text", "continued", "refitted", "offset", "forced"])
def test_a_booster_that_was_not_trained_in_one_go_is_compiled_as_it_predicts(
    past: str, tmp_path: Path
) -> None:
    rng = np.random.default_rng(13)
    (x, y), (other, outcome) = training_data(rng, 500, 0.1), training_data(rng, 300, 0.2)
    booster = trained(THREES, x, y, rounds=20)
    match past:
        case "text":
            booster = lgb.Booster(model_str=booster.model_to_string())
        case "continued":
            more = dataset(other, outcome, THREES, free_raw_data=False)
            booster = lgb.train(THREES, more, 10, init_model=booster)
            assert booster.num_trees() == 30
        case "refitted":
            booster = booster.refit(other, outcome, decay_rate=0.1)
        case "offset":
            booster = lgb.train(THREES, dataset(x, y, THREES, init_score=rng.normal(size=len(y))), 20)
        case "forced":
            forced = {"feature": 4, "threshold": 3, "left": {"feature": 1, "threshold": 0.1}}
            (tmp_path / "splits.json").write_text(json.dumps(forced))
            booster = trained(THREES | {"forcedsplits_filename": str(tmp_path / "splits.json")}, x, y)
    tables = compile_boosters([booster], FEATURES, CODES)
    assert tables.of_order(3)
    assert_exact([booster], tables, np.concatenate([x, other, awkward_inputs(rng, tables, 400)]))


def test_categories_that_training_did_not_see_as_such_go_where_the_booster_sends_them() -> None:
    """Negative codes count as missing in training; fractions count as the code below them."""
    rng = np.random.default_rng(14)
    x, y = training_data(rng, 500, 0.1)
    x[:60, 4], x[60:120, 4] = -3, 2.5
    booster = trained(THREES, x, y, rounds=20)
    tables = compile_boosters([booster], FEATURES, CODES)
    rare = [-1, -3, 2.5, 8.9, 9, 2**31 - 1, 2**31, 2**32 + 1, 1e300, np.inf, -np.inf, 0.0, -0.0, np.nan]
    z = np.repeat(x[:50], len(rare), axis=0)
    z[:, 4] = np.tile(rare, 50)
    assert_exact([booster], tables, z)


def test_a_booster_over_other_features_or_kinds_is_refused() -> None:
    rng = np.random.default_rng(4)
    x, y = training_data(rng, 400, 0.0)
    booster = trained(ADDITIVE, x, y, rounds=40)
    with pytest.raises(NotCompilable, match="6 features, 5 are named"):
        compile_boosters([booster], FEATURES[:5], CODES)
    named = lgb.train(ADDITIVE, dataset(x, y, ADDITIVE, feature_name=[*FEATURES[:5], "age"]), 5)
    with pytest.raises(NotCompilable, match="feature 5 is age in the booster and named f5"):
        compile_boosters([named], FEATURES, CODES)
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
