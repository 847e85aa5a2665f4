"""Whether the numbers in a table of texts have a decimal comma: 1.234,5 as the continent writes them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.sources import cells as reading

# What only the one or only the other way of writing means; 1,234 and 1.234 can be either.
_COMMA = r"^[+-]?([0-9]{1,3}([. '][0-9]{3})+,[0-9]*|0[0-9]*,[0-9]+|[0-9]+,([0-9]{1,2}|[0-9]{4,}))$"
_POINT = r"^[+-]?([0-9]{1,3}([, '][0-9]{3})+\.[0-9]*|0[0-9]*\.[0-9]+|[0-9]*\.([0-9]{1,2}|[0-9]{4,}))$"
_MOSTLY = 0.95


def has_decimal_comma(frame: pd.DataFrame) -> bool:
    """Whether some column holds numbers with a decimal comma, and none holds numbers with a point."""
    found = False
    for place in frame:
        cells = frame[place]
        texts = [cell for cell in cells if isinstance(cell, str)] if cells.dtype == object else []
        if not texts:
            continue
        array = pc.utf8_trim_whitespace(pa.array(texts, type=pa.string()))
        commas, points = (
            pc.sum(pc.match_substring_regex(array, pattern)).as_py() for pattern in (_COMMA, _POINT)
        )
        if points and _are_numbers(cells, decimal_comma=False):
            return False
        found = found or (commas > 0 and _are_numbers(cells, decimal_comma=True))
    return found


def _are_numbers(cells: pd.Series, *, decimal_comma: bool) -> bool:
    values, wrong = reading.numbers(cells, decimal_comma=decimal_comma)
    there = int(np.sum(~np.isnan(values)))
    return there >= _MOSTLY * (there + int(wrong.sum()))
