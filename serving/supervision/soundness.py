"""Soundness of classification (分類合理性): order of the tiers, stability, overrides, baseline and model."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, func, select

from features.terms import RATED_TIERS, Tier
from serving.confidential.keyring import Keyring
from serving.reviews.decision_rows import NEWEST_FIRST
from serving.reviews.justification import open_justification, read_justification
from serving.reviews.standings import InForce, Layer, standings_at
from serving.store.case_tables import standings
from serving.store.customers import open_customers
from serving.store.tables import customers, decisions
from serving.supervision.accuracy import bad_rates
from serving.supervision.estimates import Floats, proportion, stability
from serving.supervision.figures import Figure, Measured, share
from serving.supervision.outcomes import Followed
from serving.supervision.period import Period

# Of more decisions with a model so many are read: each has to be decrypted.
MOST_READ = 2000
_READ_AT_ONCE = 500
_FLAG = "baseline_and_model_disagree"
_BETTER, _WORSE = "better", "worse"


def soundness(
    connection: Connection, keyring: Keyring, period: Period, followed: Sequence[Followed]
) -> Mapping[str, Measured]:
    """Return the figures of a period, by what the store knew when it ended.

    Args:
        connection: to the store.
        keyring: opens justifications.
        period: the period.
        followed: the decisions whose outcome became known in it.

    Raises:
        KeyringError, SealError: the store was tampered with.
    """
    before = counting_at(connection, period, begin=True)
    after = counting_at(connection, period)
    return {
        "soundness.inversions": inversions(followed),
        "soundness.unchanged": migration(_tiers(before), _tiers(after)),
        "soundness.psi": _stability(connection, period),
        "soundness.overrides": _overrides(after),
        "soundness.overridden_bad_rate": overridden(followed, _overridden(connection, period, followed)),
        "soundness.disagreement": _disagreement(connection, keyring, period),
    }


def counting_at(connection: Connection, period: Period, *, begin: bool = False) -> dict[str, InForce]:
    """Return the layer that counts of each customer with a tier, when the period ends or before it begins."""
    # What happens at the period's first moment is inside.
    moment = period.before_begin if begin else period.last_moment
    found = standings_at(connection, moment)
    return {customer: of.counts for customer, of in found.items() if of.counts is not None}


def inversions(followed: Sequence[Followed]) -> Measured:
    """Return how many neighbouring tiers are in the wrong order of their bad rates."""
    rates = bad_rates(followed)
    cases = sum(rate.cases for rate in rates.values())
    values = [rate.value for rate in rates.values() if rate.value is not None]
    if len(values) < 2:
        return Measured(Figure(None, cases), rates)
    return Measured(Figure(float(sum(worse < better for better, worse in pairwise(values))), cases), rates)


def migration(before: Mapping[str, str], after: Mapping[str, str]) -> Measured:
    """Return the share of customers whose tier is the same, and the matrix of moves.

    Args:
        before: tiers by pseudonym, at the first moment.
        after: the same at the last; customers that have no tier at both are left out.
    """
    moves = Counter((before[customer], after[customer]) for customer in before.keys() & after.keys())
    rows = Counter({tier: sum(n for (old, _), n in moves.items() if old == tier) for tier in Tier})
    parts = {
        f"{old} → {new}": Figure(moves[old, new] / rows[old], moves[old, new])
        for old in Tier
        for new in Tier
        if moves[old, new]
    }
    same = sum(n for (old, new), n in moves.items() if old == new)
    return Measured(share(same, moves.total()), parts)


def overridden(followed: Sequence[Followed], given: Mapping[str, Tier]) -> Measured:
    """Return the bad rate of decisions that were overridden, beside that of their tiers without overrides.

    Args:
        followed: the decisions whose outcome is known.
        given: the tier that a person gave instead, by decision.
    """
    rated = [of for of in followed if of.tier in RATED_TIERS]
    own = bad_rates([of for of in rated if of.decision not in given])
    changed = [of for of in rated if of.decision in given and given[of.decision] != of.tier]
    rank = {str(tier): place for place, tier in enumerate(RATED_TIERS)}
    parts = {
        _BETTER: [of for of in changed if rank[given[of.decision]] < rank[of.tier]],
        _WORSE: [of for of in changed if rank[given[of.decision]] > rank[of.tier]],
    }
    return Measured(_beside(changed, own), {name: _beside(of, own) for name, of in parts.items() if of})


def _beside(some: Sequence[Followed], own: Mapping[str, Figure]) -> Figure:
    """Return a bad rate, with that of the same tiers' other decisions as what is to be expected."""
    rates = [own[of.tier].value for of in some if of.tier in own]
    known = [rate for rate in rates if rate is not None]
    # Only where each of them has its like can the two be compared.
    expected = sum(known) / len(known) if known and len(known) == len(some) else None
    return proportion(sum(of.bad for of in some), len(some), expected)


def _tiers(counting: Mapping[str, InForce]) -> dict[str, str]:
    return {customer: str(of.tier) for customer, of in counting.items()}


def _overrides(counting: Mapping[str, InForce]) -> Measured:
    reasons = Counter(of.reason or "" for of in counting.values() if of.layer is Layer.OVERRIDE)
    parts = {reason: Figure(float(n), n) for reason, n in sorted(reasons.items())}
    return Measured(share(reasons.total(), len(counting)), parts)


def _overridden(connection: Connection, period: Period, followed: Sequence[Followed]) -> dict[str, Tier]:
    """Return the tiers that persons gave instead of the decisions' before the outcome was known.

    By decision; of several the last.
    """
    rows = connection.execute(
        select(standings.c.decision, standings.c.tier, standings.c.valid_from)
        .where(standings.c.layer == str(Layer.OVERRIDE), standings.c.valid_from < period.end)
        .order_by(standings.c.valid_from, standings.c.id)
    )
    known_on = {of.decision: of.known_on for of in followed}
    return {
        row.decision: Tier(row.tier)
        for row in rows
        if row.decision in known_on and row.valid_from.date() < known_on[row.decision]
    }


def _stability(connection: Connection, period: Period) -> Measured:
    before = _newest_scores(connection, period, begin=True)
    after = _newest_scores(connection, period)
    index, bins = stability(before, after)
    parts = {
        str(place): Figure(now, cases, expected=then) for place, (then, now, cases) in enumerate(bins, 1)
    }
    return Measured(Figure(index, min(len(before), len(after))), parts)


def _newest_scores(connection: Connection, period: Period, *, begin: bool = False) -> Floats:
    """Return the score of each customer's newest decision at one end of the period."""
    moment = period.begin if begin else period.end
    newest = (
        select(
            decisions.c.score,
            func.row_number().over(partition_by=decisions.c.customer, order_by=NEWEST_FIRST).label("place"),
        )
        .where(decisions.c.decided_at < moment)
        .subquery()
    )
    scores = connection.execute(select(newest.c.score).where(newest.c.place == 1)).scalars()
    return np.sort(np.array(list(scores), dtype=np.float64))


def _disagreement(connection: Connection, keyring: Keyring, period: Period) -> Measured:
    """Return how often baseline and model disagree; decisions that nobody can read any more are left out.

    Ids are hashes, so that the first in their order are a random sample, and the same one every time.
    """
    wanted = list(connection.execute(_first_with_model(period)).scalars())
    flags = []
    for start in range(0, len(wanted), _READ_AT_ONCE):
        rows = connection.execute(
            select(decisions.c.id, decisions.c.customer, decisions.c.sealed).where(
                decisions.c.id.in_(wanted[start : start + _READ_AT_ONCE])
            )
        ).all()
        flags += list(_flags(connection, keyring, rows))
    return Measured(proportion(sum(flags), len(flags)))


def unreadable(connection: Connection, period: Period) -> int:
    """Return of how many decisions with a model nobody can read the justification: customers were erased."""
    first = _first_with_model(period).subquery()
    return connection.execute(
        select(func.count())
        .select_from(first)
        .join(decisions, decisions.c.id == first.c.id)
        .join(customers, customers.c.id == decisions.c.customer)
        .where(customers.c.erased_at.is_not(None))
    ).scalar_one()


def _first_with_model(period: Period) -> Select[tuple[str]]:
    return (
        select(decisions.c.id)
        .where(
            decisions.c.artefact_hash.is_not(None),
            decisions.c.decided_at >= period.begin,
            decisions.c.decided_at < period.end,
        )
        .order_by(decisions.c.id)
        .limit(MOST_READ)
    )


def _flags(connection: Connection, keyring: Keyring, rows: Sequence[Any]) -> Iterable[bool]:
    known = open_customers(connection, keyring, {row.customer for row in rows})
    for row in rows:
        if row.customer in known:
            content = open_justification(row.sealed, known[row.customer].data_key, row.id)
            answer = read_justification(content)["answer"]
            # A model need not apply to every nature.
            if answer["model"] is not None:
                yield _FLAG in answer["review"]
