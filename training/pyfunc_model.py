"""The registered model as MLflow runs it: this file and `points.json`, without a pickle ("models from code").

MLflow copies the file beside the artefact and executes it when a reviewer loads the model; the service
never does. It needs this project on the import path.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel
from numpy.typing import NDArray

from models.artefact import ModelArtefact


def scorer(artefact: bytes) -> Callable[[pd.DataFrame], NDArray[np.float64]]:
    """Return the function from n customers' indicators to their n calibrated probabilities.

    Raises:
        ValueError: the artefact's hash does not match its content.
    """
    return ModelArtefact.from_bytes(artefact).probability


class PointsModel(PythonModel):  # type: ignore[misc]
    """Probabilities of the adverse outcome from a frame of indicators, one row per customer."""

    def load_context(self, context: Any) -> None:
        """Read the artefact once. MLflow calls this by keyword, so the argument must be called `context`."""
        self._probability = scorer(Path(context.artifacts["points"]).read_bytes())

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Return the column `probability`, indexed like the input."""
        return pd.DataFrame({"probability": self._probability(model_input)}, index=model_input.index)


set_model(PointsModel())
