"""SQL of whole expressions: of every part its value, whether it is undefined, and its evidence.

A part is missing either for want of a record, which then is the reason of the whole, or as undefined. The
evidence of a whole is the oldest of the parts that it used.
"""

from collections.abc import Mapping

from features.expressions import sql
from features.expressions.layers import Layers
from features.expressions.summaries import Cell
from features.expressions.syntax import Aggregate, AsOf, Call, Expression, Function, IndicatorValue

NO_EVIDENCE = "NULL::BIGINT"


class Cells:
    """Columns over a relation of customers on days.

    Args:
        aggregates: the columns of the relation that hold each aggregate.
        declared: by indicator, the column that says whether it is declared for the customer's nature.
    """

    def __init__(self, aggregates: Mapping[Aggregate, Cell], declared: Mapping[str, str]) -> None:
        self._layers = Layers("e")
        self._declared = declared
        self._known: dict[Expression, tuple[Cell, int]] = {
            part: (cell, 0) for part, cell in aggregates.items()
        }

    def indicator(self, id_: str, expression: Expression) -> Cell:
        """Return the cell of an indicator: missing without reason where it is not declared.

        Indicators are asked for in the order in which they read each other.
        """
        cell, level = self._cell(expression)
        declared = self._declared[id_]
        own = Cell(
            self._layers.add(f"CASE WHEN {declared} THEN {cell.value} END", level + 1),
            self._layers.add(f"({declared} AND {cell.undefined})", level + 1),
            self._layers.add(f"CASE WHEN {declared} THEN {cell.evidence} END", level + 1),
        )
        self._known[IndicatorValue(id_)] = (own, level + 1)
        return own

    def over(self, relation: str) -> str:
        """Return the relation with the columns of every indicator asked for, in brackets."""
        return self._layers.over(relation)

    def _cell(self, expression: Expression) -> tuple[Cell, int]:
        found = self._known.get(expression)
        if found is None:
            found = self._known[expression] = self._computed(expression)
        return found

    def _computed(self, expression: Expression) -> tuple[Cell, int]:
        if isinstance(expression, AsOf):
            return Cell("as_of", "FALSE", NO_EVIDENCE), 0
        if isinstance(expression, Call):
            return self._call(expression)
        written = sql.literal(expression)
        assert written is not None  # aggregates and indicators are there before they are read
        return Cell(written, "FALSE", NO_EVIDENCE), 0

    def _call(self, call: Call) -> tuple[Cell, int]:
        found = [self._cell(argument) for argument in call.arguments]
        parts, level = [cell for cell, _ in found], max(level for _, level in found) + 1
        value = self._layers.add(sql.function(call.function, [part.value for part in parts]), level)
        match call.function:
            case Function.CASE:
                undefined, evidence = self._of_case(value, parts, level)
            case Function.OR_ELSE:
                undefined, evidence = _of_or_else(*parts)
            case Function.KNOWN:
                undefined, evidence = "FALSE", f"CASE WHEN {value} THEN {parts[0].evidence} END"
            case Function.AND | Function.OR:
                undefined, evidence = _of_junction(value, parts)
            case _:
                undefined, evidence = _of_all(value, parts)
        cell = Cell(value, self._layers.add(undefined, level + 1), self._layers.add(evidence, level + 1))
        return cell, level + 1

    def _of_case(self, value: str, parts: list[Cell], level: int) -> tuple[str, str]:
        *branches, otherwise = parts
        conditions, values = branches[::2], branches[1::2]
        met = [condition.value for condition in conditions]
        places = [str(place) for place in range(len(met))]
        # Conditions after the first that is met are not looked at.
        first = self._layers.add(sql.case(met, places, str(len(met))), level)
        used = [
            f"CASE WHEN {first} >= {place} AND {condition.value} IS NOT NULL THEN {condition.evidence} END"
            for place, condition in enumerate(conditions)
        ]
        undefined = sql.case(met, [part.undefined for part in values], otherwise.undefined)
        chosen = sql.case(met, [part.evidence for part in values], otherwise.evidence)
        there = f"({value} IS NOT NULL OR ({undefined}))"
        return undefined, f"CASE WHEN {there} THEN {_oldest([*used, chosen])} END"


def _no_record(part: Cell) -> str:
    return f"({part.value} IS NULL AND NOT {part.undefined})"


def _oldest(parts: list[str]) -> str:
    return f"least({', '.join(parts)})"


def _of_all(value: str, parts: list[Cell]) -> tuple[str, str]:
    no_record = f"({' OR '.join(_no_record(part) for part in parts)})"
    evidence = f"CASE WHEN NOT {no_record} THEN {_oldest([part.evidence for part in parts])} END"
    return f"({value} IS NULL AND NOT {no_record})", evidence


def _of_junction(value: str, parts: list[Cell]) -> tuple[str, str]:
    undefined, evidence = _of_all(value, parts)
    known = _oldest([f"CASE WHEN {part.value} IS NOT NULL THEN {part.evidence} END" for part in parts])
    return undefined, f"CASE WHEN {value} IS NOT NULL THEN {known} ELSE {evidence} END"


def _of_or_else(first: Cell, second: Cell) -> tuple[str, str]:
    evidence = f"CASE WHEN {first.value} IS NOT NULL THEN {first.evidence} ELSE {second.evidence} END"
    return f"({first.value} IS NULL AND {second.undefined})", evidence
