"""A small registered version with its run and reviews, as a card is made of it: trained once for a module."""

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.catalog import Catalog
from features.portfolio import Bools, Portfolio
from features.terms import Tier
from models import registry
from models.artefact import Model
from models.policy import Policy
from tests.judged import Candidate, candidate, evidence
from tests.labelled import FIRST_YEAR
from tests.mlflow_store import migrated_store
from training.battery.calibration_checks import calibration
from training.battery.discrimination import discrimination
from training.battery.fairness import fairness
from training.battery.limits import Limits
from training.battery.report import Report, Subject
from training.battery.stability import stability
from training.card.recorded import BATTERY, CATALOG, POINTS, POLICY, REASONS, Kept, Recorded, load_recorded
from training.data_facts import DataFacts
from training.frames import to_frame
from training.independent.findings import Finding
from training.independent.report import Report as ReasonsReport
from training.independent.report import Subject as ReasonsSubject
from training.metrics import measure
from training.parts import WALK_FORWARD_TIERS
from training.record import Measured, ReloadCheck, TrainingRecord
from training.tracking import log_training
from training.verification import Verification

__all__ = ["migrated_store", "registered"]

NAME = "synthetic"
UNTRAINED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
YEARS = (FIRST_YEAR + 3, FIRST_YEAR + 4)


@dataclass(frozen=True, eq=False)
class Registered:
    """A state directory with one registered version, and that version read back."""

    state: Path
    recorded: Recorded


@pytest.fixture(scope="module")
def registered(migrated_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """Register a candidate with figures by year, a battery's document and a review of reasons."""
    state = tmp_path_factory.mktemp("card") / "state"
    shutil.copytree(migrated_store, state)
    version = log_training(_record(candidate()), _verification, state).version
    registry.set_alias(NAME, version, registry.CHAMPION, state)
    judged = evidence(limits=Limits(resamples=100))
    checks = (discrimination, calibration, stability, fairness)
    report = Report(
        Subject.of(judged, f"{NAME}/{version}"), tuple(result for check in checks for result in check(judged))
    )
    document = report.document().encode()
    registry.record_review(NAME, version, BATTERY, document, str(report.verdict), state)
    reasons = _reasons(f"{NAME}/{version}")
    registry.record_review(NAME, version, REASONS, reasons.document().encode(), str(reasons.verdict), state)
    return Registered(state, load_recorded(NAME, state))


def recorded_of(model: Model, catalog: Catalog, policy: Policy) -> Recorded:
    """Return a version of which there are the documents and nothing else."""
    documents = {
        POINTS: model.to_bytes(),
        CATALOG: catalog.model_dump_json(by_alias=True).encode(),
        POLICY: policy.model_dump_json(by_alias=True).encode(),
    }
    return Recorded(
        name="random", version="7", aliases=(), registered_at=UNTRAINED, run_id="0" * 32, parameters={},
        metrics={}, by_year={},
        documents={name: Kept.of(f"model/{name}.json", content) for name, content in documents.items()},
    )  # fmt: skip


def _reasons(label: str) -> ReasonsReport:
    """Return a review of reasons that found one of two quantities to differ."""
    subject = ReasonsSubject(label, {}, 200, 100, 300, None, 1, 60)
    findings = (
        Finding("score", "composite score (blend)", 300, 300, 0, 2.5e-14, 1e-6),
        Finding("tiers", "tiers of score, baseline and model", 300, 900, 2, None, None, "entry 1 of 3"),
    )
    return ReasonsReport(subject, findings, (), ())


def _verification() -> Verification:
    return Verification(
        rows=1000, indicators=7, tolerance=1e-6, largest_difference=3.2e-15, base_difference=0.0,
        sum_difference=1e-15,
    )  # fmt: skip


def _record(of: Candidate) -> TrainingRecord:
    scorer, judged = of.scorer, of.judged
    model = scorer.model
    assert model is not None
    sample = judged.portfolio.take(np.arange(30))
    return TrainingRecord(
        portfolio=NAME,
        run_name="synthetic",
        parameters={**model.training, "training_date": "2004-01-01"},
        measured=list(_measured(of)),
        artefact=model.to_bytes(),
        booster_texts=[],
        catalog=scorer.catalog,
        policy=scorer.policy,
        data=DataFacts.of(of.reference),
        figures={},
        reload_check=ReloadCheck.of(_frame(sample), scorer.decide(sample)),
    )


def _frame(sample: Portfolio) -> pd.DataFrame:
    """Return customers as the stored model takes them: what does not apply is set aside."""
    return to_frame(replace(sample, given=sample.values))


def _measured(of: Candidate) -> list[Measured]:
    decisions = of.scorer.decide(of.judged.portfolio)
    data, chance = of.judged, decisions.model.probability

    def measured(scorer: str, split: str, rows: Bools, year: int | None = None) -> Measured:
        return Measured(scorer, split, measure(data.bad[rows], chance[rows], data.groups[rows]), year)

    everybody = np.ones(len(data), dtype=np.bool_)
    found = [measured("model", "cross_validation", everybody)]
    for scorer in ("model", "baseline"):
        found.append(measured(scorer, "walk_forward", everybody))
        found += [measured(scorer, "walk_forward", data.cohorts == year, year) for year in YEARS]
    return [*found, *(measured(str(t), WALK_FORWARD_TIERS, decisions.tiers == t) for t in Tier)]
