"""The quality report as one HTML page that refers to nothing outside itself, for screen, phone and print."""

from collections.abc import Iterator
from html import escape

from features import quality_words as words
from features.quality_figures import Counts, IndicatorQuality, Means, Quality, TableQuality, share
from features.quality_html import (
    NOTHING,
    STYLE,
    Cell,
    Row,
    Word,
    bar,
    brief,
    count,
    days,
    histogram,
    known_bar,
    named,
    percent,
    shade,
    table,
)
from features.sources.rejects import WHOLE_ROW


def to_html(quality: Quality) -> str:
    """Return the page."""
    return _Page(quality).document()


class _Page:
    """Writes one page."""

    def __init__(self, quality: Quality) -> None:
        self._quality, self._catalog = quality, quality.catalog

    def document(self) -> str:
        sections = [
            self._header(),
            self._cards(),
            self._comprehensiveness(),
            self._worst(),
            self._by_nature(),
        ]
        sections += [self._natures(), self._departments()]
        if self._quality.tables is not None:
            sections += [self._tables(self._quality.tables), _failures(self._quality.tables)]
        sections.append(_meanings())
        content = "\n".join(sections)
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "style-src 'unsafe-inline'\"/>\n"
            f"<title>{escape(words.TITLE.en)} · {escape(self._catalog.names.en)}</title>\n"
            f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
        )

    def _header(self) -> str:
        quality, catalog = self._quality, self._catalog
        day = "no day" if quality.last is None else f"as of {quality.last}"
        if quality.first != quality.last:
            day = f"as of days from {quality.first} to {quality.last}"
        absent = f", {quality.built.absent:,} asked for but not there" if quality.built.absent else ""
        return (
            f"<header>\n<h1>{words.TITLE.html}</h1>\n"
            f'<p class="about">{named(catalog.names)}, version {catalog.version} · {day} · '
            f"{quality.customers:,} customers{absent} · {len(quality.indicators):,} indicators</p>\n</header>"
        )

    def _cards(self) -> str:
        quality = self._quality
        whole, means = quality.comprehensiveness, quality.means.weighted
        cards = [
            (percent(whole.mean), words.COMPREHENSIVE, "mean over all customers"),
            (percent(whole.below_half), words.BELOW_HALF, "share of the customers"),
            (percent(means.completeness), words.COMPLETE, "of what applies, by weight"),
            (percent(means.stale_share), words.STALE, "of what is known, by weight"),
        ]
        if quality.tables is not None:
            read, rejected, unmatched, conflicts = (
                sum(getattr(each, what) for each in quality.tables)
                for what in ("read", "rejected", "unmatched", "conflicts")
            )
            cards += [
                (percent(share(rejected, read)), words.REJECTED, f"{rejected:,} of {read:,} rows"),
                (count(unmatched), words.UNMATCHED, "rows of no known customer"),
                (count(conflicts), words.CONFLICTS, "records in which sources differ"),
            ]
            natures = quality.natures_in_conflict
            cards.append((count(natures), words.SEVERAL_NATURES, "customers listed with more than one"))
        items = "\n".join(
            f"<li><b>{value}</b><span>{word.html}</span><small>{escape(about)}</small></li>"
            for value, word, about in cards
        )
        return f'<ul class="cards">\n{items}\n</ul>'

    def _comprehensiveness(self) -> str:
        whole = self._quality.comprehensiveness
        deciles = " · ".join(f"<b>{percent(decile)}</b>" for decile in whole.deciles) or NOTHING
        return (
            f"<section>\n<h2>{words.COMPREHENSIVE.html}</h2>\n"
            f"<p>{escape(words.ABOUT_COMPREHENSIVENESS)}</p>\n"
            f"{histogram(whole.bins, 'customers by comprehensiveness')}\n"
            f'<p class="about">Deciles <span lang="zh-Hant">十分位</span>: {deciles}</p>\n</section>'
        )

    def _worst(self) -> str:
        head = (
            words.INDICATOR,
            words.KNOWN,
            words.COMPLETE,
            words.STALE,
            words.AGE,
            words.VALID,
            words.CONFLICTS,
            words.WEIGHT,
        )
        return (
            f"<section>\n<h2>{words.WORST_FIRST.html}</h2>\n{_legend(words.LEGEND)}\n"
            f"{table(head, map(self._indicator, self._quality.indicators), left=(1,))}\n</section>"
        )

    def _indicator(self, indicator: IndicatorQuality) -> Row:
        placed, counts = indicator.placed, indicator.counts
        places = f"{brief(self._catalog.departments[indicator.department])} · {brief(placed.group.names)}"
        remarks = []
        if placed.indicator.value is None:
            remarks.append("has no expression in the catalog")
        if counts.impossible:
            remarks.append(f"{counts.impossible:,} impossible values: the evaluation refuses such a customer")
        warning = "".join(f'<small class="warning">{remark}</small>' for remark in remarks)
        return Row(
            f"{named(placed.indicator.names)}<small>{places}</small>{warning}",
            (
                Cell(f"{known_bar(counts)}<small>applies to {counts.applying:,}</small>", "wide"),
                Cell(percent(counts.completeness)),
                Cell(percent(counts.stale_share)),
                Cell(days(counts.median_age_days)),
                Cell(percent(indicator.validity)),
                Cell(count(indicator.conflicts)),
                Cell(percent(indicator.weight) if indicator.weight else NOTHING),
            ),
        )

    def _by_nature(self) -> str:
        natures = [
            Word(words.NATURES[nature].en, words.NATURES[nature].zh_hant) for nature in self._catalog.natures
        ]
        return (
            f"<section>\n<h2>{words.BY_NATURE.html}</h2>\n"
            f"<p>{escape(words.ABOUT_BY_NATURE)}</p>\n"
            f"{table((words.INDICATOR, *natures), self._rows_by_nature())}\n</section>"
        )

    def _rows_by_nature(self) -> Iterator[Row]:
        by_id = {indicator.id: indicator for indicator in self._quality.indicators}
        for dimension in self._catalog.dimensions:
            yield Row(named(dimension.names))
            for group in dimension.groups:
                for declared in group.indicators:
                    parts = {part.nature: part.counts for part in by_id[declared.id].by_nature}
                    cells = tuple(_heat(parts.get(nature)) for nature in self._catalog.natures)
                    yield Row(named(declared.names), cells)

    def _natures(self) -> str:
        head = (words.NATURE, words.CUSTOMERS, words.COMPREHENSIVE, words.COMPLETE, words.STALE, words.VALID)
        rows = (
            Row(
                named(words.NATURES[each.nature]),
                (Cell(count(each.customers)), Cell(percent(each.comprehensiveness)), *_means(each.means)),
            )
            for each in self._quality.natures
        )
        return (
            f"<section>\n<h2>{words.NATURES_TITLE.html}</h2>\n"
            f"<p>{escape(words.ABOUT_NATURES)}</p>\n"
            f"{table(head, rows)}\n</section>"
        )

    def _departments(self) -> str:
        head = [
            words.DEPARTMENT,
            words.INDICATORS,
            words.COMPLETE,
            words.STALE,
            words.VALID,
            words.RESTS,
            words.RENEW,
        ]
        rows = (
            Row(
                named(self._catalog.departments[each.department]),
                (
                    Cell(count(each.indicators)),
                    *_means(each.means),
                    Cell(count(each.rests)),
                    Cell(percent(share(each.rests_stale, each.rests))),
                ),
            )
            for each in self._quality.departments
        )
        return (
            f"<section>\n<h2>{words.DEPARTMENTS.html}</h2>\n"
            f"<p>{escape(words.ABOUT_DEPARTMENTS)}</p>\n"
            f"{table(head, rows)}\n</section>"
        )

    def _tables(self, tables: tuple[TableQuality, ...]) -> str:
        head = (
            words.TABLE,
            words.ROWS,
            words.READ,
            words.ACCEPTED,
            words.REJECTED,
            words.UNMATCHED,
            words.REPEATED,
            words.CONFLICTS,
        )
        return (
            f"<section>\n<h2>{words.TABLES.html}</h2>\n{_legend(words.LEGEND_OF_ROWS)}\n"
            f"{table(head, map(self._table, tables), left=(1,))}\n</section>"
        )

    def _table(self, each: TableQuality) -> Row:
        names = named(self._catalog.tables[each.name].names)
        undelivered = "" if each.delivered else '<small class="warning">nobody delivers it</small>'
        matched = each.accepted - each.unmatched
        parts = (("fresh", matched), ("stale", each.unmatched), ("bad", each.rejected))
        label = f"of {each.read:,}: {each.rejected:,} rejected, {each.unmatched:,} unmatched"
        numbers = (each.read, each.accepted, each.rejected, each.unmatched, each.repeated, each.conflicts)
        return Row(
            f"{names}<small>{brief(self._catalog.departments[each.department])}</small>{undelivered}",
            (Cell(bar(parts, label), "wide"), *(Cell(count(number)) for number in numbers)),
        )


def _failures(tables: tuple[TableQuality, ...]) -> str:
    """Return the columns that failed, the most rows first."""
    failed = [(each.name, failure) for each in tables for failure in each.failures]
    failed.sort(key=lambda pair: (-pair[1].rows, pair[0], pair[1]))
    rows = [
        Row(
            f"{escape(name)}{': ' if failure.column == WHOLE_ROW else '.'}{escape(failure.column)}",
            (Cell(escape(failure.reason), "text"), Cell(count(failure.rows))),
        )
        for name, failure in failed
    ]
    heading = f"<h2>{words.WHY_REJECTED.html}</h2>"
    if not rows:
        return f"<section>\n{heading}\n<p>No row was.</p>\n</section>"
    head = (words.COLUMN, words.REASON, words.FAILED)
    return f"<section>\n{heading}\n{table(head, rows, left=(1,))}\n</section>"


def _meanings() -> str:
    entries = "\n".join(f"<dt>{word.html}</dt><dd>{escape(meaning)}</dd>" for word, meaning in words.MEANINGS)
    return f"<section>\n<h2>{words.MEANINGS_TITLE.html}</h2>\n<dl>\n{entries}\n</dl>\n</section>"


def _legend(entries: tuple[tuple[str, Word], ...]) -> str:
    items = "".join(f'<li><i class="{style}"></i>{word.html}</li>' for style, word in entries)
    return f'<ul class="legend">{items}</ul>'


def _heat(counts: Counts | None) -> Cell:
    if counts is None:
        return Cell(NOTHING, "heat")
    missing = None if counts.completeness is None else 1.0 - counts.completeness
    return Cell(
        f"{percent(counts.completeness)}<small>{percent(counts.stale_share)}</small>", "heat", shade(missing)
    )


def _means(means: Means) -> tuple[Cell, ...]:
    """Return the weighted means, each with the unweighted one below it."""
    pairs = (
        (means.weighted.completeness, means.plain.completeness),
        (means.weighted.stale_share, means.plain.stale_share),
        (means.weighted.validity, means.plain.validity),
    )
    return tuple(Cell(f"{percent(weighted)}<small>{percent(plain)}</small>") for weighted, plain in pairs)
