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
#     data: public
# ---

# %% [markdown]
# # Reviewing a candidate: what a reviewer reads before signing
#
# A model is a candidate until other persons than those who trained it have approved it. This notebook
# trains a small one, on public loans, as it could have been trained on the first of January 2005, and goes
# through what its reviewers are given: what it was made of, its validation on the loans of 2005, its points
# tables, what it costs in accuracy that it can be printed, the proof of its explanations, and the hashes
# that are signed.
#
# The real thing is `./run tierwise battery --model sba --data TABLE`; what it finds is kept with the
# version.

# %%
# %matplotlib inline
import hashlib

import numpy as np
from IPython.display import display

from features.terms import Language
from models.decision import Scorer
from models.export_sheet import Sheet
from models.export_view import View
from training.battery.evidence import Evidence
from training.battery.judging import Judging
from training.battery.limits import Limits
from training.battery.result import Result, Verdict
from training.data_facts import data_hash
from training.job import verify
from training.plots import calibration_plot, importance_plot
from training.report import Grid
from training.sample import build_sample
from training.train import train_model
from training.walkforward import drawn_at_training_date

DAY, YEAR = np.datetime64("2005-01-01"), 2005

# %% [markdown]
# ## The candidate
#
# A tenth of the borrowers of the bundled sample, as a portfolio by itself, so that this runs in seconds.
# Trained on loans whose outcome was known on the day; judged on the loans of the year that began then.
# Loans that still ran in 2014 are absent from the source, and part of every change over time is that
# selection.

# %%
sample = build_sample(share=0.1)
training = sample.data.take(np.flatnonzero(sample.matured_on <= DAY))
catalog = drawn_at_training_date(training.portfolio, sample.policy)
training = training.with_catalog(catalog)
judged = sample.data.take(np.flatnonzero(sample.data.cohorts == YEAR)).with_catalog(catalog)
trained = train_model(training, sample.policy, threads=1)
scorer = Scorer(catalog, sample.policy, trained.model)

chosen = [(name, f"{value}") for name, value in trained.model.training.items() if "/" not in name]
display(Grid("What the training says of itself", ("fact", "value"), tuple(chosen)))

# %% [markdown]
# ## The battery
#
# Each check has a threshold and a verdict. *Not enough data* fails nothing, but it is for the reviewer to
# decide whether so little is enough.

# %%
evidence = Evidence.of(scorer, judged, training, limits=Limits(resamples=200, sensitivity_customers=500))
report = Judging(evidence.limits, threads=1).of(evidence, f"candidate as of {DAY}")
counts = ", ".join(f"{count} {verdict.replace('_', ' ')}" for verdict, count in report.counts().items())
print(f"{report.verdict}: {counts}")
display(report.grid())

# %% [markdown]
# ## What failed
#
# A failed check is no verdict on the model as a whole: a reviewer says whether it may be lived with, and
# why. This candidate ranks and keeps to its directions, but the year turned out riskier than it said, in
# every tier: it would have to be calibrated, or approved with a reason, for instance that outcomes of 36
# months can tell no level that is newer than four years.

# %%
families: dict[str, list[Result]] = {}
for result in report.results:
    families.setdefault((result.family or result.name).en, []).append(result)
rows = []
for family, asked in families.items():
    failed = [result for result in asked if result.verdict is Verdict.FAILED]
    if failed:
        worst = max(failed, key=lambda result: abs(result.value or 0.0))
        subject = "" if len(asked) == 1 else worst.name.en.removeprefix(f"{family}: ")
        beneath = "; ".join(f"{part.name.en} {part.value:.3g}" for part in worst.parts[:3])
        rows.append((family, f"{len(failed)} of {len(asked)}", f"{worst.value:.3f}", subject, beneath))
columns = ("check", "failed", "furthest", "of", "beneath it")
display(Grid("Failed", columns, tuple(rows)))

# %% [markdown]
# ## Probabilities and what happened

# %%
decisions = evidence.decisions
display(calibration_plot(judged.bad, decisions.model.probability, f"Calibration on the loans of {YEAR}"))

# %% [markdown]
# ## The model, printed
#
# The model is a sum of look-ups. For the two indicators that move scores most, all of it: log-odds by
# range, what the transparent prior says, what was learnt on top, and what it is worth in points. (`./run
# tierwise export model.html --model sba` writes the whole of a registered one.)

# %%
model = trained.model
shap_values = model.tables.contributions(model.matrix(judged.portfolio)) * model.calibration.slope
names = [catalog.by_id[id_].indicator.names.en for id_ in model.tables.features]
display(importance_plot(shap_values, names, "Mean |SHAP| on the loans judged, log-odds", shown=12))

# %%
sheet = Sheet(model, catalog, sample.policy)
view = View(sheet, Language.EN)
weight = dict(zip(model.tables.features, np.mean(np.abs(shap_values), axis=0), strict=True))
columns = ("range", "prior", "learnt", "together", "points")
for shape in sorted(sheet.shapes, key=lambda one: -weight[one.ranges.id])[:2]:
    lines = tuple((row.label, *row.shown) for row in view.rows(shape))
    display(Grid(f"{view.name(shape.ranges)} ({view.about(shape.ranges)})", columns, lines))

# %% [markdown]
# ## The price of transparency
#
# A model that can be printed is held to few indicators at a time and to declared directions. What that
# costs was measured in training, against LightGBM without any of it, on the same folds.

# %%
priced = []
for figure in ("auc", "log_loss"):
    name = f"price_of_transparency/{figure}"
    if name in model.training:
        low, high = (float(model.training[f"{name}/95_{end}"] or 0.0) for end in ("low", "high"))
        priced.append((figure, f"{float(model.training[name] or 0.0):+.4f}", f"{low:+.4f} to {high:+.4f}"))
display(
    Grid(
        "What being printable costs (negative: it gains)", ("figure", "price", "95 % interval"), tuple(priced)
    )
)

# %% [markdown]
# ## The explanations, proven
#
# The explanations of a thousand training customers are computed again by `shap.TreeExplainer` from the
# trees, and compared with what the tables say. A difference above 1e-6 would stop a registration.

# %%
verification = verify(trained, training.portfolio)
print(f"{verification.rows} customers, {verification.indicators} indicators: the largest difference is "
      f"{verification.largest_difference:.1e}")  # fmt: skip

# %% [markdown]
# ## What would be signed
#
# An approval names documents by their hashes: these, and no others. Whoever trained the candidate cannot be
# among those who approve it (`./run tierwise case approve`).

# %%
signed = (
    ("catalog", catalog.hash),
    ("policy", sample.policy.hash),
    ("model (points document)", model.content_hash),
    ("data trained on", data_hash(training)),
    ("data judged on", data_hash(evidence.data)),
    (f"battery: {report.verdict}", hashlib.sha256(report.document().encode()).hexdigest()),
)
display(Grid("SHA-256", ("document", "hash"), signed))
