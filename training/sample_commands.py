"""The command `sample`: the bundled loans as a table of one's own, to train and to judge on."""

from pathlib import Path
from typing import Annotated

import typer

from features.terminal import BadInput, out


def write_sample(
    file: Annotated[Path, typer.Argument(help="Where the table goes: .parquet or .csv.")],
    first: Annotated[int | None, typer.Option("--from", help="The first year of disbursement.")] = None,
    last: Annotated[int | None, typer.Option("--to", help="The last year of disbursement.")] = None,
) -> None:
    """Write the bundled loans with their indicators as of each loan's day, and their outcomes.

    They are real loans. The column `outcome` is bad or good, `outcome_known_on` the day on which that was
    known, `group_id` the borrower.
    """
    import numpy as np

    from training.commands import built_sample
    from training.sample import labelled_frame

    if file.suffix.lower() not in (".parquet", ".csv"):
        raise BadInput(f"{file}: name a file that ends in .parquet or .csv")
    sample = built_sample()
    years = sample.data.cohorts
    rows = np.flatnonzero((years >= (first or years.min())) & (years <= (last or years.max())))
    if not len(rows):
        raise BadInput(f"the sample has no loans of these years; it has {years.min()} to {years.max()}")
    frame = labelled_frame(sample, rows)
    try:
        if file.suffix.lower() == ".csv":
            frame.to_csv(file, index=False)
        else:
            frame.to_parquet(file, index=False)
    except OSError as error:
        raise BadInput(f"{file}: cannot be written ({error.strerror or type(error).__name__})") from None
    bad = int(np.sum(sample.data.bad[rows]))
    out.print(
        f"{len(rows):,} loans of {years[rows].min()} to {years[rows].max()}, {bad:,} of them charged off: "
        f"{file}. Columns: outcome is bad or good.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
