"""The commands of notices and of customers' particulars: notice, customer import, customer webhook-secret."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.terminal import counted, end_with, out, shown_of, table_of
from serving.store_options import CustomerArgument, KeysOption, ProcedureOption, StoreOption, opened, operator

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from serving.confidential.keyring import Keyring
    from serving.notices.sending import Round

_SHOWN = 50


def import_particulars(
    table: Annotated[
        Path,
        typer.Argument(help="customer_id with name, language, email or webhook: .csv, .parquet or .xlsx."),
    ],
    rejects: Annotated[
        Path | None,
        typer.Option("--rejects", help="Where rejected rows go. [<table>.rejects.csv in this folder]"),
    ] = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Take customers' names, languages and contacts from a table; a bad row is set aside with its reason.

    Exit code 3 where rows were set aside; the others are taken.
    """
    from serving.governing import governing_procedure
    from serving.notices.contact_table import import_particulars as take

    with opened(store, keys) as found:
        inside = governing_procedure(found, procedure).notices.inside_webhooks
        done = take(found, table, operator().name, inside=inside, rejects=rejects)
    out.print(f"{done.read:,} read, {done.accepted:,} taken, {done.rejected:,} rejected.")
    if done.rejects is not None:
        out.print(f"Rejected rows with their reasons: {done.rejects}.", markup=False, soft_wrap=True)
    end_with(done.rejected)


def webhook_secret(
    customer_id: CustomerArgument,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Print the secret that signs a customer's webhooks, to be told to the customer alone."""
    from serving.notices.webhooks import customer_secret
    from serving.store.customers import customer_of

    with opened(store, keys) as found, found.writing(operator().name) as writing:
        known = customer_of(writing.connection, found.keyring, customer_id)
        writing.record("webhook_secret.shown", known.id, {})
        secret = customer_secret(found.keyring, known.id)
    typer.echo(secret)


def run_notices(
    once: Annotated[bool, typer.Option("--once", help="Send what is due, and end.")] = False,
    every: Annotated[int, typer.Option("--every", min=1, help="Else look again after so many seconds.")] = 15,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Tell customers and departments of every change that they were not told of yet."""
    from serving.governing import governing_procedure
    from serving.notices.outbox import Outbox
    from serving.notices.sending import send_due, transports_of

    with opened(store, keys) as found:
        while True:
            # Another procedure may have been adopted meanwhile.
            outbox = Outbox(found, governing_procedure(found, procedure))
            _print_round(send_due(outbox, transports_of(outbox), operator().name), quiet=not once)
            if once:
                return
            time.sleep(every)


def list_notices(
    dead: Annotated[
        bool, typer.Option("--dead", help="Those alone that were given up or have no address.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Those with this reason alone, such as no_contact.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many at most.")] = _SHOWN,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Leave out so many of the newest.")] = 0,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """List notices, the newest first: whom they are for and where they stand, not what they say."""
    from serving.notices.outbox import NoticeState, count_by_reason
    from serving.notices.outbox import list_notices as listed

    states = (NoticeState.DEAD, NoticeState.UNDELIVERABLE) if dead else ()
    with opened(store, keys) as found, found.reading() as connection:
        count, newest = listed(connection, *states, most=limit, reason=reason, offset=offset)
        reasons = count_by_reason(connection, *states)
        rows = [
            (
                of.id,
                _customer_id(connection, found.keyring, of.customer),
                of.recipient,
                str(of.state),
                of.reason or "",
                str(of.attempts),
                "" if of.due_at is None else f"{of.due_at:%Y-%m-%d %H:%M}",
            )
            for of in newest
        ]
    columns = ("notice", "customer", "recipient", "state", "reason", "attempts", "due")
    if reasons and reason is None:
        told = ", ".join(f"{name} {number:,}" for name, number in reasons.items())
        out.print(f"By reason: {told}.", markup=False, soft_wrap=True)
    from_ = f" from {offset + 1:,} on" if offset else ""
    out.print(table_of(f"{counted(count, 'notice')}{shown_of(len(rows), count)}{from_}", columns, rows))


def retry_notice(
    notice: Annotated[str | None, typer.Argument(help="The notice's id; or --all.")] = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Every notice that was given up or has no address, but too_old ones."),
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Of all those with this reason alone, such as no_contact.")
    ] = None,
    procedure: ProcedureOption = None,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Have notices tried again that were given up, or whose recipients had no address."""
    from serving.governing import governing_procedure
    from serving.notices.outbox import NoticeError, Outbox

    if (notice is None) != everything or (reason is not None and not everything):
        raise NoticeError("notice retry: give a notice's id, or --all and with it a --reason")
    with opened(store, keys) as found:
        outbox = Outbox(found, governing_procedure(found, procedure))
        if notice is None:
            tried, left = outbox.retry_all(operator().name, reason)
            are = "is" if tried == 1 else "are"
            out.print(f"{counted(tried, 'notice')} {are} tried again; {left:,} cannot be.")
            return
        with found.writing(operator().name) as writing:
            state = outbox.retry(writing, notice)
    out.print(f"Notice {notice}: {state}.", markup=False, soft_wrap=True)


def _customer_id(connection: "Connection", keyring: "Keyring", pseudonym: str) -> str:
    """Return the company's id of a customer; `unreadable` where somebody has tampered with it."""
    from serving.confidential.keyring import KeyringError
    from serving.confidential.sealing import SealError
    from serving.store.customers import id_of

    try:
        return id_of(connection, keyring, pseudonym)
    except (KeyringError, SealError):
        return "unreadable"


def _print_round(done: "Round", *, quiet: bool) -> None:
    """Print what came of a round; `quiet`: only if something did."""
    if done.busy:
        out.print("Another process is sending.")
    elif not quiet or done.queued or done.sent or done.failed or done.dead:
        out.print(
            f"{counted(done.queued, 'new notice')}; {done.sent:,} sent, {done.failed:,} to be tried again, "
            f"{done.dead:,} given up, {done.waiting:,} wait.",
            soft_wrap=True,
        )
    if done.skipped:
        out.print(f"{done.skipped:,} failed and were skipped; the log says where.")
    for hint in sorted(done.hints):
        out.print(f"{hint}.", markup=False, soft_wrap=True)
