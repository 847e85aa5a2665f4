# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   tierwise:
#     data: synthetic
# ---

# %% [markdown]
# # Truth test: what is served, against the mechanism that made the data
#
# Of real customers nobody knows the true probability of an adverse outcome, only whether it came. Of a
# **synthetic** company the simulation does. So two questions can be asked that real data do not answer: are
# the probabilities right, and do the reasons name what acts?
#
# Everything below is synthetic. No model can reach the truth here: it knows the latent state of each
# customer, which the departments' records show with noise. The larger run, of which the README tells, is
# `./run bench truth`.

# %%
import tempfile
import warnings
from dataclasses import asdict
from datetime import date
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import logit
from scipy.stats import spearmanr

from benchmarks.truth_figures import agreement, calibration_line, drivers, true_effects
from features.pipeline import prepare
from features.simulation.company import simulate
from features.simulation.outcomes import TERMS
from features.terms import RATED_TIERS
from models.decision import Scorer
from models.policy import load_policy
from training.metrics import auc, equal_count_bins
from training.own_table import TableRequest, read_own_table
from training.train import train_model

# %% [markdown]
# ## The mechanism
#
# The true log-odds of a synthetic customer are the sum of these terms:

# %%
pd.Series(TERMS, name="term of the true log-odds").to_frame()

# %% [markdown]
# ## Synthetic customers, half of them trained on

# %%
DAY = date(2021, 12, 31)
folder = Path(tempfile.mkdtemp(prefix="tierwise-notebook-"))
company = simulate(folder / "company", 2400, 6, first=date(2020, 1, 1), last=date(2024, 12, 31))
prepared = prepare(company.portfolio, folder / "built", as_of=DAY, threads=1)
table = read_own_table(TableRequest(prepared.built.indicators, "customer", "outcome"))
data = table.customers.data
# Companies of one group stay together.
groups = np.unique(data.groups)
trained_on = np.isin(data.groups, np.random.default_rng(1).permutation(groups)[: len(groups) // 2])
policy = load_policy("customer")
trained = train_model(data.take(np.flatnonzero(trained_on)), policy, order=1, threads=1)
scorer = Scorer(table.catalog, policy, trained.model)
print(f"synthetic: trained on {trained_on.sum():,} customers, {data.bad[trained_on].sum():,} of them bad")

# %%
truth = pd.read_parquet(company.truth)
truth = truth[truth["as_of"] == DAY].set_index("customer_id")
# A customer that was merged into another has a truth of its own under its old name only.
known = np.isin(data.portfolio.customer_ids, truth.index)
unseen = data.take(np.flatnonzero(~trained_on & known))
truth = truth.loc[list(unseen.portfolio.customer_ids)]
decisions = scorer.decide(unseen.portfolio)
served, true = decisions.model.probability, truth["probability"].to_numpy()
modelled = ~np.isnan(served)
served, true, bad = served[modelled], true[modelled], unseen.bad[modelled]

# %% [markdown]
# ## Are the probabilities right?
#
# Means of served and true probabilities, and what happened, by tier. `error` is the mean absolute
# difference.

# %%
tiers = decisions.tiers[modelled]
parts = {str(tier): tiers == tier for tier in RATED_TIERS} | {"all": np.ones(len(served), dtype=np.bool_)}
by_tier = pd.DataFrame(
    {
        name: asdict(agreement(served[part], true[part], bad[part]))
        for name, part in parts.items()
        if part.any()
    }
).T
by_tier.round(3)

# %% [markdown]
# Calibration against the truth: slope 1 and intercept 0 would be right. And ranking, beside the truth
# itself.

# %%
slope, intercept = calibration_line(served, true)
print(
    f"synthetic: slope {slope:.2f}, intercept {intercept:.2f}; AUC of the model {auc(bad, served):.3f}, "
    f"of the truth {auc(bad, true):.3f}"
)
assert 0.5 < auc(bad, served) <= auc(bad, true) + 0.02

# %%
decile = equal_count_bins(served, 10)
means = pd.DataFrame({"served": served, "true": true}).groupby(decile).mean()
figure, axes = plt.subplots(figsize=(5, 5))
axes.scatter(served, true, s=4, alpha=0.25, label="synthetic customers")
axes.plot(means["served"], means["true"], "o-", color="black", label="means by decile")
axes.plot([0.002, 1], [0.002, 1], color="grey", linewidth=0.8)
axes.set(
    xscale="log", yscale="log", xlabel="served probability", ylabel="true probability",
    title="Synthetic company: served and true probability",
)  # fmt: skip
axes.legend()
plt.show()

# %% [markdown]
# ## Do the reasons name what acts?
#
# For each term of the mechanism: the indicator that shows it best, that indicator's rank by mean |SHAP|,
# and how its SHAP values follow the term.

# %%
ids = [placed.id for placed in table.catalog.placed if placed.indicator.in_model]
values = unseen.portfolio.matrix(ids)[modelled]
columns = np.array([table.catalog.columns[id_] for id_ in ids])
shap_values = decisions.model.shap_values[modelled][:, columns]
terms = {name: truth[f"term_{name}"].to_numpy()[modelled] for name in TERMS if name != "base"}
with warnings.catch_warnings():
    # An indicator that the model does not use has SHAP values of 0, which follow nothing.
    warnings.simplefilter("ignore")
    found = drivers(terms, ids, values, shap_values)
pd.DataFrame([asdict(driver) for driver in found]).round(2)

# %% [markdown]
# Over all indicators: how far the true log-odds spread with an indicator, beside its mean |SHAP|.

# %%
effects = true_effects(values, logit(true), unseen.portfolio.natures[modelled])
importance = np.mean(np.abs(shap_values), axis=0)
correlation = float(spearmanr(importance, effects).statistic)
figure, axes = plt.subplots(figsize=(5, 4))
axes.scatter(effects, importance, s=12)
axes.set(
    xlabel="spread of the true log-odds", ylabel="mean |SHAP|",
    title=f"Synthetic company: indicators (rank correlation {correlation:.2f})",
)  # fmt: skip
plt.show()

# %% [markdown]
# An indicator that spreads with the truth and is hardly used is mostly one of several that show the same
# thing: a model needs only one of them, and which one it takes is its own affair. So a reason says what the
# score rests on, not what causes the outcome.
