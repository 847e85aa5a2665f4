"""`./run bench steadiness`: a synthetic portfolio's years replayed with plain cut-offs and with steady tiers.

Every quarter the records known by then are built into indicators and decided on. Plain tiers follow each
decision; steady ones rise past the procedure's margin or on two reviews in a row, as if management approved
every proposal. A flip-flop is a change of tier that the next change takes back. Everything is synthetic.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from features.building import build
from features.catalog import load_catalog
from features.pipeline import prepare
from features.portfolio import Portfolio
from features.simulation.company import simulate
from features.terms import Tier
from models.decision import Scorer
from models.policy import Policy, load_policy
from serving.procedure import Procedure, months_after
from serving.reviews.steadiness import steady_tier

SEED = 17
FIRST, LAST = date(2020, 1, 1), date(2025, 12, 31)
BEGIN, MONTHS, REVIEWS = date(2022, 3, 31), 3, 15


@dataclass(frozen=True)
class Replayed:
    """What came of a portfolio: changes of tier, those that the next took back, and how many of those who
    defaulted were ever put at risk."""

    changes: int
    flip_flops: int
    recognised: int


def main() -> None:
    """Print both replays as a table and one line of JSON."""
    arguments = _arguments()
    begin = time.perf_counter()
    procedure = Procedure()
    policy = load_policy("customer")
    with tempfile.TemporaryDirectory(prefix="tierwise-steadiness-", dir=arguments.folder) as folder:
        courses, defaulted = _courses(Path(folder), arguments.customers, policy, procedure)
    plain, steady = ({id_: course[place] for id_, course in courses.items()} for place in (0, 1))
    figures = {name: _figures(of, defaulted) for name, of in (("plain", plain), ("steady", steady))}
    late = sum(_recognised(steady[id_]) > _recognised(plain[id_]) for id_ in defaulted if id_ in courses)
    print(
        f"{len(courses):,} synthetic customers, {REVIEWS} quarterly reviews; {len(defaulted):,} defaulted\n"
    )
    print("| tiers | changes | flip-flops | defaulters recognised as risk |\n|---|--:|--:|--:|")
    for name, of in figures.items():
        print(f"| {name} | {of.changes:,} | {of.flip_flops:,} | {of.recognised:,} |")
    print(f"\nDefaulters whom steady tiers recognise later than plain ones: {late}\n")
    print(json.dumps({
        "benchmark": "steadiness",
        "customers": len(courses),
        "reviews": REVIEWS,
        "flip_flops_steady_over_plain": round(figures["steady"].flip_flops / figures["plain"].flip_flops, 3),
        "changes_steady_over_plain": round(figures["steady"].changes / figures["plain"].changes, 3),
        "recognised_later": late,
        "figures": {name: of.__dict__ for name, of in figures.items()},
        "margin": procedure.margin,
        "seconds": round(time.perf_counter() - begin, 1),
    }))  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./run bench steadiness", description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where the tables go meanwhile")
    return parser.parse_args()


Course = tuple[list[Tier], list[Tier]]


def _courses(
    folder: Path, customers: int, policy: Policy, procedure: Procedure
) -> tuple[dict[str, Course], set[str]]:
    """Return each customer's plain and steady tiers, review by review, and who ever defaulted."""
    simulated = simulate(folder / "company", customers, SEED, first=FIRST, last=LAST)
    prepared = prepare(simulated.portfolio, folder / "built", as_of=BEGIN)
    staged = {name: table.file for name, table in prepared.staged.tables.items()}
    catalog = load_catalog("customer")
    scorer = Scorer(catalog, policy)
    courses: dict[str, Course] = {}
    for review in range(REVIEWS):
        day = months_after(BEGIN, MONTHS * review)
        built = build(catalog, staged, folder / f"built{review}", as_of=day)
        portfolio, _ = Portfolio.from_frame(pd.read_parquet(built.indicators), catalog)
        decisions = scorer.decide(portfolio)
        for id_, tier, score in zip(portfolio.customer_ids, decisions.tiers, decisions.score, strict=True):
            plain, steady = courses.setdefault(id_, ([], []))
            before = plain[-1] if plain else None
            approved = steady[-1] if steady else None
            steady.append(steady_tier(tier, float(score), approved, before, policy, procedure.margin).tier)
            plain.append(tier)
    truth = pd.read_parquet(simulated.truth)
    return courses, set(truth.loc[truth["outcome"].fillna(False).astype(bool), "customer_id"])


def _figures(courses: dict[str, list[Tier]], defaulted: set[str]) -> Replayed:
    changes = flip_flops = 0
    for course in courses.values():
        told = [tier for place, tier in enumerate(course) if place == 0 or tier is not course[place - 1]]
        changes += len(told) - 1
        flip_flops += sum(told[place] is told[place + 2] for place in range(len(told) - 2))
    recognised = sum(_recognised(courses[id_]) < REVIEWS for id_ in defaulted if id_ in courses)
    return Replayed(changes, flip_flops, recognised)


def _recognised(course: Sequence[Tier]) -> int:
    """Return at which review a customer was first put at risk; REVIEWS if at none."""
    return next((place for place, tier in enumerate(course) if tier is Tier.RISK), REVIEWS)


if __name__ == "__main__":
    main()
