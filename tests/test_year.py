"""A scripted half-year of a small synthetic company reconciles to the last customer, on both databases."""

from pathlib import Path

import pytest

from benchmarks.year import live
from tests.stores import new_database


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_what_was_asked_for_and_what_came_of_it_reconcile(
    backend: str, tmp_path: Path, postgresql_server: str
) -> None:
    url = new_database(postgresql_server) if backend == "postgresql" else None
    story, ledger = live(tmp_path, 80, 6, url=url, every=3)
    story.store.close()
    assert [line for line in ledger.lines if not line.holds] == []
    counts = story.told.counts
    # What reconciles must also have happened.
    for what in (
        "events taken",
        "events repeated",
        "tasks done",
        "notices queued",
        "erased",
        "outcomes kept",
    ):
        assert counts[what] > 0, what
    received = story.mail, story.web
    assert all(of.asked > len(of.ids) > 0 for of in received), "nobody received, or nobody ever refused"
    assert sum(ledger.tiers.values()) > 60 and ledger.audit_entries > 200
    report = story.told.report
    assert report is not None
    shown = {kpi.id: kpi.measured.whole for kpi in report.kpis}
    assert shown["satisfaction.answered"].cases > 0 and shown["accuracy.auc"].value is not None
