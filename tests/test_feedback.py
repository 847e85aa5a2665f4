"""Answers to notices: only the bearer of a link is heard, and an objection is a case for persons."""

import asyncio
import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx
import pytest
import yaml
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from features.terms import Language, Text, Tier
from serving.access.api_keys import create_key
from serving.access.roles import Role
from serving.app import build_app, guarded
from serving.notices.feedback import Outcome, objections_in, outcomes
from serving.notices.feedback_page import About, form
from serving.notices.feedback_routes import FEEDBACK_PATH, MAX_ANSWER, FeedbackDesk, cleaned
from serving.notices.links import notice_of_link, sign_link
from serving.notices.outbox import Outbox
from serving.notices.rendering import CUSTOMER
from serving.notices.wording import TIERS
from serving.operating import load_operations
from serving.procedure import Procedure
from serving.reviews.adoptions import procedure_content
from serving.reviews.cases import CaseReason, CaseState, NotAllowed, Override, load_case, open_case_of
from serving.reviews.office import Office
from serving.store.case_tables import cases
from serving.store.customers import erase_customer
from serving.store.notice_tables import feedback, notices
from serving.store.store import Store
from serving.store.tables import audit_entries
from serving.supervision.feedback_source import feedback_of
from serving.supervision.period import Period
from serving.supervision.satisfaction import Objection, satisfaction
from tests.notified import (
    SENDER,
    Clock,
    change,
    clocked,
    kept,
    procedure,
    pseudonym,
    send,
    tell,
)
from tests.receivers import Postbox, postbox
from tests.reviewed import acting, copy_of, newest, served_alone, store, template
from tests.test_notices import contents, text_of

__all__ = ["store", "template"]

OBJECTION = "The statement of June is missing: 漏了六月的報表."


class Site:
    """The routes behind links, as the service has them, on a store of the test's own."""

    def __init__(self, store: Store) -> None:
        self.store, self.office = store, Office(store, procedure())
        self.thread = ThreadPoolExecutor(1)
        desk = FeedbackDesk(self.office)

        async def in_thread(work: Any) -> Any:
            return await asyncio.get_running_loop().run_in_executor(self.thread, work)

        async def endpoint(request: Request) -> Response:
            return await desk.hear(request, in_thread)

        routed = guarded(FEEDBACK_PATH, endpoint)
        self.app = Starlette(routes=[Route(FEEDBACK_PATH, routed, methods=["GET", "POST"])])

    def ask(self, path: str, **body: Any) -> httpx.Response:
        """GET a path, or POST to it where a body is given."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="https://tierwise.example.com"
            ) as client:
                return await (client.post(path, **body) if body else client.get(path))

        return asyncio.run(asked())


@pytest.fixture
def site(store: Store) -> Iterator[Site]:
    clocked(store)
    made = Site(store)
    yield made
    made.thread.shutdown()


def notified(store: Store, customer_id: str = "C-1", tier: Tier = Tier.RISK, **told: str) -> str:
    """Have a customer told of a tier; return the path of the link in the notice."""
    tell(store, customer_id, **{"language": "en", "email": "x@example.org", **told})
    change(store, customer_id, tier)
    Outbox(store, procedure()).queue("notices")
    text = text_of(contents(store)[pseudonym(store, customer_id)])
    link = re.search(r"https://\S+", text)
    assert link
    return urlsplit(link[0]).path


def reference(store: Store) -> str:
    """Return the first characters of the id of the only case."""
    with store.reading() as connection:
        (id_,) = connection.execute(select(cases.c.id)).scalars()
    return str(id_)[:8]


def answers(store: Store) -> list[tuple[int | None, bool]]:
    """Return every answer: the satisfaction, and whether it is an objection."""
    with store.reading() as connection:
        rows = connection.execute(select(feedback).order_by(feedback.c.number)).all()
    return [(row.satisfaction, row.objection is not None) for row in rows]


def test_the_link_opens_a_form_in_the_customers_language_and_in_the_others(site: Site) -> None:
    path = notified(site.store, language="zh_hans", name="某某公司")
    page = site.ask(path)
    assert page.status_code == 200
    assert 'lang="zh-Hans"' in page.text and "满意" in page.text
    assert "某某公司" not in page.text and "C-1" not in page.text
    assert "How satisfied are you" in site.ask(f"{path}?language=en").text
    assert "滿意程度" in site.ask(f"{path}?language=zh-Hant").text
    headers = page.headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert not re.search(r"(src|href)=\"?(https?:)?//", page.text)


def test_satisfaction_is_kept_once_and_the_newest_counts(site: Site) -> None:
    path = notified(site.store)
    for value in ("4", "4", "2"):
        sent = site.ask(path, data={"satisfaction": value, "objection": ""})
        assert sent.status_code == 200 and "Thank you" in sent.text
    assert answers(site.store) == [(4, False), (2, False)]
    with site.store.reading() as connection:
        assert connection.execute(select(cases)).all() == []


def test_an_objection_opens_one_case_with_a_day_and_only_its_words_may_come_again(site: Site) -> None:
    path = notified(site.store)
    for _ in range(2):
        assert site.ask(path, data={"objection": OBJECTION, "satisfaction": "1"}).status_code == 200
    other = site.ask(path, data={"objection": "something else", "satisfaction": "5"})
    assert other.status_code == 409 and "being handled" in other.text
    assert answers(site.store) == [(1, False), (None, True)]
    store = site.store
    with store.reading() as connection:
        (row,) = connection.execute(select(cases)).all()
        (kept_,) = objections_in(connection, store.keyring, row.id)
        sealed = connection.execute(
            select(feedback.c.objection).where(feedback.c.objection.is_not(None))
        ).scalar_one()
        trail = connection.execute(select(audit_entries)).all()
    assert (row.reason, row.state) == ("objection", "collecting")
    assert row.due_at == store.clock() + timedelta(days=procedure().notices.objection_days)
    assert (kept_.text, kept_.outcome) == (OBJECTION, Outcome.OPEN)
    assert b"June" not in sealed and "June" not in repr(trail)
    assert [entry.action for entry in trail].count("feedback.received") == 2
    assert hashlib.sha256(sealed).hexdigest() in repr(trail)


def test_an_objection_joins_the_case_that_is_open_and_brings_its_day_forward(site: Site) -> None:
    store = site.store
    path = notified(store)
    customer = pseudonym(store, "C-1")
    with store.writing("ann") as writing:
        case = site.office.open(writing, acting("ann"), customer, CaseReason.EVENT, None)
    assert site.ask(path, data={"objection": OBJECTION}).status_code == 200
    with store.reading() as connection:
        joined = open_case_of(connection, customer)
        assert joined is not None and joined.id == case.id
        assert len(connection.execute(select(cases)).all()) == 1
        assert [of.text for of in objections_in(connection, store.keyring, case.id)] == [OBJECTION]
    assert joined.due_at == store.clock() + timedelta(days=procedure().notices.objection_days)
    assert case.due_at is not None and joined.due_at < case.due_at


@pytest.mark.parametrize(
    ("tier", "way", "outcome"),
    [(Tier.GOOD, "approve", Outcome.UPHELD), (Tier.RISK, "approve", Outcome.NOT_UPHELD),
     (Tier.GOOD, "reject", Outcome.NOT_UPHELD), (Tier.GOOD, "erase", Outcome.WITHDRAWN)],
)  # fmt: skip
def test_what_came_of_an_objection_is_known_when_its_case_is_closed(
    site: Site, tier: Tier, way: str, outcome: Outcome
) -> None:
    store, office = site.store, site.office
    path = notified(store)
    site.ask(path, data={"objection": OBJECTION})
    customer = pseudonym(store, "C-1")
    with store.reading() as connection:
        assert outcomes(connection) == {of: int(of is Outcome.OPEN) for of in Outcome}
        opened = open_case_of(connection, customer)
    assert opened is not None
    with store.writing("ann") as writing:
        case = office.propose(
            writing, acting("ann"), opened.id, tier, "x", decision=newest(store)[customer][0],
            override=Override("strategic", writing.at + timedelta(days=9)),
        )  # fmt: skip
    for name in ("bob", "carl")[: case.needed if way == "approve" else 1]:
        with store.writing(name) as writing:
            if way == "approve":
                office.approve(writing, acting(name), case.id, case.version)
            elif way == "reject":
                office.reject(writing, acting(name), case.id, case.version, "no")
            else:
                erase_customer(writing, customer)
    today = store.clock().date()
    with store.reading() as connection:
        assert outcomes(connection)[outcome] == 1
        upheld = satisfaction(feedback_of(connection, Period(today, today)))["satisfaction.upheld"].whole
        known = outcome in (Outcome.UPHELD, Outcome.NOT_UPHELD)
        assert (upheld.value, upheld.cases) == (float(outcome is Outcome.UPHELD) if known else None, known)
        assert [of.outcome for of in objections_in(connection, store.keyring, case.id)] == [outcome]


def test_an_answer_counts_when_it_is_given_and_a_notice_when_it_is_sent(site: Site) -> None:
    store = site.store
    path, silent = notified(store), notified(store, "C-2")
    first = store.clock().date()
    with store.writing("notices") as writing:
        sent = {"state": "sent", "sent_at": writing.at}
        writing.connection.execute(update(notices).where(notices.c.recipient == CUSTOMER).values(**sent))
        writing.record("notices.made_up", None, {})
    assert silent != path
    site.ask(path, data={"satisfaction": "2"})
    clock = store.clock
    assert isinstance(clock, Clock)
    clock.move(days=1)
    for value in ("1", "5"):
        site.ask(path, data={"satisfaction": value})
    site.ask(silent, data={"satisfaction": "4", "objection": OBJECTION})
    with store.reading() as connection:
        found = [feedback_of(connection, Period(day, day)) for day in (first, store.clock().date())]
        whole = feedback_of(connection, Period(first, store.clock().date()))
    assert [(of.notices, of.answered, sorted(of.answers)) for of in (*found, whole)] == [
        (2, 1, [2]), (0, 0, [4, 5]), (2, 2, [4, 5]),
    ]  # fmt: skip
    # Nothing was sent on the second day, and yet there is an objection.
    assert found[1].objections == [Objection(None)] and found[0].objections == []


@pytest.mark.parametrize(
    ("now", "decided", "outcome"),
    [(Tier.GENERAL, Tier.GENERAL, Outcome.NOT_UPHELD), (Tier.GENERAL, Tier.GOOD, Outcome.UPHELD),
     (Tier.PREMIUM, Tier.GOOD, Outcome.NOT_UPHELD)],
)  # fmt: skip
def test_an_objection_is_upheld_by_what_counted_when_it_came(
    site: Site, now: Tier, decided: Tier, outcome: Outcome
) -> None:
    store, office = site.store, site.office
    path = notified(store, tier=Tier.RISK)
    clock = store.clock
    assert isinstance(clock, Clock)
    sent = clock()
    with postbox() as box:
        send(Outbox(store, procedure()), box.settings())
    clock.move(days=1)
    change(store, "C-1", now)
    clock.move(days=1)
    site.ask(path, data={"objection": OBJECTION})
    customer = pseudonym(store, "C-1")
    with store.reading() as connection:
        opened = open_case_of(connection, customer)
    assert opened is not None
    with store.writing("ann") as writing:
        case = office.propose(
            writing, acting("ann"), opened.id, decided, "x", decision=newest(store)[customer][0],
            override=Override("strategic", writing.at + timedelta(days=9)),
        )  # fmt: skip
    for name in ("bob", "carl")[: case.needed]:
        with store.writing(name) as writing:
            office.approve(writing, acting(name), case.id, case.version)
    with store.reading() as connection:
        assert outcomes(connection)[outcome] == 1
        assert [of.outcome for of in objections_in(connection, store.keyring, case.id)] == [outcome]
        said = feedback_of(connection, Period(sent.date(), clock().date()))
    assert said is not None
    assert [of.upheld for of in said.objections] == [outcome is Outcome.UPHELD]


@pytest.mark.parametrize("first", ["case", "objection"])
def test_nobody_disposes_of_an_objection_alone(site: Site, first: str) -> None:
    store, office = site.store, site.office
    path = notified(store)
    customer = pseudonym(store, "C-1")
    if first == "case":
        with store.writing("ann") as writing:
            office.open(writing, acting("ann"), customer, CaseReason.REQUEST, None)
    assert site.ask(path, data={"objection": OBJECTION}).status_code == 200
    with store.reading() as connection:
        case = open_case_of(connection, customer)
    assert case is not None
    with store.writing("ann") as writing:
        case = office.propose(
            writing, acting("ann"), case.id, Tier.GOOD, "x", decision=newest(store)[customer][0],
            override=Override("strategic", writing.at + timedelta(days=9)),
        )  # fmt: skip
    with pytest.raises(NotAllowed, match="objection"), store.writing("ann") as writing:
        office.withdraw(writing, acting("ann"), case.id)
    with pytest.raises(NotAllowed), store.writing("ann") as writing:
        office.reject(writing, acting("ann"), case.id, case.version, "no")
    with store.writing("bob") as writing:
        assert office.reject(writing, acting("bob"), case.id, case.version, "no").state is CaseState.REJECTED


def test_forged_expired_and_erased_are_answered_alike(site: Site) -> None:
    store = site.store
    path = notified(store)
    token = path.rpartition("/")[2]
    head, claims, mac = token.split(".")
    notice = notice_of_link(store.keyring, token, store.clock())
    assert notice is not None
    unknown = sign_link(store.keyring, "0" * 32, store.clock() + timedelta(days=1))
    (department,) = {id_ for id_ in ids(store) if id_ != notice}
    forged = ["x", "", f"{head}.{claims}.", f"{head}.{claims}.{mac[::-1]}", f"{head}.{claims}", token[:-9],
              "é" * 9, "%00",
              "eyJhbGciOiJub25lIn0." + claims + ".", unknown, "x" * 5000,
              sign_link(store.keyring, department, store.clock() + timedelta(days=1))]  # fmt: skip
    found = [(site.ask(f"/v1/feedback/{one}"), one) for one in forged if one]
    clock = store.clock
    assert isinstance(clock, Clock)
    clock.move(days=procedure().notices.link_days)
    found.append((site.ask(path), "expired"))
    assert site.ask(path, data={"satisfaction": "1"}).status_code == 404
    clock.move(days=-1)
    assert site.ask(path).status_code == 200
    with store.writing("dpo") as writing:
        erase_customer(writing, pseudonym(store, "C-1"))
    found.append((site.ask(path), "erased"))
    found.append((site.ask(path, data={"objection": "x"}), "erased"))
    assert {(of.status_code, of.text) for of, _ in found} == {(404, found[0][0].text)}
    assert {tuple(sorted(of.headers.items())) for of, _ in found} == {
        tuple(sorted(found[0][0].headers.items()))
    }
    assert answers(store) == []
    refused = site.ask(path, json={"satisfaction": 1})
    assert refused.status_code == 404 and refused.json()["error"]["field"] == "path"


def ids(store: Store) -> set[str]:
    assert kept(store)
    with store.reading() as connection:
        return set(connection.execute(select(notices.c.id)).scalars())


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
NO_ANSWERS: list[tuple[dict[str, Any], int]] = [
    ({"content": b"", "headers": FORM}, 422), ({"content": b"objection=%ff", "headers": FORM}, 422),
    ({"content": b"a=1&" * 9, "headers": FORM}, 422), ({"content": b"x", "headers": {}}, 415),
    ({"data": {"satisfaction": "6"}}, 422), ({"data": {"satisfaction": "x"}}, 422),
    ({"data": {"objection": "SECRET" * 700}}, 422), ({"data": {"objection": " \r\n "}}, 422),
    ({"data": {"objection": "SECRET" * MAX_ANSWER}}, 413), ({"json": {"satisfaction": "1"}}, 422),
    ({"json": {"satisfaction": True}}, 422), ({"json": []}, 422), ({"json": {"satisfaction": 9}}, 422),
    ({"content": rb'{"objection": "\u0000\ud800"}', "headers": JSON}, 422),
    ({"content": rb'{"\ud800": 1}', "headers": JSON}, 422),
    ({"json": {"objection": 7}}, 422), ({"json": {"more": 1}}, 422),
]  # fmt: skip


def test_what_is_no_answer_is_refused_without_its_values(site: Site) -> None:
    path = notified(site.store)
    for body, status in NO_ANSWERS:
        answer = site.ask(path, **body)
        assert answer.status_code == status, body
        assert "SECRET" not in answer.text
    assert answers(site.store) == []


def test_an_answer_may_be_json(site: Site) -> None:
    path = notified(site.store)
    answer = site.ask(path, json={"satisfaction": 5, "objection": OBJECTION})
    assert answer.status_code == 200
    assert answer.json() == {
        "received": True, "reference": reference(site.store), "decided_by": "2027-03-11"
    }  # fmt: skip
    assert site.ask(path, json={"satisfaction": 4}).json() == {"received": True}
    assert site.ask(path, json={"objection": "other"}).status_code == 409
    assert answers(site.store) == [(5, False), (None, True), (4, False)]


def test_whoever_answers_without_end_is_not_heard_without_end(site: Site) -> None:
    path = notified(site.store)
    found = {site.ask(path, json={"satisfaction": 1 + turn % 2}).status_code for turn in range(25)}
    assert found == {200, 409}
    assert len(answers(site.store)) == 20
    refused = site.ask(path, data={"satisfaction": "1"})
    assert refused.status_code == 409 and "many times" in refused.text
    assert "being handled" not in refused.text
    # An objection is heard all the same, once.
    for _ in range(2):
        assert site.ask(path, data={"satisfaction": "2", "objection": OBJECTION}).status_code == 200
    assert answers(site.store)[20:] == [(None, True)]
    assert site.ask(path, json={"satisfaction": 1}).json()["error"]["field"] == "satisfaction"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\r\nb\tc", "a\nb\tc"), ("a\x1b[31mb\x00", "a [31mb"), ("a\u202eb", "a b"), ("  x  ", "x"),
     ("漏了\u3000六月", "漏了\u3000六月")],
)  # fmt: skip
def test_an_objection_is_kept_as_it_can_be_shown(text: str, shown: str) -> None:
    assert cleaned(text) == shown


def test_the_service_tells_hears_and_shows_the_objection_to_who_decides(
    template: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = copy_of(template, "sqlite", tmp_path / "store")
    with store.writing("admin") as writing:
        key = create_key(writing, "ann", [Role.ANALYST], 5)
    tell(store, "C-3", language="en", email="x@example.org")
    change(store, "C-3", Tier.GENERAL)
    rules = {"sender": SENDER, "link_base": "https://tierwise.example.com"}
    (tmp_path / "procedure.yaml").write_text(yaml.safe_dump({"notices": rules}))
    environment = {
        "TIERWISE_OPERATE": "1", "TIERWISE_KEYS": str(tmp_path / "store"), "TIERWISE_NOTIFY": "1",
        "TIERWISE_PROCEDURE": str(tmp_path / "procedure.yaml"),
    }  # fmt: skip

    async def used(box: Postbox) -> str:
        app = build_app(served_alone, lambda served: load_operations(served, environment))
        transport = httpx.ASGITransport(app)
        bearing = {"Authorization": f"Bearer {key}"}
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="https://tierwise.example.com") as client,
        ):
            contacts = "/v1/customers/C-3/particulars"
            told = await client.post(contacts, json={"name": "Ann Lee", "webhook": None}, headers=bearing)
            assert told.json() == {"customer_id": "C-3", "set": ["name", "webhook"]}
            for wrong in ({}, {"email": "SECRET"}, {"phone": "1"}, {"name": 7}):
                refused = await client.post(contacts, json=wrong, headers=bearing)
                assert refused.status_code == 422 and "SECRET" not in refused.text
            nobody = await client.post("/v1/customers/C-99/particulars", json={"name": "x"}, headers=bearing)
            assert nobody.status_code == 404
            for _ in range(200):
                if box.taken:
                    break
                await asyncio.sleep(0.1)
            (message,) = box.messages()
            link = re.search(r"https://\S+", message.get_content())
            assert link
            path = urlsplit(link[0]).path
            # Nobody asks the bearer of a link who they are.
            assert (await client.get(path)).status_code == 200
            assert (await client.post(path, data={"objection": OBJECTION})).status_code == 200
            (case,) = (await client.get("/v1/cases", headers=bearing)).json()["cases"]
            assert case["reason"] == "objection"
            shown = (await client.get(f"/v1/cases/{case['case']}", headers=bearing)).json()
            assert [(of["text"], of["outcome"]) for of in shown["objections"]] == [(OBJECTION, "open")]
            assert path not in caplog.text and "example.org" not in caplog.text
        return str(case["case"])

    with postbox() as box:
        for name, value in box.settings().items():
            monkeypatch.setenv(name, value)
        case = asyncio.run(used(box))
    with store.reading() as connection:
        assert load_case(connection, case).reason is CaseReason.OBJECTION
    assert set(kept(store).values()) == {("sent", None)}
    store.close()


COMPANY = Text.of("測試公司", "测试公司", "Test Company")
CHINESE = re.compile(r"[\u3400-\u9fff]")
# Names of languages stand in their own language; ids and days read the same in all.
ELSEWHERE = re.compile(r"<nav>.*?</nav>|<style>.*?</style>|<[^>]*>|UTC|[0-9a-f]{8}", re.DOTALL)


def named(site: Site, company: Text | None) -> Site:
    """Have the page name a company."""
    site.office.procedure = procedure() if company is None else procedure(company=company)
    return site


@pytest.mark.parametrize("language", list(Language))
def test_each_page_speaks_one_language_and_says_what_it_is_about(site: Site, language: Language) -> None:
    store = named(site, COMPANY).store
    other = notified(store, "C-2", Tier.PREMIUM, name="Somebody Else Ltd")
    path = notified(store, name="Ann Lee")
    notices_of = {
        customer: notice_of_link(store.keyring, link.rpartition("/")[2], store.clock()) or ""
        for customer, link in (("C-1", path), ("C-2", other))
    }
    asked = f"{path}?language={language}"
    form = site.ask(asked).text
    wrong = site.ask(asked, data={"satisfaction": "9"}).text
    thanks = site.ask(asked, data={"objection": OBJECTION}).text
    before = site.ask(asked, data={"objection": "other words"}).text
    pages = {"form": form, "wrong": wrong, "thanks": thanks, "before": before, "again": site.ask(asked).text}
    for name, page in pages.items():
        document = well_formed(page)
        assert document.get("lang") == language, name
        assert COMPANY.in_language(language) in page and "2027-03-01" in page, name
        assert notices_of["C-1"][:8] in page and notices_of["C-2"][:8] not in page, name
        said = ELSEWHERE.sub(" ", page)
        strangers = re.search("[A-Za-z]", said) if language is not Language.EN else CHINESE.search(said)
        assert strangers is None, (name, strangers)
        assert not any(word in page for word in ("C-1", "C-2", "Ann Lee", "Somebody", OBJECTION)), name
        assert not any(tier.in_language(language) in said for tier in map(TIERS.get, Tier) if tier), name
    # Thirty days for the answer, ten for the decision, in the days of the procedure's zone.
    until = "<time>2027-03-31</time> 12:00 (UTC+08:00)"
    assert all(until in pages[name] for name in ("form", "wrong", "again"))
    assert all("2027-03-11" in page for page in pages.values())
    told = {name for name, page in pages.items() if reference(store) in page}
    assert told == {"thanks", "before", "again"}


def well_formed(page: str) -> ElementTree.Element:
    """Return the page's root; every element is closed, and every id that is referred to is there."""
    text = page.removeprefix("<!doctype html>")
    closed = re.sub(r"<(meta|input)([^>]*?)/?>", r"<\1\2/>", text)
    root = ElementTree.fromstring(closed)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    referred = {element.get("for") or element.get("aria-describedby") for element in root.iter()} - {None}
    assert referred <= set(ids)
    return root


def test_without_a_company_the_page_names_none(site: Site) -> None:
    store = named(site, None).store
    path = notified(store)
    adopted = Procedure.model_validate_json(procedure_content(site.office.procedure))
    assert adopted.notices.company_name is None
    page = site.ask(path).text
    assert "Customer management" not in page and 'class="company"' not in page


def test_a_decided_objection_keeps_its_reference_and_promises_no_day(site: Site) -> None:
    store, path = site.store, notified(site.store)
    site.ask(path, data={"objection": OBJECTION})
    clock = store.clock
    assert isinstance(clock, Clock)
    clock.move(days=11)
    again = site.ask(path, data={"objection": OBJECTION})
    assert again.status_code == 200 and reference(store) in again.text
    assert "2027-03-11" not in again.text


def test_every_language_has_the_same_form() -> None:
    about = About(COMPANY, "2027-03-01", "0" * 8, "2027-03-01", None, "2027-03-11")
    counts = {tuple(re.findall(r"<(\w+)", form(language, about))) for language in Language}
    assert len(counts) == 1
