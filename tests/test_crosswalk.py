"""A record belongs to whoever its key stood for on its day; what is learnt later changes nothing before."""

import itertools
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.sources.opening import TableError
from features.sources.staging import Staged
from tests.deliveries import NAMES, catalog_with, lines_of, rows_of, stage_csv

VISITS: dict[str, Any] = {
    "names": NAMES,
    "department": "finance",
    "key": "no",
    "key_system": "ledger",
    "effective": "day",
    "known_at": "told",
    "columns": {"no": {"type": "key"}, "day": {"type": "date"}, "told": {"type": "date"}},
}
INDUSTRIES: dict[str, Any] = {
    "names": NAMES,
    "department": "sales",
    "key": "industry",
    "key_of": "customers.industry",
    "columns": {"industry": {"type": "key"}, "growth": {"type": "number", "scale": "percent"}},
}
CATALOG = catalog_with(visits=VISITS, industries=INDUSTRIES)
HEADER = ["no", "day", "told"]
CROSSWALK = ["customer_id", "key_system", "key", "valid_from", "valid_to", "known_at"]
SUCCESSIONS = ["from_customer", "to_customer", "on", "known_at"]
FIRST = date(2020, 1, 1)

Row = list[str]


def staged_with(folder: Path, crosswalk: list[Row], visits: list[Row], **more: list[Row]) -> Staged:
    tables = {"crosswalk": [CROSSWALK, *crosswalk], "visits": [HEADER, *visits], **more}
    return stage_csv(folder, CATALOG, tables)


def owners(staged: Staged) -> list[str]:
    return [row["customer_id"] for row in rows_of(staged.tables["visits"].file)]


def reasons(staged: Staged) -> dict[int, str]:
    return {int(line["row"]): line["reason"] for line in lines_of(staged.unmatched_file)}


def refusal(folder: Path, crosswalk: list[Row], **more: list[Row]) -> str:
    with pytest.raises(TableError) as caught:
        staged_with(folder, crosswalk, [], **more)
    message = str(caught.value)
    assert "\n" not in message
    assert "C-" not in message
    return message


# In time


def test_a_key_that_changes_hands_belongs_to_each_in_his_time(tmp_path: Path) -> None:
    crosswalk = [
        ["C-1", "ledger", "7", "", "2022-01-01", ""],
        ["C-2", "ledger", "7", "2022-01-01", "2023-01-01", ""],
        ["C-1", "ledger", "7", "2023-06-01", "", ""],
    ]
    days = ["2010-01-01", "2021-12-31", "2022-01-01", "2022-12-31", "2023-01-01", "2023-06-01", "2150-01-01"]
    staged = staged_with(tmp_path, crosswalk, [["7", day, day] for day in days])
    assert owners(staged) == ["C-1", "C-1", "C-2", "C-2", "C-1", "C-1"]
    assert reasons(staged) == {6: "its key was nobody's on its effective day"}


def test_records_before_a_late_hand_over_was_known_are_nobodys_until_then(tmp_path: Path) -> None:
    crosswalk = [
        ["C-1", "ledger", "7", "", "2022-01-01", ""],
        ["C-2", "ledger", "7", "2022-01-01", "", "2022-03-01"],
    ]
    staged = staged_with(tmp_path, crosswalk, [["7", day, day] for day in ("2021-12-31", "2022-02-01")])
    found = [(row["customer_id"], row["known_at"]) for row in rows_of(staged.tables["visits"].file)]
    assert found == [("C-1", date(2021, 12, 31)), ("C-2", date(2022, 3, 1))]
    # Left open, the former holder's row is not taken to be over.
    crosswalk[0][4] = ""
    assert "end the one (valid_to)" in refusal(tmp_path, crosswalk)


def test_an_assignment_is_known_from_its_first_day_unless_it_says_when(tmp_path: Path) -> None:
    crosswalk = [
        ["C-1", "ledger", "1", "2020-01-01", "", "2021-05-05"],
        ["C-2", "ledger", "2", "2020-01-01", "", ""],
        ["C-3", "ledger", "3", "", "", ""],
    ]
    visits = [[key, "2020-01-01", "2020-02-01"] for key in "123"]
    staged = staged_with(tmp_path, crosswalk, [*visits, ["2", "2020-01-01", "2019-01-01"]])
    found = {(row["customer_id"], row["known_at"]) for row in rows_of(staged.tables["visits"].file)}
    assert found == {
        ("C-1", date(2021, 5, 5)),
        ("C-2", date(2020, 2, 1)),
        ("C-3", date(2020, 2, 1)),
        ("C-2", date(2020, 1, 1)),
    }


def test_of_two_versions_that_wait_for_one_assignment_the_one_known_later_stays_the_later_row(
    tmp_path: Path,
) -> None:
    visits = [
        ["1", "2020-01-01", "2020-09-09"],
        ["1", "2020-01-01", "2020-03-03"],
        ["1", "2020-01-01", "2022-01-01"],
    ]
    staged = staged_with(tmp_path, [["C-1", "ledger", "1", "", "", "2022-01-01"]], visits)
    rows = rows_of(staged.tables["visits"].file)
    assert {row["known_at"] for row in rows} == {date(2022, 1, 1)}
    ordered = sorted(rows, key=lambda row: row["row"])
    assert [row["told"] for row in ordered] == [date(2020, 3, 3), date(2020, 9, 9), date(2022, 1, 1)]


def day(offset: int | None) -> str:
    return "" if offset is None else str(FIRST + timedelta(days=offset))


@st.composite
def crosswalks(draw: st.DrawFn) -> list[Row]:
    """Disjoint assignments of a few keys to a few customers, in random order."""
    rows = []
    for system, key in itertools.product(("ledger", "sales"), ("1", "2", "03")):
        days = draw(st.lists(st.integers(0, 30), max_size=6, unique=True))
        bounds: list[int | None] = [*sorted(days)]
        if draw(st.booleans()):
            bounds = [None, *bounds]
        spans = list(itertools.pairwise([*bounds, None]))
        for start, end in draw(st.lists(st.sampled_from(spans), unique=True, max_size=4)) if spans else ():
            customer = draw(st.sampled_from(["C-1", "C-2", "C-3"]))
            known = draw(st.one_of(st.none(), st.integers(0, 40)))
            rows.append([customer, system, key, day(start), day(end), day(known)])
    return draw(st.permutations(rows))


visits_strategy = st.lists(
    st.tuples(st.sampled_from(["1", "2", "03", "3", "4"]), st.integers(-2, 33), st.integers(0, 40)),
    min_size=10,
    max_size=60,
).map(lambda rows: [[key, day(effective), day(told)] for key, effective, told in rows])


def match(crosswalk: list[Row], visit: Row) -> tuple[str, str] | None:
    """Return the customer of a visit and the day on which it is seen, as a person would look it up."""
    key, effective, told = visit
    for customer, system, assigned, start, end, known in crosswalk:
        if (system, assigned) == ("ledger", key) and start <= effective < (end or "9999"):
            return customer, max(told, known or start or "1900-01-01")
    return None


@settings(max_examples=15)
@given(crosswalks(), visits_strategy)
def test_matches_are_those_that_a_person_would_look_up(crosswalk: list[Row], visits: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        staged = staged_with(Path(folder), crosswalk, visits)
        rows, unmatched = rows_of(staged.tables["visits"].file), reasons(staged)
    expected = [match(crosswalk, visit) for visit in visits]
    assert set(unmatched) == {place + 2 for place, found in enumerate(expected) if found is None}
    paired = zip(visits, expected, strict=True)
    told = sorted((visit, found) for visit, found in paired if found is not None)
    assert told == sorted(
        ([row["no"], str(row["effective"]), str(row["told"])], (row["customer_id"], str(row["known_at"])))
        for row in rows
    )


@settings(max_examples=15)
@given(crosswalks(), visits_strategy, st.integers(0, 40))
def test_an_assignment_known_later_changes_nothing(
    crosswalk: list[Row], visits: list[Row], today: int
) -> None:
    def seen(rows: list[Row]) -> list[dict[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            staged = rows_of(staged_with(Path(folder), rows, visits).tables["visits"].file)
        by_then = sorted(
            (row for row in staged if str(row["known_at"]) <= day(today)), key=lambda r: r["row"]
        )
        return [{**row, "row": place} for place, row in enumerate(by_then)]

    known = [row for row in crosswalk if (row[5] or row[3] or "1900-01-01") <= day(today)]
    assert seen(known) == seen(crosswalk)


# Keys and reasons


def test_keys_are_compared_without_regard_to_width_and_blanks_and_leading_zeros_stay(tmp_path: Path) -> None:
    crosswalk = [["C-1", "ledger", " Ｋ９ ", "", "", ""], ["C-2", "ledger", "007", "", "", ""]]
    visits = [[key, "2020-01-01", "2020-01-01"] for key in ("K9", "Ｋ９　", "k9", "007", "7")]
    staged = staged_with(tmp_path, crosswalk, visits)
    assert owners(staged) == ["C-1", "C-1", "C-2"]
    assert reasons(staged) == dict.fromkeys((4, 6), "its key is not in the crosswalk")


def test_a_system_that_the_crosswalk_does_not_have_is_named(tmp_path: Path) -> None:
    staged = staged_with(tmp_path, [["C-1", "sales", "1", "", "", ""]], [["1", "2020-01-01", "2020-01-01"]])
    assert reasons(staged) == {2: "the crosswalk has no key of the system ledger"}
    (count,) = staged.unmatched
    assert (count.table, count.source, count.rows) == ("visits", "visits.csv", 1)


def test_a_row_without_any_day_whose_key_is_somebodys_for_a_time_says_what_to_do(tmp_path: Path) -> None:
    crosswalk = [["C-1", "sales", "1", "", "", ""], ["C-2", "sales", "2", "2020-01-01", "", ""]]
    customers = [["sales_no", "nature"], ["1", "enterprise"], ["2", "enterprise"]]
    staged = staged_with(tmp_path, crosswalk, [], customers=customers)
    assert [row["customer_id"] for row in rows_of(staged.tables["customers"].file)] == ["C-1"]
    assert "give its source a known_at" in reasons(staged)[3]


def test_without_a_crosswalk_the_keys_are_the_customers(tmp_path: Path) -> None:
    staged = stage_csv(tmp_path, CATALOG, {"visits": [HEADER, ["Ｋ９", "2020-01-01", "2020-01-01"]]})
    assert owners(staged) == ["K9"]


def test_a_table_of_something_else_than_customers_is_joined_by_texts_written_alike(tmp_path: Path) -> None:
    customers = [["sales_no", "nature", "industry"], ["1", "enterprise", "Ａ１"]]
    tables = {"customers": customers, "industries": [["industry", "growth"], [" A1", "5"], ["B", "7%"]],
              "crosswalk": [CROSSWALK, ["C-1", "sales", "1", "", "", ""]]}  # fmt: skip
    staged = stage_csv(tmp_path, CATALOG, tables)
    (customer,) = rows_of(staged.tables["customers"].file)
    industries = rows_of(staged.tables["industries"].file)
    assert [(row["customer_id"], row["industry"], row["growth"]) for row in industries] == [
        (None, customer["industry"], 0.05),
        (None, "B", 0.07),
    ]
    assert staged.tables["industries"].unmatched == 0


@pytest.mark.parametrize(
    ("second", "customer"),
    [(("2020-06-01", ""), "C-2"), (("", "2020-01-02"), "C-2"), (("2020-06-01", "2020-07-01"), "C-1")],
)
def test_a_key_given_twice_for_one_day_is_refused_with_its_rows(
    tmp_path: Path, second: tuple[str, str], customer: str
) -> None:
    crosswalk = [
        ["C-9", "ledger", "8", "", "", ""],
        ["C-1", "ledger", "7", "2020-01-01", "2021-01-01", ""],
        [customer, "ledger", "7", *second, ""],
    ]
    message = refusal(tmp_path, crosswalk)
    assert "row 3 of crosswalk.csv" in message
    assert "row 4 of crosswalk.csv" in message
    assert "give one key twice for the same days" in message


def test_an_assignment_given_twice_counts_once_and_as_known_at_its_earliest(tmp_path: Path) -> None:
    crosswalk = [["C-1", "ledger", "7", "", "", known] for known in ("2023-01-01", "2021-01-01")]
    staged = staged_with(tmp_path, crosswalk, [["7", "2020-01-01", "2020-01-01"]])
    (row,) = rows_of(staged.tables["visits"].file)
    assert row["known_at"] == date(2021, 1, 1)


def test_an_assignment_that_ends_before_it_begins_is_rejected(tmp_path: Path) -> None:
    crosswalk = [["C-1", "ledger", "7", "2020-01-01", "2020-01-01", ""]]
    staged = staged_with(tmp_path, crosswalk, [])
    (line,) = lines_of(staged.rejects_file)
    assert line == {"table": "crosswalk", "source": "crosswalk.csv", "row": "2", "column": "valid_to",
                    "reason": "must lie after valid_from"}  # fmt: skip
    (count,) = staged.references["crosswalk"]
    assert (count.read, count.accepted, count.rejected) == (1, 0, 1)


# Mergers and groups


def test_mergers_are_written_with_their_days_chains_included(tmp_path: Path) -> None:
    mergers = [
        ["C-2", "C-3", "2022-01-01", ""],
        ["C-1", "C-2", "2020-01-01", "2020-03-01"],
        ["C-1", "C-2", "2020-01-01", "2020-02-01"],
        ["C-4", "C-3", "2021-01-01", ""],
    ]
    staged = staged_with(tmp_path, [], [], successions=[SUCCESSIONS, *mergers])
    assert staged.successions is not None
    assert [tuple(row.values()) for row in rows_of(staged.successions)] == [
        ("C-1", "C-2", date(2020, 1, 1), date(2020, 2, 1)),
        ("C-2", "C-3", date(2022, 1, 1), date(2022, 1, 1)),
        ("C-4", "C-3", date(2021, 1, 1), date(2021, 1, 1)),
    ]
    assert list(rows_of(staged.successions)[0]) == SUCCESSIONS


@pytest.mark.parametrize(
    ("mergers", "reason"),
    [
        ([("C-1", "C-1")], "row 2 of successions.csv closes"),
        (
            [("C-9", "C-1"), ("C-1", "C-2"), ("C-2", "C-3"), ("C-3", "C-1")],
            "row 5 of successions.csv closes",
        ),
        (
            [("C-1", "C-2"), ("C-1", "C-3")],
            "give one customer two successors",
        ),
    ],
)
def test_mergers_in_a_circle_and_two_successors_are_refused(
    tmp_path: Path, mergers: list[tuple[str, str]], reason: str
) -> None:
    rows = [[*pair, "2020-01-01", ""] for pair in mergers]
    assert reason in refusal(tmp_path, [], successions=[SUCCESSIONS, *rows])


def test_groups_are_written_each_membership_once(tmp_path: Path) -> None:
    groups = [["C-2", "G", "2020-01-01", ""], ["C-1", "G", "", ""], ["C-2", "G", "2020-01-01", ""]]
    header = ["customer_id", "group_id", "valid_from", "valid_to"]
    staged = staged_with(tmp_path, [], [], groups=[header, *groups])
    assert staged.groups is not None
    assert [tuple(row.values()) for row in rows_of(staged.groups)] == [
        ("C-1", "G", None, None),
        ("C-2", "G", date(2020, 1, 1), None),
    ]


def test_what_was_written_before_and_is_not_delivered_any_more_is_removed(tmp_path: Path) -> None:
    merger = ["C-1", "C-2", "2020-01-01", ""]
    former = staged_with(tmp_path, [], [], successions=[SUCCESSIONS, merger])
    staged = staged_with(tmp_path, [], [])
    assert (staged.successions, staged.groups) == (None, None)
    assert former.successions is not None
    assert not former.successions.exists()
