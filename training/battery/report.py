"""What the battery found, as a table for a terminal, as CSV and as a JSON document; aggregates only."""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from features.terminal import evaluated
from features.terms import Language, Text
from training.battery import table_words as words
from training.battery.evidence import Evidence
from training.battery.limits import Limits
from training.battery.result import Part, Range, Result, Verdict
from training.data_facts import data_hash, days_of
from training.report import Grid

FORMAT, FORMAT_VERSION = "tierwise-battery", 1
VERDICTS: Mapping[Verdict, str] = {verdict: str(verdict) for verdict in Verdict}
WORDS: Mapping[Verdict, Text] = {verdict: words.VERDICTS[verdict] for verdict in Verdict}
# Of a larger family, those that passed are one line of the table.
_SHOWN_SINGLY = 4
_CSV_COLUMNS = (
    "id", "en", "zh-Hant", "zh-Hans", "part", "value", "low", "high", "tolerated_from", "tolerated_to",
    "p_value", "n", "verdict", "reason", "source",
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """Which candidate was judged, on whom: hashes and counts.

    Its mix was compared with `reference_customers`: those of the reference that was recorded with the version
    (`reference_review_sha256`), else customers of rows. Of `reference_rows` there were rows
    (`reference_hash`), which challengers are fitted on. First and last day of evaluation are None where no
    days were given.
    """

    model_version: str | None
    catalog_hash: str
    policy_hash: str
    model_sha256: str
    customers: int
    bad: int
    first_as_of: str | None
    last_as_of: str | None
    data_hash: str
    reference_customers: int
    reference_rows: int
    reference_hash: str | None
    reference_review_sha256: str | None
    limits: Limits

    @classmethod
    def of(cls, evidence: Evidence, model_version: str | None) -> "Subject":
        """Describe a candidate and its evidence."""
        data, reference, recorded = evidence.data, evidence.reference, evidence.recorded
        rows = 0 if reference is None else len(reference)
        first, last = days_of(data)
        return cls(
            model_version=model_version,
            catalog_hash=evidence.catalog.hash,
            policy_hash=evidence.scorer.policy.hash,
            # Of the model as it is written without a signature, which any later signer leaves the same.
            model_sha256=hashlib.sha256(evidence.model.to_bytes()).hexdigest(),
            customers=evidence.n,
            bad=int(np.sum(evidence.bad)),
            first_as_of=first,
            last_as_of=last,
            data_hash=data_hash(data),
            reference_customers=rows if recorded is None else recorded.customers,
            reference_rows=rows,
            reference_hash=None if reference is None else data_hash(reference),
            reference_review_sha256=None if recorded is None else recorded.sha256,
            limits=evidence.limits,
        )


@dataclass(frozen=True)
class Report:
    """The results of all checks on one candidate."""

    subject: Subject
    results: tuple[Result, ...]

    @property
    def verdict(self) -> Verdict:
        """Failed where any check failed, else passed; not enough data where none could be answered."""
        verdicts = {result.verdict for result in self.results}
        for verdict in (Verdict.FAILED, Verdict.PASSED):
            if verdict in verdicts:
                return verdict
        return Verdict.NOT_ENOUGH_DATA

    def counts(self) -> dict[Verdict, int]:
        """Return how many checks ended in each way."""
        counted = Counter(result.verdict for result in self.results)
        return {verdict: counted[verdict] for verdict in Verdict}

    def grid(self, language: Language = Language.EN, *, whole: bool = False) -> Grid:
        """Return one line a check; of a large family those that passed are one, unless `whole`."""
        subject = self.subject
        title = words.said(
            language,
            words.TITLE,
            model=subject.model_version or words.THE_CANDIDATE.in_language(language),
            customers=f"{subject.customers:,}",
            bad=f"{subject.bad:,}",
            when=evaluated(subject.first_as_of, subject.last_as_of, language),
        )
        return Grid(
            title,
            words.heads(language, subject.limits.level),
            rows_of(self.results, language, whole=whole),
        )

    def csv(self) -> str:
        """Return one line a check and one for each of its parts."""
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(_CSV_COLUMNS)
        for line in self._lines():
            writer.writerow(line)
        return written.getvalue()

    def document(self) -> str:
        """Return the JSON document."""
        subject = self.subject
        facts = {name: getattr(subject, name) for name in Subject.__dataclass_fields__ if name != "limits"}
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "verdict": self.verdict,
            "counts": self.counts(),
            "subject": facts,
            "limits": subject.limits.model_dump(mode="json"),
            # By name those that are not the defaults, for whoever is to rely on the verdict.
            "limits_given": _given(subject.limits),
            "results": [described(result) for result in self.results],
        }
        return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    def _lines(self) -> Iterator[tuple[object, ...]]:
        for result in self.results:
            names = result.name.en, result.name.zh_hant, result.name.zh_hans
            threshold = result.threshold or Range()
            yield (
                result.id, *names, "", _number(result.value), *_bounds(result.interval),
                *_bounds(threshold), _number(result.p_value), result.n, result.verdict,
                result.reason.en if result.reason else "", result.source,
            )  # fmt: skip
            for part in result.parts:
                value = _number(part.value)
                bounds = _bounds(part.interval)
                yield result.id, *names, part.name.en, value, *bounds, None, None, None, part.n, "", "", ""


def rows_of(
    results: Iterable[Result],
    language: Language,
    *,
    whole: bool = False,
    verdicts: Mapping[Verdict, Text] = WORDS,
) -> tuple[tuple[str, ...], ...]:
    """Return one line of texts a check; of a large family those that passed are one, unless `whole`.

    `verdicts` are the words for how a check ended.
    """
    families: dict[str, list[Result]] = {}
    for result in results:
        families.setdefault(result.id if result.family is None else result.family.en, []).append(result)
    rows = []
    # In the order of each family's first; a check of one thing is one too.
    for together in families.values():
        if whole or len(together) <= _SHOWN_SINGLY:
            rows += [_row(result, language, verdicts) for result in together]
        else:
            kept = [result for result in together if result.verdict is not Verdict.PASSED]
            rows += [_row(result, language, verdicts) for result in kept]
            rows += [_row_of_passed(together, language, verdicts)] if len(kept) < len(together) else []
    return tuple(rows)


def _row(result: Result, language: Language, verdicts: Mapping[Verdict, Text]) -> tuple[str, ...]:
    return (
        result.name.in_language(language),
        _shown(result.value),
        _shown_range(result.interval, language),
        _shown_range(result.threshold, language),
        "" if result.n is None else f"{result.n:,}",
        _verdict(result, language, verdicts),
    )


def _row_of_passed(
    family: list[Result], language: Language, verdicts: Mapping[Verdict, Text]
) -> tuple[str, ...]:
    """Return the line of those of a family that passed, with the range of their values."""
    passed = [result for result in family if result.verdict is Verdict.PASSED]
    values = [result.value for result in passed if result.value is not None]
    name = (passed[0].family or passed[0].name).in_language(language)
    shown = _shown_range(Range(min(values), max(values)), language) if len(values) > 1 else _shown(values[0])
    said = words.said(language, words.OF_FAMILY, name=name, passed=len(passed), count=len(family))
    return said, shown, "", "", "", _verdict(passed[0], language, verdicts)


def _verdict(result: Result, language: Language, verdicts: Mapping[Verdict, Text]) -> str:
    verdict = verdicts[result.verdict].in_language(language)
    if result.reason is None:
        return verdict
    return words.said(
        language, words.WITH_REASON, verdict=verdict, reason=result.reason.in_language(language)
    )


def described(result: Result, verdicts: Mapping[Verdict, str] = VERDICTS) -> dict[str, Any]:
    """Return a result as a JSON document has it."""
    return {
        "id": result.id,
        "name": _text(result.name),
        "verdict": verdicts[result.verdict],
        "value": _number(result.value),
        "interval": _range(result.interval),
        "threshold": _range(result.threshold),
        "p_value": _number(result.p_value),
        "n": result.n,
        "reason": None if result.reason is None else _text(result.reason),
        "source": result.source,
        "parts": [_described_part(part) for part in result.parts],
    }


def _described_part(part: Part) -> dict[str, Any]:
    return {
        "name": _text(part.name), "value": _number(part.value), "n": part.n, "interval": _range(part.interval)
    }  # fmt: skip


def _given(limits: Limits) -> list[str]:
    default = Limits()
    return [name for name in Limits.model_fields if getattr(limits, name) != getattr(default, name)]


def _text(text: Text) -> dict[str, str]:
    return text.model_dump(by_alias=True)


def _number(value: float | None) -> float | None:
    return None if value is None or not isfinite(value) else float(value)


def _bounds(of: Range | None) -> tuple[float | None, float | None]:
    return (None, None) if of is None else (_number(of.low), _number(of.high))


def _range(of: Range | None) -> dict[str, float | None] | None:
    return None if of is None else dict(zip(("low", "high"), _bounds(of), strict=True))


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    # Rounding leaves what is next to nothing.
    return f"{value:.4f}" if abs(value) >= 5e-5 else "0"


def _shown_range(of: Range | None, language: Language) -> str:
    if of is None:
        return ""
    low, high = _shown(of.low), _shown(of.high)
    if isfinite(of.low) and isfinite(of.high):
        return words.said(language, words.RANGE, low=low, high=high)
    if isfinite(of.low):
        return words.said(language, words.FROM, low=low)
    return words.said(language, words.TO, high=high)
