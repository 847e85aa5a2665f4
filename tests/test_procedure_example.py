"""The default procedure as a file: read as what it shows, every setting explained; wrong keys are told."""

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from features.declaration import DeclarationError, known_names
from features.terms import Text
from serving.event_request import example_events, parse_event
from serving.procedure import Procedure, load_procedure
from serving.procedure_example import comments_of, example_procedure
from serving.reviews.adoptions import hash_of, procedure_content, same_procedure
from tierwise import app


def test_the_example_is_the_default_procedure(tmp_path: Path) -> None:
    file = tmp_path / "procedure.yaml"
    run = CliRunner()
    assert run.invoke(app, ["procedure", "example", "--file", str(file)]).exit_code == 0
    read = load_procedure(file)
    assert (read.hash, same_procedure(read, Procedure())) == (Procedure().hash, True)
    assert file.read_text("utf-8") == example_procedure() == run.invoke(app, ["procedure", "example"]).stdout
    assert "does what the defaults do" in run.invoke(app, ["procedure", "check", str(file)]).stdout
    file.write_text(example_procedure().replace("\nmargin: 3.0\n", "\nmargin: 5.0\n"), "utf-8")
    said = run.invoke(app, ["procedure", "check", str(file)]).stdout
    assert "differs from the defaults in margin" in said
    # By the hash that it is adopted by.
    assert f"Hash {hash_of(procedure_content(load_procedure(file)))[:12]}." in said


def kinds_in(annotation: Any) -> set[type[BaseModel]]:
    """Return the declared classes of settings that a class has within it, itself included."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation is Text:
            return set()
        within = [kinds_in(field.annotation) for field in annotation.model_fields.values()]
        return {annotation}.union(*within)
    return set().union(*(kinds_in(of) for of in get_args(annotation)))


@pytest.mark.parametrize("kind", sorted(kinds_in(Procedure), key=str), ids=lambda kind: kind.__name__)
def test_every_setting_is_explained(kind: type[BaseModel]) -> None:
    assert set(kind.model_fields) == set(comments_of(kind))
    text = example_procedure()
    for name in known_names(kind):
        assert f"{name}: " in text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("margins: {rise: 5}", "margins: is unknown; did you mean margin?"),
        ("notices: {senders: a}", "notices.senders: is unknown; did you mean sender?"),
        ("strategies: {tiers: {risk: [{idd: x}]}}", "tiers.risk.0.idd: is unknown; did you mean id?"),
        ("approvals: {qwx: 1}", "is unknown; known are ordinary, to_premium, governance"),
        ("events: {flood: {name: x}}", "events.flood.name: is unknown; did you mean names?"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_told_with_the_nearest_that_is_known(
    tmp_path: Path, text: str, reason: str
) -> None:
    file = tmp_path / "procedure.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(DeclarationError) as caught:
        load_procedure(file)
    assert reason in str(caught.value)


def test_the_example_events_are_read_one_of_each_type() -> None:
    lines = CliRunner().invoke(app, ["event", "example"]).stdout.splitlines()
    told = [parse_event(line.encode()) for line in lines]
    assert [event.type for event in told] == list(Procedure().events)
    assert len({event.event_id for event in told}) == len(told) == len(example_events(Procedure()))
