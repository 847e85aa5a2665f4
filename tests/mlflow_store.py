"""MLflow stores for tests: migrated once per session and copied, for a migration takes seconds."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models import registry

if TYPE_CHECKING:
    from mlflow.entities import Dataset, Run


@pytest.fixture(scope="session")
def migrated_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state directory whose store is migrated and empty; copy it, do not write to it."""
    # The base folder is the session's; a fixture imported by two modules would else migrate twice.
    state = tmp_path_factory.getbasetemp() / "migrated_store"
    if not state.exists():
        registry.connect(state)
    return state


@pytest.fixture
def state(migrated_store: Path, tmp_path: Path) -> Path:
    """Return a state directory of one's own, with an empty store."""
    own = tmp_path / "state"
    shutil.copytree(migrated_store, own)
    return own


def datasets(run: "Run") -> "dict[str, Dataset]":
    """Return the data sets that a run was given, by their context."""
    given = run.inputs.dataset_inputs if run.inputs is not None else []
    return {dataset.tags[0].value: dataset.dataset for dataset in given}
