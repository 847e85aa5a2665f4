"""The SBA sample's indicators as they stood on the day of each evaluation: what portfolio `sba` becomes."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.pipeline import build_delivered
from features.records import KNOWN_AT
from features.sources.delivery import load_delivered_catalog, load_delivery

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
        evaluations: rows with the columns of `Records.loans`; `known_at` is the day of evaluation.
        data: where the paths of the portfolio file start; by default beside it, at the bundled sample.
        threads: for DuckDB; None for one by core.

    Returns:
        One row per evaluation, in its order and with its index: `customer_id` (the loan's number as text),
        `nature`, `as_of`, `borrower` (to group by, no indicator), then the indicators in the catalog's order.
        Numbers are float64 with NaN, flags and categories objects (or bool and str) with None, for what is
        missing or does not apply.

    Raises:
        DeclarationError, TableError, ChecksDisabled, RowsLost: see `features.sources.staging.stage`.
        ExpressionError, BuildError: see `features.building.build`.
        ValueError: a loan is not among the records of its day.
    """
    delivery = load_delivery(PORTFOLIO)
    catalog = load_delivered_catalog(delivery)
    if data is not None:
        delivery = delivery.with_data_in(data)
    asked = pd.DataFrame({"customer_id": evaluations["loan"].astype(str), "as_of": evaluations[KNOWN_AT]})
    schema = pa.schema([("customer_id", pa.string()), ("as_of", pa.date32())])
    with tempfile.TemporaryDirectory(prefix="tierwise-") as folder:
        work = Path(folder)
        pq.write_table(pa.Table.from_pandas(asked, schema, preserve_index=False), work / "asked.parquet")
        _, built = build_delivered(
            delivery, catalog, work, evaluations=work / "asked.parquet", threads=threads, progress=progress
        )
        found = pd.read_parquet(built.indicators)
    if built.absent:
        raise ValueError(f"{built.absent} evaluated loans are not among the records of their day")
    frame = asked[["customer_id"]].merge(found, on="customer_id", validate="one_to_one")
    frame.index = evaluations.index
    frame["as_of"] = evaluations[KNOWN_AT]
    frame.insert(3, "borrower", evaluations["borrower"])
    return frame
