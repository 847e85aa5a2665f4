"""What one training hands over to be recorded: what it was and found, and customers to try the model on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version as installed_version
from typing import Self

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from features.catalog import Catalog
from models import registry
from models.decision import Decisions
from models.policy import Policy
from training.data_facts import DataFacts
from training.metrics import Metrics
from training.parts import Part


@dataclass(frozen=True)
class Measured:
    """The metrics of one scorer (`model`, `baseline`, …) on one split, over all of it or in one year."""

    scorer: str
    split: str
    metrics: Metrics
    year: int | None = None


@dataclass(frozen=True)
class ReloadCheck:
    """Customers on which the stored model must decide as the product did. They are never logged.

    `inputs` has n rows with customer_id, nature, as_of and indicators; the others are of shape (n,).
    """

    inputs: pd.DataFrame
    score: NDArray[np.float64]
    tier: tuple[str, ...]
    probability: NDArray[np.float64]

    @classmethod
    def of(cls, inputs: pd.DataFrame, decisions: Decisions) -> Self:
        """Expect the decisions that the product took on these inputs."""
        tiers = tuple(str(tier) for tier in decisions.tiers)
        return cls(inputs, decisions.score, tiers, decisions.model.probability)


@dataclass(frozen=True)
class TrainingRecord:
    """Everything that one training hands over to be recorded.

    `figures` are named without an ending; `data` is what was trained on, `parts` are the folds and years that
    may be told of, `validation` the metrics of held-out customers by name. `synthetic` says that the data are
    declared to be simulated.
    """

    portfolio: str
    run_name: str
    parameters: Mapping[str, str | int | float | bool | None]
    measured: Sequence[Measured]
    artefact: bytes
    booster_texts: Sequence[str]
    catalog: Catalog
    policy: Policy
    data: DataFacts
    figures: Mapping[str, Figure]
    reload_check: ReloadCheck
    parts: Sequence[Part] = ()
    validation: Mapping[str, float] = field(default_factory=dict)
    synthetic: bool = False

    def tags(self) -> dict[str, str]:
        """Return what runs, models and versions are found by; hashes are apart."""
        return {
            "portfolio": self.portfolio,
            "catalog": f"{self.catalog.catalog}/{self.catalog.version}",
            "policy": f"{self.policy.policy}/{self.policy.version}",
            "synthetic": str(self.synthetic).lower(),
            "tierwise": installed_version("tierwise"),
        }

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of all that determines the model, by the names that tags and answers use."""
        return {
            "catalog_hash": self.catalog.hash,
            "policy_hash": self.policy.hash,
            "data_hash": self.data.sha256,
            registry.ARTEFACT_HASH_TAG: hashlib.sha256(self.artefact).hexdigest(),
        }

    def documents(self) -> dict[str, bytes]:
        """Return what the model is loaded from, by file name.

        Catalog and policy keep the order of their keys, which tiers need; their hashes do not depend on it.
        """
        return {
            registry.POINTS_FILE: self.artefact,
            registry.CATALOG_FILE: self.catalog.model_dump_json(by_alias=True, indent=1).encode(),
            registry.POLICY_FILE: self.policy.model_dump_json(by_alias=True, indent=1).encode(),
        }
