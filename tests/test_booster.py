"""The booster keeps to its pairs and directions, refuses what it cannot learn, and repeats itself."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from features.portfolio import Floats
from models.booster import (
    BEST_SPLITS,
    MOST_PAIRS,
    MOST_TRIPLES,
    RANDOM_SPLITS,
    STYLES,
    Design,
    Interactions,
    Plan,
    Sample,
    Style,
    Untrainable,
    check_sample,
    choose_interactions,
    cross_validate,
    train_bags,
)
from models.compilation import compile_boosters
from models.points import PointsTables

K = 6
DESIGN = Design(tuple(f"f{i}" for i in range(K)), (1, -1, 0, 1, 0, 0), (5,))
CODES = {"f5": 5}
PLAN = Plan(BEST_SPLITS, 2)


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
    bags = train_bags(sample, DESIGN, PLAN, rounds, threads, seed)
    return compile_boosters(bags, DESIGN.features, CODES)


@pytest.fixture(scope="module")
def tables() -> PointsTables:
    return compiled(sample_of())


def chosen(sample: Sample, order: int, design: Design = DESIGN) -> Interactions:
    found = choose_interactions(sample, design, Plan(BEST_SPLITS, order), 1, 1)
    assert found is not None
    return found


def awkward_rows(seed: int, n: int = 200) -> Floats:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, K)) * 10.0 ** rng.integers(-3, 4, (n, K))
    matrix[:, 5] = rng.integers(0, 9, n)
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    return matrix


def test_only_the_chosen_pairs_interact() -> None:
    plan = Plan(BEST_SPLITS, 2, most_pairs=3)
    sample = sample_of()
    tables = compile_boosters(train_bags(sample, DESIGN, plan, 40, 1, 3), DESIGN.features, CODES)
    chosen = choose_interactions(sample, DESIGN, plan, 1, 3)
    assert chosen is not None and len(chosen) == 3
    assert {pair.features for pair in tables.of_order(2)} == set(chosen)


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
    bags = train_bags(sample, DESIGN, PLAN, 30, 1, 5)
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
        [bag.model_to_string() for bag in train_bags(sample, DESIGN, PLAN, 4, threads, 9)]
        for threads in (1, 1, 2)
    ]
    assert texts[0] == texts[1] == texts[2]
    assert texts[0][0] != texts[0][1]  # each bag has rows of its own


def test_the_pair_that_matters_is_among_the_first() -> None:
    sample = sample_of(6000, 8)
    pairs = chosen(sample, 2)
    assert (0, 2) in pairs[:3]
    assert len(set(pairs)) == len(pairs) <= MOST_PAIRS
    assert all(first < second for first, second in pairs)
    assert chosen(sample, 1) == ()
    of_three = chosen(sample, 3)
    triples = [features for features in of_three if len(features) == 3]
    assert 0 < len(triples) <= MOST_TRIPLES
    assert not any(5 in features for features in triples)  # a category has no place in a cube


def test_where_interactions_stay_within_blocks_no_pair_crosses_them() -> None:
    design = Design(DESIGN.features, DESIGN.directions, DESIGN.categories, blocks=(0, 1, 0, 1, 1, 1))
    for features in chosen(sample_of(3000, 8), 3, design):
        assert len({design.blocks[feature] for feature in features if design.blocks}) == 1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_model_of_any_order_and_style_compiles_to_tables_of_that_order(style: Style, order: int) -> None:
    sample = sample_of(2000, 12)
    plan = Plan(style, order)
    bags = train_bags(sample, DESIGN, plan, 40, 1, 5)
    tables = compile_boosters(bags, DESIGN.features, CODES)
    assert max(len(table.axes) for table in tables.tables) == order
    matrix = awkward_rows(6, 300)
    explained = np.mean([np.asarray(bag.predict(matrix, pred_contrib=True)) for bag in bags], axis=0)
    assert tables.contributions(matrix) == pytest.approx(explained[:, :-1], abs=1e-9)


def test_few_rounds_where_nothing_holds_more_where_much_does() -> None:
    sample = sample_of(900, 9)
    shuffled = Sample(sample.matrix, np.random.default_rng(1).permutation(sample.bad), sample.offset)
    thirds = np.array_split(np.arange(900), 3)
    folds = [(np.setdiff1d(np.arange(900), held_out), held_out) for held_out in thirds]
    nothing = cross_validate(shuffled, DESIGN, PLAN, folds, 1, 2)
    much = cross_validate(sample, DESIGN, PLAN, folds, 1, 2)
    assert nothing.fewest_rounds() < 10 < much.fewest_rounds() <= much.best_rounds()
    assert np.all(np.isfinite(much.held_out(sample, 20)))
    partly = cross_validate(sample, DESIGN, PLAN, folds[1:], 1, 2).held_out(sample, 20)
    assert np.array_equal(np.flatnonzero(np.isnan(partly)), thirds[0])
    assert not np.any(much.held_out(sample, 0))


def test_the_losses_are_those_of_the_held_out_rows() -> None:
    sample = sample_of(600, 10)
    halves = np.array_split(np.arange(600), 2)
    folds = [(halves[0], halves[1]), (halves[1], halves[0])]
    found = cross_validate(sample, DESIGN, Plan(RANDOM_SPLITS, 2), folds, 1, 2)
    for rounds in (0, 1, 7, found.losses.shape[1] - 1 - 60):
        margin = sample.offset + found.held_out(sample, rounds)
        lost = np.logaddexp(0, margin) - sample.bad * margin
        expected = [np.sum(lost[held_out]) for _, held_out in folds]
        assert found.losses[:, rounds] == pytest.approx(expected, rel=1e-9)


def test_no_fold_is_cut_at_its_own_best_round() -> None:
    """Where it stops was chosen on the rows held out; a margin at other rounds is by so many trees."""
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(600, K))
    matrix[:, 5] = rng.integers(0, 5, 600)
    noise = Sample(matrix, rng.random(600) < 0.3, np.full(600, logit(0.3)))
    thirds = np.array_split(np.arange(600), 3)
    folds = [(np.setdiff1d(np.arange(600), held_out), held_out) for held_out in thirds]
    found = cross_validate(noise, DESIGN, PLAN, folds, 1, 2)
    assert all(booster.num_trees() >= 60 for booster in found.boosters)
    margin = noise.offset + found.held_out(noise, 50)
    lost = np.logaddexp(0, margin) - noise.bad * margin
    assert found.losses[:, 50] == pytest.approx([np.sum(lost[rows]) for rows in thirds], rel=1e-9)


def test_where_every_feature_is_refused_nothing_is_learnt() -> None:
    design = replace(DESIGN, refused=frozenset(range(K)))
    sample = sample_of(500)
    for order in (1, 2, 3):
        bags = train_bags(sample, design, Plan(BEST_SPLITS, order), 20, 1, 1)
        assert not compile_boosters(bags, DESIGN.features, CODES).tables


def test_bags_of_very_many_rows_share_their_bins() -> None:
    rng = np.random.default_rng(4)
    n = 230_000  # more than LightGBM looks at for its bins
    matrix = rng.normal(size=(n, 2))
    sample = Sample(matrix, rng.random(n) < 0.3, np.full(n, logit(0.3)))
    design = Design(("a", "b"), (0, 0), ())
    bags = train_bags(sample, design, Plan(RANDOM_SPLITS, 1), 60, 2, 7, bags=2)
    tables = compile_boosters(bags, design.features, {})
    assert max(axis.cells for axis in tables.axes) <= 127 + 2


@pytest.mark.parametrize("code", [-1.0, 5.0, 1.5])
def test_a_code_that_is_none_is_refused(code: float) -> None:
    sample = sample_of(50)
    sample.matrix[3, 5] = code
    with pytest.raises(Untrainable, match="f5"):
        check_sample(sample, DESIGN, CODES)


def test_no_indicator_is_refused() -> None:
    nothing = Sample(np.zeros((4, 0)), np.array([True, False] * 2), np.zeros(4))
    with pytest.raises(Untrainable, match="no indicator"):
        check_sample(nothing, Design((), (), ()), {})


def test_a_plan_gives_up_triples_by_halves_then_pairs_then_what_cannot_be_given_up_is_refused() -> None:
    plan, orders = Plan(BEST_SPLITS, 3), []
    while plan.order != 1:
        plan = plan.smaller()
        orders.append((plan.order, plan.most_triples if plan.order == 3 else plan.most_pairs))
    assert orders[:5] == [(3, 15), (3, 7), (3, 3), (3, 1), (2, MOST_PAIRS)]
    assert orders[-1][0] == 1
    with pytest.raises(Untrainable, match="too many levels"):
        plan.smaller()


def test_one_class_is_refused_in_one_line() -> None:
    sample = sample_of(50)
    for bad in (np.zeros(50, dtype=bool), np.ones(50, dtype=bool)):
        with pytest.raises(Untrainable, match=r"^[^\n]*both good and bad[^\n]*$"):
            check_sample(Sample(sample.matrix, bad, sample.offset), DESIGN, CODES)


@pytest.mark.parametrize("value", [1e300, -1e300, 1.7e308, np.inf])
def test_values_that_no_threshold_can_part_are_refused(value: float) -> None:
    sample = sample_of(50)
    sample.matrix[3, 2] = value
    with pytest.raises(Untrainable, match="beyond ±1e\\+300"):
        check_sample(sample, DESIGN, CODES)
    sample.matrix[3, 2] = 9.9e299
    check_sample(sample, DESIGN, CODES)
