"""Customers' particulars: name, language and contacts, checked when they are taken, and kept sealed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from features.terms import Language
from serving.notices.addresses import AddressError, check_email, check_webhook
from serving.store.customers import KnownCustomer, particulars_of

FIELDS: Final = ("name", "language", "email", "webhook")
_LONGEST_NAME = 200
# Blanks of other scripts and of word processors, which people do not mean to be anything else.
_BLANKS = str.maketrans(dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\u3000", " "))


class ParticularsError(ValueError):
    """A particular cannot be taken; the field and what it must be, never the value."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, repr=False)
class Contact:
    """How a customer is written to; None for what is not known."""

    customer_id: str
    name: str | None
    language: Language | None
    email: str | None
    webhook: str | None


def contact_of(connection: Connection, customer: KnownCustomer) -> Contact:
    """Return how a customer is written to."""
    kept = particulars_of(connection, customer)
    language = kept.get("language")
    return Contact(
        kept["customer_id"], kept.get("name"), None if language is None else Language(language),
        kept.get("email"), kept.get("webhook"),
    )  # fmt: skip


def checked_particulars(given: Mapping[str, str | None], *, inside: bool) -> dict[str, str | None]:
    """Return particulars as they are kept; what is empty or None is to be taken away.

    Args:
        given: of FIELDS those that are told.
        inside: whether webhooks may lead into the company's own network.

    Raises:
        ParticularsError: the first that cannot be taken.
    """
    checks: dict[str, Callable[[str], str]] = {
        "name": _name, "language": _language, "email": check_email,
        "webhook": lambda text: check_webhook(text, inside=inside),
    }  # fmt: skip
    found: dict[str, str | None] = {}
    for field, value in given.items():
        text = "" if value is None else value.translate(_BLANKS).strip()
        try:
            found[field] = checks[field](text) if text else None
        except AddressError as error:
            raise ParticularsError(field, str(error)) from None
    return found


def _name(text: str) -> str:
    # Nothing that breaks the line, turns the writing direction or does not show.
    if len(text) > _LONGEST_NAME or not text.isprintable():
        reason = f"must be one line of printable text, up to {_LONGEST_NAME} characters"
        raise ParticularsError("name", reason)
    return text


def _language(text: str) -> str:
    by_name = {str(language).lower(): language for language in Language}
    found = by_name.get(text.lower().replace("_", "-"))
    if found is None:
        raise ParticularsError("language", f"must be one of {', '.join(Language)}")
    return str(found)
