"""Draw the bundled sample from the SBA's national loan data: whole borrowers, pseudonymous, typed, small.

    python -m features.draw_sample [--source sba_national.parquet] [--out loans.parquet]

Two salts, for two purposes. Which borrowers are drawn follows from a *public* salt, so that anyone who
holds the source draws the same loans. What a borrower is called in the sample is the rank of his hash
under a *secret* salt (`--salt` or `TIERWISE_SALT`, fresh and forgotten where neither is given), which is
written nowhere: a dictionary of company names cannot be hashed into the sample's borrowers, and ranks
need 3 bytes where hashes need 32. The source is public, so a rare loan can still be recognised there by
its amounts and dates; the sample only says no more about anyone than the source does.

Left out on purpose, since they know the future: `Term` (shortened by default or prepayment),
`BalanceGross`, `ChgOffPrinGr`, and `DisbursementGross`, which in a revolving line grows after the day of
the first disbursement.
"""

import argparse
import hashlib
import hmac
import os
import secrets
import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

WINDOW = (date(1996, 1, 1), date(2011, 8, 31))
"""First and last disbursement that is evaluated; earlier loans are history."""

SELECTION_SALT = b"tierwise sba sample 1"
SHARE = 0.2808
"""The share of borrowers drawn; about 200,000 of the loans in the window."""

LAST_YEAR = 2014
"""The source's last year: two-digit years beyond it belong to the century before."""

_COLUMNS = [
    "LoanNr_ChkDgt", "Name", "Zip", "State", "Bank", "BankState", "NAICS", "ApprovalDate", "DisbursementDate",
    "ChgOffDate", "MIS_Status", "GrAppv", "SBA_Appv", "NoEmp", "NewExist", "FranchiseCode", "UrbanRural",
    "LowDoc", "RevLineCr", "CreateJob", "RetainedJob",
]  # fmt: skip
_SCHEMA = pa.schema(
    [
        pa.field("loan", pa.int32(), nullable=False),
        pa.field("borrower", pa.int32(), nullable=False),
        pa.field("bank", pa.int32(), nullable=False),
        pa.field("bank_state", pa.string()),
        pa.field("state", pa.string()),
        pa.field("sector", pa.int16(), nullable=False),
        pa.field("approved", pa.date32(), nullable=False),
        pa.field("disbursed", pa.date32(), nullable=False),
        pa.field("charged_off", pa.date32()),
        pa.field("stood", pa.bool_(), nullable=False),
        pa.field("approved_amount", pa.int32(), nullable=False),
        pa.field("guaranteed_amount", pa.int32(), nullable=False),
        pa.field("employees", pa.int32(), nullable=False),
        pa.field("new_business", pa.bool_()),
        pa.field("franchise", pa.bool_(), nullable=False),
        pa.field("urban", pa.bool_()),
        pa.field("low_doc", pa.bool_()),
        pa.field("revolving", pa.bool_()),
        pa.field("jobs_created", pa.int32(), nullable=False),
        pa.field("jobs_retained", pa.int32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Drawn:
    """A drawn sample and how many of the source's rows were set aside, by reason."""

    table: pa.Table
    set_aside: dict[str, int]


def main(arguments: list[str] | None = None) -> int:
    """Draw the sample, write it and print what was drawn and what was set aside."""
    data = Path(os.environ.get("TIERWISE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--source", type=Path, default=data / "sba" / "sba_national.parquet")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "sample" / "sba_loans.parquet")
    parser.add_argument("--salt", default=os.environ.get("TIERWISE_SALT"), help="secret; never commit it")
    options = parser.parse_args(arguments)
    if not options.source.is_file():
        print(f"{options.source}: no such file; give --source or set TIERWISE_DATA", file=sys.stderr)
        return 2
    salt = options.salt.encode() if options.salt else secrets.token_bytes(32)
    source = pq.read_table(options.source, columns=_COLUMNS).to_pandas()
    drawn = draw(source, salt)
    write(drawn.table, options.out)
    for line in summary(drawn, len(source), options.out.stat().st_size):
        print(line)
    return 0


def draw(source: pd.DataFrame, salt: bytes) -> Drawn:
    """Return the typed sample of a source frame whose columns are all text.

    Rows are set aside, and counted once each by the first reason that holds, where a date that
    everything rests on is absent or impossible, or where the outcome cannot be told. Raises
    ValueError where money or a count is no number: the source has no such row.
    """
    text = source[_COLUMNS].apply(lambda column: column.str.strip())
    dates = {c: _dates(text[c]) for c in ("ApprovalDate", "DisbursementDate", "ChgOffDate")}
    approved, disbursed, charged_off = dates.values()
    reasons = {
        "without a borrower's name": text["Name"] == "",
        "without a disbursement date": disbursed.isna() | approved.isna(),
        "disbursed before they were approved": disbursed < approved,
        "charged off before they were disbursed": charged_off < disbursed,
        "charged off on an unknown date": (text["MIS_Status"] == "CHGOFF") & charged_off.isna(),
        "without a final status": text["MIS_Status"] == "",
    }
    kept, set_aside = pd.Series(True, text.index), {}
    for reason, holds in reasons.items():
        set_aside[reason] = int((kept & holds).sum())
        kept &= ~holds
    kept &= disbursed <= pd.Timestamp(WINDOW[1])
    borrower = (text["Name"].str.upper() + "|" + text["Zip"]).where(kept, "")
    kept &= borrower.map(_selected(borrower[kept]), na_action=None).fillna(False).astype(bool)

    text, borrower = text[kept], borrower[kept]
    frame = pd.DataFrame(
        {
            "borrower": borrower.map(_pseudonyms(borrower, salt)),
            "bank": text["Bank"].map(_numbered(text["Bank"])),
            "bank_state": text["BankState"].replace("", None),
            "state": text["State"].replace("", None),
            "sector": text["NAICS"].str[:3].astype("int16"),
            "approved": approved[kept].dt.date,
            "disbursed": disbursed[kept].dt.date,
            "charged_off": charged_off[kept].dt.date,
            "stood": text["MIS_Status"] == "CHGOFF",
            "approved_amount": _dollars(text["GrAppv"]),
            "guaranteed_amount": _dollars(text["SBA_Appv"]),
            "employees": text["NoEmp"].astype("int32"),
            "new_business": text["NewExist"].map({"1": False, "2": True}),
            "franchise": text["FranchiseCode"].astype("int32") > 1,
            "urban": text["UrbanRural"].map({"1": True, "2": False}),
            "low_doc": text["LowDoc"].map({"Y": True, "N": False}),
            "revolving": text["RevLineCr"].map({"Y": True, "N": False}),
            "jobs_created": text["CreateJob"].astype("int32"),
            "jobs_retained": text["RetainedJob"].astype("int32"),
            "number": text["LoanNr_ChkDgt"],
        }
    )
    # Rows of one day stand together by bank, state and sector: neighbours that compress well.
    order = ["disbursed", "bank", "state", "sector", "approved", "approved_amount", "number"]
    frame = frame.sort_values(order, kind="stable", ignore_index=True).drop(columns="number")
    frame.insert(0, "loan", np.arange(1, len(frame) + 1, dtype=np.int32))
    return Drawn(pa.Table.from_pandas(frame, schema=_SCHEMA, preserve_index=False), set_aside)


def write(table: pa.Table, out: Path) -> None:
    """Write the sample as one compact Parquet file."""
    deltas = ["loan", "disbursed"]
    pq.write_table(
        table.replace_schema_metadata(None),
        out,
        compression="zstd",
        compression_level=19,
        row_group_size=len(table),
        use_dictionary=[n for n in table.column_names if n not in {*deltas, "borrower"}],
        column_encoding={**dict.fromkeys(deltas, "DELTA_BINARY_PACKED"), "borrower": "DELTA_BINARY_PACKED"},
        write_statistics=False,
    )


def summary(drawn: Drawn, rows: int, size: int) -> list[str]:
    """Return lines on what was drawn and what was set aside."""
    frame = drawn.table.select(["borrower", "disbursed"]).to_pandas()
    inside = frame["disbursed"] >= WINDOW[0]
    return [
        f"source rows {rows:,}",
        *(f"set aside {count:,} loans {reason}" for reason, count in drawn.set_aside.items()),
        f"drawn {len(frame):,} loans of {frame['borrower'].nunique():,} borrowers, {size / 1e6:.2f} MB",
        f"of these {inside.sum():,} disbursed {WINDOW[0]} to {WINDOW[1]}",
        f"and {(~inside).sum():,} earlier (history)",
    ]


def _dates(texts: pd.Series) -> pd.Series:
    """Parse dates such as 28-Feb-97; empty texts become NaT."""
    parsed = {text: _date(text) for text in texts.unique()}
    return pd.to_datetime(texts.map(parsed)).astype("datetime64[s]")


def _date(text: str) -> datetime | None:
    if not text:
        return None
    day, month, year = text.split("-")
    century = 2000 if 2000 + int(year) <= LAST_YEAR else 1900
    return datetime.strptime(f"{day}-{month}-{century + int(year)}", "%d-%b-%Y")


def _dollars(texts: pd.Series) -> pd.Series:
    return texts.str.replace(r"^\$([\d,]+)\.00$", r"\1", regex=True).str.replace(",", "").astype("int32")


def _selected(borrowers: pd.Series) -> dict[str, bool]:
    """Say for each borrower whether the public salt draws him."""
    limit = int(SHARE * 2**64)
    return {
        name: int.from_bytes(hashlib.sha256(SELECTION_SALT + name.encode()).digest()[:8], "big") < limit
        for name in borrowers.unique()
    }


def _pseudonyms(borrowers: pd.Series, salt: bytes) -> dict[str, int]:
    """Number the borrowers by the rank of their hash under the secret salt."""
    digests = {name: hmac.digest(salt, name.encode(), "sha256") for name in borrowers.unique()}
    return {name: rank for rank, name in enumerate(sorted(digests, key=digests.__getitem__), start=1)}


def _numbered(banks: pd.Series) -> dict[str, int]:
    """Number the banks by falling count of loans, 0 where none is named."""
    named: NDArray[np.object_] = banks[banks != ""].value_counts().index.to_numpy(dtype=object)
    return {"": 0} | {name: number for number, name in enumerate(named, start=1)}


if __name__ == "__main__":
    sys.exit(main())
