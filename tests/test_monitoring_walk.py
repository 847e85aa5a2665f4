"""Alternatives walked forward: nothing is used early, and what is called wrong would have been given else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, logit

from benchmarks.crisis_parts.recorded import NotRecorded, newest_run, record, sources
from models.calibration import Calibration
from models.decision import Scorer
from tests.judged import Candidate, candidate, drawn
from tests.labelled import FIRST_YEAR, synthetic
from training.battery.evidence import model_of
from training.monitoring.alternatives import Alternative, Fitted, recalibrated
from training.monitoring.hindsight import Hindsight, right_tiers
from training.monitoring.kinds import AlarmKind
from training.monitoring.reference import Reference
from training.monitoring.walk import AT_ONCE, ON_OUTCOMES, compared, quarters, timeline, walk
from training.monitoring.walk_report import document, first_alarms, grids
from training.sample import Sample

TRAINED = np.datetime64("2004-01-01")


@pytest.fixture(scope="module")
def found() -> Candidate:
    return candidate()


@pytest.fixture(scope="module")
def fitted(found: Candidate) -> Fitted:
    """The candidate as it was fitted before 2004, with outcomes that it foretells."""
    log_odds = found.scorer.decide(found.reference.portfolio).model.log_odds
    reference = Reference.of(found.scorer, found.reference, log_odds)
    return Fitted(found.scorer, found.reference, TRAINED, log_odds, reference)


def later(found: Candidate, shift: float) -> Sample:
    """The customers after the training, at another level of risk than was foretold; a year to mature."""
    log_odds = found.scorer.decide(found.judged.portfolio).model.log_odds
    data = replace(found.judged, bad=drawn(expit(log_odds + shift)))
    return Sample(data, data.days + np.timedelta64(365, "D"), found.scorer.policy)


def test_recalibration_learns_the_level_of_what_has_matured_and_nothing_before(
    found: Candidate, fitted: Fitted
) -> None:
    sample = later(found, 1.0)
    assert recalibrated(fitted, sample, TRAINED) is fitted
    after = recalibrated(fitted, sample, np.datetime64("2006-06-01"))
    moved = after.log_odds(found.judged) - fitted.log_odds(found.judged)
    assert np.mean(moved) == pytest.approx(1.0, abs=0.25)
    assert after.model.calibration.slope <= fitted.model.calibration.slope * 1.0001
    # A line in the log-odds: ranking stays.
    slope, intercept = np.polyfit(fitted.log_odds(found.judged), after.log_odds(found.judged), 1)
    assert slope > 0
    expected = intercept + slope * fitted.log_odds(found.judged)
    assert np.allclose(after.log_odds(found.judged), expected, atol=1e-9)
    assert after.reference.model_sha256 == after.model.content_hash != fitted.reference.model_sha256


def test_hindsight_finds_the_level_and_tells_wrong_tiers_from_noise(found: Candidate, fitted: Fitted) -> None:
    data = later(found, 1.0).data
    log_odds = fitted.log_odds(data)
    hindsight = Hindsight.of([log_odds], data.bad)
    assert np.mean(expit(hindsight.by_all)) == pytest.approx(np.mean(data.bad), abs=1e-3)
    decisions = found.scorer.decide(data.portfolio)
    assert np.array_equal(right_tiers(found.scorer, decisions, log_odds), decisions.tiers)
    wrong = hindsight.wrong(found.scorer, decisions)
    assert wrong.wrong == pytest.approx(wrong.too_good + wrong.too_strict)
    assert wrong.too_good > 0.2 > 0.02 > wrong.too_strict
    assert wrong.by_chance < wrong.wrong / 2
    assert wrong.by_two <= wrong.wrong
    # A model with the right level has hardly a wrong tier.
    right = replace(model_of(found.scorer), calibration=_shifted(fitted, 1.0))
    scorer = Scorer(found.scorer.catalog, found.scorer.policy, right)
    assert hindsight.wrong(scorer, scorer.decide(data.portfolio)).wrong < wrong.by_chance * 2 + 0.02


def _shifted(fitted: Fitted, shift: float) -> Calibration:
    before = fitted.model.calibration
    return Calibration(before.intercept + shift, before.slope)


def test_the_quarters_tell_drift_at_once_and_outcomes_when_they_have_matured(
    found: Candidate, fitted: Fitted
) -> None:
    sample = later(found, 1.0)
    watches = list(timeline(sample, fitted, quarters(2004, np.datetime64("2007-01-01"))))
    assert [str(of.day) for of in watches[:2]] == ["2004-04-01", "2004-07-01"]
    first = first_alarms(watches)
    assert first[AlarmKind.CALIBRATION] is not None
    # The first outcome matures after a year.
    assert np.datetime64("2005-01-01") < first[AlarmKind.CALIBRATION] <= np.datetime64("2005-10-01")
    assert first[AlarmKind.INPUT_DRIFT] is None
    for of in watches:
        assert set(of.alarms) == {*AT_ONCE, *ON_OUTCOMES}
        assert (of.alarms[AlarmKind.CALIBRATION] is None) == (of.day <= np.datetime64("2005-01-01"))
    assert watches[-1].alarms[AlarmKind.INPUT_DRIFT] is None


def test_the_same_model_twice_is_compared_once(found: Candidate, fitted: Fitted) -> None:
    data = later(found, 0.0).data
    outcomes = compared(
        data,
        {Alternative.AS_IT_IS: fitted, Alternative.RETRAINED: fitted},
        np.datetime64("2008-01-01"),
    )
    assert outcomes[Alternative.AS_IT_IS] is outcomes[Alternative.RETRAINED]
    assert outcomes[Alternative.AS_IT_IS].alarms == {}
    assert outcomes[Alternative.AS_IT_IS].wrong.wrong < 0.1


def test_years_are_walked_by_what_was_known_before_them() -> None:
    labelled = synthetic(1500)
    sample = Sample(labelled.data, labelled.matured_on, labelled.policy)
    years = (FIRST_YEAR, FIRST_YEAR + 3, FIRST_YEAR + 4)
    walked = list(walk(sample, years, FIRST_YEAR + 3, threads=1))
    (first, nobody), (second, left), (third, still) = walked
    assert (first.outcomes, nobody) == ({}, None)
    assert left is still and left is not None
    assert np.max(left.training.days) < np.datetime64(f"{FIRST_YEAR + 2}-01-02")
    # In the year in which it is trained, the three are one.
    assert len({id(of) for of in second.outcomes.values()}) == 1
    assert len({id(of) for of in third.outcomes.values()}) == 3
    assert third.bad == np.sum(labelled.data.bad[labelled.data.cohorts == third.year])
    assert third.matured_on > third.known_on
    told = document([of for of, _ in walked], [])
    assert [of["trained_on_bad"] for of in told["years"]] == [of.trained_on_bad for of, _ in walked]
    for grid in grids([of for of, _ in walked], []):
        assert {len(row) for row in grid.rows} == {len(grid.columns)}


def test_a_recorded_run_is_relied_on_only_if_nothing_has_changed(tmp_path: Path) -> None:
    runs = tmp_path / "runs.jsonl"
    with pytest.raises(NotRecorded, match=r"^[^\n]*run it again: \./run bench crisis --record REASON$"):
        newest_run(runs)
    record({**sources(), "years": [{"wrong": 0.25}]}, "a try", runs)
    assert newest_run(runs)["years"] == [{"wrong": 0.25}]
    runs.write_text(runs.read_text().replace("0.25", "0.26"), encoding="utf-8")
    with pytest.raises(NotRecorded, match="was changed after it was recorded"):
        newest_run(runs)
    record({**sources(), "policy_hash": "0" * 64, "years": []}, "another policy", runs)
    with pytest.raises(NotRecorded, match="of another policy"):
        newest_run(runs)


def test_log_odds_of_the_engine_are_those_of_the_decisions(found: Candidate, fitted: Fitted) -> None:
    probability = found.scorer.decide(found.judged.portfolio).model.probability
    assert np.allclose(fitted.log_odds(found.judged), logit(probability), atol=1e-9)
