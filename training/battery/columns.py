"""Columns: has the table every indicator that the model goes by? One renamed is missing for everybody."""

from collections.abc import Iterator

import numpy as np

from features.portfolio import Portfolio
from training.battery import words
from training.battery.evidence import Evidence
from training.battery.result import Check, Part, Range, Result

COLUMNS = Check(
    "scope.columns",
    words.COLUMNS,
    "indicators whose points in the model differ, and which training customers so had",
)


def columns(evidence: Evidence) -> Iterator[Result]:
    """Yield how many indicators that move the model's answers are missing for everybody; none may be.

    What was missing for all training customers moves nothing. Not counted is what applies to nobody here.
    """
    tables = evidence.model.tables
    used = sorted(
        {
            tables.features[axis.feature]
            for table in tables.tables
            for axis, contributions in zip(table.axes, table.contributions, strict=True)
            if np.ptp(contributions) > 0.0
        }
    )
    names = [evidence.catalog.by_id[id_].indicator.names for id_ in _lacking(evidence.data.portfolio, used)]
    yield COLUMNS.answer(
        float(len(names)),
        evidence.n,
        passed=not names,
        threshold=Range(0.0, 0.0),
        parts=[Part(name, 1.0, None) for name in names],
    )


def _lacking(portfolio: Portfolio, ids: list[str]) -> list[str]:
    """Return the indicators that apply to somebody and that nobody has."""
    places = [portfolio.column(id_) for id_ in ids]
    told = ~np.isnan(portfolio.values[:, places])
    apply = portfolio.applicable[:, places]
    return [id_ for column, id_ in enumerate(ids) if apply[:, column].any() and not told[:, column].any()]
