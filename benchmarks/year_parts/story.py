"""The scripted year: intake, then month by month deliveries, events, reviews, cases, tasks and notices.

Everything is done by the product's own desks and recorded in its store; what they were asked to do is counted
here beside it, for the ledger to compare.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from sqlalchemy import select

from benchmarks.year_parts.company import Company, ids_of
from benchmarks.year_parts.people import ANN, BANK, BOB, CARL, DORA
from benchmarks.year_parts.receivers import Received
from features.sources.outcomes import OUTCOME, OUTCOME_KNOWN_ON
from features.terms import RATED_TIERS, Language, Text, Tier
from models.decision import Scorer
from models.policy import load_policy
from serving.notices.contact_table import import_particulars
from serving.notices.feedback import Answered, AnsweredOtherwise, receive
from serving.notices.outbox import Outbox
from serving.notices.rules import Department, NoticeRules
from serving.notices.sending import send_due, transports_of
from serving.procedure import Procedure
from serving.reviews.cases import Case, CaseKind, Judgement, Override, items_of, open_cases
from serving.reviews.due import due_on
from serving.reviews.events import Event, EventDesk
from serving.reviews.office import Office
from serving.reviews.periodic import evaluate_periodically
from serving.reviews.proposals import newest_decision, proposals_after
from serving.reviews.replay import Replayer
from serving.reviews.subjects import GovernanceDesk
from serving.served import Served
from serving.store.customers import customer_of, erase_customer, find_customers, id_of
from serving.store.store import Store
from serving.store.tables import customers, decisions
from serving.strategies.declared import Form
from serving.strategies.deliveries import DeliveryDesk
from serving.strategies.exposure import Order, check_order
from serving.strategies.overdue_table import take_down
from serving.strategies.tasks import complete, open_tasks
from serving.strategies.upkeep import Upkeep
from serving.supervision.inspection import Draw, Finding, InspectionDesk
from serving.supervision.outcome_import import import_outcomes
from serving.supervision.period import Period
from serving.supervision.report import Report, supervise
from serving.supervision.words import Severity

# Of all customers each month: reported by an event; asked whether an order may be taken.
_EVENTS, _ORDERS = 0.004, 0.0025
# Of what comes up: lists' customers pulled out, proposals that are overrides, proposals rejected, requests
# that are not answered at once, notices answered, answers that object.
_PULLED, _OVERRIDDEN, _REJECTED, _UNANSWERED, _ANSWERED, _OBJECTING = 0.01, 0.05, 0.1, 0.15, 0.08, 0.05
_MOST_TASKS = 400
_T = TypeVar("_T")
_SECRET = {"TIERWISE_WEBHOOK_SECRET_YEAR": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}


class Clock:
    """A clock that stands until it is moved on."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.at

    def move_to(self, day: date) -> None:
        """Go on to the evening of a day, unless that is over."""
        self.at = max(self.at, evening(day))

    def move(self, **by: float) -> None:
        """Go on."""
        self.at += timedelta(**by)


def evening(day: date) -> datetime:
    """Return the moment of a day at which the month's work begins."""
    return datetime.combine(day, time(18), UTC)


@dataclass
class Told:
    """What the year was asked to do, counted where it was asked.

    `customers` are those in the tables that were evaluated, by the company's ids; `unreachable` those whose
    address nobody knows, by pseudonym.
    """

    counts: Counter[str] = field(default_factory=Counter)
    customers: set[str] = field(default_factory=set)
    unreachable: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    report: Report | None = None


class Story:
    """One company's year."""

    def __init__(
        self, store: Store, company: Company, clock: Clock, seed: int, mail: Received, web: Received
    ) -> None:
        self.store, self.company, self.clock = store, company, clock
        self.mail, self.web, self.told = mail, web, Told()
        self._random = np.random.default_rng(seed)
        self.procedure = Procedure(notices=_notice_rules(web.port))
        self.office = Office(store, self.procedure)
        self._served = Served(Scorer(company.catalog, load_policy(company.catalog.catalog)), None)
        self._events = EventDesk(self.office, self._served)
        self._items: list[dict[str, str]] = []
        self._gone: set[str] = set()

    # The year

    def begin(self, day: date) -> None:
        """Adopt what governs, and classify everybody for the first time."""
        self.clock.move_to(day)
        desk = GovernanceDesk(self.store, self.procedure)
        with self.store.writing(ANN.name) as writing:
            procedure = desk.propose_procedure(writing, ANN, self.procedure, "to begin with")
            served = desk.propose_served(writing, ANN, self._served, "to begin with")
        self._approve(procedure)
        self._approve(served)
        table = self.company.indicators(day)
        self._evaluate(table, day)
        self._contacts(sorted(ids_of(table)))
        self._afterwards()

    def month(self, day: date) -> None:
        """Do a month's work."""
        self._live_until(day)
        table = self.company.indicators(day)
        known = self._known_ids()
        self._deliver(table, day)
        self._report_events(known, day)
        with self.store.reading() as connection:
            due = {
                id_of(connection, self.store.keyring, of.customer)
                for of in due_on(connection, self.procedure, day)
            }
        # Departments may still have records of those who were erased; nobody evaluates them again.
        new = ids_of(table) - set(known) - self._gone
        if wanted := due | new:
            self._evaluate(self.company.some(table, wanted, day), day)
        if new:
            self._contacts(sorted(new))
        self._handle_cases()
        self._collect(day)
        self._check_orders(known)
        self._afterwards()
        self._do_tasks()
        self._hear_customers()

    def erase(self, number: int) -> None:
        """Erase some customers."""
        for id_ in self._some(self._known_ids(), number):
            with self.store.writing(ANN.name) as writing:
                erase_customer(writing, customer_of(writing.connection, self.store.keyring, id_).id)
            self._gone.add(id_)
            self.told.counts["erased"] += 1

    def end(self, first: date, last: date) -> None:
        """Let outcomes mature, inspect, replay and report."""
        self._live_until(last)
        self._outcomes()
        period = Period(first, self.clock().date())
        self._inspect(period)
        with self.store.reading() as connection:
            ids = list(connection.execute(
                select(decisions.c.id).join(customers, customers.c.id == decisions.c.customer)
                .where(customers.c.erased_at.is_(None)).order_by(decisions.c.id)
            ).scalars())  # fmt: skip
        replayer = Replayer(self.store)
        for id_ in self._some(ids, 100):
            self.told.counts["replayed"] += 1
            self.told.counts["reproduced"] += replayer.replay(id_).reproduced
        with self.store.reading() as connection:
            self.told.report = supervise(connection, self.store.keyring, self.procedure, period)

    # What is done in it

    def _live_until(self, day: date) -> None:
        """Let time go on as a service would see it: what ends is told of when it ends."""
        while self.clock() < evening(day):
            self.clock.at = min(self.clock() + timedelta(days=14), evening(day))
            self._afterwards()

    def _evaluate(self, table: Path, day: date) -> None:
        summary = evaluate_periodically(self.store, self._served, table, day, ANN.name)
        given = ids_of(table)
        self.told.customers |= given
        self.told.counts["rows given"] += len(given)
        self.told.counts["rows read"] += summary.read
        listed = self.office.list_of(ANN, summary.run)
        if listed is None:
            return
        with self.store.reading() as connection:
            inside = [item.customer for item in items_of(connection, listed.id) if item.pulled_out is None]
        for customer in self._some(inside, int(_PULLED * len(inside))):
            with self.store.writing(BOB.name) as writing:
                self.office.pull_out(writing, BOB, listed.id, customer)
            self.told.counts["pulled out"] += 1
        self._approve(listed)

    def _approve(self, case: Case) -> None:
        for actor in (BOB, CARL)[: case.needed]:
            self.clock.move(hours=1)
            with self.store.writing(actor.name) as writing:
                said = Judgement("as proposed") if case.kind is CaseKind.MODEL else None
                self.office.approve(writing, actor, case.id, case.version, said)

    def _contacts(self, ids: Sequence[str]) -> None:
        """Tell how customers are written to; of one in twenty nobody knows."""
        rows = [
            {"customer_id": id_, "name": f"Synthetic {id_}", "language": str(list(Language)[place % 3]),
             "email": "" if place % 20 == 0 else f"{id_.lower()}@customers.example.com"}
            for place, id_ in enumerate(ids)
        ]  # fmt: skip
        table = self._write("contacts.csv", rows)
        done = import_particulars(
            self.store, table, ANN.name, inside=False, rejects=self.company.folder / "contacts.rejects.csv"
        )
        silent = [id_ for place, id_ in enumerate(ids) if place % 20 == 0]
        with self.store.reading() as connection:
            known = find_customers(connection, self.store.keyring, silent)
        self.told.unreachable |= {of.id for of in known.values()}
        self.told.counts["contacts given"] += len(ids)
        self.told.counts["contacts taken"] += done.accepted

    def _deliver(self, table: Path, day: date) -> None:
        checked = DeliveryDesk(self.office, self._served).check(BANK, table, day)
        self.told.counts["deterioration events"] += checked.taken

    def _report_events(self, known: Sequence[str], day: date) -> None:
        types = list(self.procedure.events)
        for number, id_ in enumerate(self._some(known, max(4, int(_EVENTS * len(known))))):
            type_ = types[int(self._random.integers(len(types)))]
            # One in four comes late, one in three twice.
            occurred = day - timedelta(days=40 if number % 4 == 0 else 2)
            event = Event(f"{day}-{number}", type_, id_, occurred, {})
            for _ in range(2 if number % 3 == 0 else 1):
                with self.store.writing(BANK.name) as writing:
                    taken = self._events.take(writing, BANK, event)
                self.told.counts["events repeated" if taken.repeated else "events taken"] += 1

    def _handle_cases(self) -> None:
        with self.store.reading() as connection:
            waiting = [case for case in open_cases(connection) if case.kind is CaseKind.SINGLE]
        for case in waiting:
            self.clock.move(minutes=5)
            with self.store.writing(ANN.name) as writing:
                request = self.office.request(writing, ANN, case.id, "finance", "What do you know of this?")
            if self._happens(_UNANSWERED):
                continue
            with self.store.writing(BANK.name) as writing:
                self.office.answer(writing, BANK, request, "Nothing new.", complete=self._happens(0.9))
            self._propose(case)

    def _propose(self, case: Case) -> None:
        with self.store.writing(ANN.name) as writing:
            assert case.customer is not None
            decision = newest_decision(writing.connection, case.customer)
            assert decision is not None
            (after,) = proposals_after(writing.connection, self.procedure, [decision], writing.at)
            tier, override = after.steady, None
            if self._happens(_OVERRIDDEN):
                others = [of for of in RATED_TIERS if of is not tier]
                tier = others[int(self._random.integers(len(others)))]
                until = writing.at + timedelta(days=60)
                override = Override(self.procedure.override_reasons[0], until)
            case = self.office.propose(
                writing, ANN, case.id, tier, "As the facts say.", decision=decision, override=override
            )
        if self._happens(_REJECTED):
            with self.store.writing(BOB.name) as writing:
                self.office.reject(writing, BOB, case.id, case.version, "Not convincing.")
            return
        self._approve(case)

    def _collect(self, day: date) -> None:
        """Report overdue items of some customers at risk, and that some of those before are paid."""
        for item in self._items:
            if not item["paid_on"] and self._happens(0.3):
                item["paid_on"] = day.isoformat()
        ids = self._some(self._known_ids(Tier.RISK), 20)
        self._items += [
            {"customer_id": id_, "item_id": f"{day}-{id_}", "amount": f"{self._random.integers(1, 9999)}.50",
             "currency": "CNY", "due_on": (day - timedelta(days=20)).isoformat(), "paid_on": ""}
            for id_ in ids
        ]  # fmt: skip
        if self._items:
            taken = take_down(self.store, BANK, self._write("overdue.csv", self._items))
            self.told.counts["overdue rows"] += taken.became.total() + len(taken.rejected)
            self.told.counts["overdue rejected"] += len(taken.rejected)
        self.told.counts["overdue items"] = len(self._items)

    def _check_orders(self, known: Sequence[str]) -> None:
        for id_ in self._some(known, max(1, int(_ORDERS * len(known)))):
            form = list(Form)[int(self._random.integers(len(Form)))]
            days = 30 if form is Form.CREDIT else None
            order = Order(Decimal(int(self._random.integers(1, 400_000))), "CNY", form, Decimal(0), days)
            with self.store.writing(BANK.name) as writing:
                customer = customer_of(writing.connection, self.store.keyring, id_)
                verdict = check_order(writing, BANK, self.procedure, customer, order)
            self.told.counts["orders allowed" if verdict.allowed else "orders refused"] += 1

    def _afterwards(self) -> None:
        """Let follow what follows: tasks, lists, stages of collection, and notices to whom they concern."""
        Upkeep(self.store, self.procedure).run()
        outbox = Outbox(self.store, self.procedure)
        environment = {
            "TIERWISE_SMTP_HOST": "127.0.0.1", "TIERWISE_SMTP_PORT": str(self.mail.port),
            "TIERWISE_SMTP_SECURITY": "none", **_SECRET,
        }  # fmt: skip
        for _ in range(self.procedure.notices.attempts):
            done = send_due(outbox, transports_of(outbox, environment), "notices")
            self.told.counts["notices queued"] += done.queued
            if not done.failed:
                break
            self.clock.move(minutes=self.procedure.notices.wait_after(3))

    def _do_tasks(self) -> None:
        with self.store.reading() as connection:
            due = open_tasks(connection, most=4 * _MOST_TASKS)
        for task in self._some(due, min(_MOST_TASKS, len(due) // 2)):
            strategy = self.procedure.strategies.strategy(task.tier, task.strategy)
            names = strategy is not None and strategy.names_manager
            with self.store.writing(ANN.name) as writing:
                complete(
                    writing, ANN, self.store.keyring, self.procedure, task.id, evidence="Done.",
                    kpi_value=1.0, person="eve" if names else None,
                )  # fmt: skip
            self.told.counts["tasks done"] += 1

    def _hear_customers(self) -> None:
        links = sorted(set(self.mail.links) - self.told.answered)
        for token in self._some(links, int(_ANSWERED * len(links))):
            objects = self._happens(_OBJECTING)
            answered = Answered(int(self._random.integers(2, 6)), "We see it otherwise." if objects else None)
            self.told.answered.add(token)
            try:
                with self.store.writing("link") as writing:
                    receive(writing, self.office, token, answered)
            except (LookupError, AnsweredOtherwise):
                self.told.counts["links refused"] += 1  # expired, or of a customer who was erased
                continue
            self.told.counts["answers"] += 1
            self.told.counts["objections"] += objects

    def _outcomes(self) -> None:
        table = pd.read_parquet(self.company.outcomes)
        found = table[table[OUTCOME].notna()]
        rows = [
            {"customer_id": str(id_), "as_of": str(as_of)[:10], "bad": str(bool(bad)).lower(),
             "known_on": str(known_on)[:10]}
            for id_, as_of, bad, known_on in zip(
                found["customer_id"], found["as_of"], found[OUTCOME], found[OUTCOME_KNOWN_ON], strict=True
            )
        ]  # fmt: skip
        if rows:
            done = import_outcomes(self.store, self._write("outcomes.csv", rows), DORA.name)
            self.told.counts["outcomes read"] += done.read
            self.told.counts["outcomes kept"] += done.new
            self.told.counts["outcomes rejected"] += len(done.rejected)

    def _inspect(self, period: Period) -> None:
        desk = InspectionDesk(self.store, self.procedure)
        with self.store.writing(DORA.name) as writing:
            drawn = desk.draw(writing, DORA, Draw(period, 40, 1, stratified=True))
        with self.store.reading() as connection:
            items = desk.items(connection, drawn.inspection).items
        for place, item in enumerate(items):
            finding = (
                Finding("A date is missing.", Severity.MINOR, "Ask for it.") if place % 10 == 0 else None
            )
            with self.store.writing(DORA.name) as writing:
                desk.record(writing, DORA, item.id, finding)
            self.told.counts["inspected"] += 1

    # What all of it uses

    def _known_ids(self, tier: Tier | None = None) -> list[str]:
        """Return the company's ids of all customers, or of those ever decided to be of a tier, in order."""
        query = select(customers.c.id).where(customers.c.erased_at.is_(None))
        if tier is not None:
            query = query.where(
                customers.c.id.in_(select(decisions.c.customer).where(decisions.c.tier == str(tier)))
            )
        with self.store.reading() as connection:
            found = list(connection.execute(query.order_by(customers.c.id)).scalars())
            return sorted(id_of(connection, self.store.keyring, of) for of in found)

    def _some(self, among: Sequence[_T], number: int) -> list[_T]:
        chosen = self._random.choice(len(among), size=min(number, len(among)), replace=False)
        return [among[int(place)] for place in chosen]

    def _happens(self, share: float) -> bool:
        return bool(self._random.random() < share)

    def _write(self, name: str, rows: Sequence[dict[str, str]]) -> Path:
        file = self.company.folder / name
        with file.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.DictWriter(opened, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return file


def _notice_rules(port: int) -> NoticeRules:
    def named(name: str) -> Text:
        return Text(zh_hant=name, zh_hans=name, en=name)

    hook = f"http://127.0.0.1:{port}/notices"
    return NoticeRules(
        sender="notices@tierwise.example.com",
        link_base="https://tierwise.example.com",
        inside_webhooks=True,
        timeout_seconds=5.0,
        departments={
            "sales": Department(names=named("Sales"), webhook=hook, secret="YEAR"),
            "finance": Department(names=named("Finance"), webhook=hook, secret="YEAR", tiers=(Tier.RISK,)),
        },
    )
