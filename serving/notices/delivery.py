"""Handing a notice over, by whatever channel: done, or why not."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from serving.notices.rendering import Content


class Reason(StrEnum):
    """Why a notice was not handed over: a class of its own for each kind, and never a receiver's words.

    `refused`, `erased` and `unreadable` are for good; whatever else it is, the notice is tried again. By
    `sender` a server refuses us, whoever the recipient is.
    """

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    TLS = "tls"
    LOGIN = "login"
    TEMPORARY = "temporary"
    REDIRECTED = "redirected"
    REFUSED = "refused"
    SENDER = "sender"
    ERASED = "erased"
    UNREADABLE = "unreadable"


FINAL = frozenset({Reason.REFUSED, Reason.ERASED, Reason.UNREADABLE})
# Whoever is meant by these is out of reach for others too.
OUT_OF_REACH = frozenset({Reason.UNREACHABLE, Reason.TIMEOUT, Reason.TLS, Reason.LOGIN, Reason.SENDER})


class NotDelivered(Exception):
    """A notice was not handed over, as far as is known."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class NotSetUp(Exception):
    """Nothing can be handed over by a channel yet; what must be set, in one line."""


class Transport(Protocol):
    """A channel."""

    def server_of(self, content: Content) -> str:
        """Return which server takes a notice, so that one that is out of reach is not asked again at once."""

    def deliver(self, notice: str, customer: str, content: Content, at: datetime) -> None:
        """Hand a notice over.

        Args:
            notice: its id, by which a receiver knows a repeat.
            customer: whom it is about, by pseudonym.
            content: what is sent, and where to.
            at: this moment.

        Raises:
            NotDelivered: it was not taken, or it is not known whether it was.
            NotSetUp: a setting is missing.
        """

    def close(self) -> None:
        """Close connections."""
