"""The request of POST /v1/events: one material event, read strictly."""

import math
from collections.abc import Mapping

from features.declared_errors import unknown_fields
from serving.days import day_of
from serving.refusal import Refusal
from serving.reviews.events import Event
from serving.strict_json import parse, refuse_repeated, refuse_unkept

_NEEDED = ("event_id", "type", "customer_id", "occurred_on")
_FIELDS = (*_NEEDED, "indicators", "remark")


def parse_event(body: bytes) -> Event:
    """Read an event.

    Raises:
        Refusal: 400 where the body is no JSON, 422 where it is not what is asked for.
    """
    document = parse(body)
    refuse_unkept(document, "body")
    if not isinstance(document, Mapping):
        raise Refusal(422, f"must be an object with {', '.join(_FIELDS)}", "body")
    refuse_repeated(document, "body")
    unknown = [key for key in document if key not in _FIELDS]
    if unknown:
        raise Refusal(422, unknown_fields(len(unknown), _FIELDS), "body")
    for field in _NEEDED:
        if field not in document:
            raise Refusal(422, "is absent", field)
        if not isinstance(document[field], str):
            raise Refusal(422, "must be a text", field)
    remark = document.get("remark")
    if remark is not None and not isinstance(remark, str):
        raise Refusal(422, "must be a text", "remark")
    indicators = document.get("indicators", {})
    if not isinstance(indicators, Mapping):
        raise Refusal(422, "must be an object of indicators and their new values", "indicators")
    refuse_repeated(indicators, "indicators")
    if not all(value is None or isinstance(value, float | int | bool | str) for value in indicators.values()):
        raise Refusal(422, "each value must be a number, true, false, a text or null", "indicators")
    if any(isinstance(value, float) and not math.isfinite(value) for value in indicators.values()):
        raise Refusal(422, "each number must be finite", "indicators")
    try:
        day = day_of(document["occurred_on"])
    except ValueError:
        raise Refusal(422, "must be a day such as 2026-01-31, from 1900", "occurred_on") from None
    return Event(
        document["event_id"], document["type"], document["customer_id"], day, dict(indicators), remark
    )
