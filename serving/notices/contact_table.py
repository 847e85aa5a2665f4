"""Importing customers' particulars from a table: what is wrong is set aside with its reason."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.sources.cells import lost_digits, texts
from features.sources.opening import RawChunk, TableError, open_raw, places_of
from serving.audit.chain import Fact
from serving.notices.contacts import FIELDS, ParticularsError, checked_particulars
from serving.outputs import LinesOfCsv
from serving.reviews.justification import digest_of_all
from serving.store.customers import find_customers, set_particulars
from serving.store.store import Store

_CHUNK_ROWS: Final = 500
_REJECT_COLUMNS = ("row", "customer_id", "field", "reason")


@dataclass(frozen=True)
class ImportSummary:
    """What became of a table: read = accepted + rejected; `rejects` is the file with the rejected, if any."""

    read: int
    accepted: int
    rejected: int
    rejects: Path | None


@dataclass(frozen=True)
class _Refused:
    row: int
    customer_id: str | None
    field: str
    reason: str


def import_particulars(
    store: Store, table: Path, actor: str, *, inside: bool, rejects: Path | None = None
) -> ImportSummary:
    """Import a table (.csv, .parquet or .xlsx) with customer_id and some of name, language, email, webhook.

    Columns that are absent change nothing; an empty cell takes away what was known. Each part of the table is
    kept as a whole, so that an import that was stopped is done by importing the table again.

    Args:
        store: where the customers are registered.
        table: the file.
        actor: who imports it.
        inside: whether webhooks may lead into the company's own network.
        rejects: where rejected rows go; `<table's stem>.rejects.csv` in the current folder by default.

    Raises:
        TableError: the table cannot be read, or the rejects cannot be written.
    """
    output = rejects or Path(f"{table.stem}.rejects.csv")
    if table.resolve() == output.resolve():
        raise TableError(f"{table}: would be overwritten by the rejected rows; name another file for them")
    part = output.with_name(f".{output.name}.part")
    seen: set[str] = set()
    accepted = rejected = 0
    try:
        with (
            open_raw(table, chunk_rows=_CHUNK_ROWS) as raw,
            LinesOfCsv(part, _REJECT_COLUMNS) as lines,
        ):
            places = _places(raw.header, table)
            for chunk in raw.chunks:
                taken, refused = _take(store, chunk, places, actor, seen, inside)
                accepted += taken
                rejected += len(refused)
                for one in refused:
                    lines.line(one.__dict__)
        if rejected:
            part.replace(output)
        else:
            output.unlink(missing_ok=True)  # of an earlier import
    except OSError as error:
        raise TableError(f"{output}: cannot be written ({error.strerror or type(error).__name__})") from None
    finally:
        part.unlink(missing_ok=True)
    return ImportSummary(accepted + rejected, accepted, rejected, output if rejected else None)


def _places(header: tuple[str, ...], path: Path) -> dict[str, int]:
    places = places_of(header, ("customer_id", *FIELDS), path)
    if "customer_id" not in places or len(places) == 1:
        raise TableError(f"{path}: give customer_id and some of {', '.join(FIELDS)}")
    return places


def _take(
    store: Store, chunk: RawChunk, places: dict[str, int], actor: str, seen: set[str], inside: bool
) -> tuple[int, list[_Refused]]:
    """Take one part of the table in a transaction; return how many were taken, and the refused in order."""
    columns = {name: texts(chunk.frame[place]) for name, place in places.items()}
    ids, lost = columns.pop("customer_id"), lost_digits(chunk.frame[places["customer_id"]])
    refused = [_Refused(number, None, "row", reason) for number, reason in chunk.misshapen]
    sealed: list[str] = []
    with store.writing(actor) as writing:
        known = find_customers(writing.connection, store.keyring, {id_ for id_ in ids if id_ is not None})
        for place, (row, id_) in enumerate(zip(chunk.rows, ids, strict=True)):
            number = int(row)
            if id_ is None or lost[place]:
                reason = "is missing, or has lost its last digits"
                refused.append(_Refused(number, None, "customer_id", reason))
                continue
            if id_ in seen:
                refused.append(_Refused(number, id_, "customer_id", "stands in an earlier row too"))
                continue
            if id_ not in known:
                reason = "is not registered; evaluate the customer first"
                refused.append(_Refused(number, id_, "customer_id", reason))
                continue
            try:
                given = {name: cells[place] for name, cells in columns.items()}
                particulars = checked_particulars(given, inside=inside)
            except ParticularsError as error:
                refused.append(_Refused(number, id_, error.field, error.reason))
                continue
            seen.add(id_)
            sealed.append(set_particulars(writing, known[id_], particulars))
        facts: dict[str, Fact] = {
            "customers": len(sealed), "rejected": len(refused), "digest": digest_of_all(sealed)
        }  # fmt: skip
        writing.record("particulars.imported", None, facts)
    return len(sealed), sorted(refused, key=lambda one: one.row)
