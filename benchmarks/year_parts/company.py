"""A synthetic company whose records are staged once, and built into indicators as of any day."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.building import EVIDENCE, INDICATORS, build
from features.catalog import Catalog, load_catalog
from features.pipeline import prepare
from features.simulation.company import simulate

CATALOG = "customer"


@dataclass(frozen=True)
class Company:
    """The company's folder, its staged tables by name, and the table with what became of whom."""

    folder: Path
    catalog: Catalog
    staged: dict[str, Path]
    outcomes: Path
    records: int

    @classmethod
    def simulated(
        cls, folder: Path, customers: int, seed: int, *, first: date, intake: date, last: date
    ) -> "Company":
        """Simulate a company, stage its records, and read off them what became of whom after the intake."""
        made = simulate(folder / "company", customers, seed, first=first, last=last)
        prepared = prepare(made.portfolio, folder / "staged", as_of=intake)
        staged = {name: table.file for name, table in prepared.staged.tables.items()}
        return cls(folder, load_catalog(CATALOG), staged, prepared.built.indicators, sum(made.rows.values()))

    def indicators(self, day: date) -> Path:
        """Build everybody's indicators as of a day, with their evidence beside them."""
        return build(self.catalog, self.staged, self.folder / f"built_{day}", as_of=day).indicators

    def some(self, table: Path, ids: Collection[str], day: date) -> Path:
        """Write the rows of some customers alone, as `tierwise evaluate` takes them."""
        part = self.folder / f"due_{day}"
        part.mkdir()
        rows = pq.read_table(table)
        pq.write_table(
            rows.filter(pc.is_in(rows["customer_id"], pa.array(sorted(ids), pa.string()))), part / INDICATORS
        )
        os.link(table.with_name(EVIDENCE), part / EVIDENCE)
        return part / INDICATORS


def ids_of(table: Path) -> set[str]:
    """Return the customers of a table."""
    return set(pq.read_table(table, columns=["customer_id"])["customer_id"].to_pylist())
