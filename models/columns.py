"""What the engine reads: a matrix, a pandas frame or an Arrow table, as columns of floats.

Columns of 64- and 32-bit floats are read where they lie; others are converted some rows at a time.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from features.portfolio import Floats

Ints = NDArray[np.int64]
# NumPy's kinds of types that are numbers: floats, integers, truth values.
_NUMBERS = "fiub"


class InvalidColumns(ValueError):
    """The data cannot be read as the model's features; the message names the column, never a value."""


class Columns(ABC):
    """n rows of k features."""

    rows: int

    @abstractmethod
    def described(self, start: int, stop: int) -> tuple[Ints, Any]:
        """Return where rows start to stop lie: address, step in bytes, and whether 32 bits; shape (k, 3).

        The second result keeps the memory alive.
        """


def columns_of(data: Any, features: Sequence[str]) -> Columns:
    """Return the columns of a matrix (n, k) in the features' order, or of a frame or table by name.

    Raises:
        InvalidColumns: a column is absent, twice there or not of numbers, or the shape does not fit.
    """
    if isinstance(data, np.ndarray):
        return _Matrix(data, features)
    if isinstance(data, pd.DataFrame):
        return _Frame(data, features)
    if isinstance(data, pa.Table | pa.RecordBatch):
        return _Table(data, features)
    raise InvalidColumns(f"give a NumPy matrix, a pandas frame or an Arrow table, not {type(data).__name__}")


def row_of(values: Sequence[float | None] | NDArray[Any], features: Sequence[str]) -> Floats:
    """Return one customer's values, in the features' order, as floats: NaN for None and what is masked.

    Raises:
        InvalidColumns: there is not one value for each feature, or one is no number.
    """
    row = _unmasked(np.asanyarray(values))
    if row.shape != (len(features),):
        raise InvalidColumns(f"give {len(features)} values, one for each feature, not shape {row.shape}")
    if row.dtype.kind == "O":
        for feature, value in zip(features, row, strict=True):
            if not (value is None or isinstance(value, Real | np.bool_)):
                raise InvalidColumns(f"feature {feature} is of {type(value).__name__}, not a number")
    elif row.dtype.kind not in _NUMBERS:
        raise InvalidColumns(f"the values are of {row.dtype}, not of numbers")
    return np.ascontiguousarray(row, dtype=np.float64)


def _unmasked(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array with NaN where it is masked."""
    if isinstance(array, np.ma.MaskedArray) and array.dtype.kind in _NUMBERS:
        return np.ma.filled(array.astype(np.float64), np.nan)
    return array


class _Matrix(Columns):
    def __init__(self, matrix: NDArray[Any], features: Sequence[str]) -> None:
        if matrix.ndim != 2 or matrix.shape[1] != len(features):
            raise InvalidColumns(
                f"the matrix has shape {matrix.shape}, the model has {len(features)} features: give (n, k)"
            )
        if matrix.dtype.kind not in _NUMBERS:
            raise InvalidColumns(f"the matrix is of {matrix.dtype}, not of numbers")
        self.rows = len(matrix)
        self._matrix = matrix

    def described(self, start: int, stop: int) -> tuple[Ints, Any]:
        part = _unmasked(self._matrix[start:stop])
        if not _readable(part):
            part = np.asfortranarray(part, dtype=np.float64)
        description = np.empty((part.shape[1], 3), dtype=np.int64)
        description[:, 0] = part.__array_interface__["data"][0]
        description[:, 0] += np.arange(part.shape[1]) * part.strides[1]
        description[:, 1] = part.strides[0]
        description[:, 2] = part.dtype == np.float32
        return description, part


class _Frame(Columns):
    def __init__(self, frame: pd.DataFrame, features: Sequence[str]) -> None:
        _check_names(list(frame.columns), features)
        self.rows = len(frame)
        self._columns = [frame[feature] for feature in features]
        for feature, column in zip(features, self._columns, strict=True):
            types = pd.api.types
            if not types.is_numeric_dtype(column.dtype) or types.is_complex_dtype(column.dtype):
                raise InvalidColumns(f"column {feature} is of {column.dtype}, not of numbers")
        self._plain = [
            column.to_numpy() if isinstance(column.dtype, np.dtype) else None for column in self._columns
        ]

    def described(self, start: int, stop: int) -> tuple[Ints, Any]:
        return _describe(
            [
                column.iloc[start:stop].to_numpy(dtype=np.float64, na_value=np.nan)
                if plain is None
                else plain[start:stop]
                for column, plain in zip(self._columns, self._plain, strict=True)
            ]
        )


class _Table(Columns):
    def __init__(self, table: Any, features: Sequence[str]) -> None:
        _check_names(table.schema.names, features)
        self.rows = table.num_rows
        self._columns = [table.column(feature) for feature in features]
        for feature, column in zip(features, self._columns, strict=True):
            kind = column.type
            types = pa.types
            if not (types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind)):
                raise InvalidColumns(f"column {feature} is of {kind}, not of numbers")

    def described(self, start: int, stop: int) -> tuple[Ints, Any]:
        return _describe([_arrow_floats(column.slice(start, stop - start)) for column in self._columns])


def _arrow_floats(column: Any) -> NDArray[Any]:
    """Return some rows of an Arrow column as NumPy, NaN where null."""
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    floats: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return floats


def _check_names(names: list[Any], features: Sequence[str]) -> None:
    for feature in features:
        if names.count(feature) != 1:
            raise InvalidColumns(f"column {feature} is {'there twice' if feature in names else 'absent'}")


def _readable(array: NDArray[Any]) -> bool:
    """Whether compiled code can read it where it lies."""
    plain = array.dtype == np.float64 or array.dtype == np.float32
    return plain and array.dtype.isnative and array.flags.aligned


def _describe(columns: list[NDArray[Any]]) -> tuple[Ints, Any]:
    floats = [column if _readable(column) else column.astype(np.float64) for column in columns]
    description = [
        (column.__array_interface__["data"][0], column.strides[0], column.dtype == np.float32)
        for column in floats
    ]
    return np.array(description, dtype=np.int64).reshape(-1, 3), floats
