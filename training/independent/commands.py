"""What the command `reasons check` prints and writes."""

from pathlib import Path

from features.terminal import out, table_of, write_text
from training.independent.report import COLUMNS, Report


def tell(report: Report, json: Path | None) -> None:
    """Print a report as a table, and write its document where that is wanted.

    Raises:
        BadInput: the file cannot be written.
    """
    out.print(table_of(report.title, COLUMNS, report.rows()))
    for line in report.told():
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    failed = ", ".join(report.failed())
    out.print(
        f"Verdict: {report.verdict}{f' ({failed})' if failed else ''}.", highlight=False, soft_wrap=True
    )
    if json is not None:
        write_text(json, report.document())
        out.print(f"Written to {json}.", markup=False, soft_wrap=True)
