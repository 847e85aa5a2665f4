"""Notices as they are sent: made once from a change, for one recipient, in its language."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from features.terms import Language, Text, Tier
from serving.notices import wording
from serving.notices.causes import TierChange
from serving.notices.contacts import Contact
from serving.notices.rules import NoticeRules
from serving.notices.wording import filled, same

CUSTOMER: Final = "customer"
NO_CONTACT: Final = "no_contact"
_DEPARTMENT: Final = "department:"
# Seven bits, so that every server takes it as it is.
_MAIL = SMTP.clone(cte_type="7bit")


class Channel(StrEnum):
    """How a notice goes."""

    EMAIL = "email"
    WEBHOOK = "webhook"


@dataclass(frozen=True, repr=False)
class Recipient:
    """Who is told: `key` is CUSTOMER or names a department; without address `undeliverable` says why.

    `name` is a department's. `secret` names what signs its webhook; a customer's is the customer's own.
    """

    key: str
    language: Language
    channel: Channel | None
    address: str | None
    name: str | None = None
    secret: str | None = None
    undeliverable: str | None = None

    @property
    def is_customer(self) -> bool:
        """Whether it is the customer."""
        return self.key == CUSTOMER


@dataclass(frozen=True, repr=False)
class Content:
    """What is sent, byte for byte, and where to; `sender` of a mail, `secret` of a department's webhook."""

    channel: Channel
    address: str
    sender: str | None
    secret: str | None
    payload: bytes

    def to_bytes(self) -> bytes:
        """Return it in one piece, for sealing."""
        document = {
            "channel": str(self.channel), "address": self.address, "sender": self.sender,
            "secret": self.secret, "payload": self.payload.decode(),
        }  # fmt: skip
        return json.dumps(document, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Content":
        """Return it from what `to_bytes` made."""
        document = json.loads(content)
        return cls(
            Channel(document["channel"]), document["address"], document["sender"], document["secret"],
            document["payload"].encode(),
        )  # fmt: skip


@dataclass(frozen=True)
class Answering:
    """The link by which a customer may answer, and until when."""

    link: str
    until: datetime


def recipients_of(
    rules: NoticeRules, change: TierChange, contact: Contact | None, missing: str = ""
) -> list[Recipient]:
    """Return who is told of a change: the customer always, and the departments that it interests.

    `contact` is None where nobody can be told, as of a customer who was erased: then `missing` says why.
    """
    found = [_customer(rules, contact, missing)]
    for id_, department in rules.departments.items():
        if not department.wants(change.before, change.after):
            continue
        key, language = _DEPARTMENT + id_, department.language
        name = department.names.in_language(language)
        if contact is None:
            found.append(Recipient(key, language, None, None, undeliverable=missing))
        elif department.webhook is not None:
            found.append(
                Recipient(key, language, Channel.WEBHOOK, department.webhook, name, department.secret)
            )
        else:
            found.append(Recipient(key, language, Channel.EMAIL, department.email, name))
    return found


def _customer(rules: NoticeRules, contact: Contact | None, missing: str) -> Recipient:
    if contact is None:
        return Recipient(CUSTOMER, rules.language, None, None, undeliverable=missing)
    language = contact.language or rules.language
    if contact.email is not None:
        return Recipient(CUSTOMER, language, Channel.EMAIL, contact.email)
    if contact.webhook is not None:
        return Recipient(CUSTOMER, language, Channel.WEBHOOK, contact.webhook)
    return Recipient(CUSTOMER, language, None, None, undeliverable=NO_CONTACT)


def render(
    rules: NoticeRules,
    notice: str,
    change: TierChange,
    causes: Sequence[Text],
    contact: Contact,
    recipient: Recipient,
    answering: Answering | None,
    at: datetime,
) -> Content:
    """Return a notice as it is sent.

    Args:
        rules: how notices are given.
        notice: its id.
        change: what it is about.
        causes: why, as `serving.notices.causes` tells it.
        contact: the customer's.
        recipient: who is told, with an address.
        answering: for the customer, how to answer.
        at: when it is made.

    Raises:
        ValueError: the recipient has no address.
    """
    if recipient.channel is None or recipient.address is None:
        raise ValueError("the recipient has no address")
    language = recipient.language
    gained, lost = effect(rules, change.before, change.after, internal=not recipient.is_customer)
    told = {
        "reasons": [text.in_language(language) for text in causes],
        "gained": [text.in_language(language) for text in gained],
        "lost": [text.in_language(language) for text in lost],
    }
    text = _text(rules, notice, change, told, contact, recipient, answering)
    if recipient.channel is Channel.WEBHOOK:
        payload = _json(notice, change, told, contact, language, answering, text)
        return Content(Channel.WEBHOOK, recipient.address, None, recipient.secret, payload)
    if rules.sender is None:
        raise ValueError("the recipient has no address")
    subject = wording.SUBJECT_CUSTOMER if recipient.is_customer else wording.SUBJECT_DEPARTMENT
    mail = EmailMessage(policy=_MAIL)
    # No header holds anything that a customer has given but the address, which was checked.
    mail["From"] = Address(display_name=rules.company.in_language(language), addr_spec=rules.sender)
    mail["To"] = Address(addr_spec=recipient.address)
    mail["Subject"] = subject.in_language(language)
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{notice}@{rules.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    mail["Content-Language"] = str(language)
    return Content(Channel.EMAIL, recipient.address, rules.sender, None, mail.as_bytes())


def effect(
    rules: NoticeRules, before: Tier | None, after: Tier | None, *, internal: bool
) -> tuple[list[Text], list[Text]]:
    """Return what a change of tier brings and what it takes away, without what is internal unless asked."""
    old, new = ({} if tier is None else rules.offers.get(tier, {}) for tier in (before, after))
    gained = [
        offer.names for id_, offer in new.items() if id_ not in old and (internal or not offer.internal)
    ]
    lost = [offer.names for id_, offer in old.items() if id_ not in new and (internal or not offer.internal)]
    return gained, lost


def _text(
    rules: NoticeRules,
    notice: str,
    change: TierChange,
    told: dict[str, list[str]],
    contact: Contact,
    recipient: Recipient,
    answering: Answering | None,
) -> str:
    language, zone = recipient.language, ZoneInfo(rules.time_zone)
    day = same(change.at.astimezone(zone).date().isoformat())
    tiers = {"before": wording.TIERS[change.before], "after": wording.TIERS[change.after]}
    customer = isolated(contact.customer_id)
    if contact.name is not None:
        customer += f" ({isolated(contact.name)})"
    greeted, main = recipient.name, wording.CHANGED_DEPARTMENT
    if recipient.is_customer:
        greeted = None if contact.name is None else isolated(contact.name)
        main = wording.CHANGED_CUSTOMER
    name = wording.NAMELESS if greeted is None else same(greeted)
    lines = [
        filled(wording.GREETING, name=name).in_language(language),
        "",
        filled(main, day=day, customer=same(customer), **tiers).in_language(language),
    ]
    parts = (wording.REASON, told["reasons"]), (wording.GAINED, told["gained"]), (wording.LOST, told["lost"])
    for title, items in parts:
        if items:
            lines += ["", title.in_language(language), *(f"- {item}" for item in items)]
    if not told["gained"] and not told["lost"]:
        lines += ["", wording.NOTHING_ELSE.in_language(language)]
    if answering is not None:
        until = same(answering.until.astimezone(zone).date().isoformat())
        lines += ["", filled(wording.ANSWER, until=until).in_language(language), answering.link]
    lines += ["", rules.company.in_language(language)]
    lines.append(filled(wording.NUMBER, notice=same(notice)).in_language(language))
    return "\n".join(lines) + "\n"


def _json(
    notice: str,
    change: TierChange,
    told: dict[str, list[str]],
    contact: Contact,
    language: Language,
    answering: Answering | None,
    text: str,
) -> bytes:
    data: dict[str, Any] = {
        "notice": notice, "customer_id": contact.customer_id, "name": contact.name,
        "before": change.before and str(change.before), "after": change.after and str(change.after),
        "language": str(language), **told, "text": text,
        "answer_link": answering and answering.link,
        "answer_until": answering and answering.until.isoformat(),
    }  # fmt: skip
    document = {"type": "tier.changed", "timestamp": change.at.isoformat(), "data": data}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def isolated(name: str) -> str:
    """Return a name that, where it is written from right to left, turns nothing around it."""
    turning = any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in name)
    return f"\u2068{name}\u2069" if turning else name
