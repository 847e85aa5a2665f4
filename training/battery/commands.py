"""What the command `battery` does: read tables, judge, print and write what was found."""

from pathlib import Path
from typing import TYPE_CHECKING

from features.terminal import out, steps, table_of, working, write_text
from features.terms import Language

if TYPE_CHECKING:
    from features.catalog import Catalog
    from models.decision import Scorer
    from training.battery.limits import Limits
    from training.battery.report import Report
    from training.dataset import LabelledPortfolio
    from training.own_table import TableRequest

# About so many steps are told.
_STEPS = 12
_STEPS_OF_SAMPLE = 26


def judge_table(
    scorer: "Scorer",
    model_version: str | None,
    request: "TableRequest",
    reference: Path | None,
    limits: Path | None,
    threads: int,
) -> "Report":
    """Read a table by the scorer's catalog, and judge its model on the customers in it.

    Raises:
        TableError, UnclearOutcome: a table cannot be read.
        DeclarationError: the limits cannot be.
        NotJudgeable: there is no model, or too few customers.
    """
    from training.battery.evidence import model_of
    from training.battery.judging import Judging

    model_of(scorer)
    tolerated = _limits(limits)
    judged = _read(request.data, scorer.catalog, request)
    compared = None if reference is None else _read(reference, scorer.catalog, request)
    with steps(_STEPS) as progress:
        return Judging(tolerated, threads, progress).of_table(
            scorer,
            judged,
            reference=compared,
            model_version=model_version,
        )


def judge_sample(year: int, limits: Path | None, threads: int) -> "Report":
    """Train on the bundled sample as it stood before a year, and judge on that year's loans."""
    from training.battery.judging import Judging
    from training.commands import built_sample

    tolerated = _limits(limits)
    sample = built_sample()
    with steps(_STEPS_OF_SAMPLE) as progress:
        return Judging(tolerated, threads, progress).of_sample(sample, year)


def tell(report: "Report", language: Language, whole: bool, json: Path | None, csv: Path | None) -> None:
    """Print a report as a table, whole or shorter, and write it as a JSON document and as CSV where wanted.

    Raises:
        BadInput: a file cannot be written.
    """
    grid = report.grid(language, whole=whole)
    out.print(table_of(grid.title, grid.columns, grid.rows))
    counts = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in report.counts().items())
    out.print(f"{counts}.", highlight=False, soft_wrap=True)
    for file, text in ((json, report.document), (csv, report.csv)):
        if file is not None:
            write_text(file, text())
            out.print(f"Written to {file}.", markup=False, soft_wrap=True)


def _limits(path: Path | None) -> "Limits":
    from features.declaration import load_declared
    from training.battery.limits import Limits

    return Limits() if path is None else load_declared(Limits, path)


def _read(path: Path, catalog: "Catalog", request: "TableRequest") -> "LabelledPortfolio":
    from training.customers import read_customers

    with working(f"reading {path.name}"):
        table = read_customers(
            path,
            catalog,
            request.label,
            request.bad,
            encoding=request.encoding,
            delimiter=request.delimiter,
        )
    out.print(
        f"{path.name}: {table.read:,} rows read, {len(table.data):,} customers with a known outcome, "
        f"{len(table.rejects):,} kept apart.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    return table.data
