"""The battery: every check on one candidate, in the order in which a reviewer reads them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from training.battery.benchmark import benchmark
from training.battery.calibration_checks import calibration
from training.battery.columns import columns
from training.battery.discrimination import discrimination
from training.battery.evidence import Evidence
from training.battery.fairness import fairness
from training.battery.monotonicity import monotonicity
from training.battery.report import Report, Subject
from training.battery.result import Result
from training.battery.robustness import robustness
from training.battery.scope import scope
from training.battery.segments import segments
from training.battery.sensitivity import sensitivity
from training.battery.stability import stability
from training.battery.tier_tests import tier_tests
from training.selection import Progress

Checks = Callable[[Evidence], Iterator[Result]]

CHECKS: dict[str, Checks] = {
    "scope": scope,
    "columns": columns,
    "discrimination": discrimination,
    "calibration": calibration,
    "calibration of tiers": tier_tests,
    "stability": stability,
    "monotonicity": monotonicity,
    "sensitivity": sensitivity,
    "robustness": robustness,
    "segments": segments,
    "fairness": fairness,
    "benchmark": benchmark,
}


@dataclass(frozen=True)
class Battery:
    """Checks by name; all of them by default."""

    checks: tuple[str, ...] = tuple(CHECKS)

    def run(
        self, evidence: Evidence, model_version: str | None = None, progress: Progress = lambda step: None
    ) -> Report:
        """Answer every check.

        Args:
            evidence: the candidate, whom it is judged on, and whom it is compared with.
            model_version: the candidate's name in the report, such as `sba/3`.
        """
        results: list[Result] = []
        for name in self.checks:
            progress(f"checking {name}")
            results += CHECKS[name](evidence)
        return Report(Subject.of(evidence, model_version), tuple(results))
