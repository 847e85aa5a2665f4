"""What a department delivers: tables of dated records, their columns, and how cells are written."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from features.terms import Declared, Text

_IDENTIFIER = r"^[a-z][a-z0-9_]*$"
_REFERENCE = r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"
CUSTOMERS = "customers"
NATURE = "nature"
# What a staged table adds to the declared columns.
RESERVED = frozenset({"customer_id", "row", "source"})


class ColumnType(StrEnum):
    """What a column's cells are, once read."""

    KEY = "key"
    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    DATE = "date"


class CellScale(StrEnum):
    """The unit in which a number is written: the cell times this is the value."""

    ONE = "one"
    PERCENT = "percent"
    PER_MILLE = "per_mille"
    THOUSAND = "thousand"
    WAN = "wan"  # 萬/万
    MILLION = "million"
    YI = "yi"  # 億/亿

    @property
    def factor(self) -> float:
        """What a cell is multiplied by."""
        return _FACTORS[self]


_FACTORS = {
    CellScale.ONE: 1.0,
    CellScale.PERCENT: 0.01,
    CellScale.PER_MILLE: 0.001,
    CellScale.THOUSAND: 1e3,
    CellScale.WAN: 1e4,
    CellScale.MILLION: 1e6,
    CellScale.YI: 1e8,
}


class DateOrder(StrEnum):
    """How a date such as 03/04/2024 is meant; where the year stands first there is no doubt."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


class Column(Declared):
    """One column.

    `aliases` are headers under which it is delivered, beside its id and its names. `scale` is the unit of
    cells that are numbers. `currency` is a code of ISO 4217, or `column:` and the column that holds one.
    `levels` maps cells of a text to what they mean; with them other texts are refused.
    """

    type: ColumnType
    names: Text | None = None
    aliases: tuple[str, ...] = ()
    required: bool = False
    scale: CellScale = CellScale.ONE
    currency: str | None = Field(default=None, pattern=r"^([A-Z]{3}|column:[a-z][a-z0-9_]*)$")
    minimum: float | None = None
    maximum: float | None = None
    date_order: DateOrder | None = None
    levels: dict[str, str] | None = None
    missing: tuple[str, ...] = ()
    confidential: bool = True

    @model_validator(mode="after")
    def _fits_type(self) -> Self:
        numeric = self.type is ColumnType.NUMBER
        number_only = (self.scale is not CellScale.ONE, self.currency, self.minimum, self.maximum)
        if not numeric and any(setting not in (None, False) for setting in number_only):
            raise ValueError("scale, currency, minimum and maximum are for numbers")
        if self.date_order is not None and self.type is not ColumnType.DATE:
            raise ValueError("date_order is for dates")
        if self.levels is not None and self.type is not ColumnType.TEXT:
            raise ValueError("levels are for texts")
        if self.levels == {}:
            raise ValueError("levels: give at least one")
        return self


class RecordTable(Declared):
    """A table of dated records; see docs/decisions/007-records-to-indicators.md.

    A row counts from the day it became known: `known_at`, else `effective`, plus `known_after_days`. `record`
    names the columns that, with the customer, say which record a row is of; without it every row is one.
    """

    names: Text
    department: str = Field(pattern=_IDENTIFIER)
    key: str = Field(pattern=_IDENTIFIER)
    key_system: str | None = Field(default=None, pattern=_IDENTIFIER)
    key_of: str | None = Field(default=None, pattern=_REFERENCE)
    effective: str | None = Field(default=None, pattern=_IDENTIFIER)
    known_at: str | None = Field(default=None, pattern=_IDENTIFIER)
    known_after_days: int = Field(default=0, ge=0)
    record: tuple[str, ...] = ()
    withdrawn: str | None = Field(default=None, pattern=_IDENTIFIER)
    complete: bool = True
    columns: dict[str, Column] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        reserved = RESERVED & set(self.columns)
        if reserved:
            raise ValueError(
                f"column {min(reserved)}: the name is taken; give it another, and this one as an alias"
            )
        self._check("key", self.key, ColumnType.KEY)
        for what, name in (("effective", self.effective), ("known_at", self.known_at)):
            if name is not None:
                self._check(what, name, ColumnType.DATE)
        if self.withdrawn is not None:
            self._check("withdrawn", self.withdrawn, ColumnType.FLAG)
        for name in self.record:
            self._check("record", name, None)
        if self.withdrawn is not None and not self.record:
            raise ValueError("withdrawn: say under record what a record is")
        for name, column in self.columns.items():
            if column.currency is not None and column.currency.startswith("column:"):
                self._check(
                    f"column {name}: currency", column.currency.removeprefix("column:"), ColumnType.TEXT
                )
        return self

    def _check(self, what: str, name: str, type_: ColumnType | None) -> None:
        column = self.columns.get(name)
        if column is None:
            raise ValueError(f"{what}: there is no column {name}")
        if type_ is not None and column.type is not type_:
            raise ValueError(f"{what}: column {name} must be of type {type_}")

    @property
    def system(self) -> str:
        """The key system of its customers' keys."""
        return self.key_system or self.department
