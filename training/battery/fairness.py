"""Fairness by declared protected attributes: who gets a favourable tier, over all and at the same outcome.

The attributes are recorded and never scored; that does not keep other indicators from standing in for them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb

import numpy as np
import pandas as pd
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_ratio,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from scipy.stats import fisher_exact

from features.portfolio import Bools
from features.terms import Text
from training.battery import words
from training.battery.evidence import Evidence
from training.battery.figures import share_interval
from training.battery.result import Check, Part, Range, Result
from training.battery.segmentation import by_indicator

PARITY = Check(
    "fairness.parity",
    words.PARITY,
    "four-fifths rule: 29 CFR 1607.4(D), which asks for significance too (Fisher's exact test, pairs by "
    "Bonferroni); computed by fairlearn (Weerts et al. 2023, Journal of Machine Learning Research 24)",
)
ODDS = Check(
    "fairness.odds",
    words.ODDS,
    "Hardt, Price and Srebro (2016), NeurIPS 29; significance by Fisher's exact test, pairs by Bonferroni; "
    "computed by fairlearn (Weerts et al. 2023, Journal of Machine Learning Research 24)",
)
_RATES = {
    "selected": selection_rate,
    "of_good": true_positive_rate,
    "of_bad": false_positive_rate,
}


def fairness(evidence: Evidence) -> Iterator[Result]:
    """Yield both checks for every protected attribute of the natures judged.

    A check fails where the figure is beyond what is tolerated and the groups farthest apart differ
    significantly.
    """
    protected = [
        placed.indicator
        for placed in evidence.catalog.placed
        if placed.indicator.protected and any(placed.applies_to(nature) for nature in evidence.model.natures)
    ]
    if not protected:
        yield from (check.no_answer(words.NONE_PROTECTED) for check in (PARITY, ODDS))
    for indicator in protected:
        yield from _by(evidence, indicator.id, indicator.names)


@dataclass(frozen=True, eq=False)
class _Compared:
    """Customers whose group is known: `favourable` tiers, `good` outcomes, `groups`; shape (n,) each."""

    favourable: Bools
    good: Bools
    groups: "pd.Series[int]"
    names: tuple[Text, ...]

    @property
    def asked(self) -> dict[str, object]:
        """What fairlearn is asked about: a good outcome, predicted by a favourable tier, by group."""
        return {
            "y_true": self.good.astype(np.int64),
            "y_pred": self.favourable.astype(np.int64),
            "sensitive_features": self.groups,
        }

    def by_group(self) -> pd.DataFrame:
        """Return the rates by group."""
        by_group: pd.DataFrame = MetricFrame(metrics=_RATES, **self.asked).by_group
        return by_group

    def p_value(self, rows: Bools) -> float:
        """Return that of the two groups farthest apart among some customers, for all pairs together."""
        counts = [
            (int(np.sum(self.favourable[rows & inside])), int(np.sum(rows & inside)))
            for inside in (self.groups.to_numpy() == group for group in np.unique(self.groups))
        ]
        counts = sorted((count for count in counts if count[1]), key=lambda count: count[0] / count[1])
        (low, of_low), (high, of_high) = counts[0], counts[-1]
        found = fisher_exact([[low, of_low - low], [high, of_high - high]])
        return min(1.0, float(found.pvalue) * max(1, comb(len(counts), 2)))


def _by(evidence: Evidence, id_: str, name: Text) -> Iterator[Result]:
    limits = evidence.limits
    parity, odds = PARITY.about(id_, name), ODDS.about(id_, name)
    found = by_indicator(evidence.data.portfolio, id_)
    large = found.large(evidence.bad, limits.minimum_segment, limits.minimum_outcomes)
    unknown = [place for place, name in enumerate(large.names) if name == words.NOT_KNOWN]
    known = ~np.isin(large.of, unknown)
    if len(np.unique(large.of[known])) < 2:
        yield from (check.no_answer(words.ONE_GROUP, evidence.n) for check in (parity, odds))
        return
    compared = _Compared(
        favourable=np.isin(evidence.tiers[known], list(limits.favourable)),
        good=~evidence.bad[known],
        groups=pd.Series(large.of[known], name="group"),
        names=large.names,
    )
    yield _parity(parity, evidence, compared)
    if evidence.tells(known):
        yield _odds(odds, evidence, compared)
    else:
        yield odds.no_answer(words.TOO_FEW_OUTCOMES, evidence.n)


def _parity(check: Check, evidence: Evidence, compared: _Compared) -> Result:
    n = len(compared.good)
    if not compared.favourable.any():
        return check.no_answer(words.UNDEFINED, n)
    ratio = float(demographic_parity_ratio(**compared.asked, method="between_groups"))
    p_value = compared.p_value(np.ones(n, dtype=np.bool_))
    least = evidence.limits.least_parity
    return check.answer(
        ratio,
        n,
        passed=ratio >= least or p_value > evidence.limits.alpha,
        threshold=Range(low=least),
        p_value=p_value,
        parts=_parts(evidence, compared, (("selected", words.SELECTED),)),
    )


def _odds(check: Check, evidence: Evidence, compared: _Compared) -> Result:
    difference = float(equalized_odds_difference(**compared.asked, method="between_groups"))
    # Two outcomes are looked at, of which the worse one counts.
    p_value = min(1.0, 2 * min(compared.p_value(compared.good), compared.p_value(~compared.good)))
    most = evidence.limits.tolerated_odds
    named = (("of_good", words.SELECTED_OF_GOOD), ("of_bad", words.SELECTED_OF_BAD))
    return check.answer(
        difference,
        len(compared.good),
        passed=difference <= most or p_value > evidence.limits.alpha,
        threshold=Range(0.0, most),
        p_value=p_value,
        parts=_parts(evidence, compared, named),
    )


def _parts(evidence: Evidence, compared: _Compared, named: tuple[tuple[str, Text], ...]) -> list[Part]:
    rates = compared.by_group()
    everybody = np.ones(len(compared.good), dtype=np.bool_)
    of_rate = {"selected": everybody, "of_good": compared.good, "of_bad": ~compared.good}
    parts = []
    for place in rates.index:
        for rate, name in named:
            n = int(np.sum(of_rate[rate] & (compared.groups == place).to_numpy()))
            share = float(rates.loc[place, rate])
            interval = share_interval(round(share * n), n, evidence.limits.level) if n else None
            parts.append(Part(words.about(compared.names[int(place)], name), share, n, interval))
    return parts
