"""The commands that carry out the Measures: evaluate, due, event, tier and replay."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from features.terminal import BadInput, bar, counted, end_with, out, shown_of, table_of, tell_absent
from models.options import CatalogOption, ModelOption, PolicyOption, StateOption
from serving.acting import office_of
from serving.days import end_of
from serving.store_options import (
    CustomerArgument,
    KeysOption,
    ProcedureOption,
    StoreOption,
    opened,
    operator,
    read_day,
)

_SHOWN = 50
# Of the reasons for which rows were rejected so many are told, the most frequent.
_REASONS = 5


def evaluate(
    table: Annotated[Path, typer.Argument(help="Indicators: a build's, or any .csv, .parquet or .xlsx.")],
    as_of: Annotated[str, typer.Option("--as-of", help="The day of the evaluation.")],
    model: ModelOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
    state: StateOption = None,
) -> None:
    """Evaluate every customer as of a day, keep the decisions, and propose the list of changed tiers.

    Exit code 3 where rows were rejected; the others are decided on.
    """
    from serving.governing import governing_procedure, governing_served
    from serving.reviews.office import Office
    from serving.reviews.periodic import evaluate_periodically

    day = read_day(as_of)
    with opened(store, keys) as found:
        rules = governing_procedure(found, procedure)
        served = governing_served(found, model, catalog, policy, state)
        actor = operator()
        with bar(f"evaluating {escape(table.name)}") as advance:
            summary = evaluate_periodically(
                found, served, table, day, actor.name, progress=lambda _, share: advance(share)
            )
        tiers = ", ".join(f"{tier} {count:,}" for tier, count in sorted(summary.tiers.items()))
        out.print(
            f"Run {summary.run}{' (gone on with)' if summary.resumed else ''}: {summary.read:,} read, "
            f"{summary.decided:,} decided on, {summary.rejected:,} rejected. Tiers: {tiers or 'none'}.",
            markup=False,
            soft_wrap=True,
        )
        for field, reason, number in summary.reasons[:_REASONS]:
            out.print(f"{counted(number, 'row')} rejected: {field}: {reason}.", markup=False, soft_wrap=True)
        tell_absent(summary.absent)
        listed = Office(found, rules).list_of(actor, summary.run)
    if listed is None:
        out.print("Nobody's tier is to change.")
    else:
        out.print(
            f"List {listed.id}: {listed.state}, version {listed.version}, "
            f"needs {counted(listed.needed, 'approval')}.",
            markup=False,
            soft_wrap=True,
        )
    end_with(summary.rejected)


def due(
    on: Annotated[str | None, typer.Option("--on", help="The day. [today]")] = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """List who is due for a periodic review, the longest overdue first."""
    from serving.governing import governing_procedure
    from serving.reviews.due import due_on
    from serving.store.customers import id_of

    asked = read_day(on) if on else None
    with opened(store, keys) as found:
        day = asked or found.clock().date()
        rules = governing_procedure(found, procedure)
        with found.reading() as connection:
            waiting = due_on(connection, rules, day)
            rows = [
                (
                    id_of(connection, found.keyring, one.customer),
                    str(one.tier or "—"),
                    str(one.reviewed or "never"),
                    str(one.since),
                )
                for one in waiting[:_SHOWN]
            ]
    title = f"{len(waiting):,} due on {day}{shown_of(len(rows), len(waiting))}"
    out.print(table_of(title, ("customer", "tier", "reviewed", "due since"), rows))


def event(
    file: Annotated[
        Path,
        typer.Argument(
            help="A JSON file with an event as the service takes it, or -; `example` prints one of each type."
        ),
    ],
    model: ModelOption = None,
    catalog: CatalogOption = None,
    policy: PolicyOption = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
    state: StateOption = None,
) -> None:
    """Take a material event: the customer is evaluated at once, and held at risk where it is adverse."""
    from serving.event_request import parse_event
    from serving.governing import governing_served
    from serving.refusal import Refusal
    from serving.reviews.events import EventDesk

    if str(file) == "example":
        _print_events(procedure)
        return
    try:
        raw = typer.get_binary_stream("stdin").read() if str(file) == "-" else file.read_bytes()
        told = parse_event(raw)
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror})") from None
    except Refusal as refusal:
        raise BadInput(f"event: {refusal.field}: {refusal.reason}") from None
    with opened(store, keys) as found:
        served = governing_served(found, model, catalog, policy, state)
        desk = EventDesk(office_of(found, procedure), served)
        actor = operator()
        with found.writing(actor.name) as writing:
            taken = desk.take(writing, actor, told)
    out.print(
        f"{'Taken before' if taken.repeated else 'Taken'}. Tier that counts: {taken.tier or 'none'}; "
        f"decision {taken.decision or 'none'}; case {taken.case or 'none'}.",
        markup=False,
        soft_wrap=True,
    )


def _print_events(procedure: Path | None) -> None:
    """Print an event of each type of a procedure, by default of the default one, a line each."""
    from serving.event_request import example_events
    from serving.procedure import load_procedure

    for example in example_events(load_procedure(procedure)):
        typer.echo(json.dumps(example, ensure_ascii=False))


def tier(
    customer_id: CustomerArgument,
    on: Annotated[str | None, typer.Option("--on", help="The day, at its end in UTC. [now]")] = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Show a customer's tier in force, and which decision, model, policy and approvers govern it."""
    from serving.reviews.governance import governed_by
    from serving.reviews.standings import standing_of
    from serving.store.customers import customer_of

    asked = None
    if on is not None:
        asked = end_of(read_day(on))
    with opened(store, keys) as found, found.reading() as connection:
        moment = asked or found.clock()
        customer = customer_of(connection, found.keyring, customer_id)
        standing = standing_of(connection, customer.id, moment)
        governed = governed_by(connection, standing)
    if governed is None:
        out.print("No tier is in force: none was approved.")
        return
    rows = [
        (
            str(of.layer),
            str(of.tier),
            f"{of.valid_from:%Y-%m-%d %H:%M}",
            "" if of.expires_at is None else f"{of.expires_at:%Y-%m-%d}",
            of.reason or "",
        )
        for of in standing.layers.values()
    ]
    out.print(
        table_of(f"Tier in force: {governed.tier}", ("layer", "tier", "since", "until", "reason"), rows)
    )
    for name, value in (
        ("decision", governed.in_force.decision), ("as of", governed.as_of),
        ("model", governed.model_version), ("artefact", governed.artefact_hash),
        ("policy", governed.policy_hash), ("catalog", governed.catalog_hash),
        ("case", governed.in_force.case), ("approved by", ", ".join(governed.approvers) or None),
        ("model approved by", ", ".join(governed.model_approvers) or None),
        ("procedure", governed.procedure_hash),
        ("procedure approved by", ", ".join(governed.procedure_approvers) or None),
    ):  # fmt: skip
        if value is not None:
            out.print(f"{name}: {value}", markup=False, soft_wrap=True)


def replay(
    decision: Annotated[str, typer.Argument(help="The decision's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the justification as it is kept.")] = False,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Compute a decision again from what was kept, byte for byte; exit code 1, and where, if it differs."""
    from serving.reviews.replay import Replayer

    with opened(store, keys) as found:
        replayed = Replayer(found).replay(decision)
    if as_json:
        typer.echo(json.dumps(replayed.justification, ensure_ascii=False))
    else:
        answer = replayed.justification["answer"]
        out.print(f"Score {answer['score']!r}, tier {answer['tier']}, as of {answer['as_of']}.", markup=False)
        out.print(
            "Reproduced byte for byte."
            if replayed.reproduced
            else f"NOT reproduced: {replayed.differs} differs first.",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    if not replayed.reproduced:
        raise typer.Exit(1)
