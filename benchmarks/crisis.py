"""`./run bench crisis`: a model left alone, recalibrated or retrained through the SBA years 2000 to 2011.

Until 2004 a company trains anew on every first of January. From then on it leaves the model as it is, or
calibrates it anew each year, or trains again each year. For each: what was predicted, how many tiers were
wrong, which alarms monitoring gives and when. `--record REASON` adds the run to
`benchmarks/crisis_runs.jsonl`, from which the notebook `notebooks/crisis_walk_forward.py` reads it.
"""

import json
import sys
import time

import numpy as np

from benchmarks.crisis_parts.recorded import LEFT_ALONE_FROM, YEARS, record, sources
from benchmarks.walked import asked_for
from training.monitoring.walk import quarters, timeline, walk
from training.monitoring.walk_report import document, grids
from training.sample import build_sample


def main() -> None:
    """Walk, watch the model left alone, and print the tables."""
    asked = asked_for(__doc__, YEARS)
    start = time.perf_counter()
    sample = build_sample()
    walked = list(
        walk(
            sample,
            asked.years,
            LEFT_ALONE_FROM,
            threads=asked.threads,
            progress=_tell,
        )
    )
    years, (_, left) = [year for year, _ in walked], walked[-1]
    if left is None:
        raise SystemExit("crisis: no model could be trained in these years; choose later ones")
    _tell("watching the model left alone, each quarter")
    begun = int(str(left.trained_on)[:4])
    watches = list(timeline(sample, left, quarters(begun, np.max(sample.matured_on))))
    for grid in grids(years, watches):
        print(f"\n{grid.title}\n")
        print("\n".join(grid.markdown()))
    summary = {
        "benchmark": "crisis",
        **sources(),
        "left_alone_from": LEFT_ALONE_FROM,
        **document(years, watches),
        "seconds": round(time.perf_counter() - start, 1),
    }
    if asked.reason:
        record(summary, asked.reason)
    print()
    print(json.dumps(summary))


def _tell(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
