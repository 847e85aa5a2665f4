"""A header is found in three languages however it is spaced; what is in doubt is asked, never guessed."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.sources.headers import NO_HEADER, match_headers, normalised
from features.sources.layout import layout_of
from features.sources.opening import TableError
from tests.deliveries import STATEMENTS, catalog_with

ASSETS = {
    "type": "number",
    "names": {"zh-Hant": "資產總計", "zh-Hans": "资产总计", "en": "Total assets"},
    "aliases": ["TTL_ASSETS", "總資產（萬元）"],
}
TABLE: dict[str, Any] = {**STATEMENTS, "columns": {**STATEMENTS["columns"], "assets": ASSETS}}
LAYOUT = layout_of(catalog_with(statements=TABLE), "statements")
NEEDED = ["客戶編號", "報表日", "filed_on"]


def place_of_assets(header: str) -> int | None:
    return match_headers(LAYOUT, [*NEEDED, header], {}, "s.csv").places.get("assets")


def refusal(header: list[str], **mapped: str) -> str:
    with pytest.raises(TableError) as caught:
        match_headers(LAYOUT, header, mapped, "s.csv")
    message = str(caught.value)
    assert message.startswith("s.csv: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "header",
    [
        "assets", "ASSETS", "資產總計", "资产总计", "Total assets", "total_assets", "TotalAssets",
        " Total  Assets ", "Ｔｏｔａｌ　ａｓｓｅｔｓ", "total-assets:", "ttl assets",
        "總資產(萬元)", "總資產 （萬元）",
    ],
)  # fmt: skip
def test_a_column_is_found_by_id_name_or_alias_however_written(header: str) -> None:
    assert place_of_assets(header) == 3


@pytest.mark.parametrize("header", ["总资产（万元）", "assets 2023", "資產", "", "%"])
def test_what_is_not_declared_is_not_guessed_simplified_characters_included(header: str) -> None:
    assert place_of_assets(header) is None


@given(st.permutations([*NEEDED, "Total assets", "經審計", "意見"]))
def test_the_order_of_columns_changes_nothing(header: list[str]) -> None:
    found = match_headers(LAYOUT, header, {}, "s.csv")
    assert {column: header[place] for column, place in found.places.items()} == {
        "customer_no": "客戶編號",
        "period_end": "報表日",
        "filed_on": "filed_on",
        "assets": "Total assets",
        "audited": "經審計",
        "opinion": "意見",
    }
    assert (found.unknown, found.absent) == ((), ())


@given(st.text(max_size=20))
def test_spelling_once_more_changes_nothing(name: str) -> None:
    assert normalised(normalised(name)) == normalised(name)
    assert normalised(f" {name.upper()}_") in (normalised(name.upper()), f"{normalised(name.upper())}_")


def test_headers_nobody_asked_for_and_columns_that_are_absent_are_reported() -> None:
    found = match_headers(LAYOUT, [*NEEDED, "備註", "", "assets"], {}, "s.csv")
    assert found.unknown == ("備註", NO_HEADER)
    assert found.absent == ("audited", "opinion")


def test_two_headers_of_one_column_are_refused_unless_one_is_mapped() -> None:
    header = [*NEEDED, "資產總計", "Total assets"]
    assert "the headers in places 4 and 5 both mean assets" in refusal(header)
    found = match_headers(LAYOUT, header, {"Total assets": "assets"}, "s.csv")
    assert found.places["assets"] == 4
    assert found.unknown == ("資產總計",)


def test_a_header_that_can_mean_two_columns_is_refused_unless_it_is_mapped() -> None:
    columns = {**TABLE["columns"], "net_assets": {"type": "number", "aliases": ["Total-Assets"]}}
    layout = layout_of(catalog_with(statements={**TABLE, "columns": columns}), "statements")
    header = [*NEEDED, "total assets"]
    with pytest.raises(TableError, match="the header in place 4 can mean assets or net_assets"):
        match_headers(layout, header, {}, "s.csv")
    found = match_headers(layout, header, {"total assets": "net_assets"}, "s.csv")
    assert found.places["net_assets"] == 3
    assert "assets" in found.absent


def test_a_mapping_must_find_its_header_and_one_header_is_one_column() -> None:
    assert "there is no column asset; correct the mapping of 總額" in refusal([*NEEDED, "總額"], 總額="asset")
    assert "there is no header 總額; correct the mapping to assets" in refusal(NEEDED, 總額="assets")
    assert "2 headers are 總額" in refusal([*NEEDED, "總額", "總額"], 總額="assets")
    message = refusal([*NEEDED, "總額"], **{"總額": "assets", "總額 ": "audited"})
    assert "two mappings mean the header in place 4" in message


def test_a_table_without_its_header_is_refused_without_showing_its_first_row() -> None:
    message = refusal(["王小明", "2024-12-31", "2025-03-01", "31000"])
    assert "none of them is customer_no (written customer_no, 客戶編號, 客户编号)" in message
    assert "王" not in message


def test_the_columns_on_which_the_days_rest_are_needed_unless_the_portfolio_file_says_the_day() -> None:
    assert "none of them is filed_on" in refusal(["客戶編號", "報表日"])
    fixed = layout_of(catalog_with(statements=TABLE), "statements", fixed=date(2024, 1, 1))
    assert "filed_on" in match_headers(fixed, ["客戶編號", "報表日"], {}, "s.csv").absent


def test_the_currency_of_an_amount_is_needed_where_the_amount_is() -> None:
    assets = {"type": "number", "currency": "column:currency"}
    columns = {**STATEMENTS["columns"], "assets": assets, "currency": {"type": "text"}}
    layout = layout_of(catalog_with(statements={**STATEMENTS, "columns": columns}), "statements")
    with pytest.raises(TableError, match="none of them is currency"):
        match_headers(layout, [*NEEDED, "assets"], {}, "s.csv")
    assert "currency" in match_headers(layout, NEEDED, {}, "s.csv").absent
