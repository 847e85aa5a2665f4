"""The note below a table: which run, metrics and documents its figures are from, and their numbers."""

from collections.abc import Iterable, Iterator, Mapping

from features.terms import Language
from training.card import words
from training.card.blocks import Block, spans_of
from training.card.figures import Derived, Figure, Metric, Parameter, Place, Setting, Source

# More names than these are told by what they have in common.
_MOST_NAMES = 3


def source_note(block: Block, numbers: Mapping[Figure, int], language: Language) -> str:
    """Return where a block's figures are from, in a line; empty where it shows none."""
    figures = list(dict.fromkeys(span.figure for span in spans_of(block) if span.figure is not None))
    if not figures:
        return ""
    leaves = list(dict.fromkeys(leaf for figure in figures for leaf in leaves_of(figure.source)))
    told: list[str] = []
    metrics = sorted({leaf.name for leaf in leaves if isinstance(leaf, Metric)})
    if metrics:
        told.append(words.METRICS.in_language(language).format(names=_names(metrics)))
    parameters = sorted({leaf.name for leaf in leaves if isinstance(leaf, Parameter)})
    if parameters:
        told.append(words.PARAMETERS.in_language(language).format(names=_names(parameters)))
    told += sorted({f"{leaf.path} ({leaf.sha256[:12]}…)" for leaf in leaves if isinstance(leaf, Place)})
    if any(isinstance(leaf, Setting) for leaf in leaves):
        told.append(words.DEFAULTS.in_language(language))
    told.append(
        words.FIGURES.in_language(language).format(numbers=spans(numbers[figure] for figure in figures))
    )
    separator, colon = (word.in_language(language) for word in (words.SEMICOLON, words.COLON))
    return words.SOURCE.in_language(language) + colon + separator.join(told)


def leaves_of(source: Source) -> Iterator[Metric | Parameter | Place | Setting]:
    """Yield what a source rests on in the end."""
    if isinstance(source, Derived):
        for part in source.of:
            yield from leaves_of(part)
    else:
        yield source


def spans(numbers: Iterable[int]) -> str:
    """Return numbers with runs of them shortened: 1, 3–5."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}–{high}" for low, high in found)


def _names(names: list[str]) -> str:
    """Return names, or where they are many, what they begin with."""
    parents = {f"{name.rpartition('/')[0]}/…" if "/" in name else name for name in names}
    roots = {f"{name.partition('/')[0]}/…" if "/" in name else name for name in names}
    told = next((of for of in (set(names), parents) if len(of) <= _MOST_NAMES), roots)
    return ", ".join(sorted(told))
