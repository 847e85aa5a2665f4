"""Writes figures, ranges and sentences in one language: what the sections of a card share."""

from collections.abc import Iterable, Sequence

from features.terms import Language, Nature, Text
from models.export_sheet import Sheet
from models.export_view import View
from training.battery.words import NATURES
from training.card import words
from training.card.blocks import (
    Bullets,
    Cell,
    Column,
    Paragraph,
    Row,
    Span,
    Spans,
    Style,
    Table,
    Tone,
    filled,
)
from training.card.figures import Figure, Reader


class Scribe:
    """One card's reader, sheet and language."""

    def __init__(self, reader: Reader, language: Language) -> None:
        self.reader, self.language = reader, language
        self.sheet: Sheet = reader.recorded.sheet
        self.view = View(self.sheet, language)

    @property
    def without_days(self) -> bool:
        """Whether the table trained on had no days; of an earlier model, which does not say, False."""
        return self.sheet.model.training.get("dated") is False

    # Words

    def word(self, text: Text) -> str:
        """Return a text in the card's language."""
        return text.in_language(self.language)

    def nature(self, nature: Nature) -> str:
        """Return the name of a nature."""
        return self.word(NATURES[nature])

    def listed(self, names: Iterable[str]) -> str:
        """Return names as a list in words."""
        return self.word(words.COMMA).join(names) or self.word(words.NONE)

    def sentence(self, template: Text, **values: Span | Spans | str) -> Spans:
        """Return a sentence with spans in place of its fields."""
        return filled(self.word(template), **values)

    def paragraph(self, template: Text, **values: Span | Spans | str) -> Paragraph:
        """Return a paragraph with spans in place of its fields."""
        return Paragraph(self.sentence(template, **values))

    def warning(self, template: Text, **values: Span | Spans | str) -> Paragraph:
        """Return a paragraph that a reader must not miss."""
        return Paragraph(self.sentence(template, **values), Tone.WARNING)

    def bullets(self, items: Iterable[Spans | Text]) -> Bullets:
        """Return a list."""
        return Bullets(tuple((Span(self.word(item)),) if isinstance(item, Text) else item for item in items))

    def title(self, text: Text) -> Paragraph:
        """Return the title of what follows within a section."""
        return Paragraph((Span(self.word(text)),), Tone.TITLE)

    # Figures

    def number(self, figure: Figure | None, digits: int = 4, *, sign: bool = False) -> Spans:
        """Return a number with so many decimals; nothing for none."""
        if figure is None:
            return ()
        value = figure.number
        # Rounding leaves what is next to nothing.
        shown = f"{value:{'+' if sign else ''},.{digits}f}" if round(value, digits) else "0"
        return (Span(shown.replace("-", "−"), figure),)

    def whole(self, figure: Figure | None) -> Spans:
        """Return a whole number with its thousands set apart."""
        return () if figure is None else (Span(f"{int(figure.number):,}", figure),)

    def percent(self, figure: Figure | None, digits: int = 1) -> Spans:
        """Return a share as a percentage."""
        return () if figure is None else (Span(f"{figure.number:.{digits}%}", figure),)

    def short(self, figure: Figure | None) -> Spans:
        """Return a number as it was declared."""
        return () if figure is None else (Span(f"{figure.number:g}".replace("-", "−"), figure),)

    def small(self, figure: Figure | None) -> Spans:
        """Return a number of any size by its first digits."""
        return () if figure is None else (Span(f"{figure.number:.2g}", figure),)

    def text(self, figure: Figure | None) -> Spans:
        """Return a text, a day or a hash as it is; a yes or no in words."""
        if figure is None:
            return ()
        if isinstance(figure.value, bool):
            return (Span(self.word(words.YES if figure.value else words.NO), figure),)
        return (Span(str(figure.value), figure),)

    def range(self, low: Spans, high: Spans) -> Spans:
        """Return from where to where; of one bound alone, at least or at most; nothing for none."""
        if low and high:
            return self.sentence(words.RANGE, low=low, high=high)
        if low:
            return self.sentence(words.AT_LEAST, low=low)
        return self.sentence(words.AT_MOST, high=high) if high else ()

    def verdict(self, figure: Figure | None, *, reason: Spans = ()) -> Cell:
        """Return a verdict in words, with its reason."""
        if figure is None:
            return self.cell(words.NOT_RECORDED, style=Style.QUIET)
        known = words.VERDICTS.get(str(figure.value))
        shown = Span(str(figure.value) if known is None else self.word(known), figure)
        style = {"passed": Style.GOOD, "failed": Style.BAD}.get(str(figure.value), Style.QUIET)
        return Cell((shown,), style, below=reason)

    # Tables

    def cell(self, of: Spans | Text | str, *, style: Style | None = None) -> Cell:
        """Return a cell."""
        if isinstance(of, Text):
            of = self.word(of)
        return Cell((Span(of),) if isinstance(of, str) else of, style)

    def row(self, *cells: Spans | Text | str | Cell) -> Row:
        """Return a row."""
        return Row(tuple(cell if isinstance(cell, Cell) else self.cell(cell) for cell in cells))

    def listing(self, rows: Sequence[tuple[Text | str, Spans | Cell]], caption: Text | None = None) -> Table:
        """Return facts and their values, those without a value left out."""
        columns = (Column(self.word(words.FACT), room=2), Column(self.word(words.VALUE), room=3))
        shown = [(name, value) for name, value in rows if value]
        return Table(
            columns,
            tuple(self.row(name, value) for name, value in shown),
            self.word(caption) if caption else "",
        )

    def column(self, head: Text | str, style: Style = Style.TEXT, room: int = 0) -> Column:
        """Return a column of a table."""
        return Column(head if isinstance(head, str) else self.word(head), style, room)

    def numbers(self, *heads: Text | str) -> tuple[Column, ...]:
        """Return columns of numbers."""
        return tuple(self.column(head, Style.NUMBER) for head in heads)
