"""The report of oversight: every figure is what a plain computation gives, as of the end of its period."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sqlalchemy import select

from features.catalog import Catalog
from features.portfolio import Portfolio
from features.sources.customer_table import open_table
from features.terms import RATED_TIERS, Language, Text, Tier
from models.decision import Scorer
from models.policy import Policy
from serving.procedure import Procedure
from serving.reviews.cases import CaseReason
from serving.reviews.periodic import evaluate_periodically
from serving.served import Served
from serving.store.customers import erase_customer
from serving.store.store import Store, create_store
from serving.store.supervision_tables import outcomes
from serving.store.tables import audit_entries, decisions
from serving.supervision.estimates import Bools, Floats, auc, ks
from serving.supervision.figures import Figure, Kpi, Measured, Verdict
from serving.supervision.naming import Naming, naming_of
from serving.supervision.outcome_import import import_outcomes
from serving.supervision.outcomes import Followed, known_outcomes
from serving.supervision.page import to_html
from serving.supervision.period import Period, PeriodError, period_of, so_far
from serving.supervision.report import Report, supervise
from serving.supervision.satisfaction import Feedback, Objection, satisfaction
from serving.supervision.settings import Supervision, Target
from serving.supervision.shown import VERDICTS, lines
from serving.supervision.soundness import inversions, migration
from serving.supervision.words import GROUPS, KPIS, Parts, Severity
from tests.overseen import CUSTOMERS, IMPORTED, Told, made_up, scorer
from tests.reviewed import table_as_of
from tests.served_model import catalog, policy, trained_model
from tests.stores import ACTOR, new_database

__all__ = ["catalog", "policy"]

PERIOD = Period(date(2025, 4, 1), date(2025, 9, 30))
Year = tuple[Store, Told]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def year(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgresql_server: str
) -> Iterator[Year]:
    """Return a store whose months were made up, and what was put in; nobody changes it."""
    folder = tmp_path_factory.mktemp("year")
    url = new_database(postgresql_server) if request.param == "postgresql" else None
    made = create_store(url, folder / "store", ACTOR)
    try:
        yield made, made_up(made, folder, seed=len(request.param))
    finally:
        made.close()


def report(store: Store, period: Period = PERIOD, procedure: Procedure | None = None) -> Report:
    with store.reading() as connection:
        return supervise(connection, store.keyring, procedure or Procedure(), period)


def figures(of: Report) -> dict[str, Measured]:
    return {kpi.id: kpi.measured for kpi in of.kpis}


@pytest.fixture(scope="module")
def found(year: Year) -> dict[str, Measured]:
    return figures(report(year[0]))


def followed(told: Told, period: Period = PERIOD) -> pd.DataFrame:
    """Return the decisions whose outcome was imported in a period, the last made before it was known."""
    made, known = pd.DataFrame(told.decisions), pd.DataFrame(told.outcomes)
    assert period.holds(IMPORTED)
    both = made.merge(known, on=["customer", "as_of"])
    both = both[[at.date() < day for at, day in zip(both.decided_at, both.known_on, strict=True)]]
    return both.sort_values("decided_at").groupby(["customer", "as_of"]).tail(1)


def test_accuracy_is_that_of_the_decisions_made_before_their_outcome_was_known(
    year: Year, found: dict[str, Measured]
) -> None:
    frame = followed(year[1])
    rated = frame[frame.tier != "unrated"]
    area = found["accuracy.auc"].whole
    assert area.value == pytest.approx(metrics.roc_auc_score(rated.bad, -rated.score))
    assert area.cases == len(rated) > 50
    assert area.rarer == found["accuracy.ks"].whole.rarer == min(rated.bad.sum(), (~rated.bad).sum())
    false_positive, true_positive, _ = metrics.roc_curve(rated.bad, -rated.score)
    assert found["accuracy.ks"].whole.value == pytest.approx(np.abs(true_positive - false_positive).max())
    told = frame[frame.probability.notna()]
    log_loss, brier = found["accuracy.log_loss"].whole, found["accuracy.brier"].whole
    assert log_loss.value == pytest.approx(metrics.log_loss(told.bad, told.probability))
    assert brier.value == pytest.approx(metrics.brier_score_loss(told.bad, told.probability))
    assert log_loss.cases == brier.cases == len(told)
    by_tier = told.groupby("tier").agg(n=("bad", "size"), bad=("bad", "mean"), told=("probability", "mean"))
    calibration = found["accuracy.calibration"]
    apart = (by_tier.n * (by_tier.bad - by_tier.told).abs()).sum() / len(told)
    assert calibration.whole.value == pytest.approx(apart)
    assert set(calibration.parts) == set(by_tier.index)
    for tier, part in calibration.parts.items():
        row = by_tier.loc[tier]
        assert part.value == pytest.approx(row.bad)
        assert part.expected == pytest.approx(row.told)
        assert part.cases == row.n
        assert part.low is not None and part.high is not None and part.low <= row.bad <= part.high


def in_force(told: Told, before: datetime) -> dict[str, dict[str, Any]]:
    """Return what counts of each customer just before a moment."""
    found: dict[str, dict[str, Any]] = {}
    for layer in ("approved", "override"):
        rows = [row for row in told.standings if row["layer"] == layer and row["at"] < before]
        last = {row["customer"]: row for row in sorted(rows, key=lambda row: row["at"])}
        found |= {
            customer: row
            for customer, row in last.items()
            if row["expires"] is None or row["expires"] >= before
        }
    return found


def begin_of(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def test_soundness_is_that_of_the_tiers_in_force_at_both_ends(year: Year, found: dict[str, Measured]) -> None:
    told = year[1]
    before, after = (in_force(told, at) for at in (PERIOD.begin, PERIOD.end))
    both = pd.DataFrame(
        [(before[name]["tier"], after[name]["tier"]) for name in before.keys() & after.keys()],
        columns=["old", "new"],
    )
    unchanged = found["soundness.unchanged"]
    assert unchanged.whole == Figure((both.old == both.new).mean(), len(both))
    counts = Counter(zip(both.old, both.new, strict=True))
    assert {name: part.cases for name, part in unchanged.parts.items()} == {
        f"{old} → {new}": n for (old, new), n in counts.items()
    }
    sums: Counter[str] = Counter()
    for name, part in unchanged.parts.items():
        assert part.value is not None
        sums[name.split(" → ")[0]] += round(part.value * 1e9)
    assert all(total == pytest.approx(1e9) for total in sums.values())
    over = [row for row in after.values() if row["layer"] == "override"]
    assert found["soundness.overrides"].whole == Figure(len(over) / len(after), len(after))
    reasons = Counter(row["reason"] for row in over)
    assert {name: part.cases for name, part in found["soundness.overrides"].parts.items()} == dict(reasons)
    tiers = Counter(row["tier"] for row in after.values())
    assert {name: part.cases for name, part in found["state.tiers"].parts.items()} == dict(tiers)


def test_overrides_are_measured_against_the_tiers_that_were_decided(
    year: Year, found: dict[str, Measured]
) -> None:
    frame = followed(year[1])
    frame = frame[frame.tier != "unrated"]
    given_: dict[str, str] = {}
    known = dict(zip(frame.id, frame.known_on, strict=True))
    for row in sorted(year[1].standings, key=lambda row: row["at"]):
        if row["layer"] != "override" or row["decision"] not in known:
            continue
        if row["at"].date() < known[row["decision"]]:
            given_[row["decision"]] = row["tier"]
    frame["given"] = frame.id.map(given_)
    own = frame[frame.given.isna()].groupby("tier").bad.mean()
    changed = frame[frame.given.notna() & (frame.given != frame.tier)]
    whole = found["soundness.overridden_bad_rate"].whole
    assert len(changed) > 3
    assert whole.value == pytest.approx(changed.bad.mean())
    assert whole.cases == len(changed)
    assert whole.expected == pytest.approx(changed.tier.map(own).mean())
    rank = {str(tier): place for place, tier in enumerate(RATED_TIERS)}
    better = changed[changed.given.map(rank) < changed.tier.map(rank)]
    parts = found["soundness.overridden_bad_rate"].parts
    assert parts["better"].cases == len(better)
    assert parts["worse"].cases == len(changed) - len(better)
    rates = found["soundness.inversions"].parts
    for tier, rate in rates.items():
        assert rate.value == pytest.approx(frame[frame.tier == tier].bad.mean())
    values = [rates[str(tier)].value or 0.0 for tier in RATED_TIERS if str(tier) in rates]
    wrong = sum(worse < better for better, worse in pairwise(values))
    assert found["soundness.inversions"].whole == Figure(float(wrong), len(frame))


def test_stability_is_that_of_the_newest_scores(year: Year, found: dict[str, Measured]) -> None:
    samples = []
    for moment in (PERIOD.begin, PERIOD.end):
        frame = pd.DataFrame([row for row in year[1].decisions if row["decided_at"] < moment])
        newest = frame.sort_values(["as_of", "decided_at"]).groupby("customer").tail(1)
        samples.append(newest.score)
    edges = [-np.inf, *sorted(set(samples[0].quantile(np.arange(1, 10) / 10))), np.inf]
    shares = [
        (pd.cut(sample, edges).value_counts(sort=False) + 0.5) / (len(sample) + 0.5 * (len(edges) - 1))
        for sample in samples
    ]
    before, after = (part.to_numpy() for part in shares)
    index = float(np.sum((after - before) * np.log(after / before)))
    assert found["soundness.psi"].whole.value == pytest.approx(index)
    assert found["soundness.psi"].whole.cases == min(map(len, samples))
    counts = pd.cut(samples[1], edges).value_counts(sort=False)
    assert [part.cases for part in found["soundness.psi"].parts.values()] == list(counts)


def test_conduct_is_that_of_departments_and_persons(year: Year, found: dict[str, Measured]) -> None:
    told = year[1]

    def inside(at: datetime | None) -> bool:
        return at is not None and PERIOD.begin <= at < PERIOD.end

    due = [
        row for row in told.requests
        if inside(row["due"]) and (row["answered"] or not (row["closed"] and row["closed"] <= row["due"]))
    ]  # fmt: skip
    timely = found["conduct.answers_in_time"]
    assert 0 < len(due) < len(told.requests)
    assert timely.whole.cases == len(due)
    for department, part in timely.parts.items():
        mine = [row for row in due if row["department"] == department]
        in_time = sum(row["answered"] is not None and row["answered"] <= row["due"] for row in mine)
        assert part == Figure(in_time / len(mine), len(mine))
    answered = [row for row in told.requests if inside(row["answered"])]
    complete = found["conduct.answers_complete"].whole
    assert complete == Figure(sum(row["complete"] for row in answered) / len(answered), len(answered))
    for person, part in found["conduct.answerers"].parts.items():
        mine = [row for row in answered if row["person"] == person]
        assert part == Figure(sum(row["answered"] <= row["due"] for row in mine) / len(mine), len(mine))
    closed = found["conduct.cases_in_time"]
    for reason, part in closed.parts.items():
        mine = [row for row in told.cases if row["reason"] == reason and inside(row["due"])]
        in_time = sum(row["closed"] is not None and row["closed"] <= row["due"] for row in mine)
        assert part == Figure(in_time / len(mine), len(mine))
    approved = Counter(row["person"] for row in told.approvals if inside(row["at"]))
    for name in ("conduct.approvals", "conduct.override_approvals"):
        assert {person: part.cases for person, part in found[name].parts.items()} == dict(approved)
        assert found[name].whole.value == approved.total() > 1


def test_reviews_are_overdue_by_the_interval_of_their_tier(year: Year, found: dict[str, Measured]) -> None:
    frame = pd.DataFrame(year[1].decisions).sort_values(["as_of", "decided_at"]).groupby("customer").tail(1)
    procedure = Procedure()
    overdue = sum(
        procedure.due_on(Tier(tier), as_of) < PERIOD.last
        for tier, as_of in zip(frame.tier, frame.as_of, strict=True)
    ) + (CUSTOMERS - len(frame))
    assert found["state.reviews_overdue"].whole == Figure(overdue / CUSTOMERS, CUSTOMERS)
    assert 0 < overdue < CUSTOMERS


def test_a_past_period_is_reported_as_it_was_whatever_is_recorded_later(
    database_store: Store, tmp_path: Path
) -> None:
    store = database_store
    told = made_up(store, tmp_path, seed=9)
    early = Period(date(2025, 3, 1), date(2025, 6, 30))
    # At the end of June nobody had imported an outcome.
    assert figures(report(store, early))["accuracy.auc"].whole == Figure(None, 0)
    whole = report(store).document()
    # What is due in the whole period, and answered or closed only after the early one.
    june = report(store, early).document()
    table = tmp_path / "later.csv"
    bad = next(iter(told.outcomes))
    name = next(name for name, known in told.customers.items() if known.id == bad["customer"])
    table.write_text(
        f"customer_id,as_of,bad,known_on\n{name},{bad['as_of']},{not bad['bad']},{bad['known_on']}\n"
    )
    later = datetime(2025, 10, 1, tzinfo=UTC)
    store.clock = lambda: later
    assert import_outcomes(store, table, "ann", correct=True).corrected == 1
    with store.writing("dpo", later) as writing:
        erase_customer(writing, told.customers["C-59"].id)
    assert report(store, early).document() == june
    again = report(store).document()
    gone = sum(row["customer"] == told.customers["C-59"].id for row in told.outcomes)
    assert gone
    assert f"{gone:,} outcomes are left out: their customers were erased" in again["remarks"]
    kept = ("soundness.unchanged", "soundness.psi", "conduct.cases_in_time", "state.tiers")
    assert _only(again, kept) == _only(whole, kept)


def test_an_outcome_counts_in_the_period_of_its_first_import_and_in_no_other(
    database_store: Store, tmp_path: Path
) -> None:
    store, folder = database_store, tmp_path
    told = made_up(store, folder, seed=3)
    months = [Period(date(2025, month, 1), date(2025, month, 30)) for month in (3, 6, 9, 10)]
    bad = told.outcomes[0]
    name = next(name for name, known in told.customers.items() if known.id == bad["customer"])
    later = datetime(2025, 10, 3, tzinfo=UTC)
    store.clock = lambda: later
    row = f"{name},{bad['as_of']},{not bad['bad']},2025-10-02"
    assert import_outcomes(store, write(folder, row), "ann", correct=True).corrected == 1
    with store.writing("dpo", later) as writing:
        erase_customer(writing, bad["customer"])
    with store.reading() as connection:
        found = [known_outcomes(connection, store.keyring, of) for of in months]
    counted = [len(of.followed) + of.undecided + of.erased for of in found]
    assert counted == [0, 0, len(told.outcomes), 0]
    gone = sum(row["customer"] == bad["customer"] for row in told.outcomes)
    assert [of.erased for of in found] == [0, 0, gone, 0]


def _only(document: dict[str, Any], ids: tuple[str, ...]) -> list[Any]:
    return [kpi for group in document["groups"] for kpi in group["kpis"] if kpi["id"] in ids]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_store(request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: str) -> Iterator[Store]:
    url = new_database(postgresql_server) if request.param == "postgresql" else None
    made = create_store(url, tmp_path / "store", ACTOR)
    yield made
    made.close()


def test_a_period_holds_its_first_and_last_day_and_nothing_outside(year: Year) -> None:
    store, told = year
    days = sorted(row["due"].date() for row in told.cases)
    for first, last, cases in ((days[3], days[3], 1), (days[3], days[8], 6), (days[0], days[-1], len(days))):
        found = figures(report(store, Period(first, last)))
        assert found["conduct.cases_in_time"].whole.cases == cases
    period = Period(date(2025, 3, 1), date(2025, 3, 31))
    assert period.holds(period.begin) and period.holds(period.last_moment)
    assert not period.holds(period.end) and not period.holds(period.before_begin)


def test_baseline_and_model_are_compared_where_there_is_a_model(
    database_store: Store, catalog: Catalog, policy: Policy, tmp_path: Path
) -> None:
    day = date(2026, 1, 31)
    table = table_as_of(day, 3, tmp_path)
    policy = policy.model_copy(update={"disagreement_tiers": 1})
    policy.__dict__.pop("hash", None)
    served = Served(Scorer(catalog, policy, trained_model(catalog, policy)), "customer/1")
    with open_table(table, catalog) as opened:
        portfolio, _ = Portfolio.from_frame(next(opened.chunks).frame, catalog)
    decided = served.scorer.decide(portfolio)
    at = datetime(2026, 2, 1, 9, tzinfo=UTC)
    database_store.clock = lambda: at
    evaluate_periodically(database_store, served, table, day, "ann")
    evaluate_periodically(database_store, Served(Scorer(catalog, policy), None), table, day, "ann")
    whole = figures(report(database_store, Period(at.date(), at.date())))["soundness.disagreement"].whole
    assert (whole.value, whole.cases) == (decided.disagreement.mean(), len(portfolio))
    assert 0 < decided.disagreement.mean() < 1
    assert not any("justifications" in remark.en for remark in report(database_store).remarks)
    with database_store.writing("dpo") as writing:
        gone = writing.connection.execute(select(decisions.c.customer).limit(1)).scalar_one()
        erase_customer(writing, gone)
    again = report(database_store, Period(at.date(), at.date()))
    assert "1 justifications are left out: their customers were erased" in again.document()["remarks"]
    assert figures(again)["soundness.disagreement"].whole.cases == len(portfolio) - 1


def write(folder: Path, *rows: str, header: str = "customer_id,as_of,bad,known_on") -> Path:
    table = folder / "rows.csv"
    table.write_text("\n".join([header, *rows]) + "\n")
    return table


def test_outcomes_are_imported_once_and_bad_rows_are_set_aside(year: Year, tmp_path: Path) -> None:
    store, told = year
    first = told.outcomes[0]
    name = next(name for name, known in told.customers.items() if known.id == first["customer"])
    decision = next(
        row for row in told.decisions
        if (row["customer"], row["as_of"]) == (first["customer"], first["as_of"])
    )  # fmt: skip
    same = f"{name},{first['as_of']},{first['bad']},{first['known_on']}"
    other = f"{name},{first['as_of']},{not first['bad']},{first['known_on']}"
    rows = [
        same, other, f"{name},{first['as_of']},maybe,{first['known_on']}",
        f"{name},{first['as_of']},yes,soon",
        f"C-999,{first['as_of']},yes,2025-05-01", f"{name},2020-01-01,yes,2025-05-01",
        f"{name},{first['as_of']},yes,{first['as_of']}", f"{name},{first['as_of']},yes,2031-01-01",
        f",{first['as_of']},yes,2025-05-01", f"{name},never,yes,2025-05-01", "too,few",
    ]  # fmt: skip
    done = import_outcomes(store, write(tmp_path, *rows), "ann")
    assert (done.read, done.new, done.known_before) == (len(rows), 0, 1)
    assert [(line.row, line.field) for line in done.rejected] == [
        (3, "bad"), (4, "bad"), (5, "known_on"), (6, "customer_id"), (7, "as_of"), (8, "known_on"),
        (9, "known_on"), (10, "customer_id"), (11, "as_of"), (12, "row"),
    ]  # fmt: skip
    texts = " ".join(line.reason for line in done.rejected)
    assert not any(value in texts for value in (name, "C-999", "maybe", "soon", "2031"))
    by_decision = f"{decision['id']},{first['bad']},{first['known_on']}"
    unknown = f"{'0' * 32},yes,2025-05-01"
    table = write(tmp_path, by_decision, unknown, header="decision,bad,known_on")
    done = import_outcomes(store, table, "ann")
    assert (done.new, done.known_before) == (0, 1)
    assert [line.field for line in done.rejected] == ["decision"]


def test_an_outcome_is_sealed_and_the_trail_tells_numbers_alone(year: Year) -> None:
    store, told = year
    with store.reading() as connection:
        rows = connection.execute(select(outcomes)).all()
        facts = (
            connection.execute(
                select(audit_entries.c.facts).where(audit_entries.c.action == "outcomes.imported")
            )
            .scalars()
            .all()
        )
    assert len(rows) == len(told.outcomes)
    assert not any(b"bad" in row.sealed or b"known_on" in row.sealed for row in rows)
    assert all(row.imported_at == IMPORTED for row in rows)
    assert not any(known.id in text for text in facts for known in told.customers.values())


@pytest.mark.parametrize(
    ("value", "cases", "verdict"),
    [
        (0.8, 10, Verdict.MET), (0.7, 10, Verdict.MET), (0.69, 10, Verdict.MISSED),
        (0.8, 9, Verdict.NOT_ENOUGH), (0.1, 9, Verdict.NOT_ENOUGH), (None, 10, Verdict.NOT_ENOUGH),
    ],
)  # fmt: skip
def test_a_target_on_too_few_cases_is_neither_met_nor_missed(
    value: float | None, cases: int, verdict: Verdict
) -> None:
    measured = Measured(Figure(value, cases))
    assert Kpi("accuracy.auc", measured, Target(at_least=0.7, cases=10)).verdict is verdict
    assert Kpi("accuracy.auc", measured, None).verdict is Verdict.NO_TARGET


@pytest.mark.parametrize("of", [auc, ks])
@pytest.mark.parametrize(("bads", "enough"), [(19, False), (20, True), (280, True), (281, False)])
def test_ranking_is_judged_on_enough_of_both_classes(
    of: Callable[[Bools, Floats], Figure], bads: int, enough: bool
) -> None:
    bad = np.arange(300) < bads
    verdict = Kpi(
        "accuracy.auc", Measured(of(bad, bad.astype(np.float64))), Target(at_least=0.7, cases=200)
    ).verdict
    assert verdict is (Verdict.MET if enough else Verdict.NOT_ENOUGH)


def test_a_target_goes_one_way_and_is_of_a_figure_that_there_is() -> None:
    for least, most in ((None, None), (1.0, 2.0)):
        with pytest.raises(ValueError, match="at_least or at_most"):
            Target(at_least=least, at_most=most)
    with pytest.raises(ValueError, match="no figure"):
        Supervision(targets={"accuracy.luck": Target(at_least=1)})


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 5), max_size=20),
    st.integers(0, 20),
    st.lists(st.sampled_from([True, False, None]), max_size=10),
)
def test_satisfaction_is_counted_from_plain_rows(
    answers: list[int], more: int, objections: list[bool | None]
) -> None:
    said = Feedback(len(answers) + more, more, answers, [Objection(upheld) for upheld in objections])
    found = satisfaction(said)
    answered, score, upheld = (found[f"satisfaction.{name}"] for name in ("answered", "score", "upheld"))
    assert answered.whole.cases == said.notices
    assert answered.whole.value == (pytest.approx(more / said.notices) if said.notices else None)
    assert score.whole.value == (pytest.approx(np.mean(answers)) if answers else None)
    assert sum(part.cases for part in score.parts.values()) == len(answers)
    decided = [one for one in objections if one is not None]
    assert upheld.whole.value == (pytest.approx(np.mean(decided)) if decided else None)


def test_satisfaction_says_nothing_without_notices_and_refuses_what_cannot_be() -> None:
    nothing = satisfaction(Feedback(0, 0, [], []))
    assert all(measured.whole == Figure(None, 0) for measured in nothing.values())
    for wrong in (Feedback(1, 1, [6], []), Feedback(1, 2, [3, 3], [])):
        with pytest.raises(ValueError, match="answer"):
            satisfaction(wrong)


def of_tier(tier: Tier, *bad: bool) -> list[Followed]:
    day = date(2025, 1, 1)
    return [Followed("d", "c", day, 1.0, None, str(tier), one, day) for one in bad]


def test_an_inversion_is_a_worse_tier_with_the_lower_bad_rate() -> None:
    good, general, risk = (
        of_tier(Tier.GOOD, True, False), of_tier(Tier.GENERAL, False, False), of_tier(Tier.RISK, True)
    )  # fmt: skip
    assert inversions([*good, *general, *risk]).whole == Figure(1.0, 5)
    assert inversions([*general, *risk]).whole == Figure(0.0, 3)
    assert inversions(risk).whole.value is None


def test_customers_with_a_tier_at_one_end_alone_do_not_move() -> None:
    found = migration({"a": "good", "b": "good", "c": "risk"}, {"a": "good", "b": "risk", "d": "good"})
    assert found.whole == Figure(0.5, 2)
    assert found.parts == {"good → good": Figure(0.5, 1), "good → risk": Figure(0.5, 1)}


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, ("2025-03-02", "2026-03-01")),
        (None, "2024-02-29", ("2023-03-01", "2024-02-29")),
        ("2025-01-01", None, ("2025-01-01", "2026-03-01")),
    ],
)
def test_a_period_is_a_year_up_to_today_unless_said_otherwise(
    first: str | None, last: str | None, expected: tuple[str, str]
) -> None:
    begin, end = (None if text is None else date.fromisoformat(text) for text in (first, last))
    period = period_of(begin, end, date(2026, 3, 1))
    assert (str(period.first), str(period.last)) == expected
    with pytest.raises(PeriodError, match="before it begins"):
        Period(date(2026, 1, 2), date(2026, 1, 1))


def test_a_period_that_is_not_over_ends_now_and_one_after_today_is_refused() -> None:
    now = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    period = so_far(period_of(None, None, now.date()), now)
    assert period.last_moment == now and period.until == now
    assert str(period) == "2025-03-02 to 2026-03-01, so far (until 2026-03-01 09:30 UTC)"
    over = period_of(None, date(2026, 2, 28), now.date())
    assert so_far(over, now) is over and over.until is None
    with pytest.raises(PeriodError, match="ends after today") as refused:
        period_of(None, date(2026, 3, 2), now.date())
    assert refused.value.field == "to"


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "9001-01-01", "9999-12-31"])
def test_a_period_out_of_all_range_is_refused(day: str) -> None:
    far, today = date.fromisoformat(day), date(2026, 3, 1)
    for first, last in ((far, None), (None, far), (far, far)):
        with pytest.raises(PeriodError):
            period_of(first, last, today)
    with pytest.raises(PeriodError, match="1900 to 9000"):
        period_of(far, far, today)


# What reads the same in every language: ids, names of measures, days and persons.
SAME = re.compile(
    r"<style>.*?</style>|<[^>]*>|default v1|AUC|ROC|KS|PSI|Brier|carl|dora|(finance|sales|marketing)-[01]",
    re.DOTALL,
)


@pytest.mark.parametrize("language", list(Language))
def test_the_page_and_the_table_show_every_figure_in_one_language(year: Year, language: Language) -> None:
    of = report(year[0])
    with year[0].reading() as connection:
        naming = naming_of(connection, Procedure(), PERIOD)
    page, table = to_html(of, language, naming), lines(of, language, naming)
    root = well_formed(page)
    assert root.get("lang") == language
    assert [kpi.id for kpi in of.kpis] == list(KPIS)
    joined = "\n".join(" ".join(line) for line in table)
    for kpi in of.kpis:
        for text in (kpi.declared.names, kpi.declared.definition):
            assert escape(text.in_language(language)) in page
        assert f"{kpi.declared.names.in_language(language)} ({kpi.id})" in joined
    assert [head.text for head in root.iter("h2")] == [
        names.in_language(language) for names in GROUPS.values()
    ]
    for tier, rule in scorer().policy.tiers.items():
        name = rule.names.in_language(language)
        assert name in page and name in joined, tier
    for text in (*VERDICTS.values(), *of.remarks):
        assert text.in_language(language) in page
    strangers = re.compile(r"[A-Za-z]{2,}" if language is not Language.EN else "[\u3400-\u9fff]")
    assert strangers.search(SAME.sub(" ", page)) is None
    names_alone = re.sub(r"\([a-z_.]+\)", "", joined)
    assert strangers.search(SAME.sub(" ", names_alone)) is None
    assert "http://" not in page and "https://" not in page and "<script" not in page
    assert not any(of in page for told in year[1].customers.items() for of in (told[0] + "<", told[1].id))


def well_formed(page: str) -> ElementTree.Element:
    """Return the page's root: every element is closed, and a table's rows have as many cells as its head."""
    root = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    for table in root.iter("table"):
        wide = len(table.findall("thead/tr/*"))
        for row in table.findall("tbody/tr"):
            assert sum(int(cell.get("colspan", "1")) for cell in row) == wide
    return root


def test_what_nothing_is_known_of_is_folded_into_a_line_for_each_group(year: Year) -> None:
    of = report(year[0], Period(date(2024, 4, 1), date(2024, 9, 30)))
    root = well_formed(to_html(of, Language.EN, Naming()))
    folded = ["".join(line.itertext()) for line in root.iter("summary")]
    assert folded[0] == "Not enough yet: AUC, KS, Log-loss, Brier score, Calibration by tier"
    rows = [row.find("th") for row in root.iter("tr") if row.get("class") == "figure"]
    shown = [head.text for head in rows if head is not None]
    unknown = [kpi for kpi in of.kpis if kpi.measured.whole.value is None]
    assert len(unknown) > 10 and len(shown) + len(unknown) == len(KPIS)
    assert {kpi.declared.names.en for kpi in unknown} == set(
        "".join(folded).replace("Not enough yet: ", ", ").split(", ")
    ) - {""}
    # Opened, a line says what the figures are, and what they should reach.
    assert all(kpi.declared.definition.en in "".join(root.itertext()) for kpi in unknown)


def test_parts_without_a_name_go_by_their_id(year: Year) -> None:
    of = report(year[0])
    (overrides,) = [kpi for kpi in of.kpis if kpi.id == "soundness.overrides"]
    (answers,) = [kpi for kpi in of.kpis if kpi.id == "conduct.answers_in_time"]
    names = Text.of("財務", "财务", "Treasury")
    naming = Naming(departments={"finance": names})
    assert naming.part(overrides, "of_our_own") == Text.of("of_our_own", "of_our_own", "of_our_own")
    assert naming.part(overrides, "strategic").zh_hans == "战略考量"
    # What a reason or a severity of Tierwise's own is called is never left to its id.
    (findings,) = [kpi for kpi in of.kpis if kpi.id == "inspection.findings_open"]
    for reason in (*CaseReason, *Procedure().override_reasons):
        assert naming.part(overrides, reason).zh_hant != reason
    assert all(naming.part(findings, severity).zh_hant != severity for severity in Severity)
    assert naming.part(answers, "finance") == names
    assert naming.part(answers, "sales").en == "Sales" and naming.part(answers, "depot").en == "depot"


def test_single_persons_can_be_left_out(year: Year) -> None:
    of = report(year[0])
    by_person = {kpi.id for kpi in of.kpis if kpi.declared.parts is Parts.PERSON and kpi.measured.parts}
    assert {"conduct.approvals", "conduct.answerers", "conduct.override_approvals"} == by_person
    text = str(of.without_persons().document())
    for person in ("carl", "dora", "finance-0", "sales-1"):
        assert f"'{person}'" in str(of.document())
        assert f"'{person}'" not in text
