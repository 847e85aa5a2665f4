"""Asking the scorer: bodies as the service takes them, and what came back."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from training.independent.declared import Json
from training.independent.documents import NotCheckable

# A body of a request to score → the status and the body of the answer, over HTTP or as the service answers.
Ask = Callable[[bytes], tuple[int, bytes]]

_OK = 200
# So many customers fit into the largest body that is read.
_AT_ONCE = 250


def answers_to(ask: Ask, customers: Sequence[Json], language: str, *, explain: bool = True) -> list[Json]:
    """Return the answers to customers, in their order.

    Raises:
        NotCheckable: the scorer refuses them, fails, or answers something else.
    """
    answers: list[Json] = []
    for start in range(0, len(customers), _AT_ONCE):
        asked = customers[start : start + _AT_ONCE]
        status, body = ask(_body(asked, language, explain))
        results = _results(body)
        if status != _OK or results is None:
            raise NotCheckable(f"the scorer answers {status}: {_reason(body)}")
        if len(results) != len(asked):
            raise NotCheckable(f"the scorer gives {len(results)} answers to {len(asked)} customers")
        answers += results
    return answers


def is_refused(ask: Ask, customer: Json) -> bool:
    """Whether the scorer refuses a customer as one that cannot be evaluated."""
    status, _ = ask(_body([customer], "en", explain=True))
    return status in (400, 422)


def _body(customers: Sequence[Json], language: str, explain: bool) -> bytes:
    # Infinity, which JSON does not know, must reach the scorer, for it to refuse.
    return json.dumps({"customers": list(customers), "explain": explain, "language": language}).encode()


def _results(body: bytes) -> list[Json] | None:
    results = _document(body).get("results")
    if isinstance(results, list) and all(isinstance(result, dict) for result in results):
        return results
    return None


def _reason(body: bytes) -> str:
    """Return the field and the reason of a refusal, which hold no customer's value."""
    error = _document(body).get("error")
    if not isinstance(error, dict):
        return "without a reason"
    return ": ".join(str(error[part]) for part in ("field", "reason") if error.get(part))


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
