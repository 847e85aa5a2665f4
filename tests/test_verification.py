"""The recomputation accepts what trained boosters say and catches every planted defect."""

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.verification import ExplanationMismatch, Verification, verify_explanations

NAMES = ["amount", "employees", "sector", "guaranteed_share", "age"]
SECTOR = 2


def customers(seed: int, rows: int) -> NDArray[np.float64]:
    """Return numbers with missing values, and a category with 15 codes and unseen ones."""
    draw = np.random.default_rng(seed)
    matrix = draw.normal(size=(rows, len(NAMES)))
    matrix[:, SECTOR] = draw.integers(0, 15, rows)
    matrix[draw.random(matrix.shape) < 0.15] = np.nan
    return matrix


@pytest.fixture(scope="module")
def boosters() -> list[lightgbm.Booster]:
    """Three bags trained on customers with missing values and a category, one read back from its text."""
    matrix, draw = customers(1, 3000), np.random.default_rng(2)
    log_odds = np.nan_to_num(matrix[:, 0]) - 2 + (np.nan_to_num(matrix[:, SECTOR]) % 4 == 1) * matrix[:, 3]
    bad = draw.random(len(matrix)) < 1 / (1 + np.exp(-np.nan_to_num(log_odds)))
    settings = {"objective": "binary", "num_leaves": 6, "verbose": -1, "num_threads": 1, "bagging_freq": 1}
    bags = []
    for seed in range(3):
        data = lightgbm.Dataset(matrix, bad, feature_name=NAMES, categorical_feature=[SECTOR])
        bags.append(lightgbm.train(settings | {"bagging_fraction": 0.7, "seed": seed}, data, 30))
    assert "cat_boundaries" in bags[0].model_to_string()
    return [*bags[:2], lightgbm.Booster(model_str=bags[2].model_to_string())]


def explained(
    boosters: list[lightgbm.Booster], matrix: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return SHAP values and base as LightGBM itself gives them, averaged over the bags."""
    found = np.mean([np.asarray(bag.predict(matrix, pred_contrib=True)) for bag in boosters], axis=0)
    return found[:, :-1], float(found[0, -1])


def test_right_explanations_pass_with_categories_and_missing_values(boosters: list[lightgbm.Booster]) -> None:
    matrix = customers(3, 1000)
    matrix[0], matrix[1], matrix[2, SECTOR] = np.nan, np.inf, 99
    values, base = explained(boosters, matrix)
    found = verify_explanations(boosters, matrix, values, base)
    assert isinstance(found, Verification)
    assert (found.rows, found.indicators) == matrix.shape
    assert max(found.largest_difference, found.base_difference, found.sum_difference) < 1e-12


def test_a_single_row_and_a_single_booster_can_be_verified(boosters: list[lightgbm.Booster]) -> None:
    matrix = customers(4, 1)
    assert verify_explanations(boosters[:1], matrix, *explained(boosters[:1], matrix)).rows == 1


def test_a_booster_that_learned_nothing_can_be_verified() -> None:
    matrix = customers(5, 40)
    data = lightgbm.Dataset(matrix, np.arange(40) % 2, free_raw_data=False)
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 100}, data, 3)
    values, base = explained([booster], matrix)
    assert verify_explanations([booster], matrix, values, base).largest_difference == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.integers(0, 4), st.floats(1.1e-6, 1e3), st.booleans())
def test_any_single_wrong_value_is_caught_and_its_indicator_named(
    boosters: list[lightgbm.Booster], row: int, indicator: int, error: float, lower: bool
) -> None:
    matrix = customers(6, 100)
    values, base = explained(boosters, matrix)
    values[row, indicator] += -error if lower else error
    with pytest.raises(ExplanationMismatch, match=rf"indicator {indicator} \({NAMES[indicator]}\)"):
        verify_explanations(boosters, matrix, values, base)


def test_a_swapped_sign_is_caught(boosters: list[lightgbm.Booster]) -> None:
    matrix = customers(7, 50)
    values, base = explained(boosters, matrix)
    values[:, 3] *= -1
    with pytest.raises(ExplanationMismatch, match="guaranteed_share"):
        verify_explanations(boosters, matrix, values, base)


def test_a_shifted_base_is_caught(boosters: list[lightgbm.Booster]) -> None:
    matrix = customers(8, 50)
    values, base = explained(boosters, matrix)
    with pytest.raises(ExplanationMismatch, match="base differs by 2e-06"):
        verify_explanations(boosters, matrix, values, base + 2e-6)


def test_a_stale_column_is_caught(boosters: list[lightgbm.Booster]) -> None:
    matrix = customers(9, 50)
    values, base = explained(boosters, matrix)
    values[:, 0] = explained(boosters, customers(10, 50))[0][:, 0]
    with pytest.raises(ExplanationMismatch, match=r"\(amount\)"):
        verify_explanations(boosters, matrix, values, base)


def test_two_exchanged_columns_are_caught_although_the_sum_is_right(boosters: list[lightgbm.Booster]) -> None:
    matrix = customers(11, 50)
    values, base = explained(boosters, matrix)
    with pytest.raises(ExplanationMismatch):
        verify_explanations(boosters, matrix, values[:, [0, 3, 2, 1, 4]], base)


def test_small_differences_that_add_up_are_caught(boosters: list[lightgbm.Booster]) -> None:
    matrix = customers(16, 50)
    values, base = explained(boosters, matrix)
    with pytest.raises(ExplanationMismatch, match="add up"):
        verify_explanations(boosters, matrix, values + 0.5e-6, base)


def test_explanations_of_one_bag_are_caught(boosters: list[lightgbm.Booster]) -> None:
    matrix = customers(12, 50)
    with pytest.raises(ExplanationMismatch):
        verify_explanations(boosters, matrix, *explained(boosters[:1], matrix))


@pytest.mark.parametrize("planted", [np.nan, np.inf])
def test_what_is_no_number_is_caught(boosters: list[lightgbm.Booster], planted: float) -> None:
    matrix = customers(13, 50)
    values, base = explained(boosters, matrix)
    with pytest.raises(ExplanationMismatch, match="base"):
        verify_explanations(boosters, matrix, values, planted)
    values[4, 1] = planted
    with pytest.raises(ExplanationMismatch, match="employees"):
        verify_explanations(boosters, matrix, values, base)


def test_the_message_is_one_line_and_names_no_value(boosters: list[lightgbm.Booster]) -> None:
    matrix = customers(14, 50)
    values, base = explained(boosters, matrix)
    values[7, 0] += 1
    with pytest.raises(ExplanationMismatch) as caught:
        verify_explanations(boosters, matrix, values, base, names=["a", "b", "c", "d", "e"])
    assert str(caught.value) == (
        "explanations: SHAP values of indicator 0 (a) differ by up to 1 from those recomputed over 50 rows"
        " (allowed: 1e-06); do not promote this model"
    )


@pytest.mark.parametrize(
    ("rows", "columns", "bags", "reason"),
    [(0, 5, 3, "rows and columns"), (4, 4, 3, "knows 5"), (4, 5, 0, "at least one booster")],
)
def test_what_cannot_be_compared_is_refused(
    boosters: list[lightgbm.Booster], rows: int, columns: int, bags: int, reason: str
) -> None:
    matrix = np.zeros((rows, columns))
    with pytest.raises(ValueError, match=reason):
        verify_explanations(boosters[:bags], matrix, matrix, 0.0)


def test_several_outputs_are_refused() -> None:
    matrix = customers(15, 60)
    data = lightgbm.Dataset(matrix, np.arange(60) % 3)
    several = lightgbm.train({"objective": "multiclass", "num_class": 3, "verbose": -1}, data, 2)
    with pytest.raises(ValueError, match="several outputs"):
        verify_explanations([several], matrix, matrix, 0.0)
