"""The OpenAPI document of a service with a store: true to the matrix, and to what reads requests."""

from typing import Any

import pytest

from features.catalog import load_catalog
from serving.access.matrix import ACCESS
from serving.access.roles import MEANINGS, Role
from serving.index_page import index_page
from serving.notices.requests import FeedbackRequest
from serving.openapi import Examples, openapi_document
from serving.operations import ROUTES
from serving.procedure import Procedure
from serving.refusal import Refusal
from serving.request_fields import read_request

Json = dict[str, Any]
SECRET = "secret_4711"
EXAMPLES = Examples(({}, {}), ({}, {}))
ASKED = {route: of.asked for route, of in ROUTES.items()} | {
    ("POST", "/v1/feedback/{token}"): FeedbackRequest
}
POSTS = sorted(route for route in ASKED if route[0] == "POST")


def document(procedure: Procedure | None = None) -> Json:
    return openapi_document(load_catalog("customer"), EXAMPLES, procedure or Procedure())


DOCUMENT = document()


def body_of(route: tuple[str, str], found: Json = DOCUMENT) -> Json:
    method, path = route
    body: Json = found["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]
    return body


def schema_at(route: tuple[str, str], field: str, found: Json = DOCUMENT) -> Json:
    schema: Json = body_of(route, found)["schema"]["properties"][field]
    return schema


def test_the_document_has_just_the_routes_of_the_matrix_with_their_roles() -> None:
    described = {
        (method.upper(), path): operation
        for path, operations in DOCUMENT["paths"].items()
        for method, operation in operations.items()
    }
    assert set(described) == {(access.method, access.path) for access in ACCESS}
    for access in ACCESS:
        operation = described[access.method, access.path]
        assert set(operation.get("x-roles", ())) == (access.roles or set()), access
        assert ("401" in operation["responses"]) == (access.roles is not None)
        assert (operation["security"] == []) == (access.roles is None)
        assert operation["summary"] and operation["responses"]["200"]
    names = [operation["operationId"] for operation in described.values()]
    assert len(set(names)) == len(names)


def test_every_part_of_a_path_is_described() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for operation in operations.values():
            named = [of["name"] for of in operation.get("parameters", ()) if of["in"] == "path"]
            assert all(f"{{{name}}}" in path for name in named)
            assert len(named) == path.count("{")


@pytest.mark.parametrize("route", POSTS, ids=" ".join)
def test_the_example_of_a_body_is_read_and_has_what_is_needed(route: tuple[str, str]) -> None:
    body = body_of(route)
    read_request(ASKED[route], body["example"])
    assert (
        set(body["schema"].get("required", ())) <= set(body["example"]) <= set(body["schema"]["properties"])
    )
    assert body["schema"]["additionalProperties"] is False


@pytest.mark.parametrize("route", POSTS, ids=" ".join)
def test_a_field_that_is_absent_or_unknown_is_refused_with_all_that_are_wanted(
    route: tuple[str, str],
) -> None:
    schema = body_of(route)["schema"]
    needed, known = schema.get("required", ()), schema["properties"]
    with pytest.raises(Refusal) as caught:
        read_request(ASKED[route], {SECRET: SECRET})
    assert (caught.value.status, caught.value.field) == (422, "body")
    assert SECRET not in caught.value.reason
    assert all(name in caught.value.reason for name in known)
    for name in needed:
        less = {key: value for key, value in body_of(route)["example"].items() if key != name}
        with pytest.raises(Refusal) as caught:
            read_request(ASKED[route], less)
        assert (caught.value.status, caught.value.field) == (422, name)
        assert caught.value.reason.startswith("is absent; wanted: ")
        assert all(name in caught.value.reason for name in known)


def test_the_words_are_those_of_the_procedure_in_force() -> None:
    usual = Procedure()
    own = Procedure(
        events={"flood": usual.events["large_order"]},
        override_reasons=("chair",),
        deterioration=(),
    )
    found = document(own)
    event, propose = ("POST", "/v1/events"), ("POST", "/v1/cases/{case}/propose")
    assert schema_at(event, "type", found)["enum"] == ["flood"]
    assert body_of(event, found)["example"]["type"] == "flood"
    assert schema_at(event, "type")["enum"] == list(usual.events)
    assert "chair" in str(schema_at(propose, "override", found))
    assert "risk" in schema_at(propose, "tier")["enum"]
    check = ("POST", "/v1/customers/{customer_id}/limit-check")
    assert schema_at(check, "form")["enum"] == ["prepayment", "on_delivery", "letter_of_credit", "credit"]
    departments = schema_at(("POST", "/v1/cases/{case}/requests"), "department")["examples"]
    assert {"sales", "finance", "marketing", "legal"} <= set(departments)
    (part, *_) = DOCUMENT["paths"]["/v1/lists/{list}"]["get"]["parameters"]
    assert {"priority", "early_warning", "limited"} <= set(part["schema"]["enum"])


def test_the_page_names_every_route() -> None:
    page = index_page("what is served & more", DOCUMENT)
    assert "served &amp; more" in page
    for access in ACCESS:
        assert access.path in page


def test_every_role_is_explained() -> None:
    assert set(MEANINGS) == set(Role)
    assert all(f"{role}: " in str(DOCUMENT["components"]["securitySchemes"]) for role in Role)
