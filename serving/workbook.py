"""Answers as an Excel workbook, as offices use it: a sheet of customers and a sheet of contributions.

No cell is ever a formula: texts are written as texts, whatever they start with.
"""

from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from features.catalog import Catalog, Kind
from features.terms import Language, Nature, Text, Tier
from models.answer import Answer, Contribution
from models.policy import Policy
from models.reasons import tier_name
from serving.answer_words import NATURES, REFERENCE, STATUSES

MAX_SHEET_ROWS = 1_048_576

_CUSTOMERS = Text(zh_hant="客戶", zh_hans="客户", en="Customers")
_CONTRIBUTIONS = Text(zh_hant="貢獻", zh_hans="贡献", en="Contributions")
_YES = Text(zh_hant="是", zh_hans="是", en="yes")
_NO = Text(zh_hant="否", zh_hans="否", en="no")

# Heading, width in characters.
_CUSTOMER_COLUMNS = (
    (Text(zh_hant="客戶編號", zh_hans="客户编号", en="Customer"), 18),
    (Text(zh_hant="客戶性質", zh_hans="客户性质", en="Nature"), 16),
    (Text(zh_hant="評估日", zh_hans="评估日", en="As of"), 12),
    (Text(zh_hant="等級（建議）", zh_hans="等级（建议）", en="Tier (indicative)"), 20),
    (Text(zh_hant="綜合評分", zh_hans="综合评分", en="Score"), 10),
    (Text(zh_hant="違約機率", zh_hans="违约概率", en="Probability"), 12),
    (Text(zh_hant="基準評分", zh_hans="基准评分", en="Baseline score"), 14),
    (Text(zh_hant="基準等級", zh_hans="基准等级", en="Baseline tier"), 18),
    (Text(zh_hant="模型評分", zh_hans="模型评分", en="Model score"), 14),
    (Text(zh_hant="模型等級", zh_hans="模型等级", en="Model tier"), 18),
    (Text(zh_hant="資料完整度", zh_hans="资料完整度", en="Completeness"), 14),
    (Text(zh_hant="理由", zh_hans="理由", en="Reasons"), 90),
    (Text(zh_hant="管理策略", zh_hans="管理策略", en="Strategies"), 45),
    (Text(zh_hant="待複核", zh_hans="待复核", en="For review"), 30),
    (Text(zh_hant="模型版本", zh_hans="模型版本", en="Model version"), 16),
    (Text(zh_hant="政策雜湊", zh_hans="政策哈希", en="Policy hash"), 14),
    (Text(zh_hant="目錄雜湊", zh_hans="目录哈希", en="Catalog hash"), 14),
)
_CONTRIBUTION_COLUMNS = (
    (Text(zh_hant="客戶編號", zh_hans="客户编号", en="Customer"), 18),
    (Text(zh_hant="維度", zh_hans="维度", en="Dimension"), 22),
    (Text(zh_hant="指標", zh_hans="指标", en="Indicator"), 40),
    (Text(zh_hant="值", zh_hans="值", en="Value"), 20),
    (Text(zh_hant="分數", zh_hans="分数", en="Points"), 12),
    (Text(zh_hant="狀態", zh_hans="状态", en="Status"), 16),
)

_HEADER_FONT = Font(bold=True)
_HEADER_FILL = PatternFill("solid", fgColor="DDE6F0")
# What Excel itself takes for the start of a formula when it is typed.
_FORMULA = ("=", "+", "-", "@")
_WRAPPED = Alignment(wrap_text=True, vertical="top")
_TOP = Alignment(vertical="top")


class ExcelOutput:
    """A workbook that is written row by row. Numbers are exact, shown rounded."""

    def __init__(self, path: Path, catalog: Catalog, policy: Policy, language: Language) -> None:
        self._path = path
        self._catalog = catalog
        self._policy = policy
        self._language = language
        self._book = Workbook(write_only=True)
        self._customers = _Sheets(self._book, _CUSTOMERS.in_language(language), _CUSTOMER_COLUMNS, language)
        self._contributions = _Sheets(
            self._book, _CONTRIBUTIONS.in_language(language), _CONTRIBUTION_COLUMNS, language
        )

    def write(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self._customers.row(self._customer(answer))
            base = REFERENCE.in_language(self._language)
            self._contributions.row([answer["customer_id"], None, base, None, answer["base"], None])
            for contribution in answer["contributions"]:
                self._contributions.row([answer["customer_id"], *self._contribution(contribution)])

    def _customer(self, answer: Answer) -> list[Any]:
        model = answer["model"]
        return [
            answer["customer_id"],
            NATURES[Nature(answer["nature"])].in_language(self._language),
            answer["as_of"],
            self._tier(answer["tier"]),
            answer["score"],
            answer["probability"],
            answer["baseline"]["score"],
            self._tier(answer["baseline"]["tier"]),
            model["score"] if model else None,
            self._tier(model["tier"]) if model else None,
            answer["completeness"],
            "\n".join(answer["reasons"]),
            "\n".join(answer["strategies"]),
            "\n".join(answer["review"]),
            answer["model_version"],
            answer["policy_hash"],
            answer["catalog_hash"],
        ]

    def _contribution(self, line: Contribution) -> list[Any]:
        placed = self._catalog.by_id[line["indicator"]]
        value = line["value"]
        if isinstance(value, bool):
            value = (_YES if value else _NO).in_language(self._language)
        elif placed.indicator.kind is Kind.CATEGORY and value in (placed.indicator.levels or {}):
            value = (placed.indicator.levels or {})[str(value)].names.in_language(self._language)
        return [
            placed.dimension.names.in_language(self._language),
            placed.indicator.names.in_language(self._language),
            value,
            line["points"],
            STATUSES[line["status"]].in_language(self._language),
        ]

    def _tier(self, tier: str) -> str:
        return tier_name(Tier(tier), self._policy).in_language(self._language)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._customers.finish()
        self._contributions.finish()
        self._book.save(self._path)


class _CellStyle(Enum):
    TEXT = auto()
    WRAPPED = auto()
    QUOTED = auto()
    NUMBER = auto()


class _Sheets:
    """Rows under a frozen, filtered header; when a sheet is full, the next one goes on."""

    def __init__(
        self, book: Workbook, title: str, columns: Sequence[tuple[Text, int]], language: Language
    ) -> None:
        self._book = book
        self._title = title
        self._columns = [(heading.in_language(language), width) for heading, width in columns]
        self._count = 0
        self._open()

    def row(self, values: Sequence[Any]) -> None:
        """Add a row; None is an empty cell."""
        if self._rows == MAX_SHEET_ROWS:
            self.finish()
            self._open()
        self._sheet.append([self._cell(place, value) for place, value in enumerate(values)])
        self._rows += 1

    def finish(self) -> None:
        """Set the filter over all rows."""
        self._sheet.auto_filter.ref = f"A1:{get_column_letter(len(self._columns))}{self._rows}"

    def _open(self) -> None:
        self._count += 1
        title = self._title if self._count == 1 else f"{self._title} {self._count}"
        self._sheet = self._book.create_sheet(title)
        self._sheet.freeze_panes = "B2"
        for place, (_, width) in enumerate(self._columns, start=1):
            self._sheet.column_dimensions[get_column_letter(place)].width = width
        header = []
        for heading, _ in self._columns:
            cell = WriteOnlyCell(self._sheet, heading)
            cell.font, cell.fill, cell.alignment = _HEADER_FONT, _HEADER_FILL, _WRAPPED
            header.append(cell)
        self._sheet.append(header)
        self._rows = 1
        # A row is written when it is appended, so that one cell of each style and column serves them all;
        # to style every cell anew takes most of the time.
        places = range(len(self._columns))
        self._texts, self._wrapped, self._quoted, self._numbers = (
            [self._styled(style) for _ in places] for style in _CellStyle
        )

    def _styled(self, style: "_CellStyle") -> Cell:
        cell = WriteOnlyCell(self._sheet)
        cell.alignment = _WRAPPED if style is _CellStyle.WRAPPED else _TOP
        cell.quotePrefix = style is _CellStyle.QUOTED
        if style is _CellStyle.NUMBER:
            cell.number_format = "0.00##"
        return cell

    def _cell(self, place: int, value: Any) -> Cell | None:
        """Return the cell of one column that holds a text, a float or nothing."""
        if value is None:
            return None
        if isinstance(value, float):
            cell = self._numbers[place]
            # Of a float openpyxl writes 16 digits; its shortest exact form has up to 17.
            cell.value, cell.data_type = repr(value), "n"
            return cell
        if value.startswith(_FORMULA):
            cell = self._quoted[place]
        else:
            cell = (self._wrapped if "\n" in value else self._texts)[place]
        # Named a text, for else one that starts with = would become a formula.
        cell.value, cell.data_type = value, "s"
        return cell
