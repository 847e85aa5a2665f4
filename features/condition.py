"""Conditions on one indicator, as catalogs (applies_when) and policies (vetoes) declare them."""

from pydantic import Field, model_validator

from features.terms import Declared


class Condition(Declared):
    """One test on one indicator: exactly one of `is`, `at_least`, `at_most`, `below`, `above`."""

    indicator: str
    is_: tuple[str, ...] | bool | None = Field(default=None, alias="is")
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Condition":
        tests = (self.is_, self.at_least, self.at_most, self.below, self.above)
        if sum(test is not None for test in tests) != 1:
            raise ValueError("give exactly one of is, at_least, at_most, below, above")
        if self.is_ == ():
            raise ValueError("is: give at least one level")
        return self
