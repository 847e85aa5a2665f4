"""Reasons: sentences in three languages that say what each rule and indicator did to the tier and score."""

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from features.catalog import Catalog, Indicator, Kind, Placed
from features.terms import Language, Text, Tier
from models.decision import Decisions
from models.policy import Policy
from models.tiering import DECIMALS, BasisEntry, Rule

# How many indicators are named, and the smallest effect (in points of the score) that is worth naming.
NAMED = 6
WORTH_NAMING = 0.05

UNRATED_NAME = Text(zh_hant="未評級", zh_hans="未评级", en="unrated")

_KNOWN = Text(
    zh_hant="{name}{value}，使評分較參照{verb} {points} 分",
    zh_hans="{name}{value}，使评分较参照{verb} {points} 分",
    en="{name} {value} {verb} the score by {points} points against the reference",
)
_MISSING = Text(
    zh_hant="{name}未知，使評分較參照{verb} {points} 分",
    zh_hans="{name}未知，使评分较参照{verb} {points} 分",
    en="{name}: not known, which {verb} the score by {points} points against the reference",
)
_NOT_APPLICABLE = Text(
    zh_hant="{name}不適用，使評分較參照{verb} {points} 分",
    zh_hans="{name}不适用，使评分较参照{verb} {points} 分",
    en="{name}: not applicable, which {verb} the score by {points} points against the reference",
)
_RAISES = Text(zh_hant="提高", zh_hans="提高", en="raises")
_LOWERS = Text(zh_hant="降低", zh_hans="降低", en="lowers")
_FLAGS = {
    True: Text(zh_hant="是", zh_hans="是", en="yes"),
    False: Text(zh_hant="否", zh_hans="否", en="no"),
}
_QUOTED = Text(zh_hant="「{value}」", zh_hans="“{value}”", en="“{value}”")
_UNSEEN = Text(
    zh_hant="（目錄中沒有的類別）", zh_hans="（目录中没有的类别）", en="(a level outside the catalog)"
)

_RULES = {
    Rule.VETO: Text(
        zh_hant="否決事項「{subject}」成立，不論評分高低，歸入{tier}",
        zh_hans="否决事项“{subject}”成立，不论评分高低，归入{tier}",
        en="Veto “{subject}”: {tier}, whatever the score",
    ),
    Rule.UNRATED: Text(
        zh_hant="已知資料僅占 {observed}，低於評級所需的 {required}，結果為{tier}",
        zh_hans="已知资料仅占 {observed}，低于评级所需的 {required}，结果为{tier}",
        en="Only {observed} of the facts by weight are known, less than the {required} needed: {tier}",
    ),
    Rule.COMPLETENESS_FOR_PREMIUM: Text(
        zh_hant="已知資料僅占 {observed}，低於優質所需的 {required}，最高為{tier}",
        zh_hans="已知资料仅占 {observed}，低于优质所需的 {required}，最高为{tier}",
        en="Only {observed} of the facts by weight are known, premium needs {required}: at most {tier}",
    ),
    Rule.PREMIUM_FLOOR: Text(
        zh_hant="{subject}得 {observed} 分，低於優質所需的 {required} 分，最高為{tier}",
        zh_hans="{subject}得 {observed} 分，低于优质所需的 {required} 分，最高为{tier}",
        en="{subject}: {observed} points, premium needs {required}: at most {tier}",
    ),
    Rule.DIMENSION_NOT_APPLICABLE: Text(
        zh_hant="{subject}尚不適用，最高為{tier}",
        zh_hans="{subject}尚不适用，最高为{tier}",
        en="{subject}: not applicable yet, at most {tier}",
    ),
}
_FLOOR_UNKNOWN = Text(
    zh_hant="{subject}沒有已知資料，優質需要 {required} 分，最高為{tier}",
    zh_hans="{subject}没有已知资料，优质需要 {required} 分，最高为{tier}",
    en="{subject}: nothing is known, premium needs {required} points: at most {tier}",
)


def reasons(decisions: Decisions, row: int, language: Language) -> list[str]:
    """Return one customer's reasons: binding rules first, then indicators by the size of their effect."""
    catalog = decisions.portfolio.catalog
    binding = [entry for entry in decisions.tier_basis[row] if entry.rule is not Rule.SCORE]
    sentences = [rule_sentence(entry, catalog, decisions.policy, language) for entry in reversed(binding)]
    contributions = decisions.contributions[row]
    # A stable sort: of equal effects the one declared first is named first.
    for column in np.argsort(-np.abs(contributions), kind="stable")[:NAMED]:
        if abs(contributions[column]) > WORTH_NAMING:
            sentences.append(_indicator_sentence(decisions, row, int(column), language))
    return sentences


def rule_sentence(entry: BasisEntry, catalog: Catalog, policy: Policy, language: Language) -> str:
    """Return the sentence of one binding rule."""
    template, subject = _RULES[entry.rule], ""
    scale, decimals, suffix = 100, 0, (" %" if language is Language.EN else "%")
    if entry.rule is Rule.VETO:
        subject = next(veto.names for veto in policy.vetoes if veto.id == entry.subject).in_language(language)
    elif entry.subject is not None:
        scale, decimals, suffix = 1, 1, ""
        names = next(d.names for d in catalog.dimensions if d.id == entry.subject)
        subject = names.in_language(language)
    observed = required = ""
    if entry.required is not None and entry.observed is None:
        template, required = _FLOOR_UNKNOWN, rounded(entry.required, decimals)
    elif entry.required is not None and entry.observed is not None:
        observed, required = apart(entry.observed, entry.required, decimals, scale)
    tier = tier_name(entry.tier, policy).in_language(language)
    return template.in_language(language).format(
        subject=subject, tier=tier, observed=observed + suffix, required=required + suffix
    )


def tier_name(tier: Tier, policy: Policy) -> Text:
    """Return a tier's names, `unrated` included."""
    return UNRATED_NAME if tier is Tier.UNRATED else policy.tiers[tier].names


def _indicator_sentence(decisions: Decisions, row: int, column: int, language: Language) -> str:
    portfolio = decisions.portfolio
    placed = portfolio.catalog.placed[column]
    points = float(decisions.contributions[row, column])
    verb = (_RAISES if points > 0 else _LOWERS).in_language(language)
    template, value = _KNOWN, ""
    if not portfolio.applicable[row, column]:
        template = _NOT_APPLICABLE
    elif np.isnan(portfolio.values[row, column]):
        template = _MISSING
    else:
        value = shown_value(placed, float(portfolio.values[row, column]), portfolio.catalog, language)
    name = placed.indicator.names.in_language(language)
    return template.in_language(language).format(
        name=name, value=value, verb=verb, points=rounded(abs(points), 1)
    )


def shown_value(placed: Placed, value: float, catalog: Catalog, language: Language) -> str:
    """Return an encoded value as people read it, with its unit or its level's name."""
    indicator = placed.indicator
    match indicator.kind:
        case Kind.FLAG:
            yes = _FLAGS[value > 0.5].in_language(language)
            return _QUOTED.in_language(language).format(value=yes)
        case Kind.CATEGORY:
            return _shown_level(indicator, int(value), language)
        case Kind.NUMBER:
            unit = catalog.units.get(indicator.unit or "")
            scale, decimals = (unit.scale, unit.decimals) if unit else (1.0, 2)
            suffix = unit.suffix.in_language(language) if unit and unit.suffix else ""
            # Chinese sets a space between its characters and figures.
            space = "" if language is Language.EN else " "
            return f"{space}{_trimmed(rounded(value, decimals, scale))}{suffix}"


def _shown_level(indicator: Indicator, code: int, language: Language) -> str:
    levels = list((indicator.levels or {}).values())
    if code >= len(levels):
        return _UNSEEN.in_language(language)
    return _QUOTED.in_language(language).format(value=levels[code].names.in_language(language))


def rounded(value: float, decimals: int, scale: float = 1.0) -> str:
    """Round value × scale half to even on the shortest decimal forms, so that 0.15 shows as people expect."""
    quantum = Decimal(1).scaleb(-decimals)
    decimal = Decimal(repr(value)) * Decimal(repr(scale))
    if abs(decimal) >= Decimal(10) ** 15:
        return f"{decimal:.3e}"
    rounded = decimal.quantize(quantum, rounding=ROUND_HALF_EVEN)
    return f"{rounded if rounded else abs(rounded):,}"


def apart(observed: float, required: float, decimals: int, scale: float) -> tuple[str, str]:
    """Round both to as many decimals as it takes to see that the one is not the other."""
    for places in range(decimals, DECIMALS + 1):
        shown = rounded(observed, places, scale), rounded(required, places, scale)
        if shown[0] != shown[1]:
            break
    return shown


def _trimmed(shown: str) -> str:
    """Drop zeros behind the point, but for the 1.0 that keeps "years" a plural."""
    trimmed = shown.rstrip("0").rstrip(".") if "." in shown and "e" not in shown else shown
    return shown if trimmed in ("1", "-1") else trimmed
