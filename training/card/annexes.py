"""The card's annexes: the points tables, every check of the battery, and where figures are read back from."""

import itertools
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from features.catalog import Kind
from features.terms import RATED_TIERS
from models import export_words
from models.export_html import shape_plot
from models.export_sheet import Grid, Part, Shape
from models.points import Table as PointsTable
from training.card import words
from training.card.blocks import (
    Block,
    Bullets,
    Cell,
    Column,
    Paragraph,
    Plot,
    Section,
    Span,
    Style,
    Table,
    Tone,
)
from training.card.figures import Figure, probability, product, total
from training.card.methods import method
from training.card.recorded import BATTERY, POINTS
from training.card.reviewed import Review
from training.card.scribe import Scribe

# So many cells of pairs and triples are printed in all; what does not fit is told in brief.
MOST_GRID_CELLS = 2_000


@dataclass(frozen=True, eq=False)
class _Placed:
    """A table of the model with its part and its place in it."""

    part: Part
    place: int
    table: PointsTable


class PointsAnnex:
    """Writes the points tables, each number from its places in the model's document."""

    def __init__(self, scribe: Scribe) -> None:
        self._scribe, self._sheet = scribe, scribe.sheet
        model = self._sheet.model
        self._tables = [
            _Placed(part, place, table)
            for part, tables in ((Part.PRIOR, model.prior), (Part.CORRECTION, model.correction))
            for place, table in enumerate(tables.tables)
        ]
        reader = scribe.reader
        self._slope = reader.need(POINTS, "content", "calibration", "slope")
        bases = [reader.need(POINTS, "content", part, "base") for part in Part]
        intercept = reader.need(POINTS, "content", "calibration", "intercept")
        self._base = total([intercept, product(total(bases), self._slope)])
        self._worth = reader.points_per_log_odds(self._base)
        # Of all grids, so that a colour means the same in each.
        self._largest = max((float(abs(grid.total).max()) for grid in self._sheet.grids), default=1.0) or 1.0

    def sections(self) -> Iterator[Section]:
        """Yield how to read the tables, each indicator, all pairs and triples in brief, and the widest."""
        scribe = self._scribe
        yield Section("points", scribe.word(words.POINTS), tuple(self._introduction()), annex=True)
        for _, _, shapes in self._sheet.by_place():
            for shape in shapes:
                yield self._indicator(shape)
        printed = self._printed()
        if self._sheet.grids:
            yield self._grids_in_brief(printed)
        for number in sorted(printed):
            yield self._grid(number, self._sheet.grids[number])

    def _introduction(self) -> Iterator[Block]:
        scribe, reader, policy = self._scribe, self._scribe.reader, self._sheet.policy
        for text in export_words.INTRODUCTION:
            outcome = scribe.word(policy.outcome)
            yield scribe.paragraph(text, outcome=outcome, factor=scribe.number(self._worth, 2))
        yield scribe.paragraph(
            export_words.BASE_LINE,
            log_odds=scribe.number(self._base, sign=True),
            probability=scribe.percent(probability(self._base), 2),
            points=scribe.number(reader.points(self._base), 2),
        )
        yield scribe.paragraph(
            export_words.CALIBRATION_LINE,
            intercept=scribe.number(reader.need(POINTS, "content", "calibration", "intercept"), sign=True),
            slope=scribe.number(self._slope),
        )
        columns = (
            scribe.column(export_words.TIER, room=1),
            *scribe.numbers(export_words.CUT_OFF, export_words.PROBABILITY, export_words.LOG_ODDS),
        )
        rows = []
        for place in range(len(self._sheet.model.scale.points)):
            points, log_odds = (
                reader.need(POINTS, "content", "scale", of, place) for of in ("points", "log_odds")
            )
            rows.append(
                scribe.row(
                    policy.tiers[RATED_TIERS[place]].names,
                    scribe.short(points),
                    scribe.percent(probability(log_odds), 2),
                    scribe.number(log_odds, sign=True),
                )
            )
        rows.append(scribe.row(policy.tiers[RATED_TIERS[-1]].names, "", "", ""))
        yield Table(columns, tuple(rows))
        if self._sheet.silent:
            yield Paragraph((Span(scribe.view.silent),))

    def _indicator(self, shape: Shape) -> Section:
        scribe, view, ranges = self._scribe, self._scribe.view, shape.ranges
        columns = (
            scribe.column(export_words.RANGE, room=1),
            *scribe.numbers(
                export_words.PRIOR, export_words.CORRECTION, export_words.TOTAL, export_words.POINTS
            ),
        )
        feature = self._sheet.model.tables.features.index(ranges.id)
        own = [each for each in self._tables if each.table.features == (feature,)]
        cells = [each.table.axes[0].cell(ranges.representatives) for each in own]
        rows = []
        for first, last in shape.runs():
            label = view.label(ranges, first, last)
            if not label:
                continue
            by_part: dict[Part, list[Figure]] = {part: [] for part in Part}
            for each, of in zip(own, cells, strict=True):
                by_part[each.part].append(self._contribution(each, 0, int(of[first])))
            both = [*by_part[Part.PRIOR], *by_part[Part.CORRECTION]]
            worth = product(total(both), self._slope, self._worth)
            rows.append(
                scribe.row(
                    label,
                    *(scribe.number(self._calibrated(by_part[part]), sign=True) for part in Part),
                    scribe.number(self._calibrated(both), sign=True),
                    scribe.number(worth, 2, sign=True),
                )
            )
        blocks: list[Block] = [
            Paragraph((Span(view.about(ranges)),), Tone.NOTE),
            Plot(shape_plot(view, shape), scribe.word(export_words.SHAPE).format(name=view.name(ranges))),
        ]
        if ranges.placed.indicator.kind is Kind.NUMBER:
            blocks.append(Paragraph((Span(scribe.word(export_words.EQUAL_WIDTHS)),), Tone.NOTE))
        blocks.append(Table(columns, tuple(rows)))
        return Section(f"points-{ranges.id}", view.name(ranges), tuple(blocks), level=3, annex=True)

    def _calibrated(self, contributions: Sequence[Figure]) -> Figure | None:
        return product(total(contributions), self._slope) if contributions else None

    def _contribution(self, of: _Placed, axis: int, cell: int) -> Figure:
        steps = ("content", of.part, "tables", of.place, "contributions", axis, cell)
        return self._scribe.reader.need(POINTS, *steps)

    def _printed(self) -> set[int]:
        """Return the numbers of the pairs and triples that are printed in full."""
        room, printed = MOST_GRID_CELLS, set()
        spread = [float(np.ptp(grid.total)) for grid in self._sheet.grids]
        for number in sorted(range(len(spread)), key=lambda number: -spread[number]):
            cells = math.prod(len(runs) for runs in self._runs(self._sheet.grids[number]))
            if cells <= room:
                printed.add(number)
                room -= cells
        return printed

    def _runs(self, grid: Grid) -> list[list[tuple[str, int]]]:
        """Return of each indicator of a grid its ranges: what they are called, and the place of each."""
        view = self._scribe.view
        return [
            [(label, first) for first, last in grid.runs(axis) if (label := view.label(ranges, first, last))]
            for axis, ranges in enumerate(grid.ranges)
        ]

    def _grids_in_brief(self, printed: Collection[int]) -> Section:
        """Return between which values each pair and triple lies."""
        scribe = self._scribe
        columns = (
            scribe.column(words.PAIR, room=6),
            *scribe.numbers(words.LOWEST, words.HIGHEST),
            scribe.column(words.PRINTED, room=1),
        )
        rows = []
        for number, grid in enumerate(self._sheet.grids):
            own, places, runs = self._table_of(number), self._places(number), self._runs(grid)
            among = grid.total[np.ix_(*([first for _, first in of] for of in runs))]
            ends = [
                tuple(runs[axis][place][1] for axis, place in enumerate(np.unravel_index(at, among.shape)))
                for at in (int(np.argmin(among)), int(np.argmax(among)))
            ]
            rows.append(
                scribe.row(
                    scribe.view.grid_name(grid),
                    *(scribe.number(self._parts(own, places, at)[1], 3, sign=True) for at in ends),
                    words.IN_FULL if number in printed else words.BY_EXPORT,
                )
            )
        note = scribe.paragraph(
            words.GRIDS_NOTE, printed=f"{len(printed):,}", n=f"{len(rows):,}", most=f"{MOST_GRID_CELLS:,}"
        )
        return Section("grids", scribe.word(words.GRIDS), (note, Table(columns, tuple(rows))), 3, annex=True)

    def _places(self, number: int) -> list[np.ndarray]:
        """Return of each axis of a grid the table's cells that its ranges' representatives fall into."""
        axes, ranges = self._table_of(number).table.axes, self._sheet.grids[number].ranges
        return [axis.cell(of.representatives) for axis, of in zip(axes, ranges, strict=True)]

    def _grid(self, number: int, grid: Grid) -> Section:
        scribe, view = self._scribe, self._scribe.view
        own, places, runs = self._table_of(number), self._places(number), self._runs(grid)
        names = scribe.listed(view.name(ranges) for ranges in grid.ranges)
        note = scribe.word(export_words.GRID_NOTE).format(names=names)
        blocks: list[Block] = [Paragraph((Span(note),), Tone.NOTE)]
        for outer in itertools.product(*runs[:-2]):
            where = [
                scribe.word(export_words.WHERE).format(name=view.name(grid.ranges[axis]), range=label)
                for axis, (label, _) in enumerate(outer)
            ]
            before = [first for _, first in outer]
            rows = tuple(
                scribe.row(
                    label,
                    *(self._cell(own, places, (*before, first, column)) for _, column in runs[-1]),
                )
                for label, first in runs[-2]
            )
            corner = f"{view.name(grid.ranges[-2])} \\ {view.name(grid.ranges[-1])}"
            columns = (Column(corner), *(Column(label, Style.NUMBER) for label, _ in runs[-1]))
            blocks.append(Table(columns, rows, scribe.listed(where) if where else "", heat=True))
        return Section(f"grid-{number}", view.grid_name(grid), tuple(blocks), level=3, annex=True)

    def _table_of(self, number: int) -> _Placed:
        """Return the model's table that a grid of the sheet is: the sheet has them by order, then part."""
        in_order = [
            each for order in (2, 3) for part in Part for each in self._tables
            if each.part is part and len(each.table.axes) == order
        ]  # fmt: skip
        return in_order[number]

    def _cell(self, own: _Placed, places: Sequence[np.ndarray], at: tuple[int, ...]) -> Cell:
        scribe = self._scribe
        parts, whole = self._parts(own, places, at)
        below: list[Span] = []
        for number, part in enumerate(parts):
            below += [Span(" · ")] if number else []
            below += scribe.number(product(part, self._slope), 3, sign=True)
        return Cell(
            scribe.number(whole, 3, sign=True), Style.NUMBER, tuple(below), whole.number / self._largest
        )

    def _parts(
        self, own: _Placed, places: Sequence[np.ndarray], at: tuple[int, ...]
    ) -> tuple[list[Figure], Figure]:
        """Return what each indicator adds in a cell, as the document has it, and their calibrated sum."""
        cell = tuple(int(of[place]) for of, place in zip(places, at, strict=True))
        flat = int(np.ravel_multi_index(cell, tuple(axis.cells for axis in own.table.axes)))
        parts = [self._contribution(own, axis, flat) for axis in range(len(own.table.axes))]
        return parts, product(total(parts), self._slope)


def every_check(scribe: Scribe, review: Review) -> Iterator[Section]:
    """Yield every check of the battery, and where the methods are from."""
    if not review.recorded:
        return
    results = scribe.reader.document(BATTERY)["results"]
    methods = tuple(dict.fromkeys(result["source"] for result in results))
    shown = Bullets(tuple((Span(method(source, scribe.language)),) for source in methods))
    blocks = [*review.every(), scribe.title(words.REFERENCES), shown]
    yield Section("every-check", scribe.word(words.EVERY_CHECK), tuple(blocks), annex=True)


def sources(scribe: Scribe, file: str) -> Section:
    """Return the documents with their hashes, and how a figure is read back."""
    recorded = scribe.reader.recorded
    columns = (scribe.column(words.DOCUMENT), scribe.column("SHA-256", Style.CODE, room=1))
    rows = tuple(
        scribe.row(Cell((Span(kept.path),), Style.CODE), Cell((Span(kept.sha256),), Style.CODE))
        for kept in recorded.documents.values()
    )
    run = scribe.listing([(words.RUN, Cell((Span(recorded.run_id),), Style.CODE))])
    blocks = (scribe.paragraph(words.SOURCES_NOTE, file=file), run, Table(columns, rows))
    return Section("sources", scribe.word(words.SOURCES), blocks, annex=True)
