"""How notices are given (M23): to which departments, from whom, how often tried, how customers answer."""

from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from features.terms import RATED_TIERS, Declared, Language, Text, Tier
from serving.notices.addresses import check_email, check_webhook
from serving.notices.offers import OFFERS, Offer


class Direction(StrEnum):
    """Which way a change goes; `other` where a tier begins, ends, or is not rated."""

    UP = "up"
    DOWN = "down"
    OTHER = "other"


_ALL_TIERS, _ALL_DIRECTIONS = tuple(Tier), tuple(Direction)
# Who signs where the procedure names no company: an office, and no name.
_OFFICE = Text.of("客戶管理部門", "客户管理部门", "Customer management")


class Department(Declared):
    """A department that is told: where, in which language, and of which changes.

    Attributes:
        names: what it is called.
        language: in which it is told.
        email: where it is told; or
        webhook: where it is told.
        secret: the name of what signs the webhook: the variable TIERWISE_WEBHOOK_SECRET_<NAME> has it.
        tiers: it is told of a change whose old or new tier is one of these.
        directions: it is told of a change that goes one of these ways.
    """

    names: Text
    language: Language = Language.ZH_HANT
    email: str | None = None
    webhook: str | None = None
    secret: str | None = Field(default=None, pattern=r"^[A-Z][A-Z0-9_]{0,60}$")
    tiers: tuple[Tier, ...] = Field(default=_ALL_TIERS, min_length=1)
    directions: tuple[Direction, ...] = Field(default=_ALL_DIRECTIONS, min_length=1)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.email is None) == (self.webhook is None):
            raise ValueError("give an email or a webhook, not both")
        if (self.webhook is None) != (self.secret is None):
            raise ValueError("a webhook needs the name of its secret, and nothing else does")
        if self.email is not None:
            check_email(self.email)
        if self.webhook is not None:
            check_webhook(self.webhook, inside=True)
        return self

    def wants(self, before: Tier | None, after: Tier | None) -> bool:
        """Whether a change interests the department."""
        return direction(before, after) in self.directions and bool({before, after} & set(self.tiers))


class NoticeRules(Declared):
    """How notices are given.

    Attributes:
        sender: the e-mail address that notices come from; without one e-mail waits.
        company: who signs; given, it also stands above the page on which customers answer.
        time_zone: in which days are told.
        language: of customers who have none.
        departments: who is told, by a name of their own.
        offers: what each tier gets, by a name of its own; what is internal is not told to customers.
        tell_within_days: changes that are older when notices are run are told to nobody, but listed.
        attempts: after which a notice that cannot be delivered is dead.
        first_wait_minutes, wait_factor: the time to the second attempt, and by how much each next is longer.
        timeout_seconds: that a receiver has for each answer.
        inside_webhooks: customers' webhooks may lead into the company's own network, and be http://.
        link_base: the service's address as customers reach it, for links to answer; else there are none.
        link_days: after which a link expires.
        objection_days: within which an objection should be decided on.
    """

    sender: str | None = None
    company: Text = _OFFICE
    time_zone: str = "Asia/Taipei"
    language: Language = Language.ZH_HANT
    departments: dict[str, Department] = {}
    offers: dict[Tier, dict[str, Offer]] = OFFERS
    tell_within_days: int = Field(default=30, ge=1)
    attempts: int = Field(default=8, ge=1, le=20)
    first_wait_minutes: int = Field(default=1, ge=1)
    wait_factor: int = Field(default=4, ge=1, le=10)
    timeout_seconds: float = Field(default=15.0, gt=0, le=120)
    inside_webhooks: bool = False
    link_base: str | None = Field(default=None, pattern=r"^https?://[!-~]{1,200}$")
    link_days: int = Field(default=30, ge=1, le=366)
    objection_days: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.sender is not None:
            check_email(self.sender)
        if not all(self.company.in_language(language).isprintable() for language in Language):
            raise ValueError("company: must be one line of printable text")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, OSError, ValueError):
            raise ValueError("time_zone: is no zone of the IANA database, such as Asia/Taipei") from None
        if set(self.offers) != set(RATED_TIERS):
            raise ValueError(f"offers: give {', '.join(RATED_TIERS)}")
        for name in self.departments:
            if not name.isidentifier() or len(name) > 40:
                raise ValueError("departments: name each as one word of up to 40 letters, digits and _")
        return self

    @property
    def company_name(self) -> Text | None:
        """The company's name; None where the procedure gives none."""
        # What was adopted has its defaults written out, so that it is the text that tells.
        return None if self.company == _OFFICE else self.company

    def wait_after(self, failures: int) -> int:
        """Return the minutes to wait after so many failures in a row, 1 or more."""
        return int(self.first_wait_minutes * self.wait_factor ** (failures - 1))


def direction(before: Tier | None, after: Tier | None) -> Direction:
    """Return which way a change goes."""
    if before not in RATED_TIERS or after not in RATED_TIERS:
        return Direction.OTHER
    return Direction.UP if RATED_TIERS.index(after) < RATED_TIERS.index(before) else Direction.DOWN
