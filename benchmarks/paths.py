"""`./run bench paths`: how long the path to the next tier takes, and how often it is proven.

On evaluations of the bundled sample drawn at random, with the model that `./run demo` or `./run tierwise
train` made, and under the baseline alone. Processor and wall time of one customer at a time, in one thread.
"""

import argparse
import time
from collections import Counter

import numpy as np

from features.portfolio import Portfolio
from models.decision import Scorer
from models.engine import load_kernels
from models.next_tier.paths import Outcome, PathFinder
from models.next_tier.programme import load_solver
from serving.served import load_served
from serving.settings import Settings
from training.sample import NAME, build_sample

SEED = 5


def main() -> None:
    """Find the paths and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1000, help="how many are drawn")
    arguments = parser.parse_args()
    scorer = load_served(Settings(model=NAME)).scorer
    load_kernels()
    load_solver()
    whole = build_sample().data.portfolio
    rows = np.random.default_rng(SEED).choice(len(whole), arguments.customers, replace=False)
    drawn = whole.take(np.sort(rows))
    print(f"{len(drawn):,} customers; times in ms")
    print("| scorer | path | impossible | at the top | proven | steps, most | median | p90 | p99 | longest |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    print(line("trained model", scorer, drawn))
    print(line("baseline alone", Scorer(scorer.catalog, scorer.policy), drawn))


def line(name: str, scorer: Scorer, portfolio: Portfolio) -> str:
    """Return one scorer's line of the table, wall time first and processor time behind it."""
    finder = PathFinder(scorer)
    finder.find(portfolio, 0)
    found: Counter[Outcome] = Counter()
    proven, longest = 0, 0
    wall, processor = [], []
    for row in range(len(portfolio)):
        started, used = time.perf_counter(), time.thread_time()
        path = finder.find(portfolio, row)
        wall.append(1e3 * (time.perf_counter() - started))
        processor.append(1e3 * (time.thread_time() - used))
        found[path.outcome] += 1
        proven += path.proven
        longest = max(longest, len(path.steps))
    times = [
        f"{np.quantile(wall, share):.1f} ({np.quantile(processor, share):.1f})"
        for share in (0.5, 0.9, 0.99, 1.0)
    ]
    counts = [found[o] for o in (Outcome.PATH, Outcome.IMPOSSIBLE, Outcome.AT_THE_TOP)]
    return f"| {' | '.join(map(str, (name, *counts, f'{proven / len(portfolio):.1%}', longest, *times)))} |"


if __name__ == "__main__":
    main()
