"""`./run bench walkforward`: the SBA sample's years, each judged by what was known before it.

The years 2004 to 2010 are evaluated once per release; `--record REASON` adds the run to
`benchmarks/walkforward_runs.jsonl`. Choices are made with `--years 2001-2003`.
"""

import json
import time
from pathlib import Path

from benchmarks.walked import add_line, asked_for, line_of
from training.report import walk_forward_grids, walk_forward_summary
from training.sample import WALK_FORWARD_YEARS, build_sample
from training.walkforward import walk_forward

RUNS = Path(__file__).parent / "walkforward_runs.jsonl"


def main() -> None:
    """Walk forward and print the tables."""
    asked = asked_for(__doc__, WALK_FORWARD_YEARS)
    start = time.perf_counter()
    sample = build_sample()
    results = tuple(
        walk_forward(
            sample.data,
            sample.matured_on,
            sample.policy,
            asked.years,
            threads=asked.threads,
            progress=lambda step: print(step, flush=True),
        )
    )
    for grid in walk_forward_grids(results):
        print(f"\n{grid.title}\n")
        print("\n".join(grid.markdown()))
    summary = {
        "benchmark": "walkforward",
        "catalog_hash": sample.data.portfolio.catalog.hash,
        "policy_hash": sample.policy.hash,
        **walk_forward_summary(results),
        "seconds": round(time.perf_counter() - start, 1),
    }
    if asked.reason:
        add_line(line_of(summary, asked.reason), RUNS)
    print()
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
