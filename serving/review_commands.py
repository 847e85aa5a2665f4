"""The commands that carry out the Measures: evaluate, due, event, tier, replay and case."""

import json
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from features.terminal import BadInput, bar, counted, end_with, out, shown_of, table_of, write_text
from features.terms import Tier
from models.options import CatalogOption, ModelOption, PolicyOption, StateOption
from serving.days import end_of
from serving.store_options import KeysOption, ProcedureOption, StoreOption, opened, operator, read_day

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from serving.access.roles import Actor
    from serving.reviews.cases import Case
    from serving.reviews.office import Office
    from serving.store.store import Store, Writing

CustomerArgument = Annotated[str, typer.Argument(help="The company's id of the customer.")]
CaseArgument = Annotated[str, typer.Argument(help="The case's id.")]
FindingsOption = Annotated[
    str | None, typer.Option("--findings", help="What you found, in your words; kept sealed.")
]
ConditionsOption = Annotated[
    str | None, typer.Option("--conditions", help="On what conditions you approve, or would; kept sealed.")
]
_SHOWN = 50


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
        desk = EventDesk(_office(found, procedure), served)
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


def list_cases(store: StoreOption = None, keys: KeysOption = None) -> None:
    """List the cases that are not closed."""
    from serving.reviews.cases import open_cases
    from serving.store.customers import ids_of

    with opened(store, keys) as found, found.reading() as connection:
        waiting = open_cases(connection)
        shown = waiting[:_SHOWN]
        ids = ids_of(connection, found.keyring, {of.customer for of in shown if of.customer is not None})
    rows = [
        (of.id, "" if of.customer is None else ids[of.customer], str(of.kind), str(of.reason), str(of.state),
         str(of.version), str(of.old_tier or "—"), str(of.proposed_tier or "—"), str(of.needed),
         "" if of.due_at is None else f"{of.due_at:%Y-%m-%d}")
        for of in shown
    ]  # fmt: skip
    columns = ("case", "customer", "kind", "reason", "state", "version", "from", "to", "approvals", "due")
    title = f"{counted(len(waiting), 'open case')}{shown_of(len(rows), len(waiting))}"
    out.print(table_of(title, columns, rows))


def show_case(
    case: CaseArgument,
    reviews: Annotated[
        Path | None,
        typer.Option("--reviews", help="A folder for the review documents of a model that is proposed."),
    ] = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Show a case: what it is about and came from, and what would change by it."""
    from serving.case_shown import head_of, origin_of
    from serving.governing import governing_procedure
    from serving.reviews.case_book import CaseBook
    from serving.reviews.cases import OF_MODELS, CaseKind, load_case

    with opened(store, keys) as found:
        rules = governing_procedure(found, None)
        with found.reading() as connection:
            shown, book = load_case(connection, case), CaseBook(found, rules)
            _print_plainly(head_of(shown))
            origin = origin_of(
                connection,
                found.keyring,
                rules,
                shown,
                book.opened(connection, shown),
                book.justification(connection, shown),
                found.clock(),
            )
            for line in origin:
                _print_plainly(line)
            if shown.kind is CaseKind.LIST:
                _print_items(connection, found, shown)
            elif shown.kind is CaseKind.MONITORING:
                _show_alarm(connection, shown)
            elif shown.subject is not None:
                _print_places(connection, shown)
                if shown.kind in OF_MODELS:
                    _print_reviews(connection, shown.subject, reviews)
            elif shown.customer is not None:
                _print_changed(connection, found, shown.id, shown.customer)
            for judged in book.judged(connection, shown):
                given = judged.judgement
                texts = {
                    "because": judged.because,
                    "findings": given.findings,
                    "conditions": given.conditions,
                }
                said = "".join(f"; {name}: {text}" for name, text in texts.items() if text is not None)
                _print_plainly(
                    f"Version {judged.version} {judged.act} by {judged.actor}, "
                    f"{judged.at:%Y-%m-%d %H:%M}{said}"
                )


def propose_case(
    case: CaseArgument,
    tier: Annotated[Tier, typer.Argument(help="The tier to propose.")],
    because: Annotated[str, typer.Option("--because", help="The justification, in your words.")],
    override: Annotated[
        str | None,
        typer.Option("--override", help="For another tier than the decision's: the reason's code."),
    ] = None,
    days: Annotated[int, typer.Option("--days", help="For an override: after which it ends.")] = 90,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Propose a tier in a case of one customer."""
    from serving.reviews.cases import CaseError, Override, load_case
    from serving.reviews.proposals import newest_decision

    with _acting(store, keys, procedure) as (office, writing, actor):
        shown = load_case(writing.connection, case)
        decision = None if shown.customer is None else newest_decision(writing.connection, shown.customer)
        if decision is None:
            raise CaseError("there is no decision on a customer of this case to rest on")
        given = None if override is None else Override(override, writing.at + timedelta(days=days))
        proposed = office.propose(writing, actor, case, tier, because, decision=decision, override=given)
    _print_case(proposed)


def propose_remedy(
    case: CaseArgument,
    because: Annotated[str, typer.Option("--because", help="What to do about it, and why, in your words.")],
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Propose what to do about an alarm of monitoring; others approve it."""
    from serving.reviews.alarms import AlarmDesk

    with _acting(store, keys, procedure) as (office, writing, actor):
        proposed = AlarmDesk(office.store, office.procedure).propose(writing, actor, case, because)
    _print_case(proposed)


def open_alarm_cases(
    documents: "Sequence[bytes]", procedure: Path | None, store: str | None, keys: Path | None
) -> None:
    """Open a case for each alarm that monitoring wrote a document of, unless the same is open; print them."""
    from serving.reviews.alarms import Alarm, AlarmDesk

    with _acting(store, keys, procedure) as (office, writing, actor):
        desk = AlarmDesk(office.store, office.procedure)
        opened_ = [(Alarm.read(of).about[0], desk.open(writing, actor, of)) for of in documents]
    for kind, of in opened_:
        state = "open already" if of.found else "opened"
        out.print(f"Case {of.case.id}: {kind}, {state}.", markup=False, soft_wrap=True)


def _show_alarm(connection: "Connection", case: "Case") -> None:
    from serving.reviews.alarms import alarm_of

    alarm = alarm_of(connection, case)
    subject = alarm.subject
    out.print(
        f"{alarm.names['en']}: {subject['model_version'] or 'the model'} on "
        f"{subject['customers']:,} customers, evaluated {subject['first_as_of']} to "
        f"{subject['last_as_of']}, by {subject['on']}.",
        markup=False,
        soft_wrap=True,
    )
    rows = [
        (of["name"]["en"], _number(of["value"]), *_bounds(of["threshold"]), f"{of['n']:,}")
        for of in alarm.results[:_SHOWN]
    ]  # fmt: skip
    out.print(
        table_of(f"{len(alarm.results):,} checks alarm", ("check", "value", "from", "to", "customers"), rows)
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _bounds(threshold: "dict[str, float | None] | None") -> tuple[str, str]:
    bounds = threshold or {}
    return _number(bounds.get("low")), _number(bounds.get("high"))


def approve_case(
    case: CaseArgument,
    version: Annotated[int, typer.Option("--version", help="The version that you have read.")],
    findings: FindingsOption = None,
    conditions: ConditionsOption = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
    state: StateOption = None,
) -> None:
    """Approve a proposal; nobody approves what they had a part in proposing."""
    from serving.promotion_commands import move_aliases
    from serving.reviews.cases import OF_MODELS, CaseState, Judgement

    actor = operator()
    with opened(store, keys) as found:
        office = _office(found, procedure)
        with found.writing(actor.name) as writing:
            said = Judgement(findings, conditions)
            approved, changes = office.approve(writing, actor, case, version, said)
        _print_case(approved)
        if changes:
            have = "has" if len(changes) == 1 else "have"
            out.print(f"{counted(len(changes), 'customer')} {have} another tier from now on.")
        if approved.kind in OF_MODELS and approved.state is CaseState.EFFECTIVE:
            # What was adopted is kept by now, whatever becomes of the alias.
            move_aliases(found, actor.name, state)


def withdraw_case(
    case: CaseArgument,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Withdraw a case that you opened or proposed in."""
    with _acting(store, keys, procedure) as (office, writing, actor):
        withdrawn = office.withdraw(writing, actor, case)
    _print_case(withdrawn)


def reject_case(
    case: CaseArgument,
    version: Annotated[int, typer.Option("--version", help="The version that you have read.")],
    because: Annotated[str, typer.Option("--because", help="The reason, in your words.")],
    findings: FindingsOption = None,
    conditions: ConditionsOption = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Reject a proposal."""
    from serving.reviews.cases import Judgement

    with _acting(store, keys, procedure) as (office, writing, actor):
        said = Judgement(findings, conditions)
        rejected = office.reject(writing, actor, case, version, because, said)
    _print_case(rejected)


def pull_out_of_case(
    case: CaseArgument,
    customer_id: CustomerArgument,
    because: Annotated[
        str | None, typer.Option("--because", help="Why, in your words; kept with the new case, sealed.")
    ] = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Take a customer out of a list into a case of its own."""
    from serving.store.customers import customer_of

    with _acting(store, keys, procedure) as (office, writing, actor):
        customer = customer_of(writing.connection, office.store.keyring, customer_id)
        single = office.pull_out(writing, actor, case, customer.id, because)
    _print_case(single)


def _office(store: "Store", procedure: Path | None) -> "Office":
    from serving.governing import governing_procedure
    from serving.reviews.office import Office

    return Office(store, governing_procedure(store, procedure))


@contextmanager
def _acting(
    store: str | None, keys: Path | None, procedure: Path | None
) -> "Iterator[tuple[Office, Writing, Actor]]":
    """Open the office and one transaction, in which the operator acts."""
    actor = operator()
    with opened(store, keys) as found:
        office = _office(found, procedure)
        with found.writing(actor.name) as writing:
            yield office, writing, actor


def _print_plainly(line: str) -> None:
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_items(connection: "Connection", store: "Store", case: "Case") -> None:
    """Print the customers of a list."""
    from serving.reviews.cases import items_of
    from serving.store.customers import ids_of

    items = items_of(connection, case.id)
    shown = items[:_SHOWN]
    ids = ids_of(connection, store.keyring, {of.customer for of in shown})
    rows = [
        (ids[of.customer], str(of.old_tier or "—"), str(of.proposed_tier),
         f"pulled out into {of.pulled_out}" if of.pulled_out else "")
        for of in shown
    ]  # fmt: skip
    title = f"{counted(len(items), 'customer')}{shown_of(len(rows), len(items))}"
    out.print(table_of(title, ("customer", "from", "to", ""), rows))


def _print_places(connection: "Connection", case: "Case") -> None:
    """Print where what is proposed to govern differs from what is adopted."""
    from serving.reviews.subjects import proposed_changes

    changed = proposed_changes(connection, case)
    rows = [(of.place, of.before or "—", of.after or "—") for of in changed[:_SHOWN]]
    title = f"{counted(len(changed), 'change')} proposed{shown_of(len(rows), len(changed))}"
    out.print(table_of(title, ("place", "adopted", "proposed"), rows))


def _print_changed(connection: "Connection", store: "Store", case: str, customer: str) -> None:
    """Print what a customer objects to, and what has changed in points since last time."""
    from serving.notices.feedback import objections_in
    from serving.reviews.differences import differences

    for of in objections_in(connection, store.keyring, case):
        _print_plainly(f"Objection of {of.at:%Y-%m-%d}, {of.outcome}: {of.text or '(erased)'}")
    lines = [
        (of.indicator, f"{of.before:+.3f}", f"{of.after:+.3f}", f"{of.change:+.3f}")
        for of in differences(connection, store.keyring, customer, store.clock())
    ]
    if not lines:
        _print_plainly(
            "Nothing has changed in points since last time, or there is no evaluation to compare with."
        )
        return
    out.print(table_of("Changed since last time, in points", ("indicator", "before", "now", "change"), lines))


def _print_reviews(connection: "Connection", subject: str, folder: Path | None) -> None:
    """Print what reviewers were told of a model that is proposed, and write the documents to a folder."""
    from serving.promotion.gate import documents_of, summary_of

    told = summary_of(connection, subject)
    if told is None:
        return
    if folder is not None:
        for kind, document in documents_of(connection, subject).items():
            file = folder / f"{kind}.json"
            write_text(file, document.decode("utf-8"))
            out.print(f"Written to {file}.", markup=False, soft_wrap=True)
    battery, counts = told["battery"], told["battery"]["counts"]
    shown = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in counts.items())
    customers = f"{battery['customers']} customers, {battery['bad']} bad"
    days = f"evaluated {battery['first_as_of']} to {battery['last_as_of']}"
    lines = [f"Battery: {battery['verdict']} ({shown}) on {customers}, {days}"]
    if battery["limits_given"]:
        lines.append(f"Battery: not by the default limits ({', '.join(battery['limits_given'])})")
    reasons = told["reasons"]
    asked = f"{reasons['customers']} customers and {reasons['variants']} variants"
    lines.append(f"Reasons: {reasons['verdict']} on {asked}, {reasons['with_model']} of them with a model")
    lines += [
        f"To be accepted though it failed: {of['check']} ({of['name']}): {of['reason']}"
        for of in told["accepted"]
    ]
    for line in lines:
        _print_plainly(line)


def _print_case(case: "Case") -> None:
    out.print(
        f"Case {case.id}: {case.state}, version {case.version}, needs {counted(case.needed, 'approval')}.",
        markup=False,
        soft_wrap=True,
    )
