"""The model card: every figure comes back from the run by its source, in three languages, in HTML and PDF."""

import csv
import hashlib
import io
import itertools
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from string import Formatter
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

import tierwise
from features.catalog import Catalog, load_catalog
from features.terms import Language, Text
from models import registry
from models.artefact import Fact
from models.decision import Scorer
from models.export_csv import to_csv
from models.policy import Policy, load_policy
from models.scale import Scale
from models.sign_off import Outcome, SignOff
from tests.carded import NAME, Registered, migrated_store, recorded_of, registered
from tests.judged import candidate
from tests.strategies import random_model
from training import battery
from training.battery.evidence import Evidence, model_of
from training.battery.report import Report, Subject
from training.battery.result import Check
from training.battery.scope import scope
from training.card import annexes, words
from training.card.blocks import Row, Section, Spans, Table
from training.card.card import ModelCard
from training.card.commands import CardLanguage, write_card
from training.card.figures import Figure
from training.card.methods import method
from training.card.recorded import BATTERY, REASONS, REFERENCE, Kept, Recorded, load_recorded
from training.data_facts import customers_hash
from training.independent.names import NAMES
from training.monitoring.limits import MonitoringLimits
from training.monitoring.reference import Reference

__all__ = ["migrated_store", "registered"]

SIGNED = (
    SignOff(
        "proposer", "ann", datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "proposed", ("ready",), (), "champion",
        "c1",
    ),
    SignOff(
        "approver", "bob", datetime(2026, 1, 3, tzinfo=UTC), "approved", ("one <b>check</b> failed",),
        ("watch #strong[it]",), "champion", "c1",
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def files(registered: Registered) -> dict[str, bytes]:
    """Return the card in all languages, signed."""
    return ModelCard(registered.recorded, SIGNED).files(tuple(Language))


@pytest.fixture(scope="module")
def listed(files: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files[f"{NAME}-1.card.json"])
    return found


def html_of(registered: Registered, language: Language = Language.EN, **changed: Any) -> str:
    """Return a card as HTML of a version of which something is otherwise."""
    from training.card.html import to_html

    return to_html(ModelCard(replace(registered.recorded, **changed)).page(language))


def text_of(html: str) -> str:
    """Return what a page says, with one blank between words and between cells."""
    root = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))
    for cell in (*root.iter("td"), *root.iter("th")):
        cell.tail = " "
    return " ".join("".join(root.itertext()).split())


# Every figure is traceable


class Run:
    """Reads figures back from MLflow by their sources, knowing nothing of how the card was made."""

    def __init__(self, state: Path, listed: dict[str, Any], folder: Path) -> None:
        self.client = registry.connect(state)
        self.run = listed["run"]
        data = self.client.get_run(self.run).data
        self.metrics, self.parameters = data.metrics, data.params
        self.documents = {}
        for path, sha256 in listed["documents"].items():
            content = Path(self.client.download_artifacts(self.run, path, str(folder))).read_bytes()
            assert hashlib.sha256(content).hexdigest() == sha256
            self.documents[path] = json.loads(content)

    def value(self, source: dict[str, Any]) -> Any:
        if "metric" in source and "year" in source:
            history = self.client.get_metric_history(self.run, source["metric"])
            (found,) = [point.value for point in history if point.step == source["year"]]
            return found
        if "metric" in source:
            return self.metrics[source["metric"]]
        if "parameter" in source:
            return self.parameters[source["parameter"]]
        if "setting" in source:
            owner, _, name = source["setting"].rpartition(".")
            assert owner == "training.monitoring.limits.MonitoringLimits"
            return getattr(MonitoringLimits(), name)
        if "document" in source:
            return self.at(source["document"], source["place"])
        return self.ruled(source["rule"], [self.value(of) for of in source["of"]])

    def at(self, document: str, pointer: str) -> Any:
        """Follow a JSON pointer (RFC 6901)."""

        def step(found: Any, name: str) -> Any:
            name = name.replace("~1", "/").replace("~0", "~")
            return found[int(name)] if isinstance(found, list) else found[name]

        return reduce(step, pointer.split("/")[1:], self.documents[document])

    @staticmethod
    def ruled(rule: str, of: list[Any]) -> Any:
        match rule:
            case "negative":
                return -of[0]
            case "sum":
                return sum(of)
            case "product":
                return math.prod(of)
            case "ratio":
                return of[0] / of[1]
            case "share":
                return math.prod(weight / 100 for weight in of)
            case "probability":
                return 1 / (1 + math.exp(-of[0]))
            case "points" | "slope":
                scale = Scale(tuple(of[1]["log_odds"]), tuple(of[1]["points"]))
                convert = scale.to_points if rule == "points" else scale.slope
                return float(convert(np.array([of[0]]))[0])
            case "passed":
                return of.count("passed")
            case "count":
                return len(of)
        raise AssertionError(rule)


def kinds_of(source: dict[str, Any]) -> Iterator[str]:
    yield next(iter(source))
    yield from (kind for of in source.get("of", ()) for kind in kinds_of(of))


def test_every_figure_is_read_back_from_the_run_by_its_source(
    registered: Registered, listed: dict[str, Any], tmp_path: Path
) -> None:
    assert listed["run"] == registered.recorded.run_id
    run = Run(registered.state, listed, tmp_path)
    for line in listed["figures"]:
        found = run.value(line["source"])
        if isinstance(found, int | float) and not isinstance(found, bool):
            assert line["value"] == pytest.approx(found, rel=1e-12, abs=1e-12), line
        else:
            assert line["value"] == found, line
    kinds = {kind for line in listed["figures"] for kind in kinds_of(line["source"])}
    assert kinds == {"metric", "parameter", "document", "setting", "rule"}
    assert [line["figure"] for line in listed["figures"]] == list(range(1, len(listed["figures"]) + 1))


def shown_number(text: str) -> tuple[float, float] | None:
    """Return a number as it is shown, and half a unit of its last digit."""
    plain = text.replace(",", "").replace("−", "-").removesuffix("%")
    if not re.fullmatch(r"[+-]?\d+(\.\d+)?(e[+-]\d+)?", plain):
        return None
    scale = 0.01 if text.endswith("%") else 1.0
    mantissa, _, power = plain.partition("e")
    decimals = len(mantissa.partition(".")[2])
    half = 0.5 * 10.0 ** (int(power or 0) - decimals)
    # A rounded 0 is shown without its decimals.
    return float(plain) * scale, (5e-4 if plain == "0" else half) * scale


@pytest.mark.parametrize("language", list(Language))
def test_what_is_shown_is_what_is_listed_and_no_number_of_a_table_is_without_its_figure(
    language: Language, files: dict[str, bytes], listed: dict[str, Any]
) -> None:
    root = ElementTree.fromstring(
        files[f"{NAME}-1.{language}.html"].decode().removeprefix("<!DOCTYPE html>\n")
    )
    values = {line["figure"]: line["value"] for line in listed["figures"]}
    met = set()
    numbers = 0
    for data in root.iter("data"):
        number, text = int(data.get("data-figure") or 0), "".join(data.itertext())
        met.add(number)
        assert data.get("value") == str(values[number])
        shown = shown_number(text)
        if shown is not None and not isinstance(values[number], bool | str):
            numbers += 1
            assert shown[0] == pytest.approx(values[number], abs=shown[1] * 1.0001 + 1e-12), text
    assert met == set(values)
    assert numbers > 500
    for cell in root.iter("td"):
        if cell.get("class") == "number" or cell.get("style"):
            for data in cell.iter("data"):
                data.text = ""
            assert not re.search(r"\d", "".join(cell.itertext()))


def test_a_figure_outside_the_annexes_says_where_it_is_from(files: dict[str, bytes]) -> None:
    root = ElementTree.fromstring(files[f"{NAME}-1.en.html"].decode().removeprefix("<!DOCTYPE html>\n"))
    (section,) = [s for s in root.iter("section") if s.get("id") == "performance"]
    titles = [data.get("title") or "" for data in section.iter("data")]
    assert any("metric walk_forward_by_year/model/auc at 2004" in title for title in titles)
    assert any(re.search(r"review/battery\.json \([0-9a-f]{12}\), /results/\d+/value", t) for t in titles)
    assert all(titles)
    notes = ["".join(p.itertext()) for p in section.iter("p") if p.get("class") == "source"]
    assert notes and all(re.search(r"figures [\d–, ]+ of card\.json", note) for note in notes)


def test_the_points_tables_are_those_of_the_exported_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Main tables, pairs and triples, against what another writer says of the same model."""
    catalog, policy = load_catalog("customer"), load_policy("customer")
    model = random_model(catalog, policy, catalog.natures, seed=3)
    recorded = recorded_of(model, catalog, policy)
    lines = list(csv.DictReader(io.StringIO(to_csv(recorded.sheet))))[1:]
    main: dict[str, set[float]] = {}
    grids: dict[str, list[list[float]]] = {}
    for line in lines:
        if line["order"] == "1":
            main.setdefault(line["feature_1"], set()).add(float(line["log_odds"]))
        else:
            parts = [float(line[f"log_odds_{n}"]) for n in range(1, int(line["order"]) + 1)]
            grids.setdefault(line["table"], []).append([float(line["log_odds"]), *parts])
    monkeypatch.setattr(annexes, "MOST_GRID_CELLS", 10**6)
    page = ModelCard(recorded).page(Language.ZH_HANT)
    sections = {section.id: section for section in page.sections}
    checked = 0
    for id_, values in main.items():
        for row in rows_of(sections[f"points-{id_}"]):
            for cell in row.cells[1:3]:
                for figure in figures_of(cell.spans):
                    assert min(abs(value - figure.number) for value in values) < 1e-12
                    checked += 1
    for number, of_grid in enumerate(grids.values()):
        known = np.array(of_grid)
        for row in rows_of(sections[f"grid-{number}"]):
            for cell in row.cells[1:]:
                shown = [figure.number for figure in figures_of((*cell.spans, *cell.below))]
                assert np.abs(known - shown).max(axis=1).min() < 1e-12
                checked += 1
    assert checked > 500
    assert {len(of_grid[0]) for of_grid in grids.values()} == {3, 4}
    for number, row in enumerate(rows_of(sections["grids"])):
        ends = [figure.number for cell in row.cells for figure in figures_of(cell.spans)]
        cells = [cell for of in rows_of(sections[f"grid-{number}"]) for cell in of.cells[1:]]
        shown = [figure.number for cell in cells for figure in figures_of(cell.spans)]
        assert ends == [min(shown), max(shown)]
    assert number == len(grids) - 1


def test_of_many_pairs_the_widest_are_printed_and_all_are_told_in_brief(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catalog, policy = load_catalog("customer"), load_policy("customer")
    recorded = recorded_of(random_model(catalog, policy, catalog.natures, seed=3), catalog, policy)
    monkeypatch.setattr(annexes, "MOST_GRID_CELLS", 10**6)
    whole = {section.id: section for section in ModelCard(recorded).page(Language.EN).sections}
    cells = {
        id_: sum(len(row.cells) - 1 for row in rows_of(section))
        for id_, section in whole.items()
        if id_.startswith("grid-")
    }
    monkeypatch.setattr(annexes, "MOST_GRID_CELLS", sum(cells.values()) - 1)
    page = {section.id: section for section in ModelCard(recorded).page(Language.EN).sections}
    left_out = cells.keys() - page.keys()
    assert left_out
    assert sum(count for id_, count in cells.items() if id_ in page) < sum(cells.values())
    assert len(list(rows_of(whole["grids"]))) == len(cells)
    spread = [
        np.ptp([figure.number for cell in row.cells for figure in figures_of(cell.spans)])
        for row in rows_of(page["grids"])
    ]
    widest = f"grid-{int(np.argmax(spread))}"
    assert widest in page
    assert [row.cells[-1].spans[0].text for row in rows_of(page["grids"])] == [
        "by export" if f"grid-{number}" in left_out else "in full" for number in range(len(cells))
    ]


def rows_of(section: Section) -> Iterator[Row]:
    for block in section.blocks:
        if isinstance(block, Table):
            yield from block.rows


def figures_of(spans: Spans) -> list[Figure]:
    return [span.figure for span in spans if span.figure is not None]


# HTML


@pytest.mark.parametrize("language", list(Language))
def test_the_html_is_well_formed_accessible_and_refers_to_nothing_outside(
    language: Language, files: dict[str, bytes]
) -> None:
    text = files[f"{NAME}-1.{language}.html"].decode()
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    assert root.get("lang") == language
    assert not re.search(r"https?://|url\(|@import|\son\w+=|<script|<link|<img|<iframe", text)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    links = [link.get("href") or "" for link in root.iter("a")]
    assert links and {link.removeprefix("#") for link in links} <= set(ids)
    levels = [int(element.tag[1]) for element in root.iter() if re.fullmatch(r"h\d", element.tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for table in root.iter("table"):
        assert all(head.get("scope") for head in table.iter("th"))
        assert table.find("thead") is not None
    plots = list(root.iter("svg"))
    assert len(plots) >= 3 and all(plot.findtext("title") and plot.get("role") == "img" for plot in plots)


@pytest.mark.parametrize("language", list(Language))
def test_every_part_that_governance_asks_for_is_there(language: Language, files: dict[str, bytes]) -> None:
    text = text_of(files[f"{NAME}-1.{language}.html"].decode())
    for part in (
        words.PURPOSE, words.DATA, words.INDICATORS, words.CHOICE, words.PERFORMANCE, words.CALIBRATION,
        words.STABILITY, words.FAIRNESS, words.EXPLANATIONS, words.LIMITS, words.MONITORING, words.SIGN_OFFS,
        words.POINTS, words.EVERY_CHECK, words.SOURCES,
    ):  # fmt: skip
        assert part.in_language(language) in text


# PDF


@pytest.mark.parametrize("language", list(Language))
def test_the_pdf_is_tagged_holds_its_font_and_its_text_can_be_selected(
    language: Language, files: dict[str, bytes], listed: dict[str, Any]
) -> None:
    content = files[f"{NAME}-1.{language}.pdf"]
    reader = PdfReader(io.BytesIO(content))
    catalog: Any = reader.trailer["/Root"]
    assert str(catalog["/Lang"])[:2] == language[:2]
    assert catalog["/MarkInfo"]["/Marked"] and "/StructTreeRoot" in catalog
    title = words.TITLE.in_language(language).format(model=f"{NAME}/1")
    assert reader.metadata is not None and reader.metadata.title == title
    squeezed = re.sub(r"\s", "", "".join(page.extract_text() for page in reader.pages[:5]))
    for part in (title, *(word.in_language(language) for word in (words.PURPOSE, words.MONITORING))):
        assert re.sub(r"\s", "", part) in squeezed
    for line in listed["figures"]:
        if line["source"].get("metric") == "walk_forward/model/auc":
            assert f"{line['value']:.4f}" in squeezed
    resources: Any = reader.pages[0]["/Resources"]
    fonts = [str(font.get_object()["/BaseFont"]) for font in resources["/Font"].values()]
    assert any("NotoSansCJK" in font for font in fonts)
    assert reader.attachments[f"{NAME}-1.card.json"] == [files[f"{NAME}-1.card.json"]]
    assert len(content) < 1_500_000


def test_the_same_version_gives_the_same_bytes(registered: Registered, files: dict[str, bytes]) -> None:
    again = ModelCard(load_recorded(f"{NAME}/1", registered.state), SIGNED).files((Language.ZH_HANT,))
    assert all(files[name] == content for name, content in again.items())


def test_names_are_shown_as_they_are_and_not_obeyed(registered: Registered) -> None:
    """Neither HTML nor Typst reads what a catalog says as markup."""
    hostile = '<script>x</script> #panic("x") *_`$ \\ [a] & "'
    recorded = registered.recorded
    document = json.loads(recorded.documents["catalog"].content)
    document["names"] = dict.fromkeys(("zh-Hant", "zh-Hans", "en"), hostile)
    catalog = Catalog.model_validate_json(json.dumps(document))
    points = json.loads(recorded.documents["points"].content)["content"]
    points["catalog_hash"] = catalog.hash
    body = json.dumps(points, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    framed = f'{{"sha256":"{hashlib.sha256(body.encode()).hexdigest()}","content":{body}}}'
    changed = {
        **recorded.documents,
        "catalog": Kept.of("model/catalog.json", json.dumps(document).encode()),
        "points": Kept.of("model/points.json", framed.encode()),
    }
    files = ModelCard(replace(recorded, documents=changed)).files((Language.EN,))
    assert " ".join(hostile.split()) in text_of(files[f"{NAME}-1.en.html"].decode())
    reader = PdfReader(io.BytesIO(files[f"{NAME}-1.en.pdf"]))
    assert '#panic("x")' in reader.pages[0].extract_text()


# What is not there is said


def test_what_was_not_recorded_is_said(registered: Registered) -> None:
    bare = {k: v for k, v in registered.recorded.documents.items() if k not in (BATTERY, REASONS, REFERENCE)}
    text = text_of(html_of(registered, documents=bare, by_year={}, metrics={}))
    for word in (words.NO_BATTERY, words.NO_REASONS, words.NO_REFERENCE, words.NO_FORWARD, words.NO_PRICE):
        assert word.en in text
    assert words.EVERY_CHECK.en not in text
    assert words.UNSIGNED.en in text


def test_a_battery_that_judged_another_model_is_told_apart(registered: Registered) -> None:
    assert "judged another model" not in text_of(html_of(registered))
    kept = registered.recorded.documents[BATTERY]
    document = json.loads(kept.content)
    document["subject"] |= {"model_sha256": "0" * 64, "model_version": "synthetic as of 2004-01-01"}
    changed = Kept.of(kept.path, json.dumps(document).encode(), kept.verdict)
    text = text_of(html_of(registered, documents={**registered.recorded.documents, BATTERY: changed}))
    assert "judged another model (synthetic as of 2004-01-01)" in text


@pytest.fixture(scope="module")
def undated() -> Recorded:
    """A version trained on a table without days or ids by a drafted policy, and judged on the same table."""
    found = candidate()
    scorer, customers = found.scorer, replace(found.reference, dated=False)
    policy = Policy.model_validate_json(
        json.dumps(scorer.policy.model_dump(mode="json", by_alias=True) | {"outcome_months": None})
    )
    facts: dict[str, Fact] = {
        "customers": 500, "groups": 500, "bad": 80, "dated": False, "read_on": "2026-03-04",
        "calibrated_on_customers": 500, "customers_sha256": customers_hash(customers),
    }  # fmt: skip
    model = replace(model_of(scorer), policy_hash=policy.hash, training=facts)
    scorer = Scorer(scorer.catalog, policy, model)
    judged = Evidence.of(scorer, customers)
    documents = {
        BATTERY: Report(Subject.of(judged, "random/7"), tuple(scope(judged))).document().encode(),
        REFERENCE: Reference.of(scorer, customers).document,
    }
    recorded = recorded_of(model, scorer.catalog, policy)
    reviews = {kind: Kept.of(f"review/{kind}.json", of, "failed") for kind, of in documents.items()}
    parameters = {"training_date": "2026-03-04"}
    return replace(recorded, documents={**recorded.documents, **reviews}, parameters=parameters)


@pytest.mark.parametrize("language", list(Language))
def test_of_a_table_without_days_the_card_tells_no_day_and_no_window(
    language: Language, undated: Recorded
) -> None:
    from training.card.html import to_html

    html = to_html(ModelCard(undated).page(language))
    root = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))
    text, of = text_of(html), {s.get("id"): "".join(s.itertext()) for s in root.iter("section")}

    def says(found: str, word: Text) -> bool:
        parts = re.split(r"\{\w+\}", word.in_language(language))
        return re.search(".{0,30}".join(map(re.escape, parts)), found) is not None

    for word in (
        words.FIRST_DAY, words.LAST_DAY, words.TRAINING_DATE, words.DATA_NOTE, words.GROUPS_TOGETHER,
        words.WITHIN, words.REFERENCE_RECORDED,
    ):  # fmt: skip
        assert not says(text, word)
    for section, told in {
        "glance": (words.NO_WINDOW, words.NO_DAYS),
        "purpose": (words.WITHIN_UNDECLARED,),
        "data": (words.TRAINING_DAY, words.CALIBRATED_ON_ALL, words.DATA_NOTE_UNDATED, words.NO_GROUPS),
        "performance": (words.JUDGED_ON_TRAINING, words.JUDGED_UNDATED),
        "limits": (words.LIMIT_NO_DAYS, words.LIMIT_NO_WINDOW, words.JUDGED_ON_TRAINING),
        "monitoring": (words.MONITORING_NO_WINDOW, words.REFERENCE_UNDATED),
    }.items():
        for word in told:
            assert says(of[section], word)
    # The day of training is said once, as such, and as no customer's.
    assert of["data"].count("2026-03-04") == text.count("2026-03-04") == 1


def test_what_belongs_together_is_told_as_the_training_counted_it(registered: Registered) -> None:
    assert words.GROUPS_TOGETHER.en in text_of(html_of(registered))
    kept = registered.recorded.documents["points"]
    points = json.loads(kept.content)["content"]
    points["training"] |= {"groups": points["training"]["customers"] - 7}
    body = json.dumps(points, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    framed = f'{{"sha256":"{hashlib.sha256(body.encode()).hexdigest()}","content":{body}}}'
    documents = {**registered.recorded.documents, "points": Kept.of(kept.path, framed.encode())}
    told = text_of(html_of(registered, documents=documents))
    assert f"they are {points['training']['groups']:,} groups" in told
    assert words.DATA_NOTE.en in told and words.LIMIT_NO_DAYS.en not in told


def test_fairness_names_the_protected_attribute_and_its_groups(registered: Registered) -> None:
    root = ElementTree.fromstring(html_of(registered).removeprefix("<!DOCTYPE html>\n"))
    (section,) = [s for s in root.iter("section") if s.get("id") == "fairness"]
    text = "".join(section.itertext())
    assert "veteran" in text and "Demographic parity ratio" in text
    groups = [row for table in section.iter("table") for row in table.iter("tr")]
    assert len(groups) > 6


def test_failed_checks_stand_among_the_limits_and_in_one_line_a_family(registered: Registered) -> None:
    kept = registered.recorded.documents[BATTERY]
    document = json.loads(kept.content)
    for result in document["results"]:
        if result["id"].startswith(("stability.csi", "calibration.slope")):
            result["verdict"] = "failed"
    changed = Kept.of(kept.path, json.dumps(document).encode(), "failed")
    html = html_of(registered, documents={**registered.recorded.documents, BATTERY: changed})
    root = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))
    (section,) = [s for s in root.iter("section") if s.get("id") == "limits"]
    items = ["".join(item.itertext()) for item in section.iter("li")]
    assert len([item for item in items if item.startswith("Characteristic stability: ")]) == 1
    slope = next(item for item in items if item.startswith("Calibration slope: "))
    assert re.search(r"\(tolerated: 0\.8000 to 1\.2500\)", slope)


def test_the_review_of_reasons_is_shown_quantity_by_quantity(registered: Registered) -> None:
    text = text_of(html_of(registered, Language.ZH_HANT))
    assert "理由審查：未通過。由獨立程式重新計算 200 位客戶及其 100 個變體的答覆。" in text
    assert "綜合評估得分（合成） 300 300 2.5e-14 通過" in text
    assert "得分、基準與模型的等級 300 900 未通過" in text
    assert "理由審查：得分、基準與模型的等級有 2 份答覆不符" in text


@pytest.mark.parametrize("language", [Language.ZH_HANT, Language.ZH_HANS])
def test_all_that_a_review_of_reasons_can_hold_is_named_in_chinese(
    language: Language, registered: Registered
) -> None:
    kept = registered.recorded.documents[REASONS]
    document = json.loads(kept.content)
    (first, *_) = document["findings"]
    of_later = {"id": "of_later", "name": "what a later version compares"}
    named = [{"id": id_, "name": name} for id_, name in NAMES.items()]
    document["findings"] = [first | {"verdict": "failed"} | of for of in (*named, of_later)]
    changed = Kept.of(kept.path, json.dumps(document).encode(), "failed")
    html = html_of(registered, language, documents={**registered.recorded.documents, REASONS: changed})
    root = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))
    sections = {section.get("id"): section for section in root.iter("section")}
    shown = ["".join(head.itertext()) for head in sections["explanations"].findall(".//tbody/tr/th")]
    assert len(shown) == len(NAMES) + 1 == len(set(shown))
    assert shown.pop() == of_later["name"]
    items = ["".join(item.itertext()) for item in sections["limits"].iter("li")]
    for name in shown:
        assert re.search(r"[\u4e00-\u9fff]", name), name
        assert any(name in item for item in items)


def test_of_a_method_only_the_works_that_it_cites_are_not_in_chinese() -> None:
    modules = [import_module(f"{battery.__name__}.{found.name}") for found in iter_modules(battery.__path__)]
    checks = [check for module in modules for check in vars(module).values() if isinstance(check, Check)]
    assert len({check.id for check in checks}) > 20
    cites = re.compile(r"\(\d{4}\)|^Studies on|^2 AUC")
    for source in {check.source for check in checks}:
        assert method(source, Language.EN) == source
        for language in (Language.ZH_HANT, Language.ZH_HANS):
            for part in re.split("[；：]", method(source, language)):
                assert re.search(r"[\u4e00-\u9fff]", part) or cites.search(part), part


def test_who_signed_is_shown_with_findings_and_conditions(files: dict[str, bytes]) -> None:
    text = text_of(files[f"{NAME}-1.zh-Hans.html"].decode())
    assert "提案人 ann 2026-01-02 03:04 提案现行模型（champion） ready" in text
    assert (
        "批准人 bob 2026-01-03 00:00 批准现行模型（champion） one <b>check</b> failed watch #strong[it]"
        in text
    )
    reader = PdfReader(io.BytesIO(files[f"{NAME}-1.zh-Hans.pdf"]))
    assert "#strong[it]" in "".join(page.extract_text() for page in reader.pages[2:5])
    listed = json.loads(files[f"{NAME}-1.card.json"])
    assert [one["name"] for one in listed["signed"]] == ["ann", "bob"]


def decisions_of(html: str) -> list[str]:
    """Return what stands in the sign-offs' column of decisions, with what is said beneath."""
    root = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))
    (section,) = [s for s in root.iter("section") if s.get("id") == "sign-offs"]
    return [" | ".join(row.findall("td")[2].itertext()) for row in section.findall(".//tbody/tr")][:-3]


def test_what_came_of_a_decision_stands_beneath_it(registered: Registered) -> None:
    from training.card.html import to_html

    def shown(language: Language, *signed: SignOff) -> str:
        return to_html(ModelCard(registered.recorded, signed).page(language))

    proposed, approved = SIGNED
    withdrawn = replace(proposed, outcome=Outcome.WITHDRAWN)
    gone = shown(Language.EN, withdrawn, replace(withdrawn, decision="withdrawn", findings=()))
    assert decisions_of(gone) == [
        "proposed; the case was withdrawn | as champion, does not count", "withdrawn | as champion",
    ]  # fmt: skip
    assert words.NONE_COUNTS.en in text_of(gone)
    waiting = shown(Language.EN, *(replace(one, outcome=Outcome.OPEN) for one in SIGNED))
    assert decisions_of(waiting) == [
        "proposed | as champion, not decided yet", "approved | as champion, not decided yet",
    ]  # fmt: skip
    assert words.NONE_COUNTS.en not in text_of(waiting)
    rejected = replace(approved, outcome=Outcome.REJECTED)
    assert decisions_of(shown(Language.ZH_HANT, rejected)) == [
        "核准；本案遭駁回 | 現行模型（champion）、不計入"
    ]
    assert (
        'class="good"' not in shown(Language.EN, rejected).partition('id="sign-offs"')[2].partition("<h2")[0]
    )


def test_a_rollback_is_shown_with_the_other_version_and_whether_it_is_confirmed(
    registered: Registered,
) -> None:
    from training.card.html import to_html

    at = datetime(2026, 3, 4, tzinfo=UTC)
    made = SignOff(
        "rollback", "dan", at, "governs_again", ("it drifts",), (), "champion", "c2", Outcome.OPEN, "sba/3"
    )
    signed = (*SIGNED, made, replace(made, decision="rolled_back", outcome=Outcome.EFFECTIVE, other=""))
    page = to_html(ModelCard(registered.recorded, signed).page(Language.EN))
    assert decisions_of(page)[2:] == [
        "governs again | as champion, from sba/3, not confirmed yet",
        "rolled back | as champion, to what governed without a model, confirmed",
    ]
    assert "rolled back by dan 2026-03-04 00:00 governs again" in text_of(page)
    listed = json.loads(ModelCard(registered.recorded, signed).listing({}))
    assert [(one["outcome"], one["other"]) for one in listed["signed"]] == [
        (None, ""), (None, ""), ("open", "sba/3"), ("effective", ""),
    ]  # fmt: skip


# Words


def test_every_text_has_the_same_fields_in_the_three_languages() -> None:
    texts = [text for text in vars(words).values() if isinstance(text, Text)]
    assert len(texts) > 100
    for text in texts:
        en, *others = (
            sorted(name for _, name, _, _ in Formatter().parse(text.in_language(language)) if name)
            for language in (Language.EN, Language.ZH_HANT, Language.ZH_HANS)
        )
        assert all(other == en for other in others), text.en


# The command


def run_card(state: Path, *arguments: str) -> str:
    result = CliRunner().invoke(
        tierwise.app, ["card", "--state", str(state), *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_writes_the_card_and_keeps_it_with_the_run_once(
    registered: Registered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("TIERWISE_STORE", "TIERWISE_KEYS"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "cards" / "here"
    for _ in range(2):
        run_card(
            registered.state, "--model", f"{NAME}@champion", "--language", "en", "--folder", str(folder),
            "--record",
        )  # fmt: skip
    names = {f"{NAME}-1.en.html", f"{NAME}-1.en.pdf", f"{NAME}-1.card.json"}
    assert {path.name for path in folder.iterdir()} == names
    client = registry.connect(registered.state)
    run = registered.recorded.run_id
    assert {file.path for file in client.list_artifacts(run, "card")} == {f"card/{name}" for name in names}
    kept = Path(client.download_artifacts(run, f"card/{NAME}-1.en.pdf", str(tmp_path)))
    assert kept.read_bytes() == (folder / f"{NAME}-1.en.pdf").read_bytes()
    description = client.get_model_version(NAME, "1").description or ""
    assert description.count("[card/]") == 1 and "**Reviews**" in description


def test_what_was_written_in_signing_is_in_the_folder_and_not_in_mlflow(
    registered: Registered, tmp_path: Path
) -> None:
    folder, client = tmp_path / "cards", registry.connect(registered.state)
    write_card(registered.recorded, SIGNED, CardLanguage.ZH_HANT, folder, True, registered.state)
    kept = Path(client.download_artifacts(registered.recorded.run_id, "card", str(tmp_path)))
    listing, html, pdf = (f"{NAME}-1{end}" for end in (".card.json", ".zh-Hant.html", ".zh-Hant.pdf"))

    def texts(place: Path) -> list[str]:
        pages = PdfReader(io.BytesIO((place / pdf).read_bytes()))
        attached = "".join(part.decode() for parts in pages.attachments.values() for part in parts)
        seen = "".join(page.extract_text() for page in pages.pages)
        return [(place / listing).read_text(), text_of((place / html).read_text()), seen, attached]

    for text in texts(folder):
        assert "ready" in text and "watch #strong[it]" in text
    for text in texts(kept):
        assert "ready" not in text and "strong[it]" not in text and "check</b> failed" not in text
        assert "ann" in text and "bob" in text
    assert words.TEXTS_LEFT_OUT.zh_hant in text_of((kept / html).read_text())
    assert {"findings", "conditions"}.isdisjoint(json.loads((kept / listing).read_text())["signed"][0])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--model", "nobody"], "model nobody: none is registered"),
        (["--model", NAME, "--version", "7"], f"model {NAME}/7: none is registered"),
        (["--model", NAME, "--version", "challenger"], f"model {NAME}@challenger: none is registered"),
        (["--model", f"{NAME}/1", "--version", "1"], "names a version already"),
        (["--model", "x' OR 1=1 --"], "give NAME, NAME@candidate or NAME/VERSION"),
        (["--model", NAME, "--language", "en", "--folder", "taken/x"], "cannot be written there"),
    ],
)
def test_what_cannot_be_written_is_told_in_one_line(
    arguments: list[str],
    reason: str,
    registered: Registered,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("a file")
    for variable in ("TIERWISE_STORE", "TIERWISE_KEYS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("sys.argv", ["tierwise", "card", "--state", str(registered.state), *arguments])
    with pytest.raises(SystemExit) as caught:
        tierwise.main()
    written = capsys.readouterr()
    assert caught.value.code == 2
    assert reason in written.err.splitlines()[-1]


def test_without_a_store_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tierwise", "card", "--state", str(tmp_path / "none"), "--model", "sba"])
    with pytest.raises(SystemExit):
        tierwise.main()
    assert "none is registered" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
