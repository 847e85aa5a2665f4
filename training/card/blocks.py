"""What a card is made of, whatever it is written as: sections of paragraphs, lists, tables and plots.

Every figure stands in a span of its own that carries it, so that both writers can say where it is from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from string import Formatter

from features.terms import Language
from training.card.figures import Figure


@dataclass(frozen=True)
class Span:
    """A piece of text; where it shows a figure, that figure."""

    text: str
    figure: Figure | None = None


Spans = tuple[Span, ...]


class Style(StrEnum):
    """How a column or a cell is set: words, numbers, hashes and names of files, or a verdict."""

    TEXT = "text"
    NUMBER = "number"
    CODE = "code"
    GOOD = "good"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its spans, a second line in small, and a shade from −1 (less risk) to 1 (more)."""

    spans: Spans
    style: Style | None = None
    below: Spans = ()
    shade: float | None = None

    @property
    def text(self) -> str:
        """All of it as text."""
        return plain(self.spans)


@dataclass(frozen=True)
class Column:
    """A column of a table: its head, how its cells are set, its share of what room is left (0: as needed)."""

    head: str
    style: Style = Style.TEXT
    room: int = 0


@dataclass(frozen=True)
class Row:
    """A row of a table: its cells, the first of which heads it; a single one heads the rows that follow."""

    cells: tuple[Cell, ...]

    @property
    def heads(self) -> bool:
        """Whether it heads the rows that follow."""
        return len(self.cells) == 1


class Tone(StrEnum):
    """What a paragraph is: said, a note in small, the title of what follows, or not to be missed."""

    PLAIN = "plain"
    NOTE = "note"
    TITLE = "title"
    WARNING = "warning"


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    spans: Spans
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[Spans, ...]


@dataclass(frozen=True)
class Table:
    """A table, with a caption where it has one; a `heat` table is a grid of shaded cells."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    heat: bool = False


@dataclass(frozen=True)
class Plot:
    """A plot as SVG for the style sheet of `models.export_html`, with what it shows in words."""

    svg: str
    title: str
    narrow: bool = False


@dataclass(frozen=True)
class Lines:
    """Empty lines to sign on: a table's heads, and who is to sign."""

    heads: tuple[str, ...]
    roles: tuple[str, ...]


Block = Paragraph | Bullets | Table | Plot | Lines


@dataclass(frozen=True)
class Section:
    """A section: `level` 2 or 3; an `annex` begins a page, and its figures are told by number alone."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    level: int = 2
    annex: bool = False


@dataclass(frozen=True)
class Page:
    """A whole card in one language."""

    language: Language
    title: str
    subtitle: str
    sections: tuple[Section, ...] = field(repr=False)

    def figures(self) -> dict[Figure, int]:
        """Return every figure shown with its number, from 1, in the order in which they are met first."""
        found: dict[Figure, int] = {}
        for section in self.sections:
            for block in section.blocks:
                for span in spans_of(block):
                    if span.figure is not None:
                        found.setdefault(span.figure, len(found) + 1)
        return found


def spans_of(block: Block) -> Iterator[Span]:
    """Yield the spans of a block in reading order."""
    match block:
        case Paragraph():
            yield from block.spans
        case Bullets():
            for item in block.items:
                yield from item
        case Table():
            for row in block.rows:
                for cell in row.cells:
                    yield from cell.spans
                    yield from cell.below
        case Plot() | Lines():
            return


def plain(spans: Sequence[Span]) -> str:
    """Return spans as text."""
    return "".join(span.text for span in spans)


def filled(template: str, **values: Span | Spans | str) -> Spans:
    """Return a sentence with spans in place of its fields, such as `{n} customers`."""
    found: list[Span] = []
    for literal, field_name, _, _ in Formatter().parse(template):
        if literal:
            found.append(Span(literal))
        if field_name is not None:
            value = values[field_name]
            if isinstance(value, str):
                found.append(Span(value))
            elif isinstance(value, Span):
                found.append(value)
            else:
                found += value
    return tuple(found)
