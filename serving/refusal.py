"""Refusals: why a request is not answered, in the one shape that every error body has."""

from typing_extensions import TypedDict


class ErrorDetail(TypedDict):
    """What was wrong: the customer's position in the batch (from 0) where there is one, field and reason."""

    customer: int | None
    field: str | None
    reason: str


class ErrorBody(TypedDict):
    """The body of every answer with a status of 400 or more."""

    error: ErrorDetail


class Refusal(Exception):
    """A request that is not answered: HTTP status, position, field and reason, and never a value."""

    def __init__(
        self, status: int, reason: str, field: str | None = None, customer: int | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.field = field
        self.customer = customer

    def body(self) -> ErrorBody:
        """Return the error body."""
        return {"error": {"customer": self.customer, "field": self.field, "reason": self.reason}}
