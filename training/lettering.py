"""Names as plots can draw them: what matplotlib's own font has no glyph for, in Latin letters."""

from functools import cache

from anyascii import anyascii
from matplotlib.font_manager import findfont, get_font


def drawable(text: str) -> str:
    """Return a text with every character that would be drawn as an empty box in Latin letters instead.

    On a machine without Chinese fonts matplotlib has none; pinyin beside the indicator's id is read easily.
    """
    return "".join(letter if ord(letter) in _glyphs() else anyascii(letter) for letter in text)


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
