"""The words with which tables name a customer's nature."""

from features.sources.keys import compared
from features.terms import Nature

_WORDS = {
    Nature.ENTERPRISE: ("enterprise", "company", "corporate", "business", "企業", "企业"),
    Nature.GOVERNMENT: ("government", "政府"),
    Nature.PUBLIC_INSTITUTION: ("public_institution", "public institution", "事業單位", "事业单位"),
    Nature.INDIVIDUAL: ("individual", "person", "personal", "retail", "個人", "个人"),
}


def nature_of_word(word: str) -> Nature | None:
    """Return the nature that a cell names, or None."""
    text = compared(word).casefold()
    return next((nature for nature, words in _WORDS.items() if text in words), None)
