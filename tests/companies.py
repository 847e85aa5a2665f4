"""Small random companies: staged tables with every irregularity, and random expressions over them."""

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.catalog import Catalog
from features.sources.record_table import ColumnType
from tests.interpreter import Row, Succession, Tables

FIRST = date(2023, 12, 20)
DAYS = 130
# Sums of these are exact in any order, so that values can be compared as they are.
NUMBERS = (-3.0, -1.0, -0.5, 0.0, 0.0, 0.25, 1.0, 2.0, 7.5, 1024.0, 4e23, None)
HOSTILE = ("plain", "o'clock", 'a "b"; DROP TABLE who; --', "金額 😀", "")
UNREACHABLE = 'a "column"; --'
NATURES = ("enterprise", "individual")
OWNERS = ("C-1", "C-2", "C-3", "c'4; --", "丙")
KEYS = ("steel", "tex'tile", "光電")
_ARROW = {
    ColumnType.KEY: pa.string(),
    ColumnType.TEXT: pa.string(),
    ColumnType.NUMBER: pa.float64(),
    ColumnType.FLAG: pa.bool_(),
    ColumnType.DATE: pa.date32(),
}


def names(text: str) -> dict[str, str]:
    return {"zh-Hant": text, "zh-Hans": text, "en": text}


def _cells() -> dict[str, Any]:
    return {
        "number": {"type": "number"},
        "other": {"type": "number"},
        UNREACHABLE: {"type": "number"},
        "flag": {"type": "flag"},
        "label": {"type": "text"},
        "region": {"type": "text"},
        "due": {"type": "date"},
        "slot": {"type": "text"},
        "cancelled": {"type": "flag"},
    }


def _table(**settings: Any) -> dict[str, Any]:
    key = {"no": {"type": "key"}, **settings.pop("more", {})}
    return {"names": names("table"), "key": "no", "columns": key | _cells(), **settings}


def tables() -> dict[str, Any]:
    """Return the declarations of four tables that differ in everything a table can differ in."""
    return {
        "customers": _table(
            department="sales",
            record=["slot"],
            withdrawn="cancelled",
            more={"nature": {"type": "text"}, "industry": {"type": "text"}},
        ),
        "statements": _table(department="finance", record=["slot", UNREACHABLE], complete=False),
        "orders": _table(
            department="sales", known_at="known_at", more={"known_at": {"type": "date"}}, complete=True
        ),
        "industries": _table(
            department="marketing", key_of="customers.industry", record=["slot"], withdrawn="cancelled"
        ),
    }


def catalog(
    values: dict[str, tuple[str, str]],
    declared: dict[str, Any] | None = None,
    terms: dict[str, str] | None = None,
) -> Catalog:
    """Return a catalog of indicators by id, each of a kind with an expression; some for one nature."""
    indicators: list[dict[str, Any]] = []
    for place, (id_, (kind, value)) in enumerate(values.items()):
        indicator: dict[str, Any] = {
            "id": id_,
            "names": names(id_),
            "kind": kind,
            "better": {"number": "higher", "flag": "higher", "category": "levels"}[kind],
            "source": {"department": "risk", "table": "any"},
            "confidentiality": "public",
            "value": value,
            "freshness_days": 20 if place % 3 else None,
        }
        if place % 7 == 3:
            indicator["natures"] = ["enterprise"]
        if kind == "category":
            indicator["levels"] = {level: {"names": names("level")} for level in HOSTILE}
        indicators.append(indicator)
    indicators.append(
        {
            "id": "scored",
            "names": names("scored"),
            "kind": "flag",
            "better": "higher",
            "points": {"true": 100, "false": 0},
            "weight": 100,
            "source": {"department": "risk", "table": "any"},
            "confidentiality": "public",
        }
    )
    group = {"id": "group", "names": names("group"), "weight": 100, "indicators": indicators}
    return Catalog.model_validate_json(
        json.dumps(
            {
                "catalog": "company",
                "version": 1,
                "names": names("company"),
                "natures": list(NATURES),
                "departments": {d: names(d) for d in ("sales", "finance", "marketing", "risk")},
                "tables": tables() if declared is None else declared,
                "terms": terms or {},
                "dimensions": [{"id": "basic", "names": names("basic"), "weight": 100, "groups": [group]}],
            }
        )
    )


def rows(random: Random, count: int) -> Tables:
    """Return rows of every table: few owners, days and records, so that they meet."""
    found: Tables = {}
    for name, table in tables().items():
        owners = KEYS if name == "industries" else OWNERS
        places = random.sample(range(count), count)
        found[name] = [_row(random, random.choice(owners), table, place) for place in places]
    return found


def _row(random: Random, owner: str, table: dict[str, Any], place: int) -> Row:
    effective = _day(random)
    known_at = effective + timedelta(days=random.choice((-10, 0, 0, 1, 15, 45)))
    cells: dict[str, Any] = {}
    for column, declared in table["columns"].items():
        match declared["type"]:
            case "number":
                cells[column] = random.choice(NUMBERS)
            case "flag":
                cells[column] = random.choice((True, False, None))
            case "date":
                cells[column] = random.choice((None, _day(random)))
            case _:
                cells[column] = random.choice((*HOSTILE, None))
    cells["cancelled"] = random.random() < 0.15
    cells["slot"] = random.choice("abcde")
    cells[UNREACHABLE] = random.choice((1.0, 2.0, None))
    if "nature" in cells:
        cells["nature"] = random.choice((*NATURES * 6, "government", None))
        cells["industry"] = random.choice((*KEYS, None))
        cells["cancelled"] = random.random() < 0.05
    if "known_at" in cells:
        cells["known_at"] = known_at
    cells["no"] = owner
    return Row(owner, effective, known_at, place, cells)


def _day(random: Random) -> date:
    """Return a day, most often one of a few, so that records tie."""
    return FIRST + timedelta(days=random.choice((random.randrange(DAYS), 15 * random.randrange(DAYS // 15))))


def stage(company: Tables, folder: Path) -> dict[str, Path]:
    """Write the rows of every table as one Parquet file."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, table in tables().items():
        of_keys = table.get("key_of") is not None
        staged: dict[str, tuple[pa.DataType, list[Any]]] = {
            "customer_id": (pa.string(), [None if of_keys else row.owner for row in company[name]]),
            "effective": (pa.date32(), [row.effective for row in company[name]]),
            "known_at": (pa.date32(), [row.known_at for row in company[name]]),
            "row": (pa.int64(), [row.row for row in company[name]]),
        }
        for column, declared in table["columns"].items():
            type_ = _ARROW[ColumnType(declared["type"])]
            staged.setdefault(column, (type_, [row.cells[column] for row in company[name]]))
        arrays = {column: pa.array(cells, type_) for column, (type_, cells) in staged.items()}
        files[name] = folder / f"{name}.parquet"
        pq.write_table(pa.table(arrays), files[name])
    return files


def stage_successions(successions: Sequence[Succession], folder: Path) -> Path:
    """Write successions as a Parquet file."""
    columns = {
        "from_customer": pa.array([s.from_customer for s in successions], pa.string()),
        "to_customer": pa.array([s.to_customer for s in successions], pa.string()),
        "on": pa.array([s.on for s in successions], pa.date32()),
        "known_at": pa.array([s.known_at for s in successions], pa.date32()),
    }
    file = folder / "successions.parquet"
    pq.write_table(pa.table(columns), file)
    return file


class Writer:
    """Writes random expressions of every type, as a person would in a catalog."""

    def __init__(self, random: Random, indicators: Sequence[tuple[str, str]] = ()) -> None:
        self._random = random
        self._indicators = list(indicators)

    def value(self, kind: str, depth: int) -> str:
        """Return an expression for an indicator of a kind."""
        return {"number": self.number, "flag": self.truth, "category": self.text}[kind](depth)

    def number(self, depth: int, table: str | None = None) -> str:
        pick = self._random
        if depth <= 0 or pick.random() < 0.25:
            return self._leaf("number", table, pick.choice(("0", "1", "2.5", "-3", "1e-3")))
        part = partial(self.number, depth - 1, table)
        match pick.randrange(9):
            case 0:
                return f"({part()} {pick.choice('+-*/')} {part()})"
            case 1:
                return (
                    f"{pick.choice(('ratio', 'growth', 'least', 'greatest', 'or_else'))}({part()}, {part()})"
                )
            case 2:
                return self._case(part, depth, table)
            case 3:
                return f"{pick.choice(('abs', 'log1p', '-'))}({part()})"
            case 4:
                between = pick.choice(("days_between", "years_between"))
                return f"{between}({self.date(depth - 1, table)}, {self.date(depth - 1, table)})"
            case _ if table is None:
                return self._summary(depth)
            case _:
                return self._leaf("number", table, "4")

    def truth(self, depth: int, table: str | None = None) -> str:
        pick = self._random
        if depth <= 0:
            return self._leaf("flag", table, pick.choice(("true", "false")))
        match pick.randrange(8):
            case 0:
                junction = pick.choice(("and", "or"))
                return f"({self.truth(depth - 1, table)} {junction} {self.truth(depth - 1, table)})"
            case 1:
                return f"(not {self.truth(depth - 1, table)})"
            case 2:
                return f"known({self._any(depth - 1, table)})"
            case 3:
                options = ", ".join(repr(option) for option in pick.sample(HOSTILE, 2))
                return f"({self.text(depth - 1, table)} {pick.choice(('in', 'not in'))} ({options}))"
            case 4:
                sides = pick.choice((self.date, self.number))
            case 5:
                equal = pick.choice(("==", "!="))
                return f"({self.text(depth - 1, table)} {equal} {self.text(depth - 1, table)})"
            case _:
                sides = self.number
        comparison = pick.choice(("<", "<=", "==", "!=", ">", ">="))
        return f"({sides(depth - 1, table)} {comparison} {sides(depth - 1, table)})"

    def text(self, depth: int, table: str | None = None) -> str:
        pick = self._random
        if depth <= 0 or pick.random() < 0.4:
            return self._leaf("category", table, repr(pick.choice(HOSTILE)))
        if pick.random() < 0.4:
            return f"prefix({self.text(depth - 1, table)}, {pick.randrange(1, 5)})"
        return self._case(partial(self.text, depth - 1, table), depth, table)

    def date(self, depth: int, table: str | None = None) -> str:
        written = self._random.choice(("as_of", f'date("{_day(self._random)}")'))
        return self._leaf("date", table, written)

    def _case(self, part: Callable[[], str], depth: int, table: str | None) -> str:
        """Write one condition or two, with `missing` in the place of one value now and then."""
        pick = self._random
        values = [part() for _ in range(pick.choice((2, 3)))]
        if pick.random() < 0.3:
            values[pick.randrange(len(values) - 1)] = "missing"
        *met, otherwise = values
        return f"case({', '.join(f'{self.truth(depth - 1, table)}, {value}' for value in met)}, {otherwise})"

    def _any(self, depth: int, table: str | None) -> str:
        return self._random.choice((self.number, self.truth, self.text))(depth, table)

    def _leaf(self, kind: str, table: str | None, written: str) -> str:
        pick = self._random
        columns = {
            "number": ("number", "other"),
            "flag": ("flag",),
            "category": ("label", "region", "no"),
            "date": ("due",),
        }[kind]
        if table is not None:
            return f"{table}.{pick.choice(columns)}" if pick.random() < 0.8 else written
        others = [id_ for id_, of_kind in self._indicators if of_kind == kind]
        if others and pick.random() < 0.15:
            return pick.choice(others)
        if pick.random() < 0.15:
            return written
        table = self._table()
        summary = pick.choice(("latest", "latest", "first"))
        argument = self._row_value(kind, table) if pick.random() < 0.2 else f"{table}.{pick.choice(columns)}"
        if kind == "date" and pick.random() < 0.3:
            summary = pick.choice(("smallest", "largest"))
        back = f", back={pick.randrange(3)}" if summary == "latest" and pick.random() < 0.3 else ""
        return f"{summary}({argument}{back}{self._window(table)})"

    def _row_value(self, kind: str, table: str) -> str:
        column = {"number": "number", "flag": "flag", "category": "label", "date": "due"}[kind]
        by_kind = {"number": self.number, "flag": self.truth, "category": self.text, "date": self.date}
        return f"or_else({table}.{column}, {by_kind[kind](1, table)})"

    def _table(self) -> str:
        return self._random.choice(
            ("customers", "statements", "statements", "orders", "orders", "industries")
        )

    def _summary(self, depth: int) -> str:
        pick, table = self._random, self._table()
        column = f"{table}.{pick.choice(('number', 'other'))}"
        summary = pick.choice(
            (
                "count",
                "sum",
                "mean",
                "median",
                "smallest",
                "largest",
                "distinct",
                "trend",
                "concentration",
                "top_share",
            )
        )
        over = ""
        if summary not in ("trend", "concentration", "top_share") and pick.random() < 0.4:
            other = self._table()
            shared = (
                "all",
                f"{table}.region",
                f"{table}.flag",
                f"({table}.region, {table}.flag)",
                f"{table}.region == {other}.region",
                f"({table}.flag == {other}.flag, {table}.no)",
            )
            over = f", over={pick.choice(shared)}"
        if summary == "count":
            return f"count({table}{over}{self._window(table, bool(over))})"
        if summary == "distinct":
            column = f"{table}.{pick.choice(('label', 'number', 'flag', 'due'))}"
        if summary in ("concentration", "top_share"):
            over = f", by={table}.{pick.choice(('label', 'region', 'number'))}"
        if summary == "trend":
            length = pick.choice(("months=2", "days=20", "days=20, ending_days_ago=3"))
            return f"trend({column}, {length}{self._where(table, False)})"
        return f"{summary}({column}{over}{self._window(table, bool(over))})"

    def _window(self, table: str, everybody: bool = False) -> str:
        window = self._random.choice(("", "", ", months=1", ", months=3", ", days=7", ", days=40"))
        shifts = (", ending_months_ago=1", ", ending_days_ago=1", ", ending_months_ago=1, ending_days_ago=9")
        shift = self._random.choice(shifts) if self._random.random() < 0.25 else ""
        return window + shift + self._where(table, everybody)

    def _where(self, table: str, everybody: bool) -> str:
        if self._random.random() < 0.6:
            return ""
        while True:
            condition = self.truth(2, table)
            if not (everybody and "as_of" in condition):
                return f", where={condition}"
