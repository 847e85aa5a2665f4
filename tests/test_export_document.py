"""The exported documents: the CSV rebuilds every contribution, Markdown and HTML show all and run nothing."""

import csv
import io
import json
import math
import re
from collections.abc import Mapping
from functools import reduce
from html import unescape
from html.parser import HTMLParser
from operator import add
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

import tierwise
from features.catalog import Catalog, Kind, load_catalog
from features.portfolio import Bools, Floats, Portfolio
from features.terms import Language, Nature
from models.artefact import ArtefactError, Model
from models.export import exported
from models.export_csv import COLUMNS, to_csv
from models.export_formats import Format
from models.export_html import to_html
from models.export_markdown import to_markdown
from models.export_ranges import Ranges
from models.export_sheet import Sheet
from models.export_sql import SqlOptions
from models.export_words import range_label, shown_bounds
from models.points import ZERO
from models.policy import Policy, load_policy
from tests.strategies import policy_for, random_model, random_portfolio

HOSTILE = ("=1+1", "'=1+1", "''", "<script>alert(1)</script>", 'a"b', "x | y", "&amp;", "*_`[]", "</title>")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog("customer")


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy("customer")


@pytest.fixture(scope="module")
def model(catalog: Catalog, policy: Policy) -> Model:
    return random_model(catalog, policy, (Nature.ENTERPRISE, Nature.INDIVIDUAL), seed=3)


@pytest.fixture(scope="module")
def sheet(model: Model, catalog: Catalog, policy: Policy) -> Sheet:
    return Sheet(model, catalog, policy, "sample/7")


def hostile_sheet() -> Sheet:
    """Return a sheet of an indicator whose names and levels are markup and formulas."""

    def text(word: str) -> dict[str, str]:
        return {"zh-Hant": word, "zh-Hans": word, "en": word}

    source = {"department": "sales", "table": "records"}
    common = {"source": source, "confidentiality": "internal", "names": text("<b>name</b> & | `x`")}
    levels = {level: {"names": text(level)} for level in HOSTILE}
    indicators = [
        common | {"id": "sector", "kind": "category", "better": "levels", "levels": levels},
        common
        | {"id": "size", "kind": "number", "better": "higher", "points": [[0, 0], [9, 9]], "weight": 100},
        common | {"id": "new", "kind": "flag", "better": "higher"},
    ]
    group = {"id": "group", "names": text("<i>g</i>"), "weight": 100, "indicators": indicators}
    document = {
        "catalog": "hostile", "version": 1, "names": text("hostile"), "natures": ["enterprise"],
        "departments": {"sales": text("sales")},
        "dimensions": [{"id": "dimension", "names": text("d"), "weight": 100, "groups": [group]}],
    }  # fmt: skip
    catalog = Catalog.model_validate_json(json.dumps(document))
    policy = policy_for(catalog)
    return Sheet(random_model(catalog, policy, catalog.natures, seed=2), catalog, policy, "<sba>/1")


# CSV


def rebuilt(text: str, portfolio: Portfolio) -> tuple[float, dict[str, Floats]]:
    """Return base and contributions of a portfolio from nothing but the CSV."""
    lines = list(csv.DictReader(io.StringIO(text)))
    base = sum(float(line["log_odds"]) for line in lines if line["part"] == "base")
    found: dict[str, Floats] = {}
    held: dict[tuple[str, ...], Bools] = {}
    for line in lines:
        places = [n for n in (1, 2, 3) if line[f"feature_{n}"]]
        if not places:
            continue
        inside = np.ones(len(portfolio), dtype=np.bool_)
        for n in places:
            key = tuple(line[f"{name}_{n}"] for name in ("feature", "range", "above", "up_to", "level"))
            if key not in held:
                held[key] = holds(portfolio, *key)
            inside &= held[key]
        for n in places:
            own = found.setdefault(line[f"feature_{n}"], np.zeros(len(portfolio)))
            own[inside] += float(line[f"log_odds_{n}"])
    return base, found


def holds(portfolio: Portfolio, feature: str, status: str, above: str, up_to: str, level: str) -> Bools:
    """Return who falls into one range of one indicator."""
    values = portfolio.values[:, portfolio.column(feature)]
    if status == "missing":
        return np.isnan(values)
    indicator = portfolio.catalog.by_id[feature].indicator
    if indicator.kind is Kind.CATEGORY:
        codes = indicator.level_codes
        return np.equal(values, len(codes) if status == "unseen" else codes[level.removeprefix("'")])
    known = ~np.isnan(values)
    low = values > float(above) if above else known
    return known & low & (values <= float(up_to) if up_to else known)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_csv_alone_rebuilds_every_contribution(sheet: Sheet, model: Model, seed: int) -> None:
    portfolio = random_portfolio(sheet.catalog, 400, seed)
    base, found = rebuilt(to_csv(sheet), portfolio)
    assert base == model.base_log_odds
    expected = model.contributions(portfolio)
    for column, placed in enumerate(sheet.catalog.placed):
        contributions = found.get(placed.id, np.zeros(len(portfolio)))
        np.testing.assert_allclose(contributions, expected[:, column], rtol=0, atol=1e-12, err_msg=placed.id)


def test_every_combination_of_ranges_has_one_line(sheet: Sheet) -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(sheet))))
    assert tuple(lines[0]) == COLUMNS
    by_table: dict[str, list[Mapping[str, str]]] = {}
    for line in lines[1:]:
        by_table.setdefault(line["table"], []).append(line)
        parts = [float(line[f"log_odds_{n}"]) for n in range(1, int(line["order"]) + 1)]
        # One after the other, as everything adds; from Python 3.12 on `sum` rounds once.
        assert float(line["log_odds"]) == reduce(add, parts)
        assert float(line["points_at_base"]) == pytest.approx(sum(parts) * sheet.points_at_base, abs=1e-12)
    counted = [math.prod(map(len, grid.ranges)) for grid in sheet.grids]
    assert [len(own) for own in by_table.values()][-len(counted) :] == counted


def test_a_level_that_looks_like_a_formula_is_guarded_and_can_be_read_back() -> None:
    levels = {line["level_1"] for line in csv.DictReader(io.StringIO(to_csv(hostile_sheet())))} - {""}
    assert not any(level.startswith("=") for level in levels)
    assert {"'=1+1", "''=1+1", "'''"} <= levels
    assert {level.removeprefix("'") for level in levels} == set(HOSTILE)


# The sheet


def test_a_policy_that_the_model_was_not_trained_for_is_refused(sheet: Sheet) -> None:
    other = policy_for(hostile_sheet().catalog)
    with pytest.raises(ArtefactError, match="another version of policy"):
        Sheet(sheet.model, sheet.catalog, other)


# Ranges


def test_bounds_near_zero_part_numbers_as_they_are_read(sheet: Sheet, model: Model) -> None:
    """Every bound of every shape parts two cells of the model, with numbers one ulp apart."""
    portfolio = random_portfolio(sheet.catalog, 1, 1)
    for shape in sheet.shapes:
        ranges = shape.ranges
        if ranges.placed.indicator.kind is not Kind.NUMBER:
            continue
        column = model.tables.features.index(ranges.id)
        marks = [*ranges.bounds, ZERO, -ZERO, 0.0]
        values = np.array(
            [v for m in marks for v in (math.nextafter(m, -math.inf), m, math.nextafter(m, math.inf))]
        )
        places = np.searchsorted(np.array(ranges.bounds), values, side="left")
        matrix = np.full((len(values), len(model.tables.features)), np.nan)
        matrix[:, column] = values
        own = np.zeros(len(values))
        for table in model.tables.of_order(1):
            if table.features == (column,):
                own += table.contributions[0][table.axes[0].cell(values)]
        np.testing.assert_allclose(own * model.calibration.slope, shape.total[places], rtol=0, atol=1e-12)
    assert len(portfolio) == 1


def test_ranges_are_told_in_words() -> None:
    catalog = hostile_sheet().catalog

    def labels(id_: str, bounds: tuple[float, ...], language: Language = Language.EN) -> list[str]:
        ranges = Ranges(catalog.by_id[id_], bounds)
        return [range_label(ranges, place, place, catalog, language) for place in range(len(ranges))]

    number, flag = "size", "new"
    assert labels(number, (0.3, 0.6)) == ["up to 0.3", "0.3 to 0.6", "above 0.6", "missing"]
    assert labels(number, (0.3,), Language.ZH_HANT) == ["至 0.3", "0.3 以上", "缺失"]
    assert labels(number, ()) == ["any value", "missing"]
    assert labels(number, (ZERO, 2.5))[0] == "up to 0"
    assert labels(flag, (0.5,)) == ["no", "yes", "missing"]
    assert labels(flag, (0.0, 0.5)) == ["no", "", "yes", "missing"]


def test_bounds_have_as_few_digits_as_tell_neighbours_apart() -> None:
    assert shown_bounds((0.12345, 0.5, 1234.5), None) == ["0.123", "0.5", "1,234"]
    assert shown_bounds((0.123401, 0.123402, 7.0), None) == ["0.123401", "0.123402", "7"]
    hair = math.nextafter(0.3, 1.0)
    assert shown_bounds((0.3, hair, 0.6), None) == ["0.3", "0.3", "0.6"]


# Markdown


@pytest.mark.parametrize("language", list(Language))
def test_the_markdown_has_a_table_for_each_indicator_and_pair(sheet: Sheet, language: Language) -> None:
    text = to_markdown(sheet, language)
    for shape in sheet.shapes:
        name = shape.ranges.placed.indicator.names.in_language(language)
        assert f"### {name}" in unescape(text).replace("\\", "")
    headings = len(sheet.shapes) + len(sheet.grids)
    assert len(re.findall(r"^### ", text, re.MULTILINE)) == headings
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len([line for line in rows if set(line) <= set("|-: ")]) >= headings
    assert sheet.model.content_hash in text


def test_markdown_tables_are_whole_whatever_names_hold() -> None:
    width = None
    for line in to_markdown(hostile_sheet(), Language.EN).splitlines():
        if not line.startswith("|"):
            width = None
            continue
        cells = len(re.findall(r"(?<!\\)\|", line))
        assert width in (None, cells)
        width = cells
        assert "<script" not in line


# HTML


class Outside(HTMLParser):
    """Collects what an HTML document refers to and runs."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.references += [value or "" for name, value in attrs if name in ("href", "src", "action", "data")]


def elements(text: str) -> ElementTree.Element:
    """Return the document read as XML, which it is too."""
    return ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))


@pytest.mark.parametrize("language", list(Language))
def test_the_html_is_well_formed_and_refers_to_nothing_outside(sheet: Sheet, language: Language) -> None:
    text = to_html(sheet, language)
    root = elements(text)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    outside = Outside()
    outside.feed(text)
    assert all(reference.startswith("#") and reference[1:] in ids for reference in outside.references)
    assert not outside.tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not re.search(r"https?://|url\(|@import|\son\w+=", text)
    assert root.get("lang") == language


def test_every_plot_has_a_title_and_a_table_beside_it(sheet: Sheet) -> None:
    root = elements(to_html(sheet, Language.EN))
    sections = [section for section in root.iter("section") if section.get("class") == "indicator"]
    assert [section.get("id") for section in sections] == [shape.ranges.id for shape in sheet.shapes]
    for section, shape in zip(sections, sheet.shapes, strict=True):
        (plot,) = section.iter("svg")
        assert plot.findtext("title")
        rows = [["".join(cell.itertext()) for cell in row] for row in section.iter("tr")]
        assert len(rows) - 1 <= len(shape.ranges)
        assert rows[-1][0] == "missing"
        for row in rows[1:]:
            prior, correction, total = (float(cell.replace("−", "-")) for cell in row[1:4])
            assert total == pytest.approx(prior + correction, abs=1.1e-4)
    grids = [section for section in root.iter("section") if section.get("class") == "grid"]
    assert len(grids) == len(sheet.grids)


def test_hostile_names_are_shown_and_not_obeyed() -> None:
    text = to_html(hostile_sheet(), Language.EN)
    outside = Outside()
    outside.feed(text)
    assert not outside.tags & {"script", "b", "i"}
    shown = "".join(elements(text).itertext())
    for name in (*HOSTILE, "<b>name</b> & | `x`", "<sba>/1"):
        assert name in shown


def test_a_document_is_the_same_every_time(sheet: Sheet) -> None:
    again = Sheet(Model.from_bytes(sheet.model.to_bytes()), sheet.catalog, sheet.policy, sheet.version)
    for format_ in Format:
        one, other = (exported(each, format_, Language.EN, SqlOptions()) for each in (sheet, again))
        assert one == other


# The command


@pytest.fixture
def artefact(tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIERWISE_STATE", str(tmp_path / "state"))
    path = tmp_path / "points.json"
    path.write_bytes(model.to_bytes())
    return path


def test_the_command_writes_what_the_file_name_asks_for(artefact: Path, tmp_path: Path, model: Model) -> None:
    for name, start in (
        ("a.csv", "part,table"), ("a.md", "# "), ("a.html", "<!DOCTYPE html>"), ("a.sql", "-- Tierwise")
    ):  # fmt: skip
        arguments = ["export", str(tmp_path / name), "--artefact", str(artefact), "--catalog", "customer"]
        if name == "a.sql":
            arguments += ["--dialect", "sqlite", "--table", "main.people", "--key", "id", "--view", "scores"]
        result = CliRunner().invoke(tierwise.app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    script = (tmp_path / "a.sql").read_text(encoding="utf-8")
    assert 'CREATE VIEW "scores" AS' in script
    assert 'FROM "main"."people" AS source' in script


def test_the_command_prints_to_standard_output(artefact: Path, sheet: Sheet) -> None:
    arguments = ["export", "-", "--format", "csv", "--artefact", str(artefact), "--catalog", "customer"]
    result = CliRunner().invoke(tierwise.app, arguments, catch_exceptions=False)
    assert result.stdout == to_csv(sheet)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["a.pdf"], "names no format"),
        (["a.sql", "--artefact", "points.json", "--catalog", "customer"], "give --dialect"),
        (["a.csv", "--dialect", "sqlite"], "are for SQL"),
        (["a.md", "--table", "customers"], "are for SQL"),
        (["a.html", "--no-explanations"], "are for SQL"),
        (["a.csv", "--artefact", "points.json"], "needs the --catalog"),
        (["a.csv", "--catalog", "customer"], "no model to export"),
        (["a.csv", "--artefact", "none.json", "--catalog", "customer"], "cannot be read"),
        (["no/a.csv", "--artefact", "points.json", "--catalog", "customer"], "cannot be written"),
        (["a.csv", "--model", "sba", "--artefact", "points.json", "--catalog", "customer"], "brings its own"),
    ],
)
def test_what_cannot_be_exported_is_told_in_one_line(
    arguments: list[str],
    reason: str,
    artefact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["tierwise", "export", *arguments])
    with pytest.raises(SystemExit) as caught:
        tierwise.main()
    written = capsys.readouterr()
    assert caught.value.code == 2
    assert len(written.err.splitlines()) == 1
    assert reason in written.err
    assert not list(tmp_path.glob("*.pdf"))
