"""What the command `battery` does: read tables, judge, print and write what was found."""

from pathlib import Path
from typing import TYPE_CHECKING

from features.terminal import out, steps, table_of, tell_absent, working, write_text
from features.terms import Language

if TYPE_CHECKING:
    from features.catalog import Catalog
    from models.decision import Scorer
    from training.battery.limits import Limits
    from training.battery.report import Report
    from training.dataset import LabelledPortfolio
    from training.mixes.comparison import RecordedMixes
    from training.own_table import TableRequest

# About so many steps are told.
_STEPS = 12
_STEPS_OF_SAMPLE = 26


def judge_table(
    scorer: "Scorer",
    model_version: str | None,
    request: "TableRequest",
    reference: Path | None,
    recorded: "RecordedMixes | None",
    limits: Path | None,
    threads: int,
    language: Language = Language.EN,
) -> "Report":
    """Read a table by the scorer's catalog, and judge its model on the customers in it.

    Their mix is compared with the table of reference customers, else with what was recorded of the training.

    Raises:
        TableError, UnclearOutcome: a table cannot be read.
        DeclarationError: the limits cannot be.
        NotJudgeable: there is no model, or too few customers.
    """
    from training.battery.evidence import model_of
    from training.battery.judging import Judging

    model_of(scorer)
    tolerated = _limits(limits)
    judged = _read(request.data, scorer.catalog, request, language)
    compared = None if reference is None else _read(reference, scorer.catalog, request, language)
    with steps(_STEPS) as progress:
        return Judging(tolerated, threads, progress).of_table(
            scorer,
            judged,
            reference=compared,
            recorded=recorded,
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

    What is printed ends with the verdict, and for a model of no registered version with that it is not kept.

    Raises:
        BadInput: a file cannot be written.
    """
    from models.registry import name_and_version
    from training.battery import table_words as words

    grid = report.grid(language, whole=whole)
    out.print(table_of(grid.title, grid.columns, grid.rows))
    tally = words.tally(language, report.counts().items(), words.VERDICTS)
    out.print(tally, highlight=False, soft_wrap=True)
    for file, text in ((json, report.document), (csv, report.csv)):
        if file is not None:
            write_text(file, text())
            out.print(words.said(language, words.WRITTEN, file=file), markup=False, soft_wrap=True)
    verdict = words.VERDICTS[report.verdict].in_language(language)
    out.print(words.said(language, words.ENDED, verdict=verdict), markup=False, highlight=False)
    if name_and_version(report.subject.model_version) is None:
        out.print(words.UNREGISTERED.in_language(language), markup=False, highlight=False, soft_wrap=True)


def _limits(path: Path | None) -> "Limits":
    from features.declaration import load_declared
    from training.battery.limits import Limits

    return Limits() if path is None else load_declared(Limits, path)


def _read(path: Path, catalog: "Catalog", request: "TableRequest", language: Language) -> "LabelledPortfolio":
    from training.battery.table_words import READ, said
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
    told = said(
        language,
        READ,
        file=path.name,
        read=f"{table.read:,}",
        customers=f"{len(table.data):,}",
        rejected=f"{len(table.rejects):,}",
    )
    out.print(told, markup=False, highlight=False, soft_wrap=True)
    tell_absent(table.absent, language)
    return table.data
