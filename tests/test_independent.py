"""What is served agrees with the independent recomputation, and every planted defect is caught."""

import ast
import json
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.terms import Nature
from models.artefact import Model, category_codes
from models.calibration import Calibration
from models.compilation import compile_boosters
from models.points import PointsTables, Table
from models.policy import Policy
from models.scale import Scale
from tests.checked import VERSION, Version, tampered, version, with_tables
from training import independent
from training.independent import NotCheckable, Report, Verdict
from training.independent.findings import Finding
from training.independent.names import NAMES

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def found() -> Version:
    return version()


@pytest.fixture(scope="module")
def sound(found: Version) -> Report:
    return found.checked(customers=40)


def of(report: Report, id_: str) -> Finding:
    (finding,) = [finding for finding in report.findings if finding.id == id_]
    return finding


# What is sound


def test_the_sound_version_passes_to_rounding(sound: Report) -> None:
    assert sound.failed() == ()
    assert sound.verdict is Verdict.PASSED
    assert sound.subject.model_version == VERSION
    assert sound.subject.customers == 40 and sound.subject.variants == 22
    for finding in sound.findings:
        assert finding.rows > 0 and finding.values > 0, finding.id
        assert finding.largest is None or finding.largest < 1e-9, finding.id


def test_what_is_compared_is_what_has_a_name_in_that_order(sound: Report) -> None:
    # shapiq is asked where it is right alone.
    found = [(finding.id, finding.name) for finding in sound.findings if finding.id != "shapiq"]
    assert found == [named for named in NAMES.items() if named[0] != "shapiq"]


def test_every_part_of_an_answer_is_compared_on_every_customer(sound: Report) -> None:
    everybody, modelled = 62, sound.subject.with_model
    assert 20 < modelled < everybody
    for id_ in (
        "identity",
        "score",
        "contributions",
        "lines",
        "tiers",
        "tier_basis",
        "dimensions",
        "reasons",
    ):
        assert of(sound, id_).rows == everybody
    for id_ in ("shap_values", "prior", "log_odds", "probability", "model_points", "tables", "brute_force"):
        assert of(sound, id_).rows == modelled
    assert of(sound, "facts_missing").values > 0
    assert of(sound, "refusals").rows > 10


def test_the_awkward_customers_meet_every_rule_and_status(found: Version) -> None:
    """Nothing is compared in vain: missing, unseen, set aside, every rule and tier turn up."""
    seen: dict[str, set[str]] = {"rule": set(), "status": set(), "tier": set(), "review": set()}

    def look(answer: dict[str, Any]) -> None:
        seen["rule"] |= {line["rule"] for line in answer["tier_basis"]}
        seen["status"] |= {line["status"] for line in answer["contributions"]}
        seen["tier"].add(answer["tier"])
        seen["review"] |= {flag.partition(":")[0] for flag in answer["review"]}

    report = found.checked(tampered(found.ask(), look), customers=60)
    assert report.verdict is Verdict.PASSED, report.failed()
    assert seen["status"] == {"known", "unseen", "missing", "not_applicable"}
    assert seen["tier"] == {"premium", "good", "general", "risk", "unrated"}
    assert seen["rule"] >= {"score", "premium_floor", "completeness_for_rating", "veto"}
    assert seen["review"] == {
        "baseline_and_model_disagree", "level_not_in_catalog", "set_aside_as_not_applicable"
    }  # fmt: skip


def test_the_document_holds_counts_and_differences_and_no_customers_value(
    found: Version, sound: Report
) -> None:
    document = json.loads(sound.document())
    assert document["verdict"] == "passed"
    assert len(document["findings"]) == len(sound.findings)
    text = sound.document() + "\n".join(sound.told()) + str(sound.rows()) + sound.title
    for raw in found.customers[:40]:
        assert raw["customer_id"] not in text
        for value in raw["indicators"].values():
            if isinstance(value, float) and len(str(value)) > 6:
                assert str(value) not in text


def test_direct_perturbation_is_reported_by_sign_and_fails_nothing(sound: Report) -> None:
    missing, usual = sound.perturbed
    assert (missing.change, usual.change) == ("missing", "usual")
    for change in sound.perturbed:
        assert 0 < change.agreeing + change.unmoved <= change.asked
    assert usual.share > 0.8


def test_of_few_customers_no_perturbation_is_told(found: Version) -> None:
    assert found.checked(customers=8).perturbed == ()


def test_infinite_values_among_the_customers_must_be_refused(found: Version) -> None:
    raw = {**found.customers[0], "indicators": {**found.customers[0]["indicators"], "margin": math.inf}}
    widened = replace(found, customers=[raw, *found.customers[:8]])
    report = widened.checked(customers=9)
    assert report.verdict is Verdict.PASSED
    assert report.subject.customers == 8
    assert of(report, "refusals").rows == of(found.checked(customers=8), "refusals").rows + 1


def test_a_scorer_that_takes_what_it_must_refuse_is_caught(found: Version) -> None:
    ask = found.ask()

    def lenient(body: bytes) -> tuple[int, bytes]:
        return ask(body) if b"Infinity" not in body else (200, b'{"results": [{}]}')

    assert found.checked(lenient).failed() == ("refusals",)


# Defects in the registered document, from which the answers follow


def negated(tables: PointsTables, place: int) -> PointsTables:
    changed = list(tables.tables)
    changed[place] = Table(changed[place].axes, -changed[place].contributions)
    return replace(tables, tables=tuple(changed))


def strongest(tables: PointsTables) -> int:
    return int(np.argmax([np.abs(table.contributions).max() for table in tables.tables]))


def stale(model: Model) -> PointsTables:
    """Put a table of the former training in the place of the present one."""
    former = {table.features: table for table in version(seed=4).model.correction.tables}
    changed = list(model.correction.tables)
    place = next(i for i, table in enumerate(changed) if table.features in former)
    changed[place] = former[changed[place].features]
    return replace(model.correction, tables=tuple(changed))


def of_first_bag(found: Version) -> PointsTables:
    features = found.model.correction.features
    return compile_boosters(found.boosters[:1], features, category_codes(found.catalog, features))


DOCUMENTS: dict[str, tuple[Callable[[Version], Model], str]] = {
    "a table with its sign swapped": (
        lambda v: with_tables(v.model, correction=negated(v.model.correction, strongest(v.model.correction))),
        "tables",
    ),
    "a stale table": (lambda v: with_tables(v.model, correction=stale(v.model)), "tables"),
    "all tables of a former training": (
        lambda v: with_tables(v.model, correction=version(seed=4).model.correction), "tables",
    ),
    "another base": (
        lambda v: with_tables(v.model, correction=replace(v.model.correction, base=0.0)), "tables",
    ),
    "the first bag alone": (lambda v: with_tables(v.model, correction=of_first_bag(v)), "tables"),
    "no prior where one was trained": (
        lambda v: with_tables(v.model, prior=replace(v.model.prior, tables=())), "with_prior",
    ),
    "a prior against its direction": (
        lambda v: with_tables(v.model, prior=negated(v.model.prior, 0)), "prior_directions",
    ),
    "a map of another policy": (
        lambda v: replace(v.model, scale=Scale(v.model.scale.log_odds, (63.0, 55.0, 48.0))), "scale",
    ),
    "boosters that are fewer than trained": (
        lambda v: replace(v.model, training={**v.model.training, "bags": 3}), "bags",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_defect_of_the_document_is_caught(found: Version, name: str) -> None:
    change, where = DOCUMENTS[name]
    model = change(found)
    report = found.checked(found.ask(model), found.documents(model))
    assert report.verdict is Verdict.FAILED
    assert where in report.failed()


# Answers by another model or policy than the registered one

SERVED: dict[str, tuple[Callable[[Version], Model], tuple[str, ...]]] = {
    "a prior left out": (
        lambda v: with_tables(v.model, prior=replace(v.model.prior, tables=())),
        ("prior", "shap_values", "log_odds", "probability", "contributions"),
    ),
    "a prior of a former training": (
        lambda v: with_tables(v.model, prior=version(seed=4).model.prior), ("prior", "shap_values"),
    ),
    "a stale table": (
        lambda v: with_tables(v.model, correction=stale(v.model)), ("shap_values", "log_odds"),
    ),
    "another calibration": (
        lambda v: replace(v.model, calibration=Calibration(-0.2, 0.900002)), ("log_odds", "shap_values"),
    ),
    "another level": (
        lambda v: replace(v.model, calibration=Calibration(-0.1999, 0.9)), ("log_odds", "reference"),
    ),
    "the first bag alone": (
        lambda v: with_tables(v.model, correction=of_first_bag(v)), ("shap_values", "log_odds"),
    ),
    "a model for another nature too": (
        lambda v: replace(v.model, natures=(Nature.ENTERPRISE, Nature.INDIVIDUAL)), ("score", "tiers"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SERVED)
def test_answers_of_another_model_are_caught(found: Version, name: str) -> None:
    change, where = SERVED[name]
    report = found.checked(found.ask(change(found)))
    assert set(where) <= set(report.failed())


POLICIES: dict[str, tuple[dict[str, Any], str]] = {
    "another reference": ({"reference_points": 58.0}, "reference"),
    "other missing points": ({"missing_points": 41.0}, "facts_missing"),
    "another share of the model": ({"model_weight": 0.51}, "score"),
    "another version": ({"version": 2}, "identity"),
}


@pytest.mark.parametrize("name", POLICIES)
def test_answers_by_another_policy_are_caught(found: Version, name: str) -> None:
    changes, where = POLICIES[name]
    document = found.policy.model_dump(mode="json", by_alias=True) | changes
    report = found.checked(found.ask(policy=Policy.model_validate_json(json.dumps(document))))
    assert {where, "identity"} <= set(report.failed())


# Answers that were changed, most of them so that all still adds up


def worst(answer: dict[str, Any]) -> dict[str, Any]:
    return max(answer["contributions"], key=lambda line: abs(line["points"]))


def moved(answer: dict[str, Any], points: float) -> None:
    """Move points from the last line to the first, and with them the sums."""
    lines = answer["contributions"]
    for line, change in ((lines[0], points), (lines[-1], -points)):
        line["points"] += change
        for of_what in ("group", "dimension"):
            for whole in answer[f"{of_what}s"]:
                if whole[of_what] == line[of_what]:
                    whole["points"] += change


def explained_by(model: Model, found: Version) -> Callable[[dict[str, Any]], None]:
    """Explain by another model, rescaled to the score that is served."""
    ask = found.ask(model)

    def change(answer: dict[str, Any]) -> None:
        raw = {
            **{name: answer[name] for name in ("customer_id", "nature", "as_of")},
            "indicators": {
                line["indicator"]: line["value"]
                for line in answer["contributions"]
                if line["value"] is not None
            },
        }
        status, body = ask(json.dumps({"customers": [raw]}).encode())
        assert status == 200
        (other,) = json.loads(body)["results"]
        wanted = answer["score"] - answer["base"]
        given = sum(line["points"] for line in other["contributions"])
        for line in other["contributions"]:
            line["points"] *= wanted / given
        answer["contributions"] = other["contributions"]

    return change


def swap_reasons(answer: dict[str, Any]) -> None:
    answer["reasons"][-2:] = answer["reasons"][:-3:-1]


def swap_sign(answer: dict[str, Any]) -> None:
    worst(answer)["log_odds"] *= -1


def rest_on_another_rule(answer: dict[str, Any]) -> None:
    answer["tier_basis"][0]["rule"] = "veto"


def rest_on_nothing_more(answer: dict[str, Any]) -> None:
    del answer["tier_basis"][-1]


def another_cut_off(answer: dict[str, Any]) -> None:
    answer["tier_basis"][0]["required"] = 61.0


def another_tier(answer: dict[str, Any]) -> None:
    answer["tier"] = "good" if answer["tier"] == "general" else "general"


def wrong_dimension_sum(answer: dict[str, Any]) -> None:
    """The sum of the dimensions stays right."""
    answer["dimensions"][0]["points"] += 0.01
    answer["dimensions"][1]["points"] -= 0.01


def wrong_reference(answer: dict[str, Any]) -> None:
    """Start elsewhere, and let the last indicator make up for it."""
    answer["base"] += 0.5
    answer["contributions"][-1]["points"] -= 0.5


def other_points_in_a_reason(answer: dict[str, Any]) -> None:
    answer["reasons"] = [text.replace(" by ", " by 1") for text in answer["reasons"]]
    answer["reasons"] = [text.replace("分", "点") for text in answer["reasons"]]


def other_value(answer: dict[str, Any]) -> None:
    line = next(line for line in answer["contributions"] if isinstance(line["value"], float | None))
    line["value"] = 0.125


def nothing_to_review(answer: dict[str, Any]) -> None:
    answer["review"] = [*answer["review"], "another"]


def last_in_first(answer: dict[str, Any]) -> None:
    answer["contributions"].reverse()


def no_reasons(answer: dict[str, Any]) -> None:
    del answer["reasons"]


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "a swapped sign": (swap_sign, "shap_values"),
    "two millionths of a point moved": (lambda a: moved(a, 2e-6), "contributions"),
    "reasons swapped": (swap_reasons, "reasons"),
    "reasons of other points": (other_points_in_a_reason, "reasons"),
    "no reasons": (no_reasons, "reasons"),
    "a wrong sum of a dimension": (wrong_dimension_sum, "dimensions"),
    "a wrong reference": (wrong_reference, "reference"),
    "another rule": (rest_on_another_rule, "tier_basis"),
    "the last rule left out": (rest_on_nothing_more, "tier_basis"),
    "another cut-off": (another_cut_off, "tier_facts"),
    "another tier": (another_tier, "tiers"),
    "another value": (other_value, "lines"),
    "indicators in another order": (last_in_first, "lines"),
    "another flag": (nothing_to_review, "review"),
    "another probability": (lambda a: a.update(probability=a["probability"] + 2e-6), "probability"),
    "another score": (lambda a: a.update(score=a["score"] + 1e-8), "sum"),
    "another version": (lambda a: a.update(model_version="synthetic/6"), "identity"),
    "another completeness": (lambda a: a.update(completeness=0.5), "completeness"),
    "another strategy": (lambda a: a.update(strategies=["none"]), "strategies"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_answer_is_caught(found: Version, name: str) -> None:
    change, where = CHANGES[name]
    report = found.checked(tampered(found.ask(), change))
    assert where in report.failed()
    assert of(report, where).differing > 0


EXPLANATIONS: dict[str, tuple[Callable[[Version], Model], str]] = {
    "the first bag explains the mean of all": (
        lambda v: with_tables(v.model, correction=of_first_bag(v)), "shap_values",
    ),
    "the boosters explain alone, without the prior": (
        lambda v: with_tables(v.model, prior=replace(v.model.prior, tables=())), "prior",
    ),
    "a former training explains": (lambda v: with_tables(v.model, correction=stale(v.model)), "shap_values"),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPLANATIONS)
def test_a_right_score_with_another_models_reasons_is_caught(found: Version, name: str) -> None:
    """Score, tier and probability stay right, and the contributions add up to the score."""
    other, where = EXPLANATIONS[name]
    report = found.checked(tampered(found.ask(), explained_by(other(found), found)))
    failed = report.failed()
    assert {where, "contributions", "shap_values"} <= set(failed)
    assert not {"score", "probability", "tiers", "model_points", "reference"} & set(failed)


def test_a_failed_check_names_the_indicator_and_no_value(found: Version) -> None:
    report = found.checked(tampered(found.ask(), lambda a: moved(a, 0.25)))
    finding = of(report, "contributions")
    assert finding.where in {line.id for line in found.catalog.placed}
    assert finding.largest == pytest.approx(0.25)
    (row,) = [row for row in report.rows() if row[0] == finding.name]
    told = f"failed: {finding.differing} of {finding.rows} rows differ, most at {finding.where}"
    assert row[-1] == told


# What cannot be checked


def test_what_cannot_be_checked_is_one_line(found: Version) -> None:
    documents = found.documents()
    individuals = [raw for raw in found.customers if raw["nature"] == "individual"]
    cut = documents.boosters[0].replace("leaf_count=", "leaf_counts=")
    for changed, customers, reason in (
        (replace(documents, boosters=()), found.customers, "keeps no boosters"),
        (replace(documents, boosters=(cut,)), found.customers, "tree 0 is"),
        (replace(documents, artefact=documents.artefact.replace(b"0.9", b"0.8")), found.customers, "SHA-256"),
        (replace(documents, artefact=b"no"), found.customers, "no JSON"),
        (documents, individuals, "no customer has a nature that has a model"),
        (replace(documents, catalog=b"[]"), found.customers, "no JSON object"),
    ):
        with pytest.raises(NotCheckable, match=reason) as caught:
            independent.check(changed, customers, found.ask())
        assert "\n" not in str(caught.value)


def test_a_scorer_that_fails_is_told_with_its_reason(found: Version) -> None:
    body = b'{"error": {"customer": null, "field": "unexplained_score", "reason": "no sum"}}'
    with pytest.raises(NotCheckable, match="answers 500: unexplained_score: no sum"):
        found.checked(lambda _: (500, body))
    with pytest.raises(NotCheckable, match="answers 200: without a reason"):
        found.checked(lambda _: (200, b"<html>"))


# Independence


def test_nothing_of_the_product_is_imported_but_what_prints() -> None:
    allowed = {"lightgbm", "numpy", "shap", "shapiq", *sys.stdlib_module_names}
    for file in (ROOT / "training" / "independent").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module or ""]
            for name in names:
                own = name.startswith("training.independent")
                printing = file.name == "commands.py" and name == "features.terminal"
                assert own or printing or name.partition(".")[0] in allowed, f"{file.name}: {name}"
