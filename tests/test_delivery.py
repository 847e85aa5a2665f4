"""A portfolio file says where the tables are; what is wrong with it is said in one line."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from features.catalog import load_catalog
from features.declaration import DeclarationError
from features.sources.delivery import check_delivery, files_of, load_delivered_catalog
from features.sources.opening import TableError
from features.sources.staging import stage
from tests.deliveries import CUSTOMERS, STATEMENTS, catalog_with, delivery_in, lines_of, rows_of, write_csv

FILE: dict[str, Any] = {"table": "customers", "path": "customers.csv"}


def refusal(folder: Path, *sources: dict[str, Any], **declared: Any) -> str:
    with pytest.raises(DeclarationError) as caught:
        delivery_in(folder, *sources, **declared)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'portfolio.yaml'}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"table": "customers"}, "give either a path or a url"),
        ({**FILE, "url": "sqlite:///a.db", "query": "q"}, "give either a path or a url"),
        ({**FILE, "query": "SELECT 1"}, "query and table_name go with a url"),
        ({"table": "customers", "url": "sqlite:///a.db"}, "either a query or a table_name"),
        ({"table": "customers", "url": "env:A B", "query": "q"}, "the name of an environment variable"),
        ({"table": "customers", "url": "nonsense", "query": "q"}, "is no URL of SQLAlchemy"),
        ({"table": "customers", "url": "env:A", "query": "q", "sheet": "S"}, "go with a path"),
        ({**FILE, "encoding": "klingon"}, "Python knows none of that name"),
        ({**FILE, "delimiter": "--"}, "at most 1 character"),
        ({**FILE, "columns": {"a": "nature", "b": "nature"}}, "two headers are mapped to nature"),
        ({**FILE, "known_at": "1066-10-14"}, "must lie between 1900-01-01 and 2199-12-31"),
        ({**FILE, "folder": "x"}, "is not known here"),
    ],
)
def test_a_source_that_contradicts_itself_is_refused(
    tmp_path: Path, source: dict[str, Any], reason: str
) -> None:
    assert reason in refusal(tmp_path, source)


@pytest.mark.parametrize(
    "url", ["postgresql://risk:hunter2@db/sales", "postgresql://db/sales?user=risk&password=hunter2"]
)
def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    message = refusal(tmp_path, {"table": "customers", "url": url, "query": "SELECT 1"})
    assert "give env:NAME" in message
    assert "hunter2" not in message


def test_a_currency_is_a_code_of_iso_4217(tmp_path: Path) -> None:
    assert "currency" in refusal(tmp_path, FILE, currency="NT$")


def test_relative_paths_start_from_the_portfolio_file_and_stars_find_files_in_the_order_of_their_names(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a [strange] folder"
    (folder / "tables").mkdir(parents=True)
    for name in ("s-2024.csv", "s-2023.csv", "~$s-2022.csv", "other.csv"):
        (folder / "tables" / name).touch()
    delivery = delivery_in(folder, {"table": "customers", "path": "tables/*s-*.csv"})
    found = files_of(delivery.sources[0], delivery.folder, "here")
    assert [file.name for file in found] == ["s-2023.csv", "s-2024.csv"]
    absolute = delivery_in(tmp_path, {"table": "customers", "path": str(tmp_path / "a*" / "tables" / "o*")})
    assert files_of(absolute.sources[0], absolute.folder, "here") == [folder / "tables" / "other.csv"]


def test_a_path_that_matches_nothing_is_refused(tmp_path: Path) -> None:
    delivery = delivery_in(tmp_path, {"table": "customers", "path": "none-*.csv"})
    with pytest.raises(DeclarationError, match=r"sources\.0: path: there is no file none-\*\.csv"):
        stage(delivery, catalog_with(), tmp_path / "out")


def test_a_catalog_is_a_bundled_one_or_a_file_beside_the_portfolio_file(tmp_path: Path) -> None:
    bundled = Path(load_catalog.__code__.co_filename).parent / "catalogs" / "sba.yaml"
    (tmp_path / "own.yaml").write_bytes(bundled.read_bytes())
    own = delivery_in(tmp_path, {"table": "invoices", "path": "i.csv"}, catalog="own.yaml")
    with pytest.raises(DeclarationError, match=r"sources\.0: catalog sba has no table invoices"):
        load_delivered_catalog(own)
    absent = delivery_in(tmp_path, FILE, catalog="absent.yaml")
    with pytest.raises(DeclarationError, match=r"absent\.yaml: cannot be read"):
        load_delivered_catalog(absent)


def test_sources_must_fit_the_catalog(tmp_path: Path) -> None:
    amounts = {**STATEMENTS, "columns": {**STATEMENTS["columns"]}}
    amounts["columns"]["assets"] = {"type": "number", "currency": "USD"}
    catalog = catalog_with(statements=amounts)
    for source, reason in (
        ({"table": "orders", "path": "o.csv"}, r"sources\.0: catalog small has no table orders"),
        ({**FILE, "columns": {"區": "region"}}, r"sources\.0: table customers has no column region"),
        ({"table": "statements", "path": "s.csv"}, r"currency: say what statements\.assets is converted to"),
    ):
        with pytest.raises(DeclarationError, match=reason):
            check_delivery(delivery_in(tmp_path, source), catalog)
    check_delivery(delivery_in(tmp_path, {"table": "statements", "path": "s.csv"}, currency="TWD"), catalog)


def test_rows_with_nothing_under_a_header_are_none_of_the_table_and_keep_their_numbers(
    tmp_path: Path,
) -> None:
    lines = ["sales_no,nature,left", "01,enterprise,", "02,政府,2024-01-05", "03,dragon,n/a", "04,dragon,x"]
    (tmp_path / "c.csv").write_text("\n".join(lines), encoding="utf-8")
    source = {"table": "customers", "path": "c.csv", "filled": "left"}
    staged = stage(delivery_in(tmp_path, source), catalog_with(), tmp_path / "out")
    table = staged.tables["customers"]
    assert [row["customer_id"] for row in rows_of(table.file)] == ["02"]
    assert (table.read, table.accepted, table.rejected) == (2, 1, 1)
    assert [line["row"] for line in lines_of(staged.rejects_file)] == ["5"]
    assert (table.passed_over, [part.passed_over for part in table.parts]) == (2, [2])
    absent = delivery_in(tmp_path, {**source, "filled": "gone"})
    with pytest.raises(TableError, match=r"c\.csv: filled: there is no column gone"):
        stage(absent, catalog_with(), tmp_path / "out")


@pytest.mark.parametrize(
    ("header", "kept"), [("opinion", ["1", "2"]), ("margin", ["2"]), ("remark", ["1", "2"])]
)
def test_what_is_nothing_under_a_header_is_judged_as_its_column_is_read(
    tmp_path: Path, header: str, kept: list[str]
) -> None:
    declared = {"opinion": {"type": "text", "missing": ["ohne"]}, "margin": {"type": "number"}}
    customers = {**CUSTOMERS, "columns": {**CUSTOMERS["columns"], **declared}}
    catalog = catalog_with(customers=customers)
    lines = [["1", "無", "無", "none"], ["2", "-", "0", "-"], ["3", "", "unknown", "n/a"]]
    if header == "opinion":
        lines.append(["4", "ohne", "1", "x"])
    names = ["sales_no", "opinion", "margin", "remark", "nature"]
    write_csv(tmp_path / "c.csv", names, [[*line, "enterprise"] for line in lines])
    delivery = delivery_in(tmp_path, {"table": "customers", "path": "c.csv", "filled": header})
    table = stage(delivery, catalog, tmp_path / "out").tables["customers"]
    assert table.read + table.passed_over == len(lines)
    assert table.read == len(kept)
    assert [row["customer_id"] for row in rows_of(table.file)] == kept


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "sales.db"
    engine = sqlalchemy.create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text('CREATE TABLE "the customers" (sales_no TEXT, nature TEXT)'))
        connection.execute(
            sqlalchemy.text("""INSERT INTO "the customers" VALUES ('01', 'enterprise'), ('a:b%s', '政府')""")
        )
    engine.dispose()
    return file


def staged_from(folder: Path, **source: str) -> list[tuple[str, str]]:
    delivery = delivery_in(folder, {"table": "customers", **source})
    staged = stage(delivery, catalog_with(), folder / "out")
    return [(row["customer_id"], row["nature"]) for row in rows_of(staged.tables["customers"].file)]


def test_a_table_and_a_query_of_a_database_are_read(
    tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [("01", "enterprise"), ("a:b%s", "government")]
    monkeypatch.setenv("SALES_DATABASE", f"sqlite:///{database}")
    assert staged_from(tmp_path, url="sqlite:///sales.db", table_name="the customers") == expected
    assert staged_from(tmp_path, url="env:SALES_DATABASE", table_name="the customers") == expected
    # A colon or a percent sign in a query is none of a parameter.
    query = """SELECT * FROM "the customers" WHERE sales_no LIKE '%:b%' AND sales_no <> ':b'"""
    assert staged_from(tmp_path, url="sqlite:///sales.db", query=query) == expected[1:]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("env:TIERWISE_NO_SUCH_VARIABLE", "TIERWISE_NO_SUCH_VARIABLE is not set"),
        ("env:TIERWISE_BROKEN_URL", "is no URL of SQLAlchemy"),
        ("sqlite:///absent.db", "there is no such file"),
        ("nosuchdatabase://host/x", "install the database's driver"),
        ("sqlite:///sales.db", r"\(OperationalError\): check the url, the query and the rights"),
    ],
)
@pytest.mark.usefixtures("database")
def test_a_database_that_cannot_be_read_is_one_line_without_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, reason: str
) -> None:
    monkeypatch.setenv("TIERWISE_BROKEN_URL", "hunter2")
    with pytest.raises(TableError, match=reason) as caught:
        staged_from(tmp_path, url=url, query="SELECT secret FROM nowhere")
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "out" / "staged").exists()
