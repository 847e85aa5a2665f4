"""What the catalog `sba` declares equals what a person would count by hand in the records, loan by loan."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import sba
from features.records import Records, load_sample
from tests.sba_samples import whole_sample

AGES, YEAR = 8, 365
SECTOR_OF_NAICS = {
    11: "agriculture", 21: "mining", 22: "utilities", 23: "construction", 31: "manufacturing",
    32: "manufacturing", 33: "manufacturing", 42: "wholesale", 44: "retail", 45: "retail", 48: "transport",
    49: "transport", 51: "information", 52: "finance", 53: "real_estate", 54: "professional", 55: "holding",
    56: "administrative", 61: "education", 62: "health", 71: "arts", 72: "hospitality",
    81: "other_services", 92: "public_administration",
}  # fmt: skip
STATES = {
    "northeast": "CT ME MA NH RI VT NJ NY PA",
    "midwest": "IL IN MI OH WI IA KS MN MO NE ND SD",
    "south": "DE DC FL GA MD NC SC VA WV AL KY MS TN AR LA OK TX",
    "west": "AZ CO ID MT NV NM UT WY AK CA HI OR WA",
}
REGION_OF_STATE = {state: region for region, states in STATES.items() for state in states.split()}


@pytest.fixture(scope="module")
def records() -> Records:
    return load_sample()


@pytest.fixture(scope="module")
def rows(records: Records) -> pd.DataFrame:
    """Loans of every period, half of them to borrowers with several, and some of whom little is recorded."""
    some = sba.evaluations(records)
    several = some[some["borrower"].duplicated()]
    unnamed = some["bank"] == 0, some["sector"] == 0, some["state"].isna()
    placeholders = some[(some["employees"] == 9999) | (some["jobs_created"] == 8800)]
    parts = [
        some.head(3),
        some.tail(3),
        some.sample(30, random_state=1),
        several.sample(40, random_state=2),
        *(some[without].head(4) for without in unnamed),
        placeholders.head(4),
        some[some["loan"].isin(charged_off_at_once(records))].head(3),
    ]
    return pd.concat(parts).drop_duplicates("loan")


@pytest.fixture(scope="module")
def frame(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return whole_sample(tmp_path_factory).loc[rows.index]


def charged_off_at_once(records: Records) -> pd.Series:
    loans = records.charge_offs.merge(records.loans[["loan", "known_at"]], on="loan")
    return loans.loc[loans["known_at_x"] == loans["known_at_y"], "loan"]


class ByHand:
    """The records, and what can be counted in them for one loan on its day."""

    def __init__(self, records: Records) -> None:
        self.loans: pd.DataFrame = records.loans.assign(day=records.loans["known_at"])
        keys = self.loans[["loan", "borrower", "bank", "sector", "state", "day"]]
        self.charge_offs = records.charge_offs[["loan", "known_at"]].merge(
            keys.rename(columns={"day": "disbursed"}), on="loan"
        )
        days = (self.charge_offs["known_at"] - self.charge_offs["disbursed"]).dt.days
        self.charge_offs["age"] = days // YEAR
        # Of the loan that is counted for: the loans disbursed in each window asked for.
        self.windows: dict[tuple[int, int], pd.DataFrame] = {}

    def of(self, loan: Mapping[Any, Any]) -> dict[str, Any]:
        """Return every indicator of one loan, by its id; NaN or None where it is missing."""
        self.windows.clear()
        earlier = self.loans[
            (self.loans["day"] < loan["known_at"]) & (self.loans["borrower"] == loan["borrower"])
        ]
        existing = len(earlier) > 0
        known = self.charge_offs["known_at"] <= loan["known_at"]
        charged_off = self.charge_offs[known & (self.charge_offs["borrower"] == loan["borrower"])]
        last_year = self._disbursed(loan, YEAR, 1)
        usual = np.median(last_year["approved_amount"]) if len(last_year) >= 200 else np.nan
        employees = np.nan if loan["employees"] == 9999 else float(loan["employees"])
        created, retained = (
            np.nan if loan[what] == 8800 else float(loan[what]) for what in ("jobs_created", "jobs_retained")
        )
        if loan["approved"] < pd.Timestamp("1998-10-01") or created == retained == 0:
            created = retained = np.nan
        amount, persons = float(loan["approved_amount"]), np.maximum(employees, 1)
        states_known = isinstance(loan["state"], str) and isinstance(loan["bank_state"], str)
        late = loan["approved"] >= pd.Timestamp("1999-06-01")
        return {
            "relationship": "existing" if existing else "prospect",
            "disbursement_lag_days": float((loan["known_at"] - loan["approved"]).days),
            "sector": SECTOR_OF_NAICS.get(loan["sector"] // 10),
            "region": REGION_OF_STATE.get(loan["state"]),
            "new_business": loan["new_business"],
            "urban": loan["urban"] if late else None,
            "franchise": loan["franchise"],
            "employees": employees,
            "low_doc": loan["low_doc"],
            "revolving": loan["revolving"],
            "local_bank": loan["state"] == loan["bank_state"] if states_known else None,
            "approved_amount": amount,
            "relative_amount": amount / usual,
            "amount_per_employee": amount / persons,
            "guaranteed_share": loan["guaranteed_amount"] / amount,
            "earlier_charge_offs": float(len(charged_off)) if existing else np.nan,
            "years_since_first_loan": (loan["known_at"] - earlier["day"].min()).days / 365.25,
            "days_since_last_loan": float((loan["known_at"] - earlier["day"].max()).days),
            "earlier_loans": float(len(earlier)) if existing else np.nan,
            "earlier_loans_with_bank": (
                float((earlier["bank"] == loan["bank"]).sum()) if existing and loan["bank"] else np.nan
            ),
            "earlier_amount": float(earlier["approved_amount"].sum()) if existing else np.nan,
            "bank_share": self._share(loan, "bank"),
            "jobs_created": created,
            "jobs_retained": retained,
            "jobs_created_per_employee": created / persons,
        } | {
            f"{what}_{measure}": self._relative(loan, what, measure)
            for what in ("bank", "sector", "state")
            for measure in ("charge_off_ratio", "growth")
        }

    def _disbursed(self, loan: Mapping[Any, Any], days: int, ending_days_ago: int) -> pd.DataFrame:
        window = days, ending_days_ago
        if window not in self.windows:
            age = (loan["known_at"] - self.loans["day"]).dt.days
            self.windows[window] = self.loans[(age >= ending_days_ago) & (age < ending_days_ago + days)]
        return self.windows[window]

    def _share(self, loan: Mapping[Any, Any], what: str) -> float:
        everyones = self._disbursed(loan, 5 * YEAR, 1)
        if len(everyones) < 200 or not loan[what]:
            return np.nan
        return float((everyones[what] == loan[what]).sum() / len(everyones))

    def _relative(self, loan: Mapping[Any, Any], what: str, measure: str) -> float:
        if loan[what] == 0 or pd.isna(loan[what]):
            return np.nan
        return self._growth(loan, what) if measure == "growth" else self._charge_off_ratio(loan, what)

    def _growth(self, loan: Mapping[Any, Any], what: str) -> float:
        now, then = self._disbursed(loan, YEAR, 1), self._disbursed(loan, YEAR, YEAR + 1)
        if min(len(now), len(then)) < 200:
            return np.nan
        own_now, own_then = (int((some[what] == loan[what]).sum()) for some in (now, then))
        return (own_now + 20) / (own_then * (len(now) / len(then)) + 20)

    def _charge_off_ratio(self, loan: Mapping[Any, Any], what: str) -> float:
        since = (loan["known_at"] - self.charge_offs["known_at"]).dt.days
        recent = self.charge_offs[(since >= 0) & (since < 2 * YEAR)]
        recent = recent[recent["age"].between(0, AGES - 1)]
        expected, passed = 0.0, 0
        for age in range(AGES):
            everyones = self._disbursed(loan, 2 * YEAR, age * YEAR + YEAR // 2 + 1)
            failed = int((recent["age"] == age).sum())
            passed += len(everyones)
            expected += (everyones[what] == loan[what]).sum() * (failed / max(len(everyones), 1))
        if passed < 200 or len(recent) < 5:
            return np.nan
        own = (recent[what] == loan[what]).sum()
        return float((own + 5) / (expected + 5))


def test_every_indicator_of_some_loans_is_what_is_counted_by_hand(
    records: Records, rows: pd.DataFrame, frame: pd.DataFrame
) -> None:
    by_hand = ByHand(records)
    assert len(frame) > 70
    for loan, found in zip(rows.to_dict("records"), frame.to_dict("records"), strict=True):
        expected = by_hand.of(loan)
        assert set(expected) == set(found) - {"customer_id", "nature", "as_of", "borrower"}
        for id_, value in expected.items():
            if pd.isna(value):
                assert pd.isna(found[id_]), (id_, loan["loan"])
            else:
                assert found[id_] == value, (id_, loan["loan"])


def test_some_loans_of_the_proof_have_what_can_be_missing_and_some_lack_it(frame: pd.DataFrame) -> None:
    whole = {"relationship", "disbursement_lag_days", "franchise", "approved_amount", "guaranteed_share"}
    for id_ in frame.columns.drop(["customer_id", "nature", "as_of", "borrower", *whole]):
        assert frame[id_].notna().any(), id_
    lacking = frame.columns[frame.isna().any()]
    assert {"sector", "employees", "jobs_created", "bank_share", "earlier_loans", "urban"} <= set(lacking)
