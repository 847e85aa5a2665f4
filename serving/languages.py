"""Which language an answer is in where the request's body names none: what Accept-Language prefers."""

import re
from functools import lru_cache

from features.terms import Language

_LONGEST = 400
# One part of the header: a language range, and its weight if it has one (RFC 9110, 12.4.2 and 12.5.4).
_PART = re.compile(r"([a-z]{1,8}(?:-[a-z0-9]{1,8})*|\*)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?")
_TRADITIONAL = frozenset({"hant", "tw", "hk", "mo"})


@lru_cache(maxsize=256)
def preferred_language(header: str) -> Language:
    """Return the language of ours that a header Accept-Language prefers; English where it names none.

    The one with the greatest weight counts, of equal weights the first; a weight of 0 rules out, but English
    is left where nothing else is. Chinese is traditional where script or region says so (zh-Hant, zh-TW,
    zh-HK, zh-MO), otherwise simplified; a script counts before a region (zh-Hans-HK). Parts that cannot be
    read are passed over.
    """
    best, greatest = Language.EN, 0.0
    for part in header[:_LONGEST].lower().split(","):
        found = _PART.fullmatch(part.strip(" \t"))
        if found is None:
            continue
        language, weight = _language_of(found[1]), float(found[2] or 1)
        if language is not None and weight > greatest:
            best, greatest = language, weight
    return best


def _language_of(range_: str) -> Language | None:
    primary, *rest = range_.split("-")
    if primary in ("en", "*"):
        return Language.EN
    if primary != "zh":
        return None
    said = set(rest)
    traditional = "hans" not in said and not said.isdisjoint(_TRADITIONAL)
    return Language.ZH_HANT if traditional else Language.ZH_HANS
