"""The stories of a validation: a registered model on a table of later customers, or the bundled sample."""

from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import expit

from features.portfolio import Floats
from models.booster import Untrainable
from models.decision import Scorer
from models.disclosure import MINIMUM_AGGREGATE
from training.battery.battery import Battery
from training.battery.evidence import Evidence, NotJudgeable
from training.battery.limits import Limits
from training.battery.report import Report
from training.battery.scope import trained_until
from training.dataset import LabelledPortfolio
from training.learner import THREADS
from training.mixes.comparison import RecordedMixes
from training.peers import BaselinePeer, LightgbmPeer, LogisticPeer
from training.sample import NAME, Sample
from training.selection import Progress
from training.train import train_model
from training.walkforward import BASELINE, LIGHTGBM, LOGISTIC, drawn_at_training_date


@dataclass(frozen=True, eq=False)
class Judging:
    """How candidates are judged: what is tolerated, on how many threads, and who is told each step."""

    limits: Limits = field(default_factory=Limits)
    threads: int = THREADS
    progress: Progress = lambda step: None

    def of_table(
        self,
        scorer: Scorer,
        data: LabelledPortfolio,
        *,
        reference: LabelledPortfolio | None = None,
        recorded: RecordedMixes | None = None,
        model_version: str | None = None,
    ) -> Report:
        """Judge a scorer's model on a table's customers.

        Those evaluated after the model's last training customer are judged, and the others are what they are
        compared with, unless a reference is given. Where none is later all are judged, which the report says.

        Args:
            scorer: the candidate.
            data: the table's customers with their outcomes.
            reference: customers to compare with, and to fit challengers on.
            recorded: the mixes of the training customers, with which the mix is compared, rather than with
                earlier customers of the table, where no reference is given.
            model_version: the candidate's name in the report.

        Raises:
            NotJudgeable: there is no model, or there are too few customers of its natures, here or in the
                reference.
        """
        mixes = recorded if reference is None else None
        evidence = Evidence.of(scorer, data, reference, recorded=mixes, limits=self.limits)
        if reference is not None and evidence.reference is None:
            raise NotJudgeable(
                f"the reference has fewer than {MINIMUM_AGGREGATE} customers of natures with a model "
                f"({', '.join(evidence.model.natures)}): give {MINIMUM_AGGREGATE} or more"
            )
        last = trained_until(evidence)
        if reference is None and data.dated and last is not None:
            later = evidence.data.days > last
            if later.any() and not later.all():
                parts = (evidence.data.take(np.flatnonzero(rows)) for rows in (later, ~later))
                evidence = Evidence.of(scorer, *parts, recorded=mixes, limits=self.limits)
        return self.of(evidence, model_version)

    def of_sample(self, sample: Sample, year: int) -> Report:
        """Train on the loans of the sample that had matured before a year, and judge on that year's.

        Raises:
            Untrainable: too few had matured.
            NotJudgeable: the year has no loans.
        """
        date = np.datetime64(f"{year}-01-01")
        training = sample.data.take(np.flatnonzero(sample.matured_on <= date))
        judged = sample.data.take(np.flatnonzero(sample.data.cohorts == year))
        if not len(judged):
            raise NotJudgeable(f"year {year}: the sample has no loans of it")
        self.progress(f"training on the {len(training):,} loans that had matured before {year}")
        catalog = drawn_at_training_date(training.portfolio, sample.policy)
        training, judged = training.with_catalog(catalog), judged.with_catalog(catalog)
        trained = train_model(training, sample.policy, threads=self.threads, progress=self.progress)
        scorer = Scorer(catalog, sample.policy, trained.model)
        evidence = Evidence.of(scorer, judged, training, limits=self.limits)
        return self.of(evidence, f"{NAME} as of {date}")

    def of(self, evidence: Evidence, model_version: str | None = None) -> Report:
        """Fit challengers on the reference customers where their outcomes allow, and run the battery."""
        challengers = {**evidence.challengers, **self._challengers(evidence)}
        evidence = replace(evidence, challengers=challengers)
        return Battery().run(evidence, model_version, self.progress)

    def _challengers(self, evidence: Evidence) -> dict[str, Floats]:
        """Return the judged customers' probabilities by the baseline, calibrated, and two usual models."""
        reference, policy, natures = evidence.reference, evidence.scorer.policy, evidence.model.natures
        if reference is None:
            return {}
        bad = int(np.sum(reference.bad))
        if min(bad, len(reference) - bad) < policy.minimum_bad_outcomes:
            return {}
        portfolio, found = evidence.data.portfolio, {}
        self.progress("fitting challengers on the reference customers")
        found[BASELINE] = expit(BaselinePeer.fit(reference, policy).log_odds(portfolio))
        found[LOGISTIC] = expit(LogisticPeer.fit(reference, natures).log_odds(portfolio))
        # The newest quarter of the reference may hold outcomes of one kind only.
        with suppress(Untrainable):
            peer = LightgbmPeer.fit(reference, natures, self.threads)
            found[LIGHTGBM] = expit(peer.log_odds(portfolio))
        return found
