"""`./run bench speed`: the engine's score and exact explanation beside LightGBM and shap.

One machine, one process, the same model and rows for all; the data is synthetic, 40 indicators, and says
nothing about quality. LightGBM gets as many threads as the engine, and the layout that it is quickest with.
All take turns; ratios are medians over the turns, of rows a second.
"""

import argparse
import gc
import json
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import shap
from numpy.typing import NDArray

from benchmarks.synthetic import (
    CATEGORIES,
    FEATURES,
    LEVELS,
    PAIRS,
    synthetic_matrix,
    synthetic_outcomes,
    synthetic_portfolio,
)
from features.portfolio import Floats
from models.compilation import compile_boosters
from models.engine import Engine, load_kernels
from models.packing import Packed
from models.points import PointsTables
from models.row import RowExplainer
from training.train import train_model

SIZES = (100, 300, 1000)
LEAVES = 8
SEED = 7
# The most that an explanation may be off before anything is timed.
EXACT = 1e-9
# LightGBM's turn takes about so many seconds, shap's as long; the rows follow from it.
TURN = 1.0
MANY = 1_000_000
SCALING = (10_000, 100_000, 1_000_000, 10_000_000)
LATENCIES = 5_000
CATEGORICAL = list(range(FEATURES - CATEGORIES, FEATURES))


@dataclass(frozen=True, eq=False)
class Contender:
    """One model twice: LightGBM boosters, whose mean counts, and the tables; `learned` is what both share.

    The champion's tables hold the prior too, which LightGBM does not have to compute.
    """

    name: str
    boosters: Sequence[lgb.Booster]
    tables: PointsTables
    learned: PointsTables

    @property
    def trees(self) -> int:
        return sum(booster.num_trees() for booster in self.boosters)

    @property
    def leaves(self) -> int:
        """The leaves of all trees."""
        models = (booster.dump_model() for booster in self.boosters)
        return sum(tree["num_leaves"] for model in models for tree in model["tree_info"])

    def predict(self, matrix: NDArray[Any], threads: int, **what: Any) -> Any:
        """Return LightGBM's mean over the boosters."""
        answers = [booster.predict(matrix, num_threads=threads, **what) for booster in self.boosters]
        return answers[0] if len(answers) == 1 else np.mean(answers, axis=0)


@dataclass(frozen=True)
class Speed:
    """Rows a second, and how many times as fast the engine's explanation was; medians over the turns.

    `cpu_ratios` are of processor time, on which other processes on the machine have less influence.
    """

    rows: dict[str, int]
    rates: dict[str, float]
    ratios: dict[str, float]
    cpu_ratios: dict[str, float]


def champion(customers: int, threads: int) -> Contender:
    """Train as `tierwise train` does."""
    data, policy = synthetic_portfolio(customers, SEED)
    trained = train_model(data, policy, threads=threads)
    return Contender("champion", trained.boosters, trained.model.tables, trained.model.correction)


def of_size(trees: int, customers: int, threads: int) -> Contender:
    """Train a booster of a given size on the same columns, 16 pairs allowed."""
    matrix = synthetic_matrix(customers, SEED)
    parameters: dict[str, Any] = {
        "objective": "binary", "verbose": -1, "num_threads": threads, "num_leaves": LEAVES, "max_bin": 255,
        "learning_rate": 0.1, "seed": SEED,
        "interaction_constraints": [[i] for i in range(FEATURES)] + [list(pair) for pair in PAIRS],
    }  # fmt: skip
    data = lgb.Dataset(matrix, synthetic_outcomes(matrix, SEED), categorical_feature=CATEGORICAL)
    booster = lgb.train(parameters, data, trees)
    names = [f"indicator_{i}" for i in range(FEATURES)]
    tables = compile_boosters([booster], names, {names[i]: LEVELS + 1 for i in CATEGORICAL})
    return Contender(f"{trees:,} trees", [booster], tables, tables)


def check(contender: Contender, matrix: Floats) -> float:
    """Return the largest difference from LightGBM of a score or a contribution; stop if it is above EXACT."""
    margin, contributions = Engine(contender.learned).explain(matrix)
    expected = contender.predict(matrix, 1, pred_contrib=True)
    raw = contender.predict(matrix, 1, raw_score=True)
    difference = max(np.abs(contributions - expected[:, :-1]).max(), np.abs(margin - raw).max())
    whole = Engine(contender.tables).explain(matrix)[1]
    difference = max(difference, np.abs(whole - contender.tables.contributions(matrix)).max())
    if not difference <= EXACT:
        raise SystemExit(
            f"{contender.name}: the engine differs from LightGBM by {difference:g}; nothing is timed"
        )
    return float(difference)


def measure(contender: Contender, threads: int, turns: int) -> Speed:
    """Let all take turns on the same rows; shap, and what is slower still, gets the first of them."""
    engine = Engine(contender.tables)
    explainers = [shap.TreeExplainer(booster) for booster in contender.boosters]
    some = synthetic_matrix(2_000, SEED + 1)
    rate = len(some) / seconds(lambda: contender.predict(some, threads, pred_contrib=True))
    matrix = synthetic_matrix(max(2_000, int(rate * TURN)), SEED + 1)
    few = matrix[: len(matrix) // 4]
    many = np.tile(some, (MANY // len(some), 1))
    # Written again and again: what new memory costs is the machine's affair, and stands in the scaling table.
    out = np.zeros((MANY, FEATURES), order="F")
    single = matrix.astype(np.float32)
    contrib = quickest_layout(few, lambda m: contender.predict(m, threads, pred_contrib=True))
    plain = quickest_layout(matrix, lambda m: contender.predict(m, threads, raw_score=True))
    of_contrib, of_plain = contrib(matrix), plain(matrix)
    works: dict[str, tuple[int, Callable[[], Any]]] = {
        "explain": (len(matrix), lambda: engine.explain(matrix, threads)),
        "pred_contrib": (
            len(matrix),
            lambda: contender.predict(of_contrib, threads, pred_contrib=True),
        ),
        "predict": (len(matrix), lambda: contender.predict(of_plain, threads, raw_score=True)),
        "shap": (len(few), lambda: [explainer.shap_values(few) for explainer in explainers]),
        "explain 1M rows": (MANY, lambda: engine.explain(many, threads, out)),
        "explain float32": (len(matrix), lambda: engine.explain(single, threads)),
        "explain 1 thread": (len(matrix), lambda: engine.explain(matrix, 1)),
        "score": (len(matrix), lambda: engine.score(matrix, threads)),
    }
    repeats = {
        name: max(1, int(TURN / 4 / min(seconds(work) for _ in range(2))))
        for name, (_, work) in works.items()
    }
    rates: dict[str, list[float]] = {name: [] for name in works}
    cpu_rates: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(turns):
        for name, (rows, work) in works.items():
            begin, cpu_begin = time.perf_counter(), time.process_time()
            for _ in range(repeats[name]):
                work()
            rates[name].append(rows * repeats[name] / (time.perf_counter() - begin))
            cpu_rates[name].append(rows * repeats[name] / (time.process_time() - cpu_begin))
    return Speed(
        rows={name: rows for name, (rows, _) in works.items()},
        rates={name: statistics.median(of) for name, of in rates.items()},
        ratios=_ratios(rates),
        cpu_ratios=_ratios(cpu_rates),
    )


def _ratios(rates: dict[str, list[float]]) -> dict[str, float]:
    return {
        name: statistics.median(ours / theirs for ours, theirs in zip(rates["explain"], of, strict=True))
        for name, of in rates.items()
    }


def quickest_layout(matrix: Floats, work: Callable[[NDArray[Any]], Any]) -> Callable[[Floats], NDArray[Any]]:
    """Return the conversion after which LightGBM is quickest; the conversion itself is not timed."""
    layouts: tuple[Callable[[Floats], NDArray[Any]], ...] = (
        np.ascontiguousarray,
        np.asfortranarray,
        lambda m: m.astype(np.float32),
    )
    times = []
    for layout in layouts:
        timed = partial(work, layout(matrix))
        times.append(min(seconds(timed) for _ in range(3)))
    return layouts[times.index(min(times))]


def latencies(contender: Contender) -> dict[str, tuple[float, float]]:
    """Return the p50 and p99 in µs of one explained row, another row each time."""
    engine = Engine(contender.tables)
    matrix = synthetic_matrix(LATENCIES, SEED + 2)
    lists = matrix.tolist()
    explainer = RowExplainer(Packed(contender.tables, 1.0), contender.tables.base)
    load_kernels()
    works: dict[str, tuple[int, Callable[[int], Any]]] = {
        "engine, NumPy row": (LATENCIES, lambda row: engine.explain_row(matrix[row])),
        "engine, list": (LATENCIES, lambda row: engine.explain_row(lists[row])),
        "engine without compiled code, list": (
            LATENCIES,
            lambda row: explainer.explain(lists[row], [0.0] * FEATURES),
        ),
        "LightGBM pred_contrib": (
            LATENCIES // 10,
            lambda row: contender.predict(matrix[row : row + 1], 1, pred_contrib=True),
        ),
    }
    result = {}
    for name, (rows, work) in works.items():
        times = []
        for row in range(rows):
            begin = time.perf_counter()
            work(row)
            times.append((time.perf_counter() - begin) * 1e6)
        p50, p99 = np.percentile(times, [50, 99])
        result[name] = (float(p50), float(p99))
    return result


@dataclass(frozen=True)
class Scale:
    """So many rows: seconds of the engine's explanation, and its memory beyond the answer, in MiB."""

    rows: int
    seconds: float
    output: float
    beyond: float | None


def scaling(contender: Contender, threads: int, largest: int) -> Iterator[Scale]:
    """Explain more and more rows, each time into new memory."""
    engine = Engine(contender.tables)
    some = synthetic_matrix(10_000, SEED + 3)
    for rows in (rows for rows in SCALING if rows <= largest):
        matrix = np.tile(some, (rows // len(some), 1))
        engine.explain(some, threads)
        gc.collect()
        before = memory("VmRSS")
        reset_peak()
        begin = time.perf_counter()
        margin, contributions = engine.explain(matrix, threads)
        first = time.perf_counter() - begin
        peak = memory("VmHWM")
        output = (margin.nbytes + contributions.nbytes) / 2**20
        del margin, contributions
        again = [seconds(partial(engine.explain, matrix, threads)) for _ in range(2)]
        beyond = None if before is None or peak is None else max(0.0, peak - before - output)
        yield Scale(rows, statistics.median([first, *again]), output, beyond)


def memory(key: str) -> float | None:
    """Return this process's memory in MiB, as Linux counts it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1]) / 1024


def reset_peak() -> None:
    """Let VmHWM begin anew."""
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


def seconds(work: Callable[[], Any]) -> float:
    """Return how long something took."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def table(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table."""
    print(f"\n**{title}**\n")
    for line in (head, ["---"] * len(head), *lines):
        print(f"| {' | '.join(line)} |")


def print_speeds(
    contenders: Sequence[Contender], speeds: Sequence[Speed], differences: Sequence[float]
) -> None:
    """Print models, ratios and rates."""
    table(
        "Models", ["model", "trees", "leaves", "tables of 1, 2, 3", "largest difference"],
        [
            [
                of.name, f"{of.trees:,}", f"{of.leaves:,}",
                ", ".join(str(len(of.tables.of_order(order))) for order in (1, 2, 3)), f"{difference:.1e}",
            ]
            for of, difference in zip(contenders, differences, strict=True)
        ],
    )  # fmt: skip
    table(
        "How many times as fast: score and exact explanation by the engine, against …",
        [
            "model", "LightGBM pred_contrib", "shap.TreeExplainer", "LightGBM predict (no explanation)",
            "pred_contrib, the engine on 1,000,000 rows",
        ],
        [
            [
                of.name,
                *(f"**{speed.ratios[name]:,.1f}**" for name in ("pred_contrib", "shap", "predict")),
                f"{speed.ratios['pred_contrib'] / speed.ratios['explain 1M rows']:,.1f}",
            ]
            for of, speed in zip(contenders, speeds, strict=True)
        ],
    )  # fmt: skip
    table(
        "The same in processor time, all threads counted",
        ["model", "LightGBM pred_contrib", "shap.TreeExplainer", "LightGBM predict (no explanation)"],
        [
            [of.name, *(f"{speed.cpu_ratios[name]:,.1f}" for name in ("pred_contrib", "shap", "predict"))]
            for of, speed in zip(contenders, speeds, strict=True)
        ],
    )
    names = list(speeds[0].rates)
    table(
        "Rows a second",
        ["model", "rows", *names],
        [
            [of.name, f"{speed.rows['explain']:,}", *(f"{speed.rates[name]:,.0f}" for name in names)]
            for of, speed in zip(contenders, speeds, strict=True)
        ],
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2, help="of the engine and of LightGBM alike")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--customers", type=int, default=60_000, help="to train on")
    parser.add_argument("--largest", type=int, default=SCALING[-1], help="the most rows of the scaling table")
    parser.add_argument("--without-champion", action="store_true", help="the fixed sizes only")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", "LightGBM binary classifier with TreeExplainer", UserWarning)
    begin = time.perf_counter()
    contenders = [of_size(trees, arguments.customers, arguments.threads) for trees in SIZES]
    if not arguments.without_champion:
        contenders.insert(0, champion(arguments.customers, arguments.threads))
    some = synthetic_matrix(2_000, SEED + 4)
    differences = [check(contender, some) for contender in contenders]
    speeds = [measure(contender, arguments.threads, arguments.turns) for contender in contenders]
    print_speeds(contenders, speeds, differences)

    by_row = [latencies(contender) for contender in contenders]
    table(
        "One explained row in process, µs: p50 / p99",
        ["model", *by_row[0]],
        [
            [of.name, *(f"{p50:.1f} / {p99:.1f}" for p50, p99 in times.values())]
            for of, times in zip(contenders, by_row, strict=True)
        ],
    )
    scales = list(scaling(contenders[0], arguments.threads, arguments.largest))
    table(
        f"From few rows to many: {contenders[0].name}",
        ["rows", "seconds", "ns a row", "answer, MiB", "memory beyond the answer, MiB"],
        [
            [
                f"{of.rows:,}", f"{of.seconds:.4f}", f"{of.seconds / of.rows * 1e9:.0f}", f"{of.output:.1f}",
                "not known" if of.beyond is None else f"{of.beyond:.1f}",
            ]
            for of in scales
        ],
    )  # fmt: skip
    summary = {
        "benchmark": "speed",
        "ratio_pred_contrib": round(speeds[0].ratios["pred_contrib"], 1),
        "ratio_shap": round(speeds[0].ratios["shap"], 1),
        "ratio_predict": round(speeds[0].ratios["predict"], 2),
        "smallest_ratio_pred_contrib": round(min(speed.ratios["pred_contrib"] for speed in speeds), 1),
        "smallest_ratio_shap": round(min(speed.ratios["shap"] for speed in speeds), 1),
        "smallest_ratio_predict": round(min(speed.ratios["predict"] for speed in speeds), 2),
        "row_p50_us": round(by_row[0]["engine, NumPy row"][0], 2),
        "row_p99_us": round(by_row[0]["engine, NumPy row"][1], 2),
        "models": {
            of.name: {
                "trees": of.trees, "leaves": of.leaves,
                "ratio_pred_contrib": round(speed.ratios["pred_contrib"], 1),
                "ratio_shap": round(speed.ratios["shap"], 1),
                "cpu_ratio_pred_contrib": round(speed.cpu_ratios["pred_contrib"], 1),
                "ratio_predict": round(speed.ratios["predict"], 2),
                "ratio_pred_contrib_1m_rows": round(
                    speed.ratios["pred_contrib"] / speed.ratios["explain 1M rows"], 1
                ),
                "rows_per_second": {name: round(rate) for name, rate in speed.rates.items()},
            }
            for of, speed in zip(contenders, speeds, strict=True)
        },
        "scaling": {str(of.rows): round(of.seconds, 5) for of in scales},
        "threads": arguments.threads,
        "python": platform.python_version(),
        "seconds": round(time.perf_counter() - begin, 1),
    }  # fmt: skip
    print()
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
