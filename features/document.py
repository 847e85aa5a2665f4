"""A catalog as the document it is declared in: changed as data, then checked again; and written to a file."""

import json
from typing import Any

import yaml

from features.catalog import Catalog
from features.terms import Declared

_WIDTH = 110


def indicators_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every indicator of a catalog's document, in the order of the declaration."""
    return [
        indicator
        for dimension in document["dimensions"]
        for group in dimension["groups"]
        for indicator in group["indicators"]
    ]


def catalog_of(document: dict[str, Any]) -> Catalog:
    """Return the catalog that a document declares.

    Raises:
        pydantic.ValidationError: it declares none.
    """
    return Catalog.model_validate_json(json.dumps(document))


def yaml_of(declared: Declared) -> str:
    """Return what was declared, a catalog or a policy, as the YAML of a file; defaults are left out."""
    document = declared.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return yaml.safe_dump(
        document, allow_unicode=True, sort_keys=False, width=_WIDTH, default_flow_style=None
    )
