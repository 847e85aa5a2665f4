"""The requests that are posted: read strictly, refused as a whole with the first place that is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.catalog import Catalog
from features.customer import Customer, InvalidCustomer, parse_customer
from features.declared_errors import unknown_fields
from features.terms import Language
from serving.refusal import Refusal
from serving.strict_json import parse, refuse_repeated

MAX_CUSTOMERS = 1000

_FIELDS = ("customers", "explain", "language")
_PATH_FIELDS = ("customer", "language")


@dataclass(frozen=True)
class ScoreRequest:
    """Checked customers, 1 to MAX_CUSTOMERS, and how to answer."""

    customers: tuple[Customer, ...]
    explain: bool = True
    language: Language = Language.EN


@dataclass(frozen=True)
class PathRequest:
    """One checked customer, and the language to answer in."""

    customer: Customer
    language: Language = Language.EN


def parse_score_request(body: bytes, catalog: Catalog, preferred: Language = Language.EN) -> ScoreRequest:
    """Read a request; `preferred` is the language to answer in where it names none.

    Raises:
        Refusal: 400 where the body is no JSON, 422 where it is not what is asked for.
    """
    document = _document(body, _FIELDS)
    explain = document.get("explain", True)
    if not isinstance(explain, bool):
        raise Refusal(422, "must be true or false", "explain")
    customers = document.get("customers")
    if not isinstance(customers, list) or not 0 < len(customers) <= MAX_CUSTOMERS:
        raise Refusal(422, f"must be a list of 1 to {MAX_CUSTOMERS} customers", "customers")
    checked = tuple(_customer(raw, catalog, position) for position, raw in enumerate(customers))
    return ScoreRequest(checked, explain, _language(document.get("language", preferred)))


def parse_path_request(body: bytes, catalog: Catalog, preferred: Language = Language.EN) -> PathRequest:
    """Read a request; `preferred` is the language to answer in where it names none.

    Raises:
        Refusal: 400 where the body is no JSON, 422 where it is not what is asked for.
    """
    document = _document(body, _PATH_FIELDS)
    customer = _customer(document.get("customer"), catalog, 0)
    return PathRequest(customer, _language(document.get("language", preferred)))


def _document(body: bytes, fields: tuple[str, ...]) -> Mapping[str, Any]:
    document = parse(body)
    if not isinstance(document, Mapping):
        raise Refusal(422, f"must be an object with {', '.join(fields)}", "body")
    refuse_repeated(document, "body")
    unknown = [key for key in document if key not in fields]
    if unknown:
        raise Refusal(422, unknown_fields(len(unknown), fields), "body")
    return document


def _language(value: object) -> Language:
    if not isinstance(value, str) or value not in tuple(Language):
        raise Refusal(422, f"must be one of {', '.join(Language)}", "language")
    return Language(value)


def _customer(raw: object, catalog: Catalog, position: int) -> Customer:
    refuse_repeated(raw, "customer", position)
    if isinstance(raw, Mapping):
        refuse_repeated(raw.get("indicators"), "indicators", position)
    try:
        return parse_customer(raw, catalog, position)
    except InvalidCustomer as error:
        raise Refusal(422, error.reason, error.field, error.position) from None
