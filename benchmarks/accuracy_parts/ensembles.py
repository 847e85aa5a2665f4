"""The black-box peers: LightGBM, XGBoost, CatBoost and random forest, each with its own SHAP values."""

from typing import Any

import numpy as np

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

LEARNING_RATE = 0.05
MOST_ROUNDS = 1500
PATIENCE = 50


class LightGbm:
    """LightGBM with native categories and missing values."""

    name, slug, package = "LightGBM", "lightgbm", "lightgbm"
    glass_box, explained = False, 1000

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Choose the leaves of a tree and the rounds."""
        lgb = peer_module("lightgbm")
        categories = list(rows.categories)

        def parameters(setting: Setting) -> dict[str, object]:
            return {
                "objective": "binary",
                "metric": "binary_logloss",
                "learning_rate": LEARNING_RATE,
                "num_leaves": setting["leaves"],
                "min_data_in_leaf": 20,
                "lambda_l2": 2.0,
                "feature_fraction": 0.6,
                "bagging_fraction": 0.8,
                "bagging_freq": 1,
                "monotone_constraints": list(rows.directions) if setting["directed"] else None,
                "num_threads": threads,
                "seed": seed,
                "deterministic": True,
                "force_row_wise": True,
                "verbose": -1,
            }

        def dataset(of: Rows, reference: Any = None) -> Any:
            label = of.bad.astype(np.float64)
            return lgb.Dataset(of.matrix, label, categorical_feature=categories, reference=reference)

        def trial(setting: Setting, fitted: Rows, held_out: Rows) -> tuple[float, int]:
            data = dataset(fitted)
            booster = lgb.train(
                parameters(setting),
                data,
                MOST_ROUNDS,
                valid_sets=[dataset(held_out, data)],
                callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
            )
            return float(booster.best_score["valid_0"]["binary_logloss"]), int(booster.best_iteration)

        setting, rounds = tuned(rows, settings(directed=directed(rows), leaves=(4, 12, 31)), trial)
        booster = lgb.train(parameters(setting), dataset(rows), rounds)
        return Fitted(
            predict=lambda matrix: Predicted.of(
                booster.predict(matrix), booster.predict(matrix, raw_score=True)
            ),
            explain=lambda matrix: booster.predict(matrix, pred_contrib=True),
            chosen={**setting, "rounds": rounds},
        )


class XgBoost:
    """XGBoost (histogram) with native categories and missing values."""

    name, slug, package = "XGBoost", "xgboost", "xgboost-cpu"
    glass_box, explained = False, 1000

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Choose the depth of a tree and the rounds."""
        xgb = peer_module("xgboost")
        kinds = ["c" if i in rows.levels else "q" for i in range(rows.matrix.shape[1])]

        def parameters(setting: Setting) -> dict[str, object]:
            constraints = {"monotone_constraints": tuple(rows.directions)} if setting["directed"] else {}
            return {
                "objective": "binary:logistic",
                "eval_metric": "logloss",
                "tree_method": "hist",
                "eta": LEARNING_RATE,
                "max_depth": setting["depth"],
                "min_child_weight": 5.0,
                "lambda": 2.0,
                "subsample": 0.8,
                "colsample_bytree": 0.6,
                "nthread": threads,
                "seed": seed % 2**31,
                **constraints,
            }

        def data(matrix: Floats, label: Any = None) -> Any:
            known = matrix.copy()
            # A level that training did not see is a missing one: XGBoost refuses codes it does not know.
            for column, count in rows.levels.items():
                known[known[:, column] >= count, column] = np.nan
            return xgb.DMatrix(known, label, feature_types=kinds, enable_categorical=True, nthread=threads)

        def trial(setting: Setting, fitted: Rows, held_out: Rows) -> tuple[float, int]:
            booster = xgb.train(
                parameters(setting),
                data(fitted.matrix, fitted.bad),
                MOST_ROUNDS,
                evals=[(data(held_out.matrix, held_out.bad), "held_out")],
                early_stopping_rounds=PATIENCE,
                verbose_eval=False,
            )
            return float(booster.best_score), int(booster.best_iteration) + 1

        setting, rounds = tuned(rows, settings(directed=directed(rows), depth=(2, 4, 6)), trial)
        booster = xgb.train(parameters(setting), data(rows.matrix, rows.bad), rounds)
        return Fitted(
            predict=lambda matrix: Predicted.of(
                booster.predict(data(matrix)), booster.predict(data(matrix), output_margin=True)
            ),
            explain=lambda matrix: booster.predict(data(matrix), pred_contribs=True),
            chosen={**setting, "rounds": rounds},
        )


class CatBoost:
    """CatBoost with native categories (missing a level of its own) and missing values."""

    name, slug, package = "CatBoost", "catboost", "catboost"
    glass_box, explained = False, 1000

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Choose the depth of a tree and the rounds."""
        catboost = peer_module("catboost")
        categories = list(rows.categories)

        def pool(matrix: Floats, label: Any = None) -> Any:
            if not categories:
                return catboost.Pool(matrix, label)
            mixed = catboost.FeaturesData(
                num_feature_data=np.ascontiguousarray(matrix[:, list(rows.numbers)], dtype=np.float32),
                cat_feature_data=_texts(matrix[:, categories]),
            )
            return catboost.Pool(mixed, label)

        def model(setting: Setting, rounds: int) -> Any:
            of_numbers = [rows.directions[column] for column in rows.numbers]
            constraints = of_numbers + [0] * len(categories)
            return catboost.CatBoostClassifier(
                iterations=rounds,
                learning_rate=LEARNING_RATE,
                depth=setting["depth"],
                monotone_constraints=constraints if setting["directed"] else None,
                thread_count=threads,
                random_seed=seed % 2**31,
                allow_writing_files=False,
                verbose=False,
            )

        def trial(setting: Setting, fitted: Rows, held_out: Rows) -> tuple[float, int]:
            trained = model(setting, MOST_ROUNDS).fit(
                pool(fitted.matrix, fitted.bad.astype(np.int64)),
                eval_set=pool(held_out.matrix, held_out.bad.astype(np.int64)),
                early_stopping_rounds=PATIENCE,
            )
            loss = float(trained.get_best_score()["validation"]["Logloss"])
            return loss, int(trained.get_best_iteration()) + 1

        setting, rounds = tuned(rows, settings(directed=directed(rows), depth=(4, 6)), trial)
        trained = model(setting, rounds).fit(pool(rows.matrix, rows.bad.astype(np.int64)))
        return Fitted(
            predict=lambda matrix: Predicted.of(
                trained.predict_proba(pool(matrix))[:, 1],
                trained.predict(pool(matrix), prediction_type="RawFormulaVal"),
            ),
            explain=lambda matrix: trained.get_feature_importance(pool(matrix), type="ShapValues"),
            chosen={**setting, "rounds": rounds},
        )


def _texts(codes: Floats) -> Any:
    """Return categories as CatBoost's FeaturesData takes them: an object array of byte strings."""
    whole = np.where(np.isnan(codes), -1, codes).astype(np.int64)
    texts = np.empty(whole.shape, dtype=object)
    for code in np.unique(whole):
        texts[whole == code] = str(code).encode()
    return texts


class RandomForest:
    """scikit-learn's random forest; missing values filled and flagged, categories one-hot."""

    name, slug, package = "random forest", "forest", "scikit-learn"
    glass_box, explained = False, 20

    def fit(self, rows: Rows, threads: int, seed: int) -> Fitted:
        """Choose how many customers a leaf holds at least."""
        forests = peer_module("sklearn.ensemble")
        filled = Filled(rows)

        def model(setting: Setting, fitted: Rows, trees: int) -> Any:
            forest = forests.RandomForestClassifier(
                trees, min_samples_leaf=setting["leaf"], n_jobs=threads, random_state=seed % 2**31
            )
            return forest.fit(filled(fitted.matrix), fitted.bad)

        def trial(setting: Setting, fitted: Rows, held_out: Rows) -> tuple[float, int]:
            forest = model(setting, fitted, trees=100)
            return mean_log_loss(held_out.bad, forest.predict_proba(filled(held_out.matrix))[:, 1]), 0

        setting, _ = tuned(rows, settings(leaf=(3, 10, 30)), trial)
        forest = model(setting, rows, trees=300)

        def explain(matrix: Floats) -> object:
            return peer_module("shap").TreeExplainer(forest).shap_values(filled(matrix))

        return Fitted(
            predict=lambda matrix: Predicted.of(forest.predict_proba(filled(matrix))[:, 1]),
            explain=explain,
            chosen=setting,
        )
