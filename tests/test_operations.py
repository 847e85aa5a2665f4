"""The routes of a service with a store: who may call them, and the way from an event to an approved tier."""

import json
import re
import shlex
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import OKPKey

from features.terms import Tier
from models.decision import Scorer
from models.policy import load_policy
from serving.access.api_keys import create_key
from serving.access.matrix import ACCESS, Access
from serving.access.roles import Actor, Role
from serving.example import example_customer
from serving.governing import governing_procedure
from serving.notices.requests import FeedbackRequest
from serving.operations import ROUTES
from serving.procedure import Procedure
from serving.request_fields import read_request
from serving.reviews.cases import Case, CaseState
from serving.reviews.office import Office
from serving.reviews.standings import Layer, put_in_force
from serving.reviews.subjects import GovernanceDesk
from serving.served import Served
from serving.store.customers import customer_of
from serving.store.store import Store, open_store
from serving.supervision.words import KPIS
from tests.outlined import check_answer
from tests.promoted import approve
from tests.reviewed import DAYS, acting, served_alone, store, template
from tests.service_process import Service, running_service
from tests.test_access import AUDIENCE, ISSUER, PRIVATE, public_keys, token

__all__ = ["store", "template"]

Keys = dict[str, str]
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
_BEARER = "Authorization: Bearer "
IN_FORCE = {"C-5": Tier.PREMIUM, "C-6": Tier.RISK}
OLD_EVENT = {
    "event_id": "x", "type": "payment_default", "customer_id": "C-1", "occurred_on": "1899-12-31"
}  # fmt: skip
ORDER = {"amount": "20000.00", "currency": "CNY", "form": "prepayment", "outstanding": "80000"}


@pytest.fixture(scope="module")
def folder(template: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the embedded store for the module's service."""
    import shutil

    copied = tmp_path_factory.mktemp("operated") / "store"
    shutil.copytree(template["folder"] / "sqlite", copied)
    opened = open_store(None, copied)
    with opened.writing("ann") as writing:
        for customer_id, tier in IN_FORCE.items():
            known = customer_of(writing.connection, opened.keyring, customer_id)
            put_in_force(writing, known.id, Layer.APPROVED, tier)
    opened.close()
    (copied / "jwks.json").write_text(json.dumps(public_keys(PRIVATE)))
    return copied


@pytest.fixture(scope="module")
def keys(folder: Path) -> Keys:
    """Return an API key for a person of each role, by role."""
    opened = open_store(None, folder)
    with opened.writing("admin") as writing:
        made = {str(role): create_key(writing, f"{role}-person", [role], 5) for role in Role}
        made["second"] = create_key(writing, "second-approver", [Role.APPROVER], 5)
        made["both"] = create_key(writing, "analyst-person", [Role.APPROVER], 5)
    opened.close()
    return made


@pytest.fixture(scope="module")
def service(folder: Path, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    environment = {
        "TIERWISE_OPERATE": "1",
        "TIERWISE_KEYS": str(folder),
        "TIERWISE_JWKS": str(folder / "jwks.json"),
        "TIERWISE_JWT_ISSUER": ISSUER,
        "TIERWISE_JWT_AUDIENCE": AUDIENCE,
    }
    with running_service(tmp_path_factory.mktemp("service"), environment) as running:
        yield running


def call(
    service: Service, credential: str | None, method: str, path: str, body: object = None
) -> httpx.Response:
    headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
    with service.client() as client:
        if method == "GET":
            answer = client.get(path, headers=headers)
        else:
            answer = client.post(path, headers=headers, json={} if body is None else body)
    if answer.status_code == 200:
        check_answer(method, path, json.loads(answer.text) if path.startswith("/v1/") else None)
    return answer


def filled(access: Access) -> str:
    path = access.path.replace("{customer_id}", "C-1")
    return re.sub(r"\{\w+\}", "0" * 32, path)


def test_every_route_of_the_store_is_in_the_matrix_and_the_other_way_round() -> None:
    assert set(ROUTES) <= {(access.method, access.path) for access in ACCESS}
    assert len({(access.method, access.path) for access in ACCESS}) == len(ACCESS)


@pytest.mark.parametrize("access", ACCESS, ids=lambda access: f"{access.method} {access.path}")
def test_every_route_answers_its_roles_and_refuses_the_others_and_nobody(
    service: Service, keys: Keys, access: Access
) -> None:
    path = filled(access)
    for role in Role:
        status = call(service, keys[role], access.method, path).status_code
        if access.roles is None or role in access.roles:
            assert status not in (401, 403), (role, status)
        else:
            assert status == 403, (role, status)
    for nobody in (None, "tw_0123456789abcdef_" + "x" * 43, "nonsense"):
        answer = call(service, nobody, access.method, path)
        assert (answer.status_code == 401) == (access.roles is not None), nobody
        if answer.status_code == 401:
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_health_is_asked_by_anybody(service: Service) -> None:
    for path in ("/livez", "/readyz"):
        assert call(service, None, "GET", path).status_code == 200


def test_a_token_of_the_provider_is_let_in_and_one_that_is_over_is_not(service: Service) -> None:
    assert call(service, token(roles=["analyst"]), "GET", "/v1/cases").status_code == 200
    assert call(service, token(roles=["nothing"]), "GET", "/v1/cases").status_code == 403
    assert call(service, token(exp=1), "GET", "/v1/cases").status_code == 401
    other = OKPKey.generate_key("Ed25519", parameters={"kid": "one"})
    assert call(service, token(other), "GET", "/v1/cases").status_code == 401


def test_an_event_becomes_a_tier_in_force_by_two_other_persons(
    service: Service, keys: Keys, folder: Path
) -> None:
    event = {
        "event_id": "erp-77", "type": "payment_default", "customer_id": "C-3",
        "occurred_on": str(DAYS[-1]), "indicators": {"overdue_days_max_12m": 75}, "remark": "not paid",
    }  # fmt: skip
    taken = call(service, keys["service"], "POST", "/v1/events", event)
    assert taken.status_code == 200, taken.text
    first = taken.json()
    assert (first["tier"], first["repeated"]) == ("risk", False)
    again = call(service, keys["service"], "POST", "/v1/events", event).json()
    assert again == {**first, "repeated": True}
    other = {**event, "type": "large_order"}
    assert call(service, keys["service"], "POST", "/v1/events", other).status_code == 409

    tier = call(service, keys["service"], "GET", "/v1/customers/C-3/tier").json()
    assert (tier["tier"], tier["tier_kind"]) == ("risk", "in_force")
    assert tier["layers"][0]["reason"] == "payment_default"

    case = call(service, keys["analyst"], "GET", f"/v1/cases/{first['case']}").json()
    assert case["state"] == "collecting"
    (told,) = case["events"]
    assert (told["type"], told["occurred_on"], told["reported_by"], told["remark"]) == (
        "payment_default", str(DAYS[-1]), "service-person", "not paid"
    )  # fmt: skip
    assert told["names"]["en"] == "Default on payment"
    assert (case["hold"]["tier"], case["opened_by"]) == ("risk", "service-person")
    assert case["newest_decision"] == first["decision"]
    changed = sum(line["change"] for line in case["changed"])
    decision = call(service, keys["analyst"], "GET", f"/v1/decisions/{first['decision']}").json()
    assert decision["reproduced"] is True
    answer = decision["justification"]["answer"]
    assert abs(changed - answer["score"]) < 1e-9

    asked = call(
        service, keys["analyst"], "POST", f"/v1/cases/{case['case']}/requests",
        {"department": "finance", "question": "is it paid by now?"},
    )  # fmt: skip
    answered = call(
        service, keys["analyst"], "POST", f"/v1/requests/{asked.json()['request']}/answer",
        {"text": "no", "complete": True},
    )  # fmt: skip
    assert answered.status_code == 200

    proposal = {"tier": answer["tier"], "because": "the facts", "decision": first["decision"]}
    where = f"/v1/cases/{case['case']}"
    proposed = call(service, keys["analyst"], "POST", f"{where}/propose", proposal)
    assert proposed.status_code == 200, proposed.text
    version = {"version": proposed.json()["version"]}
    read = call(service, keys["approver"], "GET", where).json()
    assert (case["proposed_because"], read["proposed_because"]) == (None, "the facts")
    # The analyst's own second key, with the role of an approver.
    assert call(service, keys["both"], "POST", f"{where}/approve", version).status_code == 403
    delegated = token(sub="second-approver", act={"sub": "analyst-person"}, roles=["approver"])
    assert call(service, delegated, "POST", f"{where}/approve", version).status_code == 403
    stale = {"version": version["version"] + 1}
    assert call(service, keys["second"], "POST", f"{where}/approve", stale).status_code == 409
    for approver in ("second", "approver"):
        approved = call(service, keys[approver], "POST", f"{where}/approve", version)
        if approved.json().get("state") == "effective":
            break
    assert approved.json()["state"] == "effective"
    assert call(service, keys["second"], "POST", f"{where}/approve", version).status_code == 409
    tier = call(service, keys["supervisor"], "GET", "/v1/customers/C-3/tier").json()
    assert tier["tier"] == answer["tier"]
    assert "second-approver" in tier["approved_by"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/events", {"event_id": "x"}, 422),
        ("POST", "/v1/events", [], 422),
        ("POST", "/v1/events", OLD_EVENT, 422),
        ("GET", "/v1/customers/C-999/tier", None, 404),
        ("GET", "/v1/cases/nothing", None, 404),
        ("GET", "/v1/lists/nothing", None, 404),
        ("POST", "/v1/cases/nothing/withdraw", {}, 404),
        ("GET", "/v1/decisions/nothing", None, 404),
        ("POST", "/v1/cases", {"customer_id": 7}, 422),
        ("POST", "/v1/cases", {"customer_id": "C-1", "more": 1}, 422),
        ("POST", "/v1/cases", {"customer_id": "C-999"}, 404),
        ("GET", "/v1/tasks?owner=sales&late=true", None, 422),
        ("GET", "/v1/tasks?overdue=perhaps", None, 422),
        ("GET", "/v1/tasks/nothing", None, 404),
        ("POST", "/v1/tasks/nothing/done", {"evidence": "done"}, 404),
        ("POST", "/v1/tasks/nothing/done", {"evidence": 7}, 422),
        ("GET", "/v1/lists/priority?on=yesterday", None, 422),
        ("POST", "/v1/customers/C-1/limit-check", {"amount": 1.5}, 422),
        ("POST", "/v1/customers/C-999/limit-check", ORDER, 404),
        ("POST", "/v1/customers/C-1/overdue", {"items": []}, 422),
        ("POST", "/v1/customers/C-1/overdue", {"items": [7]}, 422),
    ],
)
def test_what_cannot_be_done_is_refused_in_the_usual_shape_without_values(
    service: Service, keys: Keys, method: str, path: str, body: object, status: int
) -> None:
    answer = call(service, keys["analyst"], method, path, body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"customer", "field", "reason"}
    assert "C-999" not in answer.text
    assert "C-999" not in service.log()


@pytest.mark.parametrize("bad", [r"\u0000", r"\ud800"])
def test_a_text_that_cannot_be_kept_is_refused_everywhere(service: Service, keys: Keys, bad: str) -> None:
    case = "0" * 32
    event = (
        f'{{"event_id": "{bad}", "type": "payment_default", "customer_id": "C-1",'
        ' "occurred_on": "2026-02-01"}'
    )
    headers = {"Authorization": f"Bearer {keys['analyst']}", "Content-Type": "application/json"}
    with service.client() as client:
        for path, content in (
            ("/v1/events", event), ("/v1/cases", f'{{"customer_id": "{bad}"}}'),
            ("/v1/customers/C-1/particulars", f'{{"email": "{bad}@example.org"}}'),
            ("/v1/customers/C-1/particulars", f'{{"{bad}": null}}'),
            (f"/v1/cases/{case}/requests", f'{{"department": "x", "question": "a{bad}"}}'),
        ):  # fmt: skip
            answer = client.post(path, headers=headers, content=content.encode())
            assert (answer.status_code, answer.json()["error"]["field"]) == (422, "body"), answer.text
        for path in ("/v1/cases/%00", "/v1/customers/%00/tier"):
            answer = client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["field"]) == (422, "path"), answer.text
        assert client.get("/v1/cases?x=%00", headers=headers).status_code == 422


def waited_for(service: Service, credential: str, path: str) -> dict[str, Any]:
    """Return the open tasks once the service has made some of itself, beside its requests."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found: dict[str, Any] = call(service, credential, "GET", path).json()
        if found["tasks"]:
            return found
        time.sleep(0.05)
    raise AssertionError("the service has made no tasks")


def test_the_service_makes_the_tasks_of_tiers_in_force_and_takes_down_who_did_them(
    service: Service, keys: Keys
) -> None:
    waiting = waited_for(service, keys["analyst"], "/v1/tasks?owner=customer_service")
    (task,) = (one for one in waiting["tasks"] if one["customer_id"] == "C-5")
    assert (task["strategy"], task["tier"], task["overdue"]) == ("priority", "premium", False)
    assert task["names"]["en"] == "Priority flag in supply, service and technical support"
    where = f"/v1/tasks/{task['task']}"
    told = {"evidence": "flag set in the system", "kpi": 0.98}
    done = call(service, keys["approver"], "POST", f"{where}/done", told)
    assert done.status_code == 200, done.text
    assert (done.json()["state"], done.json()["closed_by"]) == ("done", "approver-person")
    assert call(service, keys["approver"], "POST", f"{where}/done", told).status_code == 409
    shown = call(service, keys["supervisor"], "GET", where).json()
    assert (shown["evidence"], shown["kpi_value"]) == ("flag set in the system", 0.98)
    mine = call(service, keys["analyst"], "GET", "/v1/customers/C-5/tasks").json()["tasks"]
    assert {one["strategy"] for one in mine} >= {"account_manager", "priority", "joint_development"}
    assert call(service, keys["analyst"], "GET", "/v1/tasks?overdue=true").json()["tasks"] == []
    for name, customer_id in (("priority", "C-5"), ("early_warning", "C-6")):
        found = call(service, keys["service"], "GET", f"/v1/lists/{name}").json()
        assert customer_id in [one["customer_id"] for one in found["customers"]], name
        assert call(service, keys["service"], "GET", f"/v1/lists/{name}?on=2020-01-01").json()["listed"] == 0
    tier = call(service, keys["service"], "GET", "/v1/customers/C-6/tier").json()
    assert set(tier["strategies"]) == {"early_warning", "exposure_limit", "collection"}
    assert tier["strategies"]["early_warning"]["zh-Hant"] == "風險預警，密切關注"


def test_an_order_is_allowed_or_refused_by_the_tier_in_force(service: Service, keys: Keys) -> None:
    path = "/v1/customers/C-6/limit-check"
    allowed = call(service, keys["service"], "POST", path, ORDER).json()
    assert (allowed["allowed"], allowed["tier"], allowed["reason"]) == (True, "risk", None)
    assert allowed["limit"] == {
        "cap": "100000", "currency": "CNY", "forms": ["prepayment"], "credit_days": None,
    }  # fmt: skip
    refused = call(service, keys["service"], "POST", path, {**ORDER, "amount": "20000.01"}).json()
    assert (refused["allowed"], refused["reason"]) == (False, "cap")
    assert refused["order"]["exposure"] == "100000.01"
    premium = call(
        service, keys["service"], "POST", "/v1/customers/C-5/limit-check", {**ORDER, "amount": "1" * 15}
    )
    assert premium.json()["allowed"] is True
    shown = call(service, keys["analyst"], "GET", f"{path}s").json()["checks"]
    assert shown == [refused, allowed]


def test_overdue_items_are_taken_down_and_shown(service: Service, keys: Keys) -> None:
    item = {"item_id": "I-1", "amount": "12.50", "currency": "CNY", "due_on": "2026-01-01"}
    path = "/v1/customers/C-6/overdue"
    first = call(service, keys["service"], "POST", path, {"items": [item]}).json()
    assert (first["items"], first["new"]) == (1, 1)
    owed = call(service, keys["supervisor"], "GET", path).json()["items"]
    assert [(one["item_id"], one["amount"]) for one in owed] == [("I-1", "12.50")]
    paid = {**item, "paid_on": "2026-02-01"}
    assert call(service, keys["service"], "POST", path, {"items": [paid, item]}).json()["paid"] == 1
    assert call(service, keys["supervisor"], "GET", path).json()["items"] == []


def ids_and_persons(answer: dict[str, Any]) -> tuple[set[str], set[str]]:
    kpis = [kpi for group in answer["groups"] for kpi in group["kpis"]]
    named = {part["part"] for kpi in kpis if kpi["parts_by"] == "person" for part in kpi["parts"]}
    return {kpi["id"] for kpi in kpis}, named


def test_oversight_names_persons_to_supervisors_alone(service: Service, keys: Keys) -> None:
    case = call(service, keys["analyst"], "POST", "/v1/cases", {"customer_id": "C-5"}).json()
    asked = call(
        service, keys["analyst"], "POST", f"/v1/cases/{case['case']}/requests",
        {"department": "finance", "question": "what is new?"},
    ).json()  # fmt: skip
    where = f"/v1/requests/{asked['request']}/answer"
    assert call(service, keys["analyst"], "POST", where, {"text": "no", "complete": True}).status_code == 200
    told = {
        role: ids_and_persons(call(service, keys[role], "GET", "/v1/supervision").json())
        for role in ("supervisor", "approver")
    }
    assert told["supervisor"][0] == told["approver"][0] == set(KPIS)
    assert "analyst-person" in told["supervisor"][1]
    assert told["approver"][1] == set()
    for query in ("from=never", "from=2026-02-01&to=2026-01-01", "since=2026-01-01",
                  "to=9000-12-31", "to=9999-12-31", "to=0001-01-01", "from=0001-01-01"):  # fmt: skip
        answer = call(service, keys["supervisor"], "GET", f"/v1/supervision?{query}")
        assert answer.status_code == 422, query


def test_a_sample_is_drawn_inspected_and_remedied_by_those_who_had_no_part(
    service: Service, keys: Keys
) -> None:
    today = datetime.now(UTC).date()
    asked = {
        "size": 3,
        "seed": 1,
        "from": str(today - timedelta(days=1)),
        "to": str(today),
        "stratify": "tier",
    }
    drawn = call(service, keys["supervisor"], "POST", "/v1/inspections", asked).json()
    assert (len(drawn["items"]), drawn["total"], drawn["erased"]) == (3, 3, 0)
    one, other, _ = (f"/v1/inspections/{item['item']}" for item in drawn["items"])
    # Whoever ran the evaluation had a part in it.
    ran = token(sub="ann", roles=["supervisor"])
    assert call(service, ran, "POST", f"{one}/finding", {"ok": True}).status_code == 403
    found = {"ok": False, "finding": "hush", "severity": "major", "remedy": "evaluate again"}
    for wrong in ({"ok": False}, {**found, "severity": "bad"}, {**found, "ok": True}):
        assert call(service, keys["supervisor"], "POST", f"{one}/finding", wrong).status_code == 422
    assert call(service, keys["supervisor"], "POST", f"{one}/finding", found).status_code == 200
    assert call(service, keys["supervisor"], "POST", f"{other}/finding", {"ok": True}).status_code == 200
    assert call(service, keys["supervisor"], "POST", f"{one}/finding", found).status_code == 409
    listed = call(
        service, keys["approver"], "GET", f"/v1/inspections?inspection={drawn['inspection']}"
    ).json()
    assert sorted(str(item["result"]) for item in listed["items"]) == ["None", "finding", "ok"]
    assert call(service, keys["supervisor"], "POST", f"{one}/remedied").status_code == 200
    assert call(service, keys["supervisor"], "POST", f"{one}/remedied").status_code == 409
    assert "hush" not in service.log()


def test_a_procedure_is_adopted_by_two_approvers_by_route(service: Service, keys: Keys, folder: Path) -> None:
    opened = open_store(None, folder)
    with opened.writing("analyst-person") as writing:
        proposer = Actor("analyst-person", frozenset(Role), "command line", frozenset({"analyst-person"}))
        # The one that the service works by, so that it goes on.
        case = GovernanceDesk(opened, Procedure()).propose_procedure(writing, proposer, Procedure(), "ours")
    opened.close()
    where = f"/v1/cases/{case.id}"
    shown = call(service, keys["approver"], "GET", where).json()
    assert (shown["kind"], shown["proposes"], shown["approvals_needed"]) == ("procedure", [], 2)
    assert (shown["opened_because"], shown["proposed_because"]) == (None, "ours")
    assert call(service, keys["both"], "POST", f"{where}/approve", {"version": 1}).status_code == 403
    assert call(service, keys["analyst"], "GET", "/v1/adoptions").json() == {
        "procedure": None, "model": None, "challenger": None,
    }  # fmt: skip
    said = {"findings": "as it was", "conditions": "look again in a year"}
    for key, more in (("approver", said), ("second", {})):
        body = {"version": 1, **more}
        assert call(service, keys[key], "POST", f"{where}/approve", body).status_code == 200
    one, other = call(service, keys["supervisor"], "GET", where).json()["judged"]
    assert {name: one[name] for name in said} == said
    assert (one["act"], one["by"], other["findings"]) == ("approved", "approver-person", None)
    adopted = call(service, keys["analyst"], "GET", "/v1/adoptions").json()["procedure"]
    assert (adopted["case"], adopted["approved_by"]) == (case.id, ["approver-person", "second-approver"])
    assert call(service, keys["analyst"], "POST", "/v1/cases", {"customer_id": "C-6"}).status_code == 200


def curls() -> list[tuple[str | None, str, str | None]]:
    """Return the calls with curl that the README shows of a service with a store: key, path and body."""
    found = []
    part = README.split("## Carry the Measures out", 1)[1].split("\n## ", 1)[0]
    for line in re.findall(r"^curl .*(?:\n  .*)*", part, re.M):
        words = shlex.split(line.replace("\\\n", " "))
        key = next((word[len(_BEARER) :] for word in words if word.startswith(_BEARER)), None)
        body = words[words.index("-d") + 1] if "-d" in words else None
        found.append((key, words[-1].removeprefix("localhost:3000"), body))
    return found


def test_the_calls_that_the_readme_shows_are_answered(
    service: Service, keys: Keys, folder: Path, template: dict[str, Any]
) -> None:
    opened = open_store(None, folder)
    with opened.writing("ann") as writing:
        Office(opened, Procedure()).open_list(writing, acting("ann"), template["runs"]["sqlite"][-1])
    opened.close()
    by_name = {
        "$APPROVER": keys["approver"], "$SECOND": keys["second"], "$ANALYST": keys["analyst"],
        "$ERP": keys["service"],
    }  # fmt: skip
    seen = {"SYN00000007": "C-7"}
    needed, called = 0, []
    for key, path, body in curls():
        called.append(path)
        for name, of in seen.items():
            path, body = path.replace(name, of), body and body.replace(name, of)
        if path.endswith("/TOKEN"):
            read_request(FeedbackRequest, json.loads(str(body)))
            continue
        given = None if body is None else json.loads(body)
        answer = call(service, by_name[str(key)], "GET" if body is None else "POST", path, given)
        # A list in which nobody rises to premium is in force by the first approval.
        enough = path.endswith("/approve") and needed == 0
        assert answer.status_code == (409 if enough else 200), (path, answer.text)
        told = answer.json()
        if "cases" in told:
            told = next(case for case in told["cases"] if case["kind"] == "list")
            needed = told["approvals_needed"]
        elif path.endswith("/approve"):
            needed -= 1
        seen |= {"CASE": told.get("case") or seen.get("CASE", "")}
        seen |= {"DECISION": told["decision"]} if told.get("decision") else {}
    ends = {path.rpartition("/")[2] for path in called}
    assert {"cases", "approve", "tier", "events", "propose", "limit-check", "TOKEN"} <= ends


def proposed_set(opened: Store) -> tuple[Case, Office]:
    """Propose another policy to govern; return the case and who works by what governs."""
    procedure = governing_procedure(opened, None)
    newer = load_policy("customer").model_copy(update={"version": 99})
    served = Served(Scorer(served_alone().scorer.catalog, newer), None)
    with opened.writing("ann") as writing:
        case = GovernanceDesk(opened, procedure).propose_served(writing, acting("ann"), served, "because")
    return case, Office(opened, procedure)


def test_what_governs_is_not_judged_without_findings(service: Service, keys: Keys, folder: Path) -> None:
    opened = open_store(None, folder)
    case, office = proposed_set(opened)
    for act, more in (("approve", {}), ("approve", {"findings": ""}), ("reject", {"because": "no"})):
        body = {"version": 1, **more}
        refused = call(service, keys["approver"], "POST", f"/v1/cases/{case.id}/{act}", body)
        told = refused.json()["error"]
        assert (refused.status_code, told["field"]) == (422, "findings")
        assert "say what you found" in told["reason"]
    with opened.writing("ann") as writing:
        office.withdraw(writing, acting("ann"), case.id)
    opened.close()


def test_a_service_whose_procedure_is_no_longer_the_one_adopted_is_not_ready(
    service: Service, keys: Keys, folder: Path
) -> None:
    # The last but one of this module: the service does little more afterwards.
    assert call(service, None, "GET", "/readyz").status_code == 200
    opened = open_store(None, folder)
    with opened.writing("analyst-person") as writing:
        proposer = Actor("analyst-person", frozenset(Role), "command line", frozenset({"analyst-person"}))
        desk, other = GovernanceDesk(opened, Procedure()), Procedure(margin=5.0)
        case = desk.propose_procedure(writing, proposer, other, "a wider margin")
    opened.close()
    for key in ("approver", "second"):
        body = {"version": 1}
        answer = call(service, keys[key], "POST", f"/v1/cases/{case.id}/approve", body)
        assert answer.status_code == 200, answer.text
    refused = call(service, None, "GET", "/readyz")
    assert refused.status_code == 503
    assert "another procedure" in refused.text
    assert "start it again" in refused.text
    assert call(service, None, "GET", "/livez").status_code == 200
    order = call(service, keys["service"], "POST", "/v1/customers/C-6/limit-check", ORDER)
    assert order.status_code == 503
    opened = open_store(None, folder)
    case, office = proposed_set(opened)
    # Nor is anybody told what another procedure would have answered.
    for asked in ({"version": 1}, {"version": 1, "findings": "holds"}):
        answer = call(service, keys["approver"], "POST", f"/v1/cases/{case.id}/approve", asked)
        assert (answer.status_code, "started again" in answer.text) == (503, True)
    with opened.writing("ann") as writing:
        office.withdraw(writing, acting("ann"), case.id)
    opened.close()


def test_a_service_scores_no_more_by_what_no_longer_governs(
    service: Service, keys: Keys, folder: Path
) -> None:
    # The last of this module: the service scores nothing more afterwards.
    customer = example_customer(served_alone().scorer.catalog)
    asked: dict[str, object] = {
        "/v1/score": {"customers": [customer]},
        "/v1/next-tier": {"customer": customer},
    }
    for path, body in asked.items():
        assert call(service, keys["service"], "POST", path, body).status_code == 200
    opened = open_store(None, folder)
    case, _ = proposed_set(opened)
    assert approve(opened, case, "bob", "carl").state is CaseState.EFFECTIVE
    opened.close()
    for path, body in asked.items():
        refused = call(service, keys["service"], "POST", path, body)
        assert (refused.status_code, "start it again" in refused.text) == (503, True)
        assert call(service, None, "POST", path, body).status_code == 401
    assert call(service, keys["service"], "GET", "/v1/customers/C-6/tier").status_code == 200
