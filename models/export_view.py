"""What Markdown and HTML both show of a sheet, as texts in one language."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from features.catalog import Kind
from features.terms import RATED_TIERS, Language, Text
from models import export_words as words
from models.export_ranges import Ranges
from models.export_sheet import Grid, Part, Shape, Sheet
from models.export_words import range_label, signed


@dataclass(frozen=True)
class Listing:
    """A small table: its head, and rows of as many texts."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ShapeRow:
    """One range, or several equal ones, of an indicator."""

    label: str
    prior: float
    correction: float
    total: float
    points: float

    @property
    def shown(self) -> tuple[str, ...]:
        """The numbers as texts."""
        return signed(self.prior), signed(self.correction), signed(self.total), signed(self.points, 2)


@dataclass(frozen=True)
class GridCell:
    """What two or three indicators contribute in one combination, summed and to each."""

    total: float
    parts: tuple[float, ...]


@dataclass(frozen=True)
class Slice:
    """A grid of two indicators: rows by the one, columns by the other; of a triple, where the first is so."""

    where: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[GridCell, ...], ...]


class View:
    """The texts of a sheet in one language."""

    def __init__(self, sheet: Sheet, language: Language) -> None:
        self.sheet, self.language = sheet, language

    def word(self, text: Text) -> str:
        """Return a text in the document's language."""
        return text.in_language(self.language)

    @property
    def title(self) -> str:
        """The document's title."""
        return self.word(words.TITLE).format(model=self.sheet.version or self.word(words.MODEL))

    @property
    def introduction(self) -> tuple[str, ...]:
        """How to read the document, in paragraphs."""
        outcome = self.word(self.sheet.policy.outcome)
        factor = f"{self.sheet.points_at_base:.2f}".replace("-", "−")
        return tuple(
            self.word(text).replace("{outcome}", outcome).replace("{factor}", factor)
            for text in words.INTRODUCTION
        )

    @property
    def facts(self) -> tuple[str, str]:
        """Base and calibration in a sentence each."""
        model = self.sheet.model
        base = self.word(words.BASE_LINE).format(
            log_odds=signed(model.base_log_odds),
            probability=f"{expit(model.base_log_odds):.2%}",
            points=f"{self.sheet.base_points:.2f}",
        )
        calibration = self.word(words.CALIBRATION_LINE).format(
            intercept=signed(model.calibration.intercept), slope=f"{model.calibration.slope:.4f}"
        )
        return base, calibration

    @property
    def scale(self) -> Listing:
        """The scale's anchors with the tiers that begin there."""
        scale, policy = self.sheet.model.scale, self.sheet.policy
        anchors = zip(RATED_TIERS, scale.points, scale.log_odds, strict=False)
        rows = [
            (self.word(policy.tiers[tier].names), f"{points:g}", f"{expit(z):.2%}", signed(z))
            for tier, points, z in anchors
        ]
        rows.append((self.word(policy.tiers[RATED_TIERS[-1]].names), "0", "", ""))
        head = (words.TIER, words.CUT_OFF, words.PROBABILITY, words.LOG_ODDS)
        return Listing(tuple(map(self.word, head)), tuple(rows))

    @property
    def training(self) -> Listing:
        """The facts of the training."""
        facts = sorted(self.sheet.model.training.items())
        rows = [(str(name), f"{value:,}" if type(value) is int else str(value)) for name, value in facts]
        return Listing((self.word(words.FACT), self.word(words.VALUE)), tuple(rows))

    @property
    def hashes(self) -> Listing:
        """The hashes of what the model is and belongs to."""
        sheet = self.sheet
        rows = (
            (self.word(words.ARTEFACT), sheet.model.content_hash),
            (
                f"{self.word(words.CATALOG)} {sheet.catalog.catalog} v{sheet.catalog.version}",
                sheet.catalog.hash,
            ),
            (
                f"{self.word(words.POLICY)} {sheet.policy.policy} v{sheet.policy.version}",
                sheet.model.policy_hash,
            ),
        )
        return Listing((self.word(words.FACT), "SHA-256"), rows)

    @property
    def silent(self) -> str:
        """The indicators of which the model knows but has no table."""
        names = (self.word(self.sheet.catalog.by_id[id_].indicator.names) for id_ in self.sheet.silent)
        return self.word(words.SILENT).format(names=", ".join(names))

    def name(self, ranges: Ranges) -> str:
        """Return an indicator's name."""
        return self.word(ranges.placed.indicator.names)

    def grid_name(self, grid: Grid) -> str:
        """Return the names of a grid's indicators, and of its part where that is not the usual one."""
        names = " × ".join(self.name(ranges) for ranges in grid.ranges)
        return names if grid.part is Part.CORRECTION else f"{names} ({self.word(words.PRIOR)})"

    def about(self, ranges: Ranges) -> str:
        """Return an indicator's id, unit and direction of risk."""
        indicator = ranges.placed.indicator
        said = [indicator.id]
        suffix = words.unit_suffix(self.sheet.catalog.units.get(indicator.unit or ""), self.language).strip()
        if suffix:
            said.append(self.word(words.UNIT).format(unit=suffix))
        if indicator.kind is not Kind.CATEGORY:
            direction = {1: words.RISES, -1: words.FALLS, 0: words.UNKNOWN}[indicator.risk_direction]
            said.append(self.word(direction))
        return " · ".join(said)

    def label(self, ranges: Ranges, first: int, last: int) -> str:
        """Return a run of ranges in words."""
        return range_label(ranges, first, last, self.sheet.catalog, self.language)

    def rows(self, shape: Shape) -> list[ShapeRow]:
        """Return an indicator's ranges, equal neighbours merged."""
        rows = []
        for first, last in shape.runs():
            label = self.label(shape.ranges, first, last)
            if label:
                total = float(shape.total[first])
                worth = total * self.sheet.points_at_base
                rows.append(
                    ShapeRow(label, float(shape.prior[first]), float(shape.correction[first]), total, worth)
                )
        return rows

    def slices(self, grid: Grid) -> list[Slice]:
        """Return a grid as tables of two indicators, equal neighbours merged; a triple by its first one."""
        runs = [
            [run for run in grid.runs(axis) if self.label(ranges, *run)]
            for axis, ranges in enumerate(grid.ranges)
        ]
        labels = [
            tuple(self.label(ranges, *run) for run in own)
            for ranges, own in zip(grid.ranges, runs, strict=True)
        ]
        found = []
        outer = list(zip(labels[0], runs[0], strict=True)) if len(runs) == 3 else [("", None)]
        for where, run in outer:
            before = (run[0],) if run is not None else ()
            cells = tuple(
                tuple(self._cell(grid, (*before, row[0], column[0])) for column in runs[-1])
                for row in runs[-2]
            )
            if where:
                where = self.word(words.WHERE).format(name=self.name(grid.ranges[0]), range=where)
            found.append(Slice(where, labels[-2], labels[-1], cells))
        return found

    @staticmethod
    def _cell(grid: Grid, place: tuple[int, ...]) -> GridCell:
        parts = tuple(float(each[place]) for each in grid.contributions)
        return GridCell(float(np.sum(parts)), parts)
