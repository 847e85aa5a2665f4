"""What the command `card` does: read a version back, write its card, keep it with the run where wanted."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from features.terminal import BadInput, out, steps
from features.terms import Language

if TYPE_CHECKING:
    from models.sign_off import SignOff
    from training.card.recorded import Recorded


class CardLanguage(StrEnum):
    """The languages that a card is written in, and all of them."""

    ZH_HANT = Language.ZH_HANT
    ZH_HANS = Language.ZH_HANS
    EN = Language.EN
    ALL = "all"

    @property
    def languages(self) -> tuple[Language, ...]:
        """Which languages are meant."""
        return tuple(Language) if self is CardLanguage.ALL else (Language(self),)


def recorded_version(model: str, version: str | None, state: Path | None) -> "Recorded":
    """Read back the version that is meant: NAME with a number or an alias, NAME/3 or NAME@candidate.

    Raises:
        BadInput: a version is given twice.
        RegistryError: there is none, or a file is gone.
    """
    from training.card.recorded import load_recorded

    if version is None:
        return load_recorded(model, state)
    if "/" in model or "@" in model:
        raise BadInput(f"--model {model} names a version already: leave out --version")
    return load_recorded(f"{model}{'/' if version.isdecimal() else '@'}{version}", state)


def write_card(
    recorded: "Recorded",
    signed: Sequence["SignOff"],
    language: CardLanguage,
    folder: Path,
    record: bool,
    state: Path | None,
) -> None:
    """Write a card as HTML and PDF with the list of its figures, and keep it with the run where wanted.

    The copy that is kept leaves out what those wrote who signed: MLflow has no login, and the store keeps it
    sealed.

    Raises:
        BadInput: a file cannot be written.
        CannotSet: the PDF cannot be set.
        ArtefactError, DeclarationError: a document is of another version of Tierwise.
        RegistryError: the card cannot be recorded.
    """
    from training.card.card import ModelCard
    from training.card.recorded import record_card

    card = ModelCard(recorded, tuple(signed))
    # Set before anything is written, so that either all is there or nothing.
    copied = record and card.holds_texts
    with steps(2 * len(language.languages) * (2 if copied else 1)) as progress:
        files = card.files(language.languages, progress)
        kept = replace(card, texts=False).files(language.languages, progress) if copied else files
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise BadInput(f"{folder}: the card cannot be written there ({error.strerror})") from None
    sizes = ", ".join(f"{name} ({len(content):,} bytes)" for name, content in files.items())
    out.print(f"Written to {folder}: {sizes}.", markup=False, highlight=False, soft_wrap=True)
    if record:
        record_card(recorded, kept, state)
        left_out = ", without what was written in signing" if copied else ""
        out.print(
            f"Recorded with {recorded.label}, in card/ of run {recorded.run_id}{left_out}.",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
