"""The glass-box peers: one indicator, logistic regression on WOE, EBM, and CompileML's whitebox."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy_parts.folds import fold_numbers
from benchmarks.accuracy_parts.methods import (
    Fitted,
    Predicted,
    Setting,
    directed,
    mean_log_loss,
    peer_module,
    settings,
    tuned,
)
from benchmarks.accuracy_parts.tables import Filled, Floats, Rows


class SingleIndicator:
    """The number that ranked the training customers best, made a probability by logistic regression."""

    name, slug, package = "best single indicator", "single", "scikit-learn"
    glass_box, explained = False, 1000

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Choose by AUC, missing values at the median, sign(x)·log(1 + |x|)."""
        del threads, seed
        filled = Filled(rows)
        numbers = filled(rows.matrix)[:, : len(rows.numbers)]
        areas = [roc_auc_score(rows.bad, column) for column in numbers.T]
        best = int(np.argmax(np.abs(np.array(areas) - 0.5)))

        def column(matrix: Floats) -> Floats:
            values: Floats = filled(matrix)[:, [best]]
            return np.sign(values) * np.log1p(np.abs(values))

        spread = float(np.std(column(rows.matrix))) or 1.0
        regression = LogisticRegression(C=1e3).fit(column(rows.matrix) / spread, rows.bad)

        def margin(matrix: Floats) -> Floats:
            result: Floats = regression.decision_function(column(matrix) / spread)
            return result

        return Fitted(
            predict=lambda matrix: Predicted.of(1.0 / (1.0 + np.exp(-margin(matrix))), margin(matrix)),
            explain=margin,
            chosen={"indicator": rows.features[rows.numbers[best]]},
        )


class WoeLogistic:
    """Ridge logistic regression on weights of evidence: OptBinning's bins, missing a bin of its own."""

    name, slug, package = "logistic regression on WOE", "lr_woe", "optbinning"
    glass_box, explained = True, 1000

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Choose the strength of the ridge, and whether bins follow the declared directions."""
        del threads, seed
        binnings: dict[tuple[int, bool], tuple[Any, Floats]] = {}

        def evidence(setting: Setting, fitted: Rows) -> tuple[Any, Floats]:
            key = (id(fitted), bool(setting["directed"]))
            if key not in binnings:
                binning = _binned(fitted, directed=key[1])
                binnings[key] = (binning, _woe(binning, fitted, fitted.matrix))
            return binnings[key]

        def regression(setting: Setting, fitted: Rows) -> tuple[Any, LogisticRegression]:
            binning, woe = evidence(setting, fitted)
            return binning, LogisticRegression(C=setting["C"], max_iter=1000).fit(woe, fitted.bad)

        def trial(setting: Setting, fitted: Rows, held_out: Rows) -> tuple[float, int]:
            binning, model = regression(setting, fitted)
            chances = model.predict_proba(_woe(binning, fitted, held_out.matrix))[:, 1]
            return mean_log_loss(held_out.bad, chances), 0

        grid = settings(directed=directed(rows), C=(0.001, 0.01, 0.1, 1.0, 10.0))
        setting, _ = tuned(rows, grid, trial)
        binning, model = regression(setting, rows)
        weights = model.coef_[0]
        return Fitted(
            predict=lambda matrix: Predicted.of(model.predict_proba(_woe(binning, rows, matrix))[:, 1]),
            explain=lambda matrix: _woe(binning, rows, matrix) * weights,
            chosen=setting,
        )


def _woe_frame(rows: Rows, matrix: Floats) -> pd.DataFrame:
    """Return the matrix as OptBinning takes it: categories as texts, None where missing."""
    columns: dict[str, Any] = {}
    for i in range(matrix.shape[1]):
        values = matrix[:, i]
        if i in rows.levels:
            texts = np.array([None if np.isnan(value) else str(int(value)) for value in values], dtype=object)
            columns[f"f{i}"] = pd.Series(texts, dtype=object)
        else:
            columns[f"f{i}"] = values
    return pd.DataFrame(columns)


def _binned(rows: Rows, *, directed: bool) -> Any:
    # A column that says nothing of these rows stops OptBinning, and says nothing of others either.
    used = [i for i, column in enumerate(rows.matrix.T) if len(np.unique(column[~np.isnan(column)])) > 1]
    trends = {-1: "descending", 1: "ascending"}
    parameters = {
        f"f{i}": {"monotonic_trend": trends[rows.directions[i]]}
        for i in used
        if directed and rows.directions[i]
    }
    binning = peer_module("optbinning").BinningProcess(
        [f"f{i}" for i in used],
        categorical_variables=[f"f{i}" for i in used if i in rows.levels],
        binning_fit_params=parameters or None,
    )
    return binning.fit(_woe_frame(rows, rows.matrix)[binning.variable_names], rows.bad.astype(np.int64))


def _woe(binning: Any, rows: Rows, matrix: Floats) -> Floats:
    frame = _woe_frame(rows, matrix)[binning.variable_names]
    woe = binning.transform(frame, metric="woe", metric_missing="empirical")
    result: Floats = np.nan_to_num(np.asarray(woe, dtype=np.float64))
    return result


class Ebm:
    """InterpretML's explainable boosting machine, at its defaults but for what is chosen."""

    name, slug, package = "EBM", "ebm", "interpret-core"
    glass_box, explained = True, 1000
    # It is the dearest peer: so few bags on one split choose, and the final fit has 8 bags instead of 14.
    tuning_bags, tuning_splits, bags = 2, 1, 8

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Choose how many interactions, and whether to hold to the declared directions."""

        def model(setting: Setting, fitted: Rows, **more: object) -> Any:
            kinds = ["nominal" if i in fitted.levels else "continuous" for i in range(fitted.matrix.shape[1])]
            constraints = list(fitted.directions) if setting["directed"] else None
            machine = peer_module("interpret.glassbox").ExplainableBoostingClassifier(
                feature_types=kinds,
                interactions=setting["interactions"],
                monotone_constraints=constraints,
                n_jobs=threads,
                random_state=seed % 2**31,
                **more,
            )
            return machine.fit(fitted.matrix, fitted.bad)

        def trial(setting: Setting, fitted: Rows, held_out: Rows) -> tuple[float, int]:
            machine = model(setting, fitted, outer_bags=self.tuning_bags)
            return mean_log_loss(held_out.bad, machine.predict_proba(held_out.matrix)[:, 1]), 0

        grid = settings(directed=directed(rows), interactions=(0, "3x"))
        setting, _ = tuned(rows, grid, trial, self.tuning_splits)
        machine = model(setting, rows, outer_bags=self.bags)
        return Fitted(
            predict=lambda matrix: Predicted.of(machine.predict_proba(matrix)[:, 1]),
            explain=machine.eval_terms,
            chosen=setting,
        )


class CompileMl:
    """CompileML's integer whitebox, chosen and distilled as its documentation has it: `compile_selected`.

    Its ceiling is LightGBM; missing values are filled and flagged, as its error message asks. The outer fold
    is its Report, so all but one training row serve Fit (three quarters) and Select. Of its tied settings it
    would take the simplest; here, where it is compared by AUC, it takes the best. Its default grid of 40 is
    thinned to 3: of its numbers of trees the largest, chosen in 19 of 20 folds, and the greater depth, which
    holds the lesser. It is held to the declared directions where there are any.
    """

    name, slug, package = "CompileML", "compileml", "compileml"
    glass_box, explained = True, 200

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Compile the whitebox; it chooses its target itself."""
        filled = Filled(rows)
        matrix = filled(rows.matrix)
        quarter = fold_numbers(rows.bad, rows.groups, 4, seed)
        select = np.flatnonzero(quarter == 0)
        partitions = {"fit": np.flatnonzero(quarter), "select": select[:-1], "report": select[-1:]}
        boosted = peer_module("lightgbm").LGBMClassifier
        result = peer_module("compileml").compile_selected(
            matrix,
            rows.bad.astype(np.int64),
            ceiling=lambda x, y: boosted(
                n_estimators=200, learning_rate=0.05, num_leaves=15, n_jobs=threads, verbose=-1
            ).fit(x, y),
            reference=None,
            partitions=partitions,
            grid={
                "alpha": (0.0, 0.5, 1.0),
                "trees": (160,),
                "depth": (2,),
                "monotone": ("declared",) if rows.directed else (None,),
            },
            tie_se=0.0,
            monotone_constraints=filled.directions if rows.directed else None,
            duplicate_threshold=1.0,
            seed=seed % 2**31,
        )
        artifact = result.artifact
        score_batch = peer_module("compileml.batch").score_batch
        decide = peer_module("compileml.runtime").decide

        def predict(matrix: Floats) -> Predicted:
            scored = score_batch(artifact, filled(matrix))
            return Predicted.of(scored["pd"], scored["raw_micro"])

        def explain(matrix: Floats) -> object:
            return [decide(artifact, row, include_contributions=True) for row in filled(matrix).tolist()]

        chosen = {name: result.selected[name] for name in ("alpha", "n_estimators", "max_depth", "monotone")}
        return Fitted(predict=predict, explain=explain, chosen=chosen)
