"""The commands of strategies that act: task, listed, overdue, deliver and tick."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from features.terminal import BadInput, bar, counted, end_with, out, shown_of, table_of
from models.options import CatalogOption, ModelOption, PolicyOption, StateOption
from serving.days import day_of, end_of
from serving.store_options import KeysOption, ProcedureOption, StoreOption, opened, operator, read_day

_SHOWN = 50


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        day_of(moment.date().isoformat())
    except ValueError:
        raise BadInput("a moment is written as 2026-01-31T09:00:00Z, from 1900 to 9000") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def list_tasks(
    owner: Annotated[
        str | None, typer.Option("--owner", help="Only those of a department or person.")
    ] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose time is over.")] = False,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """List the tasks that are to be done, those due first."""
    from serving.store.customers import ids_of
    from serving.strategies.tasks import count_open, open_tasks

    with opened(store, keys) as found, found.reading() as connection:
        at = found.clock()
        number = count_open(connection, owner=owner)
        late = count_open(connection, owner=owner, overdue_at=at)
        waiting = open_tasks(connection, owner=owner, overdue_at=at if overdue else None, most=_SHOWN)
        ids = ids_of(connection, found.keyring, (of.customer for of in waiting))
        rows = [
            (of.id, of.strategy, ids[of.customer], str(of.tier or "—"),
             of.owner, f"{of.due_at:%Y-%m-%d}", "overdue" if of.overdue(at) else "")
            for of in waiting
        ]  # fmt: skip
    columns = ("task", "what", "customer", "tier", "owner", "due", "")
    of_those = late if overdue else number
    title = f"{counted(number, 'open task')}, {late:,} of them overdue{shown_of(len(rows), of_those)}"
    out.print(table_of(title, columns, rows))


def finish_task(
    task: Annotated[str, typer.Argument(help="The task's id.")],
    evidence: Annotated[str, typer.Option("--evidence", help="What was done, in your words.")],
    kpi: Annotated[float | None, typer.Option("--kpi", help="The task's KPI, as measured.")] = None,
    person: Annotated[
        str | None, typer.Option("--person", help="Where the task is to name an account manager: who.")
    ] = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Record that a task is done, with the evidence."""
    from serving.governing import governing_procedure
    from serving.strategies.tasks import complete

    actor = operator()
    with opened(store, keys) as found:
        rules = governing_procedure(found, procedure)
        with found.writing(actor.name) as writing:
            complete(
                writing, actor, found.keyring, rules, task, evidence=evidence, kpi_value=kpi, person=person
            )
    out.print("Done.")


def listed(
    name: Annotated[str, typer.Argument(help="The list, such as early_warning or priority.")],
    on: Annotated[str | None, typer.Option("--on", help="The day, at its end in UTC. [now]")] = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Show which customers stand on a list, such as a watch list, today or on a day."""
    from serving.governing import governing_procedure
    from serving.store.customers import ids_of
    from serving.strategies.following import count_on_list, on_list, require_list

    day = None if on is None else read_day(on)
    with opened(store, keys) as found:
        at = found.clock() if day is None else end_of(day)
        plan = governing_procedure(found, procedure).strategies
        with found.reading() as connection:
            require_list(connection, plan, name)
            number = count_on_list(connection, name, at)
            entries = on_list(connection, name, at, most=_SHOWN)
            ids = ids_of(connection, found.keyring, (of.customer for of in entries))
    rows = [(ids[of.customer], f"{of.since:%Y-%m-%d %H:%M}") for of in entries]
    title = f"{counted(number, 'customer')} on {name}{shown_of(len(rows), number)}"
    out.print(table_of(title, ("customer", "since"), rows))


def overdue(
    file: Annotated[
        Path, typer.Argument(help="customer_id, item_id, amount, currency, due_on, paid_on: a table.")
    ],
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Take down overdue items from a table; paid ones, and what is to be done about them, are closed.

    Exit code 3 where rows were rejected; the others are taken down.
    """
    from serving.strategies.collection import Reported
    from serving.strategies.overdue_table import take_down

    with opened(store, keys) as found:
        taken = take_down(found, operator(), file)
    counts = ", ".join(f"{taken.became[what]:,} {str(what).replace('_', ' ')}" for what in Reported)
    rejected = counted(len(taken.rejected), "row")
    out.print(f"{counts}; {rejected} rejected.", markup=False, soft_wrap=True)
    _print_rows(taken.rejected)
    end_with(len(taken.rejected))


def deliver(
    table: Annotated[Path, typer.Argument(help="Indicators: a build's, or any .csv, .parquet or .xlsx.")],
    as_of: Annotated[str, typer.Option("--as-of", help="The day of the indicators.")],
    model: ModelOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
    state: StateOption = None,
) -> None:
    """Compare new indicators with the newest that are known; what has worsened becomes an event.

    Exit code 3 where rows were rejected or events could not be taken; the others are.
    """
    from serving.governing import governing_procedure, governing_served
    from serving.reviews.office import Office
    from serving.strategies.deliveries import DeliveryDesk

    day = read_day(as_of)
    with opened(store, keys) as found:
        rules = governing_procedure(found, procedure)
        desk = DeliveryDesk(Office(found, rules), governing_served(found, model, catalog, policy, state))
        with bar(f"comparing {escape(table.name)}") as advance:
            checked = desk.check(operator(), table, day, progress=lambda _, share: advance(share))
    out.print(
        f"{checked.read:,} read, {checked.compared:,} compared; {checked.rejected:,} rejected, "
        f"{checked.not_registered:,} not registered, {checked.never_evaluated:,} never evaluated, "
        f"{checked.not_newer:,} evaluated on a later day.",
        markup=False,
        soft_wrap=True,
    )
    for id_, number in sorted(checked.broken.items()):
        out.print(f"{id_}: {counted(number, 'customer')}", markup=False)
    out.print(
        f"{counted(checked.taken, 'event')} taken, {checked.repeated:,} had been before, "
        f"{len(checked.refused):,} could not be."
    )
    _print_rows(checked.refused)
    for id_, why in checked.ignored.items():
        out.print(f"Rule {id_} is left out: {why}.", markup=False, soft_wrap=True)
    end_with(checked.rejected + len(checked.refused))


def tick(
    at: Annotated[str | None, typer.Option("--at", help="The moment. [now]")] = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Do what time brings about: end overrides, make tasks, lists and stages of collection; for cron."""
    from serving.governing import governing_procedure
    from serving.strategies.upkeep import Upkeep

    moment = None if at is None else _moment(at)
    with opened(store, keys) as found:
        done = Upkeep(found, governing_procedure(found, procedure), operator().name).run(moment)
    out.print(
        f"{counted(done.expired, 'tier')} changed as an override ended; "
        f"{counted(done.followed, 'change')} followed, "
        f"{counted(done.recurred, 'recurring task')} made again, "
        f"{counted(done.staged, 'stage')} of collection begun.",
        soft_wrap=True,
    )


def _print_rows(rows: list[tuple[int, str]]) -> None:
    for number, reason in rows[:_SHOWN]:
        out.print(f"row {number}: {reason}", markup=False, soft_wrap=True)
    if len(rows) > _SHOWN:
        out.print(f"… and {len(rows) - _SHOWN:,} more")
