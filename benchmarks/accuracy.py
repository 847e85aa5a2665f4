"""`./run bench accuracy`: Tierwise's learner and its peers on the same folds of five data sets.

Fits run side by side, each with one thread. Peers are tuned inside the folds, on the training customers
alone; nothing is set for a data set but what its columns are. Results are kept under
`$TIERWISE_STATE/benchmarks/accuracy` as they are done, so a run that was stopped goes on where it was. The
SBA sample's years 2004 to 2010 are evaluated once per release; choices are made with `--sba-years 2001-2003`.
"""

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.accuracy_parts import store
from benchmarks.accuracy_parts.comparison import Comparison, compare
from benchmarks.accuracy_parts.datasets import NAMES, Absent, load
from benchmarks.accuracy_parts.ensembles import CatBoost, LightGbm, RandomForest, XgBoost
from benchmarks.accuracy_parts.folds import SEED, Split, outer_splits
from benchmarks.accuracy_parts.glass_boxes import CompileMl, Ebm, SingleIndicator, WoeLogistic
from benchmarks.accuracy_parts.methods import Method
from benchmarks.accuracy_parts.own import Tierwise
from benchmarks.accuracy_parts.report import document, markdown
from benchmarks.accuracy_parts.tables import Table, fold_of

METHODS: tuple[Method, ...] = (
    Tierwise(),
    WoeLogistic(),
    Ebm(),
    CompileMl(),
    LightGbm(),
    XgBoost(),
    CatBoost(),
    RandomForest(),
    SingleIndicator(),
)
OWN = METHODS[0].name
SBA_YEARS = (2004, 2010)


def main() -> None:
    """Fill in what is not yet kept, then print the tables and one line of JSON."""
    arguments = _arguments()
    first, last = (int(year) for year in arguments.sba_years.split("-"))
    methods = [method for method in METHODS if method.slug in arguments.methods]
    if arguments.fresh:
        store.forget(arguments.sets, arguments.methods)
    start = time.perf_counter()
    # Before anything is fitted: a file that changes while this runs must not lend its version to old code.
    versions = {method.slug: store.method_version(method) for method in methods}
    comparisons = []
    absent = []
    for name in arguments.sets:
        try:
            table = load(name)
        except Absent as problem:
            absent.append(name)
            print(f"left out: {problem}", file=sys.stderr)
            continue
        splits = list(outer_splits(table, range(first, last + 1)))[: arguments.most_folds]
        comparisons.append(run(table, splits, methods, versions, arguments.jobs))
    glass_boxes = [method.name for method in methods if method.glass_box and method.name != OWN]
    print("\n".join(markdown(comparisons, OWN, glass_boxes)))
    summary = {
        "benchmark": "accuracy",
        "sba_years": arguments.sba_years,
        "absent": absent,
        **document(comparisons, OWN, glass_boxes),
        "seconds": round(time.perf_counter() - start, 1),
    }
    print()
    print(json.dumps(_strict(summary), allow_nan=False))


def run(
    table: Table,
    splits: Sequence[Split],
    methods: Sequence[Method],
    versions: Mapping[str, str],
    jobs: int,
) -> Comparison:
    """Return a data set's comparison; what is not kept yet is computed, `jobs` fits at a time, and kept."""
    # Where times change one indicator is hard to beat; elsewhere it is no peer.
    methods = [method for method in methods if table.days is not None or method.slug != "single"]
    paths = {
        (place, method.slug): store.path_of(table, split, method, versions[method.slug], SEED)
        for place, split in enumerate(splits)
        for method in methods
    }
    # What libraries of linear algebra would take by themselves.
    os.environ["OMP_NUM_THREADS"] = "1"
    # Spawned, since OpenMP does not survive a fork; with one thread each, for most peers use no more.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _start, (table, splits)) as pool:
        missing = [key for key, path in paths.items() if store.read(path) is None]
        for told in pool.map(_fit, [(*key, paths[key]) for key in missing]):
            print(f"{table.name} {told}", file=sys.stderr, flush=True)
    results: dict[str, list[store.Result]] = {method.name: [] for method in methods}
    for (_, slug), path in paths.items():
        result = store.read(path)
        if result is None:
            raise RuntimeError(f"{path}: a result that was just kept is not there")
        results[_method(slug).name].append(result)
    return compare(table, splits, results, OWN)


_given: list[tuple[Table, Sequence[Split]]] = []


def _start(table: Table, splits: Sequence[Split]) -> None:
    """Give a worker what all of its fits share."""
    _given.append((table, splits))


def _fit(task: tuple[int, str, Path]) -> str:
    """Evaluate one method on one fold and keep the result; return what there is to tell."""
    place, slug, path = task
    table, splits = _given[-1]
    result = evaluate(table, splits[place], _method(slug), threads=1)
    store.write(path, result)
    return f"{splits[place].label} {slug}: {result.fit_seconds:.1f} s {result.chosen}"


def _method(slug: str) -> Method:
    return next(method for method in METHODS if method.slug == slug)


def evaluate(table: Table, split: Split, method: Method, threads: int) -> store.Result:
    """Fit a method on a fold's training customers, predict and explain its test customers."""
    rows, test = fold_of(table, split.training, split.test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        fitted = method.fit(rows, threads, SEED)
        fit_seconds = time.perf_counter() - start
        predicted = fitted.predict(test)
        explained = test[: method.explained]
        fitted.explain(explained[:1])  # what is compiled or imported once is not a row's cost
        start = time.perf_counter()
        fitted.explain(explained)
        explain_seconds = (time.perf_counter() - start) / len(explained)
    return store.Result(
        predicted.score, predicted.probability, fit_seconds, explain_seconds, dict(fitted.chosen)
    )


def _strict(value: object) -> object:
    """Return what JSON can hold: no figure is null."""
    if isinstance(value, dict):
        return {name: _strict(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    slugs = [method.slug for method in METHODS]
    parser.add_argument("--sets", nargs="+", choices=NAMES, default=list(NAMES), metavar="SET")
    parser.add_argument("--methods", nargs="+", choices=slugs, default=slugs, metavar="METHOD")
    parser.add_argument("--sba-years", default=f"{SBA_YEARS[0]}-{SBA_YEARS[1]}")
    parser.add_argument("--most-folds", type=int, default=None, help="stop after so many folds of each set")
    parser.add_argument("--jobs", type=int, default=2, help="fits side by side, with a thread each")
    parser.add_argument(
        "--fresh", action="store_true", help="forget the kept results of these sets and methods"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
