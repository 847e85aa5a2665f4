"""The sentences that an answer must give for its tier and score, in the three languages, written anew.

The wording is stated here a second time on purpose: whoever changes what customers are told changes it in
both places, or no version is promoted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from training.independent.declared import Catalog, Indicator, Json, Policy
from training.independent.tier_rules import DECIMALS, UNRATED

LANGUAGES = ("en", "zh-Hant", "zh-Hans")
# So many indicators are named at most, and none that moves the score by so few points.
MOST_NAMED, NOT_NAMED = 6, 0.05

_INDICATOR = {
    "known": {
        "en": "{name} {value} {verb} the score by {points} points against the reference",
        "zh-Hant": "{name}{value}，使評分較參照{verb} {points} 分",
        "zh-Hans": "{name}{value}，使评分较参照{verb} {points} 分",
    },
    "missing": {
        "en": "{name}: not known, which {verb} the score by {points} points against the reference",
        "zh-Hant": "{name}未知，使評分較參照{verb} {points} 分",
        "zh-Hans": "{name}未知，使评分较参照{verb} {points} 分",
    },
    "not_applicable": {
        "en": "{name}: not applicable, which {verb} the score by {points} points against the reference",
        "zh-Hant": "{name}不適用，使評分較參照{verb} {points} 分",
        "zh-Hans": "{name}不适用，使评分较参照{verb} {points} 分",
    },
}
_RULE = {
    "veto": {
        "en": "Veto “{subject}”: {tier}, whatever the score",
        "zh-Hant": "否決事項「{subject}」成立，不論評分高低，歸入{tier}",
        "zh-Hans": "否决事项“{subject}”成立，不论评分高低，归入{tier}",
    },
    "completeness_for_rating": {
        "en": "Only {observed} of the facts by weight are known, less than the {required} needed: {tier}",
        "zh-Hant": "已知資料僅占 {observed}，低於評級所需的 {required}，結果為{tier}",
        "zh-Hans": "已知资料仅占 {observed}，低于评级所需的 {required}，结果为{tier}",
    },
    "completeness_for_premium": {
        "en": "Only {observed} of the facts by weight are known, premium needs {required}: at most {tier}",
        "zh-Hant": "已知資料僅占 {observed}，低於優質所需的 {required}，最高為{tier}",
        "zh-Hans": "已知资料仅占 {observed}，低于优质所需的 {required}，最高为{tier}",
    },
    "premium_floor": {
        "en": "{subject}: {observed} points, premium needs {required}: at most {tier}",
        "zh-Hant": "{subject}得 {observed} 分，低於優質所需的 {required} 分，最高為{tier}",
        "zh-Hans": "{subject}得 {observed} 分，低于优质所需的 {required} 分，最高为{tier}",
    },
    "premium_floor, nothing known": {
        "en": "{subject}: nothing is known, premium needs {required} points: at most {tier}",
        "zh-Hant": "{subject}沒有已知資料，優質需要 {required} 分，最高為{tier}",
        "zh-Hans": "{subject}没有已知资料，优质需要 {required} 分，最高为{tier}",
    },
    "dimension_not_applicable": {
        "en": "{subject}: not applicable yet, at most {tier}",
        "zh-Hant": "{subject}尚不適用，最高為{tier}",
        "zh-Hans": "{subject}尚不适用，最高为{tier}",
    },
}
_RAISES = {"en": "raises", "zh-Hant": "提高", "zh-Hans": "提高"}
_LOWERS = {"en": "lowers", "zh-Hant": "降低", "zh-Hans": "降低"}
_YES = {"en": "yes", "zh-Hant": "是", "zh-Hans": "是"}
_NO = {"en": "no", "zh-Hant": "否", "zh-Hans": "否"}
_QUOTES = {"en": "“{}”", "zh-Hant": "「{}」", "zh-Hans": "“{}”"}
_UNSEEN = {
    "en": "(a level outside the catalog)",
    "zh-Hant": "（目錄中沒有的類別）",
    "zh-Hans": "（目录中没有的类别）",
}
_UNRATED = {"en": "unrated", "zh-Hant": "未評級", "zh-Hans": "未评级"}


@dataclass(frozen=True)
class Effect:
    """What one indicator does to a score, in points; `value` is as an answer repeats it."""

    indicator: Indicator
    status: str
    value: float | bool | str | None
    points: float


def sentences(
    effects: Sequence[Effect], basis: Sequence[Json], catalog: Catalog, policy: Policy, language: str
) -> list[str]:
    """Return the reasons: what binds the tier, the last rule first, then the indicators by their effect.

    Args:
        effects: in the catalog's order, which decides between equal ones.
        basis: the lines that the tier rests on, in the order applied.
    """
    said = [_rule(line, catalog, policy, language) for line in reversed(basis) if line["rule"] != "score"]
    ranked = sorted(effects, key=lambda effect: -abs(effect.points))[:MOST_NAMED]
    return said + [_effect(e, catalog, language) for e in ranked if abs(e.points) > NOT_NAMED]


def _rule(line: Json, catalog: Catalog, policy: Policy, language: str) -> str:
    rule, subject = line["rule"], line["subject"]
    observed, required = line["observed"], line["required"]
    if rule == "veto":
        vetoes = {veto["id"]: veto["names"] for veto in policy.document["vetoes"]}
        subject = vetoes[subject][language]
    elif subject is not None:
        subject = catalog.name_of_dimension(subject, language)
    if rule == "premium_floor" and observed is None:
        rule, required = "premium_floor, nothing known", in_decimals(required, 1)
    elif observed is not None:
        of_share = rule.startswith("completeness")
        observed, required = _told_apart(observed, required, 0 if of_share else 1, 100.0 if of_share else 1.0)
        if of_share:
            percent = " %" if language == "en" else "%"
            observed, required = observed + percent, required + percent
    tier = line["tier"]
    name = _UNRATED[language] if tier == UNRATED else policy.document["tiers"][tier]["names"][language]
    return _RULE[rule][language].format(subject=subject, observed=observed, required=required, tier=name)


def _effect(effect: Effect, catalog: Catalog, language: str) -> str:
    status = "known" if effect.status == "unseen" else effect.status
    value = "" if effect.value is None else _value(effect, catalog, language)
    return _INDICATOR[status][language].format(
        name=effect.indicator.document["names"][language],
        value=value,
        verb=(_RAISES if effect.points > 0 else _LOWERS)[language],
        points=in_decimals(abs(effect.points), 1),
    )


def _value(effect: Effect, catalog: Catalog, language: str) -> str:
    document, value = effect.indicator.document, effect.value
    if effect.status == "unseen":
        return _UNSEEN[language]
    if isinstance(value, bool):
        return _QUOTES[language].format((_YES if value else _NO)[language])
    if isinstance(value, str):
        return _QUOTES[language].format(document["levels"][value]["names"][language])
    unit = (catalog.document.get("units") or {}).get(document.get("unit") or "") or {"decimals": 2}
    number = in_decimals(float(value or 0.0), unit.get("decimals", 0), unit.get("scale", 1.0))
    if "." in number and "e" not in number:
        short = number.rstrip("0").rstrip(".")
        # "1.0 years", so that the unit may stay a plural.
        number = number if short in ("1", "-1") else short
    suffix = str((unit.get("suffix") or {}).get(language, ""))
    return ("" if language == "en" else " ") + number + suffix


def in_decimals(value: float, decimals: int, scale: float = 1.0) -> str:
    """Return value × scale in so many decimals, ties to the even digit of the numbers as they are written."""
    exact = Decimal(repr(value)) * Decimal(repr(float(scale)))
    if abs(exact) >= Decimal("1e15"):
        return f"{exact:.3e}"
    shown = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)
    return f"{abs(shown) if shown == 0 else shown:,}"


def _told_apart(observed: float, required: float, decimals: int, scale: float) -> tuple[str, str]:
    """Return both in as many decimals as it takes to see that they differ."""
    while True:
        shown = in_decimals(observed, decimals, scale), in_decimals(required, decimals, scale)
        if shown[0] != shown[1] or decimals >= DECIMALS:
            return shown
        decimals += 1
