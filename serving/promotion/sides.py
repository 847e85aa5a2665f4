"""What is compared: the set that governs, and the one that is tried beside it."""

from pathlib import Path

from serving.promotion.aliases import governing_now
from serving.promotion.recomputed import ShadowError
from serving.promotion.trail import require_vouched
from serving.reviews.adoptions import ServedSet, served_by
from serving.served import Served, load_served
from serving.settings import Settings, trusted_keys_file
from serving.store.store import Store


def sides_to_compare(store: Store, asked: str | None, state: Path | None) -> tuple[Served, Served]:
    """Return champion and challenger, the first from the store alone.

    Args:
        store: what was adopted.
        asked: the registered version to try; the adopted challenger by default.
        state: the directory of MLflow's store, for a version that is asked for.

    Raises:
        ShadowError: nothing governs, nothing is tried, or both are the same.
        StoreError: what was adopted is not what the audit trail tells, or not in the store.
        ArtefactError, SettingsError, RegistryError, DeclarationError: one cannot be loaded.
    """
    with store.reading() as connection:
        require_vouched(connection, store.keyring)
        governing = governing_now(connection, store)
        if governing.champion is None:
            raise ShadowError("nothing is adopted yet, hence nothing to compare with: see `tierwise promote`")
        champion = served_by(connection, governing.champion)
        challenger = None
        if asked is None:
            if governing.challenger is None:
                raise ShadowError(
                    "there is no challenger: name a version with --model, such as NAME@candidate"
                )
            challenger = served_by(connection, governing.challenger)
    if challenger is None:
        challenger = load_served(Settings(model=asked, state=state, trusted_keys=trusted_keys_file()))
    if ServedSet.of(challenger).hashes == ServedSet.of(champion).hashes:
        raise ShadowError(f"{challenger.model_version} is what governs: name another version with --model")
    return champion, challenger
