"""The evidence of a table of indicators, as `tierwise build` writes it beside them."""

from collections.abc import Collection
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.dataset as ds

from features.building import EVIDENCE, INDICATORS
from serving.reviews.justification import EvidenceLine

_COLUMNS = ["customer_id", "indicator", "department", "evidence", "status", "stale"]

Evidence = dict[str, dict[str, EvidenceLine]]


def evidence_file(table: Path) -> Path | None:
    """Return the file of evidence that belongs to a table; None where the table is not a build's."""
    file = table.with_name(EVIDENCE)
    return file if table.name == INDICATORS and file.exists() else None


def read_evidence(file: Path | None, customer_ids: Collection[str]) -> Evidence:
    """Return the evidence of some customers, by customer and indicator; empty without a file."""
    if file is None or not customer_ids:
        return {}
    # A build writes customers in an order that their ids keep apart: the bounds pass over most of the file.
    identity = pc.field("customer_id")
    within = (identity >= min(customer_ids)) & (identity <= max(customer_ids))
    table = ds.dataset(file, format="parquet").to_table(
        columns=_COLUMNS, filter=within & identity.isin(list(customer_ids))
    )
    found: Evidence = {}
    for line in table.to_pylist():
        day = line["evidence"]
        found.setdefault(line["customer_id"], {})[line["indicator"]] = {
            "department": line["department"],
            "evidence": None if day is None else day.isoformat(),
            "status": line["status"],
            "stale": bool(line["stale"]),
        }
    return found
