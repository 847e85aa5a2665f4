"""What the command `monitor` does: find the reference, read a table, compare, tell what was found."""

from pathlib import Path
from typing import TYPE_CHECKING

from features.terminal import BadInput, out, steps, table_of, tell_absent, working, write_text
from features.terms import Language

if TYPE_CHECKING:
    from datetime import date

    from features.catalog import Catalog
    from models.decision import Scorer
    from training.mixes.comparison import RecordedMixes
    from training.monitoring.limits import MonitoringLimits
    from training.monitoring.period import Period
    from training.monitoring.reference import Reference
    from training.monitoring.report import MonitoringReport
    from training.own_table import TableRequest


def reference_of(model_version: str | None, file: Path | None, state: Path | None) -> "Reference":
    """Return the reference in a file, else the one recorded with a registered version.

    Raises:
        BadInput: the file cannot be read, the model is not registered, or no reference is recorded.
        NotJudgeable: it is none.
        RegistryError: the store cannot be read.
    """
    from models.registry import REFERENCE, name_and_version, recorded_review
    from training.monitoring.reference import Reference

    if file is not None:
        try:
            return Reference.read(file.read_bytes(), str(file))
        except OSError as error:
            raise BadInput(f"{file}: cannot be read ({error.strerror})") from None
    if model_version is None:
        raise BadInput("there is no registered model to monitor: name one with --model")
    registered = name_and_version(model_version)
    if registered is None:
        raise BadInput(
            "the model is not registered, so no reference is recorded: name a file with --reference"
        )
    review = recorded_review(*registered, REFERENCE, state)
    if review is None:
        raise BadInput(
            f"model {model_version}: no reference was recorded with its training; train again, or name a "
            "file with --reference"
        )
    return Reference.read(review.document, f"model {model_version}")


def recorded_mixes(scorer: "Scorer", model_version: str | None, state: Path | None) -> "RecordedMixes | None":
    """Return how the training customers of a registered version spread; None where nothing was recorded.

    Raises:
        NotJudgeable: what is recorded cannot be read, or is of another catalog, policy or model.
        RegistryError: the store cannot be read.
    """
    from models.registry import REFERENCE, name_and_version, recorded_review
    from training.monitoring.reference import Reference

    registered = name_and_version(model_version)
    review = None if registered is None else recorded_review(*registered, REFERENCE, state)
    if review is None:
        return None
    reference = Reference.read(review.document, f"model {model_version}")
    reference.check_against(scorer)
    return reference.mixes


def read_table(
    request: "TableRequest",
    catalog: "Catalog",
    first: "date | None",
    last: "date | None",
    language: Language = Language.EN,
) -> "Period":
    """Read a table by a catalog, keep those evaluated in a period, and say how many there are.

    Raises:
        TableError, UnclearOutcome: see `training.monitoring.period.read_period`.
    """
    import numpy as np

    from training.battery.table_words import said
    from training.monitoring import words
    from training.monitoring.period import read_period

    with working(f"reading {request.data.name}"):
        whole = read_period(
            request.data,
            catalog,
            request.label,
            request.bad,
            encoding=request.encoding,
            delimiter=request.delimiter,
        )
        begin, end = (None if day is None else np.datetime64(day) for day in (first, last))
        period = whole.between(begin, end)
    outcomes = words.NO_OUTCOMES.in_language(language)
    if period.outcome is not None:
        outcomes = said(language, words.OUTCOMES, n=f"{int(np.sum(period.known)):,}")
    told = said(
        language,
        words.READ,
        file=request.data.name,
        read=f"{whole.read:,}",
        rejected=f"{whole.rejected:,}",
        customers=f"{len(period.data):,}",
        outcomes=outcomes,
    )
    out.print(told, markup=False, highlight=False, soft_wrap=True)
    tell_absent(period.absent, language)
    return period


def compare(
    scorer: "Scorer",
    model_version: str | None,
    reference: "Reference",
    period: "Period",
    on: "date",
    limits: "MonitoringLimits",
) -> "MonitoringReport":
    """Compare a period's customers with the reference.

    Raises:
        NotJudgeable: the reference is of another model, or there are too few customers.
    """
    import numpy as np

    from training.monitoring.monitor import CHECKS, monitor
    from training.monitoring.watched import Watched

    with steps(len(CHECKS)) as progress:
        watched = Watched.of(scorer, reference, period.data, period.known, np.datetime64(on), limits)
        return monitor(watched, model_version, progress)


def tell(report: "MonitoringReport", language: Language, whole: bool, json: Path | None) -> None:
    """Print a report as a table, whole or shorter, and write it as a JSON document where wanted.

    Raises:
        BadInput: the file cannot be written.
    """
    from training.battery.table_words import WRITTEN, said, tally
    from training.monitoring import words

    grid = report.grid(language, whole=whole)
    out.print(table_of(grid.title, grid.columns, grid.rows))
    out.print(tally(language, report.counts().items(), words.VERDICTS), highlight=False, soft_wrap=True)
    for kind, results in report.alarms.items():
        told = said(
            language,
            words.ALARM,
            kind=kind,
            name=words.ALARMS[kind].in_language(language),
            alarms=len(results),
            count=len(report.results[kind]),
        )
        out.print(told, markup=False)
    if json is not None:
        write_text(json, report.document())
        out.print(said(language, WRITTEN, file=json), markup=False, soft_wrap=True)


def limits_of(path: Path | None) -> "MonitoringLimits":
    """Return what is tolerated: what a file says, and the defaults for the rest.

    Raises:
        DeclarationError: it cannot be read.
    """
    from features.declaration import load_declared
    from training.monitoring.limits import MonitoringLimits

    return MonitoringLimits() if path is None else load_declared(MonitoringLimits, path)
