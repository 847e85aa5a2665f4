"""The requests of the routes of oversight, read strictly."""

from typing import Literal, Self

from pydantic import Field, model_validator

from features.terms import Declared
from serving.request_fields import Day
from serving.supervision.words import Severity


class PeriodQuery(Declared):
    """Of which days, both included; the year up to today without them."""

    first: Day | None = Field(default=None, alias="from", description="The first day.")
    last: Day | None = Field(default=None, alias="to", description="The last day. [today]")


class DrawRequest(Declared):
    """How many decisions of a period are drawn; with the same seed anybody draws the same."""

    size: int = Field(description="How many decisions.", examples=[30])
    seed: int = Field(description="Of the random numbers.", examples=[7])
    first: Day = Field(alias="from", description="The first day on which they were made.")
    last: Day = Field(
        alias="to", description="The last day on which they were made.", examples=["2025-09-30"]
    )
    stratify: Literal["tier"] | None = Field(default=None, description="The same share of every tier.")


class ItemsQuery(Declared):
    """Of which sample; without one all that is to do."""

    inspection: str | None = Field(default=None, description="`inspection` of what was drawn.")


class FindingRequest(Declared):
    """What an inspection came to: `ok` alone, or what was found, with the remedy."""

    ok: bool = Field(
        description="True: nothing wrong, and nothing else is given. False: with finding, severity, remedy.",
        examples=[False],
    )
    finding: str | None = Field(
        default=None, description="What is wrong.", examples=["the newest statement was not used"]
    )
    severity: Severity | None = Field(default=None, examples=["major"])
    remedy: str | None = Field(
        default=None, description="What is to be done.", examples=["evaluate with the statement of June"]
    )
    days: int | None = Field(default=None, description="Within which. [the procedure's remedy_days]")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        said = (self.finding, self.severity, self.remedy)
        if self.ok and any(part is not None for part in (*said, self.days)):
            raise ValueError("ok is true, and yet there is a finding")
        if not self.ok and None in said:
            raise ValueError("where ok is false, give finding, severity and remedy")
        return self
