"""The recorded runs of the crisis walk-forward: each line is whole, and of data that can be told again."""

import hashlib
import json
from pathlib import Path
from typing import Any

from benchmarks.walked import add_line, line_of
from features.catalog import load_catalog
from features.records import SAMPLE
from models.policy import load_policy
from training.sample import NAME

YEARS = tuple(range(2000, 2012))
# The first year in which the model of the year is not replaced any more: before the bad rate rose.
LEFT_ALONE_FROM = 2004
RUNS = Path(__file__).parents[1] / "crisis_runs.jsonl"
_HASH = "sha256"


class NotRecorded(RuntimeError):
    """There is no recorded run that can be relied on; one line that says what to do."""


def sources() -> dict[str, str]:
    """Return the hashes of what a run rests on: the bundled records, catalog and policy."""
    return {
        "sample_sha256": hashlib.sha256(SAMPLE.read_bytes()).hexdigest(),
        "catalog_hash": load_catalog(NAME).hash,
        "policy_hash": load_policy(NAME).hash,
    }


def record(summary: dict[str, Any], reason: str, runs: Path = RUNS) -> None:
    """Add a run to the recorded ones, with its day, its reason and the SHA-256 of the line without it."""
    line = line_of(summary, reason)
    add_line({**line, _HASH: _hash_of(line)}, runs)


def newest_run(runs: Path = RUNS) -> dict[str, Any]:
    """Return the newest recorded run, checked: nothing in the line was changed, and it is of today's sample.

    Raises:
        NotRecorded: there is none, it was changed, or it is of other records, another catalog or policy.
    """
    again = "run it again: ./run bench crisis --record REASON"
    try:
        lines = runs.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise NotRecorded(f"{runs}: cannot be read ({error.strerror}); {again}") from None
    if not lines:
        raise NotRecorded(f"{runs}: holds no run; {again}")
    line: dict[str, Any] = json.loads(lines[-1])
    if line.pop(_HASH, None) != _hash_of(line):
        raise NotRecorded(f"{runs}: the newest run was changed after it was recorded; {again}")
    differs = [name for name, value in sources().items() if line.get(name) != value]
    if differs:
        raise NotRecorded(f"{runs}: the newest run is of another {differs[0].split('_')[0]}; {again}")
    return line


def _hash_of(line: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(line, sort_keys=True).encode()).hexdigest()
