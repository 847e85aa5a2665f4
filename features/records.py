"""The bundled sample as dated record tables: each row carries the day on which it became known."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

SAMPLE = Path(__file__).parent / "sample" / "sba_loans.parquet"

KNOWN_AT = "known_at"
LOAN_COLUMNS = (
    "loan",
    "borrower",
    "bank",
    "bank_state",
    "state",
    "sector",
    "approved",
    KNOWN_AT,
    "approved_amount",
    "guaranteed_amount",
    "employees",
    "new_business",
    "franchise",
    "urban",
    "low_doc",
    "revolving",
    "jobs_created",
    "jobs_retained",
)
CHARGE_OFF_COLUMNS = ("loan", KNOWN_AT, "stood")

_FLAGS = ("new_business", "franchise", "urban", "low_doc", "revolving")


class RecordsError(ValueError):
    """A record table is not what it must be; the message says which and what to do, in one line."""


@dataclass(frozen=True)
class Records:
    """What is known, as two dated tables.

    Attributes:
        loans: one row per loan, `known_at` its disbursement; facts of the day of its approval or
            disbursement only (`LOAN_COLUMNS`; amounts in whole USD, `sector` the first three
            digits of NAICS or 0, `bank` 0 where unnamed, flags nullable).
        charge_offs: one row per dated charge-off, `known_at` its day (`CHARGE_OFF_COLUMNS`).
            `stood` says whether the loan ended as charged off: known only at the end of the
            source, so it may define an outcome and never an indicator.

    Raises:
        RecordsError: a table lacks a column or a date in `known_at`, or gives a loan twice.
    """

    loans: pd.DataFrame
    charge_offs: pd.DataFrame

    def __post_init__(self) -> None:
        for name, table, columns in (
            ("loans", self.loans, LOAN_COLUMNS),
            ("charge_offs", self.charge_offs, CHARGE_OFF_COLUMNS),
        ):
            missing = [column for column in columns if column not in table]
            if missing:
                raise RecordsError(f"records: table {name} lacks the column {missing[0]}; add it")
            if table[KNOWN_AT].isna().any():
                raise RecordsError(f"records: table {name} has rows without known_at; set them aside")
            if not table["loan"].is_unique:
                raise RecordsError(f"records: table {name} gives a loan twice; keep one row per loan")

    def known_by(self, day: pd.Timestamp) -> "Records":
        """Return only what was known at the end of that day."""
        return Records(
            self.loans[self.loans[KNOWN_AT] <= day],
            self.charge_offs[self.charge_offs[KNOWN_AT] <= day],
        )


def load_sample(path: Path = SAMPLE) -> Records:
    """Load the bundled sample of SBA loans (see `sample/README.md`).

    Raises:
        RecordsError: the file is absent or is no such sample.
    """
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise RecordsError(f"{path}: no such file; draw it with python -m features.draw_sample") from None
    except (OSError, ValueError) as error:
        raise RecordsError(f"{path}: is no Parquet file ({type(error).__name__}); draw it anew") from None
    if "disbursed" not in table or "charged_off" not in table:
        raise RecordsError(f"{path}: lacks disbursed or charged_off; draw it anew")
    for column in ("approved", "disbursed", "charged_off"):
        table[column] = pd.to_datetime(table[column]).astype("datetime64[s]")
    table = table.astype(dict.fromkeys(_FLAGS, "boolean"))
    loans = table.rename(columns={"disbursed": KNOWN_AT})
    charge_offs = table[table["charged_off"].notna()].rename(columns={"charged_off": KNOWN_AT})
    return Records(
        loans[list(LOAN_COLUMNS)],
        charge_offs[list(CHARGE_OFF_COLUMNS)].reset_index(drop=True),
    )
