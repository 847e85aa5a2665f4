"""The routes that need a store: events, tiers in force, cases, decisions and strategies."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from serving.access.gate import Gate
from serving.access.roles import Actor
from serving.body import read_body
from serving.confidential.keyring import KeyringError
from serving.event_request import EventRequest
from serving.json_values import moment_of, name_of
from serving.notices.background import NoticeThread
from serving.notices.endpoints import take_particulars
from serving.notices.feedback_routes import FeedbackDesk
from serving.notices.outbox import Outbox
from serving.notices.requests import ParticularsRequest
from serving.procedure import Procedure
from serving.promotion.aliases import follow
from serving.refusal import Refusal
from serving.request_fields import Nothing, fields
from serving.reviews.adoptions import NotAdopted, require_procedure, require_served
from serving.reviews.cases import (
    CaseError,
    NoFindings,
    NotAllowed,
    UnknownCase,
)
from serving.reviews.endpoints import CASE_ROUTES, CaseEndpoints
from serving.reviews.events import EventConflict, EventDesk, EventError, UnknownEventCustomer
from serving.reviews.governance import governed_by
from serving.reviews.office import Office
from serving.reviews.replay import Replayer, UnknownDecision
from serving.reviews.standings import standing_of
from serving.route import Route
from serving.served import Served
from serving.store.customers import UnknownCustomer, customer_of
from serving.store.database import StoreError, Unreachable
from serving.store.store import Store
from serving.strategies.endpoints import STRATEGY_ROUTES, StrategyEndpoints, in_languages
from serving.strategies.upkeep import Upkeep
from serving.strict_json import refuse_unkept
from serving.supervision.endpoints import SUPERVISION

logger = logging.getLogger("tierwise.serving")

Json = dict[str, Any]

# The routes that have an answer by catalog, policy and model and keep nothing of it, which would be refused.
_SCORING = frozenset({"/v1/score", "/v1/next-tier"})
_START_AGAIN = (
    "another procedure, or another catalog, policy or model, was adopted than this service was started with; "
    "start it again"
)


class Operations:
    """The endpoints; each runs in one thread of its own, for the store answers no sooner to more."""

    def __init__(
        self, store: Store, served: Served, procedure: Procedure, gate: Gate, *, notify: bool = False
    ) -> None:
        self._store, self._procedure, self._gate = store, procedure, gate
        self._served = served
        self._office = Office(store, procedure)
        self._desk = EventDesk(self._office, served)
        self._cases = CaseEndpoints(self._office, self._adopted)
        self._replayer = Replayer(store)
        self._strategies = StrategyEndpoints(store, procedure)
        self._upkeep = Upkeep(store, procedure)
        self._feedback = FeedbackDesk(self._office)
        self._notices = NoticeThread(Outbox(store, procedure)) if notify else None
        self._thread, self._door = ThreadPoolExecutor(1, "store"), ThreadPoolExecutor(2, "gate")
        self._registry = ThreadPoolExecutor(1, "registry")

    def start(self) -> None:
        """Begin to send notices, if this service is to."""
        if self._notices is not None:
            self._notices.start()

    @property
    def store(self) -> Store:
        """The store, for routes whose endpoints stand elsewhere."""
        return self._store

    @property
    def procedure(self) -> Procedure:
        """The procedure that is worked by."""
        return self._procedure

    def close(self) -> None:
        """Finish what was begun."""
        if self._notices is not None:
            self._notices.stop()
        self._thread.shutdown()
        self._door.shutdown()
        self._registry.shutdown()
        self._store.close()

    async def admit(self, request: Request, method: str, path: str) -> Actor | None:
        """Return who calls a route; see `Gate.admit`.

        Raises:
            Refusal: also 503 where the route scores and another set was adopted than this service scores by.
        """
        # Beside the store's thread, so that nobody waits for a writer to be let in.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._door, self._admit, request, method, path)

    def _admit(self, request: Request, method: str, path: str) -> Actor | None:
        actor = self._gate.admit(request, method, path)
        if path in _SCORING:
            try:
                with self._store.reading() as connection:
                    require_served(connection, self._served, self._store.clock())
            except NotAdopted:
                raise Refusal(503, _START_AGAIN, "service") from None
            except StoreError as error:
                # Whether this still governs cannot be said.
                logger.error("%s", error)
                raise Refusal(503, "the store cannot be reached; try again later", "service") from None
        return actor

    async def answer(self, request: Request, method: str, path: str) -> bytes:
        """Answer one request to one of ROUTES.

        Raises:
            Refusal: 401 or 403 for a caller who may not, else with the status that the reason has.
        """
        actor = await self.admit(request, method, path)
        if actor is None:
            raise Refusal(401, "this route is for known callers", "authorization")
        work = partial(ROUTES[method, path], self)
        parts: Json = dict(request.path_params)
        body: Json = dict(request.query_params)
        refuse_unkept(parts, "path")
        refuse_unkept(body, "body")
        if request.method == "POST":
            body = fields(await read_body(request))
        document = await self._in_thread(lambda: _refusing(lambda: work(actor, parts, body)))
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()

    async def not_ready(self) -> str | None:
        """Return why what is asked would not be done: what is adopted is another than this, or no store."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._door, self._outdated)

    def _outdated(self) -> str | None:
        at = self._store.clock()
        try:
            with self._store.reading() as connection:
                require_procedure(connection, self._procedure, at)
                require_served(connection, self._served, at)
        except NotAdopted:
            return _START_AGAIN
        except StoreError as error:
            return str(error)
        return None

    async def hear(self, request: Request) -> Response:
        """Answer the bearer of a customer's link; see `FeedbackDesk.hear`."""
        try:
            return await self._feedback.hear(request, self._in_thread)
        except (KeyringError, StoreError):
            raise Refusal(503, "this cannot be answered just now; try again later", "service") from None

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def keep_up(self) -> None:
        """Do what time brings about, at once and then every few minutes, until cancelled.

        It goes through the thread of the requests part by part, so that none waits for more than one.
        """
        while True:
            try:
                while await self._in_thread(self._upkeep.next_part) is not None:
                    pass
            except Exception as error:
                # What failed is tried again with the next round; its text might hold a customer's value.
                logger.error("upkeep: %s; tried again later", type(error).__name__)
            await asyncio.sleep(60 * self._procedure.strategies.upkeep_minutes)

    # The endpoints

    def _event(self, actor: Actor, parts: Json, told: EventRequest) -> Json:
        with self._store.writing(actor.name) as writing:
            taken = self._desk.take(writing, actor, told.event())
        return {
            "event": taken.event, "repeated": taken.repeated, "tier": name_of(taken.tier),
            "decision": taken.decision, "case": taken.case,
        }  # fmt: skip

    def _tier(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        at = self._store.clock()
        with self._store.reading() as connection:
            customer = self._customer(connection, parts["customer_id"])
            standing = standing_of(connection, customer, at)
            governed = governed_by(connection, standing)
        return {
            "customer_id": parts["customer_id"],
            "tier": name_of(standing.tier),
            "tier_kind": "in_force",
            "layers": [
                {
                    "layer": str(of.layer), "tier": str(of.tier), "valid_from": moment_of(of.valid_from),
                    "expires_at": moment_of(of.expires_at), "reason": of.reason, "decision": of.decision,
                    "case": of.case,
                }
                for of in standing.layers.values()
            ],
            "as_of": governed and governed.as_of,
            "model_version": governed and governed.model_version,
            "policy_hash": governed and governed.policy_hash,
            "catalog_hash": governed and governed.catalog_hash,
            "approved_by": list(governed.approvers) if governed else [],
            "strategies": {
                of.id: in_languages(of.names) for of in self._procedure.strategies.of(standing.tier)
            },
            "model_approved_by": list(governed.model_approvers) if governed else [],
            "procedure_hash": governed and governed.procedure_hash,
            "procedure_approved_by": list(governed.procedure_approvers) if governed else [],
        }  # fmt: skip

    def _particulars(self, actor: Actor, parts: Json, told: ParticularsRequest) -> Json:
        return take_particulars(self._office, actor, parts["customer_id"], told)

    def _adopted(self, actor: str) -> None:
        # Beside the store's thread, for loading MLflow takes seconds.
        self._registry.submit(self._move_aliases, actor)

    def _move_aliases(self, actor: str) -> None:
        try:
            follow(self._store, actor)
        except Exception as error:
            logger.error(
                "registry: aliases were not moved (%s); run `tierwise audit aliases --repair`",
                type(error).__name__,
            )

    def _decision(self, actor: Actor, parts: Json, asked: Nothing) -> Json:
        replayed = self._replayer.replay(parts["decision"])
        return {
            "decision": replayed.decision,
            "reproduced": replayed.reproduced,
            "justification": replayed.justification,
        }

    def _customer(self, connection: Connection, customer_id: str) -> str:
        return customer_of(connection, self._store.keyring, customer_id).id


def _of(part: str, routes: Mapping[tuple[str, str], Route]) -> dict[tuple[str, str], Route]:
    """Return routes whose endpoints stand in a part of the operations."""

    def taken(route: Route) -> Route:
        endpoint = route.endpoint
        return replace(
            route,
            endpoint=lambda operations, actor, parts, asked: endpoint(
                getattr(operations, part), actor, parts, asked
            ),
        )

    return {key: taken(route) for key, route in routes.items()}


_STANDING: Mapping[str, Any] = {
    "customer_id": "text", "tier": "text?", "tier_kind": "text",
    "layers": [
        {"layer": "text", "tier": "text", "valid_from": "moment", "expires_at": "moment?", "reason": "text?",
         "decision": "text?", "case": "text?"}
    ],
    "as_of": "day?", "model_version": "text?", "policy_hash": "text?", "catalog_hash": "text?",
    "approved_by": ["text"], "strategies": "object", "model_approved_by": ["text"],
    "procedure_hash": "text?", "procedure_approved_by": ["text"],
}  # fmt: skip

ROUTES: Mapping[tuple[str, str], Route] = {
    ("POST", "/v1/events"): Route(
        Operations._event,
        "Take a material event: the customer is evaluated at once, and held at risk where it is adverse",
        {"event": "text", "repeated": "flag", "tier": "text?", "decision": "text?", "case": "text?"},
        EventRequest,
    ),
    ("GET", "/v1/customers/{customer_id}/tier"): Route(
        Operations._tier, "The tier in force, and what and who governs it", _STANDING
    ),
    ("POST", "/v1/customers/{customer_id}/particulars"): Route(
        Operations._particulars,
        "Say how a customer is written to",
        {"customer_id": "text", "set": ["text"]},
        ParticularsRequest,
    ),
    ("GET", "/v1/decisions/{decision}"): Route(
        Operations._decision,
        "A decision as it was kept, computed again from its inputs",
        {"decision": "text", "reproduced": "flag", "justification": "object"},
    ),
    **_of("_cases", CASE_ROUTES),
    **_of("_strategies", STRATEGY_ROUTES),
    **SUPERVISION,
}
"""What answers each route: from the operations, the caller, the path's parts and the body or query."""


def _refusing(work: Callable[[], Json]) -> Json:
    """Turn the reasons for which something is not done into refusals."""
    try:
        return work()
    except NotAllowed as error:
        raise Refusal(403, str(error), "case") from None
    except NoFindings:
        raise Refusal(422, "say what you found; no model is judged without", "findings") from None
    except UnknownCase as error:
        raise Refusal(404, str(error), "path") from None
    except CaseError as error:
        raise Refusal(409, str(error), "case") from None
    except EventConflict as error:
        raise Refusal(409, error.reason, error.field) from None
    except UnknownEventCustomer as error:
        raise Refusal(404, error.reason, error.field) from None
    except EventError as error:
        raise Refusal(422, error.reason, error.field) from None
    except (UnknownCustomer, UnknownDecision) as error:
        raise Refusal(404, str(error), "path") from None
    except KeyringError:
        raise Refusal(503, "the keyring was renewed; the service must be restarted", "service") from None
    except Unreachable as error:
        logger.error("%s", error)
        raise Refusal(503, "the store cannot be reached; try again later", "service") from None
    except StoreError as error:
        raise Refusal(503, str(error), "service") from None
