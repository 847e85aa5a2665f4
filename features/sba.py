"""The SBA sample's indicators as they stood on the day of each evaluation, and its outcomes.

An evaluation is a loan looked at on the day of its disbursement (`as_of`). Its indicators rest on the
loan's own application and on other loans' records known by the end of that day: loans disbursed
strictly earlier, charge-offs dated until that day. Whatever describes a bank, a sector or a state is
relative to the whole portfolio at the same time, so that a boom or a crisis does not swamp it.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.asof import FIRST_DAY, Events, trailing_median
from features.records import KNOWN_AT, Records
from features.terms import Nature

FIRST_EVALUATION = pd.Timestamp("1996-01-01")
LAST_EVALUATION = pd.Timestamp("2011-08-31")
OUTCOME_MONTHS = 36

# Before these approvals a fact was filled in afterwards, for loans that were still alive: of the
# loans approved in 1996 and 1997 with a number of jobs none was charged off early. Recording at
# approval begins with the fiscal year 1999 (jobs) and in June 1999 (urban or rural).
JOBS_RECORDED_FROM = pd.Timestamp("1998-10-01")
URBAN_RECORDED_FROM = pd.Timestamp("1999-06-01")
JOBS_PLACEHOLDER = 8800
EMPLOYEES_PLACEHOLDER = 9999

YEAR = 365
CHARGE_OFF_WINDOW = 2 * YEAR
SHARE_WINDOW = 5 * YEAR
# Charge-offs are compared at equal age up to this many years: a bank that doubles its lending has
# many loans too young to fail, which would flatter a plain charge-offs-per-loan ratio.
AGES = 8
# Pseudo-counts draw a small bank's, sector's or state's ratio towards the portfolio's, which is 1.
PRIOR_CHARGE_OFFS = 5.0
PRIOR_LOANS = 20.0
# With fewer loans or charge-offs than these the portfolio says nothing.
PORTFOLIO_LOANS = 200
PORTFOLIO_CHARGE_OFFS = 5

SECTORS = {
    "11": "agriculture", "21": "mining", "22": "utilities", "23": "construction", "31": "manufacturing",
    "32": "manufacturing", "33": "manufacturing", "42": "wholesale", "44": "retail", "45": "retail",
    "48": "transport", "49": "transport", "51": "information", "52": "finance", "53": "real_estate",
    "54": "professional", "55": "holding", "56": "administrative", "61": "education", "62": "health",
    "71": "arts", "72": "hospitality", "81": "other_services", "92": "public_administration",
}  # fmt: skip
"""Level of the indicator `sector` by the first two digits of NAICS."""

_REGION_STATES = {
    "northeast": "CT ME MA NH RI VT NJ NY PA",
    "midwest": "IL IN MI OH WI IA KS MN MO NE ND SD",
    "south": "DE DC FL GA MD NC SC VA WV AL KY MS TN AR LA OK TX",
    "west": "AZ CO ID MT NV NM UT WY AK CA HI OR WA",
}
REGIONS = {state: region for region, states in _REGION_STATES.items() for state in states.split()}
"""Level of the indicator `region` by state: the four regions of the US Census Bureau."""

PROSPECT, EXISTING = "prospect", "existing"

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def evaluations(
    records: Records, first: pd.Timestamp = FIRST_EVALUATION, last: pd.Timestamp = LAST_EVALUATION
) -> pd.DataFrame:
    """Return the loans disbursed from `first` to `last`: the rows to evaluate, each on that day."""
    return records.loans[records.loans[KNOWN_AT].between(first, last)]


def indicators(records: Records, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Compute every indicator of the `sba` catalog for each evaluation, as it stood on its day.

    Args:
        records: what is known; of it, an evaluation sees only what was known by its own day.
        evaluations: rows with the columns of `records.loans`; `known_at` is the day of evaluation.

    Returns:
        One row per evaluation, in its order and with its index: `customer_id` (the loan's number
        as text), `nature`, `as_of`, `borrower` (to group by, no indicator), then the indicators in
        the catalog's order. Numbers are float64 with NaN, flags and categories objects with None,
        for what is missing or does not apply.
    """
    asked = _Asked(evaluations)
    credit = _credit_and_cooperation(records, evaluations, asked)
    columns = {
        "customer_id": evaluations["loan"].astype(str),
        "nature": Nature.ENTERPRISE.value,
        "as_of": evaluations[KNOWN_AT],
        "borrower": evaluations["borrower"],
        "relationship": credit.pop("relationship"),
        **_basic(evaluations),
        **_financial(records, evaluations, asked),
        **credit,
        **_potential(records, evaluations, asked),
    }
    return pd.DataFrame(columns, index=evaluations.index)


def outcomes(records: Records, evaluations: pd.DataFrame, months: int = OUTCOME_MONTHS) -> pd.DataFrame:
    """Return what became of each evaluated loan: the label, never an input.

    Returns:
        One row per evaluation, with its index: `bad` (bool), charged off within `months` of its
        disbursement and never paid after all, and `matured_on`, the day from which that is known.
        The second half, `stood`, is known only at the end of the source; it turns about one
        charge-off in 25 into a good outcome.
    """
    charge_offs = records.charge_offs[records.charge_offs["stood"].astype(bool)].set_index("loan")[KNOWN_AT]
    matured_on = evaluations[KNOWN_AT] + pd.DateOffset(months=months)
    bad = charge_offs.reindex(evaluations["loan"]).to_numpy() <= matured_on.to_numpy()
    return pd.DataFrame({"bad": bad, "matured_on": matured_on}, index=evaluations.index)


def mature(frame: pd.DataFrame, training_date: pd.Timestamp) -> pd.DataFrame:
    """Return the rows whose outcome is known on the training date (`matured_on` not after it)."""
    return frame[frame["matured_on"] <= training_date]


class _Asked:
    """The days of the evaluations: the day itself and the day before, since 1970-01-01."""

    def __init__(self, evaluations: pd.DataFrame) -> None:
        self.day = _days(evaluations[KNOWN_AT])
        self.before = self.day - 1


class _Standing:
    """How banks, sectors or states stood against the portfolio, by one column of the records."""

    def __init__(self, records: Records, evaluations: pd.DataFrame, asked: _Asked, column: str) -> None:
        loans = records.loans
        self._asked = asked
        # 0 is a sector or bank that nobody recorded; factorize gives what is missing the code -1.
        values = pd.concat([loans[column], evaluations[column]])
        keys = pd.factorize(values.where(values != 0))[0].astype(np.int64)
        self._key, loan_keys = keys[len(loans) :], keys[: len(loans)]
        key_of_loan = pd.Series(loan_keys, index=loans["loan"].to_numpy())
        charge_offs = records.charge_offs
        # A charge-off of a loan that is not among the records belongs to nobody known.
        charged = key_of_loan.reindex(charge_offs["loan"]).fillna(-1).to_numpy(np.int64)
        self._loans, self._all_loans = _of(loan_keys, _days(loans[KNOWN_AT]))
        disbursed = pd.Series(_days(loans[KNOWN_AT]), index=loans["loan"].to_numpy())
        days = _days(charge_offs[KNOWN_AT])
        age = (days - disbursed.reindex(charge_offs["loan"]).to_numpy()) // YEAR
        aged = np.where((age >= 0) & (age < AGES), age, -1).astype(np.int64)
        self._charge_offs = Events(np.where(aged >= 0, charged, -1), days)
        self._all_charge_offs = Events(aged, days)

    def charge_off_ratio(self) -> Floats:
        """Charge-offs of the last two years against those expected at the portfolio's rates; 1 is like it.

        Indirect standardisation by age: for each year of age, the portfolio's charge-offs at that age
        per loan that passed it in the window, times the own loans that passed it.
        """
        day = self._asked.day
        own = self._charge_offs.count(self._key, day - CHARGE_OFF_WINDOW, day)
        expected = np.zeros(len(day))
        everyones, all_passed = np.zeros_like(day), np.zeros_like(day)
        for age in range(AGES):
            passed_until = self._asked.before - (age * YEAR + YEAR // 2)
            passed_after = passed_until - CHARGE_OFF_WINDOW
            passed = self._loans.count(self._key, passed_after, passed_until)
            portfolio = self._all_loans.count(np.zeros_like(day), passed_after, passed_until)
            failed = self._all_charge_offs.count(np.full_like(day, age), day - CHARGE_OFF_WINDOW, day)
            expected += passed * (failed / np.maximum(portfolio, 1))
            everyones += failed
            all_passed += portfolio
        ratio = (own + PRIOR_CHARGE_OFFS) / (expected + PRIOR_CHARGE_OFFS)
        enough = (all_passed >= PORTFOLIO_LOANS) & (everyones >= PORTFOLIO_CHARGE_OFFS)
        return self._where_known(ratio, enough)

    def growth(self) -> Floats:
        """Loans of the last year against the year before, relative to the portfolio's; 1 is like it."""
        before = self._asked.before
        middle, start = before - YEAR, before - 2 * YEAR
        zeros = np.zeros_like(before)
        now, then = self._loans.count(self._key, middle, before), self._loans.count(self._key, start, middle)
        all_now, all_then = (
            self._all_loans.count(zeros, middle, before),
            self._all_loans.count(zeros, start, middle),
        )
        expected = then * (all_now / np.maximum(all_then, 1))
        enough = (all_now >= PORTFOLIO_LOANS) & (all_then >= PORTFOLIO_LOANS)
        return self._where_known((now + PRIOR_LOANS) / (expected + PRIOR_LOANS), enough)

    def share(self) -> Floats:
        """Share in the portfolio's loans of five years (0–1)."""
        before = self._asked.before
        own = self._loans.count(self._key, before - SHARE_WINDOW, before)
        everyones = self._all_loans.count(np.zeros_like(before), before - SHARE_WINDOW, before)
        return self._where_known(own / np.maximum(everyones, 1), everyones >= PORTFOLIO_LOANS)

    def _where_known(self, values: Floats, enough: NDArray[np.bool_]) -> Floats:
        result: Floats = np.where(enough & (self._key >= 0), values, np.nan)
        return result


def _basic(loans: pd.DataFrame) -> dict[str, object]:
    digits = (loans["sector"] // 10).astype(str)
    local = (loans["bank_state"] == loans["state"]).astype("boolean")
    lag = (loans[KNOWN_AT] - loans["approved"]).dt.days
    return {
        "disbursement_lag_days": lag.astype(np.float64),
        "sector": _objects(digits.map(SECTORS)),
        "region": _objects(loans["state"].map(REGIONS)),
        "new_business": _objects(loans["new_business"]),
        "urban": _objects(loans["urban"].where(loans["approved"] >= URBAN_RECORDED_FROM)),
        "franchise": _objects(loans["franchise"]),
        "employees": _employees(loans),
        "low_doc": _objects(loans["low_doc"]),
        "revolving": _objects(loans["revolving"]),
        "local_bank": _objects(local.where(loans["bank_state"].notna() & loans["state"].notna())),
    }


def _financial(records: Records, loans: pd.DataFrame, asked: _Asked) -> dict[str, object]:
    amount = loans["approved_amount"].to_numpy(np.float64)
    usual = trailing_median(
        _days(records.loans[KNOWN_AT]), records.loans["approved_amount"], asked.day, YEAR, PORTFOLIO_LOANS
    )
    return {
        "approved_amount": amount,
        "relative_amount": amount / usual,
        "amount_per_employee": amount / np.maximum(_employees(loans), 1.0),
        "guaranteed_share": loans["guaranteed_amount"].to_numpy(np.float64) / amount,
    }


def _credit_and_cooperation(records: Records, loans: pd.DataFrame, asked: _Asked) -> dict[str, object]:
    known, charge_offs = records.loans, records.charge_offs
    day, before, ever = asked.day, asked.before, np.full_like(asked.day, FIRST_DAY - 1)
    borrower = loans["borrower"].to_numpy(np.int64)
    known_borrower, known_days = known["borrower"].to_numpy(np.int64), _days(known[KNOWN_AT])
    earlier = Events(known_borrower, known_days, known["approved_amount"].to_numpy(np.int64))
    owner = pd.Series(known_borrower, index=known["loan"].to_numpy())
    charged = owner.reindex(charge_offs["loan"]).fillna(-1).to_numpy(np.int64)

    count = earlier.count(borrower, ever, before)
    existing = count > 0
    pairs = pd.concat([known[["borrower", "bank"]], loans[["borrower", "bank"]]])
    pair = pairs.groupby(["borrower", "bank"], sort=False).ngroup().to_numpy(np.int64)
    pair = np.where(pairs["bank"].to_numpy() == 0, -1, pair)
    with_bank = Events(pair[: len(known)], known_days).count(pair[len(known) :], ever, before)

    def applicable(values: Floats | Integers) -> Floats:
        result: Floats = np.where(existing, values, np.nan)
        return result

    named_bank = loans["bank"].to_numpy() != 0
    banks = _Standing(records, loans, asked, "bank")
    return {
        "relationship": np.where(existing, EXISTING, PROSPECT).astype(object),
        "earlier_charge_offs": applicable(
            Events(charged, _days(charge_offs[KNOWN_AT])).count(borrower, ever, day)
        ),
        "bank_charge_off_ratio": banks.charge_off_ratio(),
        "bank_growth": banks.growth(),
        "bank_share": banks.share(),
        "years_since_first_loan": (day - earlier.first(borrower, before)) / 365.25,
        "days_since_last_loan": day - earlier.latest(borrower, before),
        "earlier_loans": applicable(count),
        "earlier_loans_with_bank": np.where(named_bank, applicable(with_bank), np.nan),
        "earlier_amount": applicable(earlier.total(borrower, ever, before)),
    }


def _potential(records: Records, loans: pd.DataFrame, asked: _Asked) -> dict[str, object]:
    sectors = _Standing(records, loans, asked, "sector")
    states = _Standing(records, loans, asked, "state")
    created, retained = (
        loans[column].astype(np.float64).where(loans[column] != JOBS_PLACEHOLDER).to_numpy()
        for column in ("jobs_created", "jobs_retained")
    )
    # Two zeros are no statement: the source has no other way to leave the question open.
    stated = (loans["approved"] >= JOBS_RECORDED_FROM).to_numpy() & ~((created == 0) & (retained == 0))
    created, retained = np.where(stated, created, np.nan), np.where(stated, retained, np.nan)
    return {
        "sector_charge_off_ratio": sectors.charge_off_ratio(),
        "sector_growth": sectors.growth(),
        "state_charge_off_ratio": states.charge_off_ratio(),
        "state_growth": states.growth(),
        "jobs_created": created,
        "jobs_retained": retained,
        "jobs_created_per_employee": created / np.maximum(_employees(loans), 1.0),
    }


def _employees(loans: pd.DataFrame) -> Floats:
    employees = loans["employees"].to_numpy(np.float64)
    result: Floats = np.where(employees == EMPLOYEES_PLACEHOLDER, np.nan, employees)
    return result


def _of(keys: Integers, days: Integers) -> tuple[Events, Events]:
    """Return the events by key, and all of them as the portfolio's."""
    return Events(keys, days), Events(np.zeros_like(keys), days)


def _days(dates: pd.Series) -> Integers:
    result: Integers = dates.to_numpy("datetime64[D]").astype(np.int64)
    return result


def _objects(values: pd.Series) -> pd.Series:
    """Return plain Python values, with None for what is missing."""
    objects = values.astype(object)
    return objects.where(values.notna(), None)
