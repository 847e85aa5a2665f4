"""Files in, files out: the answers that Python gives, for every format, and no row lost."""

import csv
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet
from rich.console import Console

from features.catalog import Catalog, Kind, load_catalog
from features.customer import InvalidCustomer, parse_customer
from features.sources.opening import TableError
from features.terms import Language
from models.answer import Answer
from models.artefact import Model
from models.decision import Scorer
from models.policy import Policy
from models.tiering import Rule
from serving.answer_words import RULES
from serving.batch import BatchSummary, score_file
from serving.flat import flat_columns, flat_line
from serving.present import explain_customer, rank_contributions, render
from serving.scoring import score_customers
from serving.served import Served
from tests.served_model import catalog, fuzzed_corpus, model, policy

__all__ = ["catalog", "model", "policy"]

Raw = dict[str, Any]
ENDINGS = [".csv", ".parquet", ".xlsx"]


@pytest.fixture(scope="module", params=["with a model", "without a model"])
def scorer(request: pytest.FixtureRequest, catalog: Catalog, policy: Policy, model: Model) -> Scorer:
    return Scorer(catalog, policy, model if request.param == "with a model" else None)


@pytest.fixture(scope="module")
def corpus(catalog: Catalog) -> list[Raw]:
    return fuzzed_corpus(catalog, 150)


def in_python(scorer: Scorer, corpus: list[Raw], language: Language = Language.EN) -> list[Answer]:
    customers = [parse_customer(raw, scorer.catalog) for raw in corpus]
    return score_customers(Served(scorer, "test/1"), customers, language=language)


def write_table(path: Path, corpus: list[Raw], catalog: Catalog) -> Path:
    """Write raw customers as a table of the path's format."""
    columns = ["customer_id", "nature", "as_of", *catalog.columns]
    lines = [[{**raw, **raw["indicators"]}.get(column) for column in columns] for raw in corpus]
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([columns, *lines])
    elif path.suffix == ".parquet":
        types = {Kind.NUMBER: pyarrow.float64(), Kind.FLAG: pyarrow.bool_(), Kind.CATEGORY: pyarrow.string()}
        kinds = {id_: types[placed.indicator.kind] for id_, placed in catalog.by_id.items()}
        schema = pyarrow.schema([(column, kinds.get(column, pyarrow.string())) for column in columns])
        cells = [list(column) for column in zip(*lines, strict=True)]
        parquet.write_table(pyarrow.table(dict(zip(columns, cells, strict=True)), schema=schema), path)
    else:
        book = openpyxl.Workbook()
        sheet = book.active
        for line in [columns, *lines]:
            sheet.append(line)
        for row in sheet.iter_rows(min_row=2):
            for cell in row:
                if isinstance(cell.value, float):  # which openpyxl would round to 16 digits
                    cell.value, cell.data_type = repr(cell.value), "n"
        book.save(path)
    return path


def read_flat(path: Path) -> list[Raw]:
    """Read a flat table back: texts and floats, None for empty cells."""
    if path.suffix == ".parquet":
        rows: list[Raw] = parquet.read_table(path).to_pylist()
        return rows
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    kinds = flat_columns(load_catalog("customer"))
    return [{name: kinds[name](cell) if cell else None for name, cell in line.items()} for line in lines]


def rejects_of(summary: BatchSummary) -> list[Raw]:
    if summary.rejects is None:
        return []
    with summary.rejects.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("output", [".csv", ".parquet"])
@pytest.mark.parametrize("input", ENDINGS)
def test_a_files_answers_equal_pythons_to_the_last_digit(
    tmp_path: Path, scorer: Scorer, corpus: list[Raw], input: str, output: str
) -> None:
    table = write_table(tmp_path / f"in{input}", corpus, scorer.catalog)
    summary = score_file(table, tmp_path / f"out{output}", scorer, model_version="test/1")
    assert (summary.read, summary.accepted, summary.rejected) == (len(corpus), len(corpus), 0)
    columns = flat_columns(scorer.catalog)
    expected = [{name: flat_line(a).get(name) for name in columns} for a in in_python(scorer, corpus)]
    assert read_flat(tmp_path / f"out{output}") == expected
    assert sum(summary.tiers.values()) == len(corpus)
    assert summary.for_review == sum(bool(a["review"]) for a in in_python(scorer, corpus))


@pytest.mark.parametrize("language", list(Language))
def test_a_workbook_has_a_line_for_each_customer_and_every_contribution(
    tmp_path: Path, scorer: Scorer, corpus: list[Raw], language: Language
) -> None:
    table = write_table(tmp_path / "in.csv", corpus, scorer.catalog)
    score_file(table, tmp_path / "out.xlsx", scorer, language=language, model_version="test/1")
    answers = in_python(scorer, corpus, language)
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    customers, contributions = book.worksheets
    header, *lines = customers.iter_rows(values_only=True)
    assert len(header) == len(set(header))
    for line, answer in zip(lines, answers, strict=True):
        assert (line[0], line[2], line[4], line[5]) == (
            answer["customer_id"], answer["as_of"], answer["score"], answer["probability"],
        )  # fmt: skip
        if answer["tier"] != "unrated":
            tier = next(rule for tier, rule in scorer.policy.tiers.items() if tier == answer["tier"])
            assert line[3] == tier.names.in_language(language)
        assert (line[11] or "") == "\n".join(answer["reasons"])
    for sheet in (customers, contributions):
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref.endswith(str(sheet.max_row))
    assert all(cell.alignment.wrap_text for cell in customers["L"] if cell.value and "\n" in str(cell.value))
    points = [row[4] for row in contributions.iter_rows(min_row=2, values_only=True)]
    assert points == [
        points
        for answer in answers
        for points in [answer["base"], *(c["points"] for c in answer["contributions"])]
    ]


def test_a_byte_order_mark_and_flags_in_any_words_are_read(
    tmp_path: Path, catalog: Catalog, policy: Policy
) -> None:
    words = ["true", "TRUE", "1", "yes", "Yes", " true ", "false", "0", "No", ""]
    lines = [f"C-{n},enterprise,2026-01-31,{word}, 0.5 " for n, word in enumerate(words)]
    table = tmp_path / "in.csv"
    header = "customer_id,nature,as_of,identity_verified,debt_to_asset_ratio"
    table.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([header, *lines]).encode())
    scorer = Scorer(catalog, policy)
    summary = score_file(table, tmp_path / "out.parquet", scorer)
    assert (summary.read, summary.rejected) == (10, 0)
    values = [True] * 6 + [False] * 3 + [None]
    raws = [
        {
            "customer_id": f"C-{n}", "nature": "enterprise", "as_of": "2026-01-31",
            "indicators": {"identity_verified": value, "debt_to_asset_ratio": 0.5},
        }
        for n, value in enumerate(values)
    ]  # fmt: skip
    expected = [answer["score"] for answer in in_python(scorer, raws)]
    assert [line["score"] for line in read_flat(tmp_path / "out.parquet")] == expected


BAD = {
    "customer_id": ["", "x" * 129],
    "nature": ["", "company"],
    "as_of": ["", "03/04/2026", "2026-13-01"],
    "debt_to_asset_ratio": ["inf", "1e999", "1_000", "12 x", "1,2", "-1", "0x10"],
    "identity_verified": ["maybe", "2"],
    "bank_rating": ["x" * 101, "\x07"],
}


def test_rejected_rows_are_kept_apart_with_row_field_and_reason(
    tmp_path: Path, catalog: Catalog, policy: Policy
) -> None:
    good = {
        "customer_id": "C-1", "nature": "enterprise", "as_of": "2026-01-31", "debt_to_asset_ratio": "0.5",
        "identity_verified": "yes", "bank_rating": "AA",
    }  # fmt: skip
    lines, bad_rows = [], []
    for field, cells in BAD.items():
        for cell in cells:
            lines += [good, good | {field: cell}]
            bad_rows.append((len(lines) + 1, field))
    table = tmp_path / "in.csv"
    pd.DataFrame(lines).to_csv(table, index=False)
    with table.open("a", encoding="utf-8") as file:
        file.write("\n,,,,,\nC-9,enterprise\n")
    summary = score_file(table, tmp_path / "out.csv", Scorer(catalog, policy))
    assert (summary.read, summary.accepted, summary.rejected) == (
        len(lines) + 1, len(lines) // 2, len(lines) // 2 + 1,
    )  # fmt: skip
    assert summary.rejects == tmp_path / "out.rejects.csv"
    *rejects, misshapen = rejects_of(summary)
    told = [(int(line["row"]), line["field"].removeprefix("indicator ")) for line in rejects]
    assert told == bad_rows
    assert all(line["reason"] for line in rejects)
    assert (misshapen["field"], misshapen["reason"]) == ("row", "has 2 cells, the header 6")
    written = (tmp_path / "out.rejects.csv").read_text(encoding="utf-8")
    assert all(cell not in written for cell in ("1_000", "#DIV/0!", "maybe", "x" * 101, "31.01.2026"))


def test_an_earlier_runs_rejects_do_not_stay_behind(tmp_path: Path, catalog: Catalog, policy: Policy) -> None:
    table = tmp_path / "in.csv"
    scorer = Scorer(catalog, policy)
    table.write_text("customer_id,nature,as_of\nC-1,enterprise,yesterday\n")
    assert score_file(table, tmp_path / "out.csv", scorer).rejects == tmp_path / "out.rejects.csv"
    table.write_text("customer_id,nature,as_of\nC-1,enterprise,2026-01-31\n")
    assert score_file(table, tmp_path / "out.csv", scorer).rejects is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_columns_that_nobody_asked_for_are_named(tmp_path: Path, catalog: Catalog, policy: Policy) -> None:
    table = tmp_path / "in.csv"
    table.write_text(
        "note,customer_id,nature,as_of,identity_verified,colour\nx,C-1,enterprise,2026-01-31,1,red\n"
    )
    summary = score_file(table, tmp_path / "out.csv", Scorer(catalog, policy))
    assert summary.ignored == ("note", "colour")
    # What is protected decides nothing, and nobody need deliver it.
    assert "net_assets" in summary.absent and "identity_verified" not in summary.absent
    assert not any(placed.indicator.protected and placed.id in summary.absent for placed in catalog.placed)
    assert summary.accepted == 1


def test_spreadsheet_dates_and_whole_numbers_as_ids_are_read(
    tmp_path: Path, catalog: Catalog, policy: Policy
) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": [10023, 10024],
            "nature": ["enterprise", "individual"],
            "as_of": pd.to_datetime(["2026-01-31", "2026-01-31"]),
            "identity_verified": [1, 0],
            "demand_trend": [1, None],
        }
    )
    frame.to_excel(tmp_path / "in.xlsx", index=False)
    frame["identity_verified"] = frame["identity_verified"].astype(bool)
    frame.to_parquet(tmp_path / "in.parquet")
    for ending in (".xlsx", ".parquet"):
        summary = score_file(tmp_path / f"in{ending}", tmp_path / "out.csv", Scorer(catalog, policy))
        assert summary.rejected == 0, rejects_of(summary)
        lines = read_flat(tmp_path / "out.csv")
        assert [(line["customer_id"], line["as_of"]) for line in lines] == [
            ("10023", "2026-01-31"), ("10024", "2026-01-31"),
        ]  # fmt: skip


def test_an_id_whose_digits_are_lost_is_refused_and_one_beside_a_gap_is_not(
    tmp_path: Path, catalog: Catalog, policy: Policy
) -> None:
    shared = {"nature": ["enterprise"] * 3, "as_of": ["2026-01-31"] * 3}
    ids = pd.array([6222021234567890123, None, 6222021234567890124], dtype="Int64")
    pd.DataFrame({"customer_id": ids, **shared}).to_parquet(tmp_path / "in.parquet")
    assert score_file(tmp_path / "in.parquet", tmp_path / "out.csv", Scorer(catalog, policy)).rejected == 1
    found = [line["customer_id"] for line in read_flat(tmp_path / "out.csv")]
    assert found == ["6222021234567890123", "6222021234567890124"]
    pd.DataFrame({"customer_id": [6.2e18, 7.0, 6.3e18], **shared}).to_parquet(tmp_path / "in.parquet")
    assert score_file(tmp_path / "in.parquet", tmp_path / "out.csv", Scorer(catalog, policy)).rejected == 2
    assert [line["customer_id"] for line in read_flat(tmp_path / "out.csv")] == ["7"]


@pytest.mark.parametrize("id_", ["=1+1", "+49 30", "-1", "@SUM(A1)", '=HYPERLINK("http://x")'])
def test_no_text_is_written_as_a_formula(tmp_path: Path, catalog: Catalog, policy: Policy, id_: str) -> None:
    table = tmp_path / "in.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["customer_id", "nature", "as_of"], [id_, "enterprise", "2026-01-31"], [id_, "x", ""]]
        )
    scorer = Scorer(catalog, policy)
    summary = score_file(table, tmp_path / "out.csv", scorer)
    assert read_flat(tmp_path / "out.csv")[0]["customer_id"] == f"'{id_}"
    assert rejects_of(summary)[0]["customer_id"] == f"'{id_}"
    score_file(table, tmp_path / "out.xlsx", scorer)
    for sheet in openpyxl.load_workbook(tmp_path / "out.xlsx").worksheets:
        assert sheet["A2"].value == id_
        assert sheet["A2"].data_type == "s"
        assert sheet["A2"].quotePrefix
    score_file(table, tmp_path / "out.parquet", scorer)
    assert read_flat(tmp_path / "out.parquet")[0]["customer_id"] == id_


class _Told:
    """Keeps the progress that it is told."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, float]] = []

    def __call__(self, read: int, share: float) -> None:
        self.steps.append((read, share))


def test_large_files_are_read_in_chunks_with_progress(
    tmp_path: Path, catalog: Catalog, policy: Policy, monkeypatch: pytest.MonkeyPatch, corpus: list[Raw]
) -> None:
    scorer = Scorer(catalog, policy)
    whole = tmp_path / "whole.csv"
    score_file(write_table(tmp_path / "in.csv", corpus, catalog), whole, scorer)
    monkeypatch.setattr("features.sources.customer_table.CHUNK_ROWS", 40)
    for ending in ENDINGS:
        told = _Told()
        table = write_table(tmp_path / f"in{ending}", corpus, catalog)
        score_file(table, tmp_path / "out.csv", scorer, progress=told)
        assert [read for read, _ in told.steps] == [40, 80, 120, 150]
        shares = [share for _, share in told.steps]
        assert shares == sorted(shares)
        assert 0 < shares[0] <= shares[-1] <= 1
        assert (tmp_path / "out.csv").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("in.csv", b"", "is empty"),
        ("in.csv", b"customer_id,nature\n", "column as_of is absent"),
        ("in.csv", b"customer_id,nature,as_of,as_of\n", "column as_of stands there twice"),
        (
            "in.csv",
            b"customer_id,nature,as_of,income,debt\n",
            "an indicator that the catalog customer judges",
        ),
        # Which decides what applies, in other catalogs too, and says nothing by itself.
        ("in.csv", b"customer_id,nature,as_of,relationship,debt\n", "name it with --catalog or --model"),
        ("in.csv", b"customer_id,nature,as_of\n\xff\x81,x,y\n", "is not UTF-8"),
        ("in.csv", b'customer_id,nature,as_of\n"C-1,x,y\n', "line 2 is no CSV"),
        ("in.parquet", b"PAR1", "no Parquet file"),
        ("in.xlsx", b"PK", "no Excel workbook"),
        ("in.json", b"{}", "give a .csv, .tsv, .txt, .csv.gz, .parquet or .xlsx file"),
    ],
)
def test_a_table_that_cannot_be_read_is_told_in_one_line(
    tmp_path: Path, catalog: Catalog, policy: Policy, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError) as told:
        score_file(tmp_path / name, tmp_path / "out.csv", Scorer(catalog, policy))
    assert reason in str(told.value)
    assert name in str(told.value)
    assert "\n" not in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_files_that_cannot_be_opened_or_written_are_told(
    tmp_path: Path, catalog: Catalog, policy: Policy
) -> None:
    scorer = Scorer(catalog, policy)
    with pytest.raises(TableError, match=r"in\.csv: cannot be read"):
        score_file(tmp_path / "in.csv", tmp_path / "out.csv", scorer)
    table = tmp_path / "in.csv"
    table.write_text("customer_id,nature,as_of\nC-1,enterprise,2026-01-31\n")
    with pytest.raises(TableError, match="would be overwritten"):
        score_file(table, table, scorer)
    with pytest.raises(TableError, match="cannot be written"):
        score_file(table, tmp_path / "nowhere" / "out.csv", scorer)
    with pytest.raises(TableError, match=r"give a \.csv, "):
        score_file(table, tmp_path / "out.txt", scorer)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_table_without_rows_gives_one_without_rows(
    tmp_path: Path, catalog: Catalog, policy: Policy
) -> None:
    table = tmp_path / "in.csv"
    table.write_text("customer_id,nature,as_of\n")
    for ending in ENDINGS:
        summary = score_file(table, tmp_path / f"out{ending}", Scorer(catalog, policy))
        assert (summary.read, summary.tiers) == (0, {})
        assert summary.output.is_file()


# One customer in a terminal


def test_explaining_one_customer_gives_the_services_answer(scorer: Scorer, corpus: list[Raw]) -> None:
    for raw, expected in zip(corpus[:20], in_python(scorer, corpus[:20]), strict=True):
        assert explain_customer(raw, scorer, model_version="test/1") == expected


def test_contributions_are_ranked_by_the_size_of_their_effect(scorer: Scorer, corpus: list[Raw]) -> None:
    for raw in corpus[:20]:
        answer = explain_customer(raw, scorer)
        ranked = rank_contributions(answer)
        sizes = [abs(line["points"]) for line in ranked]
        assert sizes == sorted(sizes, reverse=True)
        assert math.isclose(
            answer["base"] + sum(line["points"] for line in ranked), answer["score"], abs_tol=1e-9
        )


@pytest.mark.parametrize("language", list(Language))
def test_the_terminal_shows_tier_basis_reasons_and_no_markup(
    scorer: Scorer, corpus: list[Raw], language: Language
) -> None:
    raw = {**corpus[0], "customer_id": "[bold]C-1[/bold]"}
    answer = explain_customer(raw, scorer, language=language)
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(render(answer, scorer, language))
    shown = console.export_text()
    assert "[bold]C-1[/bold]" in shown
    assert all(reason in shown for reason in answer["reasons"])
    assert all(RULES[Rule(line["rule"])].in_language(language) in shown for line in answer["tier_basis"])
    assert language is Language.EN or not re.search(r"\b(customer|tier|baseline|points|indicator)\b", shown)
    assert f"{answer['score']:.2f}" in shown


def test_a_customer_that_is_wrong_is_not_explained(scorer: Scorer, corpus: list[Raw]) -> None:
    with pytest.raises(InvalidCustomer):
        explain_customer({**corpus[0], "nature": "company"}, scorer)


def test_flat_columns_hold_all_parts_of_an_answer(scorer: Scorer, corpus: list[Raw]) -> None:
    columns = flat_columns(scorer.catalog)
    for answer in in_python(scorer, corpus[:30]):
        line = flat_line(answer)
        assert set(line) <= set(columns)
        points = sum(value for name, value in line.items() if name.startswith("points_"))
        assert math.isclose(line["base"] + points, line["score"], abs_tol=1e-9)
        assert json.dumps(line)


def test_an_input_is_neither_overwritten_nor_deleted(
    tmp_path: Path, catalog: Catalog, policy: Policy
) -> None:
    scorer = Scorer(catalog, policy)
    table = tmp_path / "out.rejects.csv"
    table.write_text("customer_id,nature,as_of\nC-1,enterprise,2026-01-31\n")
    before = table.read_bytes()
    (tmp_path / "sub").mkdir()
    for output in (tmp_path / "out.csv", tmp_path / "sub" / ".." / "out.rejects.csv"):
        with pytest.raises(TableError, match="would be overwritten"):
            score_file(table, output, scorer)
    assert table.read_bytes() == before


def test_blanks_around_a_level_do_not_make_it_another(
    tmp_path: Path, catalog: Catalog, policy: Policy
) -> None:
    table, output = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_text("customer_id,nature,as_of,registration_status\nC-1,enterprise,2026-01-31, revoked \n")
    score_file(table, output, Scorer(catalog, policy))
    assert pd.read_csv(output).loc[0, "tier"] == "risk"
