"""The formats that a model is exported in; imported by the command line, hence without anything heavy."""

from enum import StrEnum
from pathlib import Path

from models.export_dialects import NotExportable


class Format(StrEnum):
    """What a model can be written as."""

    CSV = "csv"
    MARKDOWN = "markdown"
    HTML = "html"
    SQL = "sql"


SUFFIXES = {
    ".csv": Format.CSV,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".sql": Format.SQL,
}


def format_of(path: Path) -> Format:
    """Return the format that a file's name ends on.

    Raises:
        NotExportable: it ends on none.
    """
    found = SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise NotExportable(f"{path}: the ending names no format; give --format {', '.join(Format)}")
    return found
