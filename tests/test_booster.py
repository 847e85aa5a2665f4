"""The booster keeps to its pairs and directions, refuses what it cannot learn, and repeats itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from features.portfolio import Floats
from models.booster import (
    FEWEST_ROUNDS,
    Design,
    Sample,
    Untrainable,
    check_sample,
    choose_pairs,
    choose_rounds,
    train_bags,
)
from models.compilation import compile_boosters
from models.points import PointsTables

K = 6
DESIGN = Design(tuple(f"f{i}" for i in range(K)), (1, -1, 0, 1, 0, 0), (5,))
CODES = {"f5": 5}
PAIRS = ((0, 2), (1, 5))


def sample_of(n: int = 1500, seed: int = 1) -> Sample:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, K))
    matrix[:, 5] = rng.integers(0, 5, n)
    truth = -1 + matrix[:, 0] - matrix[:, 1] + matrix[:, 2] * (matrix[:, 0] > 0) + (matrix[:, 5] == 2)
    truth += 0.4 * matrix[:, 3] * matrix[:, 4]
    bad = rng.random(n) < 1 / (1 + np.exp(-truth))
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    return Sample(matrix, bad, np.full(n, logit(np.mean(bad))))


def compiled(sample: Sample, rounds: int = 40, threads: int = 1, seed: int = 3) -> PointsTables:
    bags = train_bags(sample, DESIGN, PAIRS, rounds, threads, seed)
    return compile_boosters(bags, DESIGN.features, CODES)


@pytest.fixture(scope="module")
def tables() -> PointsTables:
    return compiled(sample_of())


def awkward_rows(seed: int, n: int = 200) -> Floats:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, K)) * 10.0 ** rng.integers(-3, 4, (n, K))
    matrix[:, 5] = rng.integers(0, 9, n)
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    return matrix


def test_only_the_chosen_pairs_interact(tables: PointsTables) -> None:
    found = {(pair.first.feature, pair.second.feature) for pair in tables.pairs}
    assert found == set(PAIRS)


@given(seed=st.integers(0, 10**6), feature=st.sampled_from([0, 1, 3]), step=st.floats(1e-6, 1e6))
@settings(max_examples=40)
def test_the_margin_never_moves_against_a_direction(
    tables: PointsTables, seed: int, feature: int, step: float
) -> None:
    matrix = awkward_rows(seed)
    moved = matrix.copy()
    moved[:, feature] += step
    before, after = (tables.margin(tables.contributions(rows)) for rows in (matrix, moved))
    known = ~np.isnan(matrix[:, feature])
    assert np.all((after - before)[known] * DESIGN.directions[feature] >= -1e-9)


def test_the_tables_are_the_boosters() -> None:
    sample = sample_of(800, 4)
    bags = train_bags(sample, DESIGN, PAIRS, 30, 1, 5)
    tables = compile_boosters(bags, DESIGN.features, CODES)
    matrix = awkward_rows(6, 500)
    contributions = tables.contributions(matrix)
    explained = np.mean([np.asarray(bag.predict(matrix, pred_contrib=True)) for bag in bags], axis=0)
    assert contributions == pytest.approx(explained[:, :-1], abs=1e-9)
    raw = np.mean([np.asarray(bag.predict(matrix, raw_score=True)) for bag in bags], axis=0)
    assert tables.margin(contributions) == pytest.approx(raw, abs=1e-9)


def test_one_seed_gives_one_booster_on_any_number_of_threads() -> None:
    sample = sample_of(600, 7)
    texts = [
        [
            bag.model_to_string().replace(f"num_threads: {threads}", "")
            for bag in train_bags(sample, DESIGN, PAIRS, 4, threads, 9)
        ]
        for threads in (1, 1, 2)
    ]
    assert texts[0] == texts[1] == texts[2]
    assert texts[0][0] != texts[0][1]  # each bag has rows of its own


def test_the_pair_that_matters_is_chosen_first() -> None:
    pairs = choose_pairs(sample_of(6000, 8), DESIGN, 2, 1)
    assert pairs[0] == (0, 2)
    assert len(set(pairs)) == len(pairs) <= 12
    assert all(first < second for first, second in pairs)


def test_few_rounds_where_nothing_holds_more_where_much_does() -> None:
    noise = sample_of(900, 9)
    shuffled = Sample(noise.matrix, np.random.default_rng(1).permutation(noise.bad), noise.offset)
    thirds = np.array_split(np.arange(900), 3)
    folds = [(np.setdiff1d(np.arange(900), held_out), held_out) for held_out in thirds]
    few, margin = choose_rounds(shuffled, DESIGN, PAIRS, folds, 1, 2)
    many, _ = choose_rounds(noise, DESIGN, PAIRS, folds, 1, 2)
    assert few == FEWEST_ROUNDS < many
    assert np.all(np.isfinite(margin))
    _, partly = choose_rounds(noise, DESIGN, PAIRS, folds[1:], 1, 2)
    assert np.array_equal(np.flatnonzero(np.isnan(partly)), thirds[0])


def test_one_class_is_refused_in_one_line() -> None:
    sample = sample_of(50)
    for bad in (np.zeros(50, dtype=bool), np.ones(50, dtype=bool)):
        with pytest.raises(Untrainable, match=r"^[^\n]*both good and bad[^\n]*$"):
            check_sample(Sample(sample.matrix, bad, sample.offset))


@pytest.mark.parametrize("value", [1e300, -1e300, 1.7e308, np.inf])
def test_values_that_no_threshold_can_part_are_refused(value: float) -> None:
    sample = sample_of(50)
    sample.matrix[3, 2] = value
    with pytest.raises(Untrainable, match="beyond ±1e\\+300"):
        check_sample(sample)
    sample.matrix[3, 2] = 9.9e299
    check_sample(sample)
