"""Every notebook runs from top to bottom and becomes a page that stands by itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from typer.testing import CliRunner

import tierwise
from models import registry
from tests.mlflow_store import migrated_store, state
from tests.test_cli import told
from training.notebooks import FOLDER, ROOT, read_script, scripts

__all__ = ["migrated_store", "state"]

HEADER = """# ---
# jupyter:
#   kernelspec: {{display_name: Python 3, language: python, name: python3}}
#   tierwise: {{data: {data}}}
# ---

# %% [markdown]
# # A title

# %%
"""


def rendered(folder: Path, output: Path, *names: str) -> str:
    """Execute notebooks by the command, in a process of its own, and return what it printed."""
    command = [sys.executable, "-m", "tierwise", "notebooks", *names]
    ran = subprocess.run(
        [*command, "--folder", str(folder), "--output", str(output)],
        cwd=output,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HOME": str(output)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("name", [path.stem for path in scripts()])
def test_a_notebook_runs_and_its_page_stands_by_itself(name: str, tmp_path: Path) -> None:
    script = read_script(FOLDER / f"{name}.py")
    assert script.title != name
    assert script.may_be_kept
    rendered(FOLDER, tmp_path, name)
    page = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
    assert "<h1 id=" in page and "</html>" in page
    for outside in ("<script", "<link", 'src="http', "@import", "url(http"):
        assert outside not in page
    assert "<table" in page and "data:image/png;base64," in page
    # Nothing of the machine, and nothing of Jupyter's left in the home directory.
    assert str(ROOT) not in page
    assert {path.name for path in tmp_path.iterdir()} <= {f"{name}.html", ".cache", ".config", ".numba"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scripts"
    made.mkdir()
    for name, data in (("public", "public"), ("own", "confidential")):
        (made / f"{name}.py").write_text(HEADER.format(data=data) + "print(6 * 7)\n", encoding="utf-8")
    return made


def test_only_pages_of_public_or_synthetic_data_are_kept_with_a_run(folder: Path, state: Path) -> None:
    version, run = registered(state)
    arguments = ["notebooks", "--folder", str(folder), "--output", str(folder), "--state", str(state)]
    result = CliRunner().invoke(tierwise.app, [*arguments, "--record", f"small/{version}"])
    assert result.exit_code == 0, result.stdout
    assert "public: kept with the run of small/1" in result.stdout
    assert "own: not kept with small/1" in result.stdout
    kept = [file.path for file in registry.connect(state).list_artifacts(run, "notebooks")]
    assert kept == ["notebooks/public.html"]
    assert "Kept with" not in (folder / "public.html").read_text(encoding="utf-8")
    page = registry.connect(state).download_artifacts(run, kept[0], str(state))
    assert "Kept with small/1." in Path(page).read_text(encoding="utf-8")
    assert "42" in (folder / "own.html").read_text(encoding="utf-8")


def test_a_name_means_the_champion_else_the_candidate_of_which_pages_are_kept(
    folder: Path, state: Path
) -> None:
    registered(state)
    arguments = ["notebooks", "own", "--folder", str(folder), "--output", str(folder), "--state", str(state)]
    registry.set_alias("small", "1", registry.CANDIDATE, state)
    for asked in ("small", "small@candidate"):
        result = CliRunner().invoke(tierwise.app, [*arguments, "--record", asked])
        assert result.exit_code == 0 and "own: not kept with small/1" in result.stdout, result.output


def registered(state: Path) -> tuple[str, str]:
    """Return version and run of a registered model that is nothing but a name."""
    client: MlflowClient = registry.connect(state)
    experiment = client.create_experiment("small", f"{registry.artefact_uri(state)}/small")
    run = client.create_run(experiment).info.run_id
    client.create_registered_model("small")
    return str(client.create_model_version("small", f"runs:/{run}/model", run).version), run


def test_a_cell_that_raises_is_named_without_what_it_said(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = HEADER.format(data="public") + "raise KeyError('SECRET-1')\n"
    (folder / "failing.py").write_text(failing, encoding="utf-8")
    arguments = ("notebooks", "failing", "--folder", str(folder), "--output", str(folder))
    monkeypatch.setattr(sys, "argv", ["tierwise", *arguments])
    with pytest.raises(SystemExit) as caught:
        tierwise.main()
    told_of = capsys.readouterr().err
    assert caught.value.code == 2
    assert told_of.splitlines()[-1] == "tierwise: notebook failing: cell 2 raised KeyError"
    assert "SECRET" not in told_of


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["absent"], "there is no notebook absent; there are own, public"),
        (["--folder", "nowhere"], "nowhere: holds no notebooks"),
        (["--record", "small"], "model small: none is registered"),
        (["--record", "a b"], "give NAME, NAME@candidate or NAME/VERSION"),
    ],
    ids=["no notebook", "no folder", "no model", "no name"],
)
def test_what_goes_wrong_is_one_line_and_exit_code_2(
    arguments: list[str],
    reason: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TIERWISE_STATE", str(folder / "state"))
    given = arguments if "--folder" in arguments else [*arguments, "--folder", str(folder)]
    assert reason in told(capsys, monkeypatch, "notebooks", *given)
