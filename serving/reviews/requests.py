"""The requests of the routes for cases and departments' answers, read strictly."""

from pydantic import Field

from features.terms import Declared, Tier
from serving.request_fields import VOCABULARY

_LONGEST_ID, _LONGEST_WORD = 200, 32


class CustomerRequest(Declared):
    """Which customer, and why."""

    customer_id: str = Field(description="As in evaluations.", examples=["C-0001"])
    because: str | None = Field(default=None, description="The reason, in your words.")


class QuestionRequest(Declared):
    """What a department is asked for."""

    department: str = Field(
        min_length=1, max_length=_LONGEST_WORD, description="Any name; the procedure has these.",
        examples=["finance"], json_schema_extra={VOCABULARY: "departments"},
    )  # fmt: skip
    question: str = Field(examples=["Is invoice INV-1001 paid by now?"])


class AnswerRequest(Declared):
    """What a department answers, and whether that is all that was asked for."""

    text: str = Field(examples=["Paid on Monday."])
    complete: bool = Field(examples=[True])


class ProposeRequest(Declared):
    """The tier that is proposed, and on which decision; another than the decision's is an override.

    Of an alarm `because` alone, which says what to do about it.
    """

    tier: Tier | None = Field(
        default=None,
        description="What the decision leads to, unless an override is given; of an alarm none.",
        examples=["risk"],
        json_schema_extra={"enum": [str(tier) for tier in Tier]},
    )
    because: str = Field(description="The reason, in your words.", examples=["the default stands"])
    decision: str | None = Field(
        default=None,
        description="The customer's newest decision: `newest_decision` of GET /v1/cases/{case}.",
        examples=["0" * 32],
    )
    override: str | None = Field(
        default=None, description="Why another tier than the decision's.",
        json_schema_extra={VOCABULARY: "override_reasons"},
    )  # fmt: skip
    days: int | None = Field(
        default=None, ge=1,
        description="After which an override ends; the procedure's most if left out, and never more.",
    )  # fmt: skip


class JudgementRequest(Declared):
    """What goes with a judgement, for whoever reads it later."""

    findings: str | None = Field(default=None, description="What was found; needed where a model is judged.")
    conditions: str | None = Field(default=None, description="Under which conditions.")


class ApproveRequest(JudgementRequest):
    """Which version of the proposal is approved: the one that was read."""

    version: int = Field(description="`version` of GET /v1/cases/{case}.", examples=[1])


class RejectRequest(ApproveRequest):
    """Which version of the proposal is rejected, and why."""

    because: str = Field(description="The reason, in your words.", examples=["the figures are a year old"])
