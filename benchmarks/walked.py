"""What the benchmarks that walk through years share: what is asked for, and the line of a recorded run."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Asked:
    """The years to walk through, the threads to train with, and the reason if the run is to be recorded."""

    years: range
    threads: int
    reason: str | None


def asked_for(description: str | None, years: Sequence[int]) -> Asked:
    """Read the command line; `years` are walked through by default, from the first to the last."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--years", default=f"{years[0]}-{years[-1]}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--record", metavar="REASON", help="add the run, with its reason, to the recorded runs"
    )
    arguments = parser.parse_args()
    first, last = (int(year) for year in arguments.years.split("-"))
    return Asked(range(first, last + 1), arguments.threads, arguments.record)


def line_of(summary: dict[str, Any], reason: str) -> dict[str, Any]:
    """Return a run as it is recorded: with its day and its reason."""
    return {"date": date.today().isoformat(), "reason": reason, **summary}


def add_line(line: dict[str, Any], runs: Path) -> None:
    """Add a run to a file of recorded ones, one line of JSON each."""
    with runs.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
