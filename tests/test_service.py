"""The service over HTTP: the same answers as Python gives, and no request that is answered half or leaks."""

import asyncio
import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.requests import Request
from starlette.responses import Response

from features.catalog import Catalog
from features.terms import Language
from models.artefact import Model
from models.decision import Scorer
from models.points import Axis, Table
from models.policy import Policy
from serving.app import guarded
from serving.body import MAX_BODY, read_body
from serving.launch import CannotServe, serve
from serving.next_tier import NextTier
from serving.refusal import Refusal
from serving.request import MAX_CUSTOMERS, parse_score_request
from serving.scoring import score_customers
from serving.served import Served
from tests.served_model import catalog, fuzzed_corpus, model, policy
from tests.service_process import Service, running_service, service_command, service_environment

__all__ = ["catalog", "model", "policy"]

SECRET = "48151623"
CORPUS = 300


@pytest.fixture(scope="module")
def corpus(catalog: Catalog) -> list[dict[str, Any]]:
    return fuzzed_corpus(catalog, CORPUS)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service without a model, as on day one."""
    with running_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def service_with_model(tmp_path_factory: pytest.TempPathFactory, model: Model) -> Iterator[Service]:
    state = tmp_path_factory.mktemp("service-with-model")
    (state / "points.json").write_bytes(model.to_bytes())
    with running_service(state, {"TIERWISE_ARTEFACT": str(state / "points.json")}) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


def asked(customers: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
    return {"customers": customers, **options}


def in_python(served: Served, request: dict[str, Any]) -> list[Any]:
    """Return what Python answers to a request that went through no JSON."""
    parsed = parse_score_request(json.dumps(request).encode(), served.scorer.catalog)
    answers = score_customers(served, parsed.customers, language=parsed.language, explain=parsed.explain)
    return [dict(answer) for answer in answers]


def customer(catalog: Catalog, **changes: Any) -> dict[str, Any]:
    """Return a valid enterprise."""
    values = {"debt_to_asset_ratio": 0.5, "identity_verified": True, "bank_rating": "AA"}
    raw: dict[str, Any] = {
        "customer_id": "C-1", "nature": "enterprise", "as_of": "2026-01-31", "indicators": values,
    }  # fmt: skip
    return raw | changes


def error_of(response: httpx.Response) -> dict[str, Any]:
    """Return an error, whose body has the one shape that all have."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"customer", "field", "reason"}
    assert SECRET not in response.text
    error: dict[str, Any] = body["error"]
    return error


# The same answers


@pytest.mark.parametrize("language", list(Language))
def test_answers_equal_pythons_without_a_model(
    client: httpx.Client, catalog: Catalog, policy: Policy, corpus: list[dict[str, Any]], language: Language
) -> None:
    request = asked(corpus, language=str(language))
    response = client.post("/v1/score", json=request)
    assert response.status_code == 200
    assert response.json() == {"results": in_python(Served(Scorer(catalog, policy), None), request)}


def test_without_a_language_in_the_body_the_header_counts(
    client: httpx.Client, catalog: Catalog, policy: Policy, corpus: list[dict[str, Any]]
) -> None:
    served = Served(Scorer(catalog, policy), None)
    header = {"Accept-Language": "de, zh-TW;q=0.9, en;q=0.5"}
    for some in (corpus[:1], corpus[:40]):  # on the spot, and in its turn
        in_chinese = {"results": in_python(served, asked(some, language="zh-Hant"))}
        assert client.post("/v1/score", json=asked(some), headers=header).json() == in_chinese
        in_english = {"results": in_python(served, asked(some))}
        assert client.post("/v1/score", json=asked(some, language="en"), headers=header).json() == in_english
    path = client.post("/v1/next-tier", json={"customer": corpus[0]}, headers=header)
    assert path.json() == NextTier(served).answer_raw(corpus[0], Language.ZH_HANT)
    sent = client.get("/docs.json").json()["paths"]["/v1/score"]["post"]["parameters"]
    assert [of["name"] for of in sent] == ["Accept-Language"]


def test_answers_equal_pythons_with_a_model(
    service_with_model: Service,
    catalog: Catalog,
    policy: Policy,
    model: Model,
    corpus: list[dict[str, Any]],
) -> None:
    request = asked(corpus)
    with service_with_model.client() as client:
        results = client.post("/v1/score", json=request).json()["results"]
        one_by_one = [
            client.post("/v1/score", json=asked([raw])).json()["results"][0] for raw in corpus[:100]
        ]
    assert results == in_python(Served(Scorer(catalog, policy, model), "points"), request)
    assert one_by_one == results[:100]
    assert {result["model"] is None for result in results} == {True, False}
    assert {result["model_version"] for result in results} == {"points"}


def test_paths_equal_pythons_with_a_model(
    service_with_model: Service,
    catalog: Catalog,
    policy: Policy,
    model: Model,
    corpus: list[dict[str, Any]],
) -> None:
    in_process = NextTier(Served(Scorer(catalog, policy, model), "points"))
    outcomes = set()
    with service_with_model.client() as client:
        schema = client.get("/docs.json").json()["components"]["schemas"]["PathAnswer"]
        for number, raw in enumerate(corpus[:60]):
            language = list(Language)[number % 3]
            response = client.post("/v1/next-tier", json={"customer": raw, "language": str(language)})
            assert response.status_code == 200
            answer = response.json()
            assert answer == in_process.answer_raw(raw, language)
            assert set(answer) == set(schema["properties"]) == set(schema["required"])
            outcomes.add(answer["outcome"])
    assert {"path", "impossible"} <= outcomes


def test_every_answer_adds_up_and_comes_in_the_order_asked(
    service_with_model: Service, corpus: list[dict[str, Any]]
) -> None:
    with service_with_model.client() as client:
        results = client.post("/v1/score", json=asked(corpus)).json()["results"]
    assert [result["customer_id"] for result in results] == [raw["customer_id"] for raw in corpus]
    for result in results:
        for parts in ("contributions", "groups", "dimensions"):
            total = result["base"] + sum(part["points"] for part in result[parts])
            assert abs(total - result["score"]) <= 1e-9


def test_without_explanations_the_decision_is_the_same(
    client: httpx.Client, corpus: list[dict[str, Any]]
) -> None:
    explained = client.post("/v1/score", json=asked(corpus)).json()["results"]
    plain = client.post("/v1/score", json=asked(corpus, explain=False)).json()["results"]
    left_out = {"base", "dimensions", "groups", "contributions", "reasons"}
    assert plain == [{k: v for k, v in result.items() if k not in left_out} for result in explained]


def test_thirty_two_callers_at_once_get_the_answers_of_one(
    service: Service, corpus: list[dict[str, Any]]
) -> None:
    with service.client() as client:
        alone = client.post("/v1/score", json=asked(corpus)).json()["results"]

    def ask(caller: int) -> bool:
        with service.client() as client:
            rows = range(caller, len(corpus), 32)
            single = [client.post("/v1/score", json=asked([corpus[row]])).json() for row in rows]
            together = client.post("/v1/score", json=asked([corpus[row] for row in rows])).json()["results"]
        return together == [alone[row] for row in rows] and single == [{"results": [a]} for a in together]

    with ThreadPoolExecutor(32) as callers:
        assert all(callers.map(ask, range(32)))


def test_two_workers_answer_alike_and_count_together(
    tmp_path: Path, catalog: Catalog, policy: Policy, model: Model, corpus: list[dict[str, Any]]
) -> None:
    (tmp_path / "points.json").write_bytes(model.to_bytes())
    settings = {"TIERWISE_ARTEFACT": str(tmp_path / "points.json")}
    expected = in_python(Served(Scorer(catalog, policy, model), "points"), asked(corpus[:20]))
    with running_service(tmp_path / "state", settings, workers=2) as running:
        for _ in range(10):
            with running.client() as client:
                assert client.post("/v1/score", json=asked(corpus[:20])).json() == {"results": expected}
        with running.client() as client:
            figures = client.get("/metrics").text
        assert 'tierwise_requests_total{route="/v1/score",status="200"} 10.0' in figures
        assert running.terminate() == 0


# Refusals

Change = Callable[[Catalog], Any]


def indicators(**values: Any) -> Change:
    return lambda catalog: asked([customer(catalog), customer(catalog, indicators=values)])


def changed(**changes: Any) -> Change:
    return lambda catalog: asked([customer(catalog), customer(catalog, **changes)])


@pytest.mark.parametrize(
    ("change", "position", "field", "reason"),
    [
        (indicators(no_such_indicator=1.0), 1, "indicator no_such_indicator", "not in the catalog"),
        (indicators(**{f"{SECRET} Ltd": 1.0}), 1, "indicator (no id)", "not in the catalog"),
        (indicators(debt_to_asset_ratio=SECRET), 1, "indicator debt_to_asset_ratio", "must be a number"),
        (indicators(debt_to_asset_ratio=True), 1, "indicator debt_to_asset_ratio", "must be a number"),
        (indicators(debt_to_asset_ratio=[0.5]), 1, "indicator debt_to_asset_ratio", "must be a number"),
        (indicators(debt_to_asset_ratio=-48151623), 1, "indicator debt_to_asset_ratio", "impossible"),
        (indicators(debt_to_asset_ratio=10**400), 1, "indicator debt_to_asset_ratio", "must be finite"),
        (indicators(identity_verified=1), 1, "indicator identity_verified", "true or false"),
        (indicators(identity_verified="yes"), 1, "indicator identity_verified", "true or false"),
        (indicators(bank_rating=3), 1, "indicator bank_rating", "must be a text"),
        (indicators(bank_rating="x" * 101), 1, "indicator bank_rating", "must be a text"),
        (indicators(bank_rating="\ud800"), 1, "indicator bank_rating", "printable"),
        (changed(indicators=None), 1, "indicators", "must be an object"),
        (changed(indicators=[1]), 1, "indicators", "must be an object"),
        (changed(nature="company"), 1, "nature", "must be one of"),
        (changed(nature=["enterprise"]), 1, "nature", "must be one of"),
        (changed(nature={}), 1, "nature", "must be one of"),
        (changed(as_of="31.01.2026"), 1, "as_of", "YYYY-MM-DD"),
        (changed(as_of="2026-W05-6"), 1, "as_of", "YYYY-MM-DD"),
        (changed(as_of=20260131), 1, "as_of", "YYYY-MM-DD"),
        (changed(customer_id=48151623), 1, "customer_id", "must be a text"),
        (changed(customer_id=""), 1, "customer_id", "must be a text"),
        (changed(customer_id="\udc00"), 1, "customer_id", "must be a text"),
        (changed(name=SECRET), 1, "customer", "unknown field"),
        (lambda c: {"customers": [customer(c), SECRET]}, 1, "customer", "must be an object"),
        (lambda c: asked([]), None, "customers", "list of 1 to"),
        (lambda c: {"customers": {}}, None, "customers", "list of 1 to"),
        (lambda c: {}, None, "customers", "list of 1 to"),
        (lambda c: asked([customer(c)] * (MAX_CUSTOMERS + 1)), None, "customers", "list of 1 to"),
        (lambda c: asked([customer(c)], explain="yes"), None, "explain", "true or false"),
        (lambda c: asked([customer(c)], explain=None), None, "explain", "true or false"),
        (lambda c: asked([customer(c)], language="de"), None, "language", "must be one of"),
        (lambda c: asked([customer(c)], language=["en"]), None, "language", "must be one of"),
        (lambda c: asked([customer(c)], note=SECRET), None, "body", "unknown field"),
        (lambda c: [customer(c)], None, "body", "must be an object"),
        (lambda c: SECRET, None, "body", "must be an object"),
    ],
)
def test_what_is_wrong_is_named_by_position_and_field_and_nothing_is_scored(
    client: httpx.Client, catalog: Catalog, change: Change, position: int | None, field: str, reason: str
) -> None:
    response = client.post(
        "/v1/score", content=json.dumps(change(catalog)), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 422
    error = error_of(response)
    assert (error["customer"], error["field"]) == (position, field)
    assert reason in error["reason"]


WHOLE = (
    '{"customers": [{"customer_id": "C-1", "nature": "enterprise", "as_of": "2026-01-31", '
    '"indicators": {%s}}]%s}'
)


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"customers": []}, "body", "has 1 unknown field; give only customer, language"),
        ([], "body", "must be an object with customer, language"),
        ({}, "customer", "must be an object"),
        ({"customer": {"customer_id": SECRET}}, "nature", "must be one of"),
        ({"customer": None, "language": "fr"}, "customer", "must be an object"),
    ],
)
def test_what_is_wrong_with_a_path_s_customer_is_named(
    client: httpx.Client, body: Any, field: str, reason: str
) -> None:
    response = client.post("/v1/next-tier", json=body)
    assert response.status_code == 422
    error = error_of(response)
    assert error["field"] == field
    assert error["reason"].startswith(reason)


def test_a_path_in_no_known_language_is_refused(client: httpx.Client, catalog: Catalog) -> None:
    response = client.post("/v1/next-tier", json={"customer": customer(catalog), "language": "fr"})
    assert error_of(response)["field"] == "language"
    assert client.get("/v1/next-tier").status_code == 405


@pytest.mark.parametrize(
    ("body", "status", "position", "field"),
    [
        ("", 400, None, "body"),
        ("  ", 400, None, "body"),
        ("{", 400, None, "body"),
        ("customers=1", 400, None, "body"),
        (b"\xff\xfe{}", 400, None, "body"),
        (b"\xef\xbb\xbf{}", 400, None, "body"),
        ('{"customers": "\xe9"}'.encode("latin-1"), 400, None, "body"),
        ("{}".encode("utf-16"), 400, None, "body"),
        (WHOLE % ('"debt_to_asset_ratio": 1,}', ""), 400, None, "body"),
        ("[" * 200_000, 422, None, "body"),
        ('{"customers":' * 200_000, 422, None, "body"),
        ("[" * 900 + "]" * 900, 422, None, "body"),
        (WHOLE % ('"debt_to_asset_ratio": ' + "9" * 5000, ""), 422, None, "body"),
        (WHOLE % ('"debt_to_asset_ratio": NaN', ""), 422, 0, "indicator debt_to_asset_ratio"),
        (WHOLE % ('"debt_to_asset_ratio": Infinity', ""), 422, 0, "indicator debt_to_asset_ratio"),
        (WHOLE % ('"debt_to_asset_ratio": -Infinity', ""), 422, 0, "indicator debt_to_asset_ratio"),
        (WHOLE % ('"debt_to_asset_ratio": 1e999', ""), 422, 0, "indicator debt_to_asset_ratio"),
        (WHOLE % ("", ', "explain": NaN'), 422, None, "explain"),
        (WHOLE % ("", ', "language": Infinity'), 422, None, "language"),
        (WHOLE % ('"demand_trend": 0.1, "demand_trend": 0.2', ""), 422, 0, "indicators"),
        (WHOLE % ("", ', "customers": []'), 422, None, "body"),
        ('{"customers": [{"nature": "enterprise", "nature": "government"}]}', 422, 0, "customer"),
    ],
)
def test_a_body_that_is_no_sound_json_is_refused_without_a_crash(
    client: httpx.Client, body: str | bytes, status: int, position: int | None, field: str
) -> None:
    response = client.post("/v1/score", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    error = error_of(response)
    assert (error["customer"], error["field"]) == (position, field)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {},
    ],
)
def test_other_media_types_are_refused(
    client: httpx.Client, catalog: Catalog, headers: dict[str, str]
) -> None:
    response = client.post("/v1/score", content=json.dumps(asked([customer(catalog)])), headers=headers)
    assert response.status_code == 415
    error_of(response)


def test_a_charset_of_utf_8_is_taken(client: httpx.Client, catalog: Catalog) -> None:
    headers = {"Content-Type": 'Application/JSON; Charset="UTF-8"'}
    body = json.dumps(asked([customer(catalog)]))
    assert client.post("/v1/score", content=body, headers=headers).status_code == 200


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_cap_is_refused_declared_or_streamed(client: httpx.Client, declared: bool) -> None:
    def stream() -> Iterator[bytes]:
        for _ in range(2 * MAX_BODY // 65536):
            yield b" " * 65536

    content: Any = b" " * (MAX_BODY + 1) if declared else stream()
    response = client.post("/v1/score", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 413
    error_of(response)


def test_a_caller_who_never_stops_sending_is_cut_off(service: Service) -> None:
    head = "POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += "Content-Length: 99999999999\r\n\r\n"
    sent, start = 0, time.monotonic()
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(head.encode())
        try:
            while sent < 100 * MAX_BODY:
                sent += connection.send(b" " * 65536)
        except OSError:
            pass
    assert sent < 20 * MAX_BODY
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/score", 405),
        ("DELETE", "/v1/score", 405),
        ("POST", "/", 405),
        ("GET", f"/v1/customers/{SECRET}", 404),
        ("GET", "/static_content/index.html", 404),
        ("OPTIONS", "/nowhere", 404),
    ],
)
def test_what_is_not_there_is_refused_in_the_same_shape(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    error_of(response)


def test_a_score_that_is_not_the_sum_of_its_reasons_is_not_served(
    tmp_path: Path, catalog: Catalog, policy: Policy, model: Model
) -> None:
    """A model that is sound but for two cells, so large that the sum loses the rest in rounding."""
    features = model.tables.features
    tables = []
    for name, huge in (("bank_rating", 1e17), ("registration_status", -1e17)):
        codes = len(catalog.by_id[name].indicator.level_codes) + 1
        contributions = np.zeros(codes + 2)
        contributions[codes - 1] = huge + 0.1
        tables.append(Table((Axis(features.index(name), codes=codes),), contributions[None, :]))
    prior = dataclasses.replace(model.prior, tables=tuple(tables))
    (tmp_path / "points.json").write_bytes(dataclasses.replace(model, prior=prior).to_bytes())
    unseen = {"bank_rating": f"unseen {SECRET}", "registration_status": f"unseen {SECRET}"}
    with running_service(tmp_path / "state", {"TIERWISE_ARTEFACT": str(tmp_path / "points.json")}) as running:
        with running.client() as client:
            assert client.post("/v1/score", json=asked([customer(catalog)])).status_code == 200
            bad = asked([customer(catalog), customer(catalog, indicators=unseen)])
            response = client.post("/v1/score", json=bad)
        assert response.status_code == 500
        assert error_of(response)["field"] == "unexplained_score"
        assert "not the sum of its contributions" in running.log()
        assert SECRET not in running.log()


def test_an_unforeseen_error_is_answered_and_logged_by_kind_and_place_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(_: Request) -> Response:
        raise ZeroDivisionError(SECRET)

    request = Request({"type": "http", "method": "POST", "path": "/v1/score", "headers": []})
    response = asyncio.run(_awaited(guarded("/v1/score", fails)(request)))
    assert response.status_code == 500
    assert json.loads(bytes(response.body))["error"]["field"] == "service"
    assert "ZeroDivisionError at" in caplog.text
    assert "test_service.py" in caplog.text
    assert SECRET not in caplog.text + str(response.body)


def test_a_body_that_stops_coming_or_is_cut_off_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.body._SECONDS", 0.05)

    async def stalls() -> Any:
        await asyncio.sleep(60)

    async def disconnects() -> Any:
        return {"type": "http.disconnect"}

    for receive, status in ((stalls, 408), (disconnects, 400)):
        headers = [(b"content-type", b"application/json")]
        request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)
        with pytest.raises(Refusal) as told:
            asyncio.run(read_body(request))
        assert told.value.status == status


def test_more_large_batches_than_may_wait_are_asked_to_come_again(
    service: Service, corpus: list[dict[str, Any]]
) -> None:
    body = json.dumps(asked(corpus)).encode().ljust(MAX_BODY)

    def ask(_: int) -> int:
        with service.client() as client:
            response = client.post("/v1/score", content=body, headers={"Content-Type": "application/json"})
        if response.status_code == 503:
            assert error_of(response)["field"] == "service"
        return response.status_code

    with ThreadPoolExecutor(16) as callers:
        statuses = list(callers.map(ask, range(16)))
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= 8


async def _awaited(response: Awaitable[Response]) -> Response:
    return await response


# What stands beside scoring


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_is_told_to_anyone(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_health_is_told_while_a_large_batch_is_scored(service: Service, corpus: list[dict[str, Any]]) -> None:
    def score() -> float:
        with service.client() as client:
            assert client.post("/v1/score", json=asked(corpus * 3)).status_code == 200
        return time.monotonic()

    with ThreadPoolExecutor(1) as pool, service.client() as client:
        client.get("/livez")
        scoring = pool.submit(score)
        answered = 0
        while not scoring.done():
            assert client.get("/livez").status_code == 200
            answered += 1
    assert answered > 1


def test_the_documents_example_request_really_gives_its_example_answer(client: httpx.Client) -> None:
    document = client.get("/docs.json").json()
    operation = document["paths"]["/v1/score"]["post"]
    request = operation["requestBody"]["content"]["application/json"]["example"]
    answer = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert client.post("/v1/score", json=request).json() == answer
    (result,) = answer["results"]
    assert result["tier"] != "unrated"
    assert result["review"] == []
    assert len(result["reasons"]) > 3


def test_the_example_path_is_answered_as_the_document_shows(client: httpx.Client) -> None:
    operation = client.get("/docs.json").json()["paths"]["/v1/next-tier"]["post"]
    request = operation["requestBody"]["content"]["application/json"]["example"]
    answer = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert client.post("/v1/next-tier", json=request).json() == answer
    assert answer["outcome"] in ("path", "impossible")


def test_the_document_is_whole(client: httpx.Client, catalog: Catalog) -> None:
    document = client.get("/docs.json").json()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert name in schemas
    assert set(schemas["Indicators"]["properties"]) == set(catalog.columns)
    assert {"score", "tier_basis", "contributions"} <= set(schemas["Answer"]["properties"])
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["operationId"] and operation["responses"]
            if method == "get":
                assert client.get(path).status_code == 200


def test_the_answers_fields_are_those_that_the_document_declares(
    client: httpx.Client, corpus: list[dict[str, Any]]
) -> None:
    schema = client.get("/docs.json").json()["components"]["schemas"]["Answer"]
    for result in client.post("/v1/score", json=asked(corpus)).json()["results"]:
        assert set(result) == set(schema["properties"])
    for result in client.post("/v1/score", json=asked(corpus, explain=False)).json()["results"]:
        assert set(result) == set(schema["required"])


def test_the_catalog_is_told(client: httpx.Client, catalog: Catalog, policy: Policy) -> None:
    told = client.get("/v1/catalog").json()
    assert (told["catalog_hash"], told["policy_hash"]) == (catalog.hash, policy.hash)
    assert [indicator["id"] for indicator in told["indicators"]] == list(catalog.columns)
    assert [tier["tier"] for tier in told["tiers"]] == ["premium", "good", "general", "risk"]


def test_the_index_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "//" not in page.text.removeprefix("<!doctype html>")
    assert "<script" not in page.text
    assert page.headers["content-security-policy"] == "default-src 'none'"


def test_figures_count_routes_statuses_and_tiers_and_no_path_as_requested(
    client: httpx.Client, catalog: Catalog
) -> None:
    client.get(f"/{SECRET}")
    client.post("/v1/score", json=asked([customer(catalog)]))
    figures = client.get("/metrics")
    assert figures.headers["content-type"].startswith("text/plain")
    assert re.search(r'tierwise_requests_total\{route="/v1/score",status="200"\} [1-9]', figures.text)
    assert re.search(r'tierwise_requests_total\{route="other",status="404"\} [1-9]', figures.text)
    assert re.search(r'tierwise_request_seconds_bucket\{le="0.1",route="/v1/score"\} [1-9]', figures.text)
    assert re.search(r'tierwise_decisions_total\{nature="enterprise",tier="\w+"\} [1-9]', figures.text)
    assert SECRET not in figures.text


def test_answers_are_not_to_be_kept_by_caches(client: httpx.Client, catalog: Catalog) -> None:
    response = client.post("/v1/score", json=asked([customer(catalog)]))
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"


def test_no_value_is_ever_logged(service: Service, catalog: Catalog) -> None:
    valid = customer(catalog, customer_id=SECRET, indicators={"total_assets": float(SECRET)})
    wrong = customer(
        catalog, indicators={"bank_rating": SECRET, "debt_to_asset_ratio": SECRET, SECRET: SECRET}
    )
    with service.client() as client:
        for document in (asked([valid]), asked([wrong]), asked([valid], note=SECRET), SECRET, [SECRET]):
            client.post("/v1/score", json=document, headers={"X-Secret": SECRET})
        client.post("/v1/score", content=f"{{{SECRET}", headers={"Content-Type": "application/json"})
        client.get(f"/{SECRET}?customer={SECRET}")
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(f"{SECRET} / {SECRET}\r\n\r\n".encode())
        connection.recv(4096)
    assert SECRET not in service.log()


# Starting and ending


def test_a_taken_port_is_told_in_one_line(service: Service, tmp_path: Path) -> None:
    done = subprocess.run(
        service_command(service.port),
        cwd=tmp_path,
        env=service_environment(tmp_path / "state", {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"127.0.0.1:{service.port}: cannot listen" in done.stderr


@pytest.fixture
def refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[[dict[str, str]], str]:
    """Return what starts a service that cannot start, in this process, and returns the one line it tells."""

    def told(settings: dict[str, str]) -> str:
        for name in list(os.environ):
            if name.startswith("TIERWISE_"):
                monkeypatch.delenv(name)
        for name, value in {"TIERWISE_STATE": str(tmp_path / "state"), **settings}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        # Else a service that does start would go on for ever.
        monkeypatch.setattr("serving.launch._run", lambda *_: pytest.fail("it serves"))
        with pytest.raises(CannotServe) as caught:
            serve(port=0)
        assert capfd.readouterr() == ("", "")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return told


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"TIERWISE_CATALOG": "nowhere.yaml", "TIERWISE_POLICY": "customer"}, "nowhere.yaml: cannot be read"),
        ({"TIERWISE_CATALOG": "nowhere.yaml"}, "name the policy too"),
        ({"TIERWISE_MODEL": "customer"}, "model customer: none is registered"),
        ({"TIERWISE_MODEL": "customer", "TIERWISE_CATALOG": "customer"}, "brings its own catalog"),
        ({"TIERWISE_ARTEFACT": "nowhere.json"}, "nowhere.json: cannot be read"),
        ({"TIERWISE_ARTEFACT": "/etc/hostname"}, "no points document"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(
    refusal: Callable[[dict[str, str]], str], settings: dict[str, str], reason: str
) -> None:
    assert reason in refusal(settings)


def test_a_changed_artefact_is_not_served(
    refusal: Callable[[dict[str, str]], str], tmp_path: Path, model: Model
) -> None:
    (tmp_path / "points.json").write_bytes(model.to_bytes().replace(b'"slope":0.9', b'"slope":0.8'))
    assert "does not match its SHA-256" in refusal({"TIERWISE_ARTEFACT": "points.json"})


def test_a_model_for_another_policy_is_not_served(
    refusal: Callable[[dict[str, str]], str], tmp_path: Path, model: Model
) -> None:
    other = dataclasses.replace(model, policy_hash="0" * 64)
    (tmp_path / "points.json").write_bytes(other.to_bytes())
    assert "another version of policy customer" in refusal({"TIERWISE_ARTEFACT": "points.json"})


def test_sigterm_lets_what_is_under_way_finish(tmp_path: Path, corpus: list[dict[str, Any]]) -> None:
    with running_service(tmp_path) as running, ThreadPoolExecutor(1) as pool, running.client() as client:
        client.get("/livez")
        answer = pool.submit(client.post, "/v1/score", json=asked(corpus * 3))
        time.sleep(0.3)
        running.process.send_signal(signal.SIGTERM)
        response = answer.result(timeout=60)
        assert response.status_code == 200
        assert len(response.json()["results"]) == 3 * len(corpus)
        assert running.process.wait(timeout=30) == 0
        assert running.log().count("\n") == 1


def test_the_service_keeps_its_state_where_it_is_told(service: Service) -> None:
    state = service.log_file.parent
    assert {path.name for path in state.iterdir()} <= {"bentoml", "service.log"}
