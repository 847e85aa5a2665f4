"""MLflow stores for tests: migrated once per session and copied, for a migration takes seconds."""

import shutil
from pathlib import Path

import pytest

from models import registry


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
