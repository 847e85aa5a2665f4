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
# # A crisis, walked forward: when monitoring told, and what would have helped
#
# Real loans guaranteed by the US Small Business Administration, disbursed 2000 to 2011. The share charged
# off within 36 months rose from 2 % to 21 % and fell again. A reviewer wants to know: when would monitoring
# have given an alarm? Would calibrating the model anew, or training it again, have helped? How many
# customers would have stood in a wrong tier, year by year?
#
# **Three companies.** Until 2004 each trains anew on every first of January, on the loans whose outcome was
# known by then. From 2004 on one leaves the model as it is, one calibrates it anew each January, one trains
# again each January. Nothing is used before it was known, and an outcome takes 36 months.
#
# **What this data cannot tell.** It holds resolved loans only: loans that still ran in 2014 are absent,
# counts fall after 2006, and part of the change in bad rates is this selection. Charge-off dates are dates
# of processing. The years 2004 to 2010 had been looked at in choosing the model (decision 002), so these
# are no untouched test of it; nothing of the monitoring was chosen by them (decision 018).

# %%
# %matplotlib inline
import numpy as np
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from benchmarks.crisis_parts.recorded import newest_run
from training.monitoring.alternatives import Alternative, recalibrated, trained_as_of
from training.monitoring.kinds import AlarmKind
from training.monitoring.walk import compared
from training.report import Grid
from training.sample import build_sample

AS_IT_IS, RECALIBRATED, RETRAINED = Alternative
COLOURS = {AS_IT_IS: "#D55E00", RECALIBRATED: "#0072B2", RETRAINED: "#009E73"}

# %% [markdown]
# ## The recorded run
#
# The whole walk takes minutes (`./run bench crisis`); its last run is recorded in
# `benchmarks/crisis_runs.jsonl`. The next cell refuses it if the line was changed, or if the records, the
# catalog or the policy are other ones by now. One year is computed again at the end.

# %%
run = newest_run()
years, quarters = run["years"], run["quarters"]
modelled = [year for year in years if year["alternatives"]]
facts = tuple((name, str(run[name])) for name in ("reason", "sample_sha256", "catalog_hash", "policy_hash"))
display(Grid("The run that is shown", ("", ""), facts))


# %%
def by_year(figure: str) -> tuple[Figure, Axes]:
    """Draw one figure of the three alternatives by year."""
    drawn = Figure(figsize=(8.6, 3.4), layout="constrained")
    axes = drawn.add_subplot()
    labels = [year["year"] for year in modelled]
    for name, colour in COLOURS.items():
        axes.plot(
            labels, [year["alternatives"][name][figure] for year in modelled], "o-", color=colour, label=name
        )
    axes.set_xticks(labels)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return drawn, axes


def cells(year: dict[str, dict[str, dict[str, float]]], words: str) -> list[str]:
    """Return what is to be said of each alternative in a year."""
    told = (year["alternatives"].get(name) for name in Alternative)
    return ["—" if of is None else words.format(**of) for of in told]


# %% [markdown]
# ## What happened, and what was predicted

# %%
figure, axes = by_year("predicted")
axes.plot([of["year"] for of in modelled], [of["bad_rate"] for of in modelled], "s-k", label="what happened")
axes.legend(frameon=False, title="share bad: predicted by the model …")
display(figure)

# %%
rows = [
    (f"{of['year']}", f"{of['customers']:,}", f"{of['bad'] / of['customers']:.1%}",
     f"{of['trained_on_bad']:,}", *cells(of, "{predicted:.1%} ({auc:.3f})"))
    for of in years
]  # fmt: skip
columns = ("year", "loans", "bad", "bad outcomes known", *Alternative)
display(Grid("Predicted bad rate (and AUC) by year of disbursement", columns, tuple(rows)))

# %% [markdown]
# In 2000 there is no model: fewer bad outcomes were known than the policy asks for, and the baseline alone
# would have been served. Whoever calibrates or trains learns the level of loans that are four years old:
# too low on the way up, too high on the way down. Ranking is another matter: training again mostly keeps it
# better.

# %% [markdown]
# ## When monitoring told
#
# The model left as it is, watched on the first day of every quarter: indicators, scores and tiers of the
# loans of the last twelve months; calibration and ranking of those whose 36 months were over in the last
# twelve.

# %%
kinds = list(AlarmKind)
said = [[quarter["alarms"][kind] for quarter in quarters] for kind in kinds]
state = np.array([[np.nan if count is None else float(count > 0) for count in row] for row in said])
figure = Figure(figsize=(8.6, 2.6), layout="constrained")
axes = figure.add_subplot()
axes.set_facecolor("#e9edf1")
axes.pcolormesh(np.ma.masked_invalid(state), cmap=ListedColormap(["#9cc3dc", "#D55E00"]), ec="white", lw=1)
axes.set_yticks(np.arange(len(kinds)) + 0.5, [kind.replace("_", " ") for kind in kinds])
axes.invert_yaxis()
januaries = [place for place, quarter in enumerate(quarters) if "-01-" in quarter["day"]]
axes.set_xticks(januaries, [quarters[place]["day"][:4] for place in januaries])
axes.set_title("orange: alarm, blue: none, grey: too little to tell", loc="left", fontsize=9)
display(figure)

# %%
rows = []
for kind, row in zip(kinds, state, strict=True):
    told = row[~np.isnan(row)]
    first = run["first_alarm"][kind] or "never"
    rows.append((kind.replace("_", " "), first, f"{np.sum(told):.0f} of {len(told)}"))
display(Grid("The model left as it is", ("alarm", "first given", "quarters with one"), tuple(rows)))

# %%
worst = max(years, key=lambda year: year["bad_rate"])
early = next(quarter for quarter in quarters if quarter["day"] == run["first_alarm"]["calibration"])
levels = [(quarter["day"], quarter["level"]) for quarter in quarters if quarter["level"] is not None]
lasting = next(
    day for place, (day, _) in enumerate(levels) if all(level > 0.2 for _, level in levels[place:])
)
given = sum(of["customers"] for of in years if f"{of['year']}" < lasting[:4] and of["year"] >= 2004)
moved = {name for of in years if of["year"] >= 2004 for name in of["alternatives"][AS_IT_IS]["moved"]}
print(
    f"The first alarm on calibration, of {early['day']}, finds risk off by {early['level']:+.2f} in "
    f"log-odds. Risk is underestimated by more than the limit of 0.2 from {lasting} on, without a break. "
    f"By then {given:,} loans of 2004 and later had been given; the outcomes of the worst year, "
    f"{worst['year']}, were all known on {worst['matured_on']}. {len(moved)} indicators were in alarm in "
    "some year: the mix of customers moves all the time, also where nothing is wrong."
)

# %% [markdown]
# Drift of indicators is told at once and always: it says that the world is another one, not that tiers are
# wrong. What says so, calibration, is as late as the outcome is long. A company that wants to know earlier
# has to watch an outcome that is known earlier (arrears, say) beside the one that it models.

# %% [markdown]
# ## How many tiers would have been wrong
#
# A tier is called wrong where the same policy, with the same baseline, floors and vetoes, would have given
# another one, had the model's probabilities been those that the year's own outcomes bear out: a logistic
# regression, in hindsight, of the year's outcomes on what the models compared say. All three companies are
# held against the same probabilities. What two halves of the outcomes disagree on (*by chance*) is noise.
# Half of the score is the baseline, which no calibration moves.

# %%
figure, axes = by_year("wrong")
chance = [max(of["by_chance"] for of in year["alternatives"].values()) for year in modelled]
axes.fill_between([year["year"] for year in modelled], 0, chance, color="grey", alpha=0.25, label="by chance")
axes.set_ylim(0, 1)
axes.legend(frameon=False, title="tiers wrong, the model …")
display(figure)

# %%
words = "{wrong:.0%} ({too_good:.0%}, {too_strict:.0%})"
rows = [(f"{of['year']}", f"{of['bad'] / of['customers']:.1%}", *cells(of, words)) for of in years]
since = [of for of in years if of["year"] >= run["left_alone_from"]]
loans = sum(of["customers"] for of in since)
whole = [
    f"{sum(of['customers'] * of['alternatives'][name]['wrong'] for of in since) / loans:.0%}"
    for name in Alternative
]
rows.append((f"{since[0]['year']}–{since[-1]['year']}", "", *whole))
display(Grid("Tiers wrong (too good, too strict), by year", ("year", "bad", *Alternative), tuple(rows)))

# %% [markdown]
# On 36-month outcomes neither remedy saves a company from a crisis: both are late by four years. They help
# at the height and do harm after it, when they bring the crisis to customers of calmer years. Over all
# years each is worth a few tiers in a hundred. What the table does not show is a person who sees the turn:
# an approved change of the policy or of the model's level, with its reason (`./run tierwise adopt
# propose`).

# %% [markdown]
# ## One year computed again
#
# The worst year, on a tenth of the borrowers as a portfolio by itself, with the code that the recorded run
# used: the model of 2004 left as it is, and calibrated anew. So few borrowers leave few bad outcomes to
# learn from, and figures differ from those above.

# %%
sample = build_sample(share=0.1)
left = trained_as_of(sample, np.datetime64("2004-01-01"), threads=1)
anew = recalibrated(left, sample, np.datetime64(f"{worst['year']}-01-01"))
evaluated = sample.data.take(np.flatnonzero(sample.data.cohorts == worst["year"]))
found = compared(evaluated, {AS_IT_IS: left, RECALIBRATED: anew}, np.datetime64(worst["matured_on"]))
rows = []
for name, outcome in found.items():
    alarms = ", ".join(f"{kind.replace('_', ' ')} ({len(ids)})" for kind, ids in outcome.alarms.items())
    bad, wrong = outcome.metrics.bad_rate, outcome.wrong.wrong
    figures = f"{outcome.predicted:.1%}", f"{bad:.1%}", f"{outcome.metrics.auc:.3f}", f"{wrong:.0%}"
    rows.append((str(name), *figures, alarms))
columns = ("the model", "predicted", "bad", "AUC", "tiers wrong", "alarms (checks)")
display(Grid(f"{worst['year']} on {len(evaluated):,} loans", columns, tuple(rows)))
