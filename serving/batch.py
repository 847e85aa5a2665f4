"""Scoring a file: customers in, decisions out, in chunks; what is wrong is kept apart, never dropped."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from features.portfolio import Portfolio
from features.sources.customer_table import Chunk, open_table
from features.sources.opening import TableError
from features.terms import Language
from models.answer import Answer
from models.decision import Scorer
from serving.outputs import CsvOutput, LinesOfCsv, Output, ParquetOutput
from serving.scoring import answers
from serving.served import Served

# Told after every chunk: rows read so far, and the share of the file read (0–1).
Progress = Callable[[int, float], None]

_REJECT_COLUMNS = ("row", "customer_id", "field", "reason")


@dataclass(frozen=True)
class BatchSummary:
    """What became of a file: read = accepted + rejected; the tiers' and the reviews' counts; no values.

    `ignored` are columns that were not asked for, `absent` indicators that have none; `rejects` is the file
    with the rejected rows, if any.
    """

    read: int
    accepted: int
    rejected: int
    tiers: dict[str, int]
    for_review: int
    ignored: tuple[str, ...]
    absent: tuple[str, ...]
    output: Path
    rejects: Path | None


def score_file(
    input: Path,
    output: Path,
    scorer: Scorer,
    *,
    language: Language = Language.EN,
    model_version: str | None = None,
    progress: Progress | None = None,
) -> BatchSummary:
    """Score the customers of a table (.csv, .parquet, .xlsx) into another, in their order.

    Rejected rows go to `<output stem>.rejects.csv` with their row as a spreadsheet numbers it, customer id,
    field and reason. Files appear only when they are complete; existing ones are replaced.

    In CSV files a text that a spreadsheet would take for a formula (it starts with = + - @, a tab or a
    carriage return) gets an apostrophe in front; in Excel it is a text cell; in Parquet it stays as it is.

    Raises:
        TableError: a file cannot be read or written as a whole.
        UnexplainedScore: a score is not the sum of its contributions; nothing is written then.
    """
    served = Served(scorer, model_version)
    rejects = output.with_name(f"{output.stem}.rejects.csv")
    part, rejects_part = _part(output), _part(rejects)
    if input.resolve() in (output.resolve(), rejects.resolve()):
        raise TableError(f"{input}: would be overwritten by the output or its rejects; name another output")
    counts = _Counts()
    try:
        with open_table(input, scorer.catalog) as table:
            with (
                _open_output(part, output, served, language) as writer,
                LinesOfCsv(rejects_part, _REJECT_COLUMNS) as rejected,
            ):
                for chunk in table.chunks:
                    _score_chunk(chunk, served, language, writer, rejected, counts)
                    if progress is not None:
                        progress(counts.read, chunk.share)
            part.replace(output)
            if counts.rejected:
                rejects_part.replace(rejects)
            else:
                rejects.unlink(missing_ok=True)  # of an earlier run
    except OSError as error:
        raise TableError(f"{output}: cannot be written ({error.strerror or type(error).__name__})") from None
    finally:
        part.unlink(missing_ok=True)
        rejects_part.unlink(missing_ok=True)
    return BatchSummary(
        read=counts.read,
        accepted=counts.accepted,
        rejected=counts.rejected,
        tiers=dict(counts.tiers),
        for_review=counts.for_review,
        ignored=table.ignored,
        absent=table.absent,
        output=output,
        rejects=rejects if counts.rejected else None,
    )


class _Counts:
    def __init__(self) -> None:
        self.accepted = 0
        self.rejected = 0
        self.for_review = 0
        self.tiers: Counter[str] = Counter()

    @property
    def read(self) -> int:
        return self.accepted + self.rejected

    def add(self, chunk: Iterable[Answer]) -> None:
        for answer in chunk:
            self.accepted += 1
            self.tiers[answer["tier"]] += 1
            self.for_review += bool(answer["review"])


def _score_chunk(
    chunk: Chunk,
    served: Served,
    language: Language,
    writer: Output,
    rejected: LinesOfCsv,
    counts: _Counts,
) -> None:
    portfolio, wrong = Portfolio.from_frame(chunk.frame, served.scorer.catalog)
    decided = list(answers(served, portfolio, language=language))
    writer.write(decided)
    counts.add(decided)
    for line in chunk.rejected(wrong):
        rejected.line(asdict(line))
        counts.rejected += 1


def _part(path: Path) -> Path:
    """Return the name under which a file grows."""
    return path.with_name(f".{path.name}.part")


def _open_output(part: Path, output: Path, served: Served, language: Language) -> Output:
    catalog = served.scorer.catalog
    match output.suffix.lower():
        case ".csv":
            return CsvOutput(part, catalog)
        case ".parquet":
            return ParquetOutput(part, catalog)
        case ".xlsx":
            from serving.workbook import ExcelOutput  # half a second, which the service never needs

            return ExcelOutput(part, catalog, served.scorer.policy, language)
        case _:
            raise TableError(f"{output}: give a .csv, .parquet or .xlsx file")
