"""Records of SBA loans written as the file that the portfolio `sba` reads, and indicators built from them."""

import fcntl
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest

from features import sba
from features.records import KNOWN_AT, SAMPLE, Records, load_sample
from features.sba_indicators import indicators


def write_sample(records: Records, folder: Path) -> Path:
    """Write records as the bundled sample is; return what `indicators` takes as `data`."""
    file = folder / SAMPLE.parent.name / SAMPLE.name
    file.parent.mkdir(parents=True)
    charged_off = records.charge_offs.set_index("loan")[KNOWN_AT].rename("charged_off")
    table = records.loans.rename(columns={KNOWN_AT: "disbursed"}).join(charged_off, on="loan")
    for column in ("approved", "disbursed", "charged_off"):
        table[column] = pd.Series(
            [None if day is pd.NaT else day.date() for day in table[column]], table.index
        )
    table.to_parquet(file, index=False)
    data = folder / "portfolios"
    data.mkdir()
    return data


def whole_sample(folders: pytest.TempPathFactory) -> pd.DataFrame:
    """Return the indicators of every evaluation of the bundled sample; they take a while, and are shared."""
    own = folders.getbasetemp()
    # The folder above that of one of several processes is that of the run.
    return _built(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@cache
def _built(folder: Path) -> pd.DataFrame:
    """Build the frame, or read what another process of the run has built."""
    file = folder / "whole_sample.pickle"
    with (folder / "whole_sample.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            indicators(sba.evaluations(load_sample())).to_pickle(file)
    found: pd.DataFrame = pd.read_pickle(file)
    return found


def indicators_of(records: Records, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Return the indicators of some loans, by the given records alone."""
    with TemporaryDirectory() as folder:
        return indicators(evaluations, data=write_sample(records, Path(folder)), threads=1)
