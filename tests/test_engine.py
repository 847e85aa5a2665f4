"""The engine is the points tables: equal within rounding, and to the last bit whatever the input's form."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.portfolio import Floats
from models import engine, kernels
from models.columns import InvalidColumns
from models.engine import Engine
from models.packing import EngineError, Packed
from models.points import ZERO, Axis, PointsTables, Table, sum_in_order
from models.row import RowExplainer

ROOT = Path(__file__).parents[1]
K = 5
FEATURES = tuple(f"f{i}" for i in range(K))
# Where a threshold may be: ties, an ulp apart, around ±ZERO, denormal, at the ends.
THRESHOLDS = (
    0.0, -0.0, 5e-324, -5e-324, 1e-36, -1e-36, ZERO, -ZERO, np.nextafter(ZERO, 1), np.nextafter(-ZERO, -1),
    1.0, np.nextafter(1.0, 2.0), 0.1, -0.1, 1e300, -1e300, 1.7976931348623157e308,
    3.5e38, -3.5e38, 16_777_217.0,
)  # fmt: skip
RARE = (np.inf, -np.inf, np.nan, 0.5, -0.5, 1e-35, 1e-45, -1e-45)


@st.composite
def random_tables(draw: st.DrawFn) -> PointsTables:
    """Draw tables of one to three features on awkward axes, some features in many tables, some in none."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    numbers = rng.permutation(K)[: rng.integers(0, K + 1)]
    codes = {int(feature): int(rng.integers(1, 9)) for feature in range(K) if feature not in numbers}
    most = int(draw(st.sampled_from([1, 4, 12, 45, 70, 150, 300, 600])))

    def axis(feature: int, most: int) -> Axis:
        if feature in codes:
            return Axis(feature, codes=codes[feature])
        some = rng.choice(THRESHOLDS, rng.integers(0, min(most, len(THRESHOLDS))), replace=False)
        others = rng.normal(size=rng.integers(0, most + 1))
        return Axis(feature, thresholds=tuple(sorted({float(t) for t in (*some, *others)})))

    tables = []
    for _ in range(draw(st.integers(0, 8))):
        order = int(rng.choice([1, 1, 2, 2, 3]))
        path = np.sort(rng.choice(K, order, replace=False)).tolist()
        axes = tuple(axis(feature, most if order == 1 else min(most, 12)) for feature in path)
        tables.append(Table(axes, rng.normal(size=(order, *(of.cells for of in axes)))))
    return PointsTables(FEATURES, float(rng.normal()), tuple(tables))


def awkward_inputs(rng: np.random.Generator, tables: PointsTables, n: int) -> Floats:
    """Return rows on the thresholds and an ulp off them, missing, infinite, denormal, of unseen codes."""
    z = rng.normal(size=(n, K))
    for feature in range(K):
        axes = [axis for axis in tables.axes if axis.feature == feature]
        on = np.array([*THRESHOLDS, *(t for axis in axes for t in axis.thresholds)])
        codes = np.arange(-1.0, 2.0 + max((axis.codes or 0 for axis in axes), default=0))
        with np.errstate(over="ignore"):
            edges = np.concatenate([on, np.nextafter(on, np.inf), np.nextafter(on, -np.inf), codes, RARE])
            z[:, feature] = np.where(rng.random(n) < 0.8, rng.choice(edges, n), z[:, feature])
    return z


def explained_by_row(made: Engine, z: NDArray[Any]) -> tuple[Floats, Floats]:
    rows = [made.explain_row(row) for row in z]
    return np.array([margin for margin, _ in rows]), np.array([parts for _, parts in rows]).reshape(-1, K)


def explained_without_compiled_code(
    tables: PointsTables, slope: float, base: float, z: Floats
) -> tuple[Floats, Floats]:
    explainer = RowExplainer(Packed(tables, slope), base)
    contributions = [[0.0] * K for _ in z]
    margins = [explainer.explain(row, to) for row, to in zip(z.tolist(), contributions, strict=True)]
    return np.array(margins), np.array(contributions).reshape(-1, K)


def assert_same(one: tuple[Floats, ...], other: tuple[Floats, ...]) -> None:
    """Compare to the last bit."""
    for a, b in zip(one, other, strict=True):
        assert np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()


@given(
    tables=random_tables(),
    seed=st.integers(0, 10**6),
    slope=st.sampled_from([1.0, 0.7, -2.0]),
    rows=st.sampled_from([0, 1, 40, 600]),
)
@settings(max_examples=120, deadline=None)
def test_the_engine_is_the_tables_on_every_input_in_every_form(
    tables: PointsTables, seed: int, slope: float, rows: int
) -> None:
    rng = np.random.default_rng(seed)
    z = awkward_inputs(rng, tables, rows)
    made = Engine(tables, slope, 0.25)
    margin, contributions = made.explain(z)
    expected = slope * tables.contributions(z)
    magnitude = 1 + len(tables.tables) * max(
        (np.abs(t.contributions).max() for t in tables.tables), default=0
    )
    assert contributions.shape == expected.shape
    assert np.all(np.abs(contributions - expected) <= 1e-14 * magnitude * abs(slope))
    assert made.base == 0.25 + slope * tables.base
    assert np.array_equal(margin, sum_in_order(np.full(rows, made.base), contributions))

    whole = margin, contributions
    assert_same(whole, explained_by_row(made, z))
    assert_same(whole, explained_without_compiled_code(tables, slope, made.base, z))
    assert_same((margin, margin), (made.score(z), made.score(np.asfortranarray(z))))
    for form in (np.asfortranarray(z), np.asfortranarray(z[::-1])[::-1], z.astype(">f8"), columns_apart(z)):
        assert_same(whole, made.explain(form))
    half = rows // 2
    halves = made.explain(z[:half]), made.explain(z[half:])
    assert_same(whole, (np.concatenate([m for m, _ in halves]), np.concatenate([c for _, c in halves])))
    assert_same(whole, made.explain(pd.DataFrame(z, columns=FEATURES)))
    assert_same(whole, made.explain(pa.table(dict(zip(FEATURES, z.T, strict=True)))))

    with np.errstate(over="ignore"):
        single = z.astype(np.float32)
    of_single = made.explain(single.astype(np.float64))
    for form in (single, np.asfortranarray(single), columns_apart(single)):
        assert_same(of_single, made.explain(form))
    assert_same(of_single, explained_by_row(made, single))


def columns_apart(z: NDArray[Any]) -> NDArray[Any]:
    """Return the same values with other columns between them."""
    wide = np.zeros((len(z), 2 * K), dtype=z.dtype)
    wide[:, ::2] = z
    return wide[:, ::2]


# One engine of a fixed model for what follows


def fixed_tables() -> PointsTables:
    rng = np.random.default_rng(11)
    thresholds = tuple(np.sort(rng.normal(size=20)).tolist())
    axes = [Axis(i, thresholds=thresholds) for i in range(K - 1)] + [Axis(K - 1, codes=4)]
    paths = [(0,), (1,), (2,), (4,), (0, 1), (1, 4), (0, 2, 4)]
    tables = []
    for path in paths:
        cells = [axes[i].cells for i in path]
        tables.append(Table(tuple(axes[i] for i in path), rng.normal(size=(len(path), *cells))))
    return PointsTables(FEATURES, -2.0, tuple(tables))


@pytest.fixture(scope="module")
def made() -> Engine:
    return Engine(fixed_tables())


def rows_of(n: int) -> Floats:
    rng = np.random.default_rng(n)
    z = rng.normal(size=(n, K))
    z[:, K - 1] = rng.integers(0, 6, n)
    z[rng.random(z.shape) < 0.1] = np.nan
    return z


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("rows", [1, 511, 512, 513, 100_001])
def test_threads_change_no_bit(
    made: Engine, threads: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    z = rows_of(rows)
    whole = made.explain(z)
    monkeypatch.setattr(engine, "CHUNK", 1000)
    assert_same(whole, made.explain(z, threads=threads))
    assert_same((whole[0],), (made.score(z, threads=threads),))


def test_callers_at_once_get_what_one_gets(made: Engine) -> None:
    z = rows_of(50_000)
    whole = made.explain(z)
    answers: list[tuple[Floats, Floats]] = []
    callers = [
        threading.Thread(target=lambda n: answers.append(made.explain(z, threads=n)), args=(1 + i % 2,))
        for i in range(6)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(answers) == 6
    for answer in answers:
        assert_same(whole, answer)


def test_an_error_in_a_thread_is_the_callers(made: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CHUNK", 100)

    def fail(*arguments: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(kernels, "evaluate", fail)
    with pytest.raises(MemoryError):
        made.score(rows_of(1000), threads=3)


@pytest.mark.parametrize("chunk", [7, 32_768])
def test_columns_of_any_type_and_nulls_are_read_by_name(
    made: Engine, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "CHUNK", chunk)
    n = 100
    z = rows_of(n)
    z[:, 0] = np.round(z[:, 0] * 2)
    z[:, 1] = z[:, 1].astype(np.float32)
    z[:, 2] = z[:, 2] > 0
    whole = made.explain(z)
    null = np.isnan(z[:, 0])
    integers = np.where(null, 0, z[:, 0]).astype(np.int16)
    frame = pd.DataFrame(
        {
            "ignored": ["text"] * n,
            "f4": pd.Series(z[:, 4]).astype("Float64").array,
            "f3": pd.Series(z[:, 3]).astype("double[pyarrow]").array,
            "f2": z[:, 2] > 0,
            "f1": z[:, 1].astype(np.float32),
            "f0": pd.arrays.IntegerArray(integers, null),
        },
        index=range(n, 0, -1),
    )
    assert_same(whole, made.explain(frame, threads=2))
    columns = {
        "f3": pa.array(z[:, 3], from_pandas=True),
        "f0": pa.array(integers, mask=null),
        "f1": pa.array(z[:, 1].astype(np.float32), from_pandas=True),
        "f2": pa.array(z[:, 2] > 0),
        "ignored": pa.array(["text"] * n),
        "f4": pa.array(z[:, 4]),
    }
    table = pa.table(columns)
    batch = pa.record_batch(list(columns.values()), names=list(columns))
    ragged = pa.concat_tables([table.slice(0, 33), table.slice(33, 1), table.slice(34)])
    for form in (table, batch, ragged, ragged.slice(0)):
        assert_same(whole, made.explain(form, threads=2))
    part = made.explain(table.slice(13, 50))
    assert_same((whole[0][13:63], whole[1][13:63]), part)
    nullable = pa.table(columns | {"f2": pa.array([None] * n, pa.bool_())})
    assert_same(made.explain(nullable), made.explain(np.where(np.arange(K) == 2, np.nan, z)))


def test_one_customer_may_be_a_list_with_nothing_for_what_is_missing(made: Engine) -> None:
    z = rows_of(1)
    z[0, 1] = np.nan
    margin, contributions = made.explain_row([None if np.isnan(value) else value for value in z[0]])
    assert_same((np.array([margin]), contributions[None]), made.explain(z))
    assert isinstance(margin, float)


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int16])
def test_what_is_masked_is_missing(made: Engine, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CHUNK", 7)
    values: NDArray[Any] = np.nan_to_num(rows_of(40)).astype(kind)
    mask = np.random.default_rng(1).random(values.shape) < 0.3
    masked = np.ma.MaskedArray(values, mask)
    expected = made.explain(np.where(mask, np.nan, values.astype(np.float64)))
    for form in (masked, np.ma.MaskedArray(np.asfortranarray(values), mask)):
        assert_same(expected, made.explain(form))
    assert_same(expected, explained_by_row(made, masked))
    assert_same(made.explain(values), made.explain(np.ma.MaskedArray(values)))


def test_contributions_go_where_the_caller_says(made: Engine) -> None:
    z = rows_of(1000)
    out = np.full((1000, K), np.nan, order="F")
    margin, contributions = made.explain(z, out=out)
    assert contributions is out
    assert_same((margin, out), made.explain(z))


# Refusals


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (np.zeros((3, K + 1)), r"shape \(3, 6\), the model has 5 features"),
        (np.zeros(K), r"shape \(5,\)"),
        (np.zeros((3, K), dtype=complex), "of complex128, not of numbers"),
        (np.full((3, K), "1"), "not of numbers"),
        (np.full((3, K), None), "of object, not of numbers"),
        ([[0.0] * K], "not list"),
        (pd.DataFrame({f: [0.0] for f in FEATURES[:-1]}), "column f4 is absent"),
        (pd.DataFrame([[0.0] * (K + 1)], columns=[*FEATURES, "f1"]), "column f1 is there twice"),
        (pd.DataFrame({f: ["1"] for f in FEATURES}), "column f0 is of str, not of numbers"),
        (pd.DataFrame({f: pd.Series([1], dtype="category") for f in FEATURES}), "of category"),
        (pa.table({f: [0.0] for f in FEATURES[1:]}), "column f0 is absent"),
        (pa.table([[0.0]] * (K + 1), names=[*FEATURES, "f1"]), "column f1 is there twice"),
        (pa.table({f: ["1"] for f in FEATURES}), "column f0 is of string, not of numbers"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(made: Engine, data: Any, reason: str) -> None:
    for call in (made.explain, made.score):
        with pytest.raises(InvalidColumns, match=reason) as refused:
            call(data)
        assert "\n" not in str(refused.value)


def test_other_misuse_is_refused_in_one_line(made: Engine) -> None:
    z = rows_of(3)
    read_only = np.zeros((3, K), order="F")
    read_only.flags.writeable = False
    outs: list[Any] = [np.zeros((3, K)), np.zeros((4, K), order="F"), np.zeros((3, K), np.float32, order="F")]
    for out in outs:
        with pytest.raises(ValueError, match="Fortran order"):
            made.explain(z, out=out)
    with pytest.raises(ValueError, match="cannot be written"):
        made.explain(z, out=read_only)
    with pytest.raises(ValueError, match="threads must be at least 1"):
        made.score(z, threads=0)
    too_few_or_many: list[Any] = [z[0, :-1], z, []]
    for wrong in too_few_or_many:
        with pytest.raises(ValueError, match="give 5 values"):
            made.explain_row(wrong)
    no_numbers: list[Any] = [["7"] * K, [None, "7", 0.0, 0.0, 0.0], [b"7"] * K, np.full(K, "7"), [1j] * K]
    for wrong in no_numbers:
        with pytest.raises(InvalidColumns, match=r"not of numbers|feature f1 is of str, not a number"):
            made.explain_row(wrong)
    axis = Axis(0, codes=70_000)
    with pytest.raises(EngineError, match="more than 65,536 cells"):
        Engine(PointsTables(("f0",), 0.0, (Table((axis,), np.zeros((1, axis.cells))),)))


# Compilation and memory


def in_a_new_process(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_single_rows_need_no_compiled_code() -> None:
    program = """
import sys; sys.path.insert(0, "tests")
from models.engine import Engine
from models.points import Axis, PointsTables, Table
import numpy as np
axis = Axis(0, thresholds=(0.0,))
made = Engine(PointsTables(("f0",), 0.5, (Table((axis,), np.array([[1.0, 2.0, 3.0]])),)))
one = made.explain_row([1.0])
assert "numba" not in sys.modules
many = made.explain(np.ones((1, 1)))
again = made.explain_row([1.0])
print(one[0], one[1], many[0][0], many[1][0], again[0], again[1])
"""
    assert in_a_new_process(program).split() == ["2.5", "[2.]"] * 3


FIRST_EXPLANATION = """
import time, numpy as np
from models import kernels
from models.engine import Engine
from models.points import Axis, PointsTables, Table
axis = Axis(0, thresholds=(0.0,))
made = Engine(PointsTables(("f0",), 0.0, (Table((axis,), np.array([[1.0, 2.0, 3.0]])),)))
begin = time.perf_counter()
made.explain(np.zeros((3, 1), np.float32)), made.score(np.zeros((3, 1))), made.explain_row([1])
print(time.perf_counter() - begin, end=" ")
dispatchers = (kernels.evaluate, kernels.explain_row)
print(all(len(d.signatures) == 1 for d in dispatchers), end=" ")
print(sum(sum(d.stats.cache_misses.values()) for d in dispatchers), end=" ")
print(sum(sum(d.stats.cache_hits.values()) for d in dispatchers))
"""


def test_what_was_compiled_before_is_not_compiled_again(tmp_path: Path) -> None:
    cache = str(tmp_path)
    in_a_new_process("from models.kernels import main; main()", NUMBA_CACHE_DIR=cache)
    seconds, one_signature, misses, hits = in_a_new_process(FIRST_EXPLANATION, NUMBA_CACHE_DIR=cache).split()
    assert (one_signature, misses, hits) == ("True", "0", "2")
    assert float(seconds) < 0.05


def test_without_a_writable_folder_it_is_compiled_in_the_process(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    program = (
        """
import numba.core.caching as caching
caching.CacheImpl._locator_classes = []
"""
        + FIRST_EXPLANATION
    )
    assert in_a_new_process(program, NUMBA_CACHE_DIR=str(blocked)).split()[1] == "True"


def test_memory_is_for_the_output_and_a_small_constant() -> None:
    program = """
import sys; sys.path.insert(0, "tests")
import numpy as np, pandas as pd
from test_engine import fixed_tables
from models.engine import Engine
def status(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))
made = Engine(fixed_tables())
frame = pd.DataFrame({f"f{i}": np.arange(1_000_000) % 17 for i in range(5)})
made.explain(frame.iloc[:10], threads=2)
made.explain(frame.iloc[:100_000].copy(), threads=2)
before = status("VmRSS:")
open("/proc/self/clear_refs", "w").write("5")
answer = made.explain(frame, threads=2)
print(status("VmHWM:") - before)
"""
    output = 1_000_000 * (5 + 1) * 8 / 2**20
    assert output * 0.5 < float(in_a_new_process(program)) < output + 16
