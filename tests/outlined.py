"""Whether an answer has the shape that its route's outline gives."""

import re
from typing import Any

from serving.operations import ROUTES
from serving.route import schema_of

_PYTHON: dict[str, type | tuple[type, ...]] = {
    "string": str, "boolean": bool, "integer": int, "number": (int, float), "object": dict, "array": list,
    "null": type(None),
}  # fmt: skip


def check_answer(method: str, path: str, answer: Any) -> None:
    """Fail where an answer has not the keys and types of its route's outline, or more keys."""
    plain = path.partition("?")[0]
    for (of, template), route in ROUTES.items():
        if of == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), plain):
            _check(schema_of(route.answer), answer, f"{method} {template}")
            return


def _check(schema: dict[str, Any], value: Any, where: str) -> None:
    kinds = schema.get("type")
    if kinds is None:
        return
    kinds = [kinds] if isinstance(kinds, str) else kinds
    assert any(
        isinstance(value, _PYTHON[kind]) and (kind == "boolean" or not isinstance(value, bool))
        for kind in kinds
    ), f"{where}: {type(value).__name__} is not {kinds}"
    if "properties" in schema and value is not None:
        assert set(schema.get("required", ())) <= set(value) <= set(schema["properties"]), (
            f"{where}: {sorted(set(value) ^ set(schema['properties']))}"
        )
        for name, of in value.items():
            _check(schema["properties"][name], of, f"{where} {name}")
    if "items" in schema and value is not None:
        for of in value:
            _check(schema["items"], of, f"{where}[]")
