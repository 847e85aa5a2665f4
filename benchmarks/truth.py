"""`./run bench truth`: what is served of a synthetic company, against the mechanism that made it.

A company is simulated and its departments' tables are built into indicators. A model is trained as the README
says on half of the customers, as of one day, and judged on the others: of that day, and of a year later, when
the times have changed. Only the simulation knows the true probability of every customer; here it is compared
with the served one. Everything is synthetic. No model can reach the truth, which knows the latent state that
the records show with noise.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import spearmanr

from benchmarks.truth_figures import Agreement, Driver, agreement, calibration_line, drivers, true_effects
from features.pipeline import prepare
from features.portfolio import Bools, Floats, Portfolio
from features.simulation.company import simulate
from features.simulation.outcomes import TERMS
from features.terms import RATED_TIERS
from models.decision import Decisions, Scorer
from training.metrics import auc, equal_count_bins, log_loss
from training.own_table import TableRequest, read_own_table
from training.report import Grid

CATALOG = POLICY = "customer"
# So that indicators of three years have them on both days.
FIRST, LAST = date(2020, 1, 1), date(2025, 12, 31)
THAT_DAY, A_YEAR_LATER = date(2023, 12, 31), date(2024, 12, 31)
TOP = 10


@dataclass(frozen=True, eq=False)
class Judged:
    """n customers on a day whom the model has never seen: what is said of them, and the truth (frame)."""

    decisions: Decisions
    truth: pd.DataFrame

    @property
    def served(self) -> Floats:
        return self.decisions.model.probability

    @property
    def true(self) -> Floats:
        return self.truth["probability"].to_numpy(dtype=np.float64)

    @property
    def bad(self) -> Bools:
        return self.truth["outcome"].to_numpy(dtype=np.bool_)

    def by(self, parts: Mapping[str, Bools]) -> dict[str, Agreement]:
        """Compare served and true probabilities in parts of the customers, as far as there are any."""
        return {
            name: agreement(self.served[part], self.true[part], self.bad[part])
            for name, part in parts.items()
            if np.any(part)
        }

    def by_tier(self) -> dict[str, Agreement]:
        tiers = self.decisions.tiers
        everybody = np.ones(len(tiers), dtype=np.bool_)
        return self.by({**{str(tier): tiers == tier for tier in RATED_TIERS}, "all": everybody})

    def by_decile(self) -> dict[str, Agreement]:
        decile = equal_count_bins(self.served, 10)
        return self.by({str(number + 1): decile == number for number in np.unique(decile)})

    def summary(self) -> dict[str, object]:
        """Return the figures for one line of JSON."""
        slope, intercept = calibration_line(self.served, self.true)
        return {
            "by_tier": {name: _rounded(asdict(part)) for name, part in self.by_tier().items()},
            "by_decile": {name: _rounded(asdict(part)) for name, part in self.by_decile().items()},
            **_rounded(
                {
                    "calibration_slope": slope,
                    "calibration_intercept": intercept,
                    "auc_truth": auc(self.bad, self.true),
                    "auc_model": auc(self.bad, self.served),
                    "auc_score": auc(self.bad, -self.decisions.score),
                    "auc_baseline": auc(self.bad, -self.decisions.baseline.score),
                    "log_loss_truth": log_loss(self.bad, self.true),
                    "log_loss_model": log_loss(self.bad, self.served),
                }
            ),
        }


@dataclass(frozen=True)
class Explained:
    """Whether explanations name what acts.

    `effects_spearman` is the rank correlation, over indicators, of mean |SHAP| with the spread of the true
    log-odds with the indicator; `in_common` are among the TOP of both.
    """

    drivers: list[Driver]
    effects_spearman: float
    in_common: int


def main() -> None:
    """Simulate, build, train, judge, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="tierwise-truth-") as name:
        folder = Path(name)
        frame, truth = _built(folder, arguments.customers, arguments.seed, arguments.threads)
        unseen = _half(frame)
        scorer, trained_on = _trained(folder, frame[~unseen], arguments.threads)
    then, later = (_judged(scorer, frame[unseen], truth, day) for day in (THAT_DAY, A_YEAR_LATER))
    explained = _explained(then)
    for grid in (
        _agreements("served and true probability by tier", then.by_tier()),
        _agreements("the same by decile of the served probability", then.by_decile()),
        _agreements("by tier a year later", later.by_tier()),
        _drivers(explained.drivers),
    ):
        print(f"\n{grid.title}\n")
        print("\n".join(grid.markdown()))
    summary = {
        "benchmark": "truth",
        "synthetic": True,
        "customers": arguments.customers,
        "seed": arguments.seed,
        **trained_on,
        "that_day": then.summary(),
        "a_year_later": later.summary(),
        "effects_spearman": round(explained.effects_spearman, 4),
        f"in_common_of_top_{TOP}": explained.in_common,
        "drivers": {d.name: [d.indicator, d.rank, round(d.followed, 4)] for d in explained.drivers},
        "seconds": round(time.perf_counter() - start, 1),
    }
    print()
    print(json.dumps(summary))


def _built(folder: Path, customers: int, seed: int, threads: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the indicators of everybody on both days, with outcomes, and the truth."""
    company = simulate(folder / "company", customers, seed, first=FIRST, last=LAST, progress=_tell)
    everybody = pd.read_parquet(folder / "company" / "tables" / "crosswalk.parquet")["customer_id"].unique()
    asked = pd.MultiIndex.from_product([everybody, [THAT_DAY, A_YEAR_LATER]], names=["customer_id", "as_of"])
    asked.to_frame(index=False).to_parquet(folder / "evaluations.parquet")
    prepared = prepare(
        company.portfolio,
        folder / "built",
        evaluations=folder / "evaluations.parquet",
        threads=threads,
        progress=_tell,
    )
    return pd.read_parquet(prepared.built.indicators), pd.read_parquet(company.truth)


def _half(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which rows are of the half that is judged, shape (n,); companies of one group stay together."""
    number, groups = pd.factorize(frame["group_id"].fillna(frame["customer_id"]))
    chosen: NDArray[np.bool_] = (np.random.default_rng(1).random(len(groups)) < 0.5)[number]
    return chosen


def _trained(folder: Path, frame: pd.DataFrame, threads: int) -> tuple[Scorer, dict[str, int]]:
    frame[frame["as_of"] == THAT_DAY].to_parquet(folder / "past.parquet")
    table = read_own_table(TableRequest(folder / "past.parquet", CATALOG, "outcome"))
    result = table.trained(
        table.policy(POLICY), order=None, signer=None, state=folder / "state", threads=threads, progress=_tell
    )
    return result.scorer, {"trained_on": len(table.customers.data), "trained_on_bad": table.bad}


def _judged(scorer: Scorer, frame: pd.DataFrame, truth: pd.DataFrame, day: date) -> Judged:
    known = truth[truth["as_of"] == day].drop(columns=["nature", "as_of"])
    rows = frame[frame["as_of"] == day].drop(columns="outcome")
    rows = rows.merge(known, on="customer_id", validate="1:1")
    portfolio, rejects = Portfolio.from_frame(rows, scorer.catalog)
    if len(rejects):
        raise SystemExit(f"{len(rejects)} synthetic rows do not fit the catalog: {rejects['reason'].iloc[0]}")
    decisions = scorer.decide(portfolio)
    if np.isnan(decisions.model.probability).any():
        raise SystemExit("a nature has too few bad outcomes for a model; simulate more customers")
    return Judged(decisions, rows)


def _explained(judged: Judged) -> Explained:
    portfolio, catalog = judged.decisions.portfolio, judged.decisions.portfolio.catalog
    ids = [placed.id for placed in catalog.placed if placed.indicator.in_model]
    values = portfolio.matrix(ids)
    shap_values = judged.decisions.model.shap_values[:, [catalog.columns[id_] for id_ in ids]]
    effects = true_effects(values, logit(judged.true), portfolio.natures)
    importance = np.mean(np.abs(shap_values), axis=0)
    terms = {name: judged.truth[f"term_{name}"].to_numpy() for name in TERMS if name != "base"}
    return Explained(
        drivers=drivers(terms, ids, values, shap_values),
        effects_spearman=float(spearmanr(importance, effects).statistic),
        in_common=len(set(np.argsort(-importance)[:TOP]) & set(np.argsort(-effects)[:TOP])),
    )


def _agreements(what: str, parts: Mapping[str, Agreement]) -> Grid:
    columns = ("", "customers", "served", "true", "happened", "mean absolute error", "correlation")
    rows = []
    for name, part in parts.items():
        shares = (f"{share:.1%}" for share in (part.served, part.true, part.happened, part.error))
        correlation = "" if math.isnan(part.correlation) else f"{part.correlation:.2f}"
        rows.append((name, f"{part.customers:,}", *shares, correlation))
    return Grid(f"Synthetic company: {what}", columns, tuple(rows))


def _drivers(found: list[Driver]) -> Grid:
    columns = ("term", "spread in log-odds", "shown best by", "correlation", "rank by |SHAP|", "SHAP follows")
    rows = tuple(
        (d.name, f"{d.spread:.2f}", d.indicator, f"{d.shown:.2f}", f"{d.rank}", f"{d.followed:.2f}")
        for d in found
    )
    return Grid("Synthetic company: what acts in its mechanism, and what explanations name", columns, rows)


def _rounded(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(figure) else round(figure, 4) for name, figure in figures.items()}


def _tell(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
