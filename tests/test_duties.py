"""What docs/duties.md names as evidence is there: files, commands, fields, sections."""

import re
from pathlib import Path

import pytest
import typer

import tierwise
from features.catalog import load_catalog
from features.portfolio import Portfolio
from models.answer import answer
from models.decision import Scorer
from models.policy import load_policy
from tests.strategies import random_portfolio

ROOT = Path(__file__).parent.parent
DUTIES = (ROOT / "docs" / "duties.md").read_text(encoding="utf-8")
CODE = re.findall(r"`([^`\n]+)`", DUTIES)


def test_every_file_and_folder_that_is_named_exists() -> None:
    named = {
        code for code in CODE if re.fullmatch(r"(?:features|models|training|serving|tests)/[\w/.]+", code)
    }
    assert len(named) > 25
    assert not [path for path in named if not (ROOT / path).exists()]


@pytest.mark.parametrize("command", sorted({code for code in CODE if code.startswith("./run ")}))
def test_every_command_that_is_named_exists(command: str) -> None:
    words = command.removeprefix("./run ").split()
    if words[0] != "tierwise":
        assert re.search(rf"^{words[0]}[)| ]", (ROOT / "run").read_text(encoding="utf-8"), re.M)
        return
    found: typer.core.TyperCommand | typer.core.TyperGroup = typer.main.get_command(tierwise.app)  # type: ignore[assignment]
    for word in words[1:]:
        if not isinstance(found, typer.core.TyperGroup):
            break
        found = found.commands[word]  # type: ignore[assignment]
    assert not isinstance(found, typer.core.TyperGroup)
    options = {name for parameter in found.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_field_of_an_answer_that_is_named_is_in_one() -> None:
    catalog, policy = load_catalog("customer"), load_policy("customer")
    portfolio: Portfolio = random_portfolio(catalog, 1, seed=3)
    fields = answer(Scorer(catalog, policy).decide(portfolio), 0).keys()
    for field in (
        "contributions",
        "reasons",
        "score",
        "tier_basis",
        "tier_kind",
        "completeness",
        "baseline",
        "model",
    ):
        assert f"`{field}`" in DUTIES and field in fields


def test_every_section_that_is_linked_to_is_there() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", DUTIES, re.M)
    }
    linked = set(re.findall(r"\]\(#([^)]+)\)", DUTIES))
    assert linked and linked <= headings


def test_what_was_not_confirmed_is_said() -> None:
    """Each citation of the duties stands in the table that says how it was confirmed."""
    duties, table = DUTIES.split("## How each citation was confirmed")
    for citation in (
        "SR 26-2",
        "SR 11-7",
        "C-634/21",
        "C-203/22",
        "Art. 22",
        "Annex III",
        "Art. 86",
        "Art. 24",
    ):
        assert citation in duties and citation in table, citation
    assert "1002.9" in duties and "1002.9" in table
    steadiness = (ROOT / "serving" / "reviews" / "steadiness.py").read_text(encoding="utf-8")
    assert "EBA/GL/2016/07" in steadiness and "EBA/GL/2016/07" in table
