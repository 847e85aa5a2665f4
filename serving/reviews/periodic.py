"""The periodic evaluation (M19): the whole portfolio as of a day, in chunks, each kept whole or not at all.

A run is known by what goes into it: the day, the table, catalog, policy and model. Started again after
whatever stopped it, it goes on behind the last chunk that was kept; every decision has the id and the content
that it would have had.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from features.portfolio import Portfolio
from features.sources.customer_table import Chunk, open_table
from features.sources.opening import TableError
from features.terms import Nature
from serving.reviews.adoptions import require_served
from serving.reviews.decision_rows import PERIODIC, decision_row
from serving.reviews.evidence import evidence_file, read_evidence
from serving.reviews.justification import Justification, digest_of_all, justify
from serving.served import Served
from serving.store.customers import find_customers, register_customers
from serving.store.documents import keep_served
from serving.store.store import Store, Writing
from serving.store.tables import decisions, run_rejects, runs

# Kept in one transaction, which other writers wait for: well under a second.
CHUNK_ROWS = 500
_HASHED = 1 << 20

# Told after every chunk: rows done so far, and the share of the file read (0–1).
Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class RunSummary:
    """What became of a run: read = decided + rejected, over all its parts; the tiers' counts.

    `reasons` are field and reason of the rejected rows with how many there are, the most frequent first.
    `absent` are indicators of which the table has no column.
    """

    run: str
    as_of: date
    read: int
    decided: int
    rejected: int
    tiers: dict[str, int]
    reasons: tuple[tuple[str, str, int], ...]
    resumed: bool
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Run:
    id: str
    artefact_hash: str | None
    model_version: str | None
    started_at: datetime
    chunk_rows: int
    done: int
    finished: bool


def evaluate_periodically(
    store: Store,
    served: Served,
    table: Path,
    as_of: date,
    actor: str,
    *,
    chunk_rows: int = CHUNK_ROWS,
    progress: Progress | None = None,
) -> RunSummary:
    """Evaluate every customer of a table as of a day, and keep the decisions.

    Args:
        store: where they are kept.
        served: catalog, policy and, where there is one, model.
        table: .csv, .parquet or .xlsx, a row for each customer; the evidence of a build's table is kept too.
        as_of: the day; rows of another day are rejected, those of a table without days are of this one.
        actor: who evaluates.
        chunk_rows: rows of the table that are kept together; of a run that goes on, what it began with.
        progress: told after every chunk.

    Raises:
        TableError: the table cannot be read as a whole.
        UnexplainedScore: a score is not the sum of its contributions; its chunk is not kept.
        StoreError: the store cannot be reached; what was kept stays.
        NotAdopted: catalog, policy or model is not the one adopted, or is so no more; what was kept stays.
    """
    with open_table(table, served.scorer.catalog) as opened:
        absent = opened.absent  # what cannot be read, or is another catalog's, leaves no run behind
    beside = evidence_file(table)
    hash_ = _hash_of(table, beside)
    run = _begin(store, served, as_of, hash_, chunk_rows, actor)
    resumed = run.done > 0 or run.finished
    if not run.finished:
        before = 0
        with open_table(table, served.scorer.catalog, chunk_rows=run.chunk_rows, as_of=as_of) as opened:
            for chunk in opened.chunks:
                rows = len(chunk.rows) + len(chunk.misshapen)
                if before >= run.done:
                    _keep_chunk(store, served, run, chunk, before, rows, as_of, beside, actor)
                before += rows
                if progress is not None:
                    progress(before, chunk.share)
        _finish(store, run, before, actor)
    with store.reading() as connection:
        return replace(_summary(connection, run, as_of, resumed), absent=absent)


def _begin(store: Store, served: Served, as_of: date, table_hash: str, chunk_rows: int, actor: str) -> _Run:
    scorer = served.scorer
    parts = {
        "kind": PERIODIC,
        "as_of": as_of.isoformat(),
        "frame_hash": table_hash,
        "catalog_hash": scorer.catalog.hash,
        "policy_hash": scorer.policy.hash,
        "artefact_hash": None if scorer.model is None else scorer.model.content_hash,
        "model_version": served.model_version,
    }
    id_ = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    with store.reading() as connection:
        require_served(connection, served, store.clock())
        found = _find(connection, id_)
    if found is not None:
        return found
    with store.writing(actor) as writing:
        # Asked again, for another may have been adopted since.
        require_served(writing.connection, served, writing.at)
        found = _find(writing.connection, id_)
        keep_served(writing, scorer, served.artefact)
        if found is None:
            writing.connection.execute(
                insert(runs).values(
                    id=id_,
                    chunk_rows=chunk_rows,
                    done=0,
                    started_at=writing.at,
                    started_by=actor,
                    **{**parts, "as_of": as_of},
                )
            )
        writing.record(
            "run.started", id_, {"kind": PERIODIC, "as_of": as_of.isoformat(), "table": table_hash}
        )
    hash_ = parts["artefact_hash"]
    return found or _Run(id_, hash_, served.model_version, writing.at, chunk_rows, 0, False)


def _find(connection: Connection, id_: str) -> _Run | None:
    row = connection.execute(select(runs).where(runs.c.id == id_)).one_or_none()
    if row is None:
        return None
    finished = row.finished_at is not None
    return _Run(id_, row.artefact_hash, row.model_version, row.started_at, row.chunk_rows, row.done, finished)


def _keep_chunk(
    store: Store,
    served: Served,
    run: _Run,
    chunk: Chunk,
    before: int,
    rows: int,
    as_of: date,
    beside: Path | None,
    actor: str,
) -> None:
    """Decide on a chunk, then keep all of it in one transaction, unless another process has meanwhile."""
    portfolio, wrong = Portfolio.from_frame(chunk.frame, served.scorer.catalog)
    rejected = [(line.row, line.field, line.reason) for line in chunk.rejected(wrong)]
    kept_apart = set(wrong["row"])
    numbers = [number for place, number in enumerate(chunk.rows) if place not in kept_apart]
    other_day = {place for place, day in enumerate(portfolio.as_of) if day != as_of}
    rejected += [
        (numbers[place], "as_of", f"must be {as_of}, the day of the run") for place in sorted(other_day)
    ]
    evidence = read_evidence(beside, portfolio.customer_ids)
    decided = served.scorer.decide(portfolio)
    justified = {
        row: justify(decided, row, served.model_version, evidence.get(portfolio.customer_ids[row], {}))
        for row in range(len(portfolio))
        if row not in other_day
    }
    with store.writing(actor) as writing:
        require_served(writing.connection, served, writing.at)
        done = writing.connection.execute(select(runs.c.done).where(runs.c.id == run.id)).scalar_one()
        if done != before:
            writing.record("run.chunk_left", run.id, {"before": before})
            return
        digests, twice = _keep_decisions(writing, store, run, justified)
        rejected += [(numbers[row], "customer_id", "the customer is in this table twice") for row in twice]
        if rejected:
            writing.connection.execute(
                insert(run_rejects),
                [{"run": run.id, "row": row, "field": f, "reason": reason} for row, f, reason in rejected],
            )
        writing.connection.execute(update(runs).where(runs.c.id == run.id).values(done=before + rows))
        writing.record("run.chunk_kept", run.id, {
            "before": before, "rows": rows, "decided": len(digests), "rejected": len(rejected),
            "decisions": digest_of_all(digests),
        })  # fmt: skip


def _keep_decisions(
    writing: Writing, store: Store, run: _Run, justified: dict[int, Justification]
) -> tuple[list[str], list[int]]:
    """Keep decisions by row; return their digests, and the rows of customers that the run has met before."""
    natures = {of["answer"]["customer_id"]: Nature(of["answer"]["nature"]) for of in justified.values()}
    known = find_customers(writing.connection, store.keyring, natures)
    new = {id_: nature for id_, nature in natures.items() if id_ not in known}
    known |= register_customers(writing, store.keyring, new)
    met = _decided_before(writing.connection, run.id, [known[id_].id for id_ in natures])
    rows: list[dict[str, Any]] = []
    twice = []
    for row, justification in justified.items():
        customer = known[justification["answer"]["customer_id"]]
        if customer.id in met:
            twice.append(row)
            continue
        met.add(customer.id)
        id_ = hashlib.sha256(f"{run.id} {customer.id}".encode()).hexdigest()[:32]
        rows.append(
            decision_row(
                id_, PERIODIC, customer, justification, run=run.id, decided_at=run.started_at,
                artefact_hash=run.artefact_hash, model_version=run.model_version,
            )
        )  # fmt: skip
    if rows:
        writing.connection.execute(insert(decisions), rows)
    return [line["digest"] for line in rows], twice


def _decided_before(connection: Connection, run: str, pseudonyms: Iterable[str]) -> set[str]:
    wanted = list(pseudonyms)
    query = select(decisions.c.customer).where(decisions.c.run == run, decisions.c.customer.in_(wanted))
    return set(connection.execute(query).scalars())


def _finish(store: Store, run: _Run, rows: int, actor: str) -> None:
    with store.writing(actor) as writing:
        done = writing.connection.execute(select(runs.c.done).where(runs.c.id == run.id)).scalar_one()
        if done != rows:
            raise TableError("the table has changed while it was read; run it again")
        writing.connection.execute(update(runs).where(runs.c.id == run.id).values(finished_at=writing.at))
        writing.record("run.finished", run.id, {"rows": rows})


def _summary(connection: Connection, run: _Run, as_of: date, resumed: bool) -> RunSummary:
    read = connection.execute(select(runs.c.done).where(runs.c.id == run.id)).scalar_one()
    tiers = connection.execute(
        select(decisions.c.tier, func.count().label("number"))
        .where(decisions.c.run == run.id)
        .group_by(decisions.c.tier)
    )
    counted = Counter({row.tier: row.number for row in tiers})
    kept_apart = connection.execute(
        select(run_rejects.c.field, run_rejects.c.reason, func.count().label("number"))
        .where(run_rejects.c.run == run.id)
        .group_by(run_rejects.c.field, run_rejects.c.reason)
    )
    found = ((of.field, of.reason, of.number) for of in kept_apart)
    reasons = tuple(sorted(found, key=lambda of: (-of[2], *of)))
    rejected = sum(number for *_, number in reasons)
    return RunSummary(run.id, as_of, read, counted.total(), rejected, dict(counted), reasons, resumed)


def _hash_of(table: Path, beside: Path | None) -> str:
    """Return the SHA-256 (hex) of a table's bytes and of those of its evidence."""
    digest = hashlib.sha256()
    for file in (table, beside):
        if file is None:
            continue
        try:
            with file.open("rb") as opened:
                while part := opened.read(_HASHED):
                    digest.update(part)
        except OSError as error:
            raise TableError(f"{file}: cannot be read ({error.strerror})") from None
        digest.update(b"\n")
    return digest.hexdigest()
