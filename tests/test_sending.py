"""Sending: whatever fails and wherever it stops, no notice is lost, and a repeat is known as one."""

import json
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from features.terms import Tier
from serving.notices.addresses import is_outside
from serving.notices.delivery import Transport
from serving.notices.outbox import NoticeError, NoticeState, Outbox, list_notices
from serving.notices.rendering import CUSTOMER, Channel, Content
from serving.notices.rules import NoticeRules
from serving.notices.sending import send_due, transports_of
from serving.notices.smtp import SmtpSettings
from serving.notices.turn import sending_turn
from serving.notices.webhooks import customer_secret, signature
from serving.procedure import Procedure
from serving.settings import SettingsError
from serving.store.case_tables import standings
from serving.store.notice_tables import notices
from serving.store.store import Store, Writing
from serving.store.tables import audit_entries, customers
from tests.notified import (
    SECRET,
    all_changes,
    attempts,
    change,
    clocked,
    kept,
    other_tier,
    procedure,
    pseudonym,
    send,
    tell,
)
from tests.receivers import PASSWORD, USER, Hook, Postbox, hook, nobody_there, postbox
from tests.reviewed import store, template

__all__ = ["store", "template"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """Return a server's certificate for localhost, and the file that makes it trusted."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


@pytest.fixture(autouse=True)
def directly(monkeypatch: pytest.MonkeyPatch, certificate: tuple[ssl.SSLContext, Path]) -> None:
    """Go to receivers on this machine without proxies, and do not read hundreds of certificates each time."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))


# Receivers that fail


def test_a_webhook_that_fails_is_tried_again_or_given_up(store: Store) -> None:
    clock = clocked(store)
    answered = {503: "temporary", 404: "temporary", 302: "redirected", 400: "refused", 410: "refused"}
    with hook() as receiver:
        tell(store, "C-1", webhook=receiver.url)
        outbox = Outbox(store, procedure(departments={}))
        for status, outcome in answered.items():
            receiver.statuses, tries, posted = [status], len(attempts(store)), len(receiver.posted)
            id_ = change(store, "C-1", other_tier(store, "C-1"))
            send(outbox, {})
            again = outcome != "refused"
            assert kept(store)[id_, CUSTOMER] == ("pending" if again else "dead", outcome)
            assert len(receiver.posted) == posted
            clock.move(minutes=1)
            send(outbox, {})
            assert [made for _, made in attempts(store)[tries:]] == [outcome] + ["sent"] * again
            assert len(receiver.posted) == posted + again
            clock.move(minutes=1)


def test_a_mail_that_fails_is_tried_again_or_given_up(store: Store) -> None:
    clock = clocked(store)
    tell(store, "C-1", email="x@example.org")
    with postbox() as box:
        outbox = Outbox(store, procedure(departments={}))
        for recipients, mails, outcome in (
            (["451 later"], [], "temporary"), ([], ["452 full"], "temporary"),
            (["550 unknown"], [], "refused"), ([], ["554 spam"], "refused"),
        ):  # fmt: skip
            box.recipients, box.mails, taken = recipients, mails, len(box.taken)
            id_ = change(store, "C-1", other_tier(store, "C-1"))
            send(outbox, box.settings())
            again = outcome == "temporary"
            assert kept(store)[id_, CUSTOMER] == ("pending" if again else "dead", outcome)
            assert len(box.taken) == taken
            clock.move(minutes=1)
            send(outbox, box.settings())
            assert len(box.taken) == taken + again


def test_a_server_that_refuses_the_sender_gives_up_nobodys_notice(store: Store) -> None:
    clock = clocked(store)
    for place in range(3):
        tell(store, f"C-{place}", email="x@example.org")
        change(store, f"C-{place}", Tier.GOOD)
    outbox = Outbox(store, procedure())
    with postbox(senders=["530 log in first"]) as box:
        refused = send(outbox, box.settings())
        assert (refused.dead, refused.failed, refused.waiting) == (0, 1, 2)
        assert [made for _, made in attempts(store)] == ["sender"]
        clock.move(minutes=1)
        assert send(outbox, box.settings()).sent == 3


def test_who_hangs_or_is_not_there_keeps_nobody_else_waiting(store: Store) -> None:
    clocked(store)
    rules = procedure(timeout_seconds=0.3)
    with hook(delay=1.5) as slow, hook() as quick, postbox(delay=1.5) as box:
        tell(store, "C-0", webhook=slow.url)
        tell(store, "C-1", webhook=f"http://127.0.0.1:{nobody_there()}/")
        tell(store, "C-2", webhook=quick.url)
        tell(store, "C-3", email="x@example.org")
        told = {change(store, f"C-{place}", Tier.GOOD): place for place in range(4)}
        send(Outbox(store, rules), box.settings())
        found = {told[id_]: reason for (id_, _), (_, reason) in kept(store).items()}
        assert found == {0: "timeout", 1: "unreachable", 2: None, 3: "timeout"}
        assert len(quick.posted) == 1


def test_a_server_that_is_not_there_is_asked_once_a_round(store: Store) -> None:
    clocked(store)
    for place in range(4):
        tell(store, f"C-{place}", email="x@example.org")
        change(store, f"C-{place}", Tier.GOOD)
    gone = Postbox(port=nobody_there()).settings()
    outbox = Outbox(store, procedure())
    first = send(outbox, gone)
    assert (first.failed, first.waiting) == (1, 3)
    with postbox() as box:
        # Those that were not tried have lost no attempt, and are due.
        assert send(outbox, box.settings()).sent == 3


def test_without_a_server_or_a_secret_notices_wait_and_it_is_said_what_is_missing(store: Store) -> None:
    clocked(store)
    tell(store, "C-1", email="x@example.org")
    change(store, "C-1", Tier.GOOD)
    with hook() as sales:
        outbox = Outbox(store, procedure(sales.url))
        done = send_due(outbox, transports_of(outbox, {}), "notices")
        assert done.waiting == 2 and attempts(store) == []
        assert any("TIERWISE_SMTP_HOST" in hint for hint in done.hints)
        assert any("TIERWISE_WEBHOOK_SECRET_SALES" in hint for hint in done.hints)
        with postbox() as box:
            assert send(outbox, box.settings()).sent == 2


def test_attempts_are_further_and_further_apart_until_the_notice_is_given_up(store: Store) -> None:
    clock = clocked(store)
    start = clock()
    rules = procedure(attempts=4, first_wait_minutes=2, wait_factor=3)
    with hook(statuses=[503] * 9) as receiver:
        tell(store, "C-1", webhook=receiver.url)
        change(store, "C-1", Tier.GOOD)
        outbox = Outbox(store, rules)
        for _ in range(60):
            send(outbox, {})
            clock.move(minutes=1)
        made = attempts(store)
        assert [at - start for at, _ in made] == [timedelta(minutes=of) for of in (0, 2, 8, 26)]
        with store.reading() as connection:
            count, (notice,) = list_notices(connection, NoticeState.DEAD, most=5)
        assert (count, notice.attempts, notice.reason) == (1, 4, "temporary")
        with store.writing("ann") as writing:
            assert outbox.retry(writing, notice.id) is NoticeState.PENDING
        again = clock()
        for _ in range(3):
            send(outbox, {})
            clock.move(minutes=1)
        assert [at - again for at, _ in attempts(store)[4:]] == [timedelta(0), timedelta(minutes=2)]
        receiver.statuses.clear()
        clock.move(minutes=30)
        assert send(outbox, {}).sent == 1
        with pytest.raises(NoticeError, match="sent"), store.writing("ann") as writing:
            outbox.retry(writing, notice.id)


def test_a_notice_that_is_retried_goes_to_the_address_that_is_known_by_then(store: Store) -> None:
    clocked(store)
    tell(store, "C-1", email="old@example.org")
    change(store, "C-1", Tier.GOOD)
    with postbox(recipients=["550 unknown"]) as box:
        outbox = Outbox(store, procedure())
        send(outbox, box.settings())
        tell(store, "C-1", email="new@example.org")
        with store.reading() as connection:
            _, (notice,) = list_notices(connection, NoticeState.DEAD, most=5)
        with store.writing("ann") as writing:
            outbox.retry(writing, notice.id)
        send(outbox, box.settings())
        ((_, to, _),) = box.taken
        assert to == ("new@example.org",)
        assert box.messages()[0]["Message-ID"].startswith(f"<{notice.id}@")


# What receivers can check


def test_a_webhook_is_signed_as_the_standard_says(store: Store) -> None:
    # The example of https://github.com/standard-webhooks/standard-webhooks.
    assert signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}') == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
    clock = clocked(store)
    with hook() as customer, hook() as sales:
        tell(store, "C-1", webhook=customer.url, language="en")
        id_ = change(store, "C-1", Tier.GOOD)
        send(Outbox(store, procedure(sales.url)), {})
        own = customer_secret(store.keyring, pseudonym(store, "C-1"))
        for receiver, secret in ((customer, own), (sales, SECRET)):
            ((headers, body),) = receiver.posted
            assert int(headers["webhook-timestamp"]) == int(clock().timestamp())
            assert headers["webhook-id"] == headers["idempotency-key"]
            assert headers["webhook-signature"] == signature(
                secret, headers["webhook-id"], int(headers["webhook-timestamp"]), body
            )
            document = json.loads(body)
            assert (document["type"], document["data"]["after"]) == ("tier.changed", "good")
        assert own != customer_secret(store.keyring, pseudonym(store, "C-2"))
    assert {recipient for told, recipient in kept(store) if told == id_} == {CUSTOMER, "department:sales"}


@pytest.mark.parametrize("secret", ["", "x", "whsec_", "whsec_????", "whsec_c2hvcnQ="])
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError):
        signature(secret, "x", 1, b"")


def test_a_customers_webhook_that_leads_inside_is_not_posted_to(store: Store) -> None:
    clocked(store)
    with hook() as receiver:
        # By a name, which nobody could refuse before it was looked up.
        tell(store, "C-1", webhook=receiver.url.replace("127.0.0.1", "localhost"))
        id_ = change(store, "C-1", Tier.GOOD)
        send(Outbox(store, procedure(inside_webhooks=False)), {})
        assert receiver.posted == []
    assert kept(store) == {(id_, CUSTOMER): ("dead", "refused")}


@pytest.mark.parametrize(
    ("host", "outside"),
    [("8.8.8.8", True), ("10.0.0.1", False), ("2606:4700::1111", True), ("::1", False), ("fd00::1", False),
     ("64:ff9b::8.8.8.8", True), ("64:ff9b::10.0.0.1", False), ("2002:808:808::1", True),
     ("2002:a00:1::1", False), ("2001:0:a00:1::f5ff:fffe", False), ("::ffff:10.0.0.1", False),
     ("::127.0.0.1", False)],
)  # fmt: skip
def test_an_address_that_leads_on_to_a_private_network_is_not_outside(host: str, outside: bool) -> None:
    assert is_outside(host) is outside


def test_webhooks_go_directly_and_keep_no_cookies(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clocked(store)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{nobody_there()}")
    with hook() as receiver:
        for customer_id in ("C-1", "C-2"):
            tell(store, customer_id, webhook=receiver.url)
            change(store, customer_id, Tier.GOOD)
        assert send(Outbox(store, procedure(departments={})), {}).sent == 2
        assert not any("cookie" in headers for headers, _ in receiver.posted)


def test_mail_goes_protected_and_logged_in_or_not_at_all(
    store: Store, certificate: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    clock = clocked(store)
    context, trusted = certificate
    tell(store, "C-1", email="x@example.org")
    change(store, "C-1", Tier.GOOD)
    outbox = Outbox(store, procedure())
    login = {"TIERWISE_SMTP_USER": USER, "TIERWISE_SMTP_PASSWORD": PASSWORD}
    protected = {"TIERWISE_SMTP_HOST": "localhost", "TIERWISE_SMTP_SECURITY": "starttls"}
    believed = {"TIERWISE_SMTP_CA": str(trusted)}
    with postbox(context) as box, postbox() as plain:
        for settings in (
            plain.settings(**protected),
            box.settings(**protected),
            box.settings(**protected, **believed, TIERWISE_SMTP_USER=USER, TIERWISE_SMTP_PASSWORD="wrong"),
            box.settings(**protected, **believed, **login),
        ):
            send(outbox, settings)
            clock.move(hours=1)
        assert [made for _, made in attempts(store)] == ["tls", "tls", "login", "sent"]
        assert (len(plain.taken), len(box.taken)) == (0, 1)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"TIERWISE_SMTP_USER": "x", "TIERWISE_SMTP_PASSWORD": "pässword"}, "PASSWORD"),
     ({"TIERWISE_SMTP_SECURITY": "some"}, "SECURITY"), ({"TIERWISE_SMTP_PORT": "x"}, "PORT"),
     ({"TIERWISE_SMTP_PORT": "70000"}, "PORT"), ({"TIERWISE_SMTP_USER": "x"}, "PASSWORD"),
     ({"TIERWISE_SMTP_CA": "/nowhere"}, "CA")],
)  # fmt: skip
def test_wrong_settings_of_the_server_are_refused(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        SmtpSettings.from_environment({"TIERWISE_SMTP_HOST": "localhost", **wrong})
    assert SmtpSettings.from_environment(wrong) is None


# Stopping in between


class Stopped(BaseException):
    """The process stops here."""


class Faults:
    """Stops the process at some of the steps that it takes, and says behind which hand-overs that was."""

    def __init__(self, at: set[int]) -> None:
        self._at, self.steps, self.stops = at, 0, list[str]()

    def step(self, name: str) -> None:
        self.steps += 1
        if self.steps in self._at:
            self.stops.append(name)
            raise Stopped


class Stopping:
    """A channel that may stop before a notice is handed over, and after."""

    def __init__(self, inner: Transport, faults: Faults) -> None:
        self._inner, self._faults = inner, faults

    def server_of(self, content: Content) -> str:
        return self._inner.server_of(content)

    def deliver(self, notice: str, customer: str, content: Content, at: datetime) -> None:
        self._faults.step("before the hand-over")
        self._inner.deliver(notice, customer, content, at)
        self._faults.step("handed over")

    def close(self) -> None:
        self._inner.close()


@contextmanager
def stopping(store: Store, faults: Faults) -> Iterator[None]:
    """Let a store's transactions stop before they are committed, and after."""
    original = store.writing

    @contextmanager
    def writing(actor: str, at: datetime | None = None) -> Iterator[Writing]:
        with original(actor, at) as inner:
            yield inner
            faults.step("handed over, not recorded" if _records(inner) else "not committed")
        faults.step("committed")

    store.writing = writing  # type: ignore[method-assign]
    try:
        yield
    finally:
        store.writing = original  # type: ignore[method-assign]


def _records(writing: Writing) -> bool:
    """Whether a transaction records an attempt."""
    newest = writing.connection.execute(
        select(audit_entries.c.action).order_by(audit_entries.c.sequence.desc()).limit(1)
    ).scalar_one()
    return str(newest) == "notice.sent"


def until_done(outbox: Outbox, environment: dict[str, str], faults: Faults) -> None:
    """Start again and again until nothing stops it."""
    while True:
        fresh = Outbox(outbox.store, procedure_of(outbox))
        channels: dict[Channel, Transport] = {
            channel: Stopping(inner, faults) for channel, inner in transports_of(fresh, environment).items()
        }
        try:
            with stopping(outbox.store, faults):
                send_due(fresh, channels, "notices")
            return
        except Stopped:
            continue


def procedure_of(outbox: Outbox) -> Any:
    return Procedure(notices=outbox.rules)


def received(box: Postbox, *hooks: Hook) -> list[tuple[str, bytes]]:
    """Return what all receivers were handed: by what they know a repeat, and the content."""
    ids = [str(message["Message-ID"]) for message in box.messages()]
    mails = list(zip(ids, (content for _, _, content in box.taken), strict=True))
    return mails + [(headers["idempotency-key"] + url, body) for url, headers, body in _posted(hooks)]


def _posted(hooks: tuple[Hook, ...]) -> Iterator[tuple[str, dict[str, str], bytes]]:
    for of in hooks:
        for headers, body in of.posted:
            yield of.url, headers, body


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(1, 45), max_size=7))
def test_stopped_anywhere_no_notice_is_lost_and_a_repeat_is_the_same(store: Store, at: set[int]) -> None:
    clocked(store)
    with postbox() as box, hook() as sales, hook() as customer:
        tell(store, "C-0", email="x@example.org", webhook=None)
        tell(store, "C-1", email=None, webhook=customer.url)
        before = all_changes(store)
        for customer_id in ("C-0", "C-1", "C-2"):
            change(store, customer_id, other_tier(store, customer_id))
        new = all_changes(store) - before
        faults = Faults(at)
        until_done(
            Outbox(store, procedure(sales.url)),
            {"TIERWISE_WEBHOOK_SECRET_SALES": SECRET, **box.settings()},
            faults,
        )
        told = {key: value for key, value in kept(store).items() if key[0] in new}
        handed = received(box, sales, customer)
        by_id: dict[str, set[bytes]] = {}
        for id_, content in handed:
            by_id.setdefault(id_, set()).add(content)
        # Every change has its notices; each was handed over, and what was handed over twice is the same.
        to_send = [key for key, (state, _) in told.items() if state != "undeliverable"]
        assert {(id_, CUSTOMER) for id_ in new} <= set(told)
        assert {(id_, "department:sales") for id_ in new} <= set(told)
        assert all(told[key] == ("sent", None) for key in to_send)
        assert len(by_id) == len(to_send)
        assert all(len(contents) == 1 for contents in by_id.values())
        # It was handed over twice only where it was stopped between hand-over and record.
        between = sum(stop.startswith("handed over") for stop in faults.stops)
        assert len(handed) - len(by_id) == between


def test_two_who_send_at_once_send_each_notice_once(store: Store) -> None:
    clocked(store)
    with postbox(delay=0.05) as box:
        for place in range(4):
            tell(store, f"C-{place}", email=f"{place}@example.org")
            change(store, f"C-{place}", Tier.GOOD)
        found: list[Any] = []
        outboxes = [Outbox(store, procedure()) for _ in range(4)]

        def one(outbox: Outbox) -> None:
            found.append(send(outbox, box.settings()))

        threads = [threading.Thread(target=one, args=(outbox,)) for outbox in outboxes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(of.sent for of in found) + send(outboxes[0], box.settings()).sent == 4
        assert Counter(to for _, to, _ in box.taken) == {(f"{place}@example.org",): 1 for place in range(4)}


def test_whoever_has_the_turn_keeps_others_from_it_and_gives_it_back(store: Store) -> None:
    for _ in range(2):
        with sending_turn(store.database) as mine:
            assert mine
            with sending_turn(store.database) as other:
                assert not other
            assert send(Outbox(store, procedure()), {}).busy


def test_no_transaction_is_open_while_a_receiver_answers(store: Store) -> None:
    clocked(store)
    with hook(delay=0.6) as slow:
        tell(store, "C-1", webhook=slow.url)
        change(store, "C-1", Tier.GOOD)
        thread = threading.Thread(target=send, args=(Outbox(store, procedure()), {}))
        thread.start()
        written = 0
        while thread.is_alive():
            with store.writing("ann") as writing:
                writing.record("counted", None, {})
            written += 1
        thread.join()
        assert written > 5
        assert len(slow.posted) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"sender": "nobody"}, {"time_zone": "Nowhere"}, {"offers": {}}, {"attempts": 0},
     {"company": {"zh_hant": "x", "zh_hans": "x", "en": "x\ny"}}, {"link_base": "example.org"},
     {"departments": {"two words": None}}],
)  # fmt: skip
def test_rules_that_cannot_be_followed_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        NoticeRules(**wrong)


def test_what_was_tampered_with_is_given_up_and_keeps_nobody_else_waiting(store: Store) -> None:
    clock = clocked(store)
    outbox = Outbox(store, procedure())
    told = {}
    for customer_id in ("C-1", "C-2"):
        tell(store, customer_id, email="x@example.org")
        told[customer_id] = change(store, customer_id, Tier.GOOD)
        outbox.queue("notices")
        clock.move(minutes=1)
    with store.database.writing() as connection:
        connection.execute(update(notices).where(notices.c.change == told["C-1"]).values(sealed=b"\0" * 99))
    with postbox() as box:
        send(outbox, box.settings())
        assert len(box.taken) == 1
    assert kept(store) == {
        (told["C-1"], CUSTOMER): ("dead", "unreadable"), (told["C-2"], CUSTOMER): ("sent", None),
    }  # fmt: skip


def test_a_customer_whose_key_was_changed_keeps_nobody_else_waiting(store: Store) -> None:
    clock = clocked(store)
    outbox = Outbox(store, procedure(departments={}))
    for customer_id in ("C-1", "C-2"):
        tell(store, customer_id, email="x@example.org")
    queued = change(store, "C-1", Tier.GOOD)
    outbox.queue("notices")
    clock.move(minutes=1)
    untold, fine = change(store, "C-1", Tier.GENERAL), change(store, "C-2", Tier.GOOD)
    bad, key = pseudonym(store, "C-1"), b"\0" * 60
    with store.database.writing() as connection:
        connection.execute(update(customers).where(customers.c.id == bad).values(data_key=key))
    with postbox() as box:
        done = send(outbox, box.settings())
    assert (done.sent, done.dead, done.skipped) == (1, 1, 0)
    assert kept(store) == {
        (queued, CUSTOMER): ("dead", "unreadable"), (untold, CUSTOMER): ("undeliverable", "unreadable"),
        (fine, CUSTOMER): ("sent", None),
    }  # fmt: skip


def test_a_keyring_that_was_renewed_meanwhile_gives_up_nobodys_notice(store: Store) -> None:
    clock = clocked(store)
    outbox = Outbox(store, procedure(departments={}))
    tell(store, "C-1", email="x@example.org")
    change(store, "C-1", Tier.GOOD)
    outbox.queue("notices")
    clock.move(minutes=1)
    change(store, "C-1", Tier.GENERAL)
    customer = pseudonym(store, "C-1")
    with store.database.writing() as connection:
        of_customer = update(customers).where(customers.c.id == customer)
        connection.execute(of_customer.values(master_version=2))
    with postbox() as box:
        done = send(outbox, box.settings())
        assert (done.dead, done.waiting, done.skipped) == (0, 1, 1)
        with store.database.writing() as connection:
            connection.execute(of_customer.values(master_version=1))
        assert send(outbox, box.settings()).sent == 2


class Failing:
    """A channel that fails in a way that nobody foresaw."""

    def server_of(self, content: Content) -> str:
        return content.address

    def deliver(self, notice: str, customer: str, content: Content, at: datetime) -> None:
        raise UnicodeError("SECRET")

    def close(self) -> None:
        pass


def test_what_nobody_foresaw_stops_no_round_and_is_not_tried_for_ever(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    clock = clocked(store)
    outbox = Outbox(store, procedure(departments={}, attempts=2))
    with hook() as fine:
        tell(store, "C-1", email="x@example.org")
        tell(store, "C-2", webhook=fine.url)
        failed, sent = change(store, "C-1", Tier.GOOD), change(store, "C-2", Tier.GOOD)
        for _ in range(2):
            send_due(outbox, {**transports_of(outbox, {}), Channel.EMAIL: Failing()}, "notices")
            clock.move(minutes=1)
    assert kept(store) == {(failed, CUSTOMER): ("dead", "interrupted"), (sent, CUSTOMER): ("sent", None)}
    assert "UnicodeError" in caplog.text and "SECRET" not in caplog.text


def test_a_change_whose_reason_cannot_be_told_is_skipped_and_tried_again(store: Store) -> None:
    clocked(store)
    outbox = Outbox(store, procedure(departments={}))
    told = {}
    for customer_id in ("C-1", "C-2"):
        tell(store, customer_id, email="x@example.org")
        told[customer_id] = change(store, customer_id, Tier.GOOD)
    of_customer = update(standings).where(standings.c.customer == pseudonym(store, "C-1"))
    with store.database.writing() as connection:
        connection.execute(of_customer.values(layer="unheard of"))
    with postbox() as box:
        done = send(outbox, box.settings())
        assert (done.sent, done.skipped) == (1, 1)
        assert set(kept(store)) == {(told["C-2"], CUSTOMER)}
        with store.database.writing() as connection:
            connection.execute(of_customer.values(layer="approved"))
        done = send(outbox, box.settings())
        assert (done.sent, done.skipped) == (1, 0)
    assert kept(store) == {(id_, CUSTOMER): ("sent", None) for id_ in told.values()}
