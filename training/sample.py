"""The main job on the bundled real sample: records → indicators → labelled portfolio → training job."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features import sba
from features.catalog import load_catalog
from features.portfolio import Portfolio
from features.records import SAMPLE, load_sample
from features.sba_indicators import indicators
from features.sources.outcomes import OUTCOME, OUTCOME_KNOWN_ON
from features.sources.related import GROUP_ID
from models.policy import Policy, load_policy
from training.dataset import LabelledPortfolio
from training.frames import to_frame
from training.job import JobResult, run_job
from training.learner import THREADS

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME = "sba"
# Everything evaluated until August 2011 has matured by the last day that the source records.
TRAINING_DATE = np.datetime64("2014-08-31")
_PARTS = 1000
WALK_FORWARD_YEARS = tuple(range(2004, 2011))


@dataclass(frozen=True, eq=False)
class Sample:
    """The labelled sample: n loans, each evaluated on the day of its disbursement."""

    data: LabelledPortfolio
    matured_on: NDArray[np.datetime64]
    policy: Policy


def build_sample(share: float = 1.0) -> Sample:
    """Build the indicators of every loan of the sample, as they stood on its day, and its outcome.

    Args:
        share: of the borrowers, whole and as if drawn at random, as a portfolio by itself: what is known of
            banks, sectors and states is then of their loans alone.

    Raises:
        RecordsError: the bundled file is absent or damaged.
        ValueError: a row does not fit the catalog; and what `features.sba_indicators.indicators` raises.
    """
    if share >= 1.0:
        return _labelled(SAMPLE)
    with TemporaryDirectory(prefix="tierwise-") as folder:
        # Where the portfolio's file would stand, and the records beside it.
        data, file = Path(folder) / "portfolios", Path(folder) / SAMPLE.parent.name / SAMPLE.name
        data.mkdir()
        file.parent.mkdir()
        table = pq.read_table(SAMPLE)
        # Borrowers are numbered at random.
        drawn = table["borrower"].to_numpy() % _PARTS < share * _PARTS
        pq.write_table(table.filter(drawn), file)
        return _labelled(file, data)


def _labelled(file: Path, data: Path | None = None) -> Sample:
    catalog = load_catalog(NAME)
    records = load_sample(file)
    evaluations = sba.evaluations(records)
    frame = indicators(evaluations, data=data)
    policy = load_policy(NAME)
    if policy.outcome_months is None:
        raise ValueError(f"policy {NAME} declares no outcome_months, by which the sample's outcomes are read")
    outcomes = sba.outcomes(records, evaluations, policy.outcome_months)
    portfolio, rejects = Portfolio.from_frame(frame, catalog)
    if len(rejects):
        first = rejects.iloc[0]
        raise ValueError(f"{len(rejects)} rows of the sample do not fit its catalog: {first['reason']}")
    return Sample(
        data=LabelledPortfolio(
            portfolio,
            outcomes["bad"].to_numpy(dtype=np.bool_),
            pd.factorize(frame["borrower"])[0].astype(np.int64),
        ),
        matured_on=outcomes["matured_on"].to_numpy().astype("datetime64[D]"),
        policy=policy,
    )


def labelled_frame(sample: Sample, rows: NDArray[np.intp]) -> pd.DataFrame:
    """Return some of the loans as a table of customers with outcomes, as `training.customers` reads it."""
    data = sample.data.take(rows)
    frame = to_frame(data.portfolio)
    frame[GROUP_ID] = [f"B{group}" for group in data.groups]
    frame[OUTCOME] = np.where(data.bad, "bad", "good")
    frame[OUTCOME_KNOWN_ON] = sample.matured_on[rows].astype(str)
    return frame


def train_sample(
    sample: Sample,
    *,
    years: tuple[int, ...] = WALK_FORWARD_YEARS,
    order: int | None = None,
    signer: "Ed25519PrivateKey | None" = None,
    state: Path | None = None,
    threads: int = THREADS,
    progress: Callable[[str], None] = lambda step: None,
) -> JobResult:
    """Run the training job on the sample; see `training.job.run_job` for what it raises."""
    return run_job(
        sample.data,
        sample.matured_on,
        sample.policy,
        years,
        TRAINING_DATE,
        run_name=f"{TRAINING_DATE} {NAME}",
        order=order,
        signer=signer,
        state=state,
        threads=threads,
        progress=progress,
    )
