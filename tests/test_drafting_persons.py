"""Columns about persons: protected ones, age, telephones, numbers of records and clerks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.drafting import personal
from features.drafting.columns import Role, profile
from features.drafting.draft import draft_catalog
from features.drafting.rendering import to_yaml

N = 300


@pytest.mark.parametrize(
    "name",
    [
        *("性別", "性别", "Sex", "personal_status_and_sex"),
        *("種族", "种族", "race", "民族", "膚色", "color"),
        *("國籍", "国籍", "nationality", "籍贯", "national_origin", "foreign_worker"),
        *("宗教", "religion", "婚姻狀況", "婚否", "marital"),
        *("低保户", "社會救助", "public_assistance", "身心障礙", "disability"),
    ],
)
def test_a_prohibited_basis_sounds_protected_in_every_script(name: str) -> None:
    assert personal.sounds_protected(name)


@pytest.mark.parametrize("name", ["年齡", "income", "低保證金", "colorado_branch", "original_amount"])
def test_what_is_no_prohibited_basis_does_not(name: str) -> None:
    assert not personal.sounds_protected(name)


@pytest.mark.parametrize(
    ("name", "aged"),
    [
        *(("年齡", True), ("年龄", True), ("age", True), ("Age in years", True), ("出生年", True)),
        *(("agency", False), ("account age", False), ("公司年齡", False), ("mortgage", False)),
        *(("cardholder_age", True), ("loan_applicant_age", True), ("account_holder_age", True)),
        *(("貸款人年齡", True), ("車主年齡", True), ("car_age", False), ("age of loans", False)),
    ],
)  # fmt: skip
def test_age_is_a_persons(name: str, aged: bool) -> None:
    assert personal.sounds_like_age(name) is aged


@pytest.mark.parametrize(
    ("name", "equally_long", "numbers"),
    [
        *(("合約編號", False, True), ("身分證號碼", False, True), ("loan_id", False, True)),
        *(("Contract No.", True, True), ("Contract No.", False, False)),
        *(("number_of_shares", True, False), ("no_of_loans", True, False), ("revenue", True, False)),
    ],
)  # fmt: skip
def test_numbers_of_records_are_told_from_amounts(name: str, equally_long: bool, numbers: bool) -> None:
    assert personal.numbers_records(name, equally_long=equally_long) is numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [("13800001234", True), ("0912-345-678", True), ("+886 2 2345 6789", True), ("(02) 2345-6789", True),
     ("3", False), ("2024", False), ("yes, registered", False), ("1234567890123456", False)],
)  # fmt: skip
def test_a_telephone_number_is_told_by_its_digits(text: str, number: bool) -> None:
    assert personal.is_telephone_number(text) is number


@pytest.mark.parametrize(
    ("name", "texts", "telephones"),
    [
        ("手機", ["0912345678", "0922345678"], True),
        ("contact person tel", ["13800001234", "+8613800001234", "13900001234"], True),
        ("手機", ["912345678.0", "922345678.0"], True),  # as a spreadsheet leaves them
        ("Phone Number", ["5551234567", "555-123-4567"], True),
        ("行動電話", ["02-23456789", "(02) 2345-6789", "0912.345678"], True),
        ("貸款聯絡電話", ["0912345678", "0922345678"], True),
        ("借款人手機", ["912345678", "922345678"], True),
        ("手機分期付款", ["1234567", "1234568"], False),
        ("電話費", ["1234567", "1234568"], False),
        ("手機貸款餘額", ["1234567", "1234568"], False),
        ("mobile_payments_amount", ["0912345678", "0922345678"], False),
        ("mobile_usage", ["1234567.5", "1234567"], False),
        ("mobile_usage", ["2345678", "9345678"], False),
        ("mobile_usage", ["2 345 678", "9 345 678"], False),
        ("mobile_usage", ["1234567", "1234567890", "123456789012"], False),
    ],
)
def test_telephone_numbers_are_told_from_amounts(name: str, texts: list[str], telephones: bool) -> None:
    assert personal.are_telephone_numbers(name, texts, 0.95) is telephones


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(4)
    columns = {
        "客戶經理編號": random.integers(100, 120, N),
        "客戶代號": [f"K{row}" for row in random.permutation(N)],
        "電話": random.permutation(N) + 13_800_000_000,
        "Mobile": [f"0912-{row:03d}-678" for row in random.permutation(N)],
        "聯絡次數": random.integers(0, 9, N),
        "最後聯絡": [f"2024-01-{day:02d}" for day in random.integers(1, 28, N)],
        "經辦人編號": random.integers(1, 15, N),
        "合約號碼": random.permutation(N) * 7 + 10_000,
        "郵遞區號": random.choice([100, 106, 110, 231], N),
        "年營業額": random.permutation(N) + 10_000,
        "年齡": random.integers(20, 80, N),
        "telephone": random.choice(["none", "listed"], N),
        "国籍": random.choice(["中国", "other"], N),
        "逾期": random.choice(["是", "否"], N, p=[0.2, 0.8]),
    }
    path = tmp_path_factory.mktemp("persons") / "t.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_telephones_and_numbers_of_records_and_clerks_are_left_out_with_the_reason(table: Path) -> None:
    columns = {column.header: column for column in profile(table, "逾期").columns}
    assert columns["客戶代號"].role is Role.CUSTOMER_ID
    assert columns["郵遞區號"].role is Role.CATEGORY
    remarks = {name: column.remark for name, column in columns.items() if column.role is Role.LEFT_OUT}
    clerk = "is the number of whoever handles the customer, by its name"
    assert remarks == {
        "客戶經理編號": clerk,
        "電話": "is a telephone number",
        "Mobile": "is a telephone number",
        "最後聯絡": "is a day, and not the day of evaluation",
        "經辦人編號": clerk,
        "合約號碼": "numbers records: nearly all differ, and it is called so",
    }


def test_age_stays_an_indicator_with_the_law_and_the_names_are_to_be_translated(table: Path) -> None:
    draft = draft_catalog(profile(table, "逾期"), "逾期", table)
    by_header = {of.indicator.names.en: of.indicator for of in draft.catalog.placed}
    assert by_header["国籍"].protected and not by_header["年齡"].protected
    assert any("12 CFR 1002.6(b)(2)" in remark for remark in draft.remarks[by_header["年齡"].id])
    assert any("12 CFR 1002.6(b)(4)" in remark for remark in draft.remarks["telephone"])
    assert "# names are copied as they are in all three languages" in to_yaml(draft)
