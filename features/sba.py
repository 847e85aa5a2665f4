"""The SBA sample's evaluations and what became of them; its indicators are declared in the catalog `sba`.

An evaluation is a loan looked at on the day of its disbursement (`as_of`). Its indicators rest on the
loan's own application and on other loans' records known by the end of that day: loans disbursed
strictly earlier, charge-offs dated until that day.
"""

import pandas as pd

from features.records import KNOWN_AT, Records

FIRST_EVALUATION = pd.Timestamp("1996-01-01")
LAST_EVALUATION = pd.Timestamp("2011-08-31")
OUTCOME_MONTHS = 36


def evaluations(
    records: Records, first: pd.Timestamp = FIRST_EVALUATION, last: pd.Timestamp = LAST_EVALUATION
) -> pd.DataFrame:
    """Return the loans disbursed from `first` to `last`: the rows to evaluate, each on that day."""
    return records.loans[records.loans[KNOWN_AT].between(first, last)]


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
