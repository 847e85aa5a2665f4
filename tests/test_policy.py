"""A wrong policy is refused in one line that names the file, the place and the reason."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from features.catalog import load_catalog
from features.declaration import DeclarationError
from features.terms import Nature
from models.decision import Scorer
from models.policy import POLICIES, load_policy

CATALOG = load_catalog("customer")
DOCUMENT: dict[str, Any] = yaml.safe_load((POLICIES / "customer.yaml").read_text(encoding="utf-8"))

Change = Callable[[dict[str, Any]], object]


def written(tmp_path: Path, change: Change) -> Path:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


WRONG: dict[str, tuple[Change, str]] = {
    "a missing tier": (
        lambda d: d["tiers"].pop("good"),
        "tiers: give premium, good, general, risk, in this order",
    ),
    "tiers in another order": (
        lambda d: d.update(tiers=dict(reversed(d["tiers"].items()))),
        "tiers: give premium, good, general, risk, in this order",
    ),
    "an unknown tier": (lambda d: d["tiers"].update(gold=d["tiers"]["good"]), "tiers.gold"),
    "rising cut-offs": (lambda d: d["tiers"]["good"].update(cut_off=80), "the cut-offs must fall"),
    "a cut-off of 100": (lambda d: d["tiers"]["premium"].update(cut_off=100), "tiers.premium.cut_off"),
    "falling probabilities": (
        lambda d: d["tiers"]["good"].update(probability=0.01),
        "the probabilities must rise",
    ),
    "a probability of 0": (
        lambda d: d["tiers"]["premium"].update(probability=0),
        "tiers.premium.probability",
    ),
    "no cut-off": (lambda d: d["tiers"]["good"].pop("cut_off"), "each need a cut_off and a probability"),
    "a cut-off of risk": (lambda d: d["tiers"]["risk"].update(cut_off=10), "tiers.risk: has no cut_off"),
    "no strategies": (lambda d: d["tiers"]["good"].update(strategies=[]), "tiers.good.strategies"),
    "a text in two languages": (
        lambda d: d["tiers"]["good"]["names"].pop("zh-Hans"),
        "tiers.good.names.zh-Hans",
    ),
    "an empty text": (lambda d: d["names"].update(en=""), "names.en"),
    "a weight above 1": (lambda d: d.update(model_weight=1.01), "model_weight: must lie between 0 and 1"),
    "a weight of an unknown nature": (lambda d: d.update(model_weight={"nobody": 0.5}), "model_weight"),
    "missing that pays": (lambda d: d.update(missing_points=61), "missing never pays"),
    "a reference above 100": (lambda d: d.update(reference_points=101), "reference_points"),
    "completeness out of order": (
        lambda d: d["completeness"].update(rated=0.9),
        "completeness: rated must not ask",
    ),
    "completeness in percent": (lambda d: d["completeness"].update(premium=80), "completeness.premium"),
    "a floor above 100": (
        lambda d: d["premium_floors"]["floors"].update(credit=750),
        "premium_floors.floors.credit",
    ),
    "a substitute below 0": (
        lambda d: d["premium_floors"]["substitutes"]["government"]["financial"].update(credit=-1),
        "premium_floors.substitutes.government.financial.credit",
    ),
    "a veto twice": (lambda d: d["vetoes"].append(d["vetoes"][0]), "vetoes: an id is given twice"),
    "a condition of two tests": (
        lambda d: d["vetoes"][0]["when"].update(above=1),
        "vetoes.0.when: give exactly one",
    ),
    "a condition of no level": (
        lambda d: d["vetoes"][0]["when"].update({"is": []}),
        "vetoes.0.when: is: give",
    ),
    "a number as text": (lambda d: d.update(missing_points="40"), "missing_points"),
    "not a number": (lambda d: d.update(missing_points=float("nan")), "missing_points"),
    "an unknown key": (lambda d: d.update(cutoffs=[1]), "cutoffs"),
    "no outcome": (lambda d: d.pop("outcome"), "outcome"),
    "a version of 0": (lambda d: d.update(version=0), "version"),
}


@pytest.mark.parametrize(("change", "reason"), WRONG.values(), ids=WRONG)
def test_a_wrong_policy_is_refused_with_file_place_and_reason(
    tmp_path: Path, change: Change, reason: str
) -> None:
    file = written(tmp_path, change)
    with pytest.raises(DeclarationError) as caught:
        load_policy(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: ")
    assert reason in message
    assert "\n" not in message


MISFITS: dict[str, tuple[Change, str]] = {
    "a floor on no dimension": (
        lambda d: d["premium_floors"]["floors"].update(charm=70),
        "no dimension charm",
    ),
    "a substitute for no dimension": (
        lambda d: d["premium_floors"]["substitutes"]["government"].update(charm={"credit": 80}),
        "no dimension charm",
    ),
    "a substitute by no dimension": (
        lambda d: d["premium_floors"]["substitutes"]["government"]["financial"].update(charm=80),
        "no dimension charm",
    ),
    "a veto on no indicator": (
        lambda d: d["vetoes"][0]["when"].update(indicator="charm"),
        "veto insolvency_filing: condition on unknown indicator charm",
    ),
    "a veto on no level": (
        lambda d: d["vetoes"][3]["when"].update({"is": ["gone"]}),
        "veto registration_lost: registration_status has no level gone",
    ),
    "a veto of another kind": (
        lambda d: d["vetoes"][0].update(when={"indicator": "insolvency_filing", "above": 3}),
        "veto insolvency_filing: the condition does not fit insolvency_filing, a flag",
    ),
}


@pytest.mark.parametrize(("change", "reason"), MISFITS.values(), ids=MISFITS)
def test_a_policy_that_does_not_fit_the_catalog_is_refused(
    tmp_path: Path, change: Change, reason: str
) -> None:
    with pytest.raises(DeclarationError, match=f"^policy customer: .*{reason}"):
        Scorer(CATALOG, load_policy(written(tmp_path, change)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("policy: customer\npolicy: other\n", "line 2: key 'policy' is given twice"),
        ("policy: [", "is no YAML"),
        ("", "must be"),
        ("- 1\n", "must be"),
    ],
)
def test_a_file_that_is_no_policy_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError, match=reason) as caught:
        load_policy(file)
    assert str(caught.value).startswith(str(file))


def test_a_file_that_is_absent_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="cannot be read"):
        load_policy(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"policy: caf\xe9\n")
    with pytest.raises(DeclarationError, match="save it as UTF-8"):
        load_policy(tmp_path / "latin.yaml")


def test_the_hash_follows_the_content_and_not_the_layout(tmp_path: Path) -> None:
    same = written(tmp_path, lambda d: None)
    assert load_policy(same).hash == load_policy("customer").hash
    other = written(tmp_path, lambda d: d.update(missing_points=41))
    assert load_policy(other).hash != load_policy("customer").hash


def test_weights_and_references_may_differ_by_nature(tmp_path: Path) -> None:
    weights = {"enterprise": 0.7}
    references = {str(nature): 50 + 10 * place for place, nature in enumerate(Nature)}
    policy = load_policy(
        written(tmp_path, lambda d: d.update(model_weight=weights, reference_points=references))
    )
    assert [policy.model_weight_for(nature) for nature in Nature] == [0.7, 0, 0, 0]
    assert [policy.reference_for(nature) for nature in Nature] == [50, 60, 70, 80]
