"""What the OpenAPI document says of a service with a store: every route of the matrix, and who may call it.

Requests are described from the classes that read them, answers from the routes' outlines, roles from the
matrix; the words that the procedure in force decides, such as the types of events, stand in as it has them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from features.terms import Declared
from serving.access.matrix import ACCESS
from serving.access.roles import MEANINGS
from serving.body import MAX_BODY
from serving.notices.feedback_routes import FEEDBACK_ROUTES
from serving.notices.requests import FeedbackRequest
from serving.operations import ROUTES
from serving.procedure import Procedure
from serving.request_fields import VOCABULARY
from serving.route import Route, schema_of

Json = dict[str, Any]

BEARER = "bearer"
_REFERENCE = "#/components/schemas/{model}"
_ERROR = {"application/json": {"schema": {"$ref": _REFERENCE.format(model="ErrorBody")}}}
_READING = {
    "400": "The body is no JSON in UTF-8, or was cut off.",
    "408": "The body did not arrive in time.",
    "413": f"The body is larger than {MAX_BODY // 1024**2} MB.",
    "415": "The body is not declared as plain application/json.",
}
_ADMITTED = {
    "401": "No API key or token, or one that is not valid.",
    "403": "None of the caller's roles may do this, or the caller had a part in what is to be judged.",
}
_REFUSED = {
    "404": "There is no such customer, decision, task or item.",
    "409": "It cannot be done as things stand; the reason says why.",
    "422": "The first field that is wrong; where one is unknown or absent, all that are wanted.",
    "503": "The store cannot be used, or what governs is no longer what this service was started with.",
}
_PARTS = {
    "customer_id": "The customer, as in evaluations.",
    "case": "A case, as /v1/cases, an event or an objection names it.",
    "request": "A request for facts, as asking for them named it.",
    "decision": "A decision.",
    "task": "A task, as /v1/tasks names it.",
    "list": "A list.",
    "item": "An item of a sample, as /v1/inspections names it.",
    "token": "What the link in a notice ends with.",
}
_FEEDBACK = {
    "GET": "The page behind the link of a notice; the caller is known by the link",
    "POST": "Answer a notice: satisfaction, an objection, or both; also as a form",
}
# Other words than the procedure's are taken too: these are shown, not demanded.
_OPEN = frozenset({"departments"})


def vocabulary(procedure: Procedure) -> Mapping[str, tuple[str, ...]]:
    """Return the words that a procedure decides, by what fields name them by."""
    plan = procedure.strategies
    strategies = [strategy for of in plan.tiers.values() for strategy in of]
    departments = [
        *(of.department for of in strategies), *(of.department for of in plan.collection),
        *procedure.notices.departments,
    ]  # fmt: skip
    return {
        "event_types": tuple(procedure.events),
        "override_reasons": procedure.override_reasons,
        "lists": _once(of.on_list for of in strategies if of.on_list is not None),
        "departments": _once(departments),
    }


def operating_paths(procedure: Procedure) -> Json:
    """Return what the document says of the routes that need a store, by path and method."""
    words = vocabulary(procedure)
    paths: Json = {}
    for (method, path), route in ROUTES.items():
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, route, words)
    for method, path in FEEDBACK_ROUTES:
        paths.setdefault(path, {})[method.lower()] = _feedback(method, path)
    return paths


def admitted(paths: Json) -> Json:
    """Return the paths with who may call them, as the matrix says."""
    for access in ACCESS:
        operation = paths[access.path][access.method.lower()]
        if access.roles is None:
            operation["security"] = []
            continue
        roles = sorted(map(str, access.roles))
        operation["x-roles"] = roles
        operation["security"] = [{BEARER: []}]
        said = operation.get("description")
        operation["description"] = " ".join(filter(None, [said, f"Roles: {', '.join(roles)}."]))
        for status, text in _ADMITTED.items():
            operation["responses"].setdefault(status, {"description": text, "content": _ERROR})
    return paths


def security_schemes() -> Json:
    """Return how callers are known."""
    roles = "; ".join(f"{role}: {meaning}" for role, meaning in MEANINGS.items())
    return {
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "description": f"An API key of `tierwise access create`, or a token. Roles: {roles}.",
        }
    }


def _operation(method: str, path: str, route: Route, words: Mapping[str, tuple[str, ...]]) -> Json:
    answer = {"application/json": {"schema": schema_of(route.answer)}}
    refused = {**(_READING if method == "POST" else {}), **_REFUSED}
    schema = _schema(route.asked, words)
    operation: Json = {
        "operationId": _operation_id(method, path),
        "summary": route.summary,
        "parameters": [
            *_path_parameters(path, words),
            *(_query_parameters(schema) if method == "GET" else ()),
        ],
        "responses": {
            "200": {"description": route.summary, "content": answer},
            **{status: {"description": text, "content": _ERROR} for status, text in refused.items()},
        },
    }
    if method == "POST":
        content = {"schema": schema, "example": _example(schema)}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def _feedback(method: str, path: str) -> Json:
    operation: Json = {
        "operationId": _operation_id(method, path),
        "summary": _FEEDBACK[method],
        "parameters": _path_parameters(path, {}),
        "responses": {
            "200": {"description": "The page, in the customer's language.", "content": {"text/html": {}}},
            "404": {"description": "The link is unknown or expired.", "content": {"text/html": {}}},
        },
    }
    if method == "POST":
        schema = _schema(FeedbackRequest, {})
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {"schema": schema, "example": _example(schema)},
                "application/x-www-form-urlencoded": {"schema": schema},
            },
        }
        received = schema_of({"received": "flag"})
        operation["responses"] = {
            "200": {"description": "Received; a form is answered by a page.",
                    "content": {"application/json": {"schema": received}}},
            **{status: {"description": text, "content": _ERROR}
               for status, text in {**_READING, **_REFUSED}.items()},
        }  # fmt: skip
    return operation


def _schema(kind: type[Declared], words: Mapping[str, tuple[str, ...]]) -> Json:
    """Return a request's schema, whole in itself, with the procedure's words."""
    schema = kind.model_json_schema(by_alias=True, ref_template=_REFERENCE)
    plain: Json = _plain(schema, schema.pop("$defs", {}), words)
    return plain


def _plain(node: Any, definitions: Json, words: Mapping[str, tuple[str, ...]]) -> Any:
    """Return a schema with what it refers to in its place, without pydantic's titles."""
    if isinstance(node, list):
        return [_plain(item, definitions, words) for item in node]
    if not isinstance(node, dict):
        return node
    found = {
        # Names of fields are no keywords: a field may be called title.
        key: {name: _plain(of, definitions, words) for name, of in value.items()}
        if key == "properties" else value if key in ("example", "examples", "default", "enum")
        else _plain(value, definitions, words)
        for key, value in node.items()
        if key not in ("$ref", "title", VOCABULARY)
    }  # fmt: skip
    if "$ref" in node:
        meant = _plain(definitions[node["$ref"].rpartition("/")[2]], definitions, words)
        found = {**meant, **found}
    if VOCABULARY in node:
        known = list(words[node[VOCABULARY]])
        found["examples" if node[VOCABULARY] in _OPEN else "enum"] = known
        if node[VOCABULARY] not in _OPEN and "examples" in found:
            found["examples"] = [one for one in found["examples"] if one in known] or known[:1]
    return found


def _example(schema: Json) -> Json:
    """Return an object of the first examples of those fields that have any, or must have one."""
    return {
        name: _value(of)
        for name, of in schema.get("properties", {}).items()
        if name in schema.get("required", ()) or "examples" in of
    }


def _value(schema: Json) -> Any:
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("type") == "array":
        return [_example(schema["items"])]
    return schema["enum"][0]


def _query_parameters(schema: Json) -> list[Json]:
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()),
         "description": of.get("description", ""),
         "schema": {key: value for key, value in of.items() if key not in ("description", "default")}}
        for name, of in schema.get("properties", {}).items()
    ]  # fmt: skip


def _path_parameters(path: str, words: Mapping[str, tuple[str, ...]]) -> list[Json]:
    found = []
    for name in re.findall(r"\{(\w+)\}", path):
        schema: Json = {"type": "string"}
        if name == "list" and "lists" in words:
            schema["enum"] = list(words["lists"])
        found.append(
            {"name": name, "in": "path", "required": True, "description": _PARTS[name], "schema": schema}
        )
    return found


def _operation_id(method: str, path: str) -> str:
    """Return a name made from a route's, such as postCasesCaseApprove."""
    parts = re.findall(r"[a-z]+", path.removeprefix("/v1"))
    return method.lower() + "".join(part.capitalize() for part in parts)


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
