"""Work that tests kill: each process is a fork of one that has loaded this module."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

from serving.procedure import Procedure
from serving.reviews.periodic import evaluate_periodically
from serving.served import Served
from serving.store.store import open_store
from serving.strategies.upkeep import Upkeep


def upkeep_in_process(folder: Path, at: datetime, part: int, told: Any) -> None:
    """Keep up the embedded store of a folder, and tell the parent of every part."""
    upkeep = Upkeep(open_store(None, folder), Procedure(), part=part)
    while upkeep.next_part(at) is not None:
        told.send("part")
    told.send("finished")


def evaluate_in_process(
    url: str | None, folder: Path, served: Path, table: Path, day: date, told: Any
) -> None:
    """Evaluate a table five customers at a time, and tell the parent of every part."""
    evaluate_periodically(
        open_store(url, folder),
        Served.load(served),
        table,
        day,
        "ann",
        chunk_rows=5,
        progress=lambda rows, share: told.send(rows),
    )
    told.send("finished")
