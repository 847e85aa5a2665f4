"""What the service is told: which catalog, policy and model, and where its state lies.

All of it comes from the environment, since that is what a server's worker processes inherit.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.registry import STATE_VARIABLE, state_directory

CATALOG_VARIABLE = "TIERWISE_CATALOG"
POLICY_VARIABLE = "TIERWISE_POLICY"
MODEL_VARIABLE = "TIERWISE_MODEL"
ARTEFACT_VARIABLE = "TIERWISE_ARTEFACT"
TRUSTED_KEYS_VARIABLE = "TIERWISE_TRUSTED_KEYS"
# A folder with what is served, as `serving.launch` leaves it for its workers.
SERVED_VARIABLE = "TIERWISE_SERVED"
DEFAULT_CATALOG = "customer"


class SettingsError(ValueError):
    """The settings contradict each other, or what they name cannot be served; one line."""


@dataclass(frozen=True)
class Settings:
    """What to serve: a registered model, which brings its catalog and policy, or a catalog and a policy.

    `catalog` and `policy` are paths or names of bundled ones; `artefact` is a model's points document for
    sites without a registry. With `trusted_keys`, a file of public keys, a model's document must be signed by
    one of them.
    """

    catalog: str | None = None
    policy: str | None = None
    model: str | None = None
    artefact: Path | None = None
    state: Path | None = None
    trusted_keys: Path | None = None

    def __post_init__(self) -> None:
        """Refuse contradictions.

        Raises:
            SettingsError: a registered model is given together with what it brings.
        """
        if self.model is not None and (self.catalog or self.policy or self.artefact):
            raise SettingsError(
                "a registered model brings its own catalog and policy: give a model, or catalog and policy"
            )

    @property
    def state_directory(self) -> Path:
        """Where the state lies, absolute."""
        return state_directory(self.state)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings; what is not set or empty takes its default.

        Raises:
            SettingsError: they contradict each other.
        """
        artefact, state = environment.get(ARTEFACT_VARIABLE), environment.get(STATE_VARIABLE)
        return cls(
            catalog=environment.get(CATALOG_VARIABLE) or None,
            policy=environment.get(POLICY_VARIABLE) or None,
            model=environment.get(MODEL_VARIABLE) or None,
            artefact=Path(artefact) if artefact else None,
            state=Path(state) if state else None,
            trusted_keys=trusted_keys_file(environment),
        )


def trusted_keys_file(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file of the public keys that this site trusts, or None where any document is served."""
    path = environment.get(TRUSTED_KEYS_VARIABLE)
    return Path(path) if path else None
