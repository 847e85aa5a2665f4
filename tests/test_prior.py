"""The prior keeps to the declared directions, is neutral about what is missing, and is what it says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, ndtri

from features.portfolio import Floats
from models.booster import Design, Sample
from models.points import PointsTables
from models.prior import BINS, PRECISION, fit_prior, steadiness, unsteady


def sample_of(n: int, directions: tuple[int, ...], seed: int, effects: Floats | None = None) -> Sample:
    """Return n customers; `effects` act on the columns, by default at random, against a direction too."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, len(directions))) * 10.0 ** rng.integers(-3, 6, len(directions))
    scaled = matrix / np.std(matrix, axis=0)
    strength = rng.normal(size=len(directions)) if effects is None else effects
    bad = rng.random(n) < expit(-1 + scaled @ strength)
    matrix[rng.random(matrix.shape) < 0.15] = np.nan
    return Sample(matrix, bad, rng.normal(-0.5, 0.3, n))


def design_of(directions: tuple[int, ...]) -> Design:
    return Design(tuple(f"f{i}" for i in range(len(directions))), directions, ())


def tables_by_feature(tables: PointsTables) -> dict[int, Floats]:
    return {table.axes[0].feature: table.contributions[0] for table in tables.tables}


@given(
    directions=st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=5).map(tuple),
    seed=st.integers(0, 10**6),
    n=st.integers(2, 400),
)
@settings(max_examples=40)
def test_no_table_turns_against_its_direction_whatever_the_outcomes_say(
    directions: tuple[int, ...], seed: int, n: int
) -> None:
    sample = sample_of(n, directions, seed)
    tables = fit_prior(sample, design_of(directions))
    for feature, table in tables_by_feature(tables).items():
        steps = np.diff(table[:-1])
        assert np.all(steps * directions[feature] >= 0) or directions[feature] == 0
        assert np.all(steps >= 0) or np.all(steps <= 0)  # an unknown direction is still one
    assert np.all(np.isfinite(tables.contributions(sample.matrix)))


@given(seed=st.integers(0, 10**6), n=st.integers(30, 400))
@settings(max_examples=25)
def test_a_missing_value_is_neutral_and_contributions_have_mean_zero(seed: int, n: int) -> None:
    directions = (1, -1, 0)
    sample = sample_of(n, directions, seed)
    tables = fit_prior(sample, design_of(directions))
    contributions = tables.contributions(sample.matrix)
    assert np.mean(contributions, axis=0) == pytest.approx(0, abs=1e-12)
    nothing_known = tables.contributions(np.full((1, 3), np.nan))
    assert nothing_known == pytest.approx(0, abs=1e-9)


def test_margins_are_the_base_and_the_contributions_of_an_independent_fit() -> None:
    """Bins, normal scores and the penalised likelihood written out again, and minimised otherwise."""
    directions = (1, -1, 0, 1)
    sample = sample_of(900, directions, 3, np.array([0.6, -0.3, 0.4, -0.5]))
    tables = fit_prior(sample, design_of(directions))
    columns = np.zeros(sample.matrix.shape)
    for feature, values in enumerate(sample.matrix.T):
        known = np.sort(values[~np.isnan(values)])
        edges = known[(np.linspace(0, 1, BINS + 1)[1:-1] * len(known)).astype(int)]
        inside = ~np.isnan(values)
        bins = np.array([np.sum(edges < value) for value in values[inside]])
        ranks = {
            b: ndtri((np.sum(bins < b) + np.sum(bins == b) / 2) / len(bins)) for b in np.unique(bins).tolist()
        }
        scores = np.array([ranks[b] for b in bins.tolist()])
        columns[inside, feature] = (scores - scores.mean()) / scores.std()
    sign = np.array([1.0, -1.0, 1.0, 1.0])
    sure = np.array([1.0, 1.0, 0.0, 1.0])

    def loss(p: Floats) -> float:
        """With squares in place of bounds: an effect in its direction is a square."""
        common, effects = p[1] ** 2, np.where(sure == 1, p[2:] ** 2, p[2:])
        margin = sample.offset + p[0] + columns @ (effects * sign)
        likelihood = np.sum(np.logaddexp(0, margin) - sample.bad * margin)
        return float(likelihood + PRECISION / 2 * np.sum((effects - common * sure) ** 2))

    found = minimize(
        loss, [0, 0.5, 0.5, 0.5, 0.1, 0.5], method="Powell", options={"xtol": 1e-9, "ftol": 1e-14}
    )
    effects = np.where(sure == 1, found.x[2:] ** 2, found.x[2:]) * sign
    expected = found.x[0] + columns @ effects
    assert tables.margin(tables.contributions(sample.matrix)) == pytest.approx(expected, abs=2e-3)


def test_with_few_outcomes_indicators_of_known_direction_count_alike_and_others_not_at_all() -> None:
    directions = (1, -1, 1, 0)
    sample = sample_of(25, directions, 5, np.array([1.0, -0.1, 0.4, 2.0]))
    spread = {
        f: np.ptp(table) for f, table in tables_by_feature(fit_prior(sample, design_of(directions))).items()
    }
    assert spread[0] == pytest.approx(spread[1], rel=0.25)
    assert spread[2] == pytest.approx(spread[1], rel=0.25)
    assert spread[3] < spread[1] / 3


def test_with_many_outcomes_the_outcomes_decide() -> None:
    directions = (1, 1, 0)
    sample = sample_of(60_000, directions, 6, np.array([0.9, 0.1, -0.6]))
    spread = {
        f: np.ptp(table) for f, table in tables_by_feature(fit_prior(sample, design_of(directions))).items()
    }
    assert spread[0] > 4 * spread[1]
    assert spread[2] > 3 * spread[1]


def test_categories_are_left_to_the_corrections_and_constants_do_nothing() -> None:
    rng = np.random.default_rng(7)
    matrix = np.column_stack([rng.integers(0, 3, 200), np.full(200, 4.0), np.full(200, np.nan)]).astype(float)
    sample = Sample(matrix, rng.random(200) < 0.3, np.zeros(200))
    design = Design(("category", "constant", "unknown"), (0, 1, -1), (0,))
    tables = fit_prior(sample, design)
    assert set(tables_by_feature(tables)) == {1, 2}
    assert not np.any(tables.contributions(matrix))
    nothing = fit_prior(sample, Design(("a", "b", "c"), (0, 0, 0), (0, 1, 2)))
    assert (nothing.base, nothing.tables) == (0.0, ())


def test_numbers_that_count_as_zero_do_not_part_the_bins() -> None:
    """Below 1e-35 LightGBM reads 0, and so do the tables."""
    rng = np.random.default_rng(8)
    matrix = rng.choice([-5e-324, 0.0, 5e-324, 1e-36, 1.0, 2.0], (300, 1))
    tables = fit_prior(Sample(matrix, rng.random(300) < 0.3, np.zeros(300)), design_of((1,)))
    contributions = tables.contributions(matrix)
    assert np.all(np.isfinite(contributions))
    assert len(np.unique(contributions)) == 3


def test_an_effect_that_varies_between_cohorts_counts_less() -> None:
    rng = np.random.default_rng(9)
    n, years = 12_000, 6
    cohorts = rng.integers(0, years, n)
    columns = rng.normal(size=(n, 3))
    turning = np.where(cohorts % 2 == 0, 1.0, -1.0)
    bad = rng.random(n) < expit(-1 + 0.7 * columns[:, 0] + 0.7 * turning * columns[:, 1])
    sample = Sample(columns, bad, np.full(n, -1.0), cohorts)
    steady, varying, _ = steadiness(columns, sample)
    assert steady > 0.9
    assert varying < 0.1
    assert np.all(steadiness(columns, Sample(columns, bad, np.full(n, -1.0))) == 1)
    one_cohort = Sample(columns, bad, np.full(n, -1.0), np.zeros(n, dtype=np.int64))
    assert np.all(steadiness(columns, one_cohort) == 1)


def test_a_declared_direction_is_not_overruled_by_the_cohorts() -> None:
    rng = np.random.default_rng(10)
    cohorts = rng.integers(0, 6, 6000)
    matrix = rng.normal(size=(6000, 2))
    turning = np.where(cohorts % 2 == 0, 1.0, -0.6)[:, None] * matrix
    sample = Sample(matrix, rng.random(6000) < expit(-1 + turning @ [1.0, 1.0]), np.full(6000, -1.0), cohorts)
    assert unsteady(sample, design_of((1, 0))) == {1}
    assert unsteady(sample, design_of((1, 1))) == frozenset()
    tables = tables_by_feature(fit_prior(sample, design_of((1, 0))))
    assert np.ptp(tables[0][:-1]) > 2 * np.ptp(tables[1][:-1])
