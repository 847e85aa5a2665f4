"""Records of SBA loans written as the file that the portfolio `sba` reads, and indicators built from them."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

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


@cache
def whole_sample() -> pd.DataFrame:
    """Return the indicators of every evaluation of the bundled sample; they take a while, and are shared."""
    return indicators(sba.evaluations(load_sample()))


def indicators_of(records: Records, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Return the indicators of some loans, by the given records alone."""
    with TemporaryDirectory() as folder:
        return indicators(evaluations, data=write_sample(records, Path(folder)), threads=1)
