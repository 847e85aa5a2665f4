"""`./run bench year`: a year of the Measures in a synthetic company, from intake to notices, as one ledger.

The company's records are simulated and built month by month; everybody is classified, reviewed when due,
reported by events and deteriorations; cases are handled, tiers approved, tasks done, notices sent to real
receivers, customers heard. What was asked for and what came of it must reconcile to the last customer.
"""

import argparse
import json
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from benchmarks.year_parts.company import Company
from benchmarks.year_parts.ledger import Ledger, ledger_of
from benchmarks.year_parts.receivers import mail_server, web_server
from benchmarks.year_parts.story import Clock, Story, evening
from serving.procedure import months_after
from serving.store.store import create_store

SEED = 23
FIRST, INTAKE, LAST = date(2021, 1, 1), date(2023, 12, 31), date(2025, 12, 31)
# Of mails and of posts, every so many is refused at first.
REFUSING = 37


def main() -> None:
    """Print the ledger, the figures of oversight, and one line of JSON; fail where a line does not hold."""
    arguments = _arguments()
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tierwise-year-", dir=arguments.folder) as folder:
        story, ledger = live(
            Path(folder), arguments.customers, arguments.months, url=arguments.store, every=arguments.every
        )
        story.store.close()
    _print(story, ledger)
    print(json.dumps({
        "benchmark": "year",
        "synthetic_customers": arguments.customers,
        "records": story.company.records,
        "months": arguments.months,
        "holds": ledger.holds,
        "lines": {line.what: [line.asked, line.found] for line in ledger.lines},
        "in_force": ledger.tiers,
        "audit_entries": ledger.audit_entries,
        "seconds": round(time.perf_counter() - begin, 1),
    }, ensure_ascii=False))  # fmt: skip
    if not ledger.holds:
        sys.exit("the ledger does not reconcile")


def live(
    folder: Path, customers: int, months: int, *, url: str | None = None, every: int = 1
) -> tuple[Story, Ledger]:
    """Live a year; returns it with its store open, and the ledger.

    Args:
        folder: for the company and the store.
        customers: how many the company has.
        months: how many there are.
        url: the database; SQLite in the folder by default.
        every: months between two deliveries.
    """
    company = Company.simulated(folder, customers, SEED, first=FIRST, intake=INTAKE, last=LAST)
    clock = Clock(evening(INTAKE))
    store = create_store(url, folder / "store", "ann")
    store.clock = clock
    with mail_server(REFUSING) as mail, web_server(REFUSING) as web:
        story = Story(store, company, clock, SEED, mail, web)
        story.begin(INTAKE)
        for month in range(every, months + 1, every):
            story.month(months_after(INTAKE, month))
            if month >= months / 2 and not story.told.counts["erased"]:
                story.erase(3)
        story.end(INTAKE, LAST)
        return story, ledger_of(story)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench year", description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--every", type=int, default=1, help="months between two deliveries")
    parser.add_argument("--store", help="the database's URL; SQLite by default")
    parser.add_argument("--folder", type=Path, help="where the company goes meanwhile")
    return parser.parse_args()


def _print(story: Story, ledger: Ledger) -> None:
    print("Everything here is synthetic.\n\n| | by one way | by the other | |\n|---|--:|--:|---|")
    for line in ledger.lines:
        print(f"| {line.what} | {line.asked:,} | {line.found:,} | {'' if line.holds else 'DIFFERS'} |")
    print("\n| change of the tier in force | customers |\n|---|--:|")
    for what, number in ledger.changes.items():
        print(f"| {what} | {number:,} |")
    print("\n| figure of oversight | value | cases | target |\n|---|--:|--:|---|")
    report = story.told.report
    for kpi in () if report is None else report.kpis:
        value = kpi.measured.whole.value
        shown = "" if value is None else f"{value:.4g}"
        print(f"| {kpi.id} | {shown} | {kpi.measured.whole.cases:,} | {kpi.verdict} |")
    print()


if __name__ == "__main__":
    main()
