"""The points tables as one tidy CSV table, from which every contribution can be rebuilt.

A line is one combination of ranges. Bounds are exact: a number lies in a range where `above` < number ≤
`up_to`, an empty bound being none. Numbers within ±1e-35, which count as 0, are seen to by the bounds.

A level that begins like a formula or with an apostrophe has an apostrophe put in front, so that a reader gets
the catalog's level by taking away the first apostrophe where a level begins with one.
"""

import csv
import io
import itertools

from models.export_ranges import Ranges
from models.export_sheet import Sheet
from models.points import MOST_FEATURES

# What a spreadsheet would take for a formula gets an apostrophe in front, as in every table that is written;
# here what has one too, so that "=x" and "'=x" stay apart.
_GUARDED = ("=", "+", "-", "@", "\t", "\r", "'")
_OF_AXIS = ("feature", "range", "above", "up_to", "level", "log_odds")

COLUMNS = (
    "part",
    "table",
    "order",
    *(f"{name}_{place}" for place in range(1, MOST_FEATURES + 1) for name in _OF_AXIS),
    "log_odds",
    "points_at_base",
)
# What stands in `range_…`.
KNOWN, UNSEEN, MISSING = "known", "unseen", "missing"


def to_csv(sheet: Sheet) -> str:
    """Return the table: a line for the base, then one for each combination of ranges of each table.

    `log_odds_n` is what the combination contributes to the n-th indicator, in calibrated log-odds,
    `log_odds` their sum, `points_at_base` about what that is worth near the base.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    worth = sheet.points_at_base
    base = sheet.model.base_log_odds
    writer.writerow({"part": "base", "order": 0, "log_odds": repr(float(base)), "points_at_base": ""})
    number = 0
    for shape in sheet.shapes:
        for part, values in (("prior", shape.prior), ("correction", shape.correction)):
            if values.any():
                number += 1
                for place, value in enumerate(values.tolist()):
                    line = _axis(1, shape.ranges, place, value)
                    writer.writerow(_line(part, number, 1, line, value, worth))
    for grid in sheet.grids:
        number += 1
        for places in itertools.product(*(range(len(ranges)) for ranges in grid.ranges)):
            line, total = {}, 0.0
            for axis, (ranges, place) in enumerate(zip(grid.ranges, places, strict=True)):
                value = float(grid.contributions[(axis, *places)])
                total += value
                line |= _axis(axis + 1, ranges, place, value)
            writer.writerow(_line(grid.part, number, len(places), line, total, worth))
    return text.getvalue()


def _line(
    part: str, number: int, order: int, axes: dict[str, str], total: float, worth: float
) -> dict[str, object]:
    return {
        "part": part, "table": number, "order": order, **axes,
        "log_odds": repr(total), "points_at_base": repr(total * worth),
    }  # fmt: skip


def _axis(axis: int, ranges: Ranges, place: int, value: float) -> dict[str, str]:
    """Return what one axis says of a combination."""
    status, above, up_to, level = KNOWN, "", "", ""
    if place == ranges.missing:
        status = MISSING
    elif ranges.levels is None:
        above = repr(ranges.bounds[place - 1]) if place else ""
        up_to = repr(ranges.bounds[place]) if place < len(ranges.bounds) else ""
    elif place < len(ranges.levels):
        level = ranges.levels[place]
        level = f"'{level}" if level.startswith(_GUARDED) else level
    else:
        status = UNSEEN
    cells = (ranges.id, status, above, up_to, level, repr(value))
    return {f"{name}_{axis}": cell for name, cell in zip(_OF_AXIS, cells, strict=True)}
