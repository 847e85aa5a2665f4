"""The commands of this package: build, simulate, and catalog draft."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from features.options import BadOption, DelimiterOption, EncodingOption, ThreadsOption
from features.terminal import BadInput, err, out, steps, working
from features.terms import Nature

_SHOWN_FAILURES = 20


def build(
    portfolio: Annotated[
        str,
        typer.Argument(help="A portfolio file (YAML), or the name of a bundled one: where the tables are."),
    ],
    output: Annotated[
        Path, typer.Argument(help="The folder that receives indicators, evidence and rejects.")
    ],
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=["%Y-%m-%d"], help="The day as of which everybody is evaluated."),
    ] = None,
    evaluations: Annotated[
        Path | None,
        typer.Option(
            "--evaluations", help="Instead, a Parquet file of customer_id and as_of, many days at once."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Where relative paths start. [beside the portfolio file]")
    ] = None,
    memory: Annotated[str, typer.Option("--memory", help="That DuckDB may use.")] = "2GB",
    threads: ThreadsOption = 2,
) -> None:
    """Build every indicator from the departments' records as they were known on a day.

    Rejected records are counted and kept with their reasons; they do not change the exit code.
    """
    from features.pipeline import prepare

    if (as_of is None) == (evaluations is None):
        raise BadInput("say the day with --as-of, or customers and days with --evaluations")
    with steps(expected=30) as progress:
        prepared = prepare(
            portfolio,
            output,
            as_of=None if as_of is None else as_of.date(),
            evaluations=evaluations,
            data=data,
            memory_limit=memory,
            threads=threads,
            progress=progress,
        )
    staged, built = prepared.staged, prepared.built
    grid = Table("table", *("read", "accepted", "rejected", "matched", "unmatched"), title_justify="left")
    for name, table in staged.tables.items():
        counts = (table.read, table.accepted, table.rejected, table.matched, table.unmatched)
        grid.add_row(name, *(f"{count:,}" for count in counts))
    out.print(grid)
    for name, table in staged.tables.items():
        if table.passed_over:
            out.print(
                f"{table.passed_over:,} further rows were none of {name}: nothing stood under filled",
                markup=False, highlight=False, soft_wrap=True,
            )  # fmt: skip
    for failure in sorted(staged.failures, key=lambda failure: -failure.rows)[:_SHOWN_FAILURES]:
        out.print(
            f"{failure.rows:,} rows of {failure.table}, {failure.source}: {failure.column}: {failure.reason}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    if any(table.rejected for table in staged.tables.values()):
        out.print(f"Every rejected row: {staged.rejects_file}", markup=False, soft_wrap=True)
    if any(table.unmatched for table in staged.tables.values()):
        out.print(f"Rows of nobody known: {staged.unmatched_file}", markup=False, soft_wrap=True)
    out.print(f"Quality of the records, worst first: {prepared.page}", markup=False, soft_wrap=True)
    labelled = "" if prepared.labelled is None else f", {prepared.labelled:,} with an outcome"
    if (labels := prepared.labels) is not None:
        labelled += f" ({labels.adverse:,} adverse)"
        out.print(
            f"Outcomes by the records until {labels.known_until}: {labels.known:,} known, "
            f"{labels.immature:,} immature (their window is not over), {labels.unknown:,} untold.",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    out.print(
        f"{built.rows:,} customers on their days{labelled}: {built.indicators}; evidence: {built.evidence}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def simulate(
    output: Annotated[Path, typer.Argument(help="A new folder for the synthetic company.")],
    customers: Annotated[int, typer.Option("--customers", min=1, help="How many.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same company.")] = 1,
    first: Annotated[
        datetime, typer.Option("--first", formats=["%Y-%m-%d"], help="The first day of the records.")
    ] = datetime(2022, 1, 1),
    last: Annotated[
        datetime, typer.Option("--last", formats=["%Y-%m-%d"], help="The last day of the records.")
    ] = datetime(2024, 12, 31),
    ugly: Annotated[
        bool, typer.Option("--ugly", help="As departments really deliver: CSV in many encodings and forms.")
    ] = False,
) -> None:
    """Write a synthetic company: all departments' tables over years, and the truth behind them apart."""
    from features.simulation.company import simulate as write_company

    with steps(expected=20) as progress:
        company = write_company(
            output, customers, seed, first=first.date(), last=last.date(), ugly=ugly, progress=progress
        )
    rows = sum(company.rows.values())
    out.print(
        f"Synthetic: {customers:,} customers, {rows:,} records; build it: "
        f"tierwise build {company.portfolio} OUT --as-of {last.date()}",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


def draft_catalog(
    table: Annotated[Path, typer.Argument(help="A table, one row a customer: .csv, .parquet or .xlsx.")],
    label: Annotated[str, typer.Option("--label", help="The column with the outcome.")],
    bad: BadOption = None,
    customer_id: Annotated[
        str | None, typer.Option("--id", help="The column with the customers' ids. [guessed]")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="The column with the day of evaluation. [guessed]")
    ] = None,
    nature: Annotated[Nature | None, typer.Option("--nature", help="Of all customers. [guessed]")] = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
) -> None:
    """Propose a catalog for a table with known outcomes, on standard output, for a person to edit."""
    from features.drafting.columns import profile
    from features.drafting.draft import draft_catalog as drafted
    from features.drafting.rendering import to_yaml

    with working(f"reading {table.name}"):
        found = profile(
            table, label, customer_id=customer_id, as_of=as_of, encoding=encoding, delimiter=delimiter
        )
        draft = drafted(found, label, table, bad=tuple(bad or ()), nature=nature)
    typer.echo(to_yaml(draft), nl=False)
    for remark in (*draft.about, *draft.warnings):
        err.print(f"{remark}.", markup=False, highlight=False, soft_wrap=True)
