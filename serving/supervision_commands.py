"""The commands of oversight: supervise, outcome import, and inspect."""

import json
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.terminal import BadInput, counted, end_with, out, shown_of, table_of, write_text
from features.terms import Language
from serving.store_options import KeysOption, ProcedureOption, StoreOption, opened, operator, read_day
from serving.supervision.words import Severity

if TYPE_CHECKING:
    from serving.supervision.period import Period

FromOption = Annotated[str | None, typer.Option("--from", help="The first day. [a year before the last]")]
ToOption = Annotated[str | None, typer.Option("--to", help="The last day, not after today. [today]")]
ItemArgument = Annotated[str, typer.Argument(help="The item's id, as `inspect list` shows it.")]
_SHOWN = 50


class ReportFormat(StrEnum):
    """How the report is written."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


class Stratum(StrEnum):
    """By what a sample is stratified."""

    TIER = "tier"


def supervise(
    first: FromOption = None,
    last: ToOption = None,
    format_: Annotated[
        ReportFormat, typer.Option("--format", help="For the terminal, for programs, or as a page.")
    ] = ReportFormat.TABLE,
    language: Annotated[
        Language, typer.Option("--language", help="Of the table and the page; JSON has all three.")
    ] = Language.EN,
    output: Annotated[Path | None, typer.Option("--output", help="Where it goes. [printed]")] = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Report how the Measures are carried out in a period: each figure with its definition and its target."""
    from serving.governing import governing_procedure
    from serving.supervision.naming import naming_of
    from serving.supervision.page import to_html
    from serving.supervision.period import so_far
    from serving.supervision.report import supervise as report_of
    from serving.supervision.shown import COLUMNS, about, lines

    with opened(store, keys) as found:
        now = found.clock()
        period = so_far(_period(first, last, now.date()), now)
        # By the targets of the time.
        rules = governing_procedure(found, procedure, period.last_moment)
        with found.reading() as connection:
            report = report_of(connection, found.keyring, rules, period)
            naming = naming_of(connection, rules, period)
    if format_ is ReportFormat.TABLE:
        if output is not None:
            raise BadInput("--output is for --format json and html")
        columns = [column.in_language(language) for column in COLUMNS]
        title = about(report).in_language(language)
        out.print(table_of(title, columns, lines(report, language, naming)))
        stop = "." if language is Language.EN else "。"
        for remark in report.remarks:
            said = remark.in_language(language)
            out.print(f"{said[0].upper()}{said[1:]}{stop}", markup=False, soft_wrap=True)
        return
    if format_ is ReportFormat.HTML:
        text = to_html(report, language, naming)
    else:
        text = json.dumps(report.document(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_text(output, text)
        out.print(f"Written to {output}.", markup=False, soft_wrap=True)


def import_outcomes(
    table: Annotated[
        Path, typer.Argument(help="bad and known_on, with customer_id and as_of, or decision; as .csv, ….")
    ],
    correct: Annotated[
        bool, typer.Option("--correct", help="Let what differs from an earlier import count.")
    ] = False,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Import what became of customers; rows that cannot be used are set aside with their reason.

    Exit code 3 where rows were set aside; the others are imported.
    """
    from serving.outputs import LinesOfCsv
    from serving.supervision.outcome_import import import_outcomes as imported

    with opened(store, keys) as found:
        done = imported(found, table, operator().name, correct=correct)
    out.print(
        f"{done.read:,} read: {done.new:,} new, {done.corrected:,} corrected, {done.known_before:,} known "
        f"before, {len(done.rejected):,} set aside."
    )
    if done.rejected:
        rejects = table.with_name(f"{table.stem}.rejects.csv")
        try:
            with LinesOfCsv(rejects, ("row", "field", "reason")) as lines:
                for line in done.rejected:
                    lines.line({"row": line.row, "field": line.field, "reason": line.reason})
        except OSError as error:
            raise BadInput(f"{rejects}: cannot be written ({error.strerror})") from None
        out.print(f"What was set aside, and why: {rejects}.", markup=False, soft_wrap=True)
    end_with(len(done.rejected))


def draw(
    size: Annotated[int, typer.Option("--size", help="How many decisions.")],
    seed: Annotated[int, typer.Option("--seed", help="By which anybody draws the same ones again.")],
    first: FromOption = None,
    last: ToOption = None,
    stratify: Annotated[
        Stratum | None, typer.Option("--stratify", help="By tier: of each at least one.")
    ] = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Draw a random sample of the decisions made in a period, for inspection."""
    from serving.governing import governing_procedure
    from serving.supervision.inspection import Draw, InspectionDesk

    actor = operator()
    with opened(store, keys) as found:
        desk = InspectionDesk(found, governing_procedure(found, procedure))
        period = _period(first, last, found.clock().date())
        with found.writing(actor.name) as writing:
            drawn = desk.draw(writing, actor, Draw(period, size, seed, stratify is not None))
    out.print(
        f"Sample {drawn.inspection}{' (drawn before)' if drawn.again else ''}: {drawn.items:,} of "
        f"{drawn.population:,} decisions.",
        markup=False,
        soft_wrap=True,
    )


def list_items(
    sample: Annotated[
        str | None, typer.Option("--sample", help="All of a sample. [all on which there is something to do]")
    ] = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """List decisions that were drawn, and findings with their remedies."""
    from serving.procedure import Procedure
    from serving.store.customers import ids_of
    from serving.supervision.inspection import InspectionDesk

    with opened(store, keys) as found, found.reading() as connection:
        listed = InspectionDesk(found, Procedure()).items(connection, sample, _SHOWN)
        ids = ids_of(connection, found.keyring, {of.customer for of in listed.items})
        rows = [
            (
                of.id, of.decision, ids[of.customer], of.tier,
                str(of.result or "—"), str(of.severity or ""), of.finding or "", of.remedy or "",
                "" if of.remedy_due_at is None else f"{of.remedy_due_at:%Y-%m-%d}",
                "done" if of.remedied_at else "",
            )
            for of in listed.items
        ]  # fmt: skip
    columns = ("item", "decision", "customer", "tier", "result", "severity", "finding", "remedy", "due", "")
    title = f"{counted(listed.total, 'decision')} drawn{shown_of(len(rows), listed.total)}"
    out.print(table_of(title, columns, rows))
    if listed.erased:
        out.print(f"{listed.erased:,} left out: their customers were erased before they were inspected.")


def record(
    item: ItemArgument,
    ok: Annotated[bool, typer.Option("--ok", help="Nothing is wrong with the decision.")] = False,
    finding: Annotated[str | None, typer.Option("--finding", help="What is wrong, in your words.")] = None,
    severity: Annotated[Severity | None, typer.Option("--severity", help="How much it matters.")] = None,
    remedy: Annotated[str | None, typer.Option("--remedy", help="What is to be done about it.")] = None,
    days: Annotated[int | None, typer.Option("--days", help="Within which. [the procedure's]")] = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Record what the inspection of a decision came to; not by those who took part in its cases."""
    from serving.governing import governing_procedure
    from serving.supervision.inspection import Finding, InspectionDesk

    said = None
    if finding is not None and severity is not None and remedy is not None and not ok:
        said = Finding(finding, severity, remedy, days)
    elif not ok or finding or severity or remedy or days:
        raise BadInput("give --ok alone, or --finding with --severity and --remedy")
    actor = operator()
    with opened(store, keys) as found:
        desk = InspectionDesk(found, governing_procedure(found, procedure))
        with found.writing(actor.name) as writing:
            desk.record(writing, actor, item, said)
    out.print("Recorded.")


def remedied(
    item: ItemArgument,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Record that a finding's remedy is done."""
    from serving.governing import governing_procedure
    from serving.supervision.inspection import InspectionDesk

    actor = operator()
    with opened(store, keys) as found:
        desk = InspectionDesk(found, governing_procedure(found, procedure))
        with found.writing(actor.name) as writing:
            desk.remedied(writing, actor, item)
    out.print("Recorded.")


def redraw(
    sample: Annotated[str, typer.Argument(help="The sample's id.")],
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Draw a sample again from its seed and compare; exit code 1 if it differs."""
    from serving.supervision.inspection import draw_again

    with opened(store, keys) as found, found.reading() as connection:
        kept, again = draw_again(connection, sample)
    if kept != again:
        out.print(f"NOT the same: {len(set(kept) ^ set(again)):,} decisions differ.")
        raise typer.Exit(1)
    out.print(f"The same {len(kept):,} decisions.")


def _period(first: str | None, last: str | None, today: date) -> "Period":
    from serving.supervision.period import period_of

    begin, end = (None if text is None else read_day(text) for text in (first, last))
    return period_of(begin, end, today)
