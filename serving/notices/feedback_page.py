"""The page that a customer's link opens: one form, three languages, nothing loaded, no values.

It says whose notice it answers, of which day, and that the tier changed, but not to which: whoever holds the
link reads it.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from features.terms import Language, Text
from serving.notices.feedback import LONGEST_OBJECTION, SATISFACTION
from serving.notices.wording import filled, same

_TITLE = Text.of("對分類通知的回覆", "对分类通知的回复", "Your answer to our notice")
_LEAD = Text.of(
    "感謝您的回覆。兩項均可只填其一。", "感谢您的回复。两项均可只填其一。",
    "Thank you for answering. You may fill in either part alone.",
)  # fmt: skip
_NOTICE = Text.of("通知", "通知", "Our notice")
_GIVEN = Text.of("{day}，編號 {notice}…", "{day}，编号 {notice}…", "of {day}, number {notice}…")
_TOLD = Text.of("通知內容", "通知内容", "What it said")
_CHANGED = Text.of(
    "貴方的客戶等級自 {day} 起變更。", "贵方的客户等级自 {day} 起变更。",
    "Your classification as our customer changed on {day}.",
)  # fmt: skip
_UNTIL = Text.of("異議截止時間", "异议截止时间", "Objections until")
_REFERENCE = Text.of("異議編號", "异议编号", "Reference of your objection")
_QUOTED = Text.of(
    "查詢時請註明異議編號。", "查询时请注明异议编号。", "Please give it whenever you ask about the objection."
)
_DECIDED_BY = Text.of("最遲決定日", "最迟决定日", "To be decided by")
_SATISFACTION = Text.of(
    "您對評估與通知的滿意程度",
    "您对评估与通知的满意程度",
    "How satisfied are you with the evaluation and the notice?",
)
_WORST, _BEST = Text.of("很不滿意", "很不满意", "Not at all"), Text.of("非常滿意", "非常满意", "Very")
_OBJECTION = Text.of("異議（如有）", "异议（如有）", "Objection, if you have one")
_HINT = Text.of(
    "請說明您認為有誤之處。異議將由專人複核；今日提出者，最遲於 {day} 決定。",
    "请说明您认为有误之处。异议将由专人复核；今日提出者，最迟于 {day} 决定。",
    "Say what you think is wrong. A person will review it; what you send today is to be decided by {day}.",
)  # fmt: skip
_SEND = Text.of("送出", "提交", "Send")
THANKS = Text.of(
    "我們已收到您的回覆，謝謝。", "我们已收到您的回复，谢谢。", "We have received your answer. Thank you."
)
BEFORE = Text.of(
    "您先前的異議正在處理中，新的內容未被接收。", "您先前的异议正在处理中，新的内容未被接收。",
    "Your earlier objection is being handled; what you have sent now was not taken.",
)  # fmt: skip
OFTEN = Text.of(
    "您的滿意程度已多次更改，不再接收新的更改。", "您的满意程度已多次更改，不再接收新的更改。",
    "You have changed how satisfied you are many times; what you said last stays.",
)  # fmt: skip
WRONG = Text.of(
    "請選擇滿意程度或填寫異議（最多 {most} 字）。", "请选择满意程度或填写异议（最多 {most} 字）。",
    "Choose how satisfied you are, or write an objection (up to {most} characters).",
)  # fmt: skip
UNKNOWN = Text.of("此連結無效或已過期。", "此链接无效或已过期。", "This link is not valid, or has expired.")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NAMES = {Language.ZH_HANT: "繁體中文", Language.ZH_HANS: "简体中文", Language.EN: "English"}

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2733;--paper:#fff;--line:#c8d0d9;--accent:#1f5fa8;--soft:#5a6775}
@media(prefers-color-scheme:dark){
:root{--ink:#e6ebf0;--paper:#161b21;--line:#3d4853;--accent:#7fb2ea;--soft:#9eabb8}
}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:1rem/1.6 system-ui,-apple-system,"Noto Sans CJK TC",sans-serif}
:lang(zh-Hans){font-family:system-ui,-apple-system,"Noto Sans CJK SC",sans-serif}
main{max-width:36rem;margin:0 auto;padding:1.5rem 1.25rem 3rem}
nav{display:flex;gap:1rem;justify-content:flex-end;font-size:.9rem}
a{color:var(--accent)}
header{margin:1.5rem 0 1rem}
.company{margin:0;color:var(--soft);font-weight:600}
h1{font-size:1.5rem;line-height:1.3;margin:0}
dl{margin:1rem 0;padding:.75rem 0;border:solid var(--line);border-width:1px 0;
display:grid;grid-template-columns:fit-content(45%) 1fr;gap:.25rem 1.25rem}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
time{white-space:nowrap}
fieldset,.part{border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:1.25rem 0;min-width:0}
legend,label.title{font-weight:600;line-height:1.4}
/* Floated, a legend of two lines stands in the box and not across its border. */
legend{float:left;width:100%;padding:0;margin:0 0 .25rem}
.scale{clear:both;display:flex;gap:.5rem;justify-content:space-between}
.scale label{flex:1;display:flex;flex-direction:column;align-items:center;padding:.5rem 0;cursor:pointer}
.scale input{width:1.25rem;height:1.25rem;margin:0;accent-color:var(--accent)}
.ends{display:flex;justify-content:space-between;color:var(--soft);font-size:.9rem}
textarea{display:block;width:100%;margin:.5rem 0 0;padding:.6rem;font:inherit;color:inherit;
background:transparent;border:1px solid var(--line);border-radius:.4rem;resize:vertical}
.hint{margin:.25rem 0 0;color:var(--soft);font-size:.9rem}
.told{border-left:.25rem solid var(--accent);padding:.25rem 0 .25rem .9rem;margin:1.5rem 0}
button{font:inherit;font-weight:600;color:var(--paper);background:var(--accent);border:0;
border-radius:.4rem;padding:.6rem 1.6rem;cursor:pointer}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
""".strip()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    # The address of the page is the key to it.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


@dataclass(frozen=True)
class About:
    """What the page says of the notice that it answers; days and moments as they are shown.

    Attributes:
        company: whose notice it is; None where the procedure names no company.
        given: the day of the notice.
        notice: the first characters of its number.
        changed: the day from which the tier is another.
        until: the last moment for an objection; None where it is not known.
        decided_by: the day by which an objection of today is to be decided.
        reference: of the objection that was received; None where there is none.
        due: the day by which that is to be decided; None where there is none, or no more.
    """

    company: Text | None
    given: str
    notice: str
    changed: str
    until: str | None
    decided_by: str
    reference: str | None = None
    due: str | None = None


def form(language: Language, about: About, *, told: Text | None = None) -> str:
    """Return the page with the form, and above it what is wrong, if something is."""

    def words(text: Text) -> str:
        return escape(text.in_language(language))

    scale = "".join(
        f'<label>{value}<input type="radio" name="satisfaction" value="{value}"></label>'
        for value in SATISFACTION
    )
    notice = "" if told is None else f'<p class="told" role="alert">{words(told)}</p>'
    hint = filled(_HINT, day=same(about.decided_by))
    return _page(
        language,
        f"{_header(language, about)}{notice}{_facts(language, [*_notice(about), *_objected(about)])}"
        f"<p>{words(_LEAD)}</p>"
        '<form method="post" accept-charset="utf-8">'
        f"<fieldset><legend>{words(_SATISFACTION)}</legend>"
        f'<div class="scale">{scale}</div>'
        f'<div class="ends"><span>{words(_WORST)}</span><span>{words(_BEST)}</span></div></fieldset>'
        f'<div class="part"><label class="title" for="objection">{words(_OBJECTION)}</label>'
        f'<p class="hint" id="hint">{_dated(hint.in_language(language))}</p>'
        f'<textarea id="objection" name="objection" rows="7" maxlength="{LONGEST_OBJECTION}" '
        'aria-describedby="hint"></textarea></div>'
        f'<button type="submit">{words(_SEND)}</button></form>',
        company=about.company,
    )


def message(language: Language, about: About, told: Text, *, objected: bool) -> str:
    """Return a page that says one thing; `objected`: with the reference of the objection."""
    words = escape(told.in_language(language))
    facts = _facts(language, [*_notice(about)[:1], *(_objected(about) if objected else ())])
    quoted = ""
    if objected and about.reference is not None:
        quoted = f"<p>{escape(_QUOTED.in_language(language))}</p>"
    return _page(
        language,
        f'{_header(language, about)}<p class="told" role="status">{words}</p>{facts}{quoted}',
        company=about.company,
        choosing=False,
    )


def _header(language: Language, about: About) -> str:
    company = ""
    if about.company is not None:
        company = f'<p class="company">{escape(about.company.in_language(language))}</p>'
    return f"<header>{company}<h1>{escape(_TITLE.in_language(language))}</h1></header>"


def _notice(about: About) -> list[tuple[Text, Text]]:
    facts = [
        (_NOTICE, filled(_GIVEN, day=same(about.given), notice=same(about.notice))),
        (_TOLD, filled(_CHANGED, day=same(about.changed))),
    ]
    return facts if about.until is None else [*facts, (_UNTIL, same(about.until))]


def _objected(about: About) -> list[tuple[Text, Text]]:
    facts = [] if about.reference is None else [(_REFERENCE, same(about.reference))]
    return facts if about.due is None else [*facts, (_DECIDED_BY, same(about.due))]


def _dated(text: str) -> str:
    """Return a text as HTML in which no day is broken between two lines."""
    return _DAY.sub(r"<time>\g<0></time>", escape(text))


def _facts(language: Language, facts: Sequence[tuple[Text, Text]]) -> str:
    lines = "".join(
        f"<dt>{escape(name.in_language(language))}</dt><dd>{_dated(fact.in_language(language))}</dd>"
        for name, fact in facts
    )
    return f"<dl>{lines}</dl>"


def unknown() -> str:
    """Return the page of a link that leads nowhere: always the same, for nothing is known of who asks."""
    told = "".join(
        f'<p class="told" lang="{language}">{escape(UNKNOWN.in_language(language))}</p>'
        for language in Language
    )
    return _page(Language.EN, told, choosing=False)


def _page(language: Language, body: str, *, company: Text | None = None, choosing: bool = True) -> str:
    title = _TITLE.in_language(language)
    if company is not None:
        title = f"{title} – {company.in_language(language)}"
    links = " ".join(
        f'<a href="?language={of}" lang="{of}" hreflang="{of}">{_NAMES[of]}</a>'
        for of in Language
        if of is not language
    )
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{f'<nav>{links}</nav>' if choosing else ''}{body}</main></body></html>"
    )
