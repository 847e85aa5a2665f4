"""A portfolio as a frame and back is the same portfolio."""

from dataclasses import replace

import numpy as np
import pytest

from features.catalog import load_catalog
from features.portfolio import Portfolio
from tests.labelled import synthetic
from tests.strategies import random_portfolio
from training.frames import to_frame


@pytest.mark.parametrize("name", ["customer", "sba"])
def test_a_portfolio_survives_the_way_through_a_frame(name: str) -> None:
    catalog = load_catalog(name)
    portfolio = random_portfolio(catalog, 300, seed=1)
    found, rejects = Portfolio.from_frame(to_frame(portfolio), catalog)
    assert rejects.empty, rejects
    assert np.array_equal(found.given, portfolio.given, equal_nan=True)
    assert list(found.customer_ids) == list(portfolio.customer_ids)
    assert list(found.natures) == list(portfolio.natures)
    assert list(found.as_of) == list(portfolio.as_of)
    assert {id_: texts.tolist() for id_, texts in found.levels.items()} == {
        id_: texts.tolist() for id_, texts in portfolio.levels.items()
    }


def test_the_frame_is_a_copy_and_has_every_indicator() -> None:
    portfolio = synthetic(30).data.portfolio
    before = portfolio.given.copy(), portfolio.levels["region"].copy()
    frame = to_frame(portfolio)
    assert list(frame.columns) == ["customer_id", "nature", "as_of", *portfolio.catalog.columns]
    frame["margin"] = 0.0
    frame.loc[:, "region"] = "elsewhere"
    assert np.array_equal(portfolio.given, before[0], equal_nan=True)
    assert portfolio.levels["region"].tolist() == before[1].tolist()


def test_a_category_set_aside_has_no_text_left() -> None:
    portfolio = synthetic(30).data.portfolio
    given = portfolio.given.copy()
    given[:, portfolio.column("region")] = np.nan
    assert to_frame(replace(portfolio, given=given))["region"].isna().all()
