"""The periodic evaluation: the same decisions whatever stops it, each replayed to the byte."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Connection, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from features.catalog import Catalog, load_catalog
from features.pipeline import prepare
from features.simulation.company import simulate
from features.sources.flat_table import FlatTable
from features.sources.opening import TableError
from features.terms import Tier
from models.artefact import Model
from models.decision import Scorer
from models.policy import Policy, load_policy
from serving.audit.verification import verify
from serving.confidential.sealing import SealError
from serving.procedure import Procedure
from serving.reviews.due import due_on
from serving.reviews.justification import (
    canonical,
    digest_of,
    open_justification,
    read_justification,
    seal_justification,
)
from serving.reviews.periodic import RunSummary, evaluate_periodically
from serving.reviews.replay import Replayer, UnknownDecision
from serving.served import Served
from serving.store.customers import (
    UnknownCustomer,
    erase_customer,
    find_customers,
    open_customer,
    particulars_of,
    rewrap_keys,
)
from serving.store.store import Store, create_store, open_store
from serving.store.tables import audit_entries, customers, decisions, run_rejects, runs
from tests.killed_work import evaluate_in_process
from tests.killing import finish_although_killed
from tests.served_model import catalog, model, policy
from tests.stores import ACTOR, database_url, store

__all__ = ["catalog", "database_url", "model", "policy", "store"]

DAY = date(2025, 6, 30)
SIMULATED = 120
CHUNK = 25


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the indicators of a synthetic company as of the day."""
    folder = tmp_path_factory.mktemp("company")
    simulated = simulate(folder / "records", SIMULATED, 5, first=date(2022, 1, 1), last=date(2025, 12, 31))
    return prepare(simulated.portfolio, folder / "built", as_of=DAY).built.indicators


def size(table: Path) -> int:
    return len(pd.read_parquet(table, columns=["customer_id"]))


@pytest.fixture
def served(catalog: Catalog, policy: Policy, model: Model) -> Served:
    return Served(Scorer(catalog, policy, model), "customer/1")


def run(store: Store, served: Served, table: Path, chunk_rows: int = CHUNK) -> RunSummary:
    return evaluate_periodically(store, served, table, DAY, "ann", chunk_rows=chunk_rows)


def justifications(store: Store) -> dict[str, bytes]:
    """Return what was decided on each customer, by the company's id."""
    replayer = Replayer(store)
    with store.reading() as connection:
        ids = list(connection.execute(select(decisions.c.id)).scalars())
    found = [replayer.replay(id_) for id_ in ids]
    assert all(replayed.reproduced for replayed in found)
    return {one.justification["inputs"]["customer_id"]: canonical(one.justification) for one in found}


def trail(store: Store) -> list[str]:
    with store.reading() as connection:
        checked = verify(connection, store.keyring, store.heads)
        assert checked.bad_entry is None
        query = select(audit_entries.c.action).order_by(audit_entries.c.sequence)
        return list(connection.execute(query).scalars())


def test_every_customer_is_decided_on_once_and_every_decision_replays_to_the_byte(
    store: Store, served: Served, table: Path
) -> None:
    summary = run(store, served, table)
    assert (summary.read, summary.decided, summary.rejected, summary.resumed) == (
        size(table),
        size(table),
        0,
        False,
    )
    assert sum(summary.tiers.values()) == size(table)
    assert set(justifications(store)) == set(pd.read_parquet(table)["customer_id"])
    assert trail(store).count("run.chunk_kept") == -(-size(table) // CHUNK)


def test_indicators_that_the_table_has_no_column_of_are_told(
    store: Store, served: Served, table: Path, tmp_path: Path
) -> None:
    assert run(store, served, table).absent == ()
    part = pd.read_parquet(table).head(CHUNK).drop(columns=["current_ratio", "age"])
    part.to_parquet(tmp_path / "part.parquet")
    # Age is protected, and so decides nothing.
    assert run(store, served, tmp_path / "part.parquet").absent == ("current_ratio",)


def test_the_evidence_of_every_value_is_kept_with_it(store: Store, served: Served, table: Path) -> None:
    run(store, served, table)
    evidence = pd.read_parquet(table.with_name("evidence.parquet"))
    for customer_id, content in justifications(store).items():
        kept = read_justification(content)
        lines = evidence[evidence["customer_id"] == customer_id]
        assert set(kept["evidence"]) == set(lines["indicator"])
        given = set(kept["inputs"]["indicators"])
        assert given == set(lines.loc[lines["status"] == "known", "indicator"])


def test_the_same_run_again_changes_nothing(store: Store, served: Served, table: Path) -> None:
    first = run(store, served, table)
    before = trail(store)
    again = run(store, served, table)
    assert again.resumed
    assert (again.run, again.tiers, again.decided) == (first.run, first.tiers, first.decided)
    assert trail(store) == before


def test_a_run_of_another_policy_or_day_is_another_run(store: Store, served: Served, table: Path) -> None:
    first = run(store, served, table)
    plain = Served(Scorer(served.scorer.catalog, served.scorer.policy), None)
    second = run(store, plain, table)
    assert second.run != first.run
    other_day = evaluate_periodically(store, served, table, date(2025, 7, 1), "ann")
    assert (other_day.decided, other_day.rejected) == (0, size(table))


def test_rows_that_cannot_be_evaluated_are_kept_apart_with_their_reason(
    store: Store, served: Served, table: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(table)
    wrong = pd.concat([frame, frame.iloc[[3]]], ignore_index=True)
    wrong["as_of"] = wrong["as_of"].astype(object)
    wrong.loc[1, "nature"] = "planet"
    wrong.loc[2, "as_of"] = date(2024, 1, 1)
    file = tmp_path / "wrong.parquet"
    wrong.to_parquet(file)
    summary = run(store, served, file)
    assert (summary.read, summary.decided, summary.rejected) == (size(table) + 1, size(table) - 2, 3)
    assert ("as_of", f"must be {DAY}, the day of the run", 1) in summary.reasons
    assert len(summary.reasons) == 3
    with store.reading() as connection:
        rows = connection.execute(select(run_rejects).order_by(run_rejects.c.row)).all()
    assert [(row.row, row.field) for row in rows] == [
        (3, "nature"),
        (4, "as_of"),
        (size(table) + 2, "customer_id"),
    ]
    texts = " ".join(row.reason for row in rows)
    assert not any(value in texts for value in ("planet", "2024", *frame["customer_id"][:4]))


def test_rows_of_a_table_without_days_are_of_the_day_of_the_run(
    store: Store, catalog: Catalog, policy: Policy, table: Path, tmp_path: Path
) -> None:
    named = FlatTable(customer_id="customer_id", nature="nature")
    flat = Catalog.model_validate_json(
        catalog.model_copy(update={"table": named}).model_dump_json(by_alias=True)
    )
    file = tmp_path / "undated.csv"
    pd.read_parquet(table).drop(columns="as_of").head(9).to_csv(file, index=False)
    summary = run(store, Served(Scorer(flat, policy), None), file)
    assert (summary.decided, summary.rejected, summary.reasons) == (9, 0, ())
    with store.reading() as connection:
        assert set(connection.execute(select(decisions.c.as_of)).scalars()) == {DAY}


def test_a_table_built_by_another_catalog_is_refused_and_leaves_no_run(store: Store, table: Path) -> None:
    sba = Served(Scorer(load_catalog("sba"), load_policy("sba")), None)
    with pytest.raises(TableError, match=r"the catalog sba judges by.*name it with --catalog or --model"):
        run(store, sba, table)
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(runs)).scalar_one() == 0


def test_a_run_killed_again_and_again_makes_the_same_decisions(
    database_url: str | None, served: Served, table: Path, tmp_path: Path
) -> None:
    whole = create_store(None, tmp_path / "whole", ACTOR)
    run(whole, served, table)
    expected = justifications(whole)
    whole.close()
    create_store(database_url, tmp_path / "store", ACTOR).close()
    served.save(tmp_path / "served")
    kills = finish_although_killed(
        evaluate_in_process, database_url, tmp_path / "store", tmp_path / "served", table, DAY,
        kills=6, attempts=10,
    )  # fmt: skip
    assert kills >= 5
    reopened = open_store(database_url, tmp_path / "store")
    assert justifications(reopened) == expected
    with reopened.reading() as connection:
        count = connection.execute(select(func.count()).select_from(decisions)).scalar_one()
    assert count == size(table)
    trail(reopened)
    reopened.close()


def test_a_decision_is_never_changed_and_a_changed_one_is_found(
    store: Store, served: Served, table: Path
) -> None:
    run(store, served, table)
    with store.reading() as connection:
        row = connection.execute(select(decisions).limit(1)).one()
    for change in (update(decisions).values(tier="good"), delete(decisions)):
        with pytest.raises(DBAPIError, match="never changed"), store.database.writing() as connection:
            connection.execute(change)

    def force(connection: Connection, **values: object) -> None:
        if store.database.is_sqlite:
            connection.execute(text("DROP TRIGGER IF EXISTS keep_decisions_update"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        connection.execute(update(decisions).where(decisions.c.id == row.id).values(**values))
        if not store.database.is_sqlite:
            connection.execute(text("SET session_replication_role = origin"))

    for name, value in (("score", row.score + 1), ("tier", "unrated"), ("digest", "0" * 64)):
        with store.database.writing() as connection:
            force(connection, **{name: value})
        replayed = Replayer(store).replay(row.id)
        assert not replayed.reproduced and replayed.differs == name
        with store.database.writing() as connection:
            force(connection, **{name: getattr(row, name)})
    with store.reading() as connection:
        data_key = open_customer(connection, store.keyring, row.customer).data_key
    justification = read_justification(open_justification(row.sealed, data_key, row.id))
    justification["answer"]["contributions"][1]["points"] += 1
    sealed = seal_justification(canonical(justification), data_key, row.id)
    with store.database.writing() as connection:
        force(connection, sealed=sealed, digest=digest_of(sealed))
    assert Replayer(store).replay(row.id).differs == "$.answer.contributions[1].points"
    with store.database.writing() as connection:
        force(connection, sealed=row.sealed[:-1] + bytes([row.sealed[-1] ^ 1]))
    with pytest.raises(SealError):
        Replayer(store).replay(row.id)
    with pytest.raises(UnknownDecision):
        Replayer(store).replay("0" * 32)


def test_nothing_in_the_store_tells_who_a_customer_is_or_its_values(
    tmp_path: Path, served: Served, table: Path
) -> None:
    store = create_store(None, tmp_path, ACTOR)
    run(store, served, table)
    store.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("store.db*"))
    frame = pd.read_parquet(table)
    assert not any(customer_id.encode() in kept for customer_id in frame["customer_id"])
    heads = (tmp_path / "audit_heads.jsonl").read_text()
    assert not any(customer_id in heads for customer_id in frame["customer_id"])


def test_an_erased_customer_can_be_read_by_nobody_and_may_come_again(
    store: Store, served: Served, table: Path
) -> None:
    run(store, served, table)
    customer_id = pd.read_parquet(table)["customer_id"].iloc[7]
    with store.reading() as connection:
        known = find_customers(connection, store.keyring, [customer_id])[customer_id]
        assert particulars_of(connection, known) == {"customer_id": customer_id}
        decision = connection.execute(
            select(decisions.c.id).where(decisions.c.customer == known.id)
        ).scalar_one()
    with store.writing("dpo") as writing:
        erase_customer(writing, known.id)
    with store.reading() as connection:
        assert find_customers(connection, store.keyring, [customer_id]) == {}
        with pytest.raises(UnknownCustomer, match="erased"):
            open_customer(connection, store.keyring, known.id)
        row = connection.execute(select(customers).where(customers.c.id == known.id)).one()
        assert (row.data_key, row.lookup, row.particulars, row.master_version) == (None, None, None, None)
    with pytest.raises(UnknownCustomer, match="erased"):
        Replayer(store).replay(decision)
    with pytest.raises(UnknownCustomer), store.writing("dpo") as writing:
        erase_customer(writing, known.id)
    plain = Served(Scorer(served.scorer.catalog, served.scorer.policy), None)
    assert run(store, plain, table).decided == size(table)
    with store.reading() as connection:
        assert find_customers(connection, store.keyring, [customer_id])[customer_id].id != known.id
    trail(store)


def test_keys_are_wrapped_anew_and_the_old_master_can_go(store: Store, served: Served, table: Path) -> None:
    run(store, served, table)
    before = justifications(store)
    store.keyring = store.keyring.with_new_master()
    assert sum(rewrap_keys(store, "admin")) == size(table)
    store.keyring = store.keyring.without_master(1)
    assert justifications(store) == before
    assert list(rewrap_keys(store, "admin")) == [0]


def test_customers_are_due_when_their_tiers_interval_is_over(
    store: Store, served: Served, table: Path
) -> None:
    run(store, served, table)
    procedure = Procedure()
    with store.reading() as connection:
        tiers = {row.customer: row.tier for row in connection.execute(select(decisions))}
        for tier, months in ((Tier.RISK, 3), (Tier.GENERAL, 6), (Tier.GOOD, 12)):
            day = procedure.due_on(tier, DAY)
            assert (day.year * 12 + day.month) - (DAY.year * 12 + DAY.month) == months
            due = due_on(connection, procedure, day)
            expected = {c for c, t in tiers.items() if procedure.due_on(Tier(t), DAY) <= day}
            assert {one.customer for one in due} == expected
            assert due == sorted(due, key=lambda one: (one.since, one.customer))
        assert due_on(connection, procedure, DAY) == []
