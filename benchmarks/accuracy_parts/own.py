"""Tierwise's learner as one of the compared methods."""

import importlib
from typing import Any

import numpy as np
from scipy.special import expit

from benchmarks.accuracy_parts.methods import Fitted, Predicted
from benchmarks.accuracy_parts.tables import Floats, Rows


class Tierwise:
    """`training.learner`, which has no settings: nothing is tuned here."""

    name, slug, package = "Tierwise", "tierwise", ""
    glass_box, explained = True, 1000

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Learn from the rows as they are: NaN where missing, m for an unseen level of m seen ones."""
        from models.booster import Design

        names = rows.features
        learned: Any = importlib.import_module("training.learner").learn(
            np.ascontiguousarray(rows.matrix),
            rows.bad,
            Design(names, tuple(rows.directions), rows.categories),
            category_codes={names[column]: count for column, count in rows.levels.items()},
            groups=rows.groups,
            days=rows.days,
            threads=threads,
            seed=seed,
        )

        def predict(matrix: Floats) -> Predicted:
            margin: Floats = learned.log_odds(matrix)
            return Predicted.of(expit(margin), margin)

        return Fitted(predict=predict, explain=learned.contributions)
