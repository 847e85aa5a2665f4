"""`./run bench steadiness`: a synthetic portfolio's years replayed with plain cut-offs and with steady tiers.

Every quarter the records known by then are built into indicators and decided on. Plain tiers follow each
decision; steady ones follow the procedure (margin, two reviews in a row, probation after risk), as if
management approved every proposal. A flip-flop is a change of tier that the next change takes back, however
much later; those taken back within a year are rating reversals as agencies count them (Cantor and Mann 2003,
Moody's). Everything is synthetic.
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
from serving.reviews.steadiness import Before, steady_tier

SEED = 17
FIRST, LAST = date(2020, 1, 1), date(2025, 12, 31)
BEGIN, MONTHS, REVIEWS = date(2022, 3, 31), 3, 15


@dataclass(frozen=True)
class Replayed:
    """What came of a portfolio: changes of tier, those that the next took back, of these those within a year,
    and how many of those who defaulted were ever put at risk."""

    changes: int
    flip_flops: int
    reversals: int
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
    print("| tiers | changes | flip-flops | within a year | defaulters recognised as risk |")
    print("|---|--:|--:|--:|--:|")
    for name, of in figures.items():
        print(f"| {name} | {of.changes:,} | {of.flip_flops:,} | {of.reversals:,} | {of.recognised:,} |")
    print(f"\nDefaulters whom steady tiers recognise later than plain ones: {late}\n")
    print(json.dumps({
        "benchmark": "steadiness",
        "customers": len(courses),
        "reviews": REVIEWS,
        "flip_flops_steady_over_plain": round(figures["steady"].flip_flops / figures["plain"].flip_flops, 3),
        "reversals_steady_over_plain": round(figures["steady"].reversals / figures["plain"].reversals, 3),
        "changes_steady_over_plain": round(figures["steady"].changes / figures["plain"].changes, 3),
        "recognised_later": late,
        "figures": {name: of.__dict__ for name, of in figures.items()},
        "margin": procedure.margin,
        "probation_months": procedure.probation_months,
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
            before = Before(
                approved=steady[-1] if steady else None,
                review=plain[-1] if plain else None,
                probation_passed=_better_than_risk(plain) * MONTHS >= procedure.probation_months,
            )
            held = steady_tier(tier, float(score), before, policy, procedure.margin, periodic=True)
            steady.append(held)
            plain.append(tier)
    truth = pd.read_parquet(simulated.truth)
    return courses, set(truth.loc[truth["outcome"].fillna(False).astype(bool), "customer_id"])


def _better_than_risk(tiers: Sequence[Tier]) -> int:
    """Return for how many reviews in a row until the last nothing put a customer at risk."""
    at_risk = (place for place, tier in enumerate(reversed(tiers)) if tier in (Tier.RISK, Tier.UNRATED))
    return next(at_risk, len(tiers))


def _figures(courses: dict[str, list[Tier]], defaulted: set[str]) -> Replayed:
    changes = flip_flops = reversals = 0
    for course in courses.values():
        told = [place for place, tier in enumerate(course) if place == 0 or tier is not course[place - 1]]
        changes += len(told) - 1
        taken_back = [
            back - there
            for first, there, back in zip(told, told[1:], told[2:], strict=False)
            if course[first] is course[back]
        ]
        flip_flops += len(taken_back)
        reversals += sum(reviews * MONTHS <= 12 for reviews in taken_back)
    recognised = sum(_recognised(courses[id_]) < REVIEWS for id_ in defaulted if id_ in courses)
    return Replayed(changes, flip_flops, reversals, recognised)


def _recognised(course: Sequence[Tier]) -> int:
    """Return at which review a customer was first put at risk; REVIEWS if at none."""
    return next((place for place, tier in enumerate(course) if tier is Tier.RISK), REVIEWS)


if __name__ == "__main__":
    main()
