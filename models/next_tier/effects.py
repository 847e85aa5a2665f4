"""What moves add to the model's log-odds, of single indicators and of those that act together."""

from collections.abc import Mapping, Sequence

import numpy as np

from features.portfolio import Floats
from models.next_tier.options import Options
from models.next_tier.programme import Joint
from models.points import PointsTables


class Effects:
    """A model's tables, in calibrated log-odds."""

    def __init__(self, tables: PointsTables, slope: float, columns: Mapping[str, int]) -> None:
        """Add up each table's contributions.

        Args:
            tables: of the model.
            slope: of its calibration.
            columns: of the catalog's indicators.
        """
        self._columns = [columns[feature] for feature in tables.features]
        self._tables = [(table.axes, slope * table.contributions.sum(axis=0)) for table in tables.tables]

    def of(self, options: Sequence[Options], values: Floats) -> tuple[list[Floats], list[Joint]]:
        """Return what options add against staying, singly and jointly.

        Args:
            options: of different indicators.
            values: of the customer, over the catalog's indicators; shape (k,).
        """
        place = {option.column: i for i, option in enumerate(options)}
        alone = [np.zeros(len(option.values)) for option in options]
        joint: dict[tuple[int, ...], Floats] = {}
        for axes, added in self._tables:
            columns = [self._columns[axis.feature] for axis in axes]
            moving = [column for column in columns if column in place]
            if not moving:
                continue
            cells = [
                axis.cell(options[place[column]].values if column in place else values[column : column + 1])
                for axis, column in zip(axes, columns, strict=True)
            ]
            # A feature that does not move has one cell. Axes are in the catalog's order, as options are.
            part = added[np.ix_(*cells)].reshape([len(options[place[column]].values) for column in moving])
            part = part - part.flat[0]
            if len(moving) == 1:
                alone[place[moving[0]]] += part
            else:
                variables = tuple(place[column] for column in moving)
                joint[variables] = joint.get(variables, 0.0) + part
        return alone, [Joint(variables, effect) for variables, effect in joint.items()]
