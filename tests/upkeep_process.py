"""Upkeep in a process of its own, for tests that kill it; it loads no more than it needs."""

from datetime import datetime
from pathlib import Path
from typing import Any

from serving.procedure import Procedure
from serving.store.store import open_store
from serving.strategies.upkeep import Upkeep


def upkeep_in_process(folder: Path, at: datetime, part: int, told: Any) -> None:
    """Keep up the embedded store of a folder, and tell the parent of every part."""
    upkeep = Upkeep(open_store(None, folder), Procedure(), part=part)
    while upkeep.next_part(at) is not None:
        told.send("part")
    told.send("finished")
