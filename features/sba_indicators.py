"""The SBA sample's indicators as they stood on the day of each evaluation: the build of portfolio `sba`."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.building import Built, build
from features.records import KNOWN_AT
from features.sources.delivery import load_delivered_catalog, load_delivery
from features.sources.staging import stage

PORTFOLIO = "sba"


def indicators(
    evaluations: pd.DataFrame,
    *,
    data: Path | None = None,
    threads: int | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> pd.DataFrame:
    """Compute every indicator of the `sba` catalog for each evaluation, as it stood on its day.

    Args:
        evaluations: rows with the columns of `Records.loans`; `known_at` is the day of evaluation, on which the
            loan must be among the records.
        data: where the portfolio file's paths start; by default at the bundled sample.
        threads: for DuckDB; None for one by core.

    Returns:
        One row per evaluation, in its order and with its index: `customer_id` (the loan's number as text),
        `nature`, `as_of`, `borrower` (to group by, no indicator), then the indicators in the catalog's order.
        Numbers are float64 with NaN, flags and categories objects with None, for what is missing or does not
        apply.

    Raises:
        DeclarationError, TableError, ChecksDisabled, RowsLost: see `features.sources.staging.stage`.
        ExpressionError, BuildError: see `features.building.build`.
        ValueError: a loan is not among the records on its day.
    """
    delivery = load_delivery(PORTFOLIO)
    catalog = load_delivered_catalog(delivery)
    if data is not None:
        delivery = delivery.with_data_in(data)
    customers = evaluations["loan"].astype(str)
    with tempfile.TemporaryDirectory(prefix="tierwise-sba-") as folder:
        work = Path(folder)
        staged = stage(delivery, catalog, work, progress=progress, threads=threads)
        asked = {"customer_id": customers, "as_of": evaluations[KNOWN_AT].dt.date}
        schema = pa.schema([("customer_id", pa.string()), ("as_of", pa.date32())])
        pq.write_table(
            pa.table({name: pa.array(column) for name, column in asked.items()}, schema), work / "asked.parquet"
        )
        progress("building indicators")
        tables = {name: table.file for name, table in staged.tables.items()}
        built = build(catalog, tables, work, evaluations=work / "asked.parquet", threads=threads)
        frame = _read(built)
    if built.absent:
        raise ValueError(f"{built.absent} evaluated loans are not among the records on their day")
    frame = frame.set_index("customer_id").loc[customers].reset_index()
    frame.index = evaluations.index
    frame.insert(3, "borrower", evaluations["borrower"])
    return frame


def _read(built: Built) -> pd.DataFrame:
    frame = pd.read_parquet(built.indicators)
    frame["as_of"] = frame["as_of"].astype("datetime64[s]")
    return frame
