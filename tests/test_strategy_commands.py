"""The commands of strategies: from a tier to a task done, a delivery to a hold, an item to a stage."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

import tierwise
from features.terminal import KEPT_APART, BadInput
from features.terms import Nature, Tier
from serving.reviews.standings import Layer, put_in_force
from serving.store.customers import register_customers
from serving.store.store import Store, create_store, open_store
from serving.store.tables import audit_entries
from serving.strategies.following import UnknownList

NOW = datetime.now(UTC)
TODAY = NOW.date()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an embedded store that the commands use."""
    monkeypatch.setenv("TIERWISE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("TIERWISE_KEYS", str(tmp_path / "store"))
    create_store(None, tmp_path / "store", "tester").close()
    return tmp_path / "store"


def run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(tierwise.app, [*map(str, arguments)])
    assert result.exit_code == code, (result.output, result.exception)
    return " ".join(result.output.split())


def with_tier(store: Store, tier: Tier, at: datetime) -> None:
    with store.writing("ann", at) as writing:
        known = register_customers(writing, store.keyring, {"C-1": Nature.ENTERPRISE})["C-1"]
        put_in_force(writing, known.id, Layer.APPROVED, tier)


def test_a_tier_becomes_tasks_and_lists_and_tasks_are_done(folder: Path) -> None:
    store = open_store(None, folder)
    with_tier(store, Tier.GENERAL, NOW - timedelta(days=100))
    store.close()
    assert "1 change followed" in run("tick", "--at", (NOW - timedelta(days=99)).isoformat())
    assert "1 recurring task made again" in run("tick")
    assert "0 changes followed, 0 recurring" in run("tick")
    shown = run("task", "list", "--owner", "sales", "--overdue")
    assert "2 open tasks, 1 of them overdue" in shown
    (task,) = re.findall(r"[0-9a-f]{32}", shown)
    assert "C-1" in shown
    assert "Done." in run("task", "done", task, "--evidence", "visited", "--kpi", "1")
    assert "1 open task, 0 of them overdue" in run("task", "list", "--owner", "sales")
    assert "C-1" in run("listed", "visits")
    assert "0 customers on visits" in run("listed", "visits", "--on", "2020-01-01")
    unknown = CliRunner().invoke(tierwise.app, ["listed", "nope"]).exception
    assert isinstance(unknown, UnknownList)
    assert "early_warning, joint_development, limited" in str(unknown)


def test_overdue_items_reach_their_stages(folder: Path, tmp_path: Path) -> None:
    store = open_store(None, folder)
    with_tier(store, Tier.GOOD, NOW)
    store.close()
    file = tmp_path / "overdue.csv"
    due = TODAY - timedelta(days=35)
    file.write_text(
        "customer_id,item_id,amount,currency,due_on,paid_on\n"
        f"C-1,I-1,1250.00,CNY,{due},\nC-1,I-2,much,CNY,{due},\n"
    )
    shown = run("overdue", file, code=KEPT_APART)
    assert "1 new" in shown
    assert "row 3: amount" in shown
    assert "2 stages of collection begun" in run("tick")
    assert "formal_notice" in run("task", "list", "--owner", "finance")


def test_a_delivery_that_has_worsened_puts_a_hold_on(folder: Path, tmp_path: Path) -> None:
    days = [TODAY - timedelta(days=60), TODAY]
    tables = []
    for place, (day, net_assets) in enumerate(zip(days, (20.0, -3.0), strict=True)):
        tables.append(tmp_path / f"{place}.parquet")
        pd.DataFrame(
            {"customer_id": ["C-1"], "nature": "enterprise", "as_of": [day], "net_assets": [net_assets]}
        ).to_parquet(tables[-1])
    run("evaluate", tables[0], "--as-of", str(days[0]))
    shown = run("deliver", tables[1], "--as-of", str(days[1]))
    assert "1 read, 1 compared" in shown
    assert "negative_net_assets: 1 customer" in shown
    assert "2 events taken" in shown
    assert "0 events taken, 2 had been before" in run("deliver", tables[1], "--as-of", str(days[1]))
    assert "Tier in force: risk" in run("tier", "C-1")
    listed = run("case", "list")
    ids = re.findall(r"\b[0-9a-f]{32}\b", listed)
    assert len(ids) == 2 and listed.count("C-1") == 1
    shown = " ".join(run("case", "show", id_) for id_ in ids)
    assert "Customer: C-1" in shown and "Hold: risk since" in shown
    assert "Event: Statement with negative equity (negative_equity), adverse, of" in shown
    assert "approval(s)" not in shown and "no tier to" not in shown


def test_an_erasure_needs_a_reason_and_a_yes(folder: Path) -> None:
    store = open_store(None, folder)
    with_tier(store, Tier.GOOD, NOW)
    store.close()
    because = ("customer", "erase", "C-1", "--because")
    assert CliRunner().invoke(tierwise.app, because[:3]).exception is not None
    for words, why in (((*because, "request 7"), "give --yes"), ((*because, "c-1 asked", "--yes"), "leave")):
        refused = CliRunner().invoke(tierwise.app, words).exception
        assert isinstance(refused, BadInput) and why in str(refused)
    assert "Tier in force: good" in run("tier", "C-1")
    assert "Erased." in run(*because, "request 7", "--yes")
    store = open_store(None, folder)
    with store.reading() as connection:
        (facts,) = connection.execute(
            select(audit_entries.c.facts).where(audit_entries.c.action == "customer.erased")
        ).scalars()
    store.close()
    assert "request 7" in str(facts)


def test_rules_that_the_catalog_has_no_indicator_for_are_named(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "loans.csv"
    table.write_text("customer_id,nature,as_of\nC-1,enterprise,2025-01-01\n")
    shown = run("deliver", table, "--as-of", "2025-01-01", "--catalog", "sba", "--policy", "sba")
    assert "Rule negative_net_assets is left out: the catalog has no indicator net_assets." in shown


@pytest.mark.parametrize("wrong", ["noon", "9999-12-31", "0001-01-01"])
@pytest.mark.parametrize(
    "command", [("tick", "--at"), ("listed", "visits", "--on"), ("tier", "C-1", "--on")], ids=lambda of: of[0]
)
def test_a_moment_that_is_none_is_refused(folder: Path, command: tuple[str, ...], wrong: str) -> None:
    result = CliRunner().invoke(tierwise.app, [*command, wrong])
    assert isinstance(result.exception, BadInput)
    assert wrong not in str(result.exception)
