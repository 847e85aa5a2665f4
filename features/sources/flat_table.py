"""How a flat table, one row a customer, names what is no indicator: id, day, nature, outcome."""

from features.sources.record_table import DateOrder
from features.terms import Declared


class FlatTable(Declared):
    """Headers of a flat table.

    Without `customer_id` rows go by their number, without `as_of` by the day they are read, without `nature`
    all are of the catalog's only one. `bad` are the cells of the outcome that mean the adverse one. With
    `decimal_comma` 1,5 is one and a half, and 1.234 more than a thousand.
    """

    customer_id: str | None = None
    as_of: str | None = None
    date_order: DateOrder | None = None
    nature: str | None = None
    outcome: str | None = None
    bad: tuple[str, ...] = ()
    decimal_comma: bool = False
