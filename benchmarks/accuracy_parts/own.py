"""Tierwise's learner as one of the compared methods."""

import numpy as np
from scipy.special import expit

from benchmarks.accuracy_parts.methods import Fitted, Predicted
from benchmarks.accuracy_parts.tables import Floats, Rows
from models.booster import Design
from models.policy import load_policy
from training.learner import learn
from training.train import years_ahead


class Tierwise:
    """`training.learner`, which has no settings: nothing is tuned here."""

    name, slug, package = "Tierwise", "tierwise", ""
    glass_box, explained = True, 1000

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Learn from the rows as they are: NaN where missing, m for an unseen level of m seen ones."""
        names = rows.features
        # Only the SBA sample is dated; what its policy says of outcomes says how old the newest are.
        ahead = 0.0 if rows.days is None else years_ahead(load_policy("sba"))
        learned = learn(
            np.ascontiguousarray(rows.matrix),
            rows.bad,
            Design(names, tuple(rows.directions), rows.categories),
            category_codes={names[column]: count for column, count in rows.levels.items()},
            groups=rows.groups,
            days=rows.days,
            years_ahead=ahead,
            threads=threads,
            seed=seed,
        )

        def predict(matrix: Floats) -> Predicted:
            margin: Floats = learned.log_odds(matrix)
            return Predicted.of(expit(margin), margin)

        return Fitted(predict=predict, explain=learned.contributions)
