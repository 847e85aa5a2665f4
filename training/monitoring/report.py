"""What monitoring found, as a table for a terminal and as a JSON document; aggregates only."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.terminal import evaluated
from features.terms import Language
from models.disclosure import MINIMUM_AGGREGATE
from training.battery.report import described, rows_of
from training.battery.result import Result, Verdict
from training.battery.table_words import heads, said
from training.data_facts import days_of
from training.monitoring import words
from training.monitoring.kinds import AlarmKind
from training.monitoring.limits import OWN, SHARED, MonitoringLimits
from training.monitoring.watched import Watched
from training.report import Grid

FORMAT, FORMAT_VERSION = "tierwise-monitoring", 1
# What a check that failed, or passed, says of a period.
VERDICTS: Mapping[Verdict, str] = {
    Verdict.PASSED: "ok",
    Verdict.FAILED: "alarm",
    Verdict.NOT_ENOUGH_DATA: "not_enough_data",
}


@dataclass(frozen=True)
class Subject:
    """Which model was monitored, on whom, by which day: hashes and counts.

    `mature` customers have an outcome that counts, `bad` of them the adverse one; both are None where they
    are too few to be told of. First and last day of evaluation are None where no days were given,
    `outcome_months` where the policy declares no window: outcomes then count as they are told.
    """

    model_version: str | None
    catalog_hash: str
    policy_hash: str
    model_sha256: str
    reference_sha256: str
    customers: int
    first_as_of: str | None
    last_as_of: str | None
    outcome_months: int | None
    on: str
    mature: int | None
    bad: int | None
    limits: MonitoringLimits

    @classmethod
    def of(cls, watched: Watched, model_version: str | None) -> "Subject":
        """Describe what is monitored."""
        reference, mature = watched.reference, int(np.sum(watched.mature))
        told = mature >= MINIMUM_AGGREGATE
        first, last = days_of(watched.data)
        return cls(
            model_version=model_version,
            catalog_hash=reference.catalog_hash,
            policy_hash=reference.policy_hash,
            model_sha256=reference.model_sha256,
            reference_sha256=reference.sha256,
            customers=len(watched),
            first_as_of=first,
            last_as_of=last,
            outcome_months=watched.scorer.policy.outcome_months,
            on=str(watched.on),
            mature=mature if told else None,
            bad=int(np.sum(watched.data.bad & watched.mature)) if told else None,
            limits=watched.limits,
        )

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document has it, without the limits."""
        return {name: getattr(self, name) for name in Subject.__dataclass_fields__ if name != "limits"}


@dataclass(frozen=True)
class MonitoringReport:
    """The results on one period, by kind of alarm."""

    subject: Subject
    results: Mapping[AlarmKind, tuple[Result, ...]]

    @property
    def alarms(self) -> dict[AlarmKind, tuple[Result, ...]]:
        """The results that alarm, by kind; a kind without any is left out."""
        found = {
            kind: tuple(result for result in results if result.verdict is Verdict.FAILED)
            for kind, results in self.results.items()
        }
        return {kind: results for kind, results in found.items() if results}

    def counts(self) -> dict[str, int]:
        """Return how many checks ended in each way."""
        counted = Counter(VERDICTS[result.verdict] for results in self.results.values() for result in results)
        return {verdict: counted[verdict] for verdict in VERDICTS.values()}

    def grid(self, language: Language = Language.EN, *, whole: bool = False) -> Grid:
        """Return one line a check; of a large family those without an alarm are one, unless `whole`."""
        subject = self.subject
        outcomes = words.NONE_COUNT.in_language(language)
        if subject.mature is not None:
            known = words.MATURED if subject.outcome_months and subject.first_as_of else words.TOLD_OF
            outcomes = said(language, known, n=f"{subject.mature:,}")
            if subject.outcome_months is None:
                outcomes += words.NO_WINDOW.in_language(language)
        title = said(
            language,
            words.TITLE,
            model=subject.model_version or words.THE_MODEL.in_language(language),
            customers=f"{subject.customers:,}",
            when=evaluated(subject.first_as_of, subject.last_as_of, language),
            outcomes=outcomes,
            on=subject.on,
        )
        every = [result for results in self.results.values() for result in results]
        verdicts = {verdict: words.VERDICTS[code] for verdict, code in VERDICTS.items()}
        return Grid(
            title,
            heads(language, subject.limits.level),
            rows_of(every, language, whole=whole, verdicts=verdicts),
        )

    def document(self) -> str:
        """Return the JSON document."""
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "verdict": VERDICTS[self._verdict()],
            "counts": self.counts(),
            "alarms": {kind: [result.id for result in results] for kind, results in self.alarms.items()},
            "subject": self.subject.document(),
            "limits": self.subject.limits.model_dump(mode="json", include={*SHARED, *OWN}),
            "results": [
                described(result, VERDICTS) for results in self.results.values() for result in results
            ],
        }
        return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    def alarm_document(self, kind: AlarmKind) -> bytes:
        """Return what a case about one kind of alarm is about: its checks that alarm, canonical JSON."""
        content = {
            "format": "tierwise-alarm",
            "format_version": FORMAT_VERSION,
            "alarm": kind,
            "name": words.ALARMS[kind].model_dump(by_alias=True),
            "subject": self.subject.document(),
            "results": [described(result, VERDICTS) for result in self.alarms[kind]],
        }
        return json.dumps(
            content, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
        ).encode()

    def _verdict(self) -> Verdict:
        verdicts = {result.verdict for results in self.results.values() for result in results}
        order = (Verdict.FAILED, Verdict.PASSED, Verdict.NOT_ENOUGH_DATA)
        return next(verdict for verdict in order if verdict in verdicts)
