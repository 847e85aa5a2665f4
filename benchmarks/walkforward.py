"""`./run bench walkforward`: the SBA sample's years, each judged by what was known before it.

The years 2004 to 2010 are evaluated once per release; `--record REASON` adds the run to
`benchmarks/walkforward_runs.jsonl`. Choices are made with `--years 2001-2003`.
"""

import argparse
import json
import time
from datetime import date
from pathlib import Path

from training.report import walk_forward_grids, walk_forward_summary
from training.sample import WALK_FORWARD_YEARS, build_sample
from training.walkforward import walk_forward

RUNS = Path(__file__).parent / "walkforward_runs.jsonl"


def main() -> None:
    """Walk forward and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", default=f"{WALK_FORWARD_YEARS[0]}-{WALK_FORWARD_YEARS[-1]}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--record", metavar="REASON", help="add the run, with its reason, to the recorded runs"
    )
    arguments = parser.parse_args()
    first, last = (int(year) for year in arguments.years.split("-"))
    start = time.perf_counter()
    sample = build_sample()
    results = tuple(
        walk_forward(
            sample.data,
            sample.matured_on,
            sample.policy,
            range(first, last + 1),
            threads=arguments.threads,
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
    if arguments.record:
        line = {"date": date.today().isoformat(), "reason": arguments.record, **summary}
        with RUNS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    print()
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
