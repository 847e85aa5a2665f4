"""The commands of the store: store, access, keys, customer and audit."""

import re
import sys
from typing import Annotated

import typer

from features.terminal import BadInput, out
from serving.access.roles import MEANINGS
from serving.store_options import CustomerArgument, KeysOption, StoreOption, opened, operator, store_place

_LONGEST_REASON = 200


def create(store: StoreOption = None, keys: KeysOption = None) -> None:
    """Make a new store with its keyring and audit trail."""
    from serving.store.store import create_store

    url, folder = store_place(store, keys)
    create_store(url, folder, operator().name).close()
    out.print(f"The store is made. Keyring and audit heads: {folder}.", markup=False, soft_wrap=True)
    out.print("Back the keyring up apart from the database: without it nothing in the store can be read.")
    if url is None:
        out.print(
            "The database lies beside its keyring, so whoever copies the folder can read all: to keep them "
            "apart, name another place for it with --store sqlite:////FOLDER/store.db (or PostgreSQL's "
            "address) beside --keys FOLDER, here and in every command.",
            markup=False,
            soft_wrap=True,
        )


def upgrade(store: StoreOption = None, keys: KeysOption = None) -> None:
    """Bring the store's schema to this version of Tierwise."""
    from serving.store.database import Database, StoreError
    from serving.store.schema import upgrade as upgrade_schema
    from serving.store.store import database_url

    url, folder = store_place(store, keys)
    if url is None and not folder.exists():
        raise StoreError(f"{folder}: there is no store; make one with `tierwise store create`")
    database = Database(database_url(url, folder))
    try:
        upgrade_schema(database)
    finally:
        database.close()
    out.print("The store has the newest schema.")


def create_key(
    owner: Annotated[str, typer.Argument(help="The person or system that acts through the key.")],
    role: Annotated[
        list[str],
        typer.Option(
            "--role",
            # A paragraph each, which the help keeps apart.
            help="\n\n".join(
                ("What it may do; may be repeated.", *(f"{role}: {said}." for role, said in MEANINGS.items()))
            ),
        ),
    ],
    days: Annotated[int, typer.Option("--days", help="After which it expires.")] = 90,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Make an API key; it is shown once, and kept as a hash."""
    from serving.access.api_keys import create_key as make
    from serving.access.roles import Role

    unknown = set(role) - set(Role)
    if unknown:
        raise BadInput(f"--role: must be of {', '.join(Role)}")
    with opened(store, keys) as found, found.writing(operator().name) as writing:
        made = make(writing, owner, [Role(name) for name in role], days)
    typer.echo(made)


def revoke_key(
    key: Annotated[str, typer.Argument(help="The key's id: what stands between its first two underscores.")],
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Revoke an API key."""
    from serving.access.api_keys import revoke_key as revoke

    with opened(store, keys) as found, found.writing(operator().name) as writing:
        revoke(writing, key)
    out.print("Revoked.")


def list_keys(store: StoreOption = None, keys: KeysOption = None) -> None:
    """List the API keys, without anything secret."""
    from serving.access.api_keys import list_keys as listed

    with opened(store, keys) as found, found.reading() as connection:
        for key in listed(connection):
            end = "revoked" if key.revoked_at else f"expires {key.expires_at:%Y-%m-%d}"
            roles = ", ".join(sorted(key.roles))
            out.print(f"{key.id}  {key.owner}  {roles}  {end}", markup=False, soft_wrap=True)


def rotate_master(store: StoreOption = None, keys: KeysOption = None) -> None:
    """Make a new master key and wrap every customer's key by it; can be stopped and run again."""
    from serving.store.customers import rewrap_keys
    from serving.store.store import keyring_file

    with opened(store, keys) as found:
        _, folder = store_place(store, keys)
        if len(found.keyring.masters) == 1:
            found.keyring = found.keyring.with_new_master()
            found.keyring.save(keyring_file(folder))
        wrapped = sum(rewrap_keys(found, operator().name))
    out.print(f"{wrapped:,} customers' keys are wrapped by master key {found.keyring.master_version}.")
    out.print(
        "Restart services and whatever else has the store open; then `tierwise keys prune` drops the old one."
    )


def prune_masters(store: StoreOption = None, keys: KeysOption = None) -> None:
    """Drop master keys that wrap nothing any more, once nobody has the older keyring open."""
    from serving.store.customers import masters_in_use
    from serving.store.store import keyring_file

    with opened(store, keys) as found, found.writing(operator().name) as writing:
        kept = {found.keyring.master_version, *masters_in_use(writing.connection)}
        dropped = sorted(set(found.keyring.masters) - kept)
        for version in dropped:
            found.keyring = found.keyring.without_master(version)
        found.keyring.save(keyring_file(store_place(store, keys)[1]))
        writing.record("keys.pruned", None, {"versions": [str(version) for version in dropped]})
    out.print(f"Dropped: {', '.join(map(str, dropped)) or 'none'}.")


def erase_customer(
    customer_id: CustomerArgument,
    because: Annotated[
        str,
        typer.Option(
            "--because",
            help="Why, such as the request's number; kept readable in the audit trail, so name nobody.",
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; it cannot be undone.")] = False,
    store: StoreOption = None,
    keys: KeysOption = None,
) -> None:
    """Destroy a customer's key, and with it all of the customer's values in the store, for ever."""
    from serving.store.customers import customer_of
    from serving.store.customers import erase_customer as erase

    if not 0 < len(because.strip()) <= _LONGEST_REASON:
        raise BadInput(f"--because: give a reason of 1 to {_LONGEST_REASON} characters")
    if re.search(rf"(?<!\w){re.escape(customer_id)}(?!\w)", because, re.IGNORECASE):
        raise BadInput("--because: stays readable for ever; leave the customer's id out of it")
    with opened(store, keys) as found:
        with found.reading() as connection:
            known = customer_of(connection, found.keyring, customer_id)
        if not yes:
            if not sys.stdin.isatty():
                raise BadInput("an erasure cannot be undone: give --yes where nobody can be asked")
            if not typer.confirm("All values of this customer are destroyed for ever. Go on?", err=True):
                raise BadInput("it was not confirmed: nothing is erased")
        with found.writing(operator().name) as writing:
            erase(writing, known.id, because.strip())
    out.print(f"Erased. What was decided stays under the pseudonym {known.id}, without its values.")


def verify_audit(store: StoreOption = None, keys: KeysOption = None) -> None:
    """Verify the audit trail, and compare every row with it; exit code 1 where something is wrong."""
    from serving.audit.state import compare
    from serving.audit.verification import verify

    with opened(store, keys, trusting=True) as found, found.reading() as connection:
        verified = verify(connection, found.keyring, found.heads)
        if verified.bad_entry is not None:
            out.print(f"Entry {verified.bad_entry}: {verified.fault}.", soft_wrap=True)
            raise typer.Exit(1)
        compared = compare(connection, found.keyring)
    out.print(f"{verified.entries:,} entries, all as they were written.")
    if verified.torn:
        out.print(f"{verified.torn:,} lines of the exported heads cannot be read.")
    if verified.unexported:
        out.print(f"The last {verified.unexported:,} are in no exported head yet.")
    if compared.difference is not None:
        out.print(f"{compared.difference}.", markup=False, soft_wrap=True)
        raise typer.Exit(1)
    vouched = compared.rows - compared.unvouched
    out.print(f"{vouched:,} rows, all as the trail says; none is gone and none invented.")
    if compared.unvouched:
        out.print(
            f"Not vouched for: {compared.unvouched:,} rows written by an earlier version; "
            "`tierwise audit vouch` vouches for them as they are now.",
            soft_wrap=True,
        )


def vouch_rows(store: StoreOption = None, keys: KeysOption = None) -> None:
    """Let the audit trail vouch for rows that an earlier version wrote, as they are now."""
    from serving.audit.state import compare, vouch_for_rows
    from serving.audit.verification import verify

    with opened(store, keys) as found, found.writing(operator().name) as writing:
        verified = verify(writing.connection, found.keyring, found.heads)
        difference = compare(writing.connection, found.keyring).difference
        if verified.bad_entry is not None or difference is not None:
            raise BadInput("the store: is not as it was written; see `tierwise audit verify`")
        rows = vouch_for_rows(writing)
    out.print(f"The audit trail vouches for every row now; for {rows:,} as they were found.")
