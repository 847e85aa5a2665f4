"""Requests to score, as bytes: answered by what the service's route calls, or by a service that runs."""

import json
from collections.abc import Callable

from features.terms import Language
from models.answer import Answer
from models.decision import UnexplainedScore
from serving.body import JSON
from serving.refusal import Refusal
from serving.request import parse_score_request
from serving.scoring import score_customers
from serving.served import Served

# The body of a request to score → status and body of the answer.
Ask = Callable[[bytes], tuple[int, bytes]]

_SECONDS = 60.0


class NoAnswer(RuntimeError):
    """A running service does not answer; one line that says what to do."""


def answered(served: Served, body: bytes, preferred: Language = Language.EN) -> tuple[bytes, list[Answer]]:
    """Return the body of an answer, and the answers in it, in the preferred language unless it names one.

    Raises:
        Refusal: the request is wrong.
        UnexplainedScore: a score is not the sum of its contributions.
    """
    asked = parse_score_request(body, served.scorer.catalog, preferred)
    answers = score_customers(served, asked.customers, language=asked.language, explain=asked.explain)
    return dump({"results": answers}), answers


def asking_here(served: Served) -> Ask:
    """Return what answers requests in this process, as the service would."""

    def ask(body: bytes) -> tuple[int, bytes]:
        try:
            return 200, answered(served, body)[0]
        except Refusal as refusal:
            return refusal.status, dump(refusal.body())
        except UnexplainedScore as error:
            return 500, dump(Refusal(500, str(error), "unexplained_score").body())

    return ask


def asking_at(url: str, api_key: str | None = None) -> Ask:
    """Return what has requests answered by a running service.

    Args:
        url: where it listens, such as http://127.0.0.1:3000.
        api_key: of a caller who may score, where the service asks who calls.
    """
    import httpx  # which the service itself never needs here

    headers = {"Content-Type": JSON} | ({"Authorization": f"Bearer {api_key}"} if api_key else {})

    def ask(body: bytes) -> tuple[int, bytes]:
        try:
            # Customers' data take no way round by a proxy.
            answer = httpx.post(
                f"{url.rstrip('/')}/v1/score",
                content=body,
                headers=headers,
                timeout=_SECONDS,
                trust_env=False,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer(
                f"{url}: no service answers ({type(error).__name__}); start `tierwise serve`"
            ) from None
        return answer.status_code, answer.content

    return ask


def dump(document: object) -> bytes:
    """Return a document as the JSON that is sent."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
