"""The sentences of a path in three languages: what is to change, what that gives, or why there is none."""

from features.catalog import Indicator, Kind
from features.curve import Better
from features.terms import Language, Text
from models.next_tier.paths import Outcome, Path
from models.next_tier.problem import Obstacle, Step
from models.reasons import apart, rounded, shown_value, tier_name
from models.tiering import Rule

_CHANGE = Text(
    zh_hant="{name}：由{before}改為{after}，評分 {points} 分",
    zh_hans="{name}：由{before}改为{after}，评分 {points} 分",
    en="{name}: from {before} to {after}, {points} points",
)
_SUPPLY = Text(
    zh_hant="{name}：補充資料，若為{after}，評分 {points} 分",
    zh_hans="{name}：补充资料，若为{after}，评分 {points} 分",
    en="{name}: supply the fact; if it is {after}, {points} points",
)
_AT_LEAST = Text(zh_hant="{value}或以上", zh_hans="{value}或以上", en="{value} or more")
_AT_MOST = Text(zh_hant="{value}或以下", zh_hans="{value}或以下", en="{value} or less")
_REACHED = Text(
    zh_hant="如此評分為 {score} 分，達到{target}",
    zh_hans="如此评分为 {score} 分，达到{target}",
    en="That makes {score} points and reaches {target}",
)
_LEAST = Text(
    zh_hant="已證明在所考慮的取值中沒有更省力的途徑（{effort} 步）",
    zh_hans="已证明在所考虑的取值中没有更省力的途径（{effort} 步）",
    en="No other path through the values considered takes less effort ({effort} steps); this is proven",
)
_NOT_PROVEN = Text(
    zh_hant="搜尋提前結束：此途徑（{effort} 步）可行，所考慮的途徑至少需 {at_least} 步，未證明是最省力的",
    zh_hans="搜索提前结束：此途径（{effort} 步）可行，所考虑的途径至少需 {at_least} 步，未证明是最省力的",
    en="The search was broken off: this path takes {effort} steps, any considered at least {at_least}",
)
_OUTCOMES = {
    Outcome.AT_THE_TOP: Text(
        zh_hant="已是{tier}，沒有更高的等級",
        zh_hans="已是{tier}，没有更高的等级",
        en="Already {tier}: there is no tier above",
    ),
    Outcome.IMPOSSIBLE: Text(
        zh_hant="客戶能改變的事項無法使其達到{target}，這已證明",
        zh_hans="客户能改变的事项无法使其达到{target}，这已证明",
        en="Nothing that the customer can act on reaches {target}; this is proven",
    ),
    Outcome.UNDECIDED: Text(
        zh_hant="搜尋提前結束：是否能達到{target}尚不清楚",
        zh_hans="搜索提前结束：是否能达到{target}尚不清楚",
        en="The search was broken off: whether {target} can be reached is not known",
    ),
}
_OBSTACLES = {
    Rule.VETO: Text(
        zh_hant="否決事項「{subject}」成立，沒有可改變的事項能解除",
        zh_hans="否决事项“{subject}”成立，没有可改变的事项能解除",
        en="Veto “{subject}” stays in force: nothing that may change lifts it",
    ),
    Rule.UNRATED: Text(
        zh_hant="補齊可補充的資料後僅知 {reachable}，評級需要 {required}",
        zh_hans="补齐可补充的资料后仅知 {reachable}，评级需要 {required}",
        en="With all facts supplied that may be, {reachable} by weight are known; a rating needs {required}",
    ),
    Rule.COMPLETENESS_FOR_PREMIUM: Text(
        zh_hant="補齊可補充的資料後僅知 {reachable}，{target}需要 {required}",
        zh_hans="补齐可补充的资料后仅知 {reachable}，{target}需要 {required}",
        en="With all facts supplied that may be, {reachable} by weight are known; {target} needs {required}",
    ),
    Rule.PREMIUM_FLOOR: Text(
        zh_hant="{subject}最多可達 {reachable} 分，{target}需要 {required} 分",
        zh_hans="{subject}最多可达 {reachable} 分，{target}需要 {required} 分",
        en="{subject}: at most {reachable} points can be reached, {target} needs {required}",
    ),
    Rule.DIMENSION_NOT_APPLICABLE: Text(
        zh_hant="{subject}尚不適用，不能成為{target}",
        zh_hans="{subject}尚不适用，不能成为{target}",
        en="{subject}: not applicable yet, and without it no {target}",
    ),
    Rule.SCORE: Text(
        zh_hant="評分最多可達 {reachable} 分，{target}需要 {required} 分",
        zh_hans="评分最多可达 {reachable} 分，{target}需要 {required} 分",
        en="At most {reachable} points can be reached, {target} needs {required}",
    ),
}
_FLOOR_UNKNOWN = Text(
    zh_hant="{subject}沒有已知資料，也沒有可補充的資料，{target}需要 {required} 分",
    zh_hans="{subject}没有已知资料，也没有可补充的资料，{target}需要 {required} 分",
    en="{subject}: nothing is known and nothing may be supplied, {target} needs {required} points",
)
_TOGETHER = Text(
    zh_hant="各項條件可分別滿足，但不能同時滿足",
    zh_hans="各项条件可分别满足，但不能同时满足",
    en="Each condition can be met, but not all of them together",
)
ASSUMPTION = Text(
    zh_hant="假設每項指標可單獨改變，其他事項不變；由同一記錄計算的指標（moves_with）實際上會一同變動",
    zh_hans="假设每项指标可单独改变，其他事项不变；由同一记录计算的指标（moves_with）实际上会一同变动",
    en="Each indicator is taken to change by itself while all else stays; those computed from the same "
    "records (moves_with) would move too",
)


def sentences(path: Path, language: Language) -> list[str]:
    """Return a path's sentences: each step and what they come to, or each obstacle."""
    policy = path.before.policy
    target = "" if path.target is None else tier_name(path.target, policy).in_language(language)
    if path.outcome is Outcome.PATH and path.after is not None:
        score = rounded(float(path.after.score[0]), 1)
        closing = _LEAST if path.proven else _NOT_PROVEN
        effort, at_least = rounded(path.effort, 2), rounded(path.at_least, 2)
        return [
            *(step_sentence(path, step, language) for step in path.steps),
            _REACHED.in_language(language).format(score=score, target=target),
            closing.in_language(language).format(effort=effort, at_least=at_least),
        ]
    tier = tier_name(path.before.tiers[0], policy).in_language(language)
    first = _OUTCOMES[path.outcome].in_language(language).format(tier=tier, target=target)
    return [first, *(obstacle_sentence(path, obstacle, language) for obstacle in path.obstacles)]


def step_sentence(path: Path, step: Step, language: Language) -> str:
    """Return the sentence of one step."""
    catalog = path.before.portfolio.catalog
    placed = catalog.placed[step.column]
    after = shown_value(placed, step.value, catalog, language).strip()
    before = ""
    if step.supplies:
        bound = _bounded(path, placed.indicator)
        if bound is not None:
            after = bound.in_language(language).format(value=after)
    else:
        value = float(path.before.portfolio.values[0, step.column])
        before = shown_value(placed, value, catalog, language).strip()
    return (
        (_SUPPLY if step.supplies else _CHANGE)
        .in_language(language)
        .format(
            name=placed.indicator.names.in_language(language),
            before=_set_off(before, language) + (" " if _ends_in_figures(before, language) else ""),
            after=_set_off(after, language),
            points=signed(gained(path, step.column)),
        )
    )


def obstacle_sentence(path: Path, obstacle: Obstacle, language: Language) -> str:
    """Return the sentence of one obstacle."""
    if obstacle.rule is None or path.target is None:
        return _TOGETHER.in_language(language)
    policy, catalog = path.before.policy, path.before.portfolio.catalog
    scale, decimals, suffix = 1, 1, ""
    subject = ""
    if obstacle.rule is Rule.VETO:
        subject = next(v.names for v in policy.vetoes if v.id == obstacle.subject).in_language(language)
    elif obstacle.subject is not None:
        names = next(d.names for d in catalog.dimensions if d.id == obstacle.subject)
        subject = names.in_language(language)
    elif obstacle.rule is not Rule.SCORE:
        scale, decimals, suffix = 100, 0, (" %" if language is Language.EN else "%")
    reachable = required = ""
    if obstacle.reachable is not None and obstacle.required is not None:
        reachable, required = apart(obstacle.reachable, obstacle.required, decimals, scale)
    template = _OBSTACLES[obstacle.rule]
    if obstacle.rule is Rule.PREMIUM_FLOOR and obstacle.reachable is None and obstacle.required is not None:
        template, required = _FLOOR_UNKNOWN, rounded(obstacle.required, 1)
    return template.in_language(language).format(
        subject=subject,
        reachable=reachable + suffix,
        required=required + suffix,
        target=tier_name(path.target, policy).in_language(language),
    )


def gained(path: Path, column: int) -> float:
    """Return by how many points one indicator's contribution to the score rises on the path."""
    if path.after is None:
        return 0.0
    return float(path.after.contributions[0, column] - path.before.contributions[0, column])


def signed(points: float) -> str:
    """Return points with their sign, to one decimal."""
    return ("+" if points >= 0 else "−") + rounded(abs(points), 1)


def _bounded(path: Path, indicator: Indicator) -> Text | None:
    """Return "or more" or "or less" where more of what the company values never scores worse."""
    if indicator.kind is not Kind.NUMBER or indicator.better not in (Better.HIGHER, Better.LOWER):
        return None
    wanted = -1 if indicator.better is Better.HIGHER else 1
    modelled = bool(path.before.model.applies[0]) and indicator.in_model
    if modelled and indicator.risk_direction != wanted:
        return None
    return _AT_LEAST if indicator.better is Better.HIGHER else _AT_MOST


def _set_off(value: str, language: Language) -> str:
    """Set a space before figures that follow Chinese characters."""
    return f" {value}" if language is not Language.EN and value[:1].isascii() and value else value


def _ends_in_figures(value: str, language: Language) -> bool:
    return language is not Language.EN and bool(value) and value[-1].isascii()
