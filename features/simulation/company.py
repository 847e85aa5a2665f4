"""`simulate`: a whole synthetic company, written as its departments deliver it, and the truth apart."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from features.catalog import Catalog, load_catalog
from features.simulation.assembling import (
    BLOCK,
    CROSSWALK,
    GROUPS,
    PROBABILITIES,
    SUCCESSIONS,
    Company,
    draw_block,
)
from features.simulation.describing import portfolio_text, readme_text
from features.simulation.economy import draw_economy
from features.simulation.history import History, SimulationError
from features.simulation.identity import MOST_CUSTOMERS
from features.simulation.shared import exchange_rates, industry_statistics
from features.simulation.ugly import MOST_UGLY, uglify
from features.simulation.writing import writing

CATALOG = "customer"
RATES, INDUSTRY_STATISTICS = "rates", "industry_statistics"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Simulated:
    """What was written.

    Attributes:
        portfolio: the portfolio file.
        truth: the true probabilities and outcomes, Parquet.
        rows: the rows of each file, by its name; of the departments' tables by the table's.
        evaluations: the days of which the truth is known.
    """

    portfolio: Path
    truth: Path
    rows: dict[str, int]
    evaluations: tuple[date, ...]


def simulate(
    output: Path,
    customers: int,
    seed: int,
    *,
    first: date,
    last: date,
    ugly: bool = False,
    progress: Progress = lambda step: None,
) -> Simulated:
    """Write a synthetic company of so many customers into `output`, a folder that is empty or not there yet.

    `tables/` holds the departments' tables as the catalog `customer` declares them, `portfolio.yaml` says
    where they are, `truth/` holds what only the simulation knows. The same arguments make the same bytes.
    With `ugly` the tables are CSV files in mixed encodings, scripts, units and forms of dates.

    Raises:
        SimulationError: the folder is not empty, or the numbers or days are out of range.
    """
    history = History(first, last)
    _check(output, customers, seed, ugly)
    catalog = load_catalog(CATALOG)
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    company = Company(catalog, history, draw_economy(generator, history), seed, customers)
    files = _files(output, catalog)
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
    blocks = -(-customers // BLOCK)
    with writing(files) as writer:
        writer.write({
            RATES: exchange_rates(history, company.economy),
            INDUSTRY_STATISTICS: industry_statistics(generator, catalog, history, company.economy),
        })  # fmt: skip
        for number in range(blocks):
            writer.write(draw_block(company, number))
            progress(f"{min((number + 1) * BLOCK, customers):,} of {customers:,} customers")
    sources = {name: files[name] for name in catalog.tables}
    if ugly:
        progress("rewriting the tables as CSV")
        sources = uglify(sources, catalog)
    portfolio = output / "portfolio.yaml"
    portfolio.write_text(portfolio_text(output, sources, files, last), encoding="utf-8")
    (output / "README.md").write_text(readme_text(company, writer.rows, ugly), encoding="utf-8")
    days = history.evaluations[1:].astype("datetime64[D]").tolist()
    return Simulated(portfolio, files[PROBABILITIES], dict(writer.rows), tuple(days))


def _files(output: Path, catalog: Catalog) -> dict[str, Path]:
    tables = (*catalog.tables, CROSSWALK, SUCCESSIONS, GROUPS, RATES)
    files = {name: output / "tables" / f"{name}.parquet" for name in tables}
    return {**files, PROBABILITIES: output / "truth" / f"{PROBABILITIES}.parquet"}


def _check(output: Path, customers: int, seed: int, ugly: bool) -> None:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise SimulationError(f"{output}: is there already; name an empty or a new folder")
    most = MOST_UGLY if ugly else MOST_CUSTOMERS
    if not 1 <= customers <= most:
        what = "ugly tables are written for" if ugly else "a company has"
        raise SimulationError(f"customers: {what} 1 to {most:,} customers")
    if seed < 0:
        raise SimulationError("seed: must not be negative")
