"""Particulars: what customers are called and how they are reached is checked, sealed, and erased."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from features.sources.opening import TableError
from features.terms import Language
from serving.notices.addresses import AddressError, check_webhook
from serving.notices.contact_table import import_particulars
from serving.notices.contacts import Contact, ParticularsError, checked_particulars, contact_of
from serving.store.customers import UnknownCustomer, customer_of, erase_customer, open_customer
from serving.store.store import Store
from serving.store.tables import audit_entries, customers
from tests.notified import pseudonym, tell
from tests.reviewed import store, template

__all__ = ["store", "template"]

ROWS: list[dict[str, Any]] = [
    {"customer_id": "C-1", "name": "王小明", "language": "zh_hant", "email": "ming@example.org"},
    {"customer_id": "C-2", "name": "Ann Lee", "language": "EN", "email": "ann@exämple.org"},
    {"customer_id": "C-3", "name": "Bad\nName", "language": "en", "email": "x@example.org"},
    {"customer_id": "C-4", "name": "No Mail", "language": "en", "email": "not an address"},
    {"customer_id": "C-1", "name": "Again", "language": "en", "email": "again@example.org"},
    {"customer_id": "C-99", "name": "Unknown", "language": "en", "email": "u@example.org"},
    {"customer_id": None, "name": "Nobody", "language": "en", "email": "n@example.org"},
    {"customer_id": "C-5", "name": "Klingon", "language": "tlh", "email": "k@example.org"},
    {"customer_id": "C-6", "name": None, "language": None, "email": None},
]
REJECTED = {4: "name", 5: "email", 6: "customer_id", 7: "customer_id", 8: "customer_id", 9: "language"}


def contact(store: Store, customer_id: str) -> Contact:
    with store.reading() as connection:
        return contact_of(connection, customer_of(connection, store.keyring, customer_id))


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".xlsx"])
def test_a_table_is_imported_and_bad_rows_are_set_aside(store: Store, tmp_path: Path, ending: str) -> None:
    table, rejects = tmp_path / f"contacts{ending}", tmp_path / "rejects.csv"
    frame = pd.DataFrame(ROWS)
    match ending:
        case ".csv":
            frame.to_csv(table, index=False)
        case ".parquet":
            frame.to_parquet(table)
        case ".xlsx":
            frame.to_excel(table, index=False)
    done = import_particulars(store, table, "ann", inside=False, rejects=rejects)
    assert (done.read, done.accepted, done.rejected) == (len(ROWS), 3, len(REJECTED))
    assert done.read == done.accepted + done.rejected
    aside = pd.read_csv(rejects)
    assert dict(zip(aside["row"], aside["field"], strict=True)) == REJECTED
    assert "not an address" not in rejects.read_text()
    one, two = contact(store, "C-1"), contact(store, "C-2")
    assert (one.name, one.language, one.email) == ("王小明", Language.ZH_HANT, "ming@example.org")
    assert (two.language, two.email) == (Language.EN, "ann@xn--exmple-cua.org")
    assert contact(store, "C-4").email is None


def test_what_a_table_does_not_have_stays_and_what_is_empty_goes(store: Store, tmp_path: Path) -> None:
    tell(store, "C-1", name="Old", email="old@example.org", webhook="https://example.org/hook")
    table = tmp_path / "contacts.csv"
    table.write_text("customer_id,email,name\nC-1,,New\n")
    assert import_particulars(store, table, "ann", inside=False).accepted == 1
    found = contact(store, "C-1")
    assert (found.name, found.email, found.webhook) == ("New", None, "https://example.org/hook")


def test_an_import_that_goes_right_leaves_no_rejects_of_an_earlier_one(store: Store, tmp_path: Path) -> None:
    table, rejects = tmp_path / "contacts.csv", tmp_path / "rejects.csv"
    for content, left in (("customer_id,name\nC-99,X\n", True), ("customer_id,name\nC-1,X\n", False)):
        table.write_text(content)
        import_particulars(store, table, "ann", inside=False, rejects=rejects)
        assert rejects.exists() == left


def test_a_table_without_the_columns_is_refused(store: Store, tmp_path: Path) -> None:
    table = tmp_path / "contacts.csv"
    for header in ("name,email", "customer_id,phone", "customer_id,name,name"):
        table.write_text(f"{header}\n")
        with pytest.raises(TableError):
            import_particulars(store, table, "ann", inside=False, rejects=tmp_path / "rejects.csv")
    assert [file.name for file in tmp_path.glob("*.csv")] == ["contacts.csv"]


def test_particulars_are_sealed_and_gone_with_an_erasure(store: Store) -> None:
    tell(store, "C-1", name="王小明", email="ming@example.org")
    customer = pseudonym(store, "C-1")
    with store.reading() as connection:
        sealed = connection.execute(
            select(customers.c.particulars).where(customers.c.id == customer)
        ).scalar_one()
        told = repr(connection.execute(select(audit_entries)).all())
    assert b"ming" not in sealed and "王小明".encode() not in sealed
    assert "ming" not in told and "王小明" not in told
    with store.writing("dpo") as writing:
        erase_customer(writing, customer)
    with store.reading() as connection, pytest.raises(UnknownCustomer):
        open_customer(connection, store.keyring, customer)


@given(st.text(max_size=30))
def test_a_name_is_one_line_that_shows_or_it_is_refused(name: str) -> None:
    try:
        found = checked_particulars({"name": name}, inside=False)["name"]
    except ParticularsError as error:
        assert error.field == "name"
        return
    assert found is None or (found.isprintable() and len(found.splitlines()) == 1)


@pytest.mark.parametrize(
    "name", ["Eve\r\nBcc: all@example.org", "Eve\nx", "\u202egnp.exe", "a\x00b", "a\u2028line", "x" * 201]
)
def test_a_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(ParticularsError):
        checked_particulars({"name": name}, inside=False)


@pytest.mark.parametrize(
    "email",
    ["a@example.org\nBcc: b@example.org", "a@example.org, b@example.org", "Ann <a@example.org>", "a@b",
     "@example.org", "a b@example.org", "a@example.org\x00", "ä@example.org", "a@[127.0.0.1]"],
)  # fmt: skip
def test_what_is_no_single_address_is_refused(email: str) -> None:
    with pytest.raises(ParticularsError, match="email"):
        checked_particulars({"email": email}, inside=False)


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "https://127.0.0.1/", "https://10.0.0.1/x", "https://[::1]/", "https://localhost/",
     "https://169.254.169.254/latest", "https://u:p@example.org/", "ftp://example.org/", "https:///x",
     "example.org", "https://example.org/\nx", "https://example.org:99999/"],
)  # fmt: skip
def test_a_webhook_that_leads_inside_or_nowhere_is_refused(url: str) -> None:
    with pytest.raises(AddressError):
        check_webhook(url, inside=False)


def test_a_webhook_may_lead_inside_where_the_company_says_so() -> None:
    for url in ("http://10.0.0.1:8080/x", "https://example.org/hook?a=1"):
        assert check_webhook(url, inside=True) == url
