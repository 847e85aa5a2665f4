"""Keeping what a check found with the registered version that it is about, for whoever promotes it."""

from pathlib import Path

from features.terminal import out
from features.terms import Language


def keep_review(
    kind: str,
    label: str | None,
    document: str,
    verdict: str,
    *,
    state: Path | None,
    wanted: bool | None,
    language: Language = Language.EN,
) -> None:
    """Keep a check's document as a review of a version, and say so.

    What the approvers of a challenger or a champion were told stays, unless it is wanted anew.

    Args:
        kind: of review, such as `models.registry.BATTERY`.
        label: the version, such as `sba/3`; a model that is not registered has nothing to be kept with.
        document: JSON, without a customer's value.
        verdict: as the document has it.
        state: the directory of MLflow's store.
        wanted: True also where it takes the place of what was told before, False not at all.
        language: in which it is said.

    Raises:
        RegistryError: MLflow refuses.
    """
    from models import registry
    from training.battery.table_words import PROMOTED, RECORDED, said
    from training.description import refresh_description

    registered = registry.name_and_version(label)
    if registered is None or wanted is False:
        return
    name, version = registered
    promoted = [
        alias
        for alias, of in registry.aliases(name, state).items()
        if of == version and alias in (registry.CHALLENGER, registry.CHAMPION)
    ]
    if promoted and not wanted:
        told = said(language, PROMOTED, version=label, alias=promoted[0])
        out.print(told, markup=False, highlight=False, soft_wrap=True)
        return
    registry.record_review(name, version, kind, document.encode(), verdict, state)
    refresh_description(name, version, state)
    out.print(said(language, RECORDED, version=label), markup=False, highlight=False)
