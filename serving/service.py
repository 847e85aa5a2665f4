"""The BentoML service: `tierwise serve` runs it, and `bentoml serve serving.service:Tierwise` does."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import bentoml
from starlette.exceptions import HTTPException

from models.engine import load_kernels
from serving.app import build_app
from serving.operating import load_operations
from serving.served import Served, load_served
from serving.settings import SERVED_VARIABLE, Settings

if TYPE_CHECKING:
    from bentoml import Service
    from starlette.types import ASGIApp


def load() -> Served:
    """Load what is served: what the launcher has checked, or else what the settings name."""
    folder = os.environ.get(SERVED_VARIABLE)
    served = Served.load(Path(folder)) if folder else load_served(Settings.from_environment())
    if served.scorer.model is not None:
        # The engine's loops are there before the first asks about many customers at once.
        load_kernels()
    return served


routes = build_app(load, load_operations)


@bentoml.asgi_app(routes, path="/")
@bentoml.service(
    name="tierwise",
    # Never reached: reading a body and what may wait have limits of their own, answered in the usual shape.
    traffic={"timeout": 60},
    # Both would hold paths as they were requested; serving.metrics counts by route instead.
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    http={"host": "127.0.0.1", "port": 3000},
)
class Tierwise:
    """Evaluates customers and justifies every tier exactly; its routes stand in `serving.app`."""

    async def __is_ready__(self) -> bool:
        """Whether what is asked would be done; BentoML asks for /readyz.

        Raises:
            HTTPException: 503 with the reason, which BentoML's own answer to False would not have.
        """
        reason = await routes.state.not_ready()
        if reason is not None:
            raise HTTPException(503, reason)
        return True


def application() -> "ASGIApp":
    """Return the application of one worker, with one-line logging on stderr."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.WARNING)
    logging.getLogger("bentoml").setLevel(logging.WARNING)
    # BentoML's decorators are typed as if the class stayed a class.
    service = cast("Service[Any]", Tierwise)
    return cast("ASGIApp", service.to_asgi(is_main=True))
