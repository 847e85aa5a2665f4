"""The request of POST /v1/events: one material event, read strictly."""

import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from features.terms import Declared
from serving.procedure import Procedure
from serving.request_fields import VOCABULARY, Day, fields, read_request
from serving.reviews.events import LONGEST_ID, LONGEST_REMARK, Event


def _value(value: Any) -> float | bool | str | None:
    if value is not None and not isinstance(value, float | int | bool | str):
        raise ValueError("each value must be a number, true, false, a text or null")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("each number must be finite")
    return value


# Not a union, which would make a float of a whole number: the event's content would be another.
Value = Annotated[
    Any, AfterValidator(_value), WithJsonSchema({"type": ["number", "boolean", "string", "null"]})
]


class EventRequest(Declared):
    """A material event; the same `event_id` with the same content is taken once."""

    event_id: str = Field(max_length=LONGEST_ID, description="The sender's own.", examples=["erp-1001"])
    type: str = Field(
        description="One of the procedure's; its severity says what follows.",
        examples=["payment_default"],
        json_schema_extra={VOCABULARY: "event_types"},
    )
    customer_id: str = Field(description="Registered: evaluated at least once.", examples=["C-0001"])
    occurred_on: Day = Field(description="Not in the future.")
    indicators: dict[str, Value] = Field(
        default={}, description="Values that have changed by it, by indicator; null takes one away."
    )
    remark: str | None = Field(default=None, min_length=1, max_length=LONGEST_REMARK)

    def event(self) -> Event:
        """Return the event."""
        return Event(
            self.event_id, self.type, self.customer_id, self.occurred_on, dict(self.indicators), self.remark
        )


def example_events(procedure: Procedure) -> list[dict[str, str]]:
    """Return an event of each type as `parse_event` takes it, of yesterday.

    The customer is to be put in: events are about those who were evaluated.
    """
    day = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    return [
        {"event_id": f"example-{number}", "type": type_, "customer_id": "CUSTOMER", "occurred_on": day}
        for number, type_ in enumerate(procedure.events, start=1)
    ]


def parse_event(body: bytes) -> Event:
    """Read an event.

    Raises:
        Refusal: 400 where the body is no JSON, 422 where it is not what is asked for.
    """
    return read_request(EventRequest, fields(body)).event()
