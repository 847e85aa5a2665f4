"""Every row that is read is staged, rejected or unmatched, with its reason and without its values."""

import logging
import os
import random
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import Catalog
from features.declaration import DeclarationError
from features.sources.contract import check_table_names
from features.sources.opening import TableError
from features.sources.staging import Staged, stage
from tests.deliveries import (
    CUSTOMERS,
    STATEMENTS,
    catalog_with,
    delivery_in,
    lines_of,
    rows_of,
    stage_csv,
    write_csv,
)

CATALOG = catalog_with(statements=STATEMENTS)
HEADER = ["客戶編號", "報表日", "申報日", "資產總計", "經審計", "意見"]
FINE = ["007", "2023-12-31", "2024-03-31", "1,200", "是", "無保留"]
CROSSWALK = ["customer_id", "key_system", "key", "valid_from", "valid_to", "known_at"]


def table_with(base: dict[str, Any], columns: dict[str, Any], **changed: Any) -> Catalog:
    return catalog_with(statements={**base, **changed, "columns": {**base["columns"], **columns}})


def reject_reasons(staged: Staged) -> dict[int, tuple[str, str]]:
    return {int(line["row"]): (line["column"], line["reason"]) for line in lines_of(staged.rejects_file)}


# Nothing is lost

garbage = st.sampled_from(
    ["", "?", "abc", "-5", "1e999", "９８萬", "12%", "2023-02-30", "03/04/2023", "民國112年12月31日", "maybe",
     "否", "保留", "qualified", "\u200b", "x" * 200, "1799-01-01", "2150-01-01", "無", '"', "a,b", "a\nb",
     "0", "=1+1"]
)  # fmt: skip
cells = [
    st.one_of(st.sampled_from(["007", "08", "Ｋ９", "nobody"]), garbage),
    st.one_of(st.sampled_from(["2022-12-31", "2023/12/31", "20211231"]), garbage),
    st.one_of(st.sampled_from(["2024-03-31", "2024年4月1日"]), garbage),
    st.one_of(st.sampled_from(["1,200", "3.5", "7萬"]), garbage),
    st.one_of(st.sampled_from(["是", "no", "1"]), garbage),
    st.one_of(st.sampled_from(["無保留", "保留"]), garbage),
]
dirty_rows = st.lists(
    st.one_of(
        st.tuples(*cells).map(list),
        st.tuples(*cells).map(list),
        st.lists(garbage, min_size=1, max_size=9),
    ),
    max_size=60,
)
assignments = [
    ["C-1", "ledger", "007", "2022-01-01", "", "2022-01-01"],
    ["C-2", "ledger", "K9", "", "2023-01-01", ""],
    ["C-3", "ledger", "K9", "2023-01-01", "", ""],
    ["C-4", "sales", "08", "", "", ""],
]


@settings(max_examples=15)
@given(dirty_rows, dirty_rows, st.booleans())
def test_accepted_and_rejected_is_read_and_matched_and_unmatched_is_accepted(
    first: list[list[str]], second: list[list[str]], with_crosswalk: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, rows in enumerate((first, second)):
            write_csv(folder / f"s{number}.csv", HEADER, rows)
        declared: dict[str, Any] = {}
        if with_crosswalk:
            write_csv(folder / "crosswalk.csv", CROSSWALK, assignments)
            declared = {"crosswalk": {"path": "crosswalk.csv"}}
        delivery = delivery_in(folder, {"table": "statements", "path": "s*.csv"}, **declared)
        staged = stage(delivery, CATALOG, folder / "out")
        table = staged.tables["statements"]
        # Rows of nothing but empty cells are no rows.
        read = [sum(any(cell != "" for cell in row) for row in rows) for rows in (first, second)]
        assert [part.read for part in table.parts] == read
        assert all(part.accepted + part.rejected == part.read for part in table.parts)
        rejected = Counter(line["source"] for line in lines_of(staged.rejects_file))
        assert [part.rejected for part in table.parts] == [rejected["s0.csv"], rejected["s1.csv"]]
        unmatched, matched = lines_of(staged.unmatched_file), rows_of(table.file)
        assert (len(matched), len(unmatched)) == (table.matched, table.unmatched)
        assert table.matched + table.unmatched == table.accepted
        assert table.accepted + table.rejected == sum(read)
        # Each row stands in one place, under its number in its file.
        places = [(line["source"], line["row"]) for line in [*lines_of(staged.rejects_file), *unmatched]]
        assert len(set(places)) == len(places)
        assert len({row["row"] for row in matched}) == len(matched)
        assert sum(count.rows for count in staged.unmatched) == len(unmatched)
        assert sum(count.rows for count in staged.failures) >= table.rejected


# Nothing is told

sentinels = st.text("王孫鄭柳曹٣९7", min_size=8, max_size=14).map(lambda text: f"§{text}")


@contextmanager
def logged_to(messages: list[str]) -> Iterator[None]:
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@settings(max_examples=15)
@given(st.lists(sentinels, min_size=6, max_size=6, unique=True), st.randoms(use_true_random=False))
def test_what_a_cell_holds_is_told_nowhere_but_in_the_staged_table(
    secrets: list[str], chance: random.Random
) -> None:
    tables = {
        "statements": [HEADER, *[list(FINE) for _ in range(8)], [secrets[0]], secrets * 2],
        "customers": [["sales_no", "nature"], [secrets[1], secrets[2]], [secrets[3], "enterprise"]],
        "crosswalk": [
            CROSSWALK,
            [secrets[4], "ledger", secrets[5], "2020-01-01", "", ""],
            [secrets[0], secrets[1], secrets[2], secrets[3], "", ""],
        ],
        "rates": [
            ["currency", "effective", "rate"],
            [secrets[0], "2020-01-01", "3"],
            ["USD", secrets[1], "3"],
        ],
        "successions": [["from_customer", "to_customer", "on"], [secrets[0], secrets[1], secrets[2]]],
    }
    for row in tables["statements"][1:9]:
        row[chance.randrange(6)] = chance.choice(secrets)
    # What is refused as a whole tells nothing either.
    broken = chance.choice(["", "overlap", "circle", "rate", "header"])
    if broken == "overlap":
        tables["crosswalk"].append([secrets[3], "ledger", secrets[5], "2021-01-01", "", ""])
    elif broken == "circle":
        pairs = [(secrets[0], secrets[1]), (secrets[1], secrets[0])]
        tables["successions"] += [[*pair, "2020-01-01"] for pair in pairs]
    elif broken == "rate":
        tables["rates"].append([secrets[0], "2020-01-01", "4"])
    elif broken == "header":
        tables["customers"] = tables["customers"][1:]
    messages: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            with logged_to(messages):
                staged = stage_csv(folder, CATALOG, tables, progress=messages.append)
            messages.append(repr(staged))
            assert broken == ""
        except TableError as error:
            messages.append("".join(traceback.format_exception(error)))
            assert "\n" not in str(error)
        written = [file for file in (folder / "out").rglob("*") if file.is_file()]
        messages += [file.read_text(encoding="utf-8") for file in written if file.suffix != ".parquet"]
        assert all(file.suffix in (".parquet", ".csv") for file in written)
    for secret in secrets:
        assert not any(secret[1:] in message for message in messages)


# Every way in is the same

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "gb18030", "big5"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_chinese_tables_are_read_in_whatever_encoding_they_come(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    lines = [HEADER, *[[*FINE[:3], "3.5", "否", "保留"] for _ in range(3)]]
    text = "\r\n".join(delimiter.join(line) for line in lines)
    (tmp_path / "s.csv").write_bytes(text.encode(encoding))
    staged = stage(delivery_in(tmp_path, {"table": "statements", "path": "s.csv"}), CATALOG, tmp_path / "out")
    rows = rows_of(staged.tables["statements"].file)
    assert [(row["assets"], row["audited"], row["opinion"]) for row in rows] == [
        (35000.0, False, "qualified")
    ] * 3


def test_csv_excel_parquet_and_a_database_give_the_same_table(tmp_path: Path) -> None:
    day = date(2023, 12, 31)
    frame = pd.DataFrame(
        {
            "客戶編號": ["007", "08", "00012345", "Ｋ９"],
            "報表日": [day, date(2022, 12, 31), day, day],
            "申報日": [date(2024, 3, 31)] * 4,
            "資產總計": [1200.25, None, 0.1, -3.0],
            "經審計": [True, False, None, True],
            "意見": ["無保留", None, "保留", "odd"],
        }
    ).astype({"資產總計": object, "經審計": object})
    frame = frame.where(frame.notna(), None)
    frame.to_csv(tmp_path / "s.csv", index=False)
    frame.astype({"資產總計": float, "經審計": "boolean"}).to_parquet(tmp_path / "s.parquet")
    book = openpyxl.Workbook()
    sheet = book.create_sheet("報表")
    sheet.append(list(frame.columns))
    for line in frame.itertuples(index=False):
        sheet.append(list(line))
    book.save(tmp_path / "s.xlsx")
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 's.db'}")
    frame.astype({"經審計": object}).to_sql("statements", engine, index=False)
    engine.dispose()
    found = {}
    for kind, source in {
        "csv": {"path": "s.csv"},
        "parquet": {"path": "s.parquet"},
        "excel": {"path": "s.xlsx", "sheet": "報表"},
        "database": {"url": "sqlite:///s.db", "table_name": "statements"},
    }.items():
        delivery = delivery_in(tmp_path, {"table": "statements", **source})
        staged = stage(delivery, CATALOG, tmp_path / kind)
        rows = [{**row, "source": ""} for row in rows_of(staged.tables["statements"].file)]
        found[kind] = (rows, reject_reasons(staged))
    assert found["csv"] == found["parquet"] == found["excel"] == found["database"]
    rows, rejects = found["csv"]
    assert [row["customer_id"] for row in rows] == ["007", "08", "00012345"]
    assert [row["assets"] for row in rows] == [12_002_500.0, None, 1000.0]
    assert rejects == {5: ("assets", "must be at least 0")}


def test_decimals_times_of_day_and_integers_of_a_driver_are_cells_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({
        "客戶編號": [7, 8],
        "報表日": [datetime(2023, 12, 31, 23, 59), datetime(2022, 12, 31)],
        "申報日": [datetime(2024, 3, 31), datetime(2024, 3, 31)],
        "資產總計": [Decimal("1200.25"), Decimal("0.50")],
    })  # fmt: skip
    frame.to_parquet(tmp_path / "s.parquet")
    staged = stage(
        delivery_in(tmp_path, {"table": "statements", "path": "s.parquet"}), CATALOG, tmp_path / "out"
    )
    rows = rows_of(staged.tables["statements"].file)
    assert [(row["customer_no"], row["effective"], row["assets"]) for row in rows] == [
        ("7", date(2023, 12, 31), 12_002_500.0),
        ("8", date(2022, 12, 31), 5000.0),
    ]


def test_a_key_whose_digits_a_spreadsheet_has_lost_is_nobodys(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["客戶編號", "報表日", "申報日"])
    for key in (1234567890123456, 6222021234567890123, 6.2220212345678901e18, None):
        book.active.append([key, date(2023, 12, 31), date(2024, 3, 31)])
    book.save(tmp_path / "s.xlsx")
    staged = stage(
        delivery_in(tmp_path, {"table": "statements", "path": "s.xlsx"}), CATALOG, tmp_path / "out"
    )
    keys = [row["customer_no"] for row in rows_of(staged.tables["statements"].file)]
    assert keys == ["1234567890123456"]
    reasons = reject_reasons(staged)
    assert reasons[5] == ("customer_no", "is missing")
    for row in (3, 4):
        assert reasons[row][0] == "customer_no" and "its last digits are lost" in reasons[row][1]


# The contract


@pytest.mark.parametrize(
    ("place", "cell", "column", "reason"),
    [
        (0, "", "customer_no", "is missing"),
        (0, "a\tb", "customer_no", "must be 1 to 128 printable characters"),
        (0, "x" * 129, "customer_no", "must be 1 to 128 printable characters"),
        (1, "", "period_end", "is missing"),
        (
            1,
            "2023-02-30",
            "period_end",
            "is no day that is beyond doubt; write YYYY-MM-DD",
        ),
        (1, "03/04/2023", "period_end", "is no day that is beyond doubt"),
        (1, "1899-12-31", "period_end", "must lie between 1900 and 2199"),
        (1, "2034-12-31", "period_end", "lies more than 10 years after the day on which it became known"),
        (2, "", "filed_on", "is missing"),
        (3, "many", "assets", "is no number"),
        (3, "1e305", "assets", "is no number"),
        (3, "-0.5", "assets", "must be at least 0"),
        (4, "perhaps", "audited", "is neither yes nor no"),
        (5, "意見不明", "opinion", "is none of the declared levels"),
    ],
)
def test_a_row_that_breaks_the_contract_is_rejected_with_its_column_and_reason(
    tmp_path: Path, place: int, cell: str, column: str, reason: str
) -> None:
    broken = [*FINE[:place], cell, *FINE[place + 1 :]]
    staged = stage_csv(tmp_path, CATALOG, {"statements": [HEADER, FINE, broken, FINE]})
    found = reject_reasons(staged)
    assert list(found) == [3]
    assert found[3][0] == column
    assert found[3][1].startswith(reason)


def test_a_row_is_rejected_once_with_its_first_reason_and_counted_under_each(tmp_path: Path) -> None:
    broken = ["", "2023-02-30", FINE[2], "-1", "perhaps", ""]
    staged = stage_csv(tmp_path, CATALOG, {"statements": [HEADER, broken, broken, FINE]})
    assert reject_reasons(staged) == {2: ("customer_no", "is missing"), 3: ("customer_no", "is missing")}
    assert [(count.column, count.rows) for count in staged.failures] == [
        ("assets", 2),
        ("audited", 2),
        ("customer_no", 2),
        ("period_end", 2),
    ]


def test_a_row_of_another_length_than_the_header_is_said_to_be_wrong_as_a_whole(tmp_path: Path) -> None:
    staged = stage_csv(tmp_path, CATALOG, {"statements": [HEADER, FINE[:5], FINE, [*FINE, "x"]]})
    assert reject_reasons(staged) == {
        2: ("whole row", "has 5 cells, the header 6"),
        4: ("whole row", "has 7 cells, the header 6"),
    }
    assert {count.column for count in staged.failures} == {"whole row"}


def test_codes_for_nothing_are_missing_and_a_required_cell_must_be_there(tmp_path: Path) -> None:
    columns = {"assets": {"type": "number", "missing": ["-999", "无资料"], "required": True, "minimum": 0},
               "audited": {"type": "flag", "missing": ["9"]}}  # fmt: skip
    header = ["客戶編號", "報表日", "申報日", "assets", "audited"]
    rows = [[*FINE[:3], assets, audited] for assets, audited in [("5", "9"), ("-999", "1"), ("无资料", "0")]]
    staged = stage_csv(tmp_path, table_with(STATEMENTS, columns), {"statements": [header, *rows]})
    assert [row["audited"] for row in rows_of(staged.tables["statements"].file)] == [None]
    assert reject_reasons(staged) == {3: ("assets", "is missing"), 4: ("assets", "is missing")}


def test_a_level_may_be_delivered_as_what_it_means(tmp_path: Path) -> None:
    rows = [[*FINE[:5], cell] for cell in ("無保留", "unqualified", " 無保留 ", "保留", "")]
    staged = stage_csv(tmp_path, CATALOG, {"statements": [HEADER, *rows]})
    found = [row["opinion"] for row in rows_of(staged.tables["statements"].file)]
    assert found == ["unqualified", "unqualified", "unqualified", "qualified", None]


def test_a_customer_has_a_nature_of_the_catalog(tmp_path: Path) -> None:
    cells = ["企業", "Government", "enterprise", "individual", "martian", ""]
    rows = [[f"S{number}", cell] for number, cell in enumerate(cells)]
    staged = stage_csv(tmp_path, CATALOG, {"customers": [["sales_no", "nature"], *rows]})
    found = [row["nature"] for row in rows_of(staged.tables["customers"].file)]
    assert found == ["enterprise", "government", "enterprise"]
    assert list(reject_reasons(staged)) == [5, 6, 7]


def test_a_unit_written_into_the_cell_is_not_applied_twice(tmp_path: Path) -> None:
    columns = {"assets": {"type": "number", "scale": "wan"}, "margin": {"type": "number", "scale": "percent"}}
    header = ["客戶編號", "報表日", "申報日", "assets", "margin"]
    rows = [[*FINE[:3], assets, margin] for assets, margin in [("3", "5"), ("3萬", "5%"), ("0.5億", "５％")]]
    staged = stage_csv(tmp_path, table_with(STATEMENTS, columns), {"statements": [header, *rows]})
    found = [(row["assets"], row["margin"]) for row in rows_of(staged.tables["statements"].file)]
    assert found == [(30_000.0, 0.05), (30_000.0, 0.05), (50_000_000.0, 0.05)]


def test_the_decimal_comma_of_a_source_is_read(tmp_path: Path) -> None:
    write_csv(tmp_path / "s.csv", HEADER, [[*FINE[:3], "1.234,5", *FINE[4:]]])
    source = {"table": "statements", "path": "s.csv", "decimal_comma": True}
    staged = stage(delivery_in(tmp_path, source), CATALOG, tmp_path / "out")
    assert [row["assets"] for row in rows_of(staged.tables["statements"].file)] == [12_345_000.0]


@pytest.mark.parametrize(
    "setting", ["PANDERA_VALIDATION_ENABLED=False", "PANDERA_VALIDATION_DEPTH=SCHEMA_ONLY"]
)
def test_checks_that_the_environment_disables_are_missed_before_anything_is_read(setting: str) -> None:
    name, value = setting.split("=")
    asked = "from features.sources.contract import refuse_disabled_checks as ask; ask()"
    done = subprocess.run(
        [sys.executable, "-c", asked], env={**os.environ, name: value}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "ChecksDisabled: pandera checks no cells, so nothing is read: unset" in done.stderr


# Days and rows


def test_a_record_is_known_after_the_days_that_it_is_always_late(tmp_path: Path) -> None:
    catalog = table_with(STATEMENTS, {}, known_after_days=30)
    staged = stage_csv(tmp_path, catalog, {"statements": [HEADER, FINE]})
    (row,) = rows_of(staged.tables["statements"].file)
    assert (row["effective"], row["known_at"]) == (date(2023, 12, 31), date(2024, 4, 30))


def test_a_day_that_the_portfolio_file_says_is_when_a_whole_file_became_known(tmp_path: Path) -> None:
    write_csv(tmp_path / "old.csv", HEADER, [FINE, [*FINE[:2], "", *FINE[3:]]])
    write_csv(tmp_path / "customers.csv", ["sales_no", "nature"], [["S1", "enterprise"]])
    delivery = delivery_in(
        tmp_path,
        {"table": "statements", "path": "old.csv", "known_at": "2025-01-15"},
        {"table": "customers", "path": "customers.csv", "known_at": "2025-01-16"},
        {"table": "customers", "path": "customers.csv"},
    )
    staged = stage(delivery, CATALOG, tmp_path / "out")
    days = [(row["effective"], row["known_at"]) for row in rows_of(staged.tables["statements"].file)]
    assert days == [(date(2023, 12, 31), date(2025, 1, 15))] * 2
    days = [(row["effective"], row["known_at"]) for row in rows_of(staged.tables["customers"].file)]
    assert days == [(date(2025, 1, 16),) * 2, (date(1900, 1, 1),) * 2]


def test_a_table_without_a_day_of_becoming_known_is_known_on_the_day_that_it_describes(
    tmp_path: Path,
) -> None:
    visits = {**CUSTOMERS, "effective": "day",
              "columns": {"sales_no": {"type": "key"}, "day": {"type": "date"}}}  # fmt: skip
    catalog = catalog_with(visits=visits)
    staged = stage_csv(tmp_path, catalog, {"visits": [["sales_no", "day"], ["S1", "2150-05-05"]]})
    (row,) = rows_of(staged.tables["visits"].file)
    assert row["effective"] == row["known_at"] == date(2150, 5, 5)


def test_rows_are_numbered_over_all_sources_in_their_order_and_repeated_rows_are_kept_and_counted(
    tmp_path: Path,
) -> None:
    for name, keys in (("b", ["1", "2", "2"]), ("a", ["2", "", "3"])):
        write_csv(tmp_path / f"{name}.csv", HEADER, [[key, *FINE[1:]] for key in keys])
    sources = [{"table": "statements", "path": f"{name}.csv"} for name in ("b", "a")]
    staged = stage(delivery_in(tmp_path, *sources), CATALOG, tmp_path / "out")
    rows = rows_of(staged.tables["statements"].file)
    found = [(row["row"], row["source"], row["customer_no"]) for row in rows]
    expected = [(1, "b.csv", "1"), (2, "b.csv", "2"), (3, "b.csv", "2"), (4, "a.csv", "2"), (6, "a.csv", "3")]
    assert found == expected
    assert staged.tables["statements"].repeated == 2


def test_a_table_that_nobody_delivers_is_staged_empty_and_told(tmp_path: Path) -> None:
    staged = stage_csv(tmp_path, CATALOG, {"customers": [["sales_no", "nature"], ["1", "enterprise"]]})
    assert staged.without_source == ("statements",)
    assert staged.tables["statements"].read == 0
    full = stage_csv(tmp_path, CATALOG, {"statements": [HEADER, FINE]})
    empty = pd.read_parquet(staged.tables["statements"].file)
    assert list(empty.columns) == list(pd.read_parquet(full.tables["statements"].file).columns)
    assert list(empty.columns[:5]) == ["customer_id", "effective", "known_at", "row", "source"]


def test_columns_named_as_the_days_are_staged_once_as_the_days(tmp_path: Path) -> None:
    columns = {"customer_no": {"type": "key"}, "effective": {"type": "date"}, "known_at": {"type": "date"}}
    table = {**CUSTOMERS, "key": "customer_no", "columns": columns, "effective": "effective",
             "known_at": "known_at", "known_after_days": 1}  # fmt: skip
    rows = [["customer_no", "effective", "known_at"], ["1", "2023-12-31", "2024-01-01"]]
    staged = stage_csv(tmp_path, catalog_with(ratings=table), {"ratings": rows})
    (row,) = rows_of(staged.tables["ratings"].file)
    assert list(row) == ["customer_id", "effective", "known_at", "row", "source", "customer_no"]
    assert (row["effective"], row["known_at"]) == (date(2023, 12, 31), date(2024, 1, 2))


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"columns": {"effective": {"type": "text"}}}, "column effective: the name is taken"),
        ({"columns": {"known_at": {"type": "date"}}}, "or say known_at: known_at in the table"),
        ({"columns": {"Total": {"type": "text"}}}, "lower-case letters, digits and _; rename 'Total'"),
        ({"columns": {"a": {"type": "text", "levels": {"A": "x", "Ａ": "y"}}}}, "mean different levels"),
        ({"columns": {"a": {"type": "number"}}, "key_of": "statements.a"}, "must be of type key or text"),
    ],
)
def test_tables_that_cannot_be_staged_as_declared_are_refused(table: dict[str, Any], reason: str) -> None:
    catalog = table_with(STATEMENTS, table.pop("columns"), **table)
    with pytest.raises(DeclarationError, match=reason):
        check_table_names(catalog)


def test_a_table_named_as_one_of_the_portfolio_file_is_refused() -> None:
    with pytest.raises(DeclarationError, match="table rates: the portfolio file means another table"):
        check_table_names(catalog_with(rates=STATEMENTS))


def test_levels_of_a_nature_are_natures_of_the_catalog() -> None:
    columns = {**CUSTOMERS["columns"], "nature": {"type": "text", "levels": {"人": "individual"}}}
    with pytest.raises(DeclarationError, match="individual is no nature of the catalog"):
        check_table_names(catalog_with(customers={**CUSTOMERS, "columns": columns}))


def test_staging_that_fails_leaves_what_was_staged_before(tmp_path: Path) -> None:
    staged = stage_csv(tmp_path, CATALOG, {"statements": [HEADER, FINE]})
    before = staged.tables["statements"].file.read_bytes()
    with pytest.raises(TableError):
        stage_csv(tmp_path, CATALOG, {"statements": [HEADER[1:], FINE[1:]]})
    assert staged.tables["statements"].file.read_bytes() == before
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "rejects.csv",
        "staged",
        "unmatched.csv",
    ]


# Currencies

MONEY = table_with(
    STATEMENTS,
    {
        "assets": {"type": "number", "currency": "column:currency"},
        "equity": {"type": "number", "currency": "USD"},
        "currency": {"type": "text"},
    },
)
RATES = [["currency", "effective", "rate"], ["USD", "2024-01-01", "31"], ["usd", "2023-01-01", "30"],
         ["JPY", "2023-06-01", "0.2"]]  # fmt: skip


def test_amounts_are_worth_what_the_newest_rate_on_or_before_their_day_says(tmp_path: Path) -> None:
    header = ["客戶編號", "報表日", "申報日", "assets", "currency", "equity"]
    rows = [
        ["1", "2022-12-31", "2024-12-31", "5", "TWD", ""],
        ["1", "2022-12-31", "2024-12-31", "", "", "7"],
        ["1", "2023-01-01", "2024-12-31", "5", "USD", "7"],
        ["1", "2023-12-31", "2024-12-31", "5", "ＪＰＹ", "7"],
        ["1", "2024-01-01", "2024-12-31", "5", "Usd", "7"],
        ["1", "2024-02-01", "2024-12-31", "5", "EUR", ""],
        ["1", "2024-02-01", "2024-12-31", "5", "", ""],
        ["1", "2024-02-01", "2024-12-31", "", "EUR", ""],
    ]
    tables = {"statements": [header, *rows], "rates": RATES}
    staged = stage_csv(tmp_path, MONEY, tables, currency="TWD")
    found = [(row["assets"], row["equity"]) for row in rows_of(staged.tables["statements"].file)]
    assert found == [(5.0, None), (150.0, 210.0), (1.0, 210.0), (155.0, 217.0), (None, None)]
    assert reject_reasons(staged) == {
        3: ("equity", "has no rate on or before its day; add one to the rates"),
        7: ("assets", "has no rate on or before its day; add one to the rates"),
        8: ("assets", "is an amount without a currency; fill in currency"),
    }


@pytest.mark.parametrize(
    ("rate", "reason"),
    [
        (["JPY", "2023-07-01", "0"], "rates: row 5 of rates.csv: the rate must lie above 0"),
        (
            ["JPY", "2023-06-01", "0.3"],
            "row 4 of rates.csv and row 5 of rates.csv give two rates",
        ),
    ],
)
def test_rates_that_cannot_be_are_refused(tmp_path: Path, rate: list[str], reason: str) -> None:
    with pytest.raises(TableError, match=reason):
        stage_csv(tmp_path, MONEY, {"statements": [HEADER], "rates": [*RATES, rate]}, currency="TWD")
