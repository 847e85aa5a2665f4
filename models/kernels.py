"""The loops of the engine, compiled to machine code by numba once and kept on disk.

`python -m models.kernels` compiles ahead of time. The loops see a model as packed arrays (`models.packing`)
and columns as addresses, so that any mixture of 64- and 32-bit floats is read where it lies. Additions happen
in one order: the number of rows, threads or chunks and the layout change no bit.

An axis is a feature's sorted bounds; a value's cell is the number of bounds ≤ it, the last cell is for NaN.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Doubles = NDArray[np.float64]
Cells = NDArray[np.uint16]
Offsets = NDArray[np.uint32]

# Rows at a time: 40 features' contributions to so many (160 KB) stay in a core's cache.
BLOCK: Final = 512
# Added to a buffer's rows so that they do not all fall into the same few lines of the cache.
_STAGGER: Final = 8
# The places in a row of axes and of columns; the layout is described in `models.packing`.
COLUMN, BOUNDS, COUNT, STEPS, MISSING, POINTS = range(6)


def _loader(number: Any) -> Any:
    """Return a function for compiled code that reads one number at an address."""

    @intrinsic
    def load(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = context.get_value_type(number).as_pointer()
            return builder.load(builder.inttoptr(arguments[0], pointer))

        return number(types.int64), generate

    return load


_load_double = _loader(types.float64)
_load_single = _loader(types.float32)
_inline: Callable[[Any], Any] = njit


@_inline
def _load(address: int, step: int, single: int, x: Doubles, rows: int) -> None:
    """Copy rows of a column to x."""
    if single:
        if step == 4:
            for i in range(rows):
                x[i] = _load_single(address + i * 4)
        else:
            for i in range(rows):
                x[i] = _load_single(address + i * step)
    elif step == 8:
        for i in range(rows):
            x[i] = _load_double(address + i * 8)
    else:
        for i in range(rows):
            x[i] = _load_double(address + i * step)


@_inline
def _count(x: Doubles, rows: int, bounds: Doubles, first: int, count: int, found: Ints) -> None:
    """Set found to the number of bounds ≤ x, comparing with each; they are padded with NaN to fours."""
    for i in range(rows):
        found[i] = 0
    for t in range(first, first + count, 4):
        b0, b1, b2, b3 = bounds[t], bounds[t + 1], bounds[t + 2], bounds[t + 3]
        for i in range(rows):
            v = x[i]
            found[i] += np.int64(v >= b0) + np.int64(v >= b1) + np.int64(v >= b2) + np.int64(v >= b3)


def _searcher(steps: int) -> Any:
    """Return the search among 2^steps - 1 bounds, without branches and unrolled."""
    half = 1 << steps >> 1

    @_inline
    def search(x: Doubles, rows: int, bounds: Doubles, first: int, found: Ints) -> None:
        for i in range(rows):
            v = x[i]
            at = np.int64(0)
            step = half
            for _ in range(steps):
                at += step if v >= bounds[np.uint64(first + at + step - 1)] else 0
                step >>= 1
            found[i] = at

    return search


_search_6, _search_7, _search_8 = _searcher(6), _searcher(7), _searcher(8)


@_inline
def _search(v: float, bounds: Doubles, first: int, steps: int) -> int:
    """Return the number of bounds that are ≤ v; they are padded with NaN to 2^steps - 1."""
    at = 0
    step = 1 << steps >> 1
    while step:
        at += step if v >= bounds[np.uint64(first + at + step - 1)] else 0
        step >>= 1
    return at


@_inline
def _locate(x: Doubles, rows: int, bounds: Doubles, first: int, count: int, steps: int, found: Ints) -> None:
    if count:
        _count(x, rows, bounds, first, count, found)
    elif steps == 6:
        _search_6(x, rows, bounds, first, found)
    elif steps == 7:
        _search_7(x, rows, bounds, first, found)
    elif steps == 8:
        _search_8(x, rows, bounds, first, found)
    else:
        for i in range(rows):
            found[i] = _search(x[i], bounds, first, steps)


@_inline
def _missing(x: Doubles, rows: int, found: Ints, missing: int, cells: Cells) -> None:
    for i in range(rows):
        v = x[i]
        cells[i] = np.uint16(found[i]) if v == v else np.uint16(missing)


@_inline
def _look_up(cells: Cells, rows: int, points: Doubles, contributions: Doubles) -> None:
    for i in range(rows):
        contributions[i] = points[cells[i]]


@_inline
def _pair(
    a: Cells,
    b: Cells,
    rows: int,
    map_a: Offsets,
    map_b: Offsets,
    points: Doubles,
    to_a: Doubles,
    to_b: Doubles,
) -> None:
    for i in range(rows):
        at = map_a[a[i]] + map_b[b[i]]
        to_a[i] += points[at]
        to_b[i] += points[at + np.uint32(1)]


@_inline
def _three(
    a: Cells,
    b: Cells,
    c: Cells,
    rows: int,
    map_a: Offsets,
    map_b: Offsets,
    map_c: Offsets,
    points: Doubles,
    to_a: Doubles,
    to_b: Doubles,
    to_c: Doubles,
) -> None:
    for i in range(rows):
        at = map_a[a[i]] + map_b[b[i]] + map_c[c[i]]
        to_a[i] += points[at]
        to_b[i] += points[at + np.uint32(1)]
        to_c[i] += points[at + np.uint32(2)]


@_inline
def _add(summand: Doubles, rows: int, total: Doubles) -> None:
    for i in range(rows):
        total[i] += summand[i]


@_inline
def _copy(source: Doubles, rows: int, target: Doubles) -> None:
    for i in range(rows):
        target[i] = source[i]


def _evaluate(
    columns: Ints,
    base: float,
    axes: Ints,
    bounds: Doubles,
    points: Doubles,
    joints: Ints,
    maps: Offsets,
    start: int,
    stop: int,
    margin: Doubles,
    contributions: Doubles,
) -> None:
    used = len(axes)
    x = np.empty(BLOCK)
    found = np.empty(BLOCK, np.int64)
    cells = np.empty((used, BLOCK + 4 * _STAGGER), np.uint16)
    parts = np.empty((used, BLOCK + _STAGGER))
    explained = len(contributions) > 0
    unused = np.ones(len(contributions), np.bool_)
    if explained:
        for u in range(used):
            unused[axes[u, COLUMN]] = False
    for row in range(start, stop, BLOCK):
        rows = min(BLOCK, stop - row)
        total = margin[row : row + rows]
        for u in range(used):
            axis = axes[u]
            address, step, single = columns[axis[COLUMN]]
            _load(address + (row - start) * step, step, single, x, rows)
            _locate(x, rows, bounds, axis[BOUNDS], axis[COUNT], axis[STEPS], found)
            _missing(x, rows, found, axis[MISSING], cells[u])
            _look_up(cells[u], rows, points[axis[POINTS] :], parts[u])
        for j in range(len(joints)):
            a, b, c, map_a, map_b, map_c, offset = joints[j]
            if c < 0:
                _pair(
                    cells[a], cells[b], rows, maps[map_a:], maps[map_b:], points[offset:], parts[a], parts[b]
                )
            else:
                _three(
                    cells[a], cells[b], cells[c], rows, maps[map_a:], maps[map_b:], maps[map_c:],
                    points[offset:], parts[a], parts[b], parts[c],
                )  # fmt: skip
        total[:] = base
        for u in range(used):
            _add(parts[u], rows, total)
            if explained:
                _copy(parts[u], rows, contributions[axes[u, COLUMN], row : row + rows])
        for column in range(len(contributions)):
            if unused[column]:
                contributions[column, row : row + rows] = 0.0


def _explain_row(
    values: Doubles,
    base: float,
    axes: Ints,
    bounds: Doubles,
    points: Doubles,
    joints: Ints,
    maps: Offsets,
    contributions: Doubles,
) -> float:
    used = len(axes)
    cells = np.empty(used, np.uint16)
    contributions[:] = 0.0
    for u in range(used):
        axis = axes[u]
        v = values[axis[COLUMN]]
        cell = _search(v, bounds, axis[BOUNDS], axis[STEPS]) if v == v else axis[MISSING]
        cells[u] = cell
        contributions[axis[COLUMN]] = points[axis[POINTS] + cell]
    for j in range(len(joints)):
        a, b, c, map_a, map_b, map_c, offset = joints[j]
        at = offset + np.int64(maps[map_a + cells[a]]) + np.int64(maps[map_b + cells[b]])
        if c >= 0:
            at += np.int64(maps[map_c + cells[c]])
            contributions[axes[c, COLUMN]] += points[at + 2]
        contributions[axes[a, COLUMN]] += points[at]
        contributions[axes[b, COLUMN]] += points[at + 1]
    margin = base
    for u in range(used):
        margin += contributions[axes[u, COLUMN]]
    return margin


def _compiled(signature: Any, function: Any) -> Any:
    """Compile for one signature, or load what was compiled for this processor before.

    Where neither the package's folder nor the user's cache can be written, it is compiled in every process.
    """
    try:
        return njit(signature, cache=True, nogil=True)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return njit(signature, nogil=True)(function)


_ints, _doubles = types.int64[:, ::1], types.float64[::1]
_model = (types.float64, _ints, _doubles, _doubles, _ints, types.uint32[::1])
evaluate = _compiled(
    types.void(_ints, *_model, types.int64, types.int64, _doubles, types.float64[:, ::1]), _evaluate
)
explain_row = _compiled(types.float64(_doubles, *_model, _doubles), _explain_row)


def main() -> None:
    """Say how long it took to compile, or to load, what importing this module did."""
    for function in (evaluate, explain_row):
        stats = function.stats
        how = "loaded from" if stats.cache_hits else "compiled into"
        print(f"{function.__name__.lstrip('_')}: {how} {stats.cache_path}")


if __name__ == "__main__":
    main()
