"""The card's last sections: what will be watched, and who signed or is to sign."""

from collections.abc import Iterator, Mapping, Sequence

from features.terms import Text
from models.sign_off import SignOff
from training.card import words
from training.card.blocks import Block, Cell, Lines, Row, Section, Span, Spans, Style, Table
from training.card.figures import negative
from training.card.recorded import REFERENCE
from training.card.scribe import Scribe

# What is watched: its words, the settings that are its lowest and highest, and whether it needs outcomes; `-`
# before a setting is the other side of 0.
_PLAN: tuple[tuple[str, str | None, str | None, bool], ...] = (
    ("input", None, "material_psi", False),
    ("score", None, "material_psi", False),
    ("tiers", None, "material_psi", False),
    ("falls", None, "tolerated_falls", False),
    ("silence", None, "tolerated_silence", False),
    ("level", "-tolerated_level", "tolerated_level", True),
    ("slope", "lowest_slope", "highest_slope", True),
    ("ece", None, "tolerated_ece", True),
    ("auc", None, "tolerated_auc_lost", True),
)
# Decisions against a version, and how decisions are set.
_ENDS = frozenset({"rejected", "withdrawn"})
_STYLES = {
    "approved": Style.GOOD, "rollback_confirmed": Style.GOOD, "governs_again": Style.GOOD,
    "rejected": Style.BAD, "rollback_rejected": Style.BAD, "rolled_back": Style.BAD,
}  # fmt: skip


def monitoring(scribe: Scribe) -> Section:
    """Return what `tierwise monitor` watches, against what, and beyond which thresholds somebody looks."""
    blocks: list[Block] = [scribe.paragraph(words.MONITORING_NOTE)]
    if scribe.sheet.policy.outcome_months is None:
        blocks.append(scribe.paragraph(words.MONITORING_NO_WINDOW))
    blocks.append(_reference(scribe))
    columns = (
        scribe.column(words.WATCHED, room=2),
        scribe.column(words.MEASURED_BY, room=4),
        scribe.column(words.THRESHOLD, Style.NUMBER),
        scribe.column(words.WHEN, room=2),
    )
    rows = []
    for name, low, high, matured in _PLAN:
        bounds = tuple(_bound(scribe, setting) for setting in (low, high))
        what, how = words.PLAN[name]
        when = words.ONCE_MATURED if matured else words.EACH_PERIOD
        rows.append(scribe.row(what, how, scribe.range(*bounds), when))
    blocks.append(Table(columns, tuple(rows)))
    return Section("monitoring", scribe.word(words.MONITORING), tuple(blocks))


def _bound(scribe: Scribe, setting: str | None) -> Spans:
    if setting is None:
        return ()
    found = scribe.reader.limit(setting.removeprefix("-"))
    return scribe.short(negative(found) if setting[0] == "-" else found)


def _reference(scribe: Scribe) -> Block:
    """Return what later customers are compared with."""
    kept = scribe.reader.recorded.documents.get(REFERENCE)
    if kept is None:
        return scribe.warning(words.NO_REFERENCE)
    customers, first, last = (
        scribe.reader.at(REFERENCE, name) for name in ("customers", "first_as_of", "last_as_of")
    )
    n, sha256 = scribe.whole(customers), kept.sha256[:12]
    if first is None or last is None:
        return scribe.paragraph(words.REFERENCE_UNDATED, n=n, sha256=sha256)
    return scribe.paragraph(
        words.REFERENCE_RECORDED, n=n, first=scribe.text(first), last=scribe.text(last), sha256=sha256
    )


def sign_offs(scribe: Scribe, signed: Sequence[SignOff], texts: bool = True) -> Section:
    """Return who decided what of this version and when, and lines to sign on for whoever has not.

    Without `texts` what they wrote is left out, and that it is.
    """
    blocks: list[Block] = []
    if signed:
        columns = tuple(map(scribe.column, (words.ROLE, words.NAME, words.DATE, words.DECISION)))
        if texts:
            columns += tuple(scribe.column(word, room=4) for word in (words.FINDINGS, words.CONDITIONS))
        rows = tuple(_signed(scribe, one, texts) for one in sorted(signed, key=lambda one: one.at))
        blocks.append(Table(columns, rows))
        if not texts:
            blocks.append(scribe.paragraph(words.TEXTS_LEFT_OUT))
        if all(one.void or one.decision in _ENDS for one in signed):
            blocks.append(scribe.paragraph(words.NONE_COUNTS))
    else:
        blocks.append(scribe.paragraph(words.UNSIGNED))
    heads = (words.ROLE, words.NAME, words.DATE, words.DECISION, words.SIGNATURE)
    blocks.append(Lines(tuple(map(scribe.word, heads)), tuple(map(scribe.word, words.TO_SIGN))))
    return Section("sign-offs", scribe.word(words.SIGN_OFFS), tuple(blocks))


def _signed(scribe: Scribe, one: SignOff, texts: bool) -> Row:
    decision = _known(scribe, words.DECISIONS, one.decision)
    if one.void and one.outcome is not None:
        decision = scribe.word(words.CASE_ENDED[one.outcome]).format(decision=decision)
    below = scribe.word(words.COMMA).join(_beneath(scribe, one))
    style = Style.QUIET if one.void else _STYLES.get(one.decision, Style.QUIET)
    return scribe.row(
        _known(scribe, words.ROLES, one.role),
        one.name,
        f"{one.at:%Y-%m-%d %H:%M}",
        Cell((Span(decision),), style, below=(Span(below),) if below else ()),
        *((" · ".join(one.findings), " · ".join(one.conditions)) if texts else ()),
    )


def _beneath(scribe: Scribe, one: SignOff) -> Iterator[str]:
    """Yield what is said beneath a decision: what the model was to be, and what came of it."""
    if one.alias:
        yield _known(scribe, words.TO_BE, one.alias)
    if one.void:
        yield scribe.word(words.VOID)
    if one.undecided:
        yield scribe.word(words.UNDECIDED)
    if one.decision in words.ROLLBACKS:
        other = one.other or scribe.word(words.NO_MODEL)
        yield scribe.word(words.ROLLBACKS[one.decision]).format(other=other)
        if one.outcome in words.ROLLBACK_STANDS:
            yield scribe.word(words.ROLLBACK_STANDS[one.outcome])


def _known(scribe: Scribe, texts: Mapping[str, Text], word: str) -> str:
    """Return a word of the store in words; a company's own as it is."""
    return scribe.word(texts[word]) if word in texts else word
