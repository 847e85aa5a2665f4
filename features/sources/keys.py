"""Keys of customers and of other things, written alike so that they can be compared."""

import unicodedata

import numpy as np
from numpy.typing import NDArray


def compared(text: str) -> str:
    """Return a text as it is compared: NFKC, without blanks around. Leading zeros stay."""
    return text.strip() if text.isascii() else unicodedata.normalize("NFKC", text).strip()


def as_keys(texts: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return texts as keys, shape (n,), None where missing."""
    keys = np.full(len(texts), None, dtype=object)
    keys[:] = [None if text is None else compared(text) or None for text in texts]
    return keys
