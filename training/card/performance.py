"""The card's sections on figures of the run: how the model was chosen, performance by year, calibration."""

from features.terms import Text, Tier
from training.card import words
from training.card.blocks import Block, Plot, Row, Section, Span, Spans, Table
from training.card.figures import ratio
from training.card.plots import Series, years_svg
from training.card.recorded import POINTS
from training.card.reviewed import Review
from training.card.scribe import Scribe
from training.parts import WALK_FORWARD_TIERS, RunKind

_ALL, _APART, _FOLDS = (kind.split_name for kind in (RunKind.YEAR, RunKind.VALIDATION, RunKind.FOLD))
_BY_YEAR = f"{_ALL}_by_year"
_TRAINING = ("content", "training")
_LOSS, _PRICE = "held_out_log_loss/", "price_of_transparency"
_SETTINGS = (
    ("order", words.ORDER), ("splits", words.SPLITS), ("with_prior", words.PRIOR), ("rounds", words.ROUNDS),
    ("bags", words.BAGS), ("pairs", words.PAIRS), ("triples", words.TRIPLES), ("folds", words.FOLDS),
    ("folds_forward_in_time", words.FORWARD),
)  # fmt: skip


def choice(scribe: Scribe) -> Section:
    """Return how the structure was chosen, among what, and the price of transparency."""
    reader = scribe.reader
    facts = reader.document(POINTS)["content"]["training"]
    settings = [(name, _setting(scribe, id_)) for id_, name in _SETTINGS]
    blocks: list[Block] = [scribe.paragraph(words.CHOICE_NOTE)]
    if any(value for _, value in settings):
        blocks.append(scribe.listing(settings))
    losses = sorted((fact for fact in facts if fact.startswith(_LOSS)), key=lambda fact: facts[fact])
    if losses:
        rows = [
            scribe.row(_alternative(scribe, fact), scribe.number(reader.at(POINTS, *_TRAINING, fact), 5))
            for fact in losses
        ]
        columns = (scribe.column(words.ALTERNATIVE, room=1), *scribe.numbers(words.HELD_OUT_LOSS))
        blocks.append(Table(columns, tuple(rows)))
    costs = {name: _cost(scribe, name) for name in ("auc", "log_loss")}
    blocks.append(
        scribe.paragraph(words.PRICE, **costs) if all(costs.values()) else scribe.paragraph(words.NO_PRICE)
    )
    return Section("choice", scribe.word(words.CHOICE), tuple(blocks))


def _setting(scribe: Scribe, id_: str) -> Spans:
    """Return a fact of the training, in words where it has some."""
    found = scribe.reader.at(POINTS, *_TRAINING, id_)
    named = None if found is None else words.STYLES.get(str(found.value))
    return scribe.text(found) if named is None else (Span(scribe.word(named), found),)


def _alternative(scribe: Scribe, fact: str) -> str:
    """Return what an alternative is called, such as `order 2/best splits/no prior`, in words."""
    order, *parts = fact.removeprefix(_LOSS).split("/")
    named = [scribe.word(words.OF_ORDER).format(order=order.removeprefix("order "))]
    named += [scribe.word(words.STYLES[part]) if part in words.STYLES else part for part in parts]
    return scribe.listed(named)


def _cost(scribe: Scribe, name: str) -> Spans:
    fact = f"{_PRICE}/{name}"
    cost, low, high = (
        scribe.number(scribe.reader.at(POINTS, *_TRAINING, of), sign=True)
        for of in (fact, f"{fact}/95_low", f"{fact}/95_high")
    )
    if not (cost and low and high):
        return cost
    return scribe.sentence(words.WITH_INTERVAL, value=cost, low=low, high=high)


def performance(scribe: Scribe, review: Review) -> Section:
    """Return figures by year with intervals, beside those of other methods, and what the battery found."""
    reader = scribe.reader
    years = reader.years(f"{_BY_YEAR}/model/n")
    blocks: list[Block] = [scribe.paragraph(words.FORWARD_NOTE if years else words.NO_FORWARD)]
    head = (
        scribe.column(words.YEAR), *scribe.numbers(words.CUSTOMERS, words.BAD, words.AUC, words.INTERVAL,
        words.KS, words.LOG_LOSS, words.INTERVAL),
    )  # fmt: skip
    rows = [_figures(scribe, str(year), f"{_BY_YEAR}/model", year) for year in years]
    rows += [_figures(scribe, scribe.word(words.ALL_YEARS), f"{_ALL}/model")] if years else []
    rows += [_figures(scribe, scribe.word(words.APART), f"{_APART}/model")]
    rows += [_figures(scribe, scribe.word(words.HELD_OUT), f"{_FOLDS}/model")]
    blocks.append(Table(head, tuple(row for row in rows if len(row.cells) > 1 and row.cells[1].spans)))
    if years:
        blocks.append(scribe.title(words.AUC_BY_YEAR))
        blocks.append(_plot(scribe, years, words.AUC_BY_YEAR, [("auc", words.SCORERS["model"], "total")]))
        blocks.append(_beside_others(scribe, years))
    blocks += review.introduction()
    blocks += review.section_blocks("discrimination.", "monotonicity.", "benchmark.", "segments.auc.")
    blocks += review.parts("segments.auc.year", words.BY_YEAR_OF_BATTERY)
    return Section("performance", scribe.word(words.PERFORMANCE), tuple(blocks))


def _figures(scribe: Scribe, name: str, of: str, year: int | None = None) -> Row:
    """Return one line of figures."""
    metric = scribe.reader.metric

    def interval(figure: str) -> Spans:
        low, high = (scribe.number(metric(f"{of}/{figure}_95_{end}", year)) for end in ("low", "high"))
        return scribe.range(low, high) if low and high else ()

    return scribe.row(
        name,
        scribe.whole(metric(f"{of}/n", year)),
        scribe.whole(metric(f"{of}/bad", year)),
        scribe.number(metric(f"{of}/auc", year)),
        interval("auc"),
        scribe.number(metric(f"{of}/ks", year)),
        scribe.number(metric(f"{of}/log_loss", year)),
        interval("log_loss"),
    )


def _beside_others(scribe: Scribe, years: list[int]) -> Table:
    """Return the AUC of every scorer by year, and over all years."""
    metric = scribe.reader.metric
    scorers = [name for name in words.SCORERS if metric(f"{_ALL}/{name}/auc") is not None]
    columns = (
        scribe.column(words.YEAR), *scribe.numbers(*(words.SCORERS[name] for name in scorers)),
    )  # fmt: skip
    rows = [
        scribe.row(str(year), *(scribe.number(metric(f"{_BY_YEAR}/{of}/auc", year)) for of in scorers))
        for year in years
    ]
    rows.append(scribe.row(words.ALL_YEARS, *(scribe.number(metric(f"{_ALL}/{of}/auc")) for of in scorers)))
    return Table(columns, tuple(rows), scribe.word(words.BESIDE_OTHERS))


def calibration(scribe: Scribe, review: Review) -> Section:
    """Return predicted and observed bad rates by year and tier, and what the battery found."""
    reader = scribe.reader
    years = reader.years(f"{_BY_YEAR}/model/n")
    columns = (
        scribe.column(words.YEAR),
        *scribe.numbers(
            words.CUSTOMERS, words.PREDICTED, words.BAD_RATE, words.INTERVAL, words.BRIER, words.ECE
        ),
    )
    rows = [_rates(scribe, str(year), f"{_BY_YEAR}/model", year) for year in years]
    rows += [_rates(scribe, scribe.word(words.ALL_YEARS), f"{_ALL}/model")] if years else []
    rows += [_rates(scribe, scribe.word(words.HELD_OUT), f"{_FOLDS}/model")]
    caption = scribe.word(words.CALIBRATION_BY_YEAR) if years else ""
    blocks: list[Block] = [Table(columns, tuple(row for row in rows if row.cells[1].spans), caption)]
    if years:
        shown = [("bad_rate", words.OBSERVED, "total"), ("predicted", words.PREDICTED, "prior")]
        blocks.append(_plot(scribe, years, words.CALIBRATION_BY_YEAR, shown))
    blocks += _room_for_drift(scribe)
    tiers = _tiers(scribe)
    blocks += [tiers] if tiers.rows else []
    blocks += review.section_blocks("calibration.", "segments.level.")
    return Section("calibration", scribe.word(words.CALIBRATION), tuple(blocks))


def _room_for_drift(scribe: Scribe) -> list[Block]:
    """Return that probabilities lie above what was seen last, where the level is given room to drift."""
    room, rate = (
        scribe.reader.at(POINTS, "content", "training", name)
        for name in ("room_for_drift", "calibrated_on_bad_rate")
    )
    if room is None or rate is None or not room.number:
        return []
    return [scribe.paragraph(words.ROOM_FOR_DRIFT, room=scribe.number(room, 2), rate=scribe.percent(rate))]


def _rates(scribe: Scribe, name: str, of: str, year: int | None = None) -> Row:
    metric = scribe.reader.metric
    low, high = (scribe.percent(metric(f"{of}/bad_rate_95_{end}", year)) for end in ("low", "high"))
    return scribe.row(
        name,
        scribe.whole(metric(f"{of}/n", year)),
        scribe.percent(metric(f"{of}/predicted", year)),
        scribe.percent(metric(f"{of}/bad_rate", year)),
        scribe.range(low, high) if low and high else (),
        scribe.number(metric(f"{of}/brier", year)),
        scribe.number(metric(f"{of}/ece", year)),
    )


def _tiers(scribe: Scribe) -> Table:
    """Return share, predicted and observed bad rate of the tiers, over all years."""
    metric, policy = scribe.reader.metric, scribe.sheet.policy
    whole = metric(f"{_ALL}/model/n")
    columns = (
        scribe.column(words.TIER),
        *scribe.numbers(words.CUSTOMERS, words.SHARE, words.PREDICTED, words.BAD_RATE, words.INTERVAL),
    )
    rows = []
    for tier in Tier:
        of = f"{WALK_FORWARD_TIERS}/{tier}"
        n = metric(f"{of}/n")
        if n is None or whole is None:
            continue
        low, high = (scribe.percent(metric(f"{of}/bad_rate_95_{end}")) for end in ("low", "high"))
        rows.append(
            scribe.row(
                policy.tiers[tier].names if tier in policy.tiers else words.UNRATED,
                scribe.whole(n),
                scribe.percent(ratio(n, whole)),
                scribe.percent(metric(f"{of}/predicted")),
                scribe.percent(metric(f"{of}/bad_rate")),
                scribe.range(low, high),
            )
        )
    return Table(columns, tuple(rows), scribe.word(words.TIERS_OBSERVED))


def _plot(scribe: Scribe, years: list[int], title: Text, shown: list[tuple[str, Text, str]]) -> Plot:
    """Return figures of the model by year as a plot; percentages where they are rates."""
    metric = scribe.reader.metric

    def values(figure: str) -> list[float | None]:
        found = (metric(f"{_BY_YEAR}/model/{figure}", year) for year in years)
        return [None if one is None else one.number for one in found]

    series = [
        Series(scribe.word(name), style, values(id_), values(f"{id_}_95_low"), values(f"{id_}_95_high"))
        for id_, name, style in shown
    ]
    rates = shown[0][0] == "bad_rate"
    written = scribe.word(title)
    svg = years_svg(years, series, written, percent=rates)
    return Plot(svg, written)
