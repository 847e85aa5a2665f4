"""Codes for a missing value are taken out of any column of cells, and nothing else is."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from features.catalog import Catalog, Indicator, Kind
from features.missing_codes import without_codes
from features.portfolio import Portfolio
from tests.deliveries import catalog_with


def with_missing(kind: Kind, *missing: float | str) -> Indicator:
    (placed,) = catalog_with().placed
    return placed.indicator.model_copy(update={"kind": kind, "missing": missing})


@pytest.mark.parametrize(
    ("cells", "left"),
    [
        (pd.Series([999.0, 1.0, np.nan, 0.5]), [None, 1.0, None, 0.5]),
        (pd.Series([999, 1, -7]), [None, 1, -7]),
        (pd.Series([" none ", "nonesuch", "999", None], dtype=object), [None, "nonesuch", "999", None]),
        (pd.Series([999, "none", True, 3.5], dtype=object), [None, None, True, 3.5]),
        (pd.Series([True, False]), [True, False]),
    ],
)
def test_codes_and_nothing_else_are_missing(cells: pd.Series, left: list[object]) -> None:
    found = without_codes(cells, with_missing(Kind.NUMBER, 999.0, "none"))
    assert [None if pd.isna(cell) else cell for cell in found] == left


def test_without_codes_the_cells_are_the_same() -> None:
    cells = pd.Series([1, 999])
    assert without_codes(cells, with_missing(Kind.NUMBER)) is cells
    assert without_codes(cells, with_missing(Kind.NUMBER, 5.0)) is cells


def test_a_code_in_a_frame_is_a_missing_fact_and_no_mistake() -> None:
    document = catalog_with().model_dump(mode="json", by_alias=True, exclude_defaults=True)
    document["dimensions"][0]["groups"][0]["indicators"][0]["missing"] = ["not asked", 9]
    catalog = Catalog.model_validate_json(json.dumps(document))
    listed = pd.Series([True, "not asked", 9, "perhaps"], dtype=object)
    frame = pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "listed": listed})
    frame = frame.assign(nature="enterprise", as_of=date(2024, 1, 1))
    portfolio, rejects = Portfolio.from_frame(frame, catalog)
    assert np.array_equal(portfolio.given[:, 0], [1.0, np.nan, np.nan], equal_nan=True)
    assert rejects["customer_id"].tolist() == ["d"]
