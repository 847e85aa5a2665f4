"""A card as PDF: to be kept (PDF/A-3a) and read out (PDF/UA-1), with font and list of figures within.

Typst sets it from a template and the card as data; the font is Noto Sans CJK, which a package carries.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from features.terms import Language
from models.export_html import heat_colour
from training.card.blocks import (
    Block,
    Bullets,
    Column,
    Lines,
    Page,
    Paragraph,
    Plot,
    Row,
    Style,
    Table,
    plain,
)
from training.card.figures import Figure
from training.card.notes import source_note
from training.card.widths import BELOW, broken, column_widths

_TEMPLATE = "card.typ"
# Language and region for Typst, and the face of the font: Korean's has punctuation of Latin width.
_SETTINGS = {
    Language.EN: ("en", "GB", "Noto Sans CJK KR"),
    Language.ZH_HANT: ("zh", "TW", "Noto Sans CJK TC"),
    Language.ZH_HANS: ("zh", "CN", "Noto Sans CJK SC"),
}
# Of Noto Sans CJK 2.004, Regular, as Debian's package of the same version has it too.
_FONT_SHA256 = "b76b0433203017ca80401b2ee0dd69350349871c4b19d504c34dbdd80541690a"
# As many columns of a grid as a page is wide.
_MOST_COLUMNS = 8
_SVG_STYLE = """
text { font-family: "{font}"; font-size: 10.5px; fill: #5b6875; }
.grid { stroke: #e3e8ed; fill: none; } .zero { stroke: #8a96a3; fill: none; } .tip { fill: none; }
.prior { stroke: #2f6fb3; stroke-width: 1.6; stroke-dasharray: 5 3; fill: none; }
.correction { stroke: #d07a1f; stroke-width: 1.6; stroke-dasharray: 2 2; fill: none; }
.total { stroke: #1c2733; stroke-width: 2.4; fill: none; }
.mark { stroke: none; } .mark.total { fill: #1c2733; } .mark.prior { fill: #2f6fb3; }
.mark.correction { fill: #d07a1f; } .whisker { stroke-width: 1.6; }
"""


class CannotSet(RuntimeError):
    """A PDF cannot be set; one line."""


def to_pdf(page: Page, footer: str, attached: tuple[str, bytes], made_at: datetime) -> bytes:
    """Return the document.

    Args:
        page: the card.
        footer: what stands below every page beside its number.
        attached: a file that goes with the document, inside it: name and content.
        made_at: the date that the document tells, with a time zone; the same gives the same bytes.

    Raises:
        CannotSet: Typst refuses, or the font is not installed.
    """
    import typst

    lang, region, font = _SETTINGS[page.language]
    content = {
        "lang": lang, "region": region, "font": font, "title": page.title, "subtitle": page.subtitle,
        "footer": footer, "attached": attached[0], "sections": list(_sections(page, font)),
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "card.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        (Path(folder) / "attached").write_bytes(attached[1])
        template = Path(folder) / _TEMPLATE
        template.write_bytes(files("training.card").joinpath(_TEMPLATE).read_bytes())
        try:
            return typst.compile(
                str(template),
                root=folder,
                font_paths=[str(_font_folder())],
                ignore_system_fonts=True,
                format="pdf",
                pdf_standards=["a-3a", "ua-1"],
                timestamp=made_at.replace(microsecond=0),
            )
        except RuntimeError as error:
            raise CannotSet(f"the PDF cannot be set ({' '.join(str(error).split())})") from None


def _font_folder() -> Path:
    """Return where the font lies, which must be the one that is known: another might draw other digits.

    Raises:
        CannotSet: it is another.
    """
    folder = Path(str(files("noto_cjk_sans_otc")))
    found = hashlib.sha256((folder / "NotoSansCJK-Regular.ttc").read_bytes()).hexdigest()
    if found != _FONT_SHA256:
        raise CannotSet(
            f"the PDF cannot be set: {folder} holds another font than the one known ({found[:12]})"
        )
    return folder


def _sections(page: Page, font: str) -> Iterator[dict[str, Any]]:
    numbers = page.figures()
    for section in page.sections:
        yield {
            "title": section.title,
            "level": section.level,
            "annex": section.annex,
            "blocks": [
                described
                for block in section.blocks
                for described in _block(block, numbers, page.language, font)
            ],
        }


def _block(
    block: Block, numbers: Mapping[Figure, int], language: Language, font: str
) -> Iterator[dict[str, Any]]:
    match block:
        case Paragraph(spans, tone):
            yield {"kind": "paragraph", "tone": tone, "text": plain(spans)}
        case Bullets(items):
            yield {"kind": "bullets", "items": [plain(item) for item in items]}
        case Table():
            note = source_note(block, numbers, language)
            pieces = list(_in_pieces(block))
            for piece in pieces:
                yield _table(piece, note if piece is pieces[-1] else "")
        case Plot(svg, title):
            style = f"<style>{_SVG_STYLE.replace('{font}', font)}</style>"
            head, _, rest = svg.partition(">")
            named = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
            yield {"kind": "plot", "svg": f"{named}>{style}{rest}", "alt": title}
        case Lines(heads, roles):
            yield {"kind": "lines", "heads": list(heads), "roles": list(roles)}


def _in_pieces(table: Table) -> Iterator[Table]:
    """Yield a grid too wide for a page in pieces, each with the first column."""
    width = len(table.columns) - 1
    if not table.heat or width <= _MOST_COLUMNS:
        yield table
        return
    pieces = -(-width // _MOST_COLUMNS)
    step = -(-width // pieces)
    for start in range(1, width + 1, step):
        kept = slice(start, start + step)
        yield Table(
            (table.columns[0], *table.columns[kept]),
            tuple(Row((row.cells[0], *row.cells[kept])) for row in table.rows),
            table.caption,
            heat=True,
        )


def _table(table: Table, note: str) -> dict[str, Any]:
    # A grid of shaded cells has columns of its own widths.
    widths = (None,) * len(table.columns) if table.heat else column_widths(table)
    columns = list(zip(table.columns, widths, strict=True))
    return {
        "kind": "table",
        "columns": [
            {"head": _fitting(column.head, width), "style": column.style, "width": width}
            for column, width in columns
        ],
        "rows": [{"heads": row.heads, "cells": list(_cells(row, columns))} for row in table.rows],
        "caption": table.caption,
        "heat": table.heat,
        "note": note,
    }


def _cells(row: Row, columns: Sequence[tuple[Column, float | None]]) -> Iterator[dict[str, Any]]:
    # What heads rows has the whole width.
    of = [(columns[0][0], None)] if row.heads else columns
    for cell, (column, width) in zip(row.cells, of, strict=True):
        yield {
            "text": _fitting(cell.text, width, cell.style or column.style),
            "below": _fitting(plain(cell.below), None if width is None else width / BELOW),
            "style": cell.style,
            "shade": None if cell.shade is None else _hex(heat_colour(cell.shade)),
        }


def _fitting(text: str, width: float | None, style: Style = Style.TEXT) -> str:
    return text if width is None else broken(text, width, style)


def _hex(colour: str) -> str:
    """Return `rgb(1,2,3)` as Typst reads colours."""
    red, green, blue = (int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    return f"#{red:02x}{green:02x}{blue:02x}"
