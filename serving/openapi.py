"""The service's OpenAPI document, made from the catalog, the answer's types and one real request."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from features.catalog import Catalog, Kind, Placed
from features.customer import MAX_ID, MAX_LEVEL
from features.terms import Language
from models.answer import Answer
from models.next_tier.answer import PathAnswer
from serving.operating_document import admitted, operating_paths, security_schemes
from serving.procedure import Procedure
from serving.refusal import ErrorBody
from serving.request import MAX_CUSTOMERS

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"
_SCORE = {
    "operationId": "score",
    "summary": "Score customers and justify every tier",
    "description": "Answers in the order asked. The tier is indicative: the one in force is what "
    "management approved. base + the contributions' points = score, to 1e-9.",
    "answer": "One answer for each customer.",
}
_NEXT_TIER = {
    "operationId": "nextTier",
    "summary": "Find one customer's least way to the next tier",
    "description": "The least change of what the customer can act on that the policy, gates and vetoes "
    "included, puts into the next tier, or the proof that there is none. Nothing is kept.",
    "answer": "The path, or why there is none.",
}
_REFUSALS = {
    "400": "The body is no JSON in UTF-8, or was cut off.",
    "408": "The body did not arrive in time.",
    "413": "The body is too large.",
    "415": "The body is not declared as plain application/json.",
    "422": "The first thing that is wrong, with the customer's position. Nothing is scored.",
    "503": "Too many large batches at once, or another catalog, policy or model was adopted meanwhile.",
    "500": "The service failed, or a score could not be explained; nothing is answered.",
}

_LANGUAGE = {
    "enum": [str(language) for language in Language],
    "description": "Of reasons and strategies. Where it is left out, what Accept-Language prefers, else en.",
}
_ACCEPT_LANGUAGE = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "example": "zh-TW, zh;q=0.8, en;q=0.5",
    "description": "The language to answer in where the body names none: zh-Hant, zh-TW, zh-HK and zh-MO are "
    "zh-Hant, any other zh is zh-Hans. Refusals are in English.",
}


class Examples(NamedTuple):
    """Requests that the service accepts, each with what it answers."""

    score: tuple[Json, Json]
    next_tier: tuple[Json, Json]


def openapi_document(catalog: Catalog, examples: Examples, procedure: Procedure | None = None) -> Json:
    """Return the document of what is served; with the procedure of a store also what that adds."""
    paths, components = _paths(examples), {"schemas": _schemas(catalog)}
    if procedure is not None:
        paths = admitted({**paths, **operating_paths(procedure)})
        components["securitySchemes"] = security_schemes()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tierwise",
            "version": _version(),
            "description": "Sorts customers into four tiers and justifies every tier exactly.",
        },
        "paths": paths,
        "components": components,
    }


def _paths(examples: Examples) -> Json:
    text = {"type": "string"}
    ready = _get("readyz", "The service can score", "text/plain", text)
    ready["responses"]["503"] = {
        "description": "The store cannot be read, or what is adopted is no longer what this service was "
        "started with: start it again. The text says which.",
        "content": {"text/plain": {"schema": text}},
    }
    return {
        "/v1/score": {"post": _operation(_SCORE, "ScoreRequest", "ScoreResponse", examples.score)},
        "/v1/next-tier": {"post": _operation(_NEXT_TIER, "PathRequest", "PathAnswer", examples.next_tier)},
        "/v1/catalog": {
            "get": _get("catalog", "What can be given: every indicator", "application/json", _open_object())
        },
        "/livez": {"get": _get("livez", "The process answers", "text/plain", text)},
        "/readyz": {"get": ready},
        "/metrics": {"get": _get("metrics", "Figures for Prometheus: aggregates", "text/plain", text)},
        "/docs.json": {"get": _get("docs", "This document", "application/json", _open_object())},
        "/": {"get": _get("index", "A page of all routes", "text/html", text)},
    }


def _operation(about: Json, asked: str, answered: str, example: tuple[Json, Json]) -> Json:
    """Return a POST operation from what is said about it, the names of its schemas and an example."""
    refusal = {"application/json": {"schema": _reference("ErrorBody")}}
    request, response = (
        {"application/json": {"schema": _reference(schema), "example": shown}}
        for schema, shown in zip((asked, answered), example, strict=True)
    )
    return {
        **{key: text for key, text in about.items() if key != "answer"},
        "parameters": [_ACCEPT_LANGUAGE],
        "requestBody": {"required": True, "content": request},
        "responses": {
            "200": {"description": about["answer"], "content": response},
            **{status: {"description": text, "content": refusal} for status, text in _REFUSALS.items()},
        },
    }


def _get(name: str, summary: str, media_type: str, schema: Json) -> Json:
    content = {media_type: {"schema": schema}}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}},
    }


def _schemas(catalog: Catalog) -> Json:
    return {
        **_types_schemas(Answer),
        **_types_schemas(PathAnswer),
        **_types_schemas(ErrorBody),
        "ScoreResponse": {
            "type": "object",
            "required": ["results"],
            "properties": {"results": {"type": "array", "items": _reference("Answer")}},
        },
        "ScoreRequest": {
            "type": "object",
            "required": ["customers"],
            "additionalProperties": False,
            "properties": {
                "customers": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MAX_CUSTOMERS,
                    "items": _reference("Customer"),
                },
                "explain": {
                    "type": "boolean",
                    "default": True,
                    "description": "With base, contributions by indicator, group and dimension, and reasons.",
                },
                "language": _LANGUAGE,
            },
        },
        "PathRequest": {
            "type": "object",
            "required": ["customer"],
            "additionalProperties": False,
            "properties": {
                "customer": _reference("Customer"),
                "language": _LANGUAGE,
            },
        },
        "Customer": {
            "type": "object",
            "required": ["customer_id", "nature", "as_of", "indicators"],
            "additionalProperties": False,
            "properties": {
                "customer_id": {"type": "string", "minLength": 1, "maxLength": MAX_ID},
                "nature": {"enum": [str(nature) for nature in catalog.natures]},
                "as_of": {"type": "string", "format": "date"},
                "indicators": _reference("Indicators"),
            },
        },
        "Indicators": {
            "type": "object",
            "description": "What is known of the customer; what is left out or null is missing.",
            "additionalProperties": False,
            "properties": {placed.id: _indicator(placed, catalog) for placed in catalog.placed},
        },
    }


def _indicator(placed: Placed, catalog: Catalog) -> Json:
    indicator = placed.indicator
    natures = [nature for nature in catalog.natures if placed.applies_to(nature)]
    description = indicator.names.en
    unit = catalog.units.get(indicator.unit or "")
    if unit and unit.suffix and unit.scale == 1.0:
        description += f", in{unit.suffix.en}"
    if unit and unit.scale == 100.0:
        description += ", as a fraction of 1"
    if len(natures) < len(catalog.natures):
        description += f". For {', '.join(natures)}"
    match indicator.kind:
        case Kind.FLAG:
            return {"type": ["boolean", "null"], "description": description}
        case Kind.CATEGORY:
            levels = ", ".join(indicator.levels or {})
            return {
                "type": ["string", "null"],
                "minLength": 1,
                "maxLength": MAX_LEVEL,
                "description": f"{description}. Levels: {levels}; any other is a level outside the catalog",
            }
        case Kind.NUMBER:
            schema: Json = {"type": ["number", "null"], "description": description}
            if indicator.minimum is not None:
                schema["minimum"] = indicator.minimum
            if indicator.maximum is not None:
                schema["maximum"] = indicator.maximum
            return schema


def _types_schemas(kind: type) -> Json:
    """Return the JSON schemas of a TypedDict and of those within it, by name."""
    schema = TypeAdapter(kind).json_schema(ref_template=_REFERENCE, mode="serialization")
    return {**schema.pop("$defs", {}), kind.__name__: schema}


def _reference(name: str) -> Json:
    return {"$ref": _REFERENCE.format(model=name)}


def _open_object() -> Json:
    return {"type": "object"}


def _version() -> str:
    try:
        return version("tierwise")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
