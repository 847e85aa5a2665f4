"""The page at /: what is served, and every route of the OpenAPI document."""

import html
from collections.abc import Mapping
from typing import Any


def index_page(described: str, document: Mapping[str, Any]) -> str:
    """Return the page; it loads nothing from anywhere.

    Args:
        described: what is served, in a few words.
        document: the OpenAPI document.
    """
    rows = "".join(
        _row(method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Tierwise</title><h1>Tierwise</h1>'
        f"<p>Serves {html.escape(described)}.</p>"
        '<p>What each route takes and answers stands in <a href="/docs.json">/docs.json</a> (OpenAPI), with '
        "examples: those of /v1/score and /v1/next-tier can be sent as they stand.</p>"
        "<table><tr><th>route</th><th>what it does</th><th>roles</th></tr>"
        f"{rows}</table>"
    )


def _row(method: str, path: str, operation: Mapping[str, Any]) -> str:
    plain = method == "GET" and "{" not in path
    shown = f'<a href="{path}">{path}</a>' if plain else html.escape(path)
    roles = ", ".join(operation.get("x-roles", ())) or "anybody"
    return f"<tr><td>{method} {shown}</td><td>{html.escape(operation['summary'])}</td><td>{roles}</td></tr>"
