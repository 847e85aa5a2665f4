"""The registered model as MLflow runs it ("models from code"): this file and JSON documents, no pickle.

MLflow copies the file beside its documents and executes it when a reviewer loads the model; the service
never does. It needs this project on the import path.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from features.catalog import Catalog
from features.portfolio import Portfolio
from models.artefact import Model
from models.decision import Scorer
from models.policy import Policy


class PointsModel(PythonModel):
    """Indicative scores and tiers from a frame of customers, by the product's own scorer."""

    def load_context(self, context: Any) -> None:
        """Read the documents once. MLflow looks for the argument's name, which must be `context`."""
        files = {name: Path(path).read_bytes() for name, path in context.artifacts.items()}
        self._scorer = Scorer(
            Catalog.model_validate_json(files["catalog"]),
            Policy.model_validate_json(files["policy"]),
            Model.from_bytes(files["points"]),
        )

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Return score, tier and probability (NaN for a nature without a model), indexed like the input.

        Raises:
            ValueError: names the position of the first customer that is not valid, the field and the reason.
        """
        portfolio, rejects = Portfolio.from_frame(model_input, self._scorer.catalog)
        if len(rejects):
            first = rejects.iloc[0]
            raise ValueError(f"customer {first['row']}: {first['field']}: {first['reason']}")
        decisions = self._scorer.decide(portfolio)
        columns = {
            "score": decisions.score,
            "tier": [str(tier) for tier in decisions.tiers],
            "probability": decisions.model.probability,
        }
        return pd.DataFrame(columns, index=model_input.index)


set_model(PointsModel())
