"""The commands `case ...`: look at cases, propose, approve, reject, withdraw, pull a customer out."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.terminal import counted, out, shown_of, table_of
from features.terms import Tier
from models.options import StateOption
from serving.acting import acting, office_of
from serving.case_printed import (
    MOST_SHOWN,
    print_alarm,
    print_case,
    print_changed,
    print_items,
    print_places,
    print_plainly,
    print_reviews,
    write_reviews,
)
from serving.store_options import CustomerArgument, KeysOption, ProcedureOption, StoreOption, opened, operator

if TYPE_CHECKING:
    from collections.abc import Sequence

CaseArgument = Annotated[str, typer.Argument(help="The case's id.")]
FindingsOption = Annotated[
    str | None, typer.Option("--findings", help="What you found, in your words; kept sealed.")
]
ConditionsOption = Annotated[
    str | None, typer.Option("--conditions", help="On what conditions you approve, or would; kept sealed.")
]


def list_cases(store: StoreOption = None, keys: KeysOption = None) -> None:
    """List the cases that are not closed."""
    from serving.reviews.cases import open_cases
    from serving.store.customers import ids_of

    with opened(store, keys) as found, found.reading() as connection:
        waiting = open_cases(connection)
        shown = waiting[:MOST_SHOWN]
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
        typer.Option(
            "--reviews",
            help="A folder for the review documents of a model that is proposed; made if it is absent.",
        ),
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
            print_plainly(head_of(shown))
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
                print_plainly(line)
            if shown.kind is CaseKind.LIST:
                print_items(connection, found, shown)
            elif shown.kind is CaseKind.MONITORING:
                print_alarm(connection, shown)
            elif shown.subject is not None:
                print_places(connection, shown)
                if shown.kind in OF_MODELS:
                    print_reviews(connection, shown.subject)
            elif shown.customer is not None:
                print_changed(connection, found, shown.id, shown.customer)
            for judged in book.judged(connection, shown):
                given = judged.judgement
                texts = {
                    "because": judged.because,
                    "findings": given.findings,
                    "conditions": given.conditions,
                }
                said = "".join(f"; {name}: {text}" for name, text in texts.items() if text is not None)
                print_plainly(
                    f"Version {judged.version} {judged.act} by {judged.actor}, "
                    f"{judged.at:%Y-%m-%d %H:%M}{said}"
                )
            # Last, so that all there is to read is read even where nothing can be written.
            if reviews is not None and shown.kind in OF_MODELS and shown.subject is not None:
                write_reviews(connection, shown.subject, reviews)


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

    with acting(store, keys, procedure) as (office, writing, actor):
        shown = load_case(writing.connection, case)
        decision = None if shown.customer is None else newest_decision(writing.connection, shown.customer)
        if decision is None:
            raise CaseError("there is no decision on a customer of this case to rest on")
        given = None if override is None else Override(override, writing.at + timedelta(days=days))
        proposed = office.propose(writing, actor, case, tier, because, decision=decision, override=given)
    print_case(proposed)


def propose_remedy(
    case: CaseArgument,
    because: Annotated[str, typer.Option("--because", help="What to do about it, and why, in your words.")],
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Propose what to do about an alarm of monitoring; others approve it."""
    from serving.reviews.alarms import AlarmDesk

    with acting(store, keys, procedure) as (office, writing, actor):
        proposed = AlarmDesk(office.store, office.procedure).propose(writing, actor, case, because)
    print_case(proposed)


def open_alarm_cases(
    documents: "Sequence[bytes]", procedure: Path | None, store: str | None, keys: Path | None
) -> None:
    """Open a case for each alarm that monitoring wrote a document of, unless the same is open; print them."""
    from serving.reviews.alarms import Alarm, AlarmDesk

    with acting(store, keys, procedure) as (office, writing, actor):
        desk = AlarmDesk(office.store, office.procedure)
        opened_ = [(Alarm.read(of).about[0], desk.open(writing, actor, of)) for of in documents]
    for kind, of in opened_:
        state = "open already" if of.found else "opened"
        out.print(f"Case {of.case.id}: {kind}, {state}.", markup=False, soft_wrap=True)


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
        office = office_of(found, procedure)
        with found.writing(actor.name) as writing:
            said = Judgement(findings, conditions)
            approved, changes = office.approve(writing, actor, case, version, said)
        print_case(approved)
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
    with acting(store, keys, procedure) as (office, writing, actor):
        withdrawn = office.withdraw(writing, actor, case)
    print_case(withdrawn)


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

    with acting(store, keys, procedure) as (office, writing, actor):
        said = Judgement(findings, conditions)
        rejected = office.reject(writing, actor, case, version, because, said)
    print_case(rejected)


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

    with acting(store, keys, procedure) as (office, writing, actor):
        customer = customer_of(writing.connection, office.store.keyring, customer_id)
        single = office.pull_out(writing, actor, case, customer.id, because)
    print_case(single)
