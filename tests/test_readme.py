"""The README says what is true: its request is answered as it shows, its commands and links exist."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from features.catalog import load_catalog
from features.customer import parse_customer
from features.portfolio import Portfolio
from models.answer import answer
from models.decision import Scorer
from models.policy import load_policy
from serving.next_tier import NextTier
from serving.served import Served
from tests.test_cli import run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def shown_number(name: str) -> float:
    """Return the number that the README's answer shows for a key."""
    found = re.search(rf'"{name}": (-?[\d.e-]+)', README)
    assert found, name
    return float(found.group(1))


def test_the_request_is_answered_as_the_readme_shows() -> None:
    body = README.split("-d '\n", 1)[1].split("'\n```", 1)[0]
    (raw,) = json.loads(body)["customers"]
    catalog, policy = load_catalog("sba"), load_policy("sba")
    decisions = Scorer(catalog, policy).decide(
        Portfolio.from_customers([parse_customer(raw, catalog)], catalog)
    )
    answered = answer(decisions, 0)
    baseline = re.search(r'"baseline": \{"score": ([\d.]+)', README)
    assert baseline and float(baseline.group(1)) == pytest.approx(answered["baseline"]["score"], abs=1e-9)
    assert shown_number("completeness") == answered["completeness"]
    assert f'"policy_hash": "{policy.hash}"' in README
    assert f'"catalog_hash": "{catalog.hash}"' in README


def test_the_answer_shown_adds_up() -> None:
    points = re.findall(r'\{"dimension": "\w+", "points": (-?[\d.e-]+)\}', README)
    assert len(points) == 5
    assert shown_number("base") + sum(map(float, points)) == pytest.approx(shown_number("score"), abs=1e-9)


def test_the_path_shown_is_the_one_that_is_found() -> None:
    raw = json.loads(README.split("<<'EOF'\n", 1)[1].split("EOF\n", 1)[0])
    shown = json.loads(README.split("]]] -->\n```json\n", 1)[1].split("```", 1)[0])
    found = NextTier(Served(Scorer(load_catalog("sba"), load_policy("sba")), None)).answer_raw(raw)
    assert shown["reasons"] == found["reasons"]
    assert shown["reached"]["score"] == pytest.approx(found["reached"]["score"] if found["reached"] else None)


def test_every_command_of_the_readme_exists() -> None:
    usage = subprocess.run(
        ["sh", str(ROOT / "run"), "help"], capture_output=True, text=True, check=True
    ).stdout
    for command in set(re.findall(r"\./run (\w+)", README)):
        assert re.search(rf"\b{command}\b", usage), command


@pytest.mark.parametrize(
    "line",
    sorted({line.strip() for line in re.findall(r"^\s*\./run (?:tierwise|serve) [^`\n]+$", README, re.M)}),
)
def test_every_option_of_the_readme_exists(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line, comments=True)[1:]
    if words[0] == "tierwise":
        words = words[1:]
    groups = {
        "catalog", "policy", "store", "access", "keys", "customer", "audit", "case",
        "notice", "procedure", "adopt", "outcome", "inspect", "reasons",
    }  # fmt: skip
    command = words[: 2 if words[0] in groups else 1]
    monkeypatch.setenv("COLUMNS", "200")
    usage = run(*command, "--help")
    for option in (word for word in words if word.startswith("--") and word != "--help"):
        assert option in usage, option


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_walk_forward_shown_is_the_one_recorded_last() -> None:
    lines = (ROOT / "benchmarks" / "walkforward_runs.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    means = [
        re.findall(r"\*\*([\d.]+)\*\*", line) for line in README.splitlines() if line.startswith("| mean")
    ]
    auc, log_loss = ([float(figure) for figure in line] for line in means)
    scorers = (
        "model",
        "baseline",
        "logistic_regression",
        "best_single_indicator",
        "unconstrained_LightGBM",
        "baseline_of_todays_catalog",
    )
    assert auc == [last[f"auc_{scorer}"] for scorer in scorers]
    assert log_loss == [last[f"log_loss_{scorer}"] for scorer in scorers]
