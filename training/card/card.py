"""The story of a card: read a version back, say it in each language, list every figure with its source."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from features.terms import Language
from models.sign_off import SignOff
from training.card import words
from training.card.about import at_a_glance, data, indicators, purpose
from training.card.annexes import PointsAnnex, every_check, sources
from training.card.blocks import Page, Section
from training.card.figures import Figure, Reader
from training.card.governance import monitoring, sign_offs
from training.card.html import to_html
from training.card.pdf import to_pdf
from training.card.performance import calibration, choice, performance
from training.card.recorded import Recorded
from training.card.reviewed import Review, explanations, fairness, limits, stability
from training.card.scribe import Scribe

FORMAT, FORMAT_VERSION = "tierwise-card", 1


@dataclass(frozen=True, eq=False)
class ModelCard:
    """The card of a recorded version, with what was signed of it.

    Without `texts` it leaves out what those wrote who signed: findings, conditions and reasons.
    """

    recorded: Recorded
    signed: Sequence[SignOff] = ()
    texts: bool = True

    @property
    def holds_texts(self) -> bool:
        """Whether something that somebody wrote in signing stands in it."""
        return self.texts and any(one.findings or one.conditions for one in self.signed)

    @property
    def stem(self) -> str:
        """What the card's files are called, before the language: `sba-3`."""
        return f"{self.recorded.name}-{self.recorded.version}"

    @property
    def list_name(self) -> str:
        """The file that lists every figure."""
        return f"{self.stem}.card.json"

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.recorded)

    def page(self, language: Language) -> Page:
        """Return the card in one language.

        Raises:
            ArtefactError, DeclarationError: a document is of another version of Tierwise.
        """
        scribe = Scribe(self._reader, language)
        return Page(
            language=language,
            title=scribe.word(words.TITLE).format(model=self.recorded.label),
            subtitle=scribe.word(scribe.sheet.catalog.names),
            sections=tuple(self._sections(scribe)),
        )

    def _sections(self, scribe: Scribe) -> Iterator[Section]:
        review = Review(scribe)
        yield at_a_glance(scribe)
        yield purpose(scribe)
        yield data(scribe)
        yield indicators(scribe)
        yield choice(scribe)
        yield performance(scribe, review)
        yield calibration(scribe, review)
        yield stability(scribe, review)
        yield fairness(scribe, review)
        yield explanations(scribe)
        yield limits(scribe, review)
        yield monitoring(scribe)
        yield sign_offs(scribe, self.signed, self.texts)
        yield from PointsAnnex(scribe).sections()
        yield from every_check(scribe, review)
        yield sources(scribe, self.list_name)

    def files(
        self, languages: Sequence[Language], progress: Callable[[str], None] = lambda step: None
    ) -> dict[str, bytes]:
        """Return the card's files by name: HTML and PDF in each language, and the list of figures.

        Raises:
            ArtefactError, DeclarationError: a document is of another version of Tierwise.
            CannotSet: a PDF cannot be set.
        """
        found: dict[str, bytes] = {}
        for language in languages:
            page = self.page(language)
            progress(f"writing {self.stem}.{language}.html")
            found[f"{self.stem}.{language}.html"] = to_html(page).encode()
            progress(f"setting {self.stem}.{language}.pdf")
            if self.list_name not in found:
                # The same in every language.
                found[self.list_name] = self.listing(page.figures()).encode()
            attached = self.list_name, found[self.list_name]
            footer = f"{page.title} · run {self.recorded.run_id}"
            pdf = to_pdf(page, footer, attached, self.recorded.registered_at)
            found[f"{self.stem}.{language}.pdf"] = pdf
        return found

    def listing(self, figures: dict[Figure, int]) -> str:
        """Return the list of figures as JSON: number, value and source of each; and what was signed.

        A source without a run's id is of the run named on top, and a document is the one of that SHA-256.
        """
        recorded = self.recorded
        content: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "model_version": recorded.label,
            "run": recorded.run_id,
            "documents": {kept.path: kept.sha256 for kept in recorded.documents.values()},
            "signed": [_described(one, self.texts) for one in self.signed],
        }
        lines = ",\n".join(
            json.dumps(
                {"figure": number, "value": figure.value, "source": figure.source.described()},
                ensure_ascii=False, allow_nan=False,
            )
            for figure, number in figures.items()
        )  # fmt: skip
        head = json.dumps(content, ensure_ascii=False, indent=1).removesuffix("\n}")
        return f'{head},\n "figures": [\n{lines}\n]}}\n'


def _described(one: SignOff, texts: bool) -> dict[str, Any]:
    written = {"findings": list(one.findings), "conditions": list(one.conditions)} if texts else {}
    return {
        "role": one.role, "name": one.name, "at": one.at.isoformat(), "decision": one.decision, **written,
        "alias": one.alias, "case": one.case, "outcome": one.outcome, "other": one.other,
    }  # fmt: skip
