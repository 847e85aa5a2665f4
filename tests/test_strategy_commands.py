"""The commands of strategies: from a tier to a task done, a delivery to a hold, an item to a stage."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import tierwise
from features.terminal import BadInput
from features.terms import Nature, Tier
from serving.reviews.standings import Layer, put_in_force
from serving.store.customers import register_customers
from serving.store.store import Store, create_store, open_store

NOW = datetime.now(UTC)
TODAY = NOW.date()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an embedded store that the commands use."""
    monkeypatch.setenv("TIERWISE_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("TIERWISE_KEYS", str(tmp_path / "store"))
    create_store(None, tmp_path / "store", "tester").close()
    return tmp_path / "store"


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(tierwise.app, [*map(str, arguments)])
    assert result.exit_code == 0, (result.output, result.exception)
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
    shown = run("overdue", file)
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
