"""What reviewers of a version were told: the battery's checks, fairness, explanations, limits."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from features.terms import Text
from training.card import words
from training.card.blocks import Block, Row, Section, Span, Spans, Table, plain
from training.card.figures import Figure, count, passed
from training.card.quantities import quantity
from training.card.recorded import BATTERY, REASONS
from training.card.scribe import Scribe

# Of a larger family, those that passed are one line.
_SHOWN_SINGLY = 4
_FAIRNESS = ("fairness.",)
_OTHER_CUSTOMERS = "scope.other_customers"


@dataclass(frozen=True)
class _Result:
    """A result of the battery: its place, id, and the family and the subject that its name tells apart."""

    place: int
    id: str
    family: str
    subject: str
    verdict: str

    @property
    def kind(self) -> str:
        """The check without what it is about."""
        return ".".join(self.id.split(".")[:2])


class Review:
    """The battery's document, if one is recorded, in one language."""

    def __init__(self, scribe: Scribe) -> None:
        self._scribe, self._reader = scribe, scribe.reader

    @property
    def recorded(self) -> bool:
        """Whether there is one."""
        return self._reader.document(BATTERY) is not None

    @cached_property
    def _results(self) -> list[_Result]:
        found = []
        for place, result in enumerate((self._reader.document(BATTERY) or {"results": []})["results"]):
            name = self._scribe.word(Text.model_validate(result["name"]))
            family, _, subject = name.partition(": " if ": " in name else "：")
            found.append(_Result(place, result["id"], family, subject, result["verdict"]))
        return found

    @property
    def of_other_model(self) -> bool:
        """Whether the battery judged another model than this version's, such as one trained earlier."""
        if not self.recorded:
            return False
        judged = self._reader.document(BATTERY)["subject"]["model_sha256"]
        return bool(judged != hashlib.sha256(self._scribe.sheet.model.to_bytes()).hexdigest())

    @property
    def of_training_customers(self) -> bool:
        """Whether the battery found that it judged on the very customers trained on."""
        return any(of.id == _OTHER_CUSTOMERS and of.verdict == "failed" for of in self._results)

    def introduction(self) -> list[Block]:
        """Return on whom the battery judged, and what; or that there is none."""
        scribe = self._scribe
        if not self.recorded:
            return [scribe.warning(words.NO_BATTERY)]
        n, bad, reference = (
            scribe.whole(self._subject(name)) for name in ("customers", "bad", "reference_customers")
        )
        first, last = (scribe.text(self._subject(name)) for name in ("first_as_of", "last_as_of"))
        said: list[Block] = [
            scribe.paragraph(words.JUDGED, n=n, bad=bad, first=first, last=last, reference=reference)
            if first and last
            else scribe.paragraph(words.JUDGED_UNDATED, n=n, bad=bad, reference=reference)
        ]
        if self.of_training_customers:
            said.append(scribe.warning(words.JUDGED_ON_TRAINING))
        if self.of_other_model:
            version = scribe.text(self._subject("model_version")) or (Span("—"),)
            said.append(scribe.warning(words.OTHER_MODEL, version=version))
        return said

    def section_blocks(self, *prefixes: str) -> list[Block]:
        """Return the results whose ids begin so, as a table; nothing where there are none."""
        rows = list(self._rows(self._of(prefixes)))
        return [self._table(rows, self._scribe.word(words.OF_BATTERY))] if rows else []

    def every(self) -> list[Block]:
        """Return every result, as a table."""
        rows = [self._row(result) for result in self._results]
        return [self._table(rows)] if rows else []

    def parts(self, id_: str, caption: Text | None = None) -> list[Block]:
        """Return the figures beneath one result, such as each group's, as a table."""
        scribe = self._scribe
        for result in self._results:
            of = self._reader.document(BATTERY)["results"][result.place]["parts"]
            if result.id != id_ or not of:
                continue
            columns = (
                scribe.column(words.GROUP, room=2),
                *scribe.numbers(words.FIGURE, words.INTERVAL, words.CUSTOMERS),
            )
            rows = [
                scribe.row(
                    Text.model_validate(part["name"]),
                    scribe.number(self._at(result, "parts", place, "value")),
                    self._range(result, "parts", place, "interval"),
                    scribe.whole(self._at(result, "parts", place, "n")),
                )
                for place, part in enumerate(of)
            ]
            named = scribe.word(caption) if caption else self._name(result)
            return [Table(columns, tuple(rows), named)]
        return []

    def ended(self, verdict: str) -> list[Spans]:
        """Return the checks that ended in one way, those of a family together, each with figure or reason."""
        scribe, said = self._scribe, []
        for family in self._families(self._results):
            those = [result for result in family if result.verdict == verdict]
            if not those:
                continue
            tolerated = [self._range(result, "threshold") for result in those]
            # What is tolerated of all alike is said once, behind the last.
            alike = len({plain(one) for one in tolerated}) == 1
            spans: list[Span] = [Span(those[0].family + scribe.word(words.COLON))]
            for number, result in enumerate(those):
                spans += [Span(scribe.word(words.SEMICOLON))] if number else []
                spans += [Span(f"{result.subject} ")] if result.subject else []
                last = number == len(those) - 1
                spans += self._why(result, () if alike and not last else tolerated[number])
            said.append(tuple(spans))
        return said

    def _why(self, result: _Result, tolerated: Spans) -> Spans:
        """Return a result's value and what is tolerated, else why there is none."""
        value = self._at(result, "value")
        if value is None:
            return self._reason(result)
        shown = self._scribe.number(value)
        if not tolerated:
            return shown
        return self._scribe.sentence(words.BESIDE_TOLERATED, value=shown, tolerated=tolerated)

    def _subject(self, name: str) -> Figure | None:
        return self._reader.at(BATTERY, "subject", name)

    def _of(self, prefixes: Sequence[str]) -> list[_Result]:
        return [result for result in self._results if result.id.startswith(tuple(prefixes))]

    @staticmethod
    def _families(results: Sequence[_Result]) -> list[list[_Result]]:
        families: dict[str, list[_Result]] = {}
        for result in results:
            families.setdefault(result.kind, []).append(result)
        return list(families.values())

    def _rows(self, results: Sequence[_Result]) -> Iterator[Row]:
        for family in self._families(results):
            good = [result for result in family if result.verdict == "passed"]
            together = good if len(family) > _SHOWN_SINGLY and len(good) > 1 else []
            for result in family:
                if result not in together:
                    yield self._row(result)
            if together:
                yield self._together(family, together)

    def _row(self, result: _Result) -> Row:
        scribe = self._scribe
        return scribe.row(
            self._name(result),
            scribe.number(self._at(result, "value")),
            self._range(result, "interval"),
            self._range(result, "threshold"),
            scribe.whole(self._at(result, "n")),
            scribe.verdict(self._at(result, "verdict"), reason=self._reason(result)),
        )

    def _together(self, family: list[_Result], good: list[_Result]) -> Row:
        """Return the line of those of a family that passed, with the range of their values."""
        scribe = self._scribe
        verdicts = [figure for result in family if (figure := self._at(result, "verdict")) is not None]
        values = [figure for result in good if (figure := self._at(result, "value")) is not None]
        low, high = (pick(values, key=lambda figure: figure.number) for pick in (min, max))
        name = scribe.sentence(
            words.OF_FAMILY,
            name=good[0].family,
            passed=scribe.whole(passed(verdicts)),
            count=scribe.whole(count(verdicts)),
        )
        shown = scribe.range(scribe.number(low), scribe.number(high))
        return scribe.row(name, shown, "", "", "", scribe.verdict(self._at(good[0], "verdict")))

    def _table(self, rows: Sequence[Row], caption: str = "") -> Table:
        scribe = self._scribe
        columns = (
            scribe.column(words.CHECK, room=3),
            *scribe.numbers(words.VALUE, words.INTERVAL, words.TOLERATED, words.CUSTOMERS),
            scribe.column(words.VERDICT),
        )
        return Table(columns, tuple(rows), caption)

    def _at(self, result: _Result, *steps: str | int) -> Figure | None:
        return self._reader.at(BATTERY, "results", result.place, *steps)

    def _range(self, result: _Result, *steps: str | int) -> Spans:
        scribe = self._scribe
        low, high = (scribe.number(self._at(result, *steps, end)) for end in ("low", "high"))
        return scribe.range(low, high)

    def _reason(self, result: _Result) -> Spans:
        reason = self._reader.document(BATTERY)["results"][result.place]["reason"]
        return (Span(self._scribe.word(Text.model_validate(reason))),) if reason else ()

    def _name(self, result: _Result) -> str:
        return self._scribe.word(words.COLON).join(part for part in (result.family, result.subject) if part)


def stability(scribe: Scribe, review: Review) -> Section:
    """Return stability, robustness and sensitivity, as the battery found them."""
    found = review.section_blocks("stability.", "robustness.", "sensitivity.", "scope.")
    return Section("stability", scribe.word(words.STABILITY), tuple(found or review.introduction()))


def fairness(scribe: Scribe, review: Review) -> Section:
    """Return fairness by the declared protected attributes, or that none is declared."""
    protected = [placed.indicator for placed in scribe.sheet.catalog.placed if placed.indicator.protected]
    if not protected:
        return Section("fairness", scribe.word(words.FAIRNESS), (scribe.paragraph(words.NONE_PROTECTED),))
    limits, policy = scribe.reader.favourable(), scribe.sheet.policy
    blocks: list[Block] = [
        scribe.paragraph(
            words.PROTECTED_ARE,
            names=scribe.listed(scribe.word(indicator.names) for indicator in protected),
            tiers=scribe.listed(scribe.word(policy.tiers[tier].names) for tier in limits),
        )
    ]
    blocks += review.section_blocks(*_FAIRNESS) or review.introduction()
    for indicator in protected:
        for check in ("parity", "odds"):
            blocks += review.parts(f"fairness.{check}.{indicator.id}")
    return Section("fairness", scribe.word(words.FAIRNESS), tuple(blocks))


def explanations(scribe: Scribe) -> Section:
    """Return how the explanations were checked before registration, and what the review of reasons found."""
    reader = scribe.reader
    blocks: list[Block] = []
    rows, difference = (reader.metric(f"explanations/{name}") for name in ("rows", "largest_difference"))
    if rows is not None and difference is not None:
        blocks.append(
            scribe.paragraph(words.EXPLAINED, rows=scribe.whole(rows), difference=scribe.small(difference))
        )
    if reader.document(REASONS) is None:
        blocks.append(scribe.warning(words.NO_REASONS))
    else:
        of = {name: scribe.whole(reader.at(REASONS, "subject", name)) for name in ("customers", "variants")}
        verdict = scribe.verdict(reader.at(REASONS, "verdict")).spans
        blocks.append(scribe.paragraph(words.REASONS_FOUND, verdict=verdict, **of))
        blocks += _recomputed(scribe)
    return Section("explanations", scribe.word(words.EXPLANATIONS), tuple(blocks))


def _recomputed(scribe: Scribe) -> list[Block]:
    """Return what was recomputed of served answers, a line for each quantity."""
    at = scribe.reader.at
    rows = []
    for place, finding in enumerate(scribe.reader.document(REASONS).get("findings", ())):
        rows.append(
            scribe.row(
                quantity(finding["id"], finding["name"]),
                scribe.whole(at(REASONS, "findings", place, "rows")),
                scribe.whole(at(REASONS, "findings", place, "values")),
                scribe.small(at(REASONS, "findings", place, "largest_difference")),
                scribe.verdict(at(REASONS, "findings", place, "verdict")),
            )
        )
    columns = (
        scribe.column(words.QUANTITY, room=1),
        *scribe.numbers(words.ROWS, words.VALUES, words.LARGEST_DIFFERENCE),
        scribe.column(words.VERDICT),
    )
    return [Table(columns, tuple(rows))] if rows else []


def _differing(scribe: Scribe) -> list[Spans]:
    """Return the quantities of served answers that came out otherwise, with how many answers differ."""
    found = []
    for place, finding in enumerate((scribe.reader.document(REASONS) or {}).get("findings", ())):
        if finding["verdict"] == "failed":
            differing = scribe.whole(scribe.reader.at(REASONS, "findings", place, "differing"))
            name = scribe.word(quantity(finding["id"], finding["name"]))
            found.append(scribe.sentence(words.DIFFERING, name=name, n=differing))
    return found


def limits(scribe: Scribe, review: Review) -> Section:
    """Return what failed, what could not be answered, and what nobody judged."""
    catalog, natures = scribe.sheet.catalog, scribe.sheet.model.natures
    blocks: list[Block] = []
    for title, verdict in ((words.FAILED, "failed"), (words.UNSURE, "not_enough_data")):
        items = review.ended(verdict) + (_differing(scribe) if verdict == "failed" else [])
        if items:
            blocks += [scribe.title(title), scribe.bullets(items)]
        elif verdict == "failed" and review.recorded:
            blocks.append(scribe.paragraph(words.NO_FAILED))
    unknown: list[Spans | Text] = []
    if not review.recorded:
        unknown.append(words.NO_BATTERY)
    elif review.of_other_model:
        unknown.append(scribe.sentence(words.LIMIT_OTHER_MODEL))
    if review.of_training_customers:
        unknown.append(words.JUDGED_ON_TRAINING)
    if scribe.without_days:
        unknown.append(words.LIMIT_NO_DAYS)
    if scribe.sheet.policy.outcome_months is None:
        unknown.append(words.LIMIT_NO_WINDOW)
    if REASONS not in scribe.reader.recorded.documents:
        unknown.append(words.NO_REASONS)
    if not scribe.reader.years("walk_forward_by_year/model/n"):
        unknown.append(words.LIMIT_UNKNOWN_BY_YEAR)
    others = [nature for nature in catalog.natures if nature not in natures]
    if others:
        names = scribe.listed(map(scribe.nature, others))
        unknown.append(scribe.sentence(words.LIMIT_NATURES, natures=names))
    if not any(placed.indicator.protected for placed in catalog.placed):
        unknown.append(words.NONE_PROTECTED)
    blocks += [scribe.title(words.NOT_JUDGED), scribe.bullets([*unknown, *words.LIMIT_ITEMS])]
    return Section("limits", scribe.word(words.LIMITS), tuple(blocks))
