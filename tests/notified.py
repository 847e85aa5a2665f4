"""Stores whose customers have contacts and whose changes are to be told, for the tests of notices."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from features.terms import Language, Text, Tier
from serving.notices.contacts import checked_particulars
from serving.notices.outbox import Outbox
from serving.notices.rules import Department, NoticeRules
from serving.notices.sending import Round, send_due, transports_of
from serving.procedure import Procedure
from serving.reviews.standings import Layer, put_in_force, standing_of
from serving.store.case_tables import changes
from serving.store.customers import customer_of, set_particulars
from serving.store.notice_tables import notice_attempts, notices
from serving.store.store import Store

SENDER = "notices@tierwise.example.com"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
LINKS = "https://tierwise.example.com"


class Clock:
    """A clock that stands until it is moved on."""

    def __init__(self) -> None:
        self.moment = datetime(2027, 3, 1, 4, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


def procedure(sales: str | None = None, **rules: Any) -> Procedure:
    """Return a procedure: finance is told of risk by e-mail, sales of everything by a webhook."""
    departments = {
        "finance": Department(
            names=_text("Finance"), language=Language.ZH_HANS, email="finance@tierwise.example.com",
            tiers=(Tier.RISK,),
        )
    }  # fmt: skip
    if sales is not None:
        departments["sales"] = Department(
            names=_text("Sales"), language=Language.EN, webhook=sales, secret="SALES"
        )
    given = {
        "sender": SENDER, "link_base": LINKS, "departments": departments, "inside_webhooks": True,
        "timeout_seconds": 1.0,
    }  # fmt: skip
    return Procedure(notices=NoticeRules(**{**given, **rules}))


def _text(name: str) -> Text:
    return Text(zh_hant=name, zh_hans=name, en=name)


def clocked(store: Store) -> Clock:
    """Give a store a clock to be moved by hand."""
    clock = Clock()
    store.clock = clock
    return clock


def tell(store: Store, customer_id: str, **given: str | None) -> None:
    """Tell a customer's particulars."""
    with store.writing("ann") as writing:
        known = customer_of(writing.connection, store.keyring, customer_id)
        set_particulars(writing, known, checked_particulars(given, inside=True))
        writing.record("particulars.set", known.id, {})


def pseudonym(store: Store, customer_id: str) -> str:
    with store.reading() as connection:
        return customer_of(connection, store.keyring, customer_id).id


def change(store: Store, customer_id: str, tier: Tier, decision: str | None = None) -> str:
    """Put a tier in force; return the change's id."""
    customer = pseudonym(store, customer_id)
    with store.writing("ann") as writing:
        made = put_in_force(
            writing, customer, Layer.APPROVED, tier, decision=decision, reason="periodic"
        )  # fmt: skip
    assert made is not None
    return made.id


def other_tier(store: Store, customer_id: str) -> Tier:
    """Return a tier that the customer does not have."""
    with store.reading() as connection:
        now = standing_of(connection, customer_of(connection, store.keyring, customer_id).id, store.clock())
    return Tier.RISK if now.tier is not Tier.RISK else Tier.GOOD


def send(outbox: Outbox, environment: dict[str, str]) -> Round:
    """Do one round with channels of its own, as a process that has just started."""
    environment = {"TIERWISE_WEBHOOK_SECRET_SALES": SECRET, **environment}
    return send_due(outbox, transports_of(outbox, environment), "notices")


def kept(store: Store) -> dict[tuple[str, str], tuple[str, str | None]]:
    """Return state and reason of each notice by its change and recipient."""
    with store.reading() as connection:
        rows = connection.execute(select(notices)).all()
    assert len({(row.change, row.recipient) for row in rows}) == len(rows)
    return {(row.change, row.recipient): (row.state, row.reason) for row in rows}


def attempts(store: Store) -> list[tuple[datetime, str]]:
    """Return when attempts were made, and what came of them."""
    with store.reading() as connection:
        rows = connection.execute(
            select(notice_attempts).order_by(notice_attempts.c.at, notice_attempts.c.number)
        ).all()
    return [(row.at, row.outcome) for row in rows]


def all_changes(store: Store) -> set[str]:
    with store.reading() as connection:
        return set(connection.execute(select(changes.c.id)).scalars())
