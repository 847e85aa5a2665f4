"""What monitoring tolerates: what the battery does of the same figures, and three figures of its own."""

from typing import Self

from pydantic import Field, model_validator

from training.battery.limits import Limits

# Those of the battery's settings that monitoring heeds.
SHARED = (
    "level", "minimum_outcomes", "bins", "expected_per_bin", "tolerated_level", "lowest_slope",
    "highest_slope", "tolerated_ece", "material_psi", "resamples", "seed",
)  # fmt: skip
OWN = ("tolerated_silence", "tolerated_falls", "tolerated_auc_lost")


class MonitoringLimits(Limits):
    """The settings of monitoring; of the battery's those in `SHARED` count.

    Attributes:
        tolerated_silence: how far a department's share of what is known may fall.
        tolerated_falls: how far the share of customers whose tier fell within the period may exceed the share
            of those whose tier rose.
        tolerated_auc_lost: how far the AUC may lie below that of the training's held-out customers.
    """

    tolerated_silence: float = Field(default=0.05, ge=0, le=1)
    tolerated_falls: float = Field(default=0.1, ge=0, le=1)
    tolerated_auc_lost: float = Field(default=0.05, ge=0, le=1)

    @model_validator(mode="after")
    def _heeded(self) -> Self:
        for name in sorted(self.model_fields_set - {*SHARED, *OWN}):
            raise ValueError(f"{name}: is a limit of the battery, which monitoring does not heed")
        return self
