"""What promotions rest on, made small: reviews of a model, and versions registered as a training does it."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from models import registry
from models.artefact import Model
from models.calibration import Calibration
from serving.governing import governing_procedure
from serving.promotion.desk import PromotionDesk
from serving.promotion.reviewed import Reviewed
from serving.promotion.told import CHECKS, PARTS
from serving.reviews.adoptions import AcceptedFailure
from serving.reviews.cases import Case, CaseKind, Judgement
from serving.reviews.office import Office
from serving.served import Served
from serving.store.store import Store
from tests.reviewed import acting

Json = dict[str, Any]

# Without which no model is approved.
FOUND = Judgement("holds")


def subject_of(served: Served) -> Json:
    """Return how a review names what it is about."""
    scorer = served.scorer
    assert scorer.model is not None
    return {
        "model_version": served.model_version,
        "model_sha256": hashlib.sha256(scorer.model.to_bytes()).hexdigest(),
        "catalog_hash": scorer.catalog.hash,
        "policy_hash": scorer.policy.hash,
        "customers": 1234, "bad": 56, "first_as_of": "2011-01-01", "last_as_of": "2011-12-31",
    }  # fmt: skip


def battery_of(served: Served, *failed: str, verdict: str = "passed") -> Json:
    """Return a battery's document: of each part one check with a verdict, and checks that failed."""
    parts = [part for part in PARTS if part != "scope"]
    results = [{"id": f"{part}.one", "name": {"en": f"One of {part}"}, "verdict": verdict} for part in parts]
    results += [{"id": id_, "name": {"en": f"One, {id_}"}, "verdict": verdict} for id_ in CHECKS]
    results += [{"id": id_, "name": {"en": f"Named {id_}"}, "verdict": "failed"} for id_ in failed]
    return {
        "format": "tierwise-battery", "format_version": 1, "verdict": "failed" if failed else verdict,
        "counts": {verdict: len(PARTS), "failed": len(failed)}, "limits_given": [],
        "subject": subject_of(served), "results": results,
    }  # fmt: skip


def reasons_of(served: Served, verdict: str = "passed", customers: int = 200) -> Json:
    """Return a document of the check of reasons, with one quantity."""
    digest = hashlib.sha256(bytes_of(served)).hexdigest()
    asked = {"customers": customers, "variants": customers // 2, "with_model": customers}
    return {
        "verdict": verdict,
        "subject": {"artefact_sha256": digest, **asked},
        "findings": [{"id": "tier", "verdict": verdict}],
    }


def bytes_of(served: Served) -> bytes:
    assert served.scorer.model is not None
    return served.artefact or served.scorer.model.to_bytes()


def reviewed(served: Served, battery: Json | None = None, reasons: Json | None = None) -> Reviewed:
    """Return a version with what its reviewers were told, by default that all is well."""
    told, of_reasons = battery or battery_of(served), reasons or reasons_of(served)
    digest = hashlib.sha256(bytes_of(served)).hexdigest()
    return Reviewed(served, digest, json.dumps(told).encode(), json.dumps(of_reasons).encode())


def recalibrated(served: Served, version: str) -> Served:
    """Return another model of the same catalog and policy."""
    scorer = served.scorer
    assert scorer.model is not None
    model: Model = replace(scorer.model, calibration=Calibration(0.1 * int(version.rpartition("/")[2]), 0.8))
    return Served(type(scorer)(scorer.catalog, scorer.policy, model), version)


def promote(
    store: Store,
    what: Reviewed | Served,
    kind: CaseKind = CaseKind.MODEL,
    by: str = "ann",
    accepted: tuple[AcceptedFailure, ...] = (),
) -> Case:
    """Propose a version."""
    desk = PromotionDesk(store, governing_procedure(store, None))
    given = what if isinstance(what, Reviewed) else reviewed(what)
    with store.writing(by) as writing:
        return desk.promote(writing, acting(by), given, kind, "because", accepted)


def approve(store: Store, case: Case, *names: str) -> Case:
    """Have persons approve a case."""
    office = Office(store, governing_procedure(store, None))
    for name in names:
        with store.writing(name) as writing:
            case, _ = office.approve(writing, acting(name), case.id, case.version, FOUND)
    return case


def register(state: Path, served: Served, name: str = "customer") -> str:
    """Register a model as a training leaves it, the candidate with its two reviews; returns the version."""
    client = registry.connect(state)
    found = client.get_experiment_by_name(name)
    experiment = (
        found.experiment_id
        if found
        else client.create_experiment(name, f"{registry.artefact_uri(state)}/{name}")
    )
    run_id = client.create_run(experiment).info.run_id
    scorer = served.scorer
    for declared, path in (
        (scorer.catalog, registry.RUN_CATALOG_PATH), (scorer.policy, registry.RUN_POLICY_PATH),
    ):  # fmt: skip
        client.log_text(run_id, declared.model_dump_json(by_alias=True), path)
    logged = client.create_logged_model(experiment, name, run_id)
    outbox = state / f"outbox-{logged.model_id}"
    (outbox / "artifacts").mkdir(parents=True)
    (outbox / registry.ARTEFACT_PATH).write_bytes(bytes_of(served))
    client.log_model_artifacts(logged.model_id, str(outbox))
    client.finalize_logged_model(logged.model_id, "READY")
    digest = hashlib.sha256(bytes_of(served)).hexdigest()
    version = registry.register(logged.model_id, name, digest, state=state)
    registry.set_alias(name, version, registry.CANDIDATE, state=state)
    for kind, document in ((registry.BATTERY, battery_of(served)), (registry.REASONS, reasons_of(served))):
        content = json.dumps(document).encode()
        registry.record_review(name, version, kind, content, "passed", state)
    return version
