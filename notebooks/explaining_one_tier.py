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
# # One customer's tier, explained from end to end
#
# A reviewer should be able to follow a tier from the facts to the words that the customer is told. This
# notebook does so for one customer of a **synthetic** company: nothing in it is a real customer's.
#
# Every number comes from the functions that the service calls, and every equation on the way is asserted.

# %%
import tempfile
import warnings
from datetime import date
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from features.pipeline import prepare
from features.simulation.company import simulate
from features.terms import Language
from models.answer import answer
from models.decision import Scorer
from models.policy import load_policy
from serving.next_tier import NextTier
from serving.served import Served
from training.job import verify
from training.own_table import TableRequest, read_own_table
from training.raw_customers import raw_customers
from training.train import train_model

with warnings.catch_warnings():
    # It asks for widgets that a page has no use for.
    warnings.simplefilter("ignore")
    import shap

# %% [markdown]
# ## Synthetic customers and a small model
#
# The simulation writes the departments' tables of a company; the pipeline builds the indicators of the
# catalog `customer` from them, as they stood on one day; the model learns from what became of these
# customers in the following year.

# %%
folder = Path(tempfile.mkdtemp(prefix="tierwise-notebook-"))
company = simulate(folder / "company", 900, 6, first=date(2020, 1, 1), last=date(2024, 12, 31))
prepared = prepare(company.portfolio, folder / "built", as_of=date(2021, 12, 31), threads=1)
table = read_own_table(TableRequest(prepared.built.indicators, "customer", "outcome"))
policy = load_policy("customer")
data = table.customers.data
trained = train_model(data, policy, order=1, threads=1)
scorer = Scorer(table.catalog, policy, trained.model)
decisions = scorer.decide(data.portfolio)
print(f"synthetic: {len(data):,} customers, {data.bad.mean():.1%} with the adverse outcome")

# %% [markdown]
# We take the customer in the middle of tier *general*.

# %%
general = np.flatnonzero((decisions.tiers == "general") & decisions.model.applies)
row = int(general[np.argsort(decisions.score[general], kind="stable")[len(general) // 2]])
found = answer(decisions, row)
contributions = pd.DataFrame(found["contributions"]).set_index("indicator")
{name: found[name] for name in ("customer_id", "nature", "score", "tier", "probability", "completeness")}

# %% [markdown]
# ## The baseline: points, weights, reference
#
# A curve of the catalog turns each fact into points; what a fact contributes is its weight times the points
# above or below the reference. What is missing has a line of its own, which is never upward.

# %%
baseline = decisions.baseline
by_weight = pd.DataFrame(
    {
        "status": contributions["status"],
        "points": baseline.points[row, [table.catalog.columns[id_] for id_ in contributions.index]],
        "weight": baseline.weights[row, [table.catalog.columns[id_] for id_ in contributions.index]],
        "contribution": baseline.contributions[
            row, [table.catalog.columns[id_] for id_ in contributions.index]
        ],
    },
    index=contributions.index,
)
assert abs(baseline.base[row] + baseline.contributions[row].sum() - baseline.score[row]) < 1e-9
print(f"reference {baseline.base[row]:.2f} + contributions = baseline {baseline.score[row]:.2f}")
by_weight[by_weight["contribution"] != 0].sort_values("contribution", key=abs, ascending=False).head(
    12
).round(3)

# %% [markdown]
# ## The model: SHAP values in log-odds
#
# The model's log-odds of the adverse outcome are its expectation plus one SHAP value an indicator. `shap`
# draws them; to the right is riskier.

# %%
model = decisions.model
features = trained.model.tables.features
columns = [table.catalog.columns[feature] for feature in features]
explanation = shap.Explanation(
    values=model.shap_values[row, columns],
    base_values=model.base_log_odds[row],
    data=np.array([contributions["value"].get(feature) for feature in features], dtype=object),
    feature_names=list(features),
)
assert abs(model.base_log_odds[row] + model.shap_values[row].sum() - model.log_odds[row]) < 1e-9
shap.plots.waterfall(explanation, max_display=12, show=False)
plt.gcf().set_size_inches(9, 6)
plt.title("Synthetic customer: from the expected log-odds to its own")
plt.tight_layout()
plt.show()

# %% [markdown]
# The values are look-ups in tables. `shap.TreeExplainer` walks the boosters from which the tables were
# compiled, and says the same:

# %%
verification = verify(trained, data.portfolio)
print(
    f"{verification.rows:,} synthetic customers recomputed by shap: "
    f"largest difference {verification.largest_difference:.1e} log-odds"
)

# %% [markdown]
# ## From log-odds to a probability and to points
#
# The probability is the logistic function of the log-odds. The policy says which probability stands at each
# cut-off, and thereby how log-odds become points; a SHAP value in points is the value times one factor, so
# that signs and order stay.

# %%
factor = (model.points[row] - model.base[row]) / (model.log_odds[row] - model.base_log_odds[row])
assert abs(expit(model.log_odds[row]) - found["probability"]) < 1e-12
np.testing.assert_allclose(model.contributions[row], factor * model.shap_values[row], rtol=0, atol=1e-9)
pd.DataFrame(
    {"cut-off": policy.cut_offs, "probability": policy.tier_probabilities},
    index=["premium", "good", "general"],
)

# %%
print(
    f"probability {found['probability']:.2%} of: {policy.outcome.en}\n"
    f"model points {model.points[row]:.2f}; one unit of log-odds is worth {factor:.2f} points"
)

# %% [markdown]
# ## The blend, by dimension
#
# Score, reference and every contribution are blended with the same share.

# %%
share = scorer.model_weight(data.portfolio.natures[row])
blended = (1 - share) * baseline.score[row] + share * model.points[row]
assert abs(blended - found["score"]) < 1e-9
assert abs(found["base"] + sum(line["points"] for line in found["dimensions"]) - found["score"]) < 1e-9
dimensions = pd.Series({line["dimension"]: line["points"] for line in found["dimensions"]})
figure, axes = plt.subplots(figsize=(7, 3))
dimensions.plot.barh(
    ax=axes, title="Synthetic customer: what each dimension adds to the reference, in points"
)
axes.axvline(0, color="black", linewidth=0.8)
plt.tight_layout()
plt.show()

# %%
print(
    f"reference {found['base']:.2f} {' '.join(f'{points:+.2f}' for points in dimensions)} = "
    f"score {found['score']:.2f}"
)

# %% [markdown]
# ## The tier and what it rests on
#
# Contributions explain the score; the basis explains the tier: the cut-off, then each rule that binds.

# %%
pd.DataFrame(found["tier_basis"])

# %% [markdown]
# The reasons, as the account manager and the customer read them, in the three languages:

# %%
for language in Language:
    print(f"[{language}]")
    for reason in answer(decisions, row, language=language)["reasons"]:
        print(f"  • {reason}")

# %% [markdown]
# ## The way to the next tier
#
# What is the least that this customer could change? Only what the catalog calls actionable moves, and the
# path is decided on by the same scorer before it is told.

# %%
(raw,) = raw_customers(data.portfolio.take(np.array([row])))
path = NextTier(Served(scorer, None)).answer_raw(raw)
print(f"outcome: {path['outcome']}, target: {path['target']}, proven: {path['proven']}")
for reason in path["reasons"]:
    print(f"  • {reason}")
