"""Notices: each change is told once to whom it concerns, with reason and effect and nothing else."""

import json
import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from typer.testing import CliRunner

import tierwise
from features.catalog import load_catalog
from features.terminal import KEPT_APART, BadInput
from features.terms import RATED_TIERS, Language, Text, Tier
from models.policy import load_policy
from serving.audit.verification import verify
from serving.notices.causes import TierChange
from serving.notices.contacts import Contact, ParticularsError, checked_particulars, contact_of
from serving.notices.outbox import NoticeError, NoticeState, Outbox, content_of, list_notices
from serving.notices.rendering import CUSTOMER, Channel, Content, Recipient, effect, render
from serving.notices.rules import Department, Direction, NoticeRules
from serving.procedure import Procedure
from serving.reviews.cases import CaseReason, Override
from serving.reviews.events import Event, EventDesk
from serving.reviews.office import Office
from serving.reviews.proposals import proposals_after
from serving.reviews.standings import Layer, end_expired, lift, put_in_force
from serving.store.case_tables import changes
from serving.store.customers import erase_customer, open_customer
from serving.store.notice_tables import notices
from serving.store.store import Store
from serving.store.tables import audit_entries
from tests.notified import (
    SENDER,
    Clock,
    all_changes,
    change,
    clocked,
    kept,
    procedure,
    pseudonym,
    send,
    tell,
)
from tests.receivers import hook, postbox
from tests.reviewed import CUSTOMERS, DAYS, acting, copy_of, newest, runs_of, served_alone, store, template

__all__ = ["store", "template"]

LANGUAGES = {"C-0": "zh-Hant", "C-1": "zh-Hans", "C-2": "en"}
HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "Content-Type",
    "Content-Transfer-Encoding", "MIME-Version",
]  # fmt: skip


def contents(store: Store, recipient: str = CUSTOMER) -> dict[str, Content]:
    """Return what is sent to one kind of recipient, by the customer's pseudonym; of several the newest."""
    with store.reading() as connection:
        rows = connection.execute(
            select(notices).where(notices.c.recipient == recipient).order_by(notices.c.queued_at)
        ).all()
        found = {row.customer: content_of(connection, store.keyring, row) for row in rows}
    return {customer: content for customer, content in found.items() if content is not None}


def text_of(content: Content) -> str:
    if content.channel is Channel.WEBHOOK:
        text: str = json.loads(content.payload)["data"]["text"]
        return text
    message = message_from_bytes(content.payload, policy=default)
    text = message.get_content().replace("\r\n", "\n")
    return text


def approve_list(store: Store, rules: Procedure) -> None:
    office = Office(store, rules)
    listed = office.list_of(acting("ann"), runs_of(store)[-1])
    assert listed is not None
    for name in ("bob", "carl")[: listed.needed]:
        with store.writing(name) as writing:
            office.approve(writing, acting(name), listed.id, listed.version)


def test_every_change_of_a_list_is_told_once_to_whom_it_concerns(store: Store) -> None:
    clocked(store)
    for customer_id, language in LANGUAGES.items():
        email = f"{customer_id}@example.org"
        tell(store, customer_id, name=f"Name of {customer_id}", language=language, email=email)
    with postbox() as box, hook() as sales:
        outbox = Outbox(store, procedure(sales.url))
        approve_list(store, procedure(sales.url))
        first, second = send(outbox, box.settings()), send(outbox, box.settings())
        with store.reading() as connection:
            rows = connection.execute(select(notices)).all()
        risky = {row.change for row in rows if row.recipient == "department:finance"}
        told = kept(store)
        assert {id_ for id_, recipient in told if recipient == CUSTOMER} == all_changes(store)
        assert {id_ for id_, recipient in told if recipient == "department:sales"} == all_changes(store)
        assert len(sales.posted) == len(all_changes(store)) == len(newest(store))
        assert risky == {id_ for (id_, _), _ in told.items() if tier_after(store, id_) is Tier.RISK}
        to = [message["To"] for message in box.messages()]
        assert sorted(of for of in to if of.startswith("C-")) == [f"{id_}@example.org" for id_ in LANGUAGES]
        assert to.count("finance@tierwise.example.com") == len(risky)
        assert len(to) == len(LANGUAGES) + len(risky)
        assert (second.queued, second.sent) == (0, 0)
        assert first.sent == len(to) + len(sales.posted)
    without = [reason for (_, recipient), (_, reason) in told.items() if recipient == CUSTOMER and reason]
    assert without == ["no_contact"] * (len(newest(store)) - len(LANGUAGES))
    with store.reading() as connection:
        assert verify(connection, store.keyring, store.heads).bad_entry is None


def tier_after(store: Store, change_id: str) -> Tier:
    with store.reading() as connection:
        after = connection.execute(select(changes.c.after).where(changes.c.id == change_id)).scalar_one()
    return Tier(after)


def test_a_customer_is_told_in_its_language_with_reason_and_effect(store: Store) -> None:
    clocked(store)
    rules = procedure()
    decided = newest(store)
    for customer_id, language in LANGUAGES.items():
        tell(store, customer_id, name="某某", language=language, email="x@example.org")
        change(store, customer_id, Tier.PREMIUM, decided[pseudonym(store, customer_id)][0])
    Outbox(store, rules).queue("notices")
    found = contents(store)
    offers = rules.notices.offers[Tier.PREMIUM]
    for customer_id, language in LANGUAGES.items():
        text = text_of(found[pseudonym(store, customer_id)])
        assert all(offer.names.in_language(Language(language)) in text for offer in offers.values())
        assert str(DAYS[-1]) in text
        assert re.search(r"^https://tierwise\.example\.com/v1/feedback/\S+$", text, re.M)
    english = text_of(found[pseudonym(store, "C-2")])
    assert "A periodic evaluation as of 2026-02-28." in english
    assert "From 2027-03-01 your classification as our customer is “premium”" in english
    change(store, "C-2", Tier.RISK, decided[pseudonym(store, "C-2")][0])
    Outbox(store, rules).queue("notices")
    risk = [row for row in all_texts(store, pseudonym(store, "C-2")) if "is “risk”" in row]
    gained, lost = risk[0].split("No longer")
    assert "an exposure cap" in gained
    assert "A dedicated account manager" in lost
    # What is the company's own affair is told to departments alone.
    assert "close watch" not in risk[0]
    assert "密切关注" in text_of(contents(store, "department:finance")[pseudonym(store, "C-2")])


def all_texts(store: Store, customer: str) -> list[str]:
    with store.reading() as connection:
        rows = connection.execute(
            select(notices).where(notices.c.customer == customer, notices.c.recipient == CUSTOMER)
        ).all()
        found = [content_of(connection, store.keyring, row) for row in rows]
    return [text_of(content) for content in found if content is not None]


def decide(office: Office, customer: str, decision: str, override: Tier | None) -> None:
    """Take a customer's case from the opening to its effect, with remarks on the way."""
    with office.store.writing("ann") as writing:
        case = office.open(writing, acting("ann"), customer, CaseReason.REQUEST, None)
        asked = office.request(writing, acting("ann"), case.id, "finance", "INTERNAL-QUESTION")
        office.answer(writing, acting("fin"), asked, "INTERNAL-ANSWER", complete=True)
        case = office.propose(
            writing, acting("ann"), case.id, override or proposed_tier(office, writing, decision),
            "INTERNAL-REMARK", decision=decision,
            override=Override("strategic", writing.at + timedelta(days=30)) if override else None,
        )  # fmt: skip
    for name in ("bob", "carl")[: case.needed]:
        with office.store.writing(name) as writing:
            office.approve(writing, acting(name), case.id, case.version)


def test_no_notice_holds_weights_other_customers_or_remarks(store: Store) -> None:
    clocked(store)
    rules = procedure("https://example.org/hook")
    everybody = {f"C-{place}": f"Company-{place}x" for place in range(CUSTOMERS)}
    for place, (customer_id, name) in enumerate(everybody.items()):
        tell(store, customer_id, name=name, language=list(Language)[place % 3], email="x@example.org")
    office = Office(store, rules)
    for place, (customer, (decision, _)) in enumerate(sorted(newest(store).items())):
        decide(office, customer, decision, RATED_TIERS[place % 4] if place % 2 else None)
    Outbox(store, rules).queue("notices")
    known = catalog_names()
    for recipient, least in (
        (CUSTOMER, CUSTOMERS),
        ("department:sales", CUSTOMERS),
        ("department:finance", 1),
    ):
        found = contents(store, recipient)
        assert len(found) >= least
        for customer, content in found.items():
            with store.reading() as connection:
                own = contact_of(connection, open_customer(connection, store.keyring, customer))
            text = text_of(content)
            whole = content.payload.decode() + text
            assert "INTERNAL" not in whole and "strategic" not in whole
            for customer_id, name in everybody.items():
                if customer_id != own.customer_id:
                    assert name not in whole and not re.search(rf"\b{customer_id}\b", whole)
            # Without days, names and the notice's own number no figure is left: no points, weights or values.
            for name in (*known, everybody[own.customer_id], own.customer_id):
                text = text.replace(name, "")
            text = re.sub(r"\d{4}-\d{2}-\d{2}|https://\S+|[0-9a-f]{32}", "", text)
            assert not re.search(r"\d", text), text


def proposed_tier(office: Office, writing: Any, decision: str) -> Tier:
    (after,) = proposals_after(writing.connection, office.procedure, [decision], writing.at)
    return after.steady


def catalog_names() -> list[str]:
    """Return every name that a sentence may hold, the longest first."""
    catalog, policy = load_catalog("customer"), load_policy("customer")
    declared: list[Text] = [placed.indicator.names for placed in catalog.placed]
    declared += [veto.names for veto in policy.vetoes]
    return sorted(
        {text.in_language(language) for text in declared for language in Language}, key=len, reverse=True
    )


def test_a_hold_says_what_kind_of_event_and_its_end_says_so(store: Store) -> None:
    clock = clocked(store)
    rules = procedure()
    office = Office(store, rules)
    tell(store, "C-1", language="en", email="x@example.org")
    change(store, "C-1", Tier.GOOD, newest(store)[pseudonym(store, "C-1")][0])
    event = Event("e-1", "payment_default", "C-1", clock().date(), {}, "INTERNAL-REMARK")
    with store.writing("erp") as writing:
        taken = EventDesk(office, served_alone()).take(writing, acting("erp"), event)
    assert taken.change is not None and taken.case is not None and taken.decision is not None
    Outbox(store, rules).queue("notices")
    (held,) = [text for text in all_texts(store, pseudonym(store, "C-1")) if "is “risk”" in text]
    assert "A material event was reported: Default on payment." in held
    assert "INTERNAL" not in held
    clock.move(days=3)
    with store.writing("ann") as writing:
        tier = proposed_tier(office, writing, taken.decision)
        case = office.propose(writing, acting("ann"), taken.case, tier, "x", decision=taken.decision)
    for name in ("bob", "carl")[: case.needed]:
        with store.writing(name) as writing:
            office.approve(writing, acting(name), case.id, case.version)
    Outbox(store, rules).queue("notices")
    texts = all_texts(store, pseudonym(store, "C-1"))
    ended = [text for text in texts if "The provisional classification has ended." in text]
    assert len(ended) == (0 if tier is Tier.RISK else 1)
    assert all("An evaluation after a material event" in text for text in ended)


def test_an_override_says_until_when_and_its_end_that_it_has_ended(store: Store) -> None:
    clock = clocked(store)
    rules = procedure()
    tell(store, "C-1", language="en", email="x@example.org")
    change(store, "C-1", Tier.GOOD, newest(store)[pseudonym(store, "C-1")][0])
    with store.writing("ann") as writing:
        put_in_force(
            writing, pseudonym(store, "C-1"), Layer.OVERRIDE, Tier.PREMIUM, reason="strategic",
            expires_at=writing.at + timedelta(days=10),
        )  # fmt: skip
    clock.move(days=11)
    with store.writing("clock") as writing:
        assert len(end_expired(writing)) == 1
    Outbox(store, rules).queue("notices")
    first, second, third = sorted(all_texts(store, pseudonym(store, "C-1")), key=order)
    assert "By decision of the management, until 2027-03-11." in second
    assert "The classification for a limited time has ended." in third
    assert "A periodic evaluation" in first and "A periodic evaluation" in third


def order(text: str) -> tuple[str, int]:
    day = re.search(r"From (\S+)", text)
    assert day
    return day[1], "premium" in text


def test_changes_of_one_moment_are_each_told_with_their_own_reason(store: Store) -> None:
    clocked(store)
    tell(store, "C-1", language="en", email="x@example.org")
    customer = pseudonym(store, "C-1")
    for layer, tier, reason in (
        (Layer.APPROVED, Tier.GOOD, "periodic"), (Layer.HOLD, Tier.RISK, "insolvency_filing"),
    ):  # fmt: skip
        with store.writing("ann") as writing:
            put_in_force(writing, customer, layer, tier, reason=reason)
    with store.writing("ann") as writing:
        lift(writing, customer, Layer.HOLD)
    Outbox(store, procedure()).queue("notices")
    texts = all_texts(store, customer)
    assert len(texts) == 3
    assert sum("Insolvency filed for" in text for text in texts) == 1
    assert sum("The provisional classification has ended." in text for text in texts) == 1


MOMENT = Clock().moment
CHANGE = TierChange("0" * 32, "1" * 32, MOMENT, Tier.GOOD, Tier.RISK, Layer.HOLD)


@given(st.text(max_size=60), st.sampled_from(Language))
def test_no_name_changes_the_headers_of_a_mail(name: str, language: Language) -> None:
    try:
        taken = checked_particulars({"name": name}, inside=False)["name"]
    except ParticularsError:
        return
    contact = Contact("C-1", taken, language, "x@example.org", None)
    recipient = Recipient(CUSTOMER, language, Channel.EMAIL, "x@example.org")
    made = render(procedure().notices, "2" * 32, CHANGE, (), contact, recipient, None, MOMENT)
    message = message_from_bytes(made.payload, policy=default)
    assert sorted(message.keys()) == sorted(HEADERS)
    assert message["To"] == "x@example.org"
    assert message["Message-ID"] == f"<{'2' * 32}@tierwise.example.com>"
    assert SENDER in message["From"]
    assert taken is None or taken in text_of(made)
    assert made.payload.isascii()
    assert Content.from_bytes(made.to_bytes()) == made


def test_a_name_from_right_to_left_turns_nothing_around_it() -> None:
    contact = Contact("C-1", "חברה", Language.EN, "x@example.org", None)
    recipient = Recipient("department:x", Language.EN, Channel.EMAIL, "x@example.org")
    made = render(procedure().notices, "2" * 32, CHANGE, (), contact, recipient, None, MOMENT)
    assert "(\u2068חברה\u2069)" in text_of(made)


def test_a_customer_without_an_address_is_kept_visible_and_told_later(store: Store) -> None:
    clock = clocked(store)
    change(store, "C-1", Tier.GOOD)
    with postbox() as box:
        outbox = Outbox(store, procedure())
        assert send(outbox, box.settings()).sent == 0
        with store.reading() as connection:
            count, (notice,) = list_notices(connection, NoticeState.DEAD, NoticeState.UNDELIVERABLE, most=5)
        assert (count, notice.state, notice.reason) == (1, NoticeState.UNDELIVERABLE, "no_contact")
        with store.writing("ann") as writing:
            assert outbox.retry(writing, notice.id) is NoticeState.UNDELIVERABLE
        tell(store, "C-1", email="x@example.org")
        clock.move(days=1)
        with store.writing("ann") as writing:
            assert outbox.retry(writing, notice.id) is NoticeState.PENDING
        with pytest.raises(NoticeError, match="pending"), store.writing("ann") as writing:
            outbox.retry(writing, notice.id)
        assert send(outbox, box.settings()).sent == 1
        assert [message["To"] for message in box.messages()] == ["x@example.org"]


def test_without_a_sender_mail_waits_and_goes_as_soon_as_there_is_one(store: Store) -> None:
    clock = clocked(store)
    for customer_id in ("C-1", "C-2"):
        tell(store, customer_id, email="x@example.org")
    told, erased = change(store, "C-1", Tier.GOOD), change(store, "C-2", Tier.GOOD)
    rules = procedure(departments={})
    unsigned = Procedure(notices=rules.notices.model_copy(update={"sender": None}))
    with postbox() as box:
        for _ in range(2):
            done = send(Outbox(store, unsigned), box.settings())
            assert (done.sent, done.dead, done.waiting) == (0, 0, 2)
            assert any("sender" in hint for hint in done.hints)
        assert kept(store)[told, CUSTOMER] == ("pending", "no_sender")
        with store.writing("dpo") as writing:
            erase_customer(writing, pseudonym(store, "C-2"))
        clock.move(days=40)
        assert send(Outbox(store, rules), box.settings()).sent == 1
        assert [message["To"] for message in box.messages()] == ["x@example.org"]
    assert kept(store) == {(told, CUSTOMER): ("sent", None), (erased, CUSTOMER): ("undeliverable", "erased")}


def test_all_that_were_given_up_are_tried_again_at_once_and_by_reason(store: Store) -> None:
    clock = clocked(store)
    old = change(store, "C-0", Tier.RISK)
    clock.move(days=31)
    late, never = change(store, "C-1", Tier.GOOD), change(store, "C-2", Tier.GOOD)
    outbox = Outbox(store, procedure(departments={}))
    outbox.queue("notices")
    for customer_id in ("C-0", "C-1"):
        tell(store, customer_id, email="x@example.org")
    assert outbox.retry_all("ann", "refused") == (0, 0)
    assert outbox.retry_all("ann") == (1, 1)
    assert kept(store) == {
        (old, CUSTOMER): ("undeliverable", "too_old"), (late, CUSTOMER): ("pending", None),
        (never, CUSTOMER): ("undeliverable", "no_contact"),
    }  # fmt: skip
    assert outbox.retry_all("ann", "too_old") == (1, 0)
    with store.writing("dpo") as writing:
        erase_customer(writing, pseudonym(store, "C-2"))
    assert outbox.retry_all("ann") == (0, 1)


def test_changes_from_before_notices_were_run_are_listed_and_mailed_to_nobody(store: Store) -> None:
    clock = clocked(store)
    tell(store, "C-1", email="x@example.org")
    old = change(store, "C-1", Tier.RISK)
    clock.move(days=31)
    new = change(store, "C-1", Tier.GOOD)
    outbox = Outbox(store, procedure())
    with postbox() as box:
        send(outbox, box.settings())
        to = {message["To"] for message in box.messages()}
        assert to == {"x@example.org", "finance@tierwise.example.com"}
        found = kept(store)
        finance = "department:finance"
        assert found[old, CUSTOMER] == found[old, finance] == ("undeliverable", "too_old")
        assert found[new, CUSTOMER] == found[new, finance] == ("sent", None)
        # Who means to tell it all the same may.
        with store.reading() as connection:
            _, dead = list_notices(connection, NoticeState.UNDELIVERABLE, most=5)
        (id_,) = [notice.id for notice in dead if notice.recipient == CUSTOMER]
        with store.writing("ann") as writing:
            assert outbox.retry(writing, id_) is NoticeState.PENDING
        assert send(outbox, box.settings()).sent == 1


def test_of_an_erased_customer_nothing_is_sent(store: Store) -> None:
    clocked(store)
    for customer_id in ("C-1", "C-2"):
        tell(store, customer_id, email="x@example.org")
    before = change(store, "C-1", Tier.RISK)
    outbox = Outbox(store, procedure())
    outbox.queue("notices")
    after = change(store, "C-2", Tier.RISK)
    with store.writing("dpo") as writing:
        erase_customer(writing, pseudonym(store, "C-1"))
        erase_customer(writing, pseudonym(store, "C-2"))
    with postbox() as box:
        send(outbox, box.settings())
        assert box.taken == []
    finance = "department:finance"
    assert kept(store) == {
        (before, CUSTOMER): ("dead", "erased"), (before, finance): ("dead", "erased"),
        (after, CUSTOMER): ("undeliverable", "erased"), (after, finance): ("undeliverable", "erased"),
    }  # fmt: skip


def test_the_trail_names_notices_and_hashes_and_no_addresses(store: Store) -> None:
    clocked(store)
    tell(store, "C-1", name="Ann Lee", email="ann@example.org")
    change(store, "C-1", Tier.RISK)
    with postbox() as box:
        send(Outbox(store, procedure()), box.settings())
    with store.reading() as connection:
        entries = connection.execute(select(audit_entries).order_by(audit_entries.c.sequence)).all()
        row = connection.execute(select(notices).where(notices.c.recipient == CUSTOMER)).one()
    told = [entry for entry in entries if entry.action.startswith("notice.")]
    assert [entry.action for entry in told] == ["notice.queued", "notice.sent", "notice.sent"]
    facts = json.loads(told[0].facts)
    assert row.digest in facts["digests"] and row.id in facts["notices"]
    assert not re.search("example|Ann|C-1", repr(told))
    assert b"ann@" not in row.sealed


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [(Tier.GOOD, Tier.PREMIUM, Direction.UP), (Tier.GOOD, Tier.RISK, Direction.DOWN),
     (None, Tier.RISK, Direction.OTHER), (Tier.UNRATED, Tier.GOOD, Direction.OTHER)],
)  # fmt: skip
def test_a_department_is_told_of_what_interests_it(
    before: Tier | None, after: Tier | None, wanted: Direction
) -> None:
    names = Text(zh_hant="x", zh_hans="x", en="x")
    for direction in Direction:
        department = Department(names=names, email="x@example.org", directions=(direction,))
        assert department.wants(before, after) == (direction is wanted)
    elsewhere = Department(names=names, email="x@example.org", tiers=(Tier.GENERAL,))
    assert not elsewhere.wants(before, after)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({}, "not both"), ({"email": "x"}, "e-mail address"), ({"webhook": "https://example.org/"}, "secret"),
     ({"email": "x@example.org", "secret": "X"}, "nothing else"),
     ({"email": "x@example.org", "webhook": "https://example.org/", "secret": "X"}, "not both")],
)  # fmt: skip
def test_a_department_that_cannot_be_told_is_refused(fields: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Department(names=Text(zh_hant="x", zh_hans="x", en="x"), **fields)  # type: ignore[arg-type]


def test_what_two_tiers_have_alike_is_neither_gained_nor_lost() -> None:
    rules = NoticeRules()
    offers = {
        tier: {**of, "shared": rules.offers[Tier.GOOD]["upgrades"]} for tier, of in rules.offers.items()
    }
    gained, lost = effect(
        NoticeRules(offers=offers), Tier.GENERAL, Tier.GOOD, internal=True
    )  # fmt: skip
    assert [text.en for text in gained] == [of.names.en for of in rules.offers[Tier.GOOD].values()]
    assert [text.en for text in lost] == [of.names.en for of in rules.offers[Tier.GENERAL].values()]


def test_the_commands_take_contacts_send_list_and_try_again(
    template: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = copy_of(template, "sqlite", tmp_path / "store")
    for customer_id in ("C-1", "C-2"):
        change(store, customer_id, Tier.GOOD)
    store.close()
    (tmp_path / "contacts.csv").write_text("customer_id,email\nC-1,x@example.org\nC-9,x@example.org\n")
    (tmp_path / "rules.yaml").write_text(f"notices: {{sender: {SENDER}}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIERWISE_KEYS", str(tmp_path / "store"))

    def run(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(tierwise.app, words, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output

    rules = ("--procedure", "rules.yaml")
    assert "2 read, 1 taken, 1 rejected" in run("customer", "import", "contacts.csv", code=KEPT_APART)
    assert "C-9" in (tmp_path / "contacts.rejects.csv").read_text()
    told = run("notice", "run", "--once", *rules)
    assert "2 new notices; 0 sent" in told and "TIERWISE_SMTP_HOST" in told
    with postbox() as box:
        for name, value in box.settings().items():
            monkeypatch.setenv(name, value)
        assert "1 sent" in run("notice", "run", "--once", *rules)
        dead = run("notice", "list", "--dead")
        assert "1 notice" in dead and "no_contact" in dead and "C-2" in dead and "C-1" not in dead
        assert "2 notices" in run("notice", "list")
        assert "By reason: no_contact 1." in run("notice", "list", "--dead")
        assert "1 notice" in run("notice", "list", "--reason", "no_contact")
        page = run("notice", "list", "--limit", "1", "--offset", "1")
        assert "2 notices, 1 of 2 shown from 2 on" in page
        for words in (("list", "--reason", "bogus"), ("retry", "--all", "--reason", "bogus", *rules)):
            with pytest.raises(NoticeError, match=r"no such reason; .*no_contact"):
                run("notice", *words)
        (tmp_path / "contacts.csv").write_text("customer_id,email\nC-2,y@example.org\n")
        run("customer", "import", "contacts.csv")
        assert "1 notice is tried again" in run("notice", "retry", "--all", "--reason", "no_contact", *rules)
        assert "1 sent" in run("notice", "run", "--once", *rules)
        assert [message["To"] for message in box.messages()] == ["x@example.org", "y@example.org"]
    secret = run("customer", "webhook-secret", "C-1").strip()
    assert secret.startswith("whsec_") and secret != run("customer", "webhook-secret", "C-2").strip()
    for wrong in (("nothing",), (), ("nothing", "--all"), ("nothing", "--reason", "no_contact")):
        with pytest.raises(NoticeError):
            run("notice", "retry", *wrong, *rules)
    with pytest.raises(BadInput, match="--operate"):
        run("serve", "--notify")
