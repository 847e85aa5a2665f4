"""Which customer carries on another's records after a merger, and which belong to one group (集團客戶)."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.sources.layout import Layout
from features.sources.opening import TableError
from features.sources.record_table import Column, ColumnType
from features.sources.reference_columns import CUSTOMER_ID, KNOWN_AT, VALID_FROM, VALID_TO

SUCCESSIONS = Layout(
    name="successions",
    columns={
        "from_customer": Column(type=ColumnType.KEY, aliases=("原客戶", "原客户")),
        "to_customer": Column(type=ColumnType.KEY, aliases=("承繼客戶", "承继客户")),
        "on": Column(type=ColumnType.DATE, aliases=("合併日", "合并日")),
        "known_at": KNOWN_AT,
    },
    needed=frozenset({"from_customer", "to_customer", "on"}),
    filled=frozenset({"from_customer", "to_customer", "on"}),
)

GROUPS = Layout(
    name="groups",
    columns={
        "customer_id": CUSTOMER_ID,
        "group_id": Column(type=ColumnType.KEY, aliases=("集團", "集团", "集團編號", "集团编号")),
        "valid_from": VALID_FROM,
        "valid_to": VALID_TO,
    },
    needed=frozenset({"customer_id", "group_id"}),
    filled=frozenset({"customer_id", "group_id"}),
    span=("valid_from", "valid_to"),
)

_COLUMNS = ("from_customer", "to_customer", "on", "known_at")


@dataclass(frozen=True)
class _Merger:
    to: str
    on: object
    known_at: object
    place: str
    row: int


def write_successions(accepted: Path, output: Path) -> None:
    """Write the mergers of an accepted table; the same merger given twice counts as known at its earliest.

    A merger without a day of becoming known is known on its day.

    Raises:
        TableError: a customer has two successors, or mergers lead in a circle.
    """
    mergers: dict[str, _Merger] = {}
    for number, line in enumerate(pq.read_table(accepted).to_pylist()):
        place = f"row {line['_file_row']} of {line['source']}"
        merger = _Merger(line["to_customer"], line["on"], line["known_at"] or line["on"], place, number)
        known = mergers.setdefault(line["from_customer"], merger)
        if (known.to, known.on) != (merger.to, merger.on):
            raise TableError(
                f"successions: {known.place} and {merger.place} give one customer two successors or days; "
                "keep one (a split is a key that changes hands in the crosswalk)"
            )
        mergers[line["from_customer"]] = min(known, merger, key=lambda one: one.known_at)  # type: ignore[arg-type,return-value]
    _refuse_circles(mergers)
    rows = [(customer, m.to, m.on, m.known_at) for customer, m in sorted(mergers.items())]
    types = (pa.string(), pa.string(), pa.date32(), pa.date32())
    arrays = [pa.array([row[i] for row in rows], type=type_) for i, type_ in enumerate(types)]
    pq.write_table(pa.table(arrays, names=list(_COLUMNS)), output)


def write_groups(accepted: Path, output: Path) -> None:
    """Write which customer belongs to which group from when to when, sorted, each membership once."""
    names = list(GROUPS.columns)
    table = pq.read_table(accepted, columns=names)
    table = table.group_by(names).aggregate([]).select(names)
    pq.write_table(table.sort_by([(name, "ascending") for name in names]), output)


def _refuse_circles(mergers: dict[str, _Merger]) -> None:
    ends: set[str] = set()  # customers from whom no circle is reached
    for start in mergers:
        path: dict[str, None] = {}
        customer = start
        while customer in mergers and customer not in ends:
            if customer in path:
                names = list(path)
                circle = [mergers[name] for name in names[names.index(customer) :]]
                last = max(circle, key=lambda merger: merger.row)
                raise TableError(
                    f"successions: {last.place} closes a circle of mergers; drop the one that is wrong"
                )
            path[customer] = None
            customer = mergers[customer].to
        ends |= path.keys()
