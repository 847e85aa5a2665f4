"""The route by which customers' particulars are told."""

from typing import Any

from serving.access.roles import Actor
from serving.notices.contacts import ParticularsError, checked_particulars
from serving.notices.requests import ParticularsRequest
from serving.refusal import Refusal
from serving.reviews.office import Office
from serving.store.customers import customer_of, set_particulars


def take_particulars(
    office: Office, actor: Actor, customer_id: str, told: ParticularsRequest
) -> dict[str, Any]:
    """Keep some of name, language, email and webhook of a customer; null takes away, what is absent stays.

    Raises:
        Refusal: 422 with the first field that is wrong.
        UnknownCustomer: the customer is not registered.
    """
    given = told.model_dump(exclude_unset=True)
    try:
        checked = checked_particulars(given, inside=office.procedure.notices.inside_webhooks)
    except ParticularsError as error:
        raise Refusal(422, error.reason, error.field) from None
    with office.store.writing(actor.name) as writing:
        known = customer_of(writing.connection, office.store.keyring, customer_id)
        digest = set_particulars(writing, known, checked)
        writing.record("particulars.set", known.id, {"fields": sorted(checked), "digest": digest})
    return {"customer_id": customer_id, "set": sorted(checked)}
