"""The registry gives back the bytes that were registered, or says in one line what to do."""

import hashlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from models import registry
from tests.mlflow_store import migrated_store, state

__all__ = ["migrated_store", "state"]

ARTEFACT = b'{"points": [1, 2, 3]}'
CATALOG, POLICY = b'{"catalog": "sba"}', b'{"policy": "sba"}'


def store(state: Path, artefact: bytes, declared: bytes | None = None) -> str:
    """Log a bare model and run that hold the documents, register it as `sba`, and return its version."""
    client = registry.connect(state)
    found = client.get_experiment_by_name("sba")
    experiment = (
        found.experiment_id if found else client.create_experiment("sba", registry.artefact_uri(state))
    )
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, CATALOG.decode(), registry.RUN_CATALOG_PATH)
    client.log_text(run_id, POLICY.decode(), registry.RUN_POLICY_PATH)
    model = client.create_logged_model(experiment, "sba", run_id)
    folder = state / "outbox" / "artifacts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "points.json").write_bytes(artefact)
    client.log_model_artifacts(model.model_id, str(folder.parent))
    client.finalize_logged_model(model.model_id, "READY")
    digest = hashlib.sha256(artefact if declared is None else declared).hexdigest()
    return registry.register(model.model_id, "sba", digest, state=state)


def stored(state: Path, name: str = "points.json") -> Path:
    """Return the one file of that name in the store."""
    (path,) = (state / "artifacts").rglob(name)
    return path


def test_the_champions_documents_and_version_come_back(state: Path) -> None:
    assert store(state, b"first") == "1"
    version = store(state, ARTEFACT)
    registry.set_alias("sba", version, registry.CHAMPION, state)
    assert registry.load_documents("sba", state) == registry.ModelDocuments(
        "sba", "2", "champion", ARTEFACT, CATALOG, POLICY
    )
    assert registry.model_version("sba", version) == "sba/2"
    registry.set_alias("sba", "1", registry.CHAMPION, state)
    first = registry.load_documents("sba", state)
    assert (first.version, first.artefact) == ("1", b"first")


def test_a_name_means_the_champion_and_without_one_the_newest_candidate(state: Path) -> None:
    versions = [store(state, artefact) for artefact in (b"one", b"two", b"three")]
    registry.set_alias("sba", versions[1], registry.CANDIDATE, state=state)

    def found(asked: str) -> tuple[str, str | None]:
        documents = registry.load_documents(asked, state)
        assert registry.resolve(asked, state) == ("sba", documents.version)
        return documents.version, documents.alias

    assert found("sba") == ("2", "candidate")
    registry.set_alias("sba", versions[0], registry.CHAMPION, state=state)
    assert [found(asked) for asked in ("sba", "sba@candidate", "sba/3")] == [
        ("1", "champion"), ("2", "candidate"), ("3", None),
    ]  # fmt: skip
    registry.remove_alias("sba", registry.CHAMPION, state)
    assert found("sba") == ("2", "candidate")


@pytest.mark.parametrize("asked", ["sba/9", "sba@challenger", "absent", "absent/1"])
def test_what_is_not_registered_is_named_as_it_was_asked_for(state: Path, asked: str) -> None:
    store(state, ARTEFACT)
    with pytest.raises(
        registry.RegistryError, match=f"^model {asked}: none is registered in .*tierwise train"
    ):
        registry.load_documents(asked, state)


@pytest.mark.parametrize("asked", ["", "SBA", "sba@", "sba/", "sba/0", "sba/x", "sba@a@b", "a' OR '1'='1"])
def test_a_reference_that_is_none_is_refused_before_anything_is_opened(tmp_path: Path, asked: str) -> None:
    with pytest.raises(registry.RegistryError, match="give NAME, NAME@candidate or NAME/VERSION"):
        registry.load_documents(asked, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_name_and_version_are_read_off_what_answers_say() -> None:
    assert registry.name_and_version("sba/12") == ("sba", "12")
    for other in (None, "sba", "points", "sba as of 2010-01-01", "sba@champion"):
        assert registry.name_and_version(other) is None


def test_without_a_store_nothing_is_made_and_the_command_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(registry.RegistryError, match=r"none is registered in .*; run `tierwise train`"):
        registry.load_documents("sba", tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_and_an_alias_never_set_say_what_to_run(state: Path) -> None:
    with pytest.raises(registry.RegistryError, match=r"model sba: none is .* run `tierwise train`"):
        registry.load_documents("sba", state)
    store(state, ARTEFACT)
    with pytest.raises(registry.RegistryError, match=r"model sba: none is .* run `tierwise train`"):
        registry.load_documents("sba", state)


def test_an_artefact_altered_in_the_store_is_refused(state: Path) -> None:
    registry.set_alias("sba", store(state, ARTEFACT), registry.CHAMPION, state)
    stored(state).write_bytes(ARTEFACT.replace(b"1", b"9"))
    with pytest.raises(registry.RegistryError, match="sba/1: its artefact is not the one registered"):
        registry.load_documents("sba", state)


def test_an_artefact_that_is_gone_is_one_line(state: Path) -> None:
    registry.set_alias("sba", store(state, ARTEFACT), registry.CHAMPION, state)
    stored(state).unlink()
    with pytest.raises(registry.RegistryError, match="sba/1: its artefact cannot be read") as caught:
        registry.load_documents("sba", state)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["catalog.json", "policy.json"])
def test_a_catalog_or_policy_that_is_gone_from_the_run_is_one_line(state: Path, name: str) -> None:
    registry.set_alias("sba", store(state, ARTEFACT), registry.CHAMPION, state)
    stored(state, name).unlink()
    with pytest.raises(registry.RegistryError, match="sba/1: the catalog and policy of its run") as caught:
        registry.load_documents("sba", state)
    assert "\n" not in str(caught.value)


def test_a_booster_that_is_no_text_is_one_line(state: Path) -> None:
    version = store(state, ARTEFACT)
    client = registry.connect(state)
    run = client.get_model_version("sba", version).run_id or ""
    client.log_text(run, "tree", registry.booster_path(0))
    assert registry.load_boosters("sba", version, state) == ("tree",)
    stored(state, "bag_0.txt").write_bytes(b"tree\xff")
    with pytest.raises(registry.RegistryError, match="model sba/1: a booster of its run is no text"):
        registry.load_boosters("sba", version, state)


def test_an_alias_on_no_version_and_a_model_that_was_never_logged_are_one_line(state: Path) -> None:
    with pytest.raises(registry.RegistryError, match="sba/7: alias champion cannot be moved"):
        registry.set_alias("sba", "7", registry.CHAMPION, state)
    with pytest.raises(registry.RegistryError, match="sba: cannot be registered"):
        registry.register("m-none", "sba", "0" * 64, state=state)


@pytest.mark.parametrize("name", ["", "SBA", "a' OR '1'='1", "../up", "sba/1"])
def test_a_name_that_no_path_or_query_should_hold_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(registry.RegistryError, match="a name is lower-case letters"):
        registry.register("m-none", name, "0" * 64, state=tmp_path)


def test_a_store_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / registry.DATABASE).write_text("no database")
    with pytest.raises(registry.RegistryError, match=r"mlflow\.db: cannot be opened") as caught:
        registry.load_documents("sba", tmp_path)
    assert "\n" not in str(caught.value)


def test_the_state_directory_is_the_argument_then_the_variable_then_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(registry.STATE_VARIABLE, raising=False)
    assert registry.state_directory() == tmp_path / ".state"
    monkeypatch.setenv(registry.STATE_VARIABLE, "/srv/tierwise state")
    assert registry.state_directory() == Path("/srv/tierwise state")
    assert registry.tracking_uri() == "sqlite:////srv/tierwise state/mlflow.db"
    assert registry.artefact_uri() == "file:///srv/tierwise%20state/artifacts"
    assert registry.state_directory("here") == tmp_path / "here"
    with pytest.raises(registry.RegistryError, match="choose another"):
        registry.state_directory("what?")
    assert list(tmp_path.iterdir()) == []


def test_a_state_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(registry.RegistryError, match="cannot be made"):
        registry.connect(tmp_path / "file" / "state")


def test_importing_the_registry_imports_no_mlflow_and_makes_nothing(tmp_path: Path) -> None:
    program = (
        "import os, sys; import models.registry;sys.exit('mlflow' in sys.modules or bool(os.listdir('.')))"
    )
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(root)}, check=False
    )
    assert done.returncode == 0


def test_a_new_store_is_made_without_a_word(tmp_path: Path) -> None:
    program = "from models import registry; registry.connect('state 1')"
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "HOME": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["state 1"]


def test_what_reviewers_were_told_comes_back_with_its_verdict_and_the_newest_counts(state: Path) -> None:
    version = store(state, ARTEFACT)
    assert registry.recorded_review("sba", version, "battery", state=state) is None
    registry.record_review("sba", version, "battery", b'{"checks": 1}', "failed", state=state)
    sha256 = registry.record_review("sba", version, "battery", b'{"checks": 2}', "passed", state=state)
    assert sha256 == hashlib.sha256(b'{"checks": 2}').hexdigest()
    assert registry.recorded_review("sba", version, "battery", state=state) == registry.Review(
        "battery", b'{"checks": 2}', sha256, "passed"
    )
    assert registry.recorded_review("sba", version, "reasons", state=state) is None


def test_a_review_that_was_changed_is_refused(state: Path) -> None:
    version = store(state, ARTEFACT)
    registry.record_review("sba", version, "battery", b'{"checks": 1}', "failed", state=state)
    stored(state, "battery.json").write_text('{"checks": 0}')
    with pytest.raises(registry.RegistryError, match="its battery review is not the one recorded"):
        registry.recorded_review("sba", version, "battery", state=state)


def test_which_alias_is_moved_is_always_said() -> None:
    alias = inspect.signature(registry.set_alias).parameters["alias"]
    assert alias.default is inspect.Parameter.empty


def test_aliases_are_told_with_their_versions(state: Path) -> None:
    assert registry.aliases("sba", state=state) == {}
    for alias in (registry.CANDIDATE, registry.CHAMPION):
        registry.set_alias("sba", store(state, alias.encode()), alias, state=state)
    assert registry.aliases("sba", state=state) == {"candidate": "1", "champion": "2"}
    assert registry.registered(state) == {"sba": {"candidate": "1", "champion": "2"}}


def test_where_no_store_is_nothing_is_registered_and_none_is_made(tmp_path: Path) -> None:
    assert registry.registered(tmp_path / "none") == {}
    with pytest.raises(registry.RegistryError, match="no store of MLflow"):
        registry.require_store(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
