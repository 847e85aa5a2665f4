"""The card's first sections: at a glance, purpose, data, indicators."""

from collections.abc import Sequence

from features.catalog import Placed
from features.terms import RATED_TIERS, Nature, Text
from training.card import words
from training.card.blocks import Block, Cell, Row, Section, Span, Spans, Style, Table
from training.card.figures import Figure, count, ratio, share
from training.card.recorded import BATTERY, CATALOG, POINTS, POLICY, REASONS
from training.card.scribe import Scribe
from training.parts import RunKind


def at_a_glance(scribe: Scribe) -> Section:
    """Return what a reader wants to know first."""
    recorded = scribe.reader.recorded
    policy = scribe.sheet.policy
    aliases = [
        scribe.word(words.STATES[alias]) if alias in words.STATES else alias for alias in recorded.aliases
    ]
    forward, apart, folds = (
        f"{kind.split_name}/model/auc" for kind in (RunKind.YEAR, RunKind.VALIDATION, RunKind.FOLD)
    )
    rows: list[tuple[Text | str, Spans | Cell]] = [
        (words.OUTCOME, (Span(scribe.word(policy.outcome)),)),
        (words.WINDOW, _window(scribe)),
        (words.STATUS, (Span(scribe.listed(aliases) if aliases else scribe.word(words.NO_ALIAS)),)),
        (words.TRAINED_ON, _trained_on(scribe)),
        (words.DAYS, (Span(scribe.word(words.NO_DAYS)),) if scribe.without_days else ()),
        (words.AUC_FORWARD, _with_interval(scribe, forward)),
        (words.AUC_APART, _with_interval(scribe, apart)),
        (words.AUC_HELD_OUT, _with_interval(scribe, folds)),
        (words.BATTERY, battery_in_short(scribe)),
        (words.REASONS, reasons_in_short(scribe)),
        (words.REGISTERED, (Span(f"{recorded.registered_at:%Y-%m-%d %H:%M} UTC"),)),
        (words.RUN, Cell((Span(recorded.run_id),), Style.CODE)),
    ]  # fmt: skip
    return Section("glance", scribe.word(words.AT_A_GLANCE), (scribe.listing(rows),))


def _window(scribe: Scribe) -> Spans:
    """Return within what time the outcome happens, or that nobody has declared it."""
    months = scribe.whole(scribe.reader.at(POLICY, "outcome_months"))
    return scribe.sentence(words.MONTHS, n=months) if months else (Span(scribe.word(words.NO_WINDOW)),)


def _with_interval(scribe: Scribe, metric: str) -> Spans:
    """Return a metric with its interval, where the run has one."""
    found = scribe.number(scribe.reader.metric(metric))
    low, high = (scribe.number(scribe.reader.metric(f"{metric}_95_{end}")) for end in ("low", "high"))
    if found and low and high:
        return scribe.sentence(words.WITH_INTERVAL, value=found, low=low, high=high)
    return found


def battery_in_short(scribe: Scribe) -> Spans:
    """Return the battery's verdict with how its checks ended, or that none is recorded."""
    reader = scribe.reader
    verdict = reader.at(BATTERY, "verdict")
    if verdict is None:
        return (Span(scribe.word(words.NOT_RECORDED)),)
    ended = {name: scribe.whole(reader.at(BATTERY, "counts", name)) for name in words.VERDICTS}
    return scribe.sentence(
        words.BATTERY_COUNTS,
        verdict=scribe.verdict(verdict).spans,
        passed=ended["passed"],
        failed=ended["failed"],
        unsure=ended["not_enough_data"],
    )


def reasons_in_short(scribe: Scribe) -> Spans:
    """Return the verdict of the review of reasons, or that none is recorded."""
    kept = scribe.reader.recorded.documents.get(REASONS)
    if kept is None:
        return (Span(scribe.word(words.NOT_RECORDED)),)
    known = words.VERDICTS.get(kept.verdict or "")
    return (Span(kept.verdict or "" if known is None else scribe.word(known)),)


def purpose(scribe: Scribe) -> Section:
    """Return what the model and its tiers are for, and what not."""
    catalog, policy, natures = scribe.sheet.catalog, scribe.sheet.policy, scribe.sheet.model.natures
    months = scribe.whole(scribe.reader.at(POLICY, "outcome_months"))
    within = scribe.paragraph(words.WITHIN, months=months)
    outcome, portfolio = scribe.word(policy.outcome), scribe.word(catalog.names)
    blocks: list[Block] = [
        scribe.paragraph(words.ESTIMATES, portfolio=portfolio, outcome=outcome),
        within if months else scribe.paragraph(words.WITHIN_UNDECLARED),
        scribe.paragraph(words.SERVES, natures=scribe.listed(map(scribe.nature, natures))),
    ]
    by_nature = isinstance(policy.model_weight, dict)
    for together in [[nature] for nature in natures] if by_nature else [natures]:
        weight = _of_nature(scribe, together[0], POLICY, "model_weight")
        blocks.append(
            scribe.paragraph(
                words.BLENDS,
                nature=scribe.listed(map(scribe.nature, together)),
                model=scribe.percent(weight, 0),
                policy=scribe.word(policy.names),
                version=scribe.whole(scribe.reader.need(POLICY, "version")),
            )
        )
    others = [nature for nature in catalog.natures if nature not in natures]
    items: list[Spans] = [(Span(scribe.word(item)),) for item in words.NOT_FOR_ITEMS]
    if others:
        names = scribe.listed(map(scribe.nature, others))
        items.append(scribe.sentence(words.NOT_FOR_NATURES, natures=names))
    blocks += [_tiers(scribe), scribe.title(words.NOT_FOR), scribe.bullets(items)]
    return Section("purpose", scribe.word(words.PURPOSE), tuple(blocks))


def data(scribe: Scribe) -> Section:
    """Return what the model was trained on."""
    reader, sheet, undated = scribe.reader, scribe.sheet, scribe.without_days
    day, calibrated = (
        (words.TRAINING_DAY, words.CALIBRATED_ON_ALL)
        if undated
        else (words.TRAINING_DATE, words.CALIBRATED_ON)
    )
    rows: list[tuple[Text | str, Spans | Cell]] = [
        (scribe.word(words.CUSTOMERS), scribe.whole(_trained(scribe, "customers"))),
        (scribe.word(words.WITH_OUTCOME), _bad_of(scribe)),
        (scribe.word(words.FIRST_DAY), scribe.text(_trained(scribe, "first_as_of"))),
        (scribe.word(words.LAST_DAY), scribe.text(_trained(scribe, "last_as_of"))),
        (day, scribe.text(reader.parameter("training_date"))),
        (calibrated, scribe.whole(_trained(scribe, "calibrated_on_customers"))),
        (scribe.word(words.NATURES), (Span(scribe.listed(map(scribe.nature, sheet.model.natures))),)),
    ]
    catalog, policy = (
        (scribe.word(words.CATALOG_HASH), sheet.catalog.catalog, sheet.catalog.version),
        (scribe.word(words.POLICY_HASH), sheet.policy.policy, sheet.policy.version),
    )
    for name, found in (
        (scribe.word(words.DATA_HASH), reader.parameter("data_hash")),
        (catalog[0].format(name=catalog[1], version=catalog[2]), reader.parameter("catalog_hash")),
        (policy[0].format(name=policy[1], version=policy[2]), reader.parameter("policy_hash")),
        (scribe.word(words.CONTENT_HASH), reader.at(POINTS, "sha256")),
    ):
        if found is not None:
            rows.append((name, Cell(scribe.text(found), Style.CODE)))
    notes = (scribe.paragraph(words.DATA_NOTE_UNDATED if undated else words.DATA_NOTE), _together(scribe))
    return Section("data", scribe.word(words.DATA), (*notes, scribe.listing(rows)))


def _together(scribe: Scribe) -> Block:
    """Return what was held out together; an earlier model does not say how many groups there were."""
    groups, customers = _trained(scribe, "groups"), _trained(scribe, "customers")
    if groups is None or customers is None:
        return scribe.paragraph(words.GROUPS_TOGETHER)
    if groups.number == customers.number:
        return scribe.paragraph(words.NO_GROUPS)
    return scribe.paragraph(words.GROUPS_COUNTED, n=scribe.whole(groups))


def indicators(scribe: Scribe) -> Section:
    """Return every indicator as it is declared, with its weight and its part in the model."""
    catalog = scribe.sheet.catalog
    natures = [nature for nature in catalog.natures if catalog.weights(nature)]
    columns = (
        scribe.column(words.INDICATOR, room=6),
        scribe.column(words.VALUED, room=3),
        scribe.column(words.RISK, room=3),
        *(
            scribe.column(scribe.word(words.WEIGHT).format(nature=scribe.nature(n)), Style.NUMBER, room=3)
            for n in natures
        ),
        scribe.column(words.DELIVERED_BY, room=3),
        scribe.column(words.IN_MODEL, room=3),
    )
    rows: list[Row] = []
    declared: list[Figure] = []
    for number, dimension in enumerate(catalog.dimensions):
        for within, group in enumerate(dimension.groups):
            rows.append(scribe.row(f"{scribe.word(dimension.names)} · {scribe.word(group.names)}"))
            for place, indicator in enumerate(group.indicators):
                steps = ("dimensions", number, "groups", within, "indicators", place)
                declared.append(scribe.reader.need(CATALOG, *steps, "id"))
                rows.append(_indicator(scribe, catalog.by_id[indicator.id], natures, steps))
    note = scribe.paragraph(
        words.INDICATORS_NOTE,
        n=scribe.whole(count(declared)),
        method=scribe.word(words.METHODS[catalog.weighting.method]),
    )
    return Section("indicators", scribe.word(words.INDICATORS), (note, Table(columns, tuple(rows))))


def _trained(scribe: Scribe, name: str) -> Figure | None:
    return scribe.reader.at(POINTS, "content", "training", name)


def _trained_on(scribe: Scribe) -> Spans:
    customers, bad = scribe.whole(_trained(scribe, "customers")), _bad_of(scribe)
    return scribe.sentence(words.TRAINED, n=customers, bad=bad) if bad else customers


def _bad_of(scribe: Scribe) -> Spans:
    """Return how many customers trained on had the outcome, and their share."""
    customers, bad = _trained(scribe, "customers"), _trained(scribe, "bad")
    if customers is None or bad is None:
        return ()
    return scribe.sentence(words.BAD_OF, bad=scribe.whole(bad), rate=scribe.percent(ratio(bad, customers)))


def _of_nature(scribe: Scribe, nature: Nature, document: str, *steps: str | int) -> Figure | None:
    """Return what is declared for one nature, or for all."""
    reader = scribe.reader
    found = reader.document(document)
    for step in steps:
        found = found[step]
    return reader.at(document, *steps, nature) if isinstance(found, dict) else reader.at(document, *steps)


def _tiers(scribe: Scribe) -> Table:
    columns = (
        scribe.column(words.TIER),
        *scribe.numbers(words.CUT_OFF, words.PROBABILITY_THERE),
        scribe.column(words.STRATEGIES, room=4),
    )
    rows = []
    for tier in RATED_TIERS:
        rule = scribe.sheet.policy.tiers[tier]
        strategies = scribe.word(words.SEMICOLON).join(map(scribe.word, rule.strategies))
        cut_off, probability = (
            scribe.reader.at(POLICY, "tiers", tier, of) for of in ("cut_off", "probability")
        )
        rows.append(scribe.row(rule.names, scribe.short(cut_off), scribe.percent(probability), strategies))
    return Table(columns, tuple(rows), scribe.word(words.TIERS))


def _indicator(
    scribe: Scribe, placed: Placed, natures: Sequence[Nature], steps: tuple[str | int, ...]
) -> Row:
    """Return an indicator's row; `steps` lead to it in the catalog."""
    indicator, catalog = placed.indicator, scribe.sheet.catalog
    weights = []
    for nature in natures:
        levels = [(*steps[:2], "weight"), (*steps[:4], "weight"), (*steps, "weight")]
        weighted = placed.id in catalog.weights(nature)
        found = [_of_nature(scribe, nature, CATALOG, *level) for level in levels] if weighted else []
        known = [weight for weight in found if weight is not None]
        weights.append(scribe.percent(share(*known)) if known else ())
    return scribe.row(
        Cell(
            (Span(scribe.word(indicator.names)),),
            below=(Span(f"{indicator.id} · {scribe.word(words.KINDS[indicator.kind])}"),),
        ),
        words.BETTERS[indicator.better],
        "" if indicator.protected or (indicator.risk_direction == 0 and indicator.levels)
        else words.DIRECTIONS[indicator.risk_direction],
        *weights,
        Cell(
            (Span(scribe.word(catalog.departments[indicator.source.department])),),
            below=(Span(scribe.word(words.CONFIDENTIALITIES[indicator.confidentiality])),),
        ),
        _in_model(scribe, placed),
    )  # fmt: skip


def _in_model(scribe: Scribe, placed: Placed) -> Text:
    """Return whether the model has a table of an indicator."""
    model = scribe.sheet.model
    if placed.indicator.protected:
        return words.PROTECTED
    if placed.id not in model.tables.features:
        return words.NOT_MODELLED
    used = {model.tables.features[axis.feature] for axis in model.tables.axes}
    return words.USED if placed.id in used else words.WITHOUT_TABLE
