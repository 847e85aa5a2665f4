"""What banks, courts and registers say of the customers, and what the legal department records of them."""

import numpy as np

from features.simulation.block import Block
from features.simulation.dates import by_chance, sigmoid, yearly
from features.simulation.history import APRIL, LEAD, NEVER, NO_DAY, Floats, Integers
from features.simulation.mistakes import Shares, with_mistakes
from features.simulation.population import ENTERPRISE, GOVERNMENT, INDIVIDUAL, INSTITUTION
from features.simulation.rows import (
    NO_CODE,
    Codes,
    Rows,
    blanked_flags,
    blanked_numbers,
    blanked_texts,
    joined,
)

_BLANK = 0.03
# Better than these scores are the grades from the best on; what is below the last is the worst.
_RATING_CUTS = np.array([1.9, 1.3, 0.7, 0.0, -0.7, -1.6])
_GRADE_CUTS = np.array([1.0, 0.2, -0.5, -1.4])
_CLASS_CUTS = np.array([-1.4, -2.2, -3.0, -3.6])
_RECORD_CUTS = np.array([-0.2, -1.1, -2.0])
_TAX_CUTS = np.array([0.7, -0.8, -2.0])
_PARTIES = ("defendant", "plaintiff")
_CAUSES = ("contract", "payment", "labour", "other")
_KINDS = ("payment", "delivery", "confidentiality", "other")


def credit_reports(rng: np.random.Generator, block: Block) -> Rows:
    """Half-yearly reports of banks and bureaus, some left out, received within weeks."""
    owner, day = _reports(rng, block)
    health, burden, count = block.health(owner, day), block.burden(owner, day), len(owner)
    score = health - 0.3 * burden + 0.5 * rng.standard_normal(count)
    personal = block.population.nature[owner] == INDIVIDUAL
    rating = _graded(score, _RATING_CUTS)
    # Some customers are never rated, and some have no loan.
    unrated = rng.random(len(block))[owner]
    rating = np.where(unrated < 0.3, len(_RATING_CUTS) + 1, rating)
    grade = np.where(unrated < 0.08, len(_GRADE_CUTS) + 1, _graded(score, _GRADE_CUTS))
    no_loan = rng.random(len(block))[owner] < 0.22
    again = health + 0.4 * rng.standard_normal(count)
    loan_class = np.where(no_loan, len(_CLASS_CUTS) + 1, _graded(again, _CLASS_CUTS))
    record = np.where(no_loan, len(_RECORD_CUTS) + 1, _graded(again, _RECORD_CUTS))
    rows = Rows(owner, {
        "reported_on": day,
        "received_on": day + rng.integers(1, 40, count),
        "bank_rating": blanked_texts(
            rng, Codes(np.where(personal, NO_CODE, rating), block.labels("bank_rating")), _BLANK
        ),
        "personal_grade": blanked_texts(
            rng, Codes(np.where(personal, grade, NO_CODE), block.labels("personal_credit_grade")), _BLANK
        ),
        "loan_class": blanked_texts(rng, Codes(loan_class, block.labels("loan_classification")), _BLANK),
        "repayment_record": blanked_texts(rng, Codes(record, block.labels("loan_repayment_record")), _BLANK),
    })  # fmt: skip
    return with_mistakes(rng, rows, "received_on", shares=Shares(repeated=0.0))


def tax_grades(rng: np.random.Generator, block: Block) -> Rows:
    """The grade that the tax office gives enterprises each April for the year before."""
    months = np.flatnonzero(block.history.calendar_months == APRIL)
    months = months[months >= LEAD]
    graded = block.population.of(ENTERPRISE)[:, None] & (rng.random((len(block), len(months))) < 0.8)
    owner, month = np.nonzero(graded)
    day = block.history.starts[months[month]] + rng.integers(0, 30, len(owner))
    score = block.health(owner, day) + 0.8 * rng.standard_normal(len(owner))
    place = _graded(score, _TAX_CUTS)
    new = day - block.population.tenure_from[owner] < 730
    # In the order of the catalog: A, B, M (new), C, D.
    code = np.where(new & (place < 2), 2, np.array([0, 1, 3, 4])[place])
    return Rows(owner, {"assessed_on": day, "grade": Codes(code, block.labels("tax_credit_grade"))})


def identity_checks(rng: np.random.Generator, block: Block) -> Rows:
    """Checks of identity and authority, soon after the first contact and now and then."""
    count = len(block)
    everybody = np.arange(count)
    first = np.maximum(block.population.contact, block.history.starts[LEAD // 2]) + rng.integers(0, 60, count)
    owner, day = yearly(rng, block.history, count, 0.06)
    owner, day = np.concatenate([everybody, owner]), np.concatenate([first, day])
    verified = rng.random(len(owner)) < 0.94
    return Rows(owner, {"checked_on": day, "verified": blanked_flags(rng, verified, _BLANK)})


def public_records(rng: np.random.Generator, block: Block) -> Rows:
    """Looks into public registers: one in most years, and another soon after what becomes public."""
    insolvent = _insolvent(rng, block)
    listed = _listed(rng, block)
    owner, day = yearly(rng, block.history, len(block), 0.6)
    extra = [(np.flatnonzero(when < NEVER), when[when < NEVER]) for when in (insolvent, listed)]
    owner = np.concatenate([owner, *(place for place, _ in extra)])
    day = np.concatenate([day, *(when + rng.integers(5, 40, len(when)) for _, when in extra)])
    count = len(owner)
    filed = insolvent[owner] <= day
    strain = -block.health(owner, day) + 0.6 * rng.standard_normal(count)
    # In the order of the catalog: active, abnormal, suspended, deregistering, revoked.
    status = np.where(strain > 3.5, 2, np.where(strain > 2.5, 1, 0))
    status = np.where(insolvent[owner] <= day - 120, 3, status)
    status = np.where(rng.random(count) < 0.001, 4, status)
    registered = np.isin(block.population.nature[owner], (ENTERPRISE, INSTITUTION))
    filing = block.population.nature[owner] != GOVERNMENT
    on_list = (listed[owner] <= day) & (day < listed[owner] + 540)
    return Rows(owner, {
        "checked_on": day,
        "registration_status": blanked_texts(
            rng, Codes(np.where(registered, status, NO_CODE), block.labels("registration_status")), _BLANK
        ),
        "dishonest_debtor": blanked_flags(rng, on_list, _BLANK),
        "insolvency_filed": np.where(filing, blanked_flags(rng, filed, _BLANK), NO_CODE),
    })  # fmt: skip


def lawsuits(rng: np.random.Generator, block: Block) -> Rows:
    """Lawsuits, more where health is bad, and some after a payment went bad."""
    busy = np.where(block.population.of(ENTERPRISE, INSTITUTION), 1.0, 0.3)
    rates = 0.006 * busy * np.exp(-0.6 * block.course.health[LEAD:])
    owner, day = by_chance(rng, block.history, rates)
    party = (rng.random(len(owner)) < 0.35).astype(np.int64)
    cause = np.searchsorted([0.35, 0.65, 0.85], rng.random(len(owner)))
    sued, when = _after_events(rng, block, share=0.25, soonest=30, latest=150)
    count = len(owner) + len(sued)
    rows = Rows(np.concatenate([owner, sued]), {
        "case_no": block.serials("SYN-CASE-", count),
        "filed_on": np.concatenate([day, when]),
        "published_on": np.concatenate([day, when]) + rng.integers(7, 60, count),
        "party": Codes(np.concatenate([party, np.zeros(len(sued), np.int64)]), _PARTIES),
        "cause": Codes(np.concatenate([cause, np.ones(len(sued), np.int64)]), _CAUSES),
    })  # fmt: skip
    return with_mistakes(rng, rows, "published_on")


def breaches(rng: np.random.Generator, block: Block) -> Rows:
    """Breaches of contract: ordinary ones by chance, some dropped later, and the severe ones of the outcomes.

    A severe one is recorded by the end of the year of evaluation in which it occurred.
    """
    rates = 0.004 * np.exp(-0.7 * block.course.health[LEAD:])
    owner, day = by_chance(rng, block.history, rates)
    there = block.cooperating(owner, day)
    owner, day = owner[there], day[there]
    ordinary = _breach_rows(rng, block, owner, day, severe=False, further=0)
    dropped = ordinary.take(rng.random(len(ordinary)) < 0.04)
    dropped = dropped.given(
        recorded_on=dropped.days("recorded_on") + rng.integers(200, 400, len(dropped)),
        dropped=np.ones(len(dropped), np.int64),
    )
    years = [evaluation.year.breach for evaluation in block.course.evaluations if evaluation.year is not None]
    _, bad = np.nonzero(np.array(years) != NO_DAY)
    when = np.array(years)[np.array(years) != NO_DAY]
    severe = _breach_rows(rng, block, bad, when, severe=True, further=len(ordinary))
    limit = block.history.evaluation_after(when)
    severe = severe.given(recorded_on=np.minimum(severe.days("recorded_on"), limit))
    return joined([with_mistakes(rng, ordinary, "recorded_on"), dropped, severe])


def trade_references(rng: np.random.Generator, block: Block) -> Rows:
    """How prospects pay others, as asked for at the first contact."""
    there = (block.population.since > block.history.first_day) & (rng.random(len(block)) < 0.7)
    owner = np.flatnonzero(there)
    day = block.population.contact[owner] + rng.integers(0, 60, len(owner))
    mean = sigmoid(2.2 + 0.8 * block.health(owner, day))
    share = np.round(rng.beta(12.0 * mean, 12.0 * (1.0 - mean)), 3)
    return Rows(owner, {"reported_on": day, "on_time_share": blanked_numbers(rng, share, _BLANK)})


def _breach_rows(
    rng: np.random.Generator, block: Block, owner: Integers, day: Integers, *, severe: bool, further: int
) -> Rows:
    count = len(owner)
    return Rows(owner, {
        "breach_no": block.serials("SYN-BREACH-", count, further),
        "occurred_on": day,
        "recorded_on": day + rng.integers(1, 21, count),
        "kind": Codes(np.searchsorted([0.45, 0.75, 0.85], rng.random(count)), _KINDS),
        "severe": np.full(count, int(severe)),
        "dropped": np.zeros(count, np.int64),
    })  # fmt: skip


def _reports(rng: np.random.Generator, block: Block) -> tuple[Integers, Integers]:
    """Return owners and days of credit reports: two a year, of which about a third are obtained."""
    asked = block.population.nature != GOVERNMENT
    starts = block.history.starts[LEAD::6][:-1]
    obtained = asked[:, None] & (rng.random((len(block), len(starts))) < 0.35)
    owner, half = np.nonzero(obtained)
    return owner, starts[half] + rng.integers(0, 180, len(owner))


def _graded(score: Floats, cuts: Floats) -> Integers:
    """Return the place of the first cut that each score lies above, their number where above none."""
    return len(cuts) - np.searchsorted(cuts[::-1], score, side="left")


def _insolvent(rng: np.random.Generator, block: Block) -> Integers:
    """Return the day on which insolvency is filed for, NEVER for most; it comes of bad health alone."""
    health = block.course.health[LEAD:]
    hazard = 0.0006 * np.exp(1.3 * np.maximum(-health - 1.0, 0.0)) * (health < -1.0)
    struck = rng.random(health.shape) < hazard
    month = np.argmax(struck, axis=0)
    day = block.history.starts[LEAD + month] + rng.integers(0, 28, len(block))
    return np.where(struck.any(axis=0) & (block.population.nature != GOVERNMENT), day, NEVER)


def _listed(rng: np.random.Generator, block: Block) -> Integers:
    """Return the day of being listed as a dishonest debtor, NEVER for most: after bad events."""
    owner, day = _after_events(rng, block, share=0.2, soonest=60, latest=240)
    result = np.full(len(block), NEVER)
    np.minimum.at(result, owner, day)
    return result


def _after_events(
    rng: np.random.Generator, block: Block, *, share: float, soonest: int, latest: int
) -> tuple[Integers, Integers]:
    """Return owners and days of what follows a share of the adverse events."""
    events = block.course.events
    follows = (events != NO_DAY) & (rng.random(events.shape) < share)
    year, owner = np.nonzero(follows)
    return owner, events[year, owner] + rng.integers(soonest, latest + 1, len(owner))
