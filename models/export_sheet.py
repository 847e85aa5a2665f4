"""What an exported document holds, whatever its format: shapes, grids, base, calibration, scale and hashes.

All contributions are in calibrated log-odds, as the engine explains a customer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np

from features.catalog import Catalog, Dimension, Group
from features.portfolio import Floats
from models.artefact import ArtefactError, Model
from models.export_ranges import Ranges, expanded, ranges_of
from models.points import PointsTables
from models.policy import Policy


class Part(StrEnum):
    """The two parts of a model."""

    PRIOR = "prior"
    CORRECTION = "correction"


@dataclass(frozen=True, eq=False)
class Shape:
    """What one indicator contributes by itself, by its ranges: shape (number of ranges,) each."""

    ranges: Ranges
    prior: Floats
    correction: Floats

    @cached_property
    def total(self) -> Floats:
        """Prior and correction summed."""
        return self.prior + self.correction

    def runs(self) -> list[tuple[int, int]]:
        """Return first and last range of each run of equal ones; levels and missing values stand alone."""
        return _runs(np.stack([self.prior, self.correction]), self.ranges)


@dataclass(frozen=True, eq=False)
class Grid:
    """What two or three indicators contribute together: `contributions` has shape (indicators, *ranges)."""

    part: Part
    ranges: tuple[Ranges, ...]
    contributions: Floats

    @cached_property
    def total(self) -> Floats:
        """The contributions to all indicators summed, shape (*ranges)."""
        total: Floats = self.contributions.sum(axis=0)
        return total

    def runs(self, axis: int) -> list[tuple[int, int]]:
        """Return first and last range of each run of equal ones on one axis."""
        along = np.moveaxis(self.contributions, axis + 1, -1)
        return _runs(along.reshape(-1, along.shape[-1]), self.ranges[axis])


@dataclass(frozen=True, eq=False)
class Sheet:
    """A model with the catalog and the policy that it belongs to, ready to be written down."""

    model: Model
    catalog: Catalog
    policy: Policy
    version: str | None = None

    def __post_init__(self) -> None:
        """Refuse what does not belong together.

        Raises:
            ArtefactError: the model was trained with another catalog, or for another policy.
        """
        self.model.check_against(self.catalog)
        if self.policy.hash != self.model.policy_hash:
            raise ArtefactError(f"the model was trained for another version of policy {self.policy.policy}")

    @cached_property
    def base_points(self) -> float:
        """The points of the base, which a customer has of whom every contribution is 0."""
        return float(self.model.scale.to_points(np.array([self.model.base_log_odds]))[0])

    @cached_property
    def points_at_base(self) -> float:
        """The points that one unit of log-odds is worth at the base."""
        return float(self.model.scale.slope(np.array([self.model.base_log_odds]))[0])

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """One shape for each feature that has a table of its own, in the catalog's order."""
        found = []
        for feature, name in enumerate(self.model.tables.features):
            tables = [table for table in self.model.tables.of_order(1) if table.features == (feature,)]
            if tables:
                ranges = ranges_of(name, [table.axes[0] for table in tables], self.catalog)
                parts = (self.model.prior, self.model.correction)
                found.append(Shape(ranges, *(self._summed(part, feature, ranges) for part in parts)))
        return tuple(sorted(found, key=lambda shape: self.catalog.columns[shape.ranges.id]))

    @cached_property
    def grids(self) -> tuple[Grid, ...]:
        """The tables of two and three indicators, as the model has them."""
        features, slope = self.model.tables.features, self.model.calibration.slope
        grids = []
        for order in (2, 3):
            for part, tables in ((Part.PRIOR, self.model.prior), (Part.CORRECTION, self.model.correction)):
                for table in tables.of_order(order):
                    ranges = tuple(ranges_of(features[a.feature], [a], self.catalog) for a in table.axes)
                    grids.append(Grid(part, ranges, expanded(table, ranges) * slope))
        return tuple(grids)

    @cached_property
    def silent(self) -> tuple[str, ...]:
        """The features that no table is of, in the catalog's order."""
        used = {self.model.tables.features[axis.feature] for axis in self.model.tables.axes}
        return tuple(p.id for p in self.catalog.placed if p.id in set(self.model.tables.features) - used)

    def by_place(self) -> Iterator[tuple[Dimension, Group, list[Shape]]]:
        """Yield the shapes by dimension and group."""
        for dimension in self.catalog.dimensions:
            for group in dimension.groups:
                shapes = [shape for shape in self.shapes if shape.ranges.placed.group is group]
                if shapes:
                    yield dimension, group, shapes

    def grids_of(self, id_: str) -> list[int]:
        """Return the positions of the grids that an indicator is part of."""
        return [n for n, grid in enumerate(self.grids) if id_ in {ranges.id for ranges in grid.ranges}]

    def _summed(self, part: PointsTables, feature: int, ranges: Ranges) -> Floats:
        total = np.zeros(len(ranges))
        for table in part.of_order(1):
            if table.features == (feature,):
                total = total + expanded(table, (ranges,))[0]
        return total * self.model.calibration.slope


def _runs(columns: Floats, ranges: Ranges) -> list[tuple[int, int]]:
    """Return the runs of equal columns, of shape (values, ranges)."""
    starts = [0]
    for place in range(1, len(ranges)):
        alone = ranges.levels is not None or place == ranges.missing
        if alone or not np.array_equal(columns[:, place], columns[:, place - 1]):
            starts.append(place)
    return list(zip(starts, [*(start - 1 for start in starts[1:]), ranges.missing], strict=True))
