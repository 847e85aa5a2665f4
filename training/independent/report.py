"""What the check of the reasons found, as a table and a JSON document: counts and differences only."""

import json
from dataclasses import dataclass
from math import isfinite
from typing import Any

from training.independent.findings import EXACT, TOLERANCE, Finding, Verdict
from training.independent.perturbing import Perturbed

FORMAT, FORMAT_VERSION = "tierwise-reasons", 1
COLUMNS = ("quantity", "rows", "values", "largest difference", "verdict")


@dataclass(frozen=True)
class Subject:
    """Which version was checked, on whom: hashes and counts.

    `variants` are awkward customers made from the `customers`; of all of them `with_model` have a nature with
    a model, and `by_subsets` were explained by brute force (None where a tree has too many features for it).
    """

    model_version: str | None
    hashes: dict[str, str]
    customers: int
    variants: int
    with_model: int
    by_subsets: int | None
    boosters: int
    trees: int


@dataclass(frozen=True)
class Report:
    """The findings on one version; `notes` say what could not be asked, and why."""

    subject: Subject
    findings: tuple[Finding, ...]
    perturbed: tuple[Perturbed, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Failed where any quantity failed."""
        failed = any(finding.verdict is Verdict.FAILED for finding in self.findings)
        return Verdict.FAILED if failed else Verdict.PASSED

    def failed(self) -> tuple[str, ...]:
        """Return the ids of the quantities that failed."""
        return tuple(f.id for f in self.findings if f.verdict is Verdict.FAILED)

    @property
    def title(self) -> str:
        """What the table is of, in a line."""
        subject = self.subject
        return (
            f"{subject.model_version or 'the model'}: {subject.customers:,} customers and "
            f"{subject.variants:,} variants of them, {subject.boosters} boosters, {subject.trees:,} trees"
        )

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Return a line for each quantity, under `COLUMNS`."""
        return tuple(_row(finding) for finding in self.findings)

    def told(self) -> tuple[str, ...]:
        """Return what is reported without a verdict, a line each."""
        lines = [
            f"Direct perturbation, the fact {one.change}: of {one.asked:,} reasons named the sign agrees in "
            f"{one.share:.1%}; in {one.unmoved:,} the score did not move."
            for one in self.perturbed
        ]
        return (*lines, *self.notes)

    def document(self) -> str:
        """Return the JSON document."""
        subject = {name: value for name, value in vars(self.subject).items() if name != "hashes"}
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "verdict": self.verdict,
            "tolerance": TOLERANCE,
            "tolerance_of_sums": EXACT,
            "subject": subject | self.subject.hashes,
            "findings": [_described(finding) for finding in self.findings],
            "perturbation": [vars(perturbed) for perturbed in self.perturbed],
            "notes": list(self.notes),
        }
        return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _row(finding: Finding) -> tuple[str, ...]:
    shown = "" if finding.largest is None else f"{finding.largest:.1e}"
    verdict = str(finding.verdict)
    if finding.differing:
        where = f", most at {finding.where}" if finding.where else ""
        verdict += f": {finding.differing:,} of {finding.rows:,} rows differ{where}"
    elif finding.verdict is Verdict.FAILED:
        verdict += ": nothing to compare"
    return finding.name, f"{finding.rows:,}", f"{finding.values:,}", shown, verdict


def _described(finding: Finding) -> dict[str, Any]:
    largest = finding.largest
    return {
        "id": finding.id,
        "name": finding.name,
        "verdict": finding.verdict,
        "rows": finding.rows,
        "values": finding.values,
        "differing": finding.differing,
        # JSON knows no infinity: of what is absent there is no difference.
        "largest_difference": largest if largest is not None and isfinite(largest) else None,
        "tolerance": finding.tolerance,
        "where": finding.where,
    }
