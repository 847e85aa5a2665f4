"""What a command is to serve or to export: what its options name, else the only registered model."""

from dataclasses import replace
from pathlib import Path

from features.terminal import BadInput, err, working
from models.export_sheet import Sheet
from models.registry import CANDIDATE, CHAMPION, registered
from serving.served import Served, load_served
from serving.settings import Settings


def chosen_settings(
    model: str | None,
    catalog: str | None,
    policy: str | None,
    state: Path | None,
    artefact: Path | None = None,
) -> Settings:
    """Return what to serve: what is named, else the only champion or candidate, else the bundled catalog.

    Raises:
        BadInput: there are several.
        SettingsError, RegistryError: what is named contradicts itself, or the registry cannot be read.
    """
    told = Settings.from_environment()
    if not (model or catalog or policy):
        if told.model or told.catalog or told.policy or told.artefact:
            return replace(told, state=state or told.state)
        model = _only_registered(state)
    return Settings(
        catalog=catalog,
        policy=policy,
        model=model,
        artefact=artefact,
        state=state,
        trusted_keys=told.trusted_keys,
    )


def _only_registered(state: Path | None) -> str | None:
    """Return the name of the one model that has a champion or, where none has, a candidate."""
    found = registered(state)
    for alias in (CHAMPION, CANDIDATE):
        names = [name for name, aliases in found.items() if alias in aliases]
        if len(names) > 1:
            raise BadInput(f"several models have a {alias} ({', '.join(names)}): choose one with --model")
        if names:
            return names[0]
    return None


def chosen_served(
    model: str | None,
    catalog: str | None,
    policy: str | None,
    state: Path | None,
    artefact: Path | None = None,
) -> Served:
    """Return what to serve, loaded; that it is a candidate is told on stderr.

    Raises:
        BadInput, SettingsError, RegistryError: see `chosen_settings`.
        DeclarationError, ArtefactError, SignatureError: what is named cannot be loaded.
    """
    with working("loading"):
        served = load_served(chosen_settings(model, catalog, policy, state, artefact))
    if served.is_candidate:
        told = f"{served.model_version} is a candidate that nobody has promoted."
        err.print(told, markup=False, highlight=False, soft_wrap=True)
    return served


def chosen_sheet(
    model: str | None, artefact: Path | None, catalog: str | None, policy: str | None, state: Path | None
) -> Sheet:
    """Return the model to export with its catalog and policy.

    Raises:
        BadInput: no model is named, or an artefact without its catalog; else see `chosen_served`.
    """
    if artefact is not None and catalog is None:
        raise BadInput("--artefact needs the --catalog that the model was trained with")
    served = chosen_served(model, catalog, policy, state, artefact)
    scorer = served.scorer
    if scorer.model is None:
        raise BadInput("there is no model to export: name one with --model, or a file with --artefact")
    return Sheet(scorer.model, scorer.catalog, scorer.policy, served.model_version)
