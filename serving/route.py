"""A route that needs a store: what it is asked with, what answers it, and what is said of both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from features.terms import Declared, Language
from serving.access.roles import Actor
from serving.request_fields import Nothing, read_request

Json = dict[str, Any]
Outline = str | Mapping[str, Any] | list[Any]
"""The shape of an answer: a word of WORDS (with `?` where it may be null), an object's keys, or a list."""

WORDS: Mapping[str, Json] = {
    "text": {"type": "string"},
    "flag": {"type": "boolean"},
    "count": {"type": "integer"},
    "number": {"type": "number"},
    "day": {"type": "string", "format": "date"},
    "moment": {"type": "string", "format": "date-time"},
    "object": {"type": "object"},
    "any": {},
}
NAMES: Mapping[str, str] = {str(language): "text" for language in Language}


@dataclass(frozen=True)
class Route:
    """A route of the matrix; called, it reads the request and answers it.

    Attributes:
        endpoint: from what has the endpoint, the caller, the path's parts and the request to the answer.
        summary: what it does.
        answer: the outline of what it answers.
        asked: the body of a POST, the query of a GET.
    """

    endpoint: Callable[[Any, Actor, Json, Any], Json]
    summary: str
    answer: Outline
    asked: type[Declared] = Nothing

    def __call__(self, of: Any, actor: Actor, parts: Json, body: Mapping[str, Any]) -> Json:
        """Answer a request, given as an object.

        Raises:
            Refusal: it is not what is asked for, or what the endpoint refuses.
        """
        return self.endpoint(of, actor, parts, read_request(self.asked, body))


def schema_of(outline: Outline) -> Json:
    """Return the JSON schema of an outline; an object may come to have more keys."""
    if isinstance(outline, str):
        schema = dict(WORDS[outline.removesuffix("?")])
        if outline.endswith("?") and schema:
            schema["type"] = [schema["type"], "null"]
        return schema
    if isinstance(outline, list):
        return {"type": "array", "items": schema_of(outline[0])}
    keys = {name.removesuffix("?"): schema_of(of) for name, of in outline.items()}
    needed = [name for name in outline if not name.endswith("?")]
    return {"type": "object", "properties": keys, **({"required": needed} if needed else {})}
