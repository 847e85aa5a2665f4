"""Tables as they are delivered: encodings, delimiters, damaged files."""

import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from features.sources.cells import numbers, texts
from features.sources.opening import TableError, open_raw

HEADER = ("企業代號", "企業名稱", "金額")
ROWS = [("E1", "某某電器銷售有限公司", "1,5"), ("E2", "建築工程\n有限公司", ""), ("E3", '引"號"', "3;x|y\tz")]


def read(path: Path, **options: Any) -> tuple[tuple[str, ...], list[tuple[object, ...]], list[int]]:
    with open_raw(path, **options) as table:
        rows, numbers = [], []
        for chunk in table.chunks:
            rows += [tuple(row) for row in chunk.frame.itertuples(index=False)]
            numbers += chunk.rows.tolist()
        return table.header, rows, numbers


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "big5hkscs"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found_out(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "table.csv"
    pd.DataFrame(ROWS, columns=HEADER).to_csv(path, index=False, encoding=encoding, sep=delimiter)
    assert read(path) == (HEADER, ROWS, [2, 3, 4])


def test_simplified_chinese_in_gb18030_and_western_text_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("企业代号,是否违约\nE1,否\n".encode("gb18030"))
    assert read(path)[0] == ("企业代号", "是否违约")
    path.write_bytes("nom,âge,élève\nRené,12,é\n".encode("cp1252"))
    assert read(path)[0] == ("nom", "âge", "élève")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), min_size=1)] * 3),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_every_text_comes_back_as_it_was_written(tmp_path: Path, rows: list[tuple[str, ...]]) -> None:
    path = tmp_path / "table.csv"
    pd.DataFrame(rows, columns=["a", "b", "c"]).to_csv(
        path, index=False, encoding="utf-8", lineterminator="\n"
    )
    assert read(path, encoding="utf-8", delimiter=",")[1] == rows


def test_a_packed_table_is_read_and_a_damaged_one_told(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n" * 5000))
    assert len(read(path)[1]) == 9999
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TableError, match="is damaged"):
        read(path)


def test_rows_of_another_length_are_named_and_blank_ones_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n\n3\n4,5,6\n,\n7,8\n")
    with open_raw(path) as table:
        (chunk,) = table.chunks
    assert chunk.rows.tolist() == [2, 7]
    assert chunk.misshapen == ((4, "has 1 cells, the header 2"), (5, "has 3 cells, the header 2"))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("t.csv", b"", "is empty"), ("t.csv", b",,\n1,2,3\n", "is empty"), ("t.parquet", b"PAR1",
        "is no Parquet"),
        ("t.xlsx", b"PK", "is no Excel"), ("t.json", b"{}", "give a .csv"), ("t.csv", b"a\n\xff\x81\n",
        "is not UTF-8"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_in_one_line(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TableError, match=reason) as told:
        read(path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.decimal128(38, 0)])
def test_a_cell_that_is_missing_changes_no_digit_of_the_other_ids(tmp_path: Path, kind: pa.DataType) -> None:
    ids = [6222021234567890123, 6222021234567890124, None, 6222021234567890125, 7, 6222021234567890126]
    path = tmp_path / "table.parquet"
    cells = pa.array([None if id_ is None else Decimal(id_) for id_ in ids], type=pa.decimal128(38, 0))
    parquet.write_table(pa.table({"id": cells.cast(kind)}), path)
    expected = [None if id_ is None else str(id_) for id_ in ids]
    for chunk_rows in (1, 2, 3, 6):
        with open_raw(path, chunk_rows=chunk_rows) as table:
            assert [text for chunk in table.chunks for text in texts(chunk.frame[0])] == expected
    with open_raw(path) as table:
        values, wrong = numbers(next(table.chunks).frame[0])
    assert values.tolist()[3:5] == [6222021234567890125.0, 7.0] and not wrong.any()


def test_a_sheet_is_read_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame({"a": [1]}).to_excel(writer, sheet_name="first", index=False)
        pd.DataFrame({"b": [2.5], "c": [pd.Timestamp("2024-01-31")]}).to_excel(
            writer, sheet_name="二", index=False
        )
    assert read(path, sheet="二")[:2] == (("b", "c"), [(2.5, pd.Timestamp("2024-01-31"))])
    with pytest.raises(TableError, match="has no sheet"):
        read(path, sheet="三")
