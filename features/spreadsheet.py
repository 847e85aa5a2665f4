"""What programs that open a CSV file would otherwise make of its texts."""

from typing import Any

# A text that starts with one of these may be read as a formula by the program that opens the file.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(cell: Any) -> Any:
    """Return a CSV cell that no program takes for a formula: such a text gets an apostrophe in front."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
