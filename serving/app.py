"""The service's routes as one ASGI application, which BentoML mounts.

Raw routes instead of BentoML's typed ones: those accept numeric texts, unknown keys and any media type, and
log a wrong request with the customer's values.
"""

import asyncio
import gc
import json
import logging
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from features.terms import Language
from models.answer import Answer
from models.decision import UnexplainedScore
from models.next_tier.programme import load_solver
from serving import metrics
from serving.asking import answered, dump
from serving.body import MAX_BODY, read_body
from serving.description import describe_served
from serving.example import example_customer
from serving.index_page import index_page
from serving.languages import preferred_language
from serving.next_tier import NextTier
from serving.notices.feedback_routes import FEEDBACK_ROUTES
from serving.openapi import Examples, openapi_document
from serving.operations import ROUTES as OPERATED
from serving.operations import Operations
from serving.refusal import Refusal
from serving.request import parse_path_request
from serving.served import Served

logger = logging.getLogger("tierwise.serving")

Endpoint = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")

# Up to this size a request is scored where it arrives; larger ones go to a thread, so that health checks
# and small requests are answered beside them.
SMALL_BODY = 4 * 1024
# Of larger ones so many bytes may wait for the thread; who comes later is asked to come again.
_MAX_WAITING = 8 * MAX_BODY
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# The page loads nothing from anywhere.
_PAGE_HEADERS = {**_HEADERS, "Content-Security-Policy": "default-src 'none'"}


def build_app(
    load: Callable[[], Served], operate: Callable[[Served], Operations | None] = lambda served: None
) -> Starlette:
    """Return the application; `load` and `operate` are called once each, when the server starts.

    With operations every route asks who calls, and the routes that need a store are there.
    """
    service = _Service()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        served = load()
        operations = operate(served)
        service.start(served, operations)
        # What is loaded by now stays: without this the collector walks through it in 300 ms pauses.
        gc.collect()
        gc.freeze()
        async with _kept_up(operations):
            yield
        service.stop()

    routes = {
        ("/", "GET"): service.index,
        ("/v1/score", "POST"): service.score,
        ("/v1/next-tier", "POST"): service.next_tier,
        ("/v1/catalog", "GET"): service.catalog,
        ("/docs.json", "GET"): service.docs,
        ("/metrics", "GET"): service.metrics,
    }
    endpoints = {
        **{key: service.admitting(*key, endpoint) for key, endpoint in routes.items()},
        **{(path, method): service.operating(path, method) for method, path in OPERATED},
        **{(path, method): service.hearing for method, path in FEEDBACK_ROUTES},
    }
    methods: dict[str, list[str]] = {}
    for path, method in endpoints:
        methods.setdefault(path, []).append(method)
    app = Starlette(
        routes=[
            *(
                Route(path, guarded(path, endpoint), methods=[method])
                for (path, method), endpoint in endpoints.items()
            ),
            *(
                Route(path, guarded(path, _wrong_method(" and ".join(allowed))), methods=_METHODS)
                for path, allowed in methods.items()
            ),
            # Everything else, for otherwise BentoML's plain texts and pages would answer.
            Route("/{path:path}", guarded("other", _not_found), methods=_METHODS),
        ],
        lifespan=lifespan,
    )
    app.state.not_ready = service.not_ready
    return app


@asynccontextmanager
async def _kept_up(operations: Operations | None) -> AsyncIterator[None]:
    """Have done beside the requests what time brings about."""
    if operations is None:
        yield
        return
    upkeep = asyncio.create_task(operations.keep_up())
    try:
        yield
    finally:
        upkeep.cancel()
        with suppress(asyncio.CancelledError):
            await upkeep


class _Service:
    """The endpoints and what they answer from."""

    def start(self, served: Served, operations: Operations | None) -> None:
        """Take up what is served and prepare all that does not change."""
        self._served, self._operations = served, operations
        self._thread = ThreadPoolExecutor(1, "scoring")
        self._waiting = 0
        self._next_tier = NextTier(served)
        load_solver()
        customer = example_customer(served.scorer.catalog)
        scored = {"customers": [customer], "explain": True, "language": "en"}
        asked = {"customer": customer, "language": "en"}
        examples = Examples(
            (scored, json.loads(self._answer(dump(scored)))),
            (asked, json.loads(self._answer_path(dump(asked)))),
        )
        procedure = None if operations is None else operations.procedure
        document = openapi_document(served.scorer.catalog, examples, procedure)
        self._docs, self._index = dump(document), index_page(served.describe(), document)
        self._catalog = dump(describe_served(served))
        if operations is not None:
            operations.start()

    def stop(self) -> None:
        """Finish what was begun."""
        self._thread.shutdown()
        if self._operations is not None:
            self._operations.close()

    def admitting(self, path: str, method: str, endpoint: Endpoint) -> Endpoint:
        """Return an endpoint that, where there is a store, asks who calls."""

        async def admitted(request: Request) -> Response:
            if self._operations is not None:
                await self._operations.admit(request, method, path)
            return await endpoint(request)

        return admitted

    def operating(self, path: str, method: str) -> Endpoint:
        """Return an endpoint that needs a store."""

        async def operated(request: Request) -> Response:
            if self._operations is None:
                raise Refusal(404, "this service has no store; start it with --operate", "path")
            return _json(await self._operations.answer(request, method, path))

        return operated

    async def hearing(self, request: Request) -> Response:
        if self._operations is None:
            raise Refusal(404, "this service has no store; start it with --operate", "path")
        return await self._operations.hear(request)

    async def score(self, request: Request) -> Response:
        body = await read_body(request)
        preferred = _preferred(request)
        if len(body) <= SMALL_BODY:
            content, answers = self._answer_counted(body, preferred)
        else:
            content, answers = await self._in_turn(self._answer_counted, body, preferred)
        metrics.count_decisions(answers)
        return _json(content)

    async def next_tier(self, request: Request) -> Response:
        # A path is a search, which may take a while.
        return _json(await self._in_turn(self._answer_path, await read_body(request), _preferred(request)))

    async def _in_turn(self, work: Callable[[bytes, Language], T], body: bytes, preferred: Language) -> T:
        if self._waiting + len(body) > _MAX_WAITING:
            raise Refusal(503, "too many large batches at once; try again in a moment", "service")
        self._waiting += len(body)
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, work, body, preferred)
        finally:
            self._waiting -= len(body)

    def _answer_path(self, body: bytes, preferred: Language = Language.EN) -> bytes:
        asked = parse_path_request(body, self._served.scorer.catalog, preferred)
        return dump(self._next_tier.answer(asked.customer, asked.language))

    def _answer(self, body: bytes) -> bytes:
        return self._answer_counted(body)[0]

    def _answer_counted(self, body: bytes, preferred: Language = Language.EN) -> tuple[bytes, list[Answer]]:
        return answered(self._served, body, preferred)

    async def catalog(self, _: Request) -> Response:
        return _json(self._catalog)

    async def docs(self, _: Request) -> Response:
        return _json(self._docs)

    async def metrics(self, _: Request) -> Response:
        return Response(metrics.exposition(), headers=_HEADERS | {"Content-Type": metrics.CONTENT_TYPE})

    async def index(self, _: Request) -> Response:
        return Response(self._index, media_type="text/html", headers=_PAGE_HEADERS)

    async def not_ready(self) -> str | None:
        """Return why what is asked would not be done; None where it would."""
        return None if self._operations is None else await self._operations.not_ready()


def guarded(route: str, endpoint: Endpoint) -> Endpoint:
    """Return an endpoint that always answers, in JSON where it refuses, and is counted.

    An unforeseen error is logged by its kind and place: its text might hold a customer's value. Nothing
    may escape, for BentoML's layers answer it after a time-out, or log it in full.
    """

    async def answered(request: Request) -> Response:
        start = time.perf_counter()
        try:
            response = await endpoint(request)
        except Refusal as refusal:
            response = _refused(refusal)
        except UnexplainedScore:
            logger.error("%s: a score is not the sum of its contributions; not served", route)
            reason = "a score is not the sum of its contributions, and is not served"
            response = _refused(Refusal(500, reason, "unexplained_score"))
        except Exception as error:
            logger.error("%s: %s at %s", route, type(error).__name__, _place(error))
            response = _refused(Refusal(500, "the service failed; its log names the place", "service"))
        metrics.count_request(route, response.status_code, time.perf_counter() - start)
        return response

    return answered


def _wrong_method(method: str) -> Endpoint:
    async def endpoint(_: Request) -> Response:
        raise Refusal(405, f"only {method} is answered here", "method")

    return endpoint


async def _not_found(_: Request) -> Response:
    raise Refusal(404, "there is nothing here; / lists what there is", "path")


def _preferred(request: Request) -> Language:
    """Return the language to answer in where the body names none."""
    header = request.headers.get("accept-language")
    return Language.EN if header is None else preferred_language(header)


def _place(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno} in {frame.name}"


def _refused(refusal: Refusal) -> Response:
    response = _json(dump(refusal.body()), refusal.status)
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if refusal.status in (400, 408, 413):
        response.headers["Connection"] = "close"  # the rest of the body may still be under way
    return response


def _json(content: bytes, status: int = 200) -> Response:
    return Response(content, status, _HEADERS, "application/json")
