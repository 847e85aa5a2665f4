"""Codes that stand for a missing value, such as 999 or "not asked", taken out of a column of cells."""

import numpy as np
import pandas as pd

from features.catalog import Indicator


def without_codes(cells: pd.Series, indicator: Indicator) -> pd.Series:
    """Return cells of an indicator with its codes for a missing value missing; without any, the same cells.

    Numbers are compared with the codes that are numbers, texts with those that are texts. So a file of texts
    is asked twice: as it was delivered, and (by `Portfolio.from_frame`) once its numbers are read.
    """
    if not indicator.missing:
        return cells
    types = pd.api.types
    if types.is_numeric_dtype(cells.dtype) and not types.is_bool_dtype(cells.dtype):
        codes = [code for code in indicator.missing if isinstance(code, float)]
        nothing = cells.isin(codes).to_numpy(dtype=np.bool_)
        return cells.mask(nothing) if nothing.any() else cells
    nothing = np.array([indicator.stands_for_nothing(cell) for cell in cells], dtype=np.bool_)
    return cells.astype(object).mask(nothing, None) if nothing.any() else cells
