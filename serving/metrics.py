"""Figures of the running service for Prometheus: aggregates by route, status and tier, and no values.

BentoML's own are switched off: they label by the path as requested, which is unbounded and whatever a
caller wrote there.
"""

import os
from collections.abc import Iterable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from models.answer import Answer

CONTENT_TYPE = CONTENT_TYPE_LATEST
# prometheus_client reads this when it is imported: where several workers put their figures together.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_REQUESTS = Counter("tierwise_requests_total", "Requests answered", ("route", "status"))
_SECONDS = Histogram(
    "tierwise_request_seconds",
    "Time from a request's headers to its answer",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_DECISIONS = Counter("tierwise_decisions_total", "Customers decided on", ("nature", "tier"))
_REVIEWS = Counter("tierwise_reviews_total", "Customers marked for review")


def count_request(route: str, status: int, seconds: float) -> None:
    """Count one request by its route's name, never by the path as requested."""
    _REQUESTS.labels(route, str(status)).inc()
    _SECONDS.labels(route).observe(seconds)


def count_decisions(answers: Iterable[Answer]) -> None:
    """Count served decisions."""
    for answer in answers:
        _DECISIONS.labels(answer["nature"], answer["tier"]).inc()
        if answer["review"]:
            _REVIEWS.inc()


def exposition() -> bytes:
    """Return all figures in Prometheus's text format, of all workers together."""
    if not os.environ.get(FOLDER_VARIABLE):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
