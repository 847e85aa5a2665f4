"""The mark that a Parquet file carries where its rows are simulated, so that nobody takes them for real."""

from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import ArrowInvalid

MARK = {"synthetic": "true", "note": "Synthetic data of a simulation; no customer in it exists."}


def is_marked(path: Path) -> bool:
    """Whether a file is Parquet and carries the mark."""
    if path.suffix.lower() != ".parquet":
        return False
    try:
        found = pq.read_metadata(path).metadata or {}
    except (OSError, ArrowInvalid):
        return False
    return bool(found.get(b"synthetic") == MARK["synthetic"].encode())
