"""Catalogs with tables, and deliveries written to a folder, for the tests of what departments deliver."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from features.catalog import Catalog
from features.sources.delivery import Delivery, load_delivery
from features.sources.staging import Staged, stage

NAMES = {"zh-Hant": "名稱", "zh-Hans": "名称", "en": "Name"}

STATEMENTS: dict[str, Any] = {
    "names": {"zh-Hant": "財務報表", "zh-Hans": "财务报表", "en": "Financial statements"},
    "department": "finance",
    "key": "customer_no",
    "key_system": "ledger",
    "effective": "period_end",
    "known_at": "filed_on",
    "record": ["period_end"],
    "columns": {
        "customer_no": {"type": "key", "aliases": ["客戶編號", "客户编号"]},
        "period_end": {"type": "date", "aliases": ["報表日"]},
        "filed_on": {"type": "date", "aliases": ["申報日"]},
        "assets": {"type": "number", "scale": "wan", "minimum": 0, "aliases": ["資產總計"]},
        "audited": {"type": "flag", "aliases": ["經審計"]},
        "opinion": {
            "type": "text",
            "aliases": ["意見"],
            "levels": {"無保留": "unqualified", "保留": "qualified"},
        },
    },
}
CUSTOMERS: dict[str, Any] = {
    "names": NAMES,
    "department": "sales",
    "key": "sales_no",
    "columns": {
        "sales_no": {"type": "key"},
        "nature": {"type": "text"},
        "industry": {"type": "text"},
    },
}


def catalog_with(**tables: Mapping[str, Any]) -> Catalog:
    """Return a catalog of one indicator with these tables, and a table of customers."""
    indicator = {
        "id": "listed",
        "names": NAMES,
        "kind": "flag",
        "better": "higher",
        "points": {"true": 100, "false": 0},
        "weight": 100,
        "confidentiality": "internal",
        "source": {"department": "sales", "table": "customers"},
    }
    group = {"id": "group", "names": NAMES, "weight": 100, "indicators": [indicator]}
    declared = {
        "catalog": "small",
        "version": 1,
        "names": NAMES,
        "natures": ["enterprise", "government"],
        "departments": {"sales": NAMES, "finance": NAMES},
        "dimensions": [{"id": "basic", "names": NAMES, "weight": 100, "groups": [group]}],
        "tables": {"customers": CUSTOMERS, **tables},
    }
    return Catalog.model_validate_json(json.dumps(declared))


def delivery_in(folder: Path, *sources: Mapping[str, Any], **declared: Any) -> Delivery:
    """Write a portfolio file and load it."""
    document = {"portfolio": "company", "catalog": "customer", "sources": list(sources), **declared}
    file = folder / "portfolio.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return load_delivery(file)


def write_csv(
    file: Path, header: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8"
) -> None:
    """Write a CSV file."""
    with file.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream).writerows([header, *rows])


def stage_csv(
    folder: Path,
    catalog: Catalog,
    tables: Mapping[str, Sequence[Sequence[object]]],
    progress: Callable[[str], None] = lambda step: None,
    **declared: Any,
) -> Staged:
    """Stage tables given as rows, the header first; those that the portfolio file names by themselves too."""
    sources, references = [], {}
    for name, (header, *rows) in tables.items():
        write_csv(folder / f"{name}.csv", [str(cell) for cell in header], rows)
        source = {"path": f"{name}.csv"}
        if name in catalog.tables:
            sources.append({"table": name, **source})
        else:
            references[name] = source
    if not sources:
        write_csv(folder / "customers.csv", ["sales_no", "nature"], [])
        sources.append({"table": "customers", "path": "customers.csv"})
    delivery = delivery_in(folder, *sources, **references, **declared)
    return stage(delivery, catalog, folder / "out", progress=progress)


def rows_of(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a Parquet file."""
    rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    return rows


def lines_of(file: Path) -> list[dict[str, str]]:
    """Return the lines of a CSV file."""
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
