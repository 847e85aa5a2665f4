"""The bundled sample is whole, and its indicators know nothing that was known only later."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from features import draw_sample, sba
from features.catalog import Kind, load_catalog
from features.records import SAMPLE, Records, RecordsError, load_sample
from features.terms import Nature
from tests.sba_samples import indicators_of, whole_sample

# Indicators and outcomes of the same evaluations.
Evaluated = tuple[pd.DataFrame, pd.DataFrame]

KEYS = ["customer_id", "nature", "as_of", "borrower"]
DATA = Path(os.environ.get("TIERWISE_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
SOURCE = DATA / "sba" / "sba_national.parquet"


@pytest.fixture(scope="module")
def records() -> Records:
    return load_sample()


@pytest.fixture(scope="module")
def evaluated(records: Records, tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    return whole_sample(tmp_path_factory), sba.outcomes(records, sba.evaluations(records))


@pytest.fixture(scope="module")
def crowded(records: Records) -> Records:
    """A few banks' loans of a few borrowers, so that in a small draw everybody has a history."""
    loans = records.loans
    repeated = loans[loans["borrower"].isin(loans["borrower"].value_counts().head(300).index)]
    others = loans[loans["bank"].isin([1, 2, 3, 0])].sample(3000, random_state=7)
    loans = pd.concat([repeated, others]).drop_duplicates("loan").sort_values("loan")
    charge_offs = records.charge_offs
    return Records(loans, charge_offs[charge_offs["loan"].isin(loans["loan"])])


@pytest.fixture(scope="module")
def thinned(records: Records) -> Records:
    return drawn(records, 3, 20_000)


def drawn(records: Records, seed: int, size: int) -> Records:
    loans = records.loans.sample(size, random_state=seed).sort_values("loan")
    charge_offs = records.charge_offs
    return Records(loans, charge_offs[charge_offs["loan"].isin(loans["loan"])])


def altered_after(records: Records, cut: pd.Timestamp, random: np.random.Generator, remove: float) -> Records:
    """Return records in which whatever became known after the cut is removed, moved or made up."""
    late = {name: getattr(records, name).copy() for name in ("loans", "charge_offs")}
    late = {name: table[table["known_at"] > cut] for name, table in late.items()}
    known = records.known_by(cut)
    for name, table in late.items():
        table = table[random.random(len(table)) >= remove].copy()
        shift = random.integers(1, 4000, len(table)).astype("timedelta64[D]")
        table["known_at"] = (cut.to_datetime64() + shift).astype("datetime64[s]")
        late[name] = table
    loans, charge_offs = late["loans"], late["charge_offs"]
    for column in ("approved_amount", "bank", "state", "sector", "borrower", "employees"):
        loans[column] = loans[column].iloc[random.permutation(len(loans))].to_numpy()
    charge_offs["stood"] = ~charge_offs["stood"]
    # Loans known by the cut are charged off after it although they never were.
    alive = known.loans["loan"][~known.loans["loan"].isin(records.charge_offs["loan"])]
    made_up = pd.DataFrame({"loan": alive, "known_at": cut + pd.Timedelta(days=1), "stood": True})
    made_up["known_at"] = made_up["known_at"].astype("datetime64[s]")
    return Records(
        pd.concat([loans, known.loans]),
        pd.concat([charge_offs, known.charge_offs, made_up], ignore_index=True),
    )


@pytest.mark.parametrize(("seed", "remove"), [(1, 0.0), (2, 0.5)])
def test_a_record_known_later_changes_nothing(crowded: Records, seed: int, remove: float) -> None:
    random = np.random.default_rng(seed)
    records = drawn(crowded, seed, 3000)
    # The cut is a day of evaluation, so that its own day and the next are told apart.
    cut = sba.evaluations(records)["known_at"].sample(random_state=seed).iloc[0]
    rows = sba.evaluations(records, last=cut)
    before = indicators_of(records, rows)
    altered = altered_after(records, cut, random, remove)
    assert_frame_equal(before, indicators_of(altered, rows), check_exact=True)
    assert_frame_equal(before, indicators_of(records.known_by(cut), rows), check_exact=True)


def test_in_the_whole_sample_too_a_record_known_later_changes_nothing(
    records: Records, evaluated: Evaluated
) -> None:
    day = pd.Timestamp("2004-06-30")
    rows = sba.evaluations(records, first=day - pd.Timedelta(days=60), last=day)
    known = indicators_of(records.known_by(day), rows)
    assert_frame_equal(evaluated[0].loc[rows.index], known, check_exact=True, check_dtype=False)


def test_a_record_known_in_time_does_change_something(thinned: Records) -> None:
    """The counterpart, without which the proof above could hold of constants."""
    rows = sba.evaluations(thinned, first=pd.Timestamp("2004-06-01"), last=pd.Timestamp("2004-06-30"))
    until = thinned.known_by(pd.Timestamp("2002-06-30"))
    unaware = indicators_of(Records(pd.concat([until.loans, rows]), until.charge_offs), rows)
    before = indicators_of(thinned, rows)
    changed = [c for c in before if not before[c].equals(unaware[c])]
    history = {"bank_charge_off_ratio", "state_growth", "earlier_loans", "relative_amount", "relationship"}
    assert history <= set(changed)


def test_a_loan_evaluated_alone_has_no_history(records: Records) -> None:
    rows = sba.evaluations(records).head(50)
    alone = Records(rows, records.charge_offs.head(0))
    found = indicators_of(alone, rows.tail(1))
    assert found["bank_charge_off_ratio"].isna().all()
    assert found["relative_amount"].isna().all()


def test_loans_of_the_same_day_are_never_counted(thinned: Records) -> None:
    day = pd.Timestamp("2003-03-31")
    rows = sba.evaluations(thinned, first=day, last=day)
    without = Records(thinned.loans.drop(rows.index[1:]), thinned.charge_offs)
    found = indicators_of(thinned, rows.head(1))
    assert found["bank_charge_off_ratio"].notna().all()
    assert_frame_equal(found, indicators_of(without, rows.head(1)), check_exact=True)


def test_a_loan_that_is_not_among_the_records_is_refused(records: Records) -> None:
    rows = sba.evaluations(records).head(3)
    with pytest.raises(ValueError, match="1 evaluated loans are not among the records"):
        indicators_of(Records(rows.head(2), records.charge_offs.head(0)), rows)


def test_earlier_charge_offs_count_even_where_the_loan_was_paid_later() -> None:
    loans = load_sample().loans.head(2).copy()
    loans["borrower"], loans["bank"] = 1, 5
    loans["known_at"] = pd.to_datetime(["1996-01-31", "1999-01-31"]).astype("datetime64[s]")
    paid_later = pd.DataFrame(
        {"loan": loans["loan"].head(1), "known_at": loans["known_at"].tail(1).to_numpy()}
    )
    records = Records(loans, paid_later.assign(stood=False))
    first, second = indicators_of(records, loans).to_dict("records")
    assert first["relationship"] == "prospect" and np.isnan(first["earlier_charge_offs"])
    assert second["relationship"] == "existing" and second["earlier_charge_offs"] == 1
    assert second["earlier_loans"] == second["earlier_loans_with_bank"] == 1
    assert second["days_since_last_loan"] == 1096
    assert not sba.outcomes(records, loans)["bad"].any()


def test_the_sample_is_small_whole_and_dated(records: Records) -> None:
    assert SAMPLE.stat().st_size <= 6_000_000
    loans, rows = records.loans, sba.evaluations(records)
    assert 195_000 < len(rows) < 205_000
    assert loans["known_at"].max() <= sba.LAST_EVALUATION
    assert (loans["approved"] <= loans["known_at"]).all()
    first = records.charge_offs["loan"].map(loans.set_index("loan")["known_at"])
    assert (records.charge_offs["known_at"] >= first).all()
    assert loans["loan"].tolist() == list(range(1, len(loans) + 1))
    assert (loans["guaranteed_amount"] <= loans["approved_amount"]).all()


def test_every_indicator_of_the_catalog_is_computed_and_within_its_bounds(evaluated: Evaluated) -> None:
    catalog, frame = load_catalog("sba"), evaluated[0]
    assert list(frame.columns) == KEYS + [placed.id for placed in catalog.placed]
    for placed in catalog.placed:
        indicator, values = placed.indicator, frame[placed.id]
        known = values[values.notna()]
        assert len(known) > 0, placed.id
        match indicator.kind:
            case Kind.NUMBER:
                assert np.isfinite(known).all(), placed.id
                assert indicator.minimum is None or known.min() >= indicator.minimum, placed.id
                assert indicator.maximum is None or known.max() <= indicator.maximum, placed.id
            case Kind.FLAG:
                assert set(known) == {True, False}, placed.id
            case Kind.CATEGORY:
                assert set(known) == set(indicator.levels or {}), placed.id


def test_what_does_not_apply_to_a_prospect_is_missing(evaluated: Evaluated) -> None:
    frame = evaluated[0]
    prospect = frame["relationship"] == "prospect"
    conditional = [p.id for p in load_catalog("sba").for_nature(Nature.ENTERPRISE) if p.conditions]
    assert frame.loc[prospect, conditional].isna().all(axis=None)
    assert frame.loc[~prospect, "earlier_loans"].ge(1).all()


def test_the_share_charged_off_of_2004_is_that_of_the_source(evaluated: Evaluated) -> None:
    frame, outcome = evaluated
    assert outcome["bad"][frame["as_of"].dt.year == 2004].mean() == pytest.approx(0.045, abs=0.002)


def test_only_matured_outcomes_are_trained_on(evaluated: Evaluated) -> None:
    frame, outcome = evaluated
    training_date = pd.Timestamp("2004-01-01")
    kept = sba.mature(outcome, training_date)
    assert len(kept) == (frame["as_of"] <= pd.Timestamp("2001-01-01")).sum()


def test_a_table_that_is_no_record_table_is_refused(records: Records, tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="table loans lacks the column bank"):
        Records(records.loans.drop(columns="bank"), records.charge_offs)
    with pytest.raises(RecordsError, match="gives a loan twice"):
        Records(pd.concat([records.loans.head(1)] * 2), records.charge_offs)
    with pytest.raises(RecordsError, match="no such file"):
        load_sample(tmp_path / "absent.parquet")


def source_row(**changed: str) -> dict[str, str]:
    row = {
        "LoanNr_ChkDgt": "1", "Name": "A", "Zip": "1", "State": "NY", "Bank": "B", "BankState": "NY",
        "NAICS": "451120", "ApprovalDate": "28-Feb-97", "DisbursementDate": "31-May-97", "ChgOffDate": "",
        "MIS_Status": "P I F", "GrAppv": "$60,000.00 ", "SBA_Appv": "$48,000.00 ", "NoEmp": "4",
        "NewExist": "2", "FranchiseCode": "1", "UrbanRural": "0", "LowDoc": "Y", "RevLineCr": "0",
        "CreateJob": "0", "RetainedJob": "0",
    }  # fmt: skip
    return row | changed


def test_the_draw_types_every_column_and_counts_what_it_sets_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw_sample, "SHARE", 1.0)
    source = pd.DataFrame(
        [
            source_row(),
            source_row(Name="old", ApprovalDate="01-Jan-66", DisbursementDate="1-Feb-68"),
            source_row(Name=" "),
            source_row(DisbursementDate=""),
            source_row(DisbursementDate="27-Feb-97"),
            source_row(ChgOffDate="01-Jan-97", MIS_Status="CHGOFF"),
            source_row(MIS_Status="CHGOFF"),
            source_row(MIS_Status=""),
            source_row(DisbursementDate="01-Sep-11"),
        ]
    )
    drawn = draw_sample.draw(source, b"secret")
    assert list(drawn.set_aside.values()) == [1, 1, 1, 1, 1, 1]
    old, row = drawn.table.to_pylist()
    assert old["disbursed"].isoformat() == "1968-02-01"
    assert row["approved_amount"] == 60_000 and row["guaranteed_amount"] == 48_000
    assert row["sector"] == 451 and row["new_business"] is True and row["low_doc"] is True
    assert row["urban"] is None and row["revolving"] is None and row["charged_off"] is None


def test_another_salt_draws_the_same_loans_under_other_borrower_numbers() -> None:
    names = [source_row(Name=f"company {i}", LoanNr_ChkDgt=str(i)) for i in range(200)]
    one, other = (draw_sample.draw(pd.DataFrame(names), salt).table.to_pandas() for salt in (b"a", b"b"))
    assert 20 < len(one) < 100
    assert_frame_equal(one.drop(columns="borrower"), other.drop(columns="borrower"))
    assert not one["borrower"].equals(other["borrower"])


@pytest.mark.skipif(not SOURCE.is_file(), reason=f"{SOURCE.name} is absent; set TIERWISE_DATA")
def test_the_committed_sample_is_what_the_script_draws(tmp_path: Path) -> None:
    out = tmp_path / "drawn.parquet"
    assert draw_sample.main(["--source", str(SOURCE), "--out", str(out), "--salt", "any"]) == 0
    committed, again = pd.read_parquet(SAMPLE), pd.read_parquet(out)
    for frame in (committed, again):
        frame["borrower"] = pd.factorize(frame["borrower"])[0]
    assert_frame_equal(committed, again)
