"""SQL of what is read from single records: arguments and conditions, as columns beside the records."""

from collections.abc import Mapping

from features.expressions import sql
from features.expressions.layers import Layers
from features.expressions.syntax import AsOf, Call, Column, Expression

AS_OF = "as_of"


class RecordValues:
    """Columns over a relation of one table's records; a missing value is NULL, whatever the reason.

    `cells` says under which name the relation has each declared column; it has the as-of day as `as_of`.
    """

    def __init__(self, cells: Mapping[str, str], prefix: str) -> None:
        self._cells = cells
        self._layers = Layers(prefix)
        self._known: dict[Expression, tuple[str, int]] = {}

    def value(self, expression: Expression) -> str:
        """Return the SQL of a value: a column of `over`, or a literal."""
        return self._value(expression)[0]

    def condition(self, conditions: list[str]) -> str | None:
        """Return the column that says whether all the conditions are met (never NULL); None without any."""
        if not conditions:
            return None
        met = f"coalesce({' AND '.join(conditions)}, FALSE)"
        return self._layers.add(met, 1 + max((level for _, level in self._known.values()), default=0))

    def over(self, relation: str) -> str:
        """Return the relation with the columns of every value and condition asked for, in brackets."""
        return self._layers.over(relation)

    def _value(self, expression: Expression) -> tuple[str, int]:
        found = self._known.get(expression)
        if found is None:
            found = self._known[expression] = self._computed(expression)
        return found

    def _computed(self, expression: Expression) -> tuple[str, int]:
        match expression:
            case Column():
                return self._cells[expression.name], 0
            case AsOf():
                return AS_OF, 0
            case Call(function, arguments):
                values = [self._value(argument) for argument in arguments]
                level = 1 + max(level for _, level in values)
                return self._layers.add(sql.function(function, [value for value, _ in values]), level), level
            case _:
                written = sql.literal(expression)
                assert written is not None  # the parser lets nothing else into a condition on records
                return written, 0
