"""What the command `monitor` does: find the reference, read a table, compare, tell what was found."""

from pathlib import Path
from typing import TYPE_CHECKING

from features.terminal import BadInput, out, steps, table_of, working, write_text
from features.terms import Language

if TYPE_CHECKING:
    from datetime import date

    from features.catalog import Catalog
    from models.decision import Scorer
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


def read_table(
    request: "TableRequest", catalog: "Catalog", first: "date | None", last: "date | None"
) -> "Period":
    """Read a table by a catalog, keep those evaluated in a period, and say how many there are.

    Raises:
        TableError, UnclearOutcome: see `training.monitoring.period.read_period`.
    """
    import numpy as np

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
    outcomes = "no outcomes" if period.outcome is None else f"{int(np.sum(period.known)):,} outcomes"
    out.print(
        f"{request.data.name}: {whole.read:,} rows read, {whole.rejected:,} kept apart; {len(period.data):,} "
        f"customers in the period, {outcomes}.",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
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
    from training.monitoring.words import ALARMS

    grid = report.grid(language, whole=whole)
    out.print(table_of(grid.title, grid.columns, grid.rows))
    counts = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in report.counts().items())
    out.print(f"{counts}.", highlight=False, soft_wrap=True)
    for kind, results in report.alarms.items():
        name = ALARMS[kind].in_language(language)
        out.print(f"Alarm ({kind}): {name}: {len(results)} of {len(report.results[kind])}.", markup=False)
    if json is not None:
        write_text(json, report.document())
        out.print(f"Written to {json}.", markup=False, soft_wrap=True)


def limits_of(path: Path | None) -> "MonitoringLimits":
    """Return what is tolerated: what a file says, and the defaults for the rest.

    Raises:
        DeclarationError: it cannot be read.
    """
    from features.declaration import load_declared
    from training.monitoring.limits import MonitoringLimits

    return MonitoringLimits() if path is None else load_declared(MonitoringLimits, path)
