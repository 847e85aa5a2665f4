"""The requests about customers' particulars and customers' own answers, read strictly."""

from typing import Self

from pydantic import Field, model_validator

from features.terms import Declared
from serving.notices.feedback import LONGEST_OBJECTION, SATISFACTION


class ParticularsRequest(Declared):
    """How a customer is written to: some of these; null takes one away, what is absent stays."""

    name: str | None = Field(default=None, examples=["Example Trading Ltd"])
    language: str | None = Field(default=None, description="zh-Hant, zh-Hans or en.", examples=["en"])
    email: str | None = Field(default=None, examples=["accounts@example.com"])
    webhook: str | None = Field(default=None, description="https://…, instead of e-mail.")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give some of name, language, email, webhook")
        return self


class FeedbackRequest(Declared):
    """What a customer answers to a notice: satisfaction, an objection, or both."""

    satisfaction: int | None = Field(default=None, ge=SATISFACTION[0], le=SATISFACTION[-1], examples=[4])
    objection: str | None = Field(
        default=None, max_length=LONGEST_OBJECTION, description="Opens a case, or joins the open one.",
        examples=["Invoice INV-1001 was paid in time."],
    )  # fmt: skip
