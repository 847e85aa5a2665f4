"""The portfolio file and the README that a simulation writes beside its tables."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import yaml

from features.simulation.assembling import CROSSWALK, GROUPS, PROBABILITIES, SUCCESSIONS, Company
from features.simulation.course import HEALTH_KEPT
from features.simulation.economy import CURRENCIES
from features.simulation.history import YEAR
from features.simulation.outcomes import OVERDUE_LIMIT, TERMS

_PORTFOLIO = "# Synthetic data: a simulated company; none of its customers exists.\n"
_ADVERSE = (
    f"count(payments, where=payments.overdue_days > {OVERDUE_LIMIT}) > 0"
    " or count(breaches, where=breaches.severe) > 0"
)
_README = """\
# A synthetic company

**Synthetic data.** Everything here is simulated; no customer in it exists. It was made with

    customers: {customers}
    seed: {seed}
    first: {first}
    last: {last}

and the same settings make the same bytes.

- `portfolio.yaml` says where the tables are, as a company would deliver them{form}.
- `tables/` holds what the departments know, each under keys of its own; `crosswalk` says whose key
  is whose.
- `truth/{probabilities}.parquet` holds what no department knows. Nothing in `tables/` is computed
  from it but what happens after the day that it describes.

## The mechanism

Every customer has a quality that lasts. Month by month its *health* returns to it ({kept:.0%} of the
distance is kept), pushed by news, by the cycle of its industry, by rare episodes, and down by
adverse events of its own; the *burden* of debt returns to a level of its own and rises where health
falls; the *size* grows with health and cycle. Departments see health, burden and size through
statements, payments, ratings and orders, with noise, late, and now and then wrong.

On every day of evaluation (`as_of`, the last day of each year of the simulation) each customer with
whom cooperation has lasted a month has the log-odds of the adverse outcome (a payment more than 90 days
overdue, or a severe breach of contract, within the following 12 months), the sum of

{terms}

*Health*, *burden* and *cycle* are those of the month, about mean 0 and standard deviation 1;
*arrears* is for how many days an invoice stands open on that day; *growth* is the difference of log
size over twelve months; *years* are those since founding, of individuals those in the present
occupation. The outcome is drawn from that probability alone, and independently between customers.
Age, residence and region have no part in it.

The outcome can be read off the records: it is true exactly where, within the 12 months after
`as_of`, a row of `payments` was observed with more than 90 overdue days, or a breach that is severe
occurred; `outcomes` in `portfolio.yaml` says just that. Such arrears are settled or written off by
the next day of evaluation. What is seen until `as_of` depends on the outcome only through the state
above, so that no score can be better calibrated, or sharper, than the true probability. `outcome`
is null on the last day, and there is no row of a customer whose 12 months a merger breaks.

## What goes wrong in the tables

Statements come two to five months after their period, some later, some are restated. Some records
are entered one to six months late. Some stand there first with an amount ten times too large or too
small, or with all amounts ten thousand times too small (萬), and are corrected one to four months
later. Some are delivered twice, a few of them under a mistyped key the second time; some orders are
cancelled, some breaches dropped. Some keys change
hands, and a few companies merge. Cells are missing.

## Rows

| table | rows |
|---|---|
{rows}
"""


def portfolio_text(output: Path, sources: Mapping[str, Path], files: Mapping[str, Path], last: date) -> str:
    """Return the portfolio file of a simulation in `output`; amounts become the catalog's currency.

    Outcomes are read off the records, which end on the `last` day.
    """

    def at(file: Path) -> str:
        return file.relative_to(output).as_posix()

    document = {
        "portfolio": "synthetic_company",
        "catalog": "customer",
        "synthetic": True,
        "currency": CURRENCIES[0],
        "sources": [{"table": name, "path": at(file)} for name, file in sources.items()],
        CROSSWALK: {"path": at(files[CROSSWALK])},
        SUCCESSIONS: {"path": at(files[SUCCESSIONS])},
        GROUPS: {"path": at(files[GROUPS])},
        "rates": {"path": at(files["rates"])},
        "outcomes": {"value": _ADVERSE, "months": YEAR, "known_until": last},
    }
    return _PORTFOLIO + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def readme_text(company: Company, rows: Mapping[str, int], ugly: bool) -> str:
    """Return the README of a simulation: how it was made, by what mechanism, and how many rows there are."""
    return _README.format(
        customers=company.customers,
        seed=company.seed,
        first=company.history.first,
        last=company.history.last,
        kept=HEALTH_KEPT,
        form=": as CSV in mixed encodings, scripts, units and dates" if ugly else "",
        probabilities=PROBABILITIES,
        terms="\n".join(f"- `term_{name}`: {formula}" for name, formula in TERMS.items()),
        rows="\n".join(f"| {name} | {count:,} |" for name, count in rows.items()),
    )
