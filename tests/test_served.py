"""What is served is what was registered, byte for byte and in the declared order."""

import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from features.catalog import Catalog
from features.declaration import DeclarationError
from models import registry
from models.artefact import ArtefactError, Model
from models.decision import Scorer
from models.policy import Policy
from models.signature import public_text
from serving.served import Served, load_served
from serving.settings import Settings, SettingsError
from tests.mlflow_store import migrated_store, state
from tests.served_model import catalog, model, policy

__all__ = ["catalog", "migrated_store", "model", "policy", "state"]


def register(state: Path, artefact: bytes, catalog_json: str, policy_json: str) -> str:
    """Register a champion as a training leaves it: catalog and policy in its run, artefact in its model."""
    client = registry.connect(state)
    experiment = client.create_experiment("customer", f"{registry.artefact_uri(state)}/customer")
    run_id = client.create_run(experiment).info.run_id
    client.log_text(run_id, catalog_json, registry.RUN_CATALOG_PATH)
    client.log_text(run_id, policy_json, registry.RUN_POLICY_PATH)
    logged = client.create_logged_model(experiment, "customer", run_id)
    (state / "model" / "artifacts").mkdir(parents=True)
    (state / "model" / registry.ARTEFACT_PATH).write_bytes(artefact)
    client.log_model_artifacts(logged.model_id, str(state / "model"))
    client.finalize_logged_model(logged.model_id, "READY")
    version = registry.register(
        logged.model_id, "customer", hashlib.sha256(artefact).hexdigest(), state=state
    )
    registry.set_alias("customer", version, registry.CHAMPION, state)
    return version


def test_the_registered_champion_is_served_with_its_own_catalog_and_policy(
    state: Path, catalog: Catalog, policy: Policy, model: Model
) -> None:
    catalog_json = catalog.model_dump_json(by_alias=True)
    register(state, model.to_bytes(), catalog_json, policy.model_dump_json(by_alias=True))
    served = load_served(Settings(model="customer", state=state))
    assert served.model_version == "customer/1"
    assert served.scorer.catalog == catalog
    assert served.scorer.catalog.model_dump_json(by_alias=True) == catalog_json
    assert served.scorer.policy == policy
    assert served.scorer.model is not None
    assert served.scorer.model.to_bytes() == model.to_bytes()


def test_a_recorded_catalog_that_lost_its_order_is_not_served(
    state: Path, catalog: Catalog, policy: Policy, model: Model
) -> None:
    """Sorted, its levels would get other codes under the same hash, and the model other values."""
    catalog_json = json.dumps(catalog.model_dump(mode="json", by_alias=True), sort_keys=True)
    register(state, model.to_bytes(), catalog_json, policy.model_dump_json(by_alias=True))
    with pytest.raises(DeclarationError, match="another order"):
        load_served(Settings(model="customer", state=state))


def test_a_recorded_catalog_of_another_version_is_not_served(
    state: Path, catalog: Catalog, policy: Policy, model: Model
) -> None:
    catalog_json = catalog.model_copy(update={"version": 99}).model_dump_json(by_alias=True)
    register(state, model.to_bytes(), catalog_json, policy.model_dump_json(by_alias=True))
    with pytest.raises(ArtefactError, match="another version of catalog customer"):
        load_served(Settings(model="customer", state=state))


def test_a_recorded_policy_of_another_version_is_not_served(
    state: Path, catalog: Catalog, policy: Policy, model: Model
) -> None:
    policy_json = policy.model_copy(update={"version": 99}).model_dump_json(by_alias=True)
    register(state, model.to_bytes(), catalog.model_dump_json(by_alias=True), policy_json)
    with pytest.raises(SettingsError, match="another version of policy customer"):
        load_served(Settings(model="customer", state=state))


@pytest.mark.parametrize("with_model", [True, False])
def test_what_workers_read_is_what_the_launcher_loaded(
    tmp_path: Path, catalog: Catalog, policy: Policy, model: Model, with_model: bool
) -> None:
    scorer = Scorer(catalog, policy, model if with_model else None)
    Served(scorer, "customer/7" if with_model else None).save(tmp_path)
    read = Served.load(tmp_path)
    assert read.model_version == ("customer/7" if with_model else None)
    assert read.scorer.catalog.model_dump_json() == catalog.model_dump_json()
    assert read.scorer.policy.model_dump_json() == policy.model_dump_json()
    assert (read.scorer.model is not None) == with_model
    if read.scorer.model is not None:
        assert read.scorer.model.to_bytes() == model.to_bytes()


KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    """Return a file that trusts one key."""
    path = tmp_path / "trusted.txt"
    path.write_text(f"# the risk department\n{public_text(KEY)}\n")
    return path


@pytest.mark.parametrize(
    ("signer", "reason"), [(None, "it is not signed"), (OTHER_KEY, "no trusted key"), (KEY, None)]
)
@pytest.mark.parametrize("registered", [False, True])
def test_where_keys_are_trusted_only_what_they_signed_is_served(
    state: Path, tmp_path: Path, trusted: Path, catalog: Catalog, policy: Policy, model: Model,
    signer: Ed25519PrivateKey | None, reason: str | None, registered: bool,
) -> None:  # fmt: skip
    artefact = model.to_bytes(signer)
    if registered:
        register(
            state, artefact, catalog.model_dump_json(by_alias=True), policy.model_dump_json(by_alias=True)
        )
        settings = Settings(model="customer", state=state, trusted_keys=trusted)
    else:
        (tmp_path / "points.json").write_bytes(artefact)
        settings = Settings(artefact=tmp_path / "points.json", trusted_keys=trusted)
    if reason is None:
        assert load_served(settings).artefact == artefact
    else:
        with pytest.raises(ArtefactError, match=reason):
            load_served(settings)


def test_workers_check_the_signature_that_the_launcher_checked(
    tmp_path: Path, trusted: Path, catalog: Catalog, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "points.json").write_bytes(model.to_bytes(KEY))
    monkeypatch.setenv("TIERWISE_TRUSTED_KEYS", str(trusted))
    monkeypatch.setenv("TIERWISE_ARTEFACT", str(tmp_path / "points.json"))
    load_served(Settings.from_environment()).save(tmp_path / "served")
    assert Served.load(tmp_path / "served").artefact == model.to_bytes(KEY)
    (tmp_path / "served" / "points.json").write_bytes(model.to_bytes(OTHER_KEY))
    with pytest.raises(ArtefactError, match="no trusted key"):
        Served.load(tmp_path / "served")


def test_a_file_of_trusted_keys_that_cannot_be_used_serves_nothing(tmp_path: Path, model: Model) -> None:
    (tmp_path / "points.json").write_bytes(model.to_bytes(KEY))
    settings = Settings(artefact=tmp_path / "points.json", trusted_keys=tmp_path / "trusted.txt")
    with pytest.raises(SettingsError, match=r"trusted keys: .*trusted\.txt: cannot be read"):
        load_served(settings)
    (tmp_path / "trusted.txt").write_text("# none yet\n")
    with pytest.raises(SettingsError, match=r"trusted keys: .*lists no public key"):
        load_served(settings)


def test_a_file_too_long_for_an_artefact_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "points.json").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(ArtefactError, match="it has 20000001 bytes, at most"):
        load_served(Settings(artefact=tmp_path / "points.json"))


def test_settings_come_from_the_environment_and_empty_ones_are_none(tmp_path: Path) -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"TIERWISE_MODEL": "", "TIERWISE_CATALOG": "sba"}) == Settings(
        catalog="sba"
    )
    read = Settings.from_environment(
        {
            "TIERWISE_STATE": str(tmp_path),
            "TIERWISE_ARTEFACT": "points.json",
            "TIERWISE_TRUSTED_KEYS": "trusted.txt",
        }
    )
    assert read.trusted_keys == Path("trusted.txt")
    assert read.state_directory == tmp_path
    assert read.artefact == Path("points.json")
