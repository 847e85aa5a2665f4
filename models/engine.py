"""The engine: score and exact SHAP values of points tables, for many customers at once or for one.

A model's tables are merged and packed once: one axis a feature, the union of the bounds of all its tables,
and the tables of one feature as one. A table of two or three features keeps its own cells, which follow from
the union's by a small map; its contributions to all of them lie side by side. Blocks of rows then go through
look-ups column by column (`models.kernels`).
"""

import importlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.portfolio import Floats
from models.columns import Columns, columns_of, row_of
from models.packing import Packed
from models.points import PointsTables
from models.row import RowExplainer

# Rows that a thread takes at a time, also the most that are converted at a time.
CHUNK = 16_384

_kernels: Any = None


def load_kernels() -> Any:
    """Load what was compiled, or compile it, and return `models.kernels`.

    The first batch does so; a server that is to answer batches does it as it starts. It takes time and
    memory, nearly all numba's own, which who explains single rows never needs.
    """
    global _kernels
    if _kernels is None:
        _kernels = importlib.import_module("models.kernels")
    return _kernels


class Engine:
    """Points tables made for speed: equal to `PointsTables` times the slope but for rounding.

    A contribution differs by at most 1e-14 × |slope| × (1 + number of tables × largest contribution).
    Contributions and margins are equal to the last bit for one row and many, however they are laid out, split
    into threads or given as 32-bit floats, and the margin is that of `sum_in_order`. An engine can be used by
    several threads at once.
    """

    def __init__(self, tables: PointsTables, slope: float = 1.0, intercept: float = 0.0) -> None:
        """Pack the tables, for log-odds of intercept + slope × margin.

        Raises:
            EngineError: a feature has more than 65,536 cells.
        """
        self.features = tables.features
        self.base = intercept + slope * tables.base
        self._packed = Packed(tables, slope)
        self._model = (
            self.base,
            self._packed.axes,
            self._packed.bounds,
            self._packed.points,
            self._packed.joints,
            self._packed.maps,
        )

    def explain(self, data: Any, threads: int = 1, out: Floats | None = None) -> tuple[Floats, Floats]:
        """Return margins, shape (n,), and contributions, shape (n, k), in log-odds.

        Args:
            data: a matrix (n, k) in the features' order, a pandas frame or an Arrow table with columns of the
                features' names; other columns are ignored. NaN, null and what is masked are missing.
            threads: how many work at once, the caller's own included.
            out: where to write the contributions, (n, k) in Fortran order, as they are returned: the columns,
                not the rows, are contiguous.

        Raises:
            InvalidColumns: the data cannot be read.
            ValueError: `out` has another shape, type or order.
        """
        columns = columns_of(data, self.features)
        shape = (columns.rows, len(self.features))
        if out is None:
            out = np.empty(shape, order="F")
        elif out.shape != shape or out.dtype != np.float64 or not out.flags.f_contiguous:
            raise ValueError(f"out must be a matrix of float64 in Fortran order of shape {shape}")
        elif not out.flags.writeable:
            raise ValueError("out cannot be written")
        return self._evaluate(columns, threads, out.T), out

    def score(self, data: Any, threads: int = 1) -> Floats:
        """Return the margins alone, shape (n,), equal to those of `explain`.

        Raises:
            InvalidColumns: the data cannot be read.
        """
        return self._evaluate(columns_of(data, self.features), threads, np.empty((0, 0)))

    def explain_row(self, values: Sequence[float | None] | NDArray[Any]) -> tuple[float, Floats]:
        """Return the margin and the contributions, shape (k,), of one customer's k values.

        None, NaN and what is masked are missing.

        Raises:
            InvalidColumns: there are not k values, or one is no number.
        """
        k = len(self.features)
        row = row_of(values, self.features)
        if _kernels is not None:
            contributions = np.empty(k)
            return _kernels.explain_row(row, *self._model, contributions), contributions
        parts = [0.0] * k
        margin = self._row.explain(row.tolist(), parts)
        return margin, np.array(parts)

    @cached_property
    def _row(self) -> RowExplainer:
        return RowExplainer(self._packed, self.base)

    def _evaluate(self, columns: Columns, threads: int, contributions: Floats) -> Floats:
        """Fill contributions, shape (k, n), or (0, 0) if they are not wanted, and return the margins."""
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        load_kernels()
        margin = np.empty(columns.rows)
        if threads == 1 or columns.rows <= CHUNK:
            for start in range(0, columns.rows, CHUNK):
                self._chunk(columns, start, margin, contributions)
            return margin
        _in_threads(
            lambda start: self._chunk(columns, start, margin, contributions),
            iter(range(0, columns.rows, CHUNK)),
            min(threads, math.ceil(columns.rows / CHUNK)),
        )
        return margin

    def _chunk(self, columns: Columns, start: int, margin: Floats, contributions: Floats) -> None:
        stop = min(start + CHUNK, columns.rows)
        described, kept_alive = columns.described(start, stop)
        _kernels.evaluate(described, *self._model, start, stop, margin, contributions)
        del kept_alive


def _in_threads(work: Callable[[int], None], tasks: Iterator[int], threads: int) -> None:
    """Do the tasks in so many threads, this one included; raise the first error."""
    errors: list[BaseException] = []
    lock = threading.Lock()

    def labour() -> None:
        try:
            while not errors:
                with lock:
                    task = next(tasks, None)
                if task is None:
                    return
                work(task)
        except BaseException as error:
            errors.append(error)

    helpers = [threading.Thread(target=labour) for _ in range(threads - 1)]
    for helper in helpers:
        helper.start()
    labour()
    for helper in helpers:
        helper.join()
    if errors:
        raise errors[0]
