"""What goes wrong in departments: records entered late, wrong and later corrected, or delivered twice."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.simulation.history import Bools
from features.simulation.rows import Rows, joined

# A slipped decimal point, and an amount in 萬 that was typed as if in units.
_FACTORS = np.array([10.0, 0.1, 1e-4])


@dataclass(frozen=True)
class Shares:
    """Which shares of a table's rows are late, wrong or repeated."""

    late: float = 0.015
    wrong: float = 0.004
    repeated: float = 0.002


USUAL = Shares()


def with_mistakes(
    rng: np.random.Generator,
    rows: Rows,
    known: str,
    amounts: Sequence[str] = (),
    *,
    shares: Shares = USUAL,
    pinned: Bools | None = None,
) -> Rows:
    """Return rows of a table that has a record key, with the mistakes that are made in it.

    A late row becomes known 30 to 180 days later. Of a wrong one, a version with its amounts in the wrong
    unit (all of them) or with a slipped decimal point (one of them) becomes known when the right one should
    have; the right one follows 10 to 120 days after. A repeated row stands there twice. `pinned` rows are
    spared.
    """
    free = np.ones(len(rows), dtype=np.bool_) if pinned is None else ~pinned
    late = free & (rng.random(len(rows)) < shares.late)
    wrong = free & (rng.random(len(rows)) < shares.wrong) & bool(amounts)
    repeated = np.flatnonzero(free & (rng.random(len(rows)) < shares.repeated))
    days = rows.days(known) + np.where(late, rng.integers(30, 181, len(rows)), 0)
    corrected = np.where(wrong, days + rng.integers(10, 121, len(rows)), days)
    right = rows.given(**{known: corrected})
    mistaken = rows.given(**{known: days}).take(wrong)
    factor = _FACTORS[rng.integers(0, len(_FACTORS), len(mistaken))]
    slipped = rng.integers(0, max(len(amounts), 1), len(mistaken))
    for place, name in enumerate(amounts):
        hit = (factor == _FACTORS[-1]) | (slipped == place)
        cells = mistaken.columns[name]
        mistaken = mistaken.given(**{name: np.round(np.asarray(cells) * np.where(hit, factor, 1.0), 2)})
    return joined([right, mistaken, right.take(repeated)])
