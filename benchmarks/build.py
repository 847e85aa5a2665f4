"""`./run bench build`: from the departments' records of a synthetic company to indicators, in rows a second.

The company is simulated, staged, built and measured for quality as `tierwise simulate` and `tierwise build`
do it, each command in a process of its own whose peak of memory counts: staging, building and measuring
share one. Beside it, a few of its indicators are computed from the same staged tables by a build of their own
and by pandas, a process each, and must come out equal wherever they are declared.
"""

import argparse
import json
import multiprocessing
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import yaml

from features.building import EVIDENCE, INDICATORS, build
from features.catalog import Catalog, load_catalog
from features.document import catalog_of, indicators_of
from features.pipeline import prepare
from features.simulation.company import simulate
from features.sources.engine import MEMORY_LIMIT

SEED = 11
FIRST, LAST = date(2021, 1, 1), date(2025, 12, 31)
BUILDING, MEASURING = "building indicators", "measuring quality"
BESIDE = {
    "total_assets": "latest(financial_statements.total_assets)",
    "overdue_days_max_12m": "largest(payments.overdue_days, months=12)",
    "order_count_36m": "count(orders, months=36)",
    "purchase_amount_12m": "sum(orders.amount, months=12)",
}
"""What is computed by pandas too, by the name that it has in the reduced catalog."""
CLOSE = 1e-12
MIB = 1024


@dataclass(frozen=True)
class Step:
    """What a step took: rows are those it reads or writes, memory the peak of its whole process in MiB.

    None where it shares the process with other steps.
    """

    name: str
    rows: int
    seconds: float
    memory: float | None

    @property
    def rate(self) -> float:
        return self.rows / self.seconds


def main() -> None:
    """Print the steps as a table, the comparison with pandas, and one line of JSON."""
    arguments = _arguments()
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tierwise-build-", dir=arguments.folder) as folder:
        work = Path(folder)
        simulated, simulating = _apart(_simulate, work / "company", arguments.customers)
        prepared, preparing = _apart(_prepare, work / "company", work / "built", arguments.memory)
        ours, building = _apart(_build_few, work / "built", work / "few", arguments.memory)
        theirs, grouping = _apart(_group_few, work / "built", work / "pandas.parquet")
        compare(work / "few", work / "pandas.parquet")
    few = prepared["few"]
    steps = (
        Step("simulate", simulated["rows"], simulated["seconds"], simulating),
        Step("stage", prepared["rows"], prepared["staging"], None),
        Step("build", prepared["rows"], prepared["building"], None),
        Step("measure quality", prepared["cells"], prepared["measuring"], None),
    )
    _print_steps(steps)
    print(f"\nstage, build and measure quality: one process, whose peak is {preparing:,.0f} MiB\n")
    ratio = theirs["seconds"] / ours["seconds"]
    print(f"{len(BESIDE)} indicators from {few:,} staged rows, equal in every declared cell\n")
    print("| engine | seconds | rows/s | peak MiB |\n|---|--:|--:|--:|")
    for name, seconds, memory in (
        ("Tierwise (DuckDB), with the evidence of every cell", ours["seconds"], building),
        ("pandas, without evidence", theirs["seconds"], grouping),
    ):
        print(f"| {name} | {seconds:.1f} | {few / seconds:,.0f} | {memory:,.0f} |")
    print()
    print(json.dumps({
        "benchmark": "build",
        "customers": arguments.customers,
        "records": prepared["rows"],
        "indicators": prepared["indicators"],
        "rows_per_second": {step.name: round(step.rate) for step in steps},
        "records_to_frame_per_second": round(prepared["rows"] / (prepared["staging"] + prepared["building"])),
        "seconds": {step.name: round(step.seconds, 1) for step in steps},
        "peak_mib": {"simulate": round(simulating), "stage to quality": round(preparing)},
        "memory_limit": arguments.memory,
        "pandas_seconds_over_ours": round(ratio, 2),
        "pandas_memory_over_ours": round(grouping / building, 2),
        "python": platform.python_version(),
        "total_seconds": round(time.perf_counter() - begin, 1),
    }))  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench build", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000, help="customers of the synthetic company")
    parser.add_argument("--memory", default=MEMORY_LIMIT, help="DuckDB's memory limit (default %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the tables go meanwhile (about 3 KB a customer)")
    return parser.parse_args()


def _apart(work: Callable[..., dict[str, Any]], *arguments: object) -> tuple[dict[str, Any], float]:
    """Run a step in a fresh process; return its answer and the process's peak of memory in MiB."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(sender, work, arguments))
    process.start()
    sender.close()
    try:
        answer, peak = receiver.recv()
    except EOFError:
        raise SystemExit(f"{work.__name__.strip('_')}: the step has failed; see above") from None
    finally:
        process.join()
    return answer, peak


def _measured(sender: Any, work: Callable[..., dict[str, Any]], arguments: tuple[object, ...]) -> None:
    answer = work(*arguments)
    sender.send((answer, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB))


def _simulate(company: Path, customers: int) -> dict[str, Any]:
    begin = time.perf_counter()
    simulated = simulate(company, customers, SEED, first=FIRST, last=LAST)
    return {"rows": sum(simulated.rows.values()), "seconds": time.perf_counter() - begin}


def _prepare(company: Path, output: Path, memory: str) -> dict[str, Any]:
    begin = time.perf_counter()
    reached: dict[str, float] = {}
    prepared = prepare(
        company / "portfolio.yaml",
        output,
        as_of=LAST,
        memory_limit=memory,
        progress=lambda step: reached.update({step: time.perf_counter()}),
    )
    end = time.perf_counter()
    staged = prepared.staged
    few = {value.split("(")[1].split(".")[0].split(",")[0] for value in BESIDE.values()}
    columns = pq.read_schema(prepared.built.indicators).names
    indicators = len(set(columns) & set(prepared.catalog.by_id))
    return {
        "rows": sum(table.read for table in staged.tables.values()),
        "few": sum(staged.tables[name].matched for name in few),
        "indicators": indicators,
        "cells": prepared.built.rows * indicators,
        "staging": reached[BUILDING] - begin,
        "building": reached[MEASURING] - reached[BUILDING],
        "measuring": end - reached[MEASURING],
    }


def _build_few(built: Path, output: Path, memory: str) -> dict[str, Any]:
    catalog = _reduced(load_catalog("customer"))
    begin = time.perf_counter()
    build(
        catalog,
        {name: built / "staged" / f"{name}.parquet" for name in catalog.tables},
        output,
        as_of=LAST,
        memory_limit=memory,
    )
    return {"seconds": time.perf_counter() - begin}


def _reduced(catalog: Catalog) -> Catalog:
    """Return the catalog with the few indicators' plain expressions alone, all of them for every nature."""
    document = yaml.safe_load(
        json.dumps(catalog.model_dump(mode="json", by_alias=True, exclude_defaults=True))
    )
    for indicator in indicators_of(document):
        indicator.pop("value", None)
        if indicator["id"] in BESIDE:
            indicator["value"] = BESIDE[indicator["id"]]
    return catalog_of(document)


def _group_few(built: Path, output: Path) -> dict[str, Any]:
    begin = time.perf_counter()
    day = pd.Timestamp(LAST)
    staged = built / "staged"
    customers = pd.read_parquet(
        staged / "customers.parquet", columns=["customer_id", "effective", "known_at"]
    )
    frame = pd.DataFrame(index=pd.Index(customers["customer_id"].unique(), name="customer_id"))
    statements = _seen(staged / "financial_statements.parquet", ["period_end"], ["total_assets"], day)
    newest = statements.sort_values("effective", kind="stable").groupby("customer_id").last(skipna=False)
    frame["total_assets"] = newest["total_assets"]
    payments = _seen(staged / "payments.parquet", ["invoice_no", "observed_on"], ["overdue_days"], day)
    recent = payments[payments["effective"] > day - pd.DateOffset(months=12)]
    frame["overdue_days_max_12m"] = recent.groupby("customer_id")["overdue_days"].max()
    orders = _seen(staged / "orders.parquet", ["order_no"], ["amount", "cancelled"], day)
    orders = orders[~orders["cancelled"].fillna(False).astype(bool)]
    of_three_years = orders[orders["effective"] > day - pd.DateOffset(months=36)]
    # Nothing delivered of a complete table means that nothing happened.
    orders_of = of_three_years.groupby("customer_id").size()
    frame["order_count_36m"] = orders_of.reindex(frame.index, fill_value=0)
    of_a_year = orders[orders["effective"] > day - pd.DateOffset(months=12)]
    amounts = of_a_year.groupby("customer_id")["amount"].sum(min_count=1)
    frame["purchase_amount_12m"] = amounts.reindex(frame.index, fill_value=0.0)
    frame.to_parquet(output)
    return {"seconds": time.perf_counter() - begin}


def _seen(file: Path, record: list[str], columns: list[str], day: pd.Timestamp) -> pd.DataFrame:
    """Return the newest row of each record of a staged table that was known on the day."""
    keys = ["customer_id", *record]
    rows = pd.read_parquet(
        file, columns=list(dict.fromkeys([*keys, "effective", "known_at", "row", *columns]))
    )
    for of in ("effective", "known_at"):
        rows = rows[pd.to_datetime(rows[of]) <= day]
    rows["effective"] = pd.to_datetime(rows["effective"])
    return rows.sort_values(["known_at", "row"]).drop_duplicates(keys, keep="last")


def compare(few: Path, theirs: Path) -> None:
    """Stop unless both engines computed the same wherever an indicator is declared, but for the last bits.

    Where it is not declared for a customer's nature ours must be missing; pandas knows no natures.
    """
    built = pd.read_parquet(few / INDICATORS).set_index("customer_id")
    grouped = pd.read_parquet(theirs).reindex(built.index)
    evidence = pd.read_parquet(few / EVIDENCE, columns=["customer_id", "indicator", "status"])
    statuses = evidence.pivot(index="customer_id", columns="indicator", values="status").reindex(built.index)
    for name in BESIDE:
        declared = (statuses[name] != "not_declared").to_numpy()
        left, right = (frame[name].astype("float64").to_numpy() for frame in (built, grouped))
        right = np.where(declared, right, np.nan)
        same = np.isclose(left, right, rtol=CLOSE, atol=0, equal_nan=True)
        if not same.all():
            raise SystemExit(f"{name}: the engines differ for {(~same).sum():,} of {len(same):,} customers")


def _print_steps(steps: tuple[Step, ...]) -> None:
    print("| step | rows | seconds | rows/s | peak MiB |\n|---|--:|--:|--:|--:|")
    for step in steps:
        memory = "" if step.memory is None else f"{step.memory:,.0f}"
        print(f"| {step.name} | {step.rows:,} | {step.seconds:.1f} | {step.rate:,.0f} | {memory} |")


if __name__ == "__main__":
    main()
