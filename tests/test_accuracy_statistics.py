"""The accuracy benchmark's statistics, folds and keys; the peers themselves are not needed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from benchmarks.accuracy_parts import statistics, store
from benchmarks.accuracy_parts.comparison import compare
from benchmarks.accuracy_parts.folds import (
    SEED,
    Split,
    fold_numbers,
    inner_splits,
    outer_splits,
    repeats_and_folds,
)
from benchmarks.accuracy_parts.glass_boxes import SingleIndicator
from benchmarks.accuracy_parts.report import document, markdown
from benchmarks.accuracy_parts.tables import Filled, Floats, Rows, Table, fold_of
from training.intervals import corrected_interval
from training.metrics import auc, log_loss


def customers(n: int = 400, seed: int = 5) -> Table:
    """Return a data set of three numbers, one with gaps, and a category; every third customer comes twice."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(n, 4))
    matrix[random.random(n) < 0.2, 1] = np.nan
    matrix[:, 3] = random.integers(0, 5, n)
    bad = random.random(n) < expit(matrix[:, 0] - 1)
    return Table("made up", ("a", "b", "c", "d"), matrix, bad, np.arange(n) // 3, (3,), (1, 0, 0, 0))


def test_the_corrected_interval_is_that_of_nadeau_and_bengio() -> None:
    interval = corrected_interval([0.01, 0.02, 0.03, 0.02, 0.02], test_share=0.25)
    # s² = 5e-5, J = 5: the error is sqrt(5e-5 (1/5 + 1/4)); t(0.975; 4) = 2.776445.
    reach = 2.776445 * np.sqrt(5e-5 * 0.45)
    assert interval.mean == pytest.approx(0.02)
    assert (interval.low, interval.high) == pytest.approx((0.02 - reach, 0.02 + reach), rel=1e-6)


def test_one_difference_has_no_interval() -> None:
    interval = corrected_interval([0.01], test_share=0.25)
    assert interval.mean == 0.01
    assert np.isnan([interval.low, interval.high]).all()


def test_the_interval_over_customers_covers_the_true_difference_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    covered = []
    for _ in range(300):
        truth = random.normal(size=400)
        bad = random.random(400) < expit(truth - 1)
        # Two scores of the same quality: the true difference is 0.
        first, second = (truth + random.normal(size=400) for _ in range(2))
        interval = statistics.sampling_interval([statistics.auc_difference(bad, first, second)])
        covered.append(interval.low <= 0 <= interval.high)
    assert 0.91 <= np.mean(covered) <= 0.98


def test_the_difference_is_that_of_the_areas_ties_and_all() -> None:
    random = np.random.default_rng(2)
    bad = random.random(300) < 0.3
    first, second = (np.round(random.normal(size=300) + bad, 1) for _ in range(2))
    difference, variance = statistics.auc_difference(bad, first, second)
    assert difference == pytest.approx(auc(bad, first) - auc(bad, second), abs=1e-12)
    assert variance > 0


def test_the_h_measure_agrees_with_the_package_of_that_name() -> None:
    # The example in the documentation of hmeasure 0.1.6 on PyPI, which follows the authors' R package.
    random = np.random.default_rng(66)
    bad = random.integers(low=0, high=2, size=10) == 1
    score = (1 - 0) * random.random(10) + 0
    assert statistics.h_measure(bad, score) == pytest.approx(0.18889596344769588, abs=1e-12)


def test_the_h_measure_is_one_of_a_perfect_and_zero_of_an_empty_or_reversed_score() -> None:
    bad = np.array([False] * 7 + [True] * 3)
    rising = np.arange(10.0)
    assert statistics.h_measure(bad, rising) == pytest.approx(1.0)
    assert statistics.h_measure(bad, np.zeros(10)) == pytest.approx(0.0, abs=1e-12)
    assert statistics.h_measure(bad, -rising) == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(statistics.h_measure(np.zeros(10, dtype=np.bool_), rising))


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 3.0))
def test_the_parts_of_the_log_loss_add_up_and_are_not_negative(seed: int, slope: float) -> None:
    random = np.random.default_rng(seed)
    margin = random.normal(size=200)
    bad = random.random(200) < expit(margin)
    bad[:2] = [True, False]
    probability = expit(slope * margin)
    parts = statistics.decompose(bad, probability)
    assert parts.log_loss == pytest.approx(log_loss(bad, probability), abs=1e-12)
    together = parts.miscalibration - parts.discrimination + parts.uncertainty
    assert together == pytest.approx(parts.log_loss, abs=1e-12)
    assert parts.miscalibration >= -1e-12
    assert parts.discrimination >= -1e-12


def test_levelled_probabilities_have_the_bad_rate_and_the_order() -> None:
    random = np.random.default_rng(3)
    bad = random.random(500) < 0.2
    probability = expit(random.normal(size=500) - 4)
    levelled = statistics.at_the_right_level(bad, probability)
    assert np.mean(levelled) == pytest.approx(np.mean(bad), abs=1e-9)
    assert np.array_equal(np.argsort(levelled), np.argsort(probability))


def test_ranks_are_averaged_over_the_methods_that_every_set_has() -> None:
    losses = {"one": {"a": 0.1, "b": 0.2, "c": 0.0}, "two": {"b": 0.1, "a": 0.1}}
    assert statistics.mean_ranks(losses) == {"a": 1.25, "b": 1.75}


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_folds_never_part_a_group(seed: int, folds: int) -> None:
    random = np.random.default_rng(seed)
    groups = random.integers(0, 40, 150)
    bad = random.random(150) < 0.3
    fold = fold_numbers(bad, groups, folds, seed)
    assert all(len(np.unique(fold[groups == group])) == 1 for group in np.unique(groups))
    assert set(fold) == set(range(folds))
    assert np.array_equal(fold, fold_numbers(bad, groups, folds, seed))


def test_folds_share_out_the_bad_outcomes() -> None:
    bad = np.arange(1000) % 20 == 0
    fold = fold_numbers(bad, np.arange(1000), 5, 1)
    assert [int(np.sum(bad[fold == number])) for number in range(5)] == [10] * 5


def test_every_customer_is_judged_once_in_each_repeat_and_tuned_on_without_its_group() -> None:
    table = customers()
    splits = list(outer_splits(table, ()))
    repeats, folds = repeats_and_folds(len(table))
    assert len(splits) == repeats * folds
    first = np.concatenate([split.test for split in splits if split.repeat == 0])
    assert np.array_equal(np.sort(first), np.arange(len(table)))
    for split in splits[:folds]:
        assert not np.intersect1d(table.groups[split.training], table.groups[split.test]).size
        rows, _ = fold_of(table, split.training, split.test)
        for fitted, held_out in inner_splits(rows):
            assert not np.intersect1d(rows.groups[fitted], rows.groups[held_out]).size


def test_dated_customers_are_tuned_on_the_newest() -> None:
    table = customers()
    dated = replace(table, days=np.datetime64("2000-01-01") + np.arange(len(table)).astype("timedelta64[D]"))
    rows, _ = fold_of(dated, np.arange(300), np.arange(300, 400))
    assert rows.days is not None
    ((fitted, held_out),) = inner_splits(rows)
    assert np.max(rows.days[fitted]) < np.min(rows.days[held_out])
    assert len(held_out) == 75
    assert not np.intersect1d(rows.groups[fitted], rows.groups[held_out]).size


def test_more_customers_are_never_split_more_often() -> None:
    counts = [int(np.prod(repeats_and_folds(n))) for n in (100, 1_000, 7_000, 30_000, 150_000)]
    assert counts == sorted(counts, reverse=True)


def test_a_year_is_judged_by_what_had_matured_before_it() -> None:
    table = customers(300)
    days = np.datetime64("2000-01-01") + np.arange(300).astype("timedelta64[D]") * 7
    dated = replace(table, days=days, matured_on=days + np.timedelta64(365, "D"))
    (split,) = outer_splits(dated, [2003])
    assert np.max(dated.matured_on[split.training]) <= np.datetime64("2003-01-01")  # type: ignore[index]
    assert set(days[split.test].astype("datetime64[Y]").astype(str)) == {"2003"}


def test_levels_are_numbered_by_what_training_saw() -> None:
    table = customers()
    matrix = table.matrix.copy()
    matrix[:, 3] = np.array([10.0, 7.0])[np.arange(len(table)) % 2]
    matrix[-1, 3], matrix[-2, 3] = 8.0, np.nan
    training = np.arange(len(table) - 2)
    rows, test = fold_of(replace(table, matrix=matrix), training, np.arange(len(table) - 4, len(table)))
    assert rows.levels == {3: 2}
    assert rows.matrix[:2, 3].tolist() == [1.0, 0.0]
    assert test[:2, 3].tolist() == [1.0, 0.0]
    assert np.isnan(test[2, 3])
    assert test[3, 3] == 2.0


def test_filled_columns_hold_no_gap_and_a_flag_where_training_had_one() -> None:
    table = customers()
    rows, test = fold_of(table, np.arange(300), np.arange(300, 400))
    filled = Filled(rows)
    columns = filled(test)
    assert columns.shape == (100, 3 + 1 + 5) == (100, len(filled.directions))
    assert not np.isnan(columns).any()
    assert np.array_equal(columns[:, 3] == 1, np.isnan(test[:, 1]))


def test_a_result_is_found_again_until_anything_that_it_rests_on_changes(
    tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(store.STATE_VARIABLE, str(tmp_path))
    table, method = customers(), SingleIndicator()
    split = Split("0.0", 0, np.arange(300), np.arange(300, 400))
    path = store.path_of(table, split, method, store.method_version(method), SEED)
    assert store.read(path) is None
    kept = store.Result(np.arange(100.0), np.full(100, 0.1), 1.5, 1e-6, {"leaves": 4})
    store.write(path, kept)
    again = store.read(path)
    assert again is not None
    assert np.array_equal(again.score, kept.score)
    assert (again.fit_seconds, again.chosen) == (1.5, {"leaves": 4})

    other_matrix = table.matrix.copy()
    other_matrix[0, 0] += 1e-9
    keys = {
        store.key(table, split, "single", "v1", SEED),
        store.key(table, split, "single", "v2", SEED),
        store.key(table, split, "ebm", "v1", SEED),
        store.key(table, split, "single", "v1", SEED + 1),
        store.key(table, replace(split, training=np.arange(299)), "single", "v1", SEED),
        store.key(replace(table, matrix=other_matrix), split, "single", "v1", SEED),
        store.key(replace(table, directions=(0, 0, 0, 0)), split, "single", "v1", SEED),
    }
    assert len(keys) == 7


def test_a_methods_version_follows_its_code_and_not_its_comments() -> None:
    source = (
        "LEAVES = 4\n"
        'class One:\n    """Says."""\n    def fit(self):\n        return LEAVES\n'
        "class Two:\n    pass\n"
    )
    version = store.code(source, "One")
    assert store.code(source.replace("Says", "Told").replace("4\n", "4  # few\n"), "One") == version
    assert store.code(source.replace("class Two:\n    pass", "class Two:\n    x = 1"), "One") == version
    assert store.code(source.replace("LEAVES = 4", "LEAVES = 5"), "One") != version
    assert store.code(source.replace("return LEAVES", "return 3"), "One") != version


def test_the_learners_version_covers_what_it_imports() -> None:
    names = {path.stem for path in store.imported_by(store.ROOT / "training" / "train.py")}
    assert {"train", "booster", "prior", "points", "calibration"} <= names
    assert "report" not in names


def test_a_comparison_says_who_is_ahead_and_prints() -> None:
    table = customers(900)
    splits = list(outer_splits(table, ()))
    truth = np.nan_to_num(table.matrix[:, 0]) - 1

    def results(margin: Floats) -> list[store.Result]:
        return [
            store.Result(margin[split.test], expit(margin[split.test]), 1.0, 1e-6, {}) for split in splits
        ]

    good, poor = results(truth), results(truth + np.random.default_rng(9).normal(size=900) * 3)
    ahead = compare(table, splits, {"Tierwise": good, "peer": poor}, "Tierwise")
    behind = compare(table, splits, {"Tierwise": poor, "peer": good}, "Tierwise")
    assert ahead.differences["peer"].over_folds.low > 0
    assert not ahead.differences["peer"].deficit
    assert behind.differences["peer"].deficit
    assert behind.differences["peer"].over_customers.high < 0
    lines = markdown([behind], "Tierwise", ["peer"])
    assert any("**yes**" in line for line in lines)
    summary = document([behind], "Tierwise", ["peer"])
    assert summary["deficits"] == {"made up": True}
    assert summary["mean_ranks"] == {
        figure: {"Tierwise": 2.0, "peer": 1.0} for figure in ("log_loss", "brier", "miscalibration")
    }


def test_one_indicator_fits_what_it_names() -> None:
    table = customers(900)
    rows, test = fold_of(table, np.arange(600), np.arange(600, 900))
    assert isinstance(rows, Rows)
    fitted = SingleIndicator().fit(rows, threads=1, seed=SEED)
    assert fitted.chosen == {"indicator": "a"}
    assert auc(table.bad[600:], fitted.predict(test).score) == pytest.approx(
        auc(table.bad[600:], table.matrix[600:, 0]), abs=1e-12
    )
