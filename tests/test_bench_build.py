"""The benchmark of building compares the engines as it says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.build import BESIDE, compare
from features.building import EVIDENCE, INDICATORS

COUNTED = "order_count_36m"


def written(folder: Path, ours: float, theirs: float, status: str) -> tuple[Path, Path]:
    """Write one customer's cells by both engines, alike but for the counted one."""
    cells = [("A", name, status if name == COUNTED else "known") for name in BESIDE]
    pd.DataFrame(cells, columns=["customer_id", "indicator", "status"]).to_parquet(folder / EVIDENCE)
    alike = pd.DataFrame({"customer_id": ["A"], **{name: [1.0] for name in BESIDE}})
    alike.assign(**{COUNTED: ours}).to_parquet(folder / INDICATORS)
    alike.assign(**{COUNTED: theirs}).set_index("customer_id").to_parquet(folder / "pandas.parquet")
    return folder, folder / "pandas.parquet"


@pytest.mark.parametrize(
    ("ours", "theirs", "status"),
    [(2.0, 2.0, "known"), (0.0, 0.0, "known"), (np.nan, np.nan, "no_record"), (np.nan, 5.0, "not_declared")],
)
def test_what_both_engines_computed_alike_is_equal(
    tmp_path: Path, ours: float, theirs: float, status: str
) -> None:
    compare(*written(tmp_path, ours, theirs, status))


@pytest.mark.parametrize(
    ("ours", "theirs", "status"),
    [(2.0, 3.0, "known"), (np.nan, 0.0, "no_record"), (0.0, np.nan, "known"), (5.0, 5.0, "not_declared")],
)
def test_a_missing_cell_is_no_zero_and_an_undeclared_one_has_no_value(
    tmp_path: Path, ours: float, theirs: float, status: str
) -> None:
    with pytest.raises(SystemExit, match=f"^{COUNTED}: the engines differ for 1 of 1 customers$"):
        compare(*written(tmp_path, ours, theirs, status))
